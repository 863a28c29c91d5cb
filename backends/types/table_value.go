package types

import (
	"encoding/binary"
	"fmt"

	"github.com/ckpt-tool/ckpt/backends"
)

// framed is a type whose values are their i32 length and bytes: of StringData text in UTF-8, of ArrayData and MapData what they
// are within a row, of RawValueData the bytes of another serializer.
type framed struct {
	named
	column *column
}

func newFramed(name, class string, c *column) *framed {
	if c.kind == sqlArray || c.kind == sqlMap {
		name = c.String()
	}
	return &framed{named{name: name, class: class}, c}
}

func newStringData(class string) backends.Type {
	return newFramed("StringData", class, &column{kind: sqlString, text: "STRING"})
}

// Width implements backends.Type.
func (t *framed) Width() int { return -1 }

// Size implements backends.Type.
func (t *framed) Size(b []byte) (int, error) { return framedSize(b, 0) }

// AppendJSON implements backends.Type.
func (t *framed) AppendJSON(dst, b []byte) ([]byte, int, error) {
	n, err := t.Size(b)
	if err != nil {
		return dst, 0, err
	}
	if t.column.kind == sqlString {
		return appendQuoted(dst, b[4:n]), n, nil
	}
	x := box{b: b[4:n], base: 4}
	out, err := x.appendNested(dst, t.column)
	if err != nil {
		return dst, 0, err
	}
	return out, n, nil
}

// Decode implements backends.Type. Of an array or a map it may give a *Foreign.
func (t *framed) Decode(b []byte) (any, int, error) {
	n, err := t.Size(b)
	if err != nil {
		return nil, 0, err
	}
	if t.column.kind == sqlString {
		return string(b[4:n]), n, nil
	}
	x := box{b: b[4:n], base: 4}
	v, err := x.nestedValue(t.column)
	if err != nil {
		return nil, 0, err
	}
	return asWritten(t, v, b[:n]), n, nil
}

// Encode implements backends.Type.
func (t *framed) Encode(dst []byte, v any) ([]byte, error) {
	if f, ok := v.(*Foreign); ok {
		return f.encode(t, dst)
	}
	return frame(dst, func(w *writer) error {
		switch t.column.kind {
		case sqlArray:
			return w.list(t.column, v)
		case sqlMap:
			return w.pairs(t.column, v)
		case sqlString:
			if s, ok := v.(string); ok {
				w.b = append(w.b, s...)
				return nil
			}
		}
		if raw, ok := v.([]byte); ok && t.column.kind == sqlRaw {
			w.b = append(w.b, raw...)
			return nil
		}
		return t.notA(v)
	})
}

// FromJSON implements backends.Type.
func (t *framed) FromJSON(json []byte) (any, error) {
	if isNull(json) {
		return nil, fmt.Errorf("%s: %w", t.name, errNull)
	}
	return columnFromJSON(t.column, json)
}

// Hash implements backends.Type. Flink keys by rows only.
func (t *framed) Hash(any) (int32, bool) { return 0, false }

// decimalData is the type of a DECIMAL: an i64 of its digits if 18 of them are enough, else their i32 length and two's
// complement (Flink: DecimalDataSerializer).
type decimalData struct {
	class  string
	column *column
	Source
}

// String implements backends.Type.
func (t *decimalData) String() string { return t.column.text }

// Class implements backends.Type.
func (t *decimalData) Class() string { return t.class }

// Width implements backends.Type. Flink does not count the short form as fixed.
func (t *decimalData) Width() int { return -1 }

// Size implements backends.Type.
func (t *decimalData) Size(b []byte) (int, error) {
	if t.column.precision <= compactDecimal {
		if len(b) < 8 {
			return 0, backends.ErrShort
		}
		return 8, nil
	}
	n, err := framedSize(b, 1)
	if n > 20 {
		return 0, wrong(0, "a decimal has %d bytes", n-4)
	}
	return n, err
}

func (t *decimalData) digits(b []byte) ([]byte, int, error) {
	n, err := t.Size(b)
	if err != nil || t.column.precision <= compactDecimal {
		return b[:n], n, err
	}
	return b[4:n], n, nil
}

