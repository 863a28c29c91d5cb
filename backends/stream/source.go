package stream

import (
	"errors"
	"fmt"
	"io"

	"github.com/ckpt-tool/ckpt/backends"
)

// The length of requests to a blob, in bytes. They grow while one follows the other, and so one
// key takes little and a scan few.
const (
	firstRequest = 64 << 10
	lastRequest  = 1 << 20
)

// source is the bytes of a blob as they are, some of them at hand.
type source struct {
	blob    backends.Blob
	ahead   int64 // where reading ahead ends
	buf     []byte
	r, w    int   // at hand: buf[r:w]
	at      int64 // position of buf[r] in the blob
	request int
}

// seek goes to a position, and keeps what is at hand of what follows it.
func (s *source) seek(at int64) {
	if d := at - s.at; d >= 0 && d <= int64(s.w-s.r) {
		s.r += int(d)
	} else {
		s.r, s.w = 0, 0
	}
	s.at = at
}

// upTo is what is at hand before the position end.
func (s *source) upTo(end int64) []byte {
	return s.buf[s.r : s.r+int(min(int64(s.w-s.r), end-s.at))]
}

// need reads until n bytes are at hand. That many must be there before end.
func (s *source) need(n int, end int64) error {
	for s.w-s.r < n {
		if err := s.read(n, end); err != nil {
			return err
		}
	}
	return nil
}

// read asks once for what lacks of n bytes and, where that is little, for more.
func (s *source) read(n int, end int64) error {
	have := s.w - s.r
	pos := s.at + int64(have)
	s.request = min(max(2*s.request, firstRequest), lastRequest)
	// Never more at once than is there already, for n can be a wrong number of the file.
	want := max(min(n-have, max(have, lastRequest)), s.request)
	want = int(min(int64(want), max(end, s.ahead)-pos))
	s.room(want)
	got, err := s.blob.ReadAt(s.buf[s.w:s.w+want], pos)
	got = min(max(got, 0), want)
	s.w += got
	switch {
	case got > 0 && (got == want || errors.Is(err, io.EOF)):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return &backends.Error{
			Path: s.blob.Name(), Offset: s.blob.Offset() + pos + int64(got), KeyGroup: -1,
			Message: fmt.Sprintf("the file ends here, though it should go on until byte %d", s.blob.Offset()+end),
		}
	}
	return err
}

// room makes room for n bytes behind those at hand.
func (s *source) room(n int) {
	have := s.w - s.r
	if s.w+n <= len(s.buf) && len(s.buf) <= 4*max(lastRequest, have+n) {
		return
	}
	old := s.buf[s.r:s.w]
	if have+n > len(s.buf) || len(s.buf) > 4*max(lastRequest, have+n) {
		s.buf = make([]byte, have+n+firstRequest)
	}
	s.r, s.w = 0, copy(s.buf, old)
}
