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
	cause   error
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

// cutError says that a file ends before what is read of it does.
type cutError struct{ offset int64 } // where it ends

func (e *cutError) Error() string { return "it is cut off" }
func (e *cutError) Unwrap() error { return io.ErrUnexpectedEOF }

// tooLarge says that a block does not fit the memory that may be used.
type tooLarge struct {
	size, limit int64
	index       bool // whether it is the index
}

func (e *tooLarge) Error() string {
	what := "a block"
	if e.index {
		what = "the index"
	}
	return fmt.Sprintf("%s of the table takes %d bytes of memory, and %d are allowed", what, e.size, e.limit)
}

const moreMemory = "allow more with --memory"

// placed is an error with an offset in the table.
type placed struct {
	offset int64
	err    error
}

func (e *placed) Error() string { return e.err.Error() }
func (e *placed) Unwrap() error { return e.err }

func atOffset(err error, offset int64) error { return &placed{offset, err} }

// atCut places an error that says that a file is cut off. Others are those of the store.
func atCut(err error, offset int64) error {
	var cut *cutError
	if errors.As(err, &cut) {
		return atOffset(err, offset)
	}
	return err
}

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
		cut    *cutError
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
		e.Hint, e.Err = format.hint, format.cause
		if !known {
			e.Offset += format.offset
		}
	case errors.As(err, &large):
		e.Message, e.Hint, e.Err = large.Error(), moreMemory, backends.ErrBudget
	case errors.As(err, &sum):
		e.Message = sum.Error()
	case errors.As(err, &cut):
		e.Message, e.Err = "the table is cut off", err
		if !known {
			e.Offset += cut.offset
		}
	case known:
		e.Message = "a block cannot be read: " + err.Error()
	default:
		return err
	}
	return e
}
