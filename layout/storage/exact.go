package storage

import (
	"cmp"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// errLonger is for a reader that has more than was promised.
var errLonger = errors.New("there are more bytes than were announced")

// castagnoli is the polynomial of CRC32C.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// exact reads so many bytes: it fails where there are fewer, and where there are more.
// It ends with io.EOF only when there are exactly as many.
type exact struct {
	from       io.Reader
	size, left int64
	sum        uint32 // CRC32C of what was read
	failed     error  // of the reader, which is no fault of who writes
}

func newExact(r io.Reader, size int64) *exact { return &exact{from: r, size: size, left: size} }

// Read implements io.Reader.
func (e *exact) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if e.left == 0 {
		return 0, e.end()
	}
	n, err := e.from.Read(p[:min(int64(len(p)), e.left)])
	e.sum = crc32.Update(e.sum, castagnoli, p[:n])
	e.left -= int64(n)
	if err == io.EOF {
		err = nil
		if e.left > 0 {
			err = fmt.Errorf("%w: %d of %d bytes are missing", io.ErrUnexpectedEOF, e.left, e.size)
		}
	}
	e.failed = cmp.Or(e.failed, err)
	return n, err
}

// end is io.EOF where the reader has no more.
func (e *exact) end() error {
	var one [1]byte
	for {
		n, err := e.from.Read(one[:])
		if n > 0 {
			err = errLonger
		}
		if err != nil && err != io.EOF {
			e.failed = cmp.Or(e.failed, err)
		}
		if err != nil {
			return err
		}
	}
}

// next fills p, which must not be longer than what is left. When nothing is left behind
// it, it makes sure of that.
func (e *exact) next(p []byte) error {
	if _, err := io.ReadFull(e, p); err != nil {
		return err
	}
	if e.left > 0 {
		return nil
	}
	if err := e.end(); err != io.EOF {
		return err
	}
	return nil
}

// all is everything, in memory that grows with what comes and not with what is promised.
func (e *exact) all() ([]byte, error) {
	if e.size <= defaultPart {
		data := make([]byte, e.left)
		return data, e.next(data)
	}
	return io.ReadAll(e)
}
