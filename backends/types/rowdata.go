package types

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
)

// RowData is the type of the rows of Flink SQL (Flink: RowDataSerializer).
//
//	value  i32 big-endian length, then the row. In the row all is little-endian (Flink: BinaryRowData):
//	row    u8 row kind; null bits from bit 8 on, the lowest bit first, to a multiple of 8 bytes; 8 bytes a column;
//	       the variable part
//	array  i32 count; null bits, to a multiple of 4 bytes; 1, 2, 4 or 8 bytes an element; to a multiple of 8; the
//	       variable part
//	map    i32 length of the keys; keys, an array; values, an array
//
// A slot of 8 bytes holds the value, or the place of its bytes: u32 length, u32 offset from the beginning of the row or
// array. Text and bytes of up to 7 bytes lie in the slot itself, whose last byte is then 0x80 and their length. A
// TIMESTAMP of more than milliseconds has the nanoseconds of the millisecond instead of the length.
type RowData struct {
	class string
	row   *layout
	Source
}

// String implements backends.Type.
func (t *RowData) String() string {
	var b strings.Builder
	b.WriteString("RowData")
	writeTypes(&b, t.row.names, t.row.columns...)
	return b.String()
}

// Class implements backends.Type.
func (t *RowData) Class() string { return t.class }

// Width implements backends.Type.
func (t *RowData) Width() int { return -1 }

// Size implements backends.Type.
func (t *RowData) Size(b []byte) (int, error) { return framedSize(b, t.row.fixed) }

// AppendJSON implements backends.Type. Of RAW and VARIANT it appends the bytes.
func (t *RowData) AppendJSON(dst, b []byte) ([]byte, int, error) {
	n, err := t.Size(b)
	if err != nil {
		return dst, 0, err
	}
	x := box{b: b[4:n], base: 4}
	out, err := x.appendRow(dst, t.row)
	if err != nil {
		return dst, 0, err
	}
	return out, n, nil
}

// Decode implements backends.Type. It gives a *Record, or a *Foreign.
func (t *RowData) Decode(b []byte) (any, int, error) {
	n, err := t.Size(b)
	if err != nil {
		return nil, 0, err
	}
	x := box{b: b[4:n], base: 4}
	v, err := x.record(t.row)
	if err != nil {
		return nil, 0, err
	}
	return asWritten(t, v, b[:n]), n, nil
}

// Encode implements backends.Type.
func (t *RowData) Encode(dst []byte, v any) ([]byte, error) {
	if f, ok := v.(*Foreign); ok {
		return f.encode(t, dst)
	}
	return frame(dst, func(w *writer) error { return w.row(t.row, v) })
}

// FromJSON implements backends.Type.
func (t *RowData) FromJSON(json []byte) (any, error) { return recordFromJSON(t.row, json) }

// Hash implements backends.Type: it is of the bytes of the row (Flink: BinaryRowData.hashCode).
func (t *RowData) Hash(v any) (int32, bool) {
	b, err := t.Encode(nil, v)
	if err != nil {
		return 0, false
	}
	return hashWords(b[4:]), true
}

// HashBytes is Hash of the value at the beginning of b, which need not be decoded for it.
func (t *RowData) HashBytes(b []byte) (int32, bool) {
	n, err := t.Size(b)
	if err != nil || n%4 != 0 {
		return 0, false
	}
	return hashWords(b[4:n]), true
}

// framedSize is the length of a value behind its i32 length, which is at least least.
func framedSize(b []byte, least int) (int, error) {
	if len(b) < 4 {
		return 0, backends.ErrShort
	}
	n := int(int32(binary.BigEndian.Uint32(b)))
	switch {
	case n < least:
		return 0, wrong(0, "a length of %d where %d bytes are needed", n, least)
	case n > len(b)-4:
		return 0, backends.ErrShort
	}
	return 4 + n, nil
}

// wrong is the error for bytes that cannot be a value of SQL.
func wrong(offset int, format string, args ...any) error {
	return &backends.TypeError{Type: "RowData", Offset: offset, Message: fmt.Sprintf(format, args...)}
}

// box is the bytes of a row or an array, whose slots refer to its variable part.
type box struct {
	b    []byte
	base int // where in the value it begins
	used int // bytes of it that values took so far
}

func (x *box) u64(at int) uint64 { return binary.LittleEndian.Uint64(x.b[at:]) }
func (x *box) u32(at int) uint32 { return binary.LittleEndian.Uint32(x.b[at:]) }

// null tells whether bit i behind byte at is set.
func (x *box) null(at, i int) bool { return x.b[at+i>>3]>>(i&7)&1 != 0 }

