package types

import (
	"fmt"

	"github.com/ckpt-tool/ckpt/backends"
)

// valueText is a StringValue, the type of Flink's own: as a String, but its length is that of the units, and there is
// no null.
type valueText struct{ named }

var stringValueType = &valueText{named{name: "StringValue"}}

// Width implements backends.Type.
func (t *valueText) Width() int { return -1 }

// Size implements backends.Type.
func (t *valueText) Size(b []byte) (int, error) { return stringSize(b, 0) }

// AppendJSON implements backends.Type.
func (t *valueText) AppendJSON(dst, b []byte) ([]byte, int, error) {
	return appendStringJSON(dst, b, 0)
}

// Decode implements backends.Type.
func (t *valueText) Decode(b []byte) (any, int, error) {
	text, _, n, err := textOf(b, 0)
	if err != nil {
		return nil, 0, err
	}
	return string(text), n, nil
}

// Encode implements backends.Type.
func (t *valueText) Encode(dst []byte, v any) ([]byte, error) {
	s, ok := v.(string)
	if !ok {
		return dst, t.notA(v)
	}
	out, err := appendUnitsOf(dst, s, 0)
	if err != nil {
		return dst, t.bad(0, "%v", err)
	}
	return out, nil
}

// FromJSON implements backends.Type.
func (t *valueText) FromJSON(json []byte) (any, error) {
	s, err := parseString(json)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	return s, nil
}

// Hash implements backends.Type. A StringValue does not hash as a String does.
func (t *valueText) Hash(any) (int32, bool) { return 0, false }

func (t *valueText) withClass(class string) backends.Type {
	return &valueText{named{name: t.name, class: class}}
}

// utf is a text as DataOutput.writeUTF has it: an u16 length in bytes, and modified UTF-8. None of Flink's serializers
// has such values, but many of jobs do.
type utf struct{ named }

var utfType = &utf{named{name: "Utf"}}

// Width implements backends.Type.
func (t *utf) Width() int { return -1 }

// Size implements backends.Type.
func (t *utf) Size(b []byte) (int, error) {
	if len(b) < 2 {
		return 0, backends.ErrShort
	}
	n := 2 + int(b[0])<<8 + int(b[1])
	if len(b) < n {
		return 0, backends.ErrShort
	}
	return n, nil
}

func (t *utf) text(b []byte) (string, int, error) {
	n, err := t.Size(b)
	if err != nil {
		return "", 0, err
	}
	s, ok := fromModified(b[2:n])
	if !ok {
		return "", 0, t.bad(0, "a text is not modified UTF-8")
	}
	return s, n, nil
}

// AppendJSON implements backends.Type.
func (t *utf) AppendJSON(dst, b []byte) ([]byte, int, error) {
	s, n, err := t.text(b)
	if err != nil {
		return dst, 0, err
	}
	return appendQuoted(dst, s), n, nil
}

// Decode implements backends.Type.
func (t *utf) Decode(b []byte) (any, int, error) {
	s, n, err := t.text(b)
	if err != nil {
		return nil, 0, err
	}
	return s, n, nil
}

// Encode implements backends.Type.
func (t *utf) Encode(dst []byte, v any) ([]byte, error) {
	s, ok := v.(string)
	if !ok {
		return dst, t.notA(v)
	}
	out, err := appendModified(dst, s)
	if err != nil {
		return dst, t.bad(0, "%v", err)
	}
	return out, nil
}

// FromJSON implements backends.Type.
func (t *utf) FromJSON(json []byte) (any, error) {
	s, err := parseString(json)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	return s, nil
}

// Hash implements backends.Type.
func (t *utf) Hash(v any) (int32, bool) {
	s, ok := v.(string)
	return hashText(s), ok
}

func (t *utf) withClass(class string) backends.Type { return &utf{named{name: t.name, class: class}} }