// AppendJSON implements backends.Type.
func (t *decimalData) AppendJSON(dst, b []byte) ([]byte, int, error) {
	d, n, err := t.digits(b)
	if err != nil {
		return dst, 0, err
	}
	return appendPlainDecimal(dst, d, t.column.scale), n, nil
}

// Decode implements backends.Type.
func (t *decimalData) Decode(b []byte) (any, int, error) {
	d, n, err := t.digits(b)
	if err != nil {
		return nil, 0, err
	}
	v := Decimal{fromComplement(d), t.column.scale}
	return asWritten(t, v, b[:n]), n, nil
}

// Encode implements backends.Type.
func (t *decimalData) Encode(dst []byte, v any) ([]byte, error) {
	if f, ok := v.(*Foreign); ok {
		return f.encode(t, dst)
	}
	d, ok := v.(Decimal)
	if !ok || d.Unscaled == nil {
		return dst, notOf(t.column, v)
	}
	compact := t.column.precision <= compactDecimal
	switch n := complementLen(d.Unscaled); {
	case d.Scale != t.column.scale:
		return dst, fmt.Errorf("a decimal of scale %d does not fit %s", d.Scale, t.column.text)
	case compact && n > 8 || n > 16:
		return dst, tooLong(t.column, d.Unscaled)
	case compact:
		return putLong(dst, d.Unscaled.Int64()), nil
	default:
		return appendComplement(putInt(dst, int32(n)), d.Unscaled), nil
	}
}

// FromJSON implements backends.Type.
func (t *decimalData) FromJSON(json []byte) (any, error) { return decimalFromJSON(t.column, json) }

// Hash implements backends.Type. Flink keys by rows only.
func (t *decimalData) Hash(any) (int32, bool) { return 0, false }

// newNull is the type of values that are always null, and a byte (Flink: NullSerializer).
func newNull(class string) backends.Type { return &void{named{name: "Null", class: class}, 1} }

// newCountWindow is the type of the windows of so many rows, which are numbered.
func newCountWindow(class string) backends.Type {
	t := *longType
	t.named, t.hash = named{name: "CountWindow", class: class}, nil
	return &t
}

// variantData is the type of VARIANTs of Flink 2: the i32 lengths of value and metadata, value, metadata. What they mean is not
// read: in JSON it is all of these bytes.
type variantData struct{ named }

func newVariant(class string) backends.Type {
	return &variantData{named{name: "VARIANT", class: class}}
}

// Width implements backends.Type.
func (t *variantData) Width() int { return -1 }

// Size implements backends.Type.
func (t *variantData) Size(b []byte) (int, error) {
	if len(b) < 8 {
		return 0, backends.ErrShort
	}
	value, meta := int64(int32(binary.BigEndian.Uint32(b))), int64(int32(binary.BigEndian.Uint32(b[4:])))
	switch {
	case value < 0 || meta < 0:
		return 0, t.bad(0, "lengths of %d and %d", value, meta)
	case 8+value+meta > int64(len(b)):
		return 0, backends.ErrShort
	}
	return int(8 + value + meta), nil
}

// AppendJSON implements backends.Type.
func (t *variantData) AppendJSON(dst, b []byte) ([]byte, int, error) {
	n, err := t.Size(b)
	if err != nil {
		return dst, 0, err
	}
	return appendHex(dst, b[:n]), n, nil
}

// Decode implements backends.Type. It gives the bytes.
func (t *variantData) Decode(b []byte) (any, int, error) {
	n, err := t.Size(b)
	if err != nil {
		return nil, 0, err
	}
	return copied(b[:n]), n, nil
}

// Encode implements backends.Type.
func (t *variantData) Encode(dst []byte, v any) ([]byte, error) {
	b, ok := v.([]byte)
	if n, err := t.Size(b); !ok || err != nil || n != len(b) {
		return dst, t.notA(v)
	}
	return append(dst, b...), nil
}

// FromJSON implements backends.Type.
func (t *variantData) FromJSON(json []byte) (any, error) { return parseAny(parseHex, json) }

// Hash implements backends.Type.
func (t *variantData) Hash(any) (int32, bool) { return 0, false }
