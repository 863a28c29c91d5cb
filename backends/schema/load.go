package schema

import (
	"errors"
	"fmt"
	"io"

	"github.com/ckpt-tool/ckpt/backends"
)

const (
	firstPrefix = 64 << 10
	maxHeader   = 64 << 20 // far beyond all headers
)

// LoadKeyed reads the header at the beginning of blob. Its errors are those of ReadKeyed, with path and offset
// in the file, and those of the blob.
func LoadKeyed(blob backends.Blob, opts *backends.Options) (*Keyed, error) {
	return load(blob, opts, ReadKeyed)
}

// LoadOperator reads the header at the beginning of blob, as LoadKeyed does.
func LoadOperator(blob backends.Blob, opts *backends.Options) (*Operator, error) {
	return load(blob, opts, ReadOperator)
}

// load reads more of the blob until the header is in what it has.
func load[T any](blob backends.Blob, opts *backends.Options, read func([]byte, *backends.Options) (T, error)) (T, error) {
	most := min(blob.Size(), maxHeader)
	var b []byte
	for want := min(most, firstPrefix); ; want = min(most, 4*want) {
		have := len(b)
		b = append(b, make([]byte, int(want)-have)...)
		if n, err := blob.ReadAt(b[have:], int64(have)); n < len(b)-have {
			if err == nil || errors.Is(err, io.EOF) {
				err = fmt.Errorf("%s: reading %d bytes at %d: %w", blob.Name(), len(b)-have, blob.Offset()+int64(have), io.ErrUnexpectedEOF)
			}
			return *new(T), err
		}
		h, err := read(b, opts)
		if errors.Is(err, backends.ErrShort) && want < most {
			continue
		}
		return h, placed(err, blob)
	}
}

// placed tells the error's place in the file. That the header is cut off is final there.
func placed(err error, blob backends.Blob) error {
	var e *backends.Error
	if !errors.As(err, &e) {
		return err
	}
	e.Path = blob.Name()
	e.Offset += blob.Offset()
	if e.Err == backends.ErrShort {
		e.Err = nil
	}
	return e
}
