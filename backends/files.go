package backends

import (
	"context"
	"fmt"
	"io"

	"github.com/ckpt-tool/ckpt/metadata"
)

// Files opens what stream handles refer to, wherever it lies.
type Files interface {
	// Open gives the bytes of h: a segment's own stretch, a whole file, or inline data. It may do
	// nothing before the first ReadAt. Its errors name the path. A Size below zero in h stands for all of the file from
	// the handle's start on: who opens the log of a changelog asks so, as the size of its handles is another.
	Open(ctx context.Context, h metadata.StreamHandle) (Blob, error)
}

// Blob is the bytes of one stream. ReadAt may be called by many goroutines. Each call may be
// a request to a store, so readers ask for much at once.
type Blob interface {
	io.ReaderAt
	io.Closer
	Size() int64
	// Name is the path for messages. Offset is where in that file the bytes begin.
	Name() string
	Offset() int64
}

// Error tells what is wrong with state.
type Error struct {
	Path   string // of the file
	Offset int64  // in the file, in bytes; of compressed data that of its frame
	State  string // "" where no state is meant
	// KeyGroup is -1 where none is meant.
	KeyGroup int32
	Message  string
	Hint     string
	// Passed is whether the iteration goes on behind what could not be read.
	Passed bool
	// Rest is whether nothing more of State comes behind an error that is Passed, in later key groups neither.
	Rest bool
	Err  error // an *OpaqueError, a *TypeError, ErrBudget, or nil
}

// Error is the message with its place.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s at byte %d: %s", e.Path, e.Offset, e.Message)
	if e.State != "" {
		s += fmt.Sprintf(" (state %q", e.State)
		if e.KeyGroup >= 0 {
			s += fmt.Sprintf(", key group %d", e.KeyGroup)
		}
		s += ")"
	}
	return s
}

// Unwrap gives Err.
func (e *Error) Unwrap() error { return e.Err }
