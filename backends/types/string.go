package types

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/ckpt-tool/ckpt/backends"
)

// stringText is a String: how many units of UTF-16 it has, plus one, or 0 for null; then the units. All of these
// numbers are of 7 bits a byte, the lowest first, and all bytes but the last have their high bit set. So
// ASCII lies there as it is (Flink: StringValue).
type stringText struct{ named }

var stringType = &stringText{named{name: "String"}}

// orNull is what the length of a String is more than its units: 0 stands for null. A StringValue has no null.
const orNull = 1

const (
	highs    = 0x8080808080808080
	maxUnits = math.MaxInt32
)

// stringHead reads how many units follow, -1 for null, and where they begin. The length is of so many more.
func stringHead(b []byte, more int) (units, at int, err error) {
	var v uint64
	for i := 0; ; i++ {
		if i == len(b) {
			return 0, 0, backends.ErrShort
		}
		v |= uint64(b[i]&0x7F) << (7 * i)
		if b[i] < 0x80 {
			at = i + 1
			break
		}
		if i == 4 {
			return 0, 0, stringType.bad(0, "the length of a text takes more than 5 bytes")
		}
	}
	if v > maxUnits {
		return 0, 0, stringType.bad(0, "a text claims to be of %d characters", v)
	}
	if units = int(v) - more; units > len(b)-at {
		return 0, 0, backends.ErrShort
	}
	return units, at, nil
}

// stringUnit reads the unit at i, and where the next is; -1 where b ends before, -2 where it is none.
func stringUnit(b []byte, i int) (rune, int) {
	var v rune
	for k := range 3 {
		if i+k >= len(b) {
			return -1, i
		}
		c := b[i+k]
		v |= rune(c&0x7F) << (7 * k)
		if c < 0x80 {
			if v > 0xFFFF {
				return -2, i
			}
			return v, i + k + 1
		}
	}
	return -2, i
}

func stringError(code rune, at int) error {
	if code == -1 {
		return backends.ErrShort
	}
	return stringType.bad(at, "a character of a text is beyond U+FFFF")
}

// stringSize is the length of a String in bytes.
func stringSize(b []byte, more int) (int, error) {
	units, at, err := stringHead(b, more)
	if err != nil || units <= 0 {
		return at, err
	}
	for ; units >= 8; units -= 8 {
		if binary.LittleEndian.Uint64(b[at:])&highs != 0 {
			break
		}
		at += 8
	}
	for ; units > 0; units-- {
		if at < len(b) && b[at] < 0x80 {
			at++
			continue
		}
		r, next := stringUnit(b, at)
		if r < 0 {
			return 0, stringError(r, at)
		}
		at = next
	}
	return at, nil
}

// appendStringJSON appends a String as a string of JSON.
func appendStringJSON(dst, b []byte, more int) ([]byte, int, error) {
	units, at, err := stringHead(b, more)
	if err != nil {
		return dst, 0, err
	}
	if units < 0 {
		return append(dst, "null"...), at, nil
	}
	from := len(dst)
	dst = append(dst, '"')
	for units > 0 {
		run := at
		for at < run+units && at < len(b) && plain[b[at]] {
			at++
		}
		dst = append(dst, b[run:at]...)
		if units -= at - run; units == 0 {
			break
		}
		r, next, both := codePoint(b, at, units)
		if r < 0 {
			return dst[:from], 0, stringError(r, at)
		}
		dst = appendChar(dst, r)
		at, units = next, units-both
	}
	return append(dst, '"'), at, nil
}

// codePoint reads the character at i, of one unit or of two; with less than two units left, of one.
func codePoint(b []byte, i, left int) (r rune, next, units int) {
	r, next = stringUnit(b, i)
	if left < 2 || r < 0xD800 || r >= 0xDC00 {
		return r, next, 1
	}
	low, after := stringUnit(b, next)
	if low < 0 {
		return low, i, 1
	}
	if low < 0xDC00 || low >= 0xE000 {
		return r, next, 1
	}
	return (r-0xD800)<<10 + (low - 0xDC00) + 0x10000, after, 2
}

// textOf reads a String as WTF-8; null is not ok.
func textOf(b []byte, more int) (text []byte, ok bool, n int, err error) {
	units, at, err := stringHead(b, more)
	if err != nil || units < 0 {
		return nil, false, at, err
	}
	text = make([]byte, 0, units)
	for units > 0 {
		if at < len(b) && b[at] < 0x80 {
			text = append(text, b[at])
			at, units = at+1, units-1
			continue
		}
		r, next, both := codePoint(b, at, units)
		if r < 0 {
			return nil, false, 0, stringError(r, at)
		}
		text = appendWTF8(text, r)
		at, units = next, units-both
	}
	return text, true, at, nil
}

// decodeString reads a String; null is "".
func decodeString(b []byte) (string, int, error) {
	text, _, n, err := textOf(b, orNull)
	return string(text), n, err
}

