package stream

import (
	"context"
	"errors"
	"fmt"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
)

// writeSize is how many bytes a Writer gathers: storage takes few large writes better than many small ones.
const writeSize = 128 << 10

// Writer gathers what is written to a file of a checkpoint, and knows where in the file it is.
type Writer struct {
	// Buf is what the file has not got yet. Who writes appends to it, and calls Room now and then.
	Buf []byte

	ctx context.Context
	out backends.StateStream
	at  int64 // where Buf begins
}

// NewWriter writes to out, head before all else. It looks at ctx before each write.
func NewWriter(ctx context.Context, out backends.StateStream, head []byte) *Writer {
	return &Writer{Buf: head, ctx: ctx, out: out, at: out.Pos()}
}

// Pos is where in the file the next byte lies.
func (w *Writer) Pos() int64 { return w.at + int64(len(w.Buf)) }

// Room writes what was gathered, if it is enough.
func (w *Writer) Room() error {
	if len(w.Buf) < writeSize {
		return nil
	}
	return w.flush()
}

// CloseAndHandle writes the rest and ends the file. The handle is never nil without an error; after one the stream is still to be closed.
func (w *Writer) CloseAndHandle() (metadata.StreamHandle, error) {
	if err := w.flush(); err != nil {
		return nil, err
	}
	h, err := w.out.CloseAndHandle()
	if err == nil && h == nil {
		err = errors.New("the stream of a checkpoint gave no handle")
	}
	return h, err
}

func (w *Writer) flush() error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	n, err := w.out.Write(w.Buf)
	w.at += int64(n)
	if err == nil && n < len(w.Buf) {
		err = fmt.Errorf("the stream took %d of %d bytes", n, len(w.Buf))
	}
	w.Buf = w.Buf[:0]
	return err
}