// part is n bytes of the variable part. Parts do not overlap, so all of them together are not longer than the
// whole, and the work that bytes can ask for is bounded by their length.
func (x *box) part(slot int, offset, n uint64) (box, error) {
	if offset > uint64(len(x.b)) || n > uint64(len(x.b))-offset {
		return box{}, wrong(x.base+slot, "%d bytes at offset %d are beyond the end at %d", n, offset, len(x.b))
	}
	if x.used += int(n); x.used > len(x.b) {
		return box{}, wrong(x.base+slot, "values overlap")
	}
	return box{b: x.b[offset : offset+n : offset+n], base: x.base + int(offset)}, nil
}

// nested is the bytes that a slot refers to.
func (x *box) nested(slot int) (box, error) {
	v := x.u64(slot)
	return x.part(slot, v>>32, v&math.MaxUint32)
}

// inline is the bytes of text, which may lie in the slot.
func (x *box) inline(slot int) ([]byte, error) {
	if last := x.b[slot+7]; last&0x80 != 0 {
		n := int(last & 0x7f)
		if n > 7 {
			return nil, wrong(x.base+slot, "%d bytes cannot lie in a slot", n)
		}
		return x.b[slot : slot+n], nil
	}
	p, err := x.nested(slot)
	return p.b, err
}

// moment is a TIMESTAMP: milliseconds since 1970, and nanoseconds of the millisecond.
func (x *box) moment(slot int, precision int32) (ms int64, nanos int32, err error) {
	v := x.u64(slot)
	if precision <= compactTimestamp {
		return int64(v), 0, nil
	}
	if nanos = int32(uint32(v)); nanos < 0 || nanos > 999999 {
		return 0, 0, wrong(x.base+slot, "a timestamp has %d nanoseconds of a millisecond", nanos)
	}
	p, err := x.part(slot, v>>32, 8)
	if err != nil {
		return 0, 0, err
	}
	return int64(p.u64(0)), nanos, nil
}

// unscaled is the digits of a DECIMAL as big-endian two's complement, in buf where the slot has them.
func (x *box) unscaled(slot int, precision int32, buf *[8]byte) ([]byte, error) {
	if precision <= compactDecimal {
		binary.BigEndian.PutUint64(buf[:], x.u64(slot))
		return buf[:], nil
	}
	p, err := x.nested(slot)
	if err == nil && (len(p.b) == 0 || len(p.b) > 16) {
		err = wrong(x.base+slot, "a decimal has %d bytes", len(p.b))
	}
	return p.b, err
}

// rowKind checks that the bytes can be a row, and gives its kind.
func (x *box) rowKind(l *layout) (RowKind, error) {
	if len(x.b) < l.fixed {
		return 0, wrong(x.base, "a row of %d columns has %d bytes, not %d", len(l.columns), len(x.b), l.fixed)
	}
	if x.b[0] > byte(Delete) {
		return 0, wrong(x.base, "unknown row kind %d", x.b[0])
	}
	return RowKind(x.b[0]), nil
}

// array checks that the bytes can be an array, and gives its count and where its elements begin.
func (x *box) array(element *column) (count, first int, err error) {
	if len(x.b) < 4 {
		return 0, 0, wrong(x.base, "an array has %d bytes", len(x.b))
	}
	n := int64(int32(x.u32(0)))
	start := 4 + (n+31)/32*4
	if n < 0 || start+n*int64(sqlWidths[element.kind]) > int64(len(x.b)) {
		return 0, 0, wrong(x.base, "an array of %d elements has %d bytes", n, len(x.b))
	}
	return int(n), int(start), nil
}

// halves are the keys and the values of a map, and their count.
func (x *box) halves(c *column) (keys, values box, count, firstKey, firstValue int, err error) {
	if len(x.b) < 4 {
		err = wrong(x.base, "a map has %d bytes", len(x.b))
		return
	}
	n := int64(int32(x.u32(0)))
	if n < 0 || n > int64(len(x.b)-4) {
		err = wrong(x.base, "the keys of a map have %d bytes of %d", n, len(x.b))
		return
	}
	keys = box{b: x.b[4 : 4+n : 4+n], base: x.base + 4}
	values = box{b: x.b[4+n:], base: x.base + 4 + int(n)}
	if count, firstKey, err = keys.array(c.key); err != nil {
		return
	}
	var other int
	if other, firstValue, err = values.array(c.element); err == nil && other != count {
		err = wrong(x.base, "a map has %d keys and %d values", count, other)
	}
	return
}
