package cluster

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
)

// Error is an answer that cannot be believed, or none.
type Error struct {
	URL     string // without user and password; "" where the address itself is wrong
	Message string
	Hint    string
	Err     error // behind it, may be nil
}

// Error implements error.
func (e *Error) Error() string {
	if e.URL == "" {
		return e.Message
	}
	return e.URL + ": " + e.Message
}

// Unwrap gives the error behind it.
func (e *Error) Unwrap() error { return e.Err }

// ErrPath is what was asked.
func (e *Error) ErrPath() string { return e.URL }

// ErrHint is what to do about it.
func (e *Error) ErrHint() string { return e.Hint }

// The hints.
const (
	hintAddress  = "give the address of the JobManager's REST API, such as http://localhost:8081"
	hintReach    = "check that the JobManager runs and that its address is right; while it does not answer, nothing is known of its jobs"
	hintFlink    = "check the address: Flink's REST API answers with JSON; a proxy or a login page does not"
	hintAccess   = "put user and password into the address, https://USER:PASSWORD@HOST, or send the header that its proxy asks for"
	hintStarting = "the JobManager may be starting, or electing a leader: try again when it has"
	hintVersion  = "this Flink may be newer than this ckpt, or a proxy may have changed the answer"
	hintVanished = "try again: the JobManager was told of it and then forgot it, as happens when it starts anew"
	hintHistory  = "give the address of the JobManager itself: a history server cannot tell whether a job runs again under the same id"
)

// badAddress names no part of an address, as any part may be a password.
func badAddress(why string) *Error {
	return &Error{Message: "the address of the JobManager: " + why, Hint: hintAddress}
}

func (c *Client) errorf(path, hint, format string, args ...any) *Error {
	return &Error{URL: c.base.String() + path, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// unreachable is the error where nothing came.
func (c *Client) unreachable(path string, err error) *Error {
	e := c.errorf(path, hintReach, "no answer: %v", plain(err))
	e.Err = err
	return e
}

// plain leaves out what Go's HTTP client puts before a cause.
func plain(err error) error {
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return errors.New("it took too long")
	case errors.Is(err, syscall.ECONNREFUSED):
		return syscall.ECONNREFUSED
	}
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		if _, ok := err.(*net.OpError); ok { //nolint:errorlint // each step is looked at
			break
		}
		err = next
	}
	return err
}

// refusal is the error for a status other than 200.
func (c *Client) refusal(path string, a answer) *Error {
	hint := hintFlink
	switch {
	case a.status == http.StatusUnauthorized || a.status == http.StatusForbidden || a.status == http.StatusProxyAuthRequired:
		hint = hintAccess
	case a.status >= 500:
		hint = hintStarting
	case a.status >= 300 && a.status < 400:
		return c.errorf(path, hintAddress, "it sends to another place, which is not followed: HTTP status %d", a.status)
	}
	if message := a.message(); message != "" {
		return c.errorf(path, hint, "HTTP status %d: %s", a.status, message)
	}
	return c.errorf(path, hint, "HTTP status %d", a.status)
}
