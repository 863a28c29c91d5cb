package content

import (
	"encoding/binary"
	"io"
	"math"
	"sync"

	"github.com/ckpt-tool/ckpt/backends/stream"
)

const (
	fileBuffer = 256 << 10 // fits the cache of a core, and several chunks
	blockSize  = stream.BlockSize
	forever    = math.MaxInt64
)

// buffers are what one Check needs, of whatever file.
type buffers struct {
	file  [fileBuffer]byte
	inner [2 * blockSize]byte
	block [blockSize]byte
}

var pool = sync.Pool{New: func() any { return new(buffers) }}

// cursor reads a stream from front to back, up to end. Once it cannot give what it was
// asked for it is short, and gives nothing more.
type cursor struct {
	src   io.Reader
	buf   []byte
	r, w  int   // what is read and not yet taken: buf[r:w]
	at    int64 // position of buf[r]
	end   int64 // where the stream ends
	short bool
	err   error // of src
}

// left is how many bytes the stream still has, if src has them.
func (c *cursor) left() int64 { return c.end - c.at }

// cut tells that the cursor is short because src ended within the stream.
func (c *cursor) cut() bool {
	return c.short && c.err != nil && c.at+int64(c.w-c.r) < c.end
}

// fill reads on until n bytes are at hand, n being no more than the buffer holds.
func (c *cursor) fill(n int) {
	if c.r+n > len(c.buf) {
		c.w = copy(c.buf, c.buf[c.r:c.w])
		c.r = 0
	}
	for c.w-c.r < n && c.err == nil {
		c.read()
	}
}

// read reads once, but gives up on a src that keeps giving nothing.
func (c *cursor) read() {
	if c.r == c.w {
		c.r, c.w = 0, 0
	}
	for range 100 {
		var n int
		n, c.err = c.src.Read(c.buf[c.w:])
		c.w += n
		if n > 0 || c.err != nil {
			return
		}
	}
	c.err = io.ErrNoProgress
}

// peek gives the next n bytes without taking them, or fewer at the end.
func (c *cursor) peek(n int) []byte {
	n = int(min(int64(min(n, len(c.buf))), c.left()))
	if c.short || n <= 0 {
		return nil
	}
	if c.w-c.r < n {
		c.fill(n)
	}
	return c.buf[c.r:min(c.r+n, c.w)]
}

// take gives the next n bytes, no more than the buffer holds, or nil. They are good until the next call.
func (c *cursor) take(n int) []byte {
	if c.holds(int64(n)) {
		c.drop(n)
		return c.buf[c.r-n : c.r]
	}
	b := c.peek(n)
	if len(b) < n {
		c.short = true
		return nil
	}
	c.drop(n)
	return b
}

// holds tells that the next n bytes are at hand and of the stream, the usual case.
func (c *cursor) holds(n int64) bool {
	return !c.short && n >= 0 && n <= int64(c.w-c.r) && n <= c.left()
}

func (c *cursor) drop(n int) {
	c.r += n
	c.at += int64(n)
}

// skip passes over n bytes.
func (c *cursor) skip(n int64) {
	if c.holds(n) {
		c.drop(int(n))
		return
	}
	if c.short || n < 0 || n > c.left() {
		c.short = true
		return
	}
	for n > int64(c.w-c.r) {
		n -= int64(c.w - c.r)
		c.drop(c.w - c.r)
		if c.err != nil {
			c.short = true
			return
		}
		c.read()
	}
	c.drop(int(n))
}

// skipTo goes on at a position, even where the cursor was short.
func (c *cursor) skipTo(at int64) {
	c.short = false
	c.skip(at - c.at)
}

func (c *cursor) u8() byte {
	if b := c.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *cursor) u16() uint16 {
	if b := c.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (c *cursor) i32() int32 {
	if b := c.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

// utf is the bytes of Java's modified UTF-8 behind their u16 length.
func (c *cursor) utf() []byte { return c.take(int(c.u16())) }
