package types

import (
	"fmt"

	"github.com/ckpt-tool/ckpt/backends"
)

// tuple0 is a tuple of nothing, which is a byte (Flink: Tuple0Serializer).
type tuple0 struct{ void }

var tuple0Type = &tuple0{void{named{name: "Tuple<>"}, 1}}

const tuple0Byte = 42

func (t *tuple0) value(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, backends.ErrShort
	}
	if b[0] != tuple0Byte {
		return 0, t.bad(0, "a tuple of nothing is %d, not %d", b[0], tuple0Byte)
	}
	return 1, nil
}

// AppendJSON implements backends.Type.
func (t *tuple0) AppendJSON(dst, b []byte) ([]byte, int, error) {
	n, err := t.value(b)
	if err != nil {
		return dst, 0, err
	}
	return append(dst, "[]"...), n, nil
}

// Decode implements backends.Type.
func (t *tuple0) Decode(b []byte) (any, int, error) {
	n, err := t.value(b)
	if err != nil {
		return nil, 0, err
	}
	return []any{}, n, nil
}

// Encode implements backends.Type.
func (t *tuple0) Encode(dst []byte, v any) ([]byte, error) {
	if all, ok := v.([]any); !ok || len(all) > 0 {
		return dst, t.notA(v)
	}
	return append(dst, tuple0Byte), nil
}

// FromJSON implements backends.Type.
func (t *tuple0) FromJSON(json []byte) (any, error) {
	all, err := elements(json)
	if err != nil || len(all) > 0 {
		return nil, fmt.Errorf("%s: %w", t.name, wanted("an empty array", json))
	}
	return []any{}, nil
}

func (t *tuple0) withClass(class string) backends.Type {
	return &tuple0{void{named{name: t.name, class: class}, t.width}}
}
