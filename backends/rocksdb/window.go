package rocksdb

import (
	"errors"
	"io"
)

const (
	firstRead = 64 << 10
	mostRead  = 1 << 20
)

// window reads blocks that lie in a file one after the other, with few requests: each is for
// twice as much as the one before, up to its limit.
type window struct {
	src   io.ReaderAt
	end   int64 // nothing is read from here on
	limit int   // of one request for more than a block
	chunk int   // of the next request

	at   int64 // where data begins
	data []byte
}

// open begins to read another file, up to end. What it read before is lost.
func (w *window) open(src io.ReaderAt, end int64, limit int) {
	w.src, w.end, w.limit, w.chunk = src, end, limit, min(firstRead, limit)
	w.at, w.data = 0, w.data[:0]
}

// get gives n bytes, which are valid until the next call. They must lie before the end of the file.
func (w *window) get(offset int64, n int) ([]byte, error) {
	have := w.at + int64(len(w.data))
	if offset < w.at || offset+int64(n) > have {
		if err := w.fill(offset, n, have); err != nil {
			return nil, err
		}
	}
	i := int(offset - w.at)
	return w.data[i : i+n : i+n], nil
}

func (w *window) fill(offset int64, n int, have int64) error {
	size := n
	if more := min(int64(w.chunk), w.end-offset); more > int64(n) {
		size = int(more)
	}
	kept := 0
	if offset >= w.at && offset < have {
		kept = int(have - offset)
	}
	old := w.data[len(w.data)-kept:]
	if cap(w.data) < size {
		w.data = make([]byte, 0, size)
	}
	w.data = append(w.data[:0], old...)[:size]
	w.at = offset
	if err := readFull(w.src, w.data[kept:], offset+int64(kept)); err != nil {
		w.data = w.data[:0]
		return err
	}
	w.chunk = min(2*w.chunk, w.limit)
	return nil
}

// readFull reads all of b. That the file ends before is a *cutError.
func readFull(src io.ReaderAt, b []byte, offset int64) error {
	n, err := src.ReadAt(b, offset)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return &cutError{offset + int64(n)}
	}
	return err
}