// appendUnitsOf appends the bytes of a String from WTF-8.
func appendUnitsOf(dst []byte, s string, more int) ([]byte, error) {
	units := 0
	for i := 0; i < len(s); {
		r, n := wtf8(s, i)
		if r < 0 {
			return dst, fmt.Errorf("the text is not UTF-8 at byte %d", i)
		}
		units++
		if r > 0xFFFF {
			units++
		}
		i += n
	}
	if units >= maxUnits {
		return dst, fmt.Errorf("a text of %d characters is too long", units)
	}
	dst = binary.AppendUvarint(dst, uint64(units+more))
	for i := 0; i < len(s); {
		r, n := wtf8(s, i)
		if r > 0xFFFF {
			dst = binary.AppendUvarint(dst, uint64(0xD800+(r-0x10000)>>10))
			r = 0xDC00 + (r-0x10000)&0x3FF
		}
		dst = binary.AppendUvarint(dst, uint64(r))
		i += n
	}
	return dst, nil
}

// hashText is the hashCode of a java.lang.String, from WTF-8.
func hashText(s string) int32 {
	var h int32
	for i := 0; i < len(s); {
		r, n := wtf8(s, i)
		if r > 0xFFFF {
			h = 31*h + int32(0xD800+(r-0x10000)>>10)
			r = 0xDC00 + (r-0x10000)&0x3FF
		}
		h = 31*h + r
		i += n
	}
	return h
}

// Width implements backends.Type.
func (t *stringText) Width() int { return -1 }

// Size implements backends.Type.
func (t *stringText) Size(b []byte) (int, error) { return stringSize(b, orNull) }

// AppendJSON implements backends.Type.
func (t *stringText) AppendJSON(dst, b []byte) ([]byte, int, error) {
	return appendStringJSON(dst, b, orNull)
}

// Decode implements backends.Type.
func (t *stringText) Decode(b []byte) (any, int, error) {
	text, ok, n, err := textOf(b, orNull)
	if err != nil || !ok {
		return nil, n, err
	}
	return string(text), n, nil
}

// Encode implements backends.Type.
func (t *stringText) Encode(dst []byte, v any) ([]byte, error) {
	if v == nil {
		return append(dst, 0), nil
	}
	s, ok := v.(string)
	if !ok {
		return dst, t.notA(v)
	}
	out, err := appendUnitsOf(dst, s, orNull)
	if err != nil {
		return dst, t.bad(0, "%v", err)
	}
	return out, nil
}

// FromJSON implements backends.Type.
func (t *stringText) FromJSON(json []byte) (any, error) {
	if isNull(json) {
		return nil, nil
	}
	s, err := parseString(json)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	return s, nil
}

// Hash implements backends.Type.
func (t *stringText) Hash(v any) (int32, bool) {
	s, ok := v.(string)
	return hashText(s), ok || v == nil
}

func (t *stringText) withClass(class string) backends.Type {
	return &stringText{named{name: t.name, class: class}}
}

// fromModified reads Java's modified UTF-8 as WTF-8.
func fromModified(b []byte) (string, bool) {
	ascii := true
	for _, c := range b {
		ascii = ascii && c < 0x80
	}
	if ascii {
		return string(b), true
	}
	out := make([]byte, 0, len(b))
	var high rune
	for i := 0; i < len(b); {
		r, n := modifiedUnit(b, i)
		if n == 0 {
			return "", false
		}
		if r >= 0xDC00 && r < 0xE000 && high != 0 {
			out = appendWTF8(out[:len(out)-3], (high-0xD800)<<10+(r-0xDC00)+0x10000)
			high = 0
		} else {
			out = appendWTF8(out, r)
			high = 0
			if r >= 0xD800 && r < 0xDC00 {
				high = r
			}
		}
		i += n
	}
	return string(out), true
}

// modifiedUnit reads a unit of modified UTF-8 and its length, 0 where there is none.
func modifiedUnit(b []byte, i int) (rune, int) {
	c := b[i]
	tail := func(k int) (rune, bool) {
		return rune(b[i+k] & 0x3F), b[i+k]&0xC0 == 0x80
	}
	switch {
	case c < 0x80:
		return rune(c), 1
	case c&0xE0 == 0xC0 && i+1 < len(b):
		if t, ok := tail(1); ok {
			return rune(c&0x1F)<<6 | t, 2
		}
	case c&0xF0 == 0xE0 && i+2 < len(b):
		t, ok := tail(1)
		u, also := tail(2)
		if ok && also {
			return rune(c&0x0F)<<12 | t<<6 | u, 3
		}
	}
	return 0, 0
}

// appendModified appends a text as DataOutput.writeUTF does: an u16 length, then modified UTF-8.
func appendModified(dst []byte, s string) ([]byte, error) {
	from := len(dst)
	dst = append(dst, 0, 0)
	for i := 0; i < len(s); {
		r, n := wtf8(s, i)
		switch {
		case r < 0:
			return dst[:from], fmt.Errorf("the text is not UTF-8 at byte %d", i)
		case r == 0:
			dst = append(dst, 0xC0, 0x80)
		case r > 0xFFFF:
			dst = appendWTF8(dst, 0xD800+(r-0x10000)>>10)
			dst = appendWTF8(dst, 0xDC00+(r-0x10000)&0x3FF)
		default:
			dst = append(dst, s[i:i+n]...)
		}
		i += n
	}
	if len(dst)-from-2 > math.MaxUint16 {
		return dst[:from], fmt.Errorf("a name of %d bytes is too long", len(dst)-from-2)
	}
	binary.BigEndian.PutUint16(dst[from:], uint16(len(dst)-from-2))
	return dst, nil
}
