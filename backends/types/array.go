package types

import (
	"fmt"

	"github.com/ckpt-tool/ckpt/backends"
)

// newPrimitives makes the type of arrays of a primitive type, or of strings: an i32 count, and the elements. Arrays
// hash by their address, so Flink refuses them as keys.
func newPrimitives(name string, element backends.Type) *sequence {
	return &sequence{named: named{name: name}, element: element, address: true}
}

// blob is a byte[]: an i32 length, and the bytes.
type blob struct{ named }

var (
	bytesType    = &blob{named{name: "Bytes"}}
	booleansType = newPrimitives("Booleans", booleanType)
	shortsType   = newPrimitives("Shorts", shortType)
	intsType     = newPrimitives("Integers", intType)
	longsType    = newPrimitives("Longs", longType)
	floatsType   = newPrimitives("Floats", floatType)
	doublesType  = newPrimitives("Doubles", doubleType)
	charsType    = newPrimitives("Characters", charType)
	stringsType  = newPrimitives("Strings", stringType)
)

func (t *sequence) withClass(class string) backends.Type {
	c := *t
	c.class = class
	return &c
}

// Width implements backends.Type.
func (t *blob) Width() int { return -1 }

// Size implements backends.Type.
func (t *blob) Size(b []byte) (int, error) {
	c, err := t.counted(b)
	if err != nil {
		return 0, err
	}
	if c.left > len(b)-4 {
		return 0, backends.ErrShort
	}
	return 4 + c.left, nil
}

// AppendJSON implements backends.Type.
func (t *blob) AppendJSON(dst, b []byte) ([]byte, int, error) {
	n, err := t.Size(b)
	if err != nil {
		return dst, 0, err
	}
	return appendHex(dst, b[4:n]), n, nil
}

// Decode implements backends.Type.
func (t *blob) Decode(b []byte) (any, int, error) {
	n, err := t.Size(b)
	if err != nil {
		return nil, 0, err
	}
	return append([]byte{}, b[4:n]...), n, nil
}

// Encode implements backends.Type.
func (t *blob) Encode(dst []byte, v any) ([]byte, error) {
	b, ok := v.([]byte)
	if !ok {
		return dst, t.notA(v)
	}
	return append(putInt(dst, int32(len(b))), b...), nil
}

// FromJSON implements backends.Type.
func (t *blob) FromJSON(json []byte) (any, error) {
	b, err := parseHex(json)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	return b, nil
}

// Hash implements backends.Type.
func (t *blob) Hash(any) (int32, bool) { return 0, false }

func (t *blob) withClass(class string) backends.Type { return &blob{named{name: t.name, class: class}} }

// newBytes makes the type of so many bytes, as they are.
func newBytes(n int) *fixed[[]byte] {
	name := fmt.Sprintf("Bytes(%d)", n)
	return &fixed[[]byte]{
		named: named{name: name}, width: n,
		get:  func(b []byte) ([]byte, string) { return append([]byte{}, b[:n]...), "" },
		put:  func(dst []byte, v []byte) []byte { return append(dst, v...) },
		text: appendHex,
		parse: func(json []byte) ([]byte, error) {
			b, err := parseHex(json)
			if err == nil && len(b) != n {
				err = wanted(fmt.Sprintf("%d bytes", n), json)
			}
			return b, err
		},
	}
}
