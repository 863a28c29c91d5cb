package types

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"

	"github.com/ckpt-tool/ckpt/backends"
)

// writer appends rows, arrays and maps as Flink's BinaryRowWriter and BinaryArrayWriter lay them: the variable
// part in the order of the columns, each value of it padded to 8 bytes.
type writer struct{ b []byte }

// frame appends what fill writes behind its i32 length.
func frame(dst []byte, fill func(*writer) error) ([]byte, error) {
	start := len(dst)
	w := writer{append(dst, 0, 0, 0, 0)}
	if err := fill(&w); err != nil {
		return dst[:start], err
	}
	n := len(w.b) - start - 4
	if n > math.MaxInt32 {
		return dst[:start], fmt.Errorf("a value of %d bytes is too long for Flink", n)
	}
	binary.BigEndian.PutUint32(w.b[start:], uint32(n))
	return w.b, nil
}

func notOf(c *column, v any) error {
	return &backends.TypeError{Type: c.String(), Message: fmt.Sprintf("a %T is no value of it", v)}
}

// grow appends n zeros, and gives where they begin.
func (w *writer) grow(n int) int {
	at := len(w.b)
	w.b = append(w.b, make([]byte, n)...)
	return at
}

func (w *writer) setNull(at, i int) { w.b[at+i>>3] |= 1 << (i & 7) }

func (w *writer) row(l *layout, v any) error {
	r, ok := v.(*Record)
	if !ok || r == nil {
		return fmt.Errorf("a %T is no row", v)
	}
	if len(r.Fields) != len(l.columns) || r.Kind > Delete {
		return fmt.Errorf("a row of kind %d with %d fields does not fit %d columns", r.Kind, len(r.Fields), len(l.columns))
	}
	start := w.grow(l.fixed)
	w.b[start] = byte(r.Kind)
	for i, c := range l.columns {
		if r.Fields[i] == nil {
			w.setNull(start, i+8)
		} else if err := w.value(c, start, start+l.nulls+8*i, r.Fields[i]); err != nil {
			return fmt.Errorf("column %d: %w", i+1, err)
		}
	}
	return nil
}

// array writes the elements, of which get gives the i-th.
func (w *writer) array(element *column, n int, get func(i int) any) error {
	if n > math.MaxInt32 {
		return fmt.Errorf("an array of %d elements is too long for Flink", n)
	}
	start := w.grow(4)
	binary.LittleEndian.PutUint32(w.b[start:], uint32(n))
	w.grow((n + 31) / 32 * 4)
	width := sqlWidths[element.kind]
	first := w.grow(n * width)
	w.pad(start)
	for i := range n {
		if v := get(i); v == nil {
			w.setNull(start+4, i)
		} else if err := w.value(element, start, first+i*width, v); err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
	}
	return nil
}

func (w *writer) list(c *column, v any) error {
	all, ok := v.([]any)
	if !ok {
		return notOf(c, v)
	}
	return w.array(c.element, len(all), func(i int) any { return all[i] })
}

func (w *writer) pairs(c *column, v any) error {
	all, ok := v.(Pairs)
	if !ok {
		return notOf(c, v)
	}
	start := w.grow(4)
	if err := w.array(c.key, len(all), func(i int) any { return all[i].Key }); err != nil {
		return err
	}
	binary.LittleEndian.PutUint32(w.b[start:], uint32(len(w.b)-start-4))
	return w.array(c.element, len(all), func(i int) any { return all[i].Value })
}

// pad appends zeros, to a multiple of 8 bytes behind start.
func (w *writer) pad(start int) {
	for (len(w.b)-start)%8 != 0 {
		w.b = append(w.b, 0)
	}
}

// place lets the slot refer to all behind at, and pads it.
func (w *writer) place(start, slot, at int) error {
	if len(w.b)-start > math.MaxInt32 {
		return fmt.Errorf("a value of %d bytes is too long for Flink", len(w.b)-start)
	}
	binary.LittleEndian.PutUint64(w.b[slot:], uint64(at-start)<<32|uint64(len(w.b)-at))
	w.pad(start)
	return nil
}

// text writes bytes into the slot if they are few enough, else behind.
func (w *writer) text(start, slot int, s string) error {
	if len(s) <= 7 {
		copy(w.b[slot:], s)
		w.b[slot+7] = 0x80 | byte(len(s))
		return nil
	}
	at := len(w.b)
	w.b = append(w.b, s...)
	return w.place(start, slot, at)
}

