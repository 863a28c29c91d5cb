package offsets

import (
	"encoding/binary"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// reader takes bytes apart. Once something does not fit it gives zero values, and keeps why.
type reader struct {
	b   []byte
	at  int
	why string
}

func (r *reader) fail(format string, args ...any) {
	if r.why == "" {
		r.why = fmt.Sprintf(format, args...) + fmt.Sprintf(" at byte %d", r.at)
	}
}

func (r *reader) ok() bool { return r.why == "" }

// end fails if anything is left.
func (r *reader) end() {
	if r.ok() && r.at < len(r.b) {
		r.fail("%d bytes are left over", len(r.b)-r.at)
	}
}

// take is the next n bytes.
func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b)-r.at {
		r.fail("%d bytes wanted of %d", n, len(r.b)-r.at)
	}
	if !r.ok() {
		return nil
	}
	r.at += n
	return r.b[r.at-n : r.at : r.at]
}

func (r *reader) u8() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) bool() bool {
	v := r.u8()
	if v > 1 {
		r.fail("a flag is %d", v)
	}
	return v == 1
}

func (r *reader) u16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) i32() int32 {
	if b := r.take(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (r *reader) i64() int64 {
	if b := r.take(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

// count is how many follow, of at least so many bytes each.
func (r *reader) count(least int) int {
	n := r.i32()
	if n < 0 || int(n) > (len(r.b)-r.at)/least {
		r.fail("a count of %d in %d bytes", n, len(r.b)-r.at)
		return 0
	}
	return int(n)
}

// sized is bytes behind their i32 length.
func (r *reader) sized() []byte { return r.take(int(r.i32())) }

// framed is a version and its body.
func (r *reader) framed() (int32, []byte) { return r.i32(), r.sized() }

// utf is what DataOutput.writeUTF wrote.
func (r *reader) utf() string {
	b := r.take(int(r.u16()))
	plain := true
	for _, c := range b {
		plain = plain && c != 0 && c < utf8.RuneSelf
	}
	if plain {
		return string(b)
	}
	return r.modified(b)
}

// modified decodes modified UTF-8: units of UTF-16 in one to three bytes.
func (r *reader) modified(b []byte) string {
	var units []uint16
	for len(b) > 0 {
		c, n := uint16(b[0]), 1
		switch {
		case c == 0 || c >= 0xf0 || c&0xc0 == 0x80:
			n = 0
		case c&0xe0 == 0xc0:
			n = 2
			c &= 0x1f
		case c&0xf0 == 0xe0:
			n = 3
			c &= 0x0f
		}
		if n == 0 || n > len(b) {
			r.fail("a text is not modified UTF-8")
			return ""
		}
		for _, next := range b[1:n] {
			if next&0xc0 != 0x80 {
				r.fail("a text is not modified UTF-8")
				return ""
			}
			c = c<<6 | uint16(next&0x3f)
		}
		units = append(units, c)
		b = b[n:]
	}
	return string(utf16.Decode(units))
}

// varint is an unsigned number of 7 bits a byte, the lowest first.
func (r *reader) varint() uint32 {
	var v uint64
	for shift := 0; shift < 35; shift += 7 {
		c := r.u8()
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			if v > 1<<32-1 {
				break
			}
			return uint32(v)
		}
	}
	r.fail("a number is too long")
	return 0
}

// str is a StringValue: a varint of its length plus one, then a varint for each unit. It is false for null.
func (r *reader) str() (string, bool) {
	n := r.varint()
	if n == 0 || !r.ok() {
		return "", false
	}
	if int64(n-1) > int64(len(r.b)-r.at) {
		r.fail("a text of %d characters in %d bytes", n-1, len(r.b)-r.at)
		return "", false
	}
	units := make([]uint16, n-1)
	for i := range units {
		c := r.varint()
		if c > 0xffff {
			r.fail("a character is %d", c)
		}
		units[i] = uint16(c)
	}
	return string(utf16.Decode(units)), r.ok()
}
