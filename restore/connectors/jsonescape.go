package connectors

import (
	"unicode/utf16"
	"unicode/utf8"
)

// escape reads an escape, at whose backslash it is.
func (s *jsonScanner) escape(dst []byte) ([]byte, error) {
	if s.at+1 >= len(s.text) {
		s.at = len(s.text)
		return dst, s.wrong("the rest of an escape")
	}
	switch c := s.text[s.at+1]; c {
	case '"', '\\', '/':
		dst = append(dst, c)
	case 'b':
		dst = append(dst, '\b')
	case 'f':
		dst = append(dst, '\f')
	case 'n':
		dst = append(dst, '\n')
	case 'r':
		dst = append(dst, '\r')
	case 't':
		dst = append(dst, '\t')
	case 'u':
		return s.unicode(dst)
	default:
		return dst, s.wrong("an escape")
	}
	s.at += 2
	return dst, nil
}

// unicode reads \uXXXX, or two of them that are halves of one character. A half alone stays one, in its three bytes, as
// strings of Java may have it.
func (s *jsonScanner) unicode(dst []byte) ([]byte, error) {
	u, ok := s.hex(s.at)
	if !ok {
		return dst, s.wrong("\\u and four hexadecimal digits")
	}
	s.at += 6
	if !utf16.IsSurrogate(u) {
		return utf8.AppendRune(dst, u), nil
	}
	if low, ok := s.hex(s.at); ok {
		if pair := utf16.DecodeRune(u, low); pair != utf8.RuneError {
			s.at += 6
			return utf8.AppendRune(dst, pair), nil
		}
	}
	return append(dst, 0xe0|byte(u>>12), 0x80|byte(u>>6)&0x3f, 0x80|byte(u)&0x3f), nil
}

// hex reads \uXXXX at i.
func (s *jsonScanner) hex(i int) (u rune, ok bool) {
	if i+6 > len(s.text) || s.text[i] != '\\' || s.text[i+1] != 'u' {
		return 0, false
	}
	for _, c := range s.text[i+2 : i+6] {
		switch {
		case c >= '0' && c <= '9':
			u = u<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			u = u<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return u, true
}
