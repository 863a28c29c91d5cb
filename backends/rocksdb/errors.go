package rocksdb

import (
	"errors"
	"fmt"
	"io"

	"github.com/ckpt-tool/ckpt/backends"
)

// formatError tells what is wrong with a table at an offset within it.
type formatError struct {
	offset  int64
	message string
	hint    string
}

func (e *formatError) Error() string { return e.message }

func badFormat(offset int64, format string, args ...any) *formatError {
	return &formatError{offset: offset, message: fmt.Sprintf(format, args...)}
}

// sumError tells of a checksum that does not fit.
type sumError struct {
	got, want uint32
	size      int64
}

func (e *sumError) Error() string {
	return fmt.Sprintf("a block of %d bytes has checksum %08x, not %08x", e.size, e.got, e.want)
}

// tooLarge says that a block does not fit the memory that may be used.
type tooLarge struct {
	size, limit int64
	index       bool // whether it is the index
}

func (e *tooLarge) Error() string {
	return fmt.Sprintf("it takes %d bytes of memory, and %d are allowed", e.size, e.limit)
}

// placed is an error with an offset in the table.
type placed struct {
	offset int64
	err    error
}

func (e *placed) Error() string { return e.err.Error() }
func (e *placed) Unwrap() error { return e.err }

func atOffset(err error, offset int64) error { return &placed{offset, err} }

// explain makes a *backends.Error of err, unless it comes from the Blob.
func (t *Table) explain(err error) error {
	if err == nil {
		return nil
	}
	var (
		done   *backends.Error
		place  *placed
		format *formatError
		large  *tooLarge
		sum    *sumError
	)
	e := &backends.Error{Path: t.blob.Name(), Offset: t.blob.Offset(), KeyGroup: -1, Message: err.Error()}
	known := errors.As(err, &place)
	if known {
		e.Offset += place.offset
	}
	switch {
	case errors.As(err, &done):
		return err
	case errors.As(err, &format):
		e.Hint = format.hint
		if !known {
			e.Offset += format.offset
		}
	case errors.As(err, &large):
		e.Message, e.Hint = "a block is too large: "+err.Error(), "allow more with --memory"
		if large.index {
			e.Message = "the index of the table is too large: " + err.Error()
		}
	case errors.As(err, &sum):
		e.Message = sum.Error()
	case known:
		e.Message = "a block cannot be read: " + err.Error()
	case errors.Is(err, io.ErrUnexpectedEOF):
		e.Message = "the table is cut off"
	default:
		return err
	}
	return e
}
