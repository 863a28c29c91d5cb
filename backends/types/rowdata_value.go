package types

import (
	"bytes"
	"encoding/binary"
	"math"
	"reflect"

	"github.com/ckpt-tool/ckpt/backends"
)

// Foreign is a value whose bytes lie otherwise than Encode would lay them. In Flink SQL generated code and user-defined functions may
// leave gaps; as long as Bytes mean Value, Encode writes them as they are. Of Kryo it is every value, and Bytes alone count.
type Foreign struct {
	Value any
	Bytes []byte
}

// asWritten is v, as a Foreign if Encode would not write b for it.
func asWritten(t backends.Type, v any, b []byte) any {
	if again, err := t.Encode(make([]byte, 0, len(b)), v); err == nil && bytes.Equal(again, b) {
		return v
	}
	return &Foreign{Value: v, Bytes: bytes.Clone(b)}
}

func (f *Foreign) encode(t backends.Type, dst []byte) ([]byte, error) {
	v, n, err := t.Decode(f.Bytes)
	if same, ok := v.(*Foreign); ok {
		v = same.Value
	}
	if err == nil && n == len(f.Bytes) && reflect.DeepEqual(v, f.Value) {
		return append(dst, f.Bytes...), nil
	}
	return t.Encode(dst, f.Value)
}

// record is the row in x.
func (x *box) record(l *layout) (*Record, error) {
	kind, err := x.rowKind(l)
	if err != nil {
		return nil, err
	}
	r := &Record{Kind: kind, Fields: make([]any, len(l.columns))}
	for i, c := range l.columns {
		if x.null(0, i+8) {
			continue
		}
		if r.Fields[i], err = x.value(c, l.nulls+8*i); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// value is that of a slot that is not null.
func (x *box) value(c *column, slot int) (any, error) {
	switch c.kind {
	case sqlBoolean:
		return x.b[slot] != 0, nil
	case sqlTinyInt:
		return int8(x.b[slot]), nil
	case sqlSmallInt:
		return int16(binary.LittleEndian.Uint16(x.b[slot:])), nil
	case sqlInt:
		return int32(x.u32(slot)), nil
	case sqlBigInt:
		return int64(x.u64(slot)), nil
	case sqlFloat:
		return math.Float32frombits(x.u32(slot)), nil
	case sqlDouble:
		return math.Float64frombits(x.u64(slot)), nil
	case sqlDate:
		return fromDays(int64(int32(x.u32(slot)))), nil
	case sqlTime:
		t, err := x.timeOfDay(slot)
		return t, err
	case sqlTimestamp, sqlInstant:
		ms, nanos, err := x.moment(slot, c.precision)
		return moment(c, ms, nanos), err
	case sqlDecimal:
		var buf [8]byte
		b, err := x.unscaled(slot, c.precision, &buf)
		return Decimal{fromComplement(b), c.scale}, err
	case sqlString:
		b, err := x.inline(slot)
		return string(b), err
	case sqlBinary:
		b, err := x.inline(slot)
		return copied(b), err
	}
	p, err := x.nested(slot)
	if err != nil {
		return nil, err
	}
	return p.nestedValue(c)
}

// copied is a copy of b that is not nil.
func copied(b []byte) []byte { return append([]byte{}, b...) }

func moment(c *column, ms int64, nanos int32) any {
	i := instantOf(ms, nanos)
	if c.kind == sqlInstant {
		return i
	}
	return i.dateTime()
}

func (x *box) nestedValue(c *column) (any, error) {
	switch c.kind {
	case sqlRow:
		return x.record(c.row)
	case sqlArray:
		return x.list(c.element)
	case sqlMap:
		return x.pairs(c)
	}
	return copied(x.b), nil
}

func (x *box) list(element *column) ([]any, error) {
	n, first, err := x.array(element)
	if err != nil {
		return nil, err
	}
	all := make([]any, n)
	for i := range all {
		if all[i], err = x.element(element, first, i); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (x *box) element(c *column, first, i int) (any, error) {
	if x.null(4, i) {
		return nil, nil
	}
	return x.value(c, first+i*sqlWidths[c.kind])
}

func (x *box) pairs(c *column) (Pairs, error) {
	keys, values, n, firstKey, firstValue, err := x.halves(c)
	if err != nil {
		return nil, err
	}
	all := make(Pairs, n)
	for i := range all {
		if all[i].Key, err = keys.element(c.key, firstKey, i); err != nil {
			return nil, err
		}
		if all[i].Value, err = values.element(c.element, firstValue, i); err != nil {
			return nil, err
		}
	}
	return all, nil
}
