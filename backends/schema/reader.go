package schema

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/metadata"
)

// reader reads a header. After an error its methods give zero values.
type reader struct {
	data  []byte
	at    int
	types *types.Reader // of all snapshots of the header: one may describe a class that another names
	state string        // the one being read
	err   *backends.Error
}

func newReader(b []byte, opts *backends.Options) *reader {
	if opts == nil {
		opts = &backends.Options{}
	}
	return &reader{data: b, types: types.NewReader(opts)}
}

// fail tells what is wrong at a place, unless something was before.
func (r *reader) fail(at int, format string, args ...any) {
	if r.err == nil {
		r.err = &backends.Error{Offset: int64(at), State: r.state, KeyGroup: -1, Message: fmt.Sprintf(format, args...)}
	}
}

func (r *reader) short(what string) {
	if r.err == nil {
		r.fail(r.at, "the header is cut off within %s", what)
		r.err.Err = backends.ErrShort
	}
}

// done is the error as an error.
func (r *reader) done() error {
	if r.err == nil {
		return nil
	}
	return r.err
}

func (r *reader) take(n int, what string) []byte {
	if r.err != nil {
		return nil
	}
	if n > len(r.data)-r.at {
		r.short(what)
		return nil
	}
	b := r.data[r.at : r.at+n]
	r.at += n
	return b
}

// since is a copy of what was read from at on; nil after an error.
func (r *reader) since(at int) []byte {
	if r.err != nil {
		return nil
	}
	return bytes.Clone(r.data[at:r.at])
}

func (r *reader) i32(what string) int32 {
	if b := r.take(4, what); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

// count reads how many there are of something, as i16 or i32 by its width.
func (r *reader) count(width int, what string) int {
	at, n := r.at, 0
	if b := r.take(width, what); b != nil && width == 2 {
		n = int(int16(binary.BigEndian.Uint16(b)))
	} else if b != nil {
		n = int(int32(binary.BigEndian.Uint32(b)))
	}
	if n < 0 {
		r.fail(at, "%s is %d", what, n)
		return 0
	}
	return n
}

func (r *reader) flag(what string) bool {
	at := r.at
	b := r.take(1, what)
	if b != nil && b[0] > 1 {
		r.fail(at, "%s is %d, neither 0 nor 1", what, b[0])
	}
	return b != nil && b[0] == 1
}

func (r *reader) utf(what string) string {
	at := r.at
	b := r.take(2, what)
	if b == nil {
		return ""
	}
	u := metadata.UTF(r.take(int(binary.BigEndian.Uint16(b)), what))
	if r.err == nil && !u.Canonical() {
		r.fail(at, "%s is not in Java's modified UTF-8", what)
	}
	return u.String()
}

// snapshot reads that of a serializer.
func (r *reader) snapshot(what string) backends.Type {
	if r.err != nil {
		return nil
	}
	t, n, err := r.types.ReadSnapshot(r.data[r.at:])
	if err != nil {
		r.blocked(what, err)
		return nil
	}
	r.at += n
	return t
}

// blocked tells why a snapshot could not be read, so that nothing behind it can.
func (r *reader) blocked(what string, err error) {
	var e *types.SnapshotError
	if !errors.As(err, &e) {
		r.fail(r.at, "%s: %v", what, err)
		return
	}
	switch {
	case e.Short:
		r.at += e.Offset
		r.short(what)
	case e.Unknown:
		r.fail(r.at+e.Offset, "%s has a serializer that is not known, and what follows cannot be read without: %s", what, e.Class)
		r.err.Err = &backends.OpaqueError{Class: e.Class, Offset: r.at + e.Offset, Hint: e.Hint}
	default:
		r.fail(r.at+e.Offset, "%s: %s", what, e.Message)
	}
	r.err.Hint = e.Hint
	if e.Unknown && e.Hint == "" {
		r.err.Hint = "--type " + e.Class + "=SPEC"
	}
}
