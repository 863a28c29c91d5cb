package metadata

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// UTF is a string as Java's DataOutput.writeUTF lays it down: modified UTF-8,
// kept byte by byte so that it is written back as it was. For text without NUL and
// without characters beyond U+FFFF it equals the Go string. Compare UTF with UTF.
type UTF string

// NewUTF is s in modified UTF-8. Invalid UTF-8 in s becomes U+FFFD.
func NewUTF(s string) UTF {
	if isPlain(s) {
		return UTF(s)
	}
	b := make([]byte, 0, len(s)+8)
	for _, r := range s {
		if r > 0xFFFF {
			hi, lo := utf16.EncodeRune(r)
			b = appendUnit(appendUnit(b, hi), lo)
			continue
		}
		b = appendUnit(b, r)
	}
	return UTF(b)
}

// appendUnit appends one UTF-16 code unit in modified UTF-8.
func appendUnit(b []byte, u rune) []byte {
	switch {
	case u >= 1 && u <= 0x7F:
		return append(b, byte(u))
	case u <= 0x7FF:
		return append(b, 0xC0|byte(u>>6), 0x80|byte(u&0x3F))
	}
	return append(b, 0xE0|byte(u>>12), 0x80|byte(u>>6&0x3F), 0x80|byte(u&0x3F))
}

// String is the text as ordinary UTF-8. A surrogate without its partner becomes U+FFFD.
func (u UTF) String() string {
	if isPlain(string(u)) {
		return string(u)
	}
	var b strings.Builder
	var high rune
	for i := 0; i < len(u); {
		c, n := u.unit(i)
		i += n
		if high != 0 {
			if r := utf16.DecodeRune(high, c); r != utf8.RuneError {
				b.WriteRune(r)
				high = 0
				continue
			}
			b.WriteRune(utf8.RuneError)
			high = 0
		}
		if c >= 0xD800 && c < 0xDC00 {
			high = c
			continue
		}
		b.WriteRune(c) // a low surrogate becomes U+FFFD
	}
	if high != 0 {
		b.WriteRune(utf8.RuneError)
	}
	return b.String()
}

// Canonical tells whether Java would write u just so. Over-long forms and a bare
// NUL are read by Java but not written; what is not modified UTF-8 is neither.
func (u UTF) Canonical() bool {
	if isPlain(string(u)) {
		return true
	}
	if invalidAt(u) >= 0 {
		return false
	}
	var buf [3]byte
	for i := 0; i < len(u); {
		c, n := u.unit(i)
		if len(appendUnit(buf[:0], c)) != n {
			return false
		}
		i += n
	}
	return true
}

// unit decodes the code unit at i, which must be valid, and its length in bytes.
func (u UTF) unit(i int) (rune, int) {
	switch c := u[i]; {
	case c < 0x80 || i+1 >= len(u):
		return rune(c), 1
	case c < 0xE0 || i+2 >= len(u):
		return rune(c&0x1F)<<6 | rune(u[i+1]&0x3F), 2
	default:
		return rune(c&0x0F)<<12 | rune(u[i+1]&0x3F)<<6 | rune(u[i+2]&0x3F), 3
	}
}

// isPlain tells whether s is ASCII without NUL, the same in every encoding here. It
// runs over every path of every handle, so it looks at eight bytes a step.
func isPlain(s string) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	b := unsafe.Slice(unsafe.StringData(s), len(s))
	for ; len(b) >= 8; b = b[8:] {
		if v := binary.LittleEndian.Uint64(b); (v|(v-ones))&highs != 0 { // a borrow shows a zero
			return false
		}
	}
	for _, c := range b {
		if c == 0 || c >= 0x80 {
			return false
		}
	}
	return true
}

// invalidAt is the position of the first byte at which Java's readUTF throws
// UTFDataFormatException, -1 where there is none.
func invalidAt[T ~string | ~[]byte](b T) int {
	for i := 0; i < len(b); {
		n := 0
		switch c := b[i]; {
		case c < 0x80:
			n = 1
		case c>>5 == 0x6:
			n = 2
		case c>>4 == 0xE:
			n = 3
		default:
			return i
		}
		if i+n > len(b) {
			return i
		}
		for k := 1; k < n; k++ {
			if b[i+k]>>6 != 0x2 {
				return i
			}
		}
		i += n
	}
	return -1
}
