package cmd

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/backends/where"
)

// entryPrinter makes lines of entries.
type entryPrinter struct {
	printer *snapshot.Printer
	matcher *where.Matcher
	cat     *catting
	number  int
	buf     []byte
}

// add appends the line of e, if it is to be shown.
func (p *entryPrinter) add(e *backends.Entry) error {
	if p.cat.chosen != nil && !p.cat.chosen(e) {
		return nil
	}
	start := len(p.buf)
	buf, err := p.printer.Append(p.buf, e)
	if err != nil {
		return p.failed(e, err)
	}
	p.buf = buf
	if p.matcher != nil {
		yes, err := p.matcher.Match(buf[start:])
		p.cat.answers.count(err)
		if !yes {
			p.buf = buf[:start]
			return nil
		}
	}
	p.buf = append(p.buf, '\n')
	return nil
}

// failed is the error for an entry that does not decode: the iteration goes on behind it.
func (p *entryPrinter) failed(e *backends.Entry, err error) error {
	f := &entryError{operator: p.cat.Name(e.State.Operator), subtask: e.State.Subtask, wrong: backends.Error{Message: err.Error(), Err: err}}
	var known *backends.Error
	if errors.As(err, &known) {
		f.wrong = *known
	}
	f.wrong.State, f.wrong.KeyGroup, f.wrong.Passed = e.State.Name, e.KeyGroup, true
	if t := e.State.Key; t != nil && e.Key != nil {
		if key, n, err := t.AppendJSON(nil, e.Key); err == nil && n == len(e.Key) {
			f.key = string(key)
		}
	}
	return f
}

// take is what was printed, safe for a terminal.
func (p *entryPrinter) take() []byte {
	b := p.buf
	p.buf = b[:0]
	return safeJSON(b)
}

// safeJSON is escapeJSON, and costs next to nothing where there is nothing to escape.
func safeJSON(b []byte) []byte {
	for _, lead := range []string{"\x7f", "\xc2", "\xd8\x9c", "\xe2\x80", "\xe2\x81"} {
		if bytes.Contains(b, []byte(lead)) {
			return escapeJSON(b)
		}
	}
	return b
}

// entryError is an entry that does not decode.
type entryError struct {
	wrong    backends.Error
	operator string
	subtask  int32
	key      string // JSON; "" where it is what does not decode, or there is none
}

// Error implements error. No offset in a file is told: the entry was found, only its meaning was not.
func (e *entryError) Error() string {
	s := fmt.Sprintf("an entry of operator %q, sub-task %d, state %q", e.operator, e.subtask, e.wrong.State)
	if e.wrong.KeyGroup >= 0 {
		s += fmt.Sprintf(", key group %d", e.wrong.KeyGroup)
	}
	if e.key != "" {
		s += ", key " + e.key
	}
	return s + ", cannot be shown: " + e.wrong.Message
}

// Unwrap gives what is wrong with it.
func (e *entryError) Unwrap() error { return &e.wrong }
