package storage

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
)

var (
	// errBeyond is for a range that starts at the end of an object or behind it.
	errBeyond = errors.New("the range lies behind the end")
	// errChanged is for an object that was replaced while it was being read.
	errChanged = errors.New("the object changed while it was being read")
	// errNoBucket is for a bucket that is not there.
	errNoBucket = fmt.Errorf("no such bucket: %w", fs.ErrNotExist)
	// errOrder is for a store that breaks what it promises, so that parts may be missing.
	errOrder = errors.New("the store lists keys out of order; list with a concurrency of 1")
)

// problem is an error in the words of a store, without what its SDK says around them.
type problem struct {
	message string
	hint    string
	kind    error // fs.ErrNotExist, fs.ErrPermission, one of the above, or nil
	err     error // the SDK's, or nil
}

// Error implements error.
func (p *problem) Error() string { return p.message }

// ErrHint says what the user may do.
func (p *problem) ErrHint() string { return p.hint }

// Unwrap gives the kind, too.
func (p *problem) Unwrap() []error {
	var all []error
	for _, err := range []error{p.kind, p.err} {
		if err != nil {
			all = append(all, err)
		}
	}
	return all
}

// answer is a store's reply that is not a success.
type answer struct {
	status        int
	code, message string
}

// noBuckets are the codes for a bucket that is not there, by which it differs from an
// object that is not.
var noBuckets = map[string]bool{"NoSuchBucket": true, "ContainerNotFound": true, "FilesystemNotFound": true}

// noObjects are the codes for an object that is not there. The answer to a HEAD has no
// body, and so no code but its status.
var noObjects = map[string]bool{"": true, "NotFound": true, "notFound": true, "NoSuchKey": true, "BlobNotFound": true, "ResourceNotFound": true, "PathNotFound": true}

// problem tells what the answer means. Access is how one gets access to this store.
func (a answer) problem(err error, access string) error {
	p := &problem{err: err, message: a.String()}
	switch a.status {
	case http.StatusNotFound:
		switch {
		case noBuckets[a.code]:
			p.kind, p.message, p.hint = errNoBucket, "the bucket does not exist ("+a.code+")", "check the bucket's name, and the endpoint"
		case noObjects[a.code]:
			p.kind, p.message = fs.ErrNotExist, fs.ErrNotExist.Error()
		default: // a user who is not known, or a server that is no store at all
			p.hint = "check the endpoint and the credentials: this is not how a store says that an object does not exist"
		}
	case http.StatusUnauthorized, http.StatusForbidden:
		p.kind, p.message, p.hint = fs.ErrPermission, fs.ErrPermission.Error()+" ("+a.String()+")", access
	case http.StatusRequestedRangeNotSatisfiable:
		p.kind = errBeyond
	case http.StatusPreconditionFailed:
		p.kind, p.message = errChanged, errChanged.Error()
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		p.message = "the store asks for fewer requests (" + a.String() + ")"
		p.hint = "try again later, or with fewer requests at a time"
	}
	return p
}

// String is the status with what the store says of it.
func (a answer) String() string {
	s := fmt.Sprint(a.status)
	if a.code != "" && a.code != s {
		s += " " + a.code
	} else {
		s += " " + http.StatusText(a.status)
	}
	if line, _, _ := strings.Cut(a.message, "\n"); line != "" && line != a.code {
		s += ": " + line
	}
	return s
}

// unreachable says why a store could not be talked to, in one line, and gives err itself
// where it does not know.
func unreachable(err error, endpoint string) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	err = bare(err)
	p := &problem{err: err, hint: "check the endpoint" + endpoint + " and the network"}
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &dns):
		p.message = fmt.Sprintf("cannot find the host %s: %s", dns.Name, dns.Err)
	case errors.Is(err, syscall.ECONNREFUSED):
		p.message = "connection refused" + peer(err)
	case isTLS(err):
		p.message = "no secure connection: " + innermost(err).Error()
	case errors.As(err, &op):
		p.message = "no connection" + peer(err) + ": " + innermost(err).Error()
	default:
		return err
	}
	return p
}

// peer names the other side of a broken connection.
func peer(err error) string {
	if op := new(net.OpError); errors.As(err, &op) && op.Addr != nil {
		return " by " + op.Addr.String()
	}
	return ""
}

func isTLS(err error) bool {
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	return errors.As(err, &cert) || errors.As(err, &record) || errors.Is(err, http.ErrSchemeMismatch)
}

func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

// bare takes the URL off an error: it is not in the user's words, and may hold a
// signature.
func bare(err error) error {
	if u := new(url.Error); errors.As(err, &u) {
		return u.Err
	}
	return err
}
