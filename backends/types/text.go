package types

import (
	"encoding/hex"
	"math"
	"strconv"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// plain are the bytes that a string in JSON holds as they are.
var plain = func() (t [256]bool) {
	for c := 0x20; c < 0x80; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// appendQuoted appends a text as a string of JSON. Halves of surrogate pairs, which WTF-8 keeps as three bytes, become
// \uXXXX; what is no UTF-8 otherwise becomes U+FFFD.
func appendQuoted[T ~string | ~[]byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		run := i
		for i < len(s) && plain[s[i]] {
			i++
		}
		dst = append(dst, s[run:i]...)
		if i == len(s) {
			break
		}
		if c := s[i]; c < utf8.RuneSelf {
			dst = appendEscaped(dst, c)
			i++
			continue
		}
		u, n := wtf8(s, i)
		switch {
		case u < 0:
			dst = append(dst, "\ufffd"...)
		case isSurrogate(u):
			dst = appendUnicode(dst, uint16(u))
		default:
			dst = append(dst, s[i:i+n]...)
		}
		i += n
	}
	return append(dst, '"')
}

// appendEscaped appends an ASCII character within a string of JSON.
func appendEscaped(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	if plain[c] {
		return append(dst, c)
	}
	return appendUnicode(dst, uint16(c))
}

func appendUnicode(dst []byte, u uint16) []byte {
	return append(dst, '\\', 'u', hexDigits[u>>12], hexDigits[u>>8&15], hexDigits[u>>4&15], hexDigits[u&15])
}

func isSurrogate(r rune) bool { return r >= 0xD800 && r < 0xE000 }

// wtf8 is the code point of s at i, and its bytes; -1 and 1 where there is none.
func wtf8[T ~string | ~[]byte](s T, i int) (rune, int) {
	c := s[i]
	n, r := 1, rune(c)
	switch {
	case c < 0x80:
		return r, 1
	case c >= 0xC2 && c < 0xE0:
		n, r = 2, rune(c&0x1F)
	case c >= 0xE0 && c < 0xF0:
		n, r = 3, rune(c&0x0F)
	case c >= 0xF0 && c < 0xF5:
		n, r = 4, rune(c&0x07)
	}
	if n == 1 || i+n > len(s) {
		return -1, 1
	}
	for k := 1; k < n; k++ {
		if s[i+k]&0xC0 != 0x80 {
			return -1, 1
		}
		r = r<<6 | rune(s[i+k]&0x3F)
	}
	if n == 3 && r < 0x800 || n == 4 && (r < 0x10000 || r > utf8.MaxRune) {
		return -1, 1
	}
	return r, n
}

// appendWTF8 appends a code point, or half of a pair.
func appendWTF8(dst []byte, r rune) []byte {
	if isSurrogate(r) {
		return append(dst, 0xE0|byte(r>>12), 0x80|byte(r>>6&0x3F), 0x80|byte(r&0x3F))
	}
	return utf8.AppendRune(dst, r)
}

// appendHex appends bytes as state cat shows them: "hex:0a1b".
func appendHex(dst, b []byte) []byte {
	dst = append(dst, `"hex:`...)
	dst = hex.AppendEncode(dst, b)
	return append(dst, '"')
}

// appendFloat appends a float of so many bits with the fewest digits that tell it from others.
// JSON has no numbers for NaN and the infinities; they are strings.
func appendFloat(dst []byte, v float64, bits int) []byte {
	switch {
	case math.IsNaN(v):
		return append(dst, `"NaN"`...)
	case math.IsInf(v, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(v, -1):
		return append(dst, `"-Infinity"`...)
	}
	if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e21) {
		return strconv.AppendFloat(dst, v, 'e', -1, bits)
	}
	from := len(dst)
	dst = strconv.AppendFloat(dst, v, 'f', -1, bits)
	for _, c := range dst[from:] {
		if c == '.' {
			return dst
		}
	}
	return append(dst, ".0"...)
}