// value writes a value that is not null into its slot of the row or array at start.
func (w *writer) value(c *column, start, slot int, v any) error {
	b := w.b[slot:]
	switch v := v.(type) {
	case bool:
		if c.kind == sqlBoolean {
			if v {
				b[0] = 1
			}
			return nil
		}
	case int8:
		if c.kind == sqlTinyInt {
			b[0] = byte(v)
			return nil
		}
	case int16:
		if c.kind == sqlSmallInt {
			binary.LittleEndian.PutUint16(b, uint16(v))
			return nil
		}
	case int32:
		if c.kind == sqlInt {
			binary.LittleEndian.PutUint32(b, uint32(v))
			return nil
		}
	case int64:
		if c.kind == sqlBigInt {
			binary.LittleEndian.PutUint64(b, uint64(v))
			return nil
		}
	case float32:
		if c.kind == sqlFloat {
			binary.LittleEndian.PutUint32(b, math.Float32bits(v))
			return nil
		}
	case float64:
		if c.kind == sqlDouble {
			binary.LittleEndian.PutUint64(b, math.Float64bits(v))
			return nil
		}
	}
	return w.larger(c, start, slot, v)
}

// larger writes what is not a number.
func (w *writer) larger(c *column, start, slot int, v any) error {
	switch v := v.(type) {
	case Date:
		if days := v.days(); c.kind == sqlDate && days == int64(int32(days)) {
			binary.LittleEndian.PutUint32(w.b[slot:], uint32(days))
			return nil
		}
	case Time:
		if c.kind == sqlTime && v.valid() && v.Nano%nanosPerMilli == 0 {
			binary.LittleEndian.PutUint32(w.b[slot:], uint32(v.second()*1000)+uint32(v.Nano/nanosPerMilli))
			return nil
		}
	case DateTime:
		if c.kind == sqlTimestamp {
			return w.moment(c, start, slot, v)
		}
	case Instant:
		if c.kind == sqlInstant {
			return w.moment(c, start, slot, v)
		}
	case Decimal:
		if c.kind == sqlDecimal && v.Unscaled != nil {
			return w.decimal(c, start, slot, v)
		}
	case string:
		if c.kind == sqlString {
			return w.text(start, slot, v)
		}
	case []byte:
		if c.kind == sqlBinary {
			return w.text(start, slot, string(v))
		}
	}
	return w.behind(c, start, slot, v)
}

// behind writes what is never in the slot itself.
func (w *writer) behind(c *column, start, slot int, v any) error {
	at, err := len(w.b), error(nil)
	switch c.kind {
	case sqlArray:
		err = w.list(c, v)
	case sqlMap:
		err = w.pairs(c, v)
	case sqlRow:
		err = w.row(c.row, v)
	case sqlRaw:
		raw, ok := v.([]byte)
		if !ok {
			return notOf(c, v)
		}
		w.b = append(w.b, raw...)
	default:
		return notOf(c, v)
	}
	if err != nil {
		return err
	}
	return w.place(start, slot, at)
}

func (w *writer) moment(c *column, start, slot int, v any) error {
	ms, nanos, err := momentOf(v, c.precision)
	if err != nil {
		return err
	}
	if c.precision <= compactTimestamp {
		binary.LittleEndian.PutUint64(w.b[slot:], uint64(ms))
		return nil
	}
	at := len(w.b)
	w.b = binary.LittleEndian.AppendUint64(w.b, uint64(ms))
	if err := w.place(start, slot, at); err != nil {
		return err
	}
	binary.LittleEndian.PutUint32(w.b[slot:], uint32(nanos))
	return nil
}

// decimal writes the digits; those of a larger decimal have room for 16 bytes.
func (w *writer) decimal(c *column, start, slot int, v Decimal) error {
	if v.Scale != c.scale {
		return fmt.Errorf("a decimal of scale %d does not fit %s", v.Scale, c.text)
	}
	if c.precision <= compactDecimal {
		if !v.Unscaled.IsInt64() {
			return tooLong(c, v.Unscaled)
		}
		binary.LittleEndian.PutUint64(w.b[slot:], uint64(v.Unscaled.Int64()))
		return nil
	}
	n := complementLen(v.Unscaled)
	if n > 16 {
		return tooLong(c, v.Unscaled)
	}
	at := len(w.b)
	w.b = appendComplement(w.b, v.Unscaled)
	if err := w.place(start, slot, at); err != nil {
		return err
	}
	w.grow(at + 16 - len(w.b))
	return nil
}

func tooLong(c *column, v *big.Int) error {
	return fmt.Errorf("a decimal of %d bits does not fit %s", v.BitLen(), c.text)
}
