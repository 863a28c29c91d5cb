package types

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
)

// appendRow appends a row: {"rowKind":"+I","fields":[…]}.
func (x *box) appendRow(dst []byte, l *layout) ([]byte, error) {
	kind, err := x.rowKind(l)
	if err != nil {
		return dst, err
	}
	dst = append(dst, `{"rowKind":"`...)
	dst = append(dst, rowKinds[kind]...)
	dst = append(dst, `","fields":[`...)
	for i, c := range l.columns {
		if i > 0 {
			dst = append(dst, ',')
		}
		if x.null(0, i+8) {
			dst = append(dst, "null"...)
		} else if dst, err = x.appendValue(dst, c, l.nulls+8*i); err != nil {
			return dst, err
		}
	}
	return append(dst, "]}"...), nil
}

// appendValue appends the value of a slot that is not null.
func (x *box) appendValue(dst []byte, c *column, slot int) ([]byte, error) {
	switch c.kind {
	case sqlBoolean:
		return strconv.AppendBool(dst, x.b[slot] != 0), nil
	case sqlTinyInt:
		return strconv.AppendInt(dst, int64(int8(x.b[slot])), 10), nil
	case sqlSmallInt:
		return strconv.AppendInt(dst, int64(int16(binary.LittleEndian.Uint16(x.b[slot:]))), 10), nil
	case sqlInt:
		return strconv.AppendInt(dst, int64(int32(x.u32(slot))), 10), nil
	case sqlBigInt:
		return strconv.AppendInt(dst, int64(x.u64(slot)), 10), nil
	case sqlFloat:
		return appendFloat(dst, float64(math.Float32frombits(x.u32(slot))), 32), nil
	case sqlDouble:
		return appendFloat(dst, math.Float64frombits(x.u64(slot)), 64), nil
	case sqlDate, sqlTime, sqlTimestamp, sqlInstant:
		return x.appendTime(dst, c, slot)
	case sqlDecimal:
		return x.appendDecimal(dst, c, slot)
	case sqlString:
		b, err := x.inline(slot)
		return appendQuoted(dst, b), err
	case sqlBinary:
		b, err := x.inline(slot)
		return appendHex(dst, b), err
	}
	p, err := x.nested(slot)
	if err != nil {
		return dst, err
	}
	return p.appendNested(dst, c)
}

func (x *box) appendNested(dst []byte, c *column) ([]byte, error) {
	switch c.kind {
	case sqlRow:
		return x.appendRow(dst, c.row)
	case sqlArray:
		return x.appendArray(dst, c.element)
	case sqlMap:
		return x.appendMap(dst, c)
	}
	return appendHex(dst, x.b), nil
}

func (x *box) appendArray(dst []byte, element *column) ([]byte, error) {
	n, first, err := x.array(element)
	if err != nil {
		return dst, err
	}
	dst = append(dst, '[')
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = x.appendElement(dst, element, first, i); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

// appendElement appends element i of an array.
func (x *box) appendElement(dst []byte, c *column, first, i int) ([]byte, error) {
	if x.null(4, i) {
		return append(dst, "null"...), nil
	}
	return x.appendValue(dst, c, first+i*sqlWidths[c.kind])
}

// appendMap appends a list of pairs, as keys may be of any type.
func (x *box) appendMap(dst []byte, c *column) ([]byte, error) {
	keys, values, n, firstKey, firstValue, err := x.halves(c)
	if err != nil {
		return dst, err
	}
	dst = append(dst, '[')
	for i := range n {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = keys.appendElement(append(dst, '['), c.key, firstKey, i); err != nil {
			return dst, err
		}
		if dst, err = values.appendElement(append(dst, ','), c.element, firstValue, i); err != nil {
			return dst, err
		}
		dst = append(dst, ']')
	}
	return append(dst, ']'), nil
}

func (x *box) appendDecimal(dst []byte, c *column, slot int) ([]byte, error) {
	var buf [8]byte
	b, err := x.unscaled(slot, c.precision, &buf)
	if err != nil {
		return dst, err
	}
	return appendPlainDecimal(dst, b, c.scale), nil
}

// appendPlainDecimal appends a decimal as a string with all digits of its scale: "-0.10". The unscaled value is
// two's complement of at most 16 bytes.
func appendPlainDecimal(dst, unscaled []byte, scale int32) []byte {
	hi, lo := wide(unscaled)
	negative := hi>>63 != 0
	if negative {
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	var buf [64]byte // at most 39 digits and the zeros of the scale
	at := len(buf)
	for n := int32(0); hi != 0 || lo != 0 || n <= scale; n++ {
		if n == scale && n > 0 {
			at--
			buf[at] = '.'
		}
		var digit uint64
		hi, digit = bits.Div64(0, hi, 10)
		lo, digit = bits.Div64(digit, lo, 10)
		at--
		buf[at] = '0' + byte(digit)
	}
	dst = append(dst, '"')
	if negative {
		dst = append(dst, '-')
	}
	dst = append(dst, buf[at:]...)
	return append(dst, '"')
}

// wide extends two's complement of up to 16 bytes to 128 bits.
func wide(b []byte) (hi, lo uint64) {
	if len(b) > 0 && b[0]&0x80 != 0 {
		hi, lo = math.MaxUint64, math.MaxUint64
	}
	for _, c := range b {
		hi, lo = hi<<8|lo>>56, lo<<8|uint64(c)
	}
	return hi, lo
}
