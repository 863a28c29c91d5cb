package types

import (
	"fmt"

	"github.com/ckpt-tool/ckpt/backends"
)

// named is what all types have.
type named struct {
	name  string
	class string
	Source
}

// String implements backends.Type.
func (n *named) String() string { return n.name }

// Class implements backends.Type.
func (n *named) Class() string { return n.class }

func (n *named) bad(at int, format string, args ...any) error {
	return &backends.TypeError{Type: n.name, Offset: at, Message: fmt.Sprintf(format, args...)}
}

// notA is the error of Encode for a value of another Go type.
func (n *named) notA(v any) error {
	return &backends.TypeError{Type: n.name, Message: fmt.Sprintf("a %T is no value of it", v)}
}

// fixed is a type whose values are all of one length.
type fixed[T any] struct {
	named
	width int
	// null, where not nil, are the bytes of null; its first nullKey bytes tell it from all others.
	null    []byte
	nullKey int

	get   func(b []byte) (T, string) // the string tells what is wrong with b
	put   func(dst []byte, v T) []byte
	text  func(dst []byte, v T) []byte
	parse func(json []byte) (T, error)
	hash  func(v T) int32 // nil: only the job knows
}

// Width implements backends.Type.
func (f *fixed[T]) Width() int { return f.width }

// Size implements backends.Type.
func (f *fixed[T]) Size(b []byte) (int, error) {
	if len(b) < f.width {
		return 0, backends.ErrShort
	}
	return f.width, nil
}

func (f *fixed[T]) isNull(b []byte) bool {
	return f.null != nil && string(b[:f.nullKey]) == string(f.null[:f.nullKey])
}

// AppendJSON implements backends.Type.
func (f *fixed[T]) AppendJSON(dst, b []byte) ([]byte, int, error) {
	if len(b) < f.width {
		return dst, 0, backends.ErrShort
	}
	if f.isNull(b) {
		return append(dst, "null"...), f.width, nil
	}
	v, wrong := f.get(b)
	if wrong != "" {
		return dst, 0, f.bad(0, "%s", wrong)
	}
	return f.text(dst, v), f.width, nil
}

// Decode implements backends.Type.
func (f *fixed[T]) Decode(b []byte) (any, int, error) {
	if len(b) < f.width {
		return nil, 0, backends.ErrShort
	}
	if f.isNull(b) {
		return nil, f.width, nil
	}
	v, wrong := f.get(b)
	if wrong != "" {
		return nil, 0, f.bad(0, "%s", wrong)
	}
	return v, f.width, nil
}

// Encode implements backends.Type.
func (f *fixed[T]) Encode(dst []byte, v any) ([]byte, error) {
	if v == nil && f.null != nil {
		return append(dst, f.null...), nil
	}
	if t, ok := v.(T); ok {
		return f.put(dst, t), nil
	}
	return dst, f.notA(v)
}

// FromJSON implements backends.Type.
func (f *fixed[T]) FromJSON(json []byte) (any, error) {
	if f.null != nil && isNull(json) {
		return nil, nil
	}
	v, err := f.parse(json)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.name, err)
	}
	return v, nil
}

// Hash implements backends.Type.
func (f *fixed[T]) Hash(v any) (int32, bool) {
	t, ok := v.(T)
	if v == nil && f.null != nil {
		return 0, f.hash != nil
	}
	if f.hash == nil || !ok {
		return 0, false
	}
	return f.hash(t), true
}

// withClass is the same type as another snapshot has it.
func (f *fixed[T]) withClass(class string) backends.Type {
	t := *f
	t.class = class
	return &t
}

// void is a type of one value, null, of so many zeros. Flink does not look at them, but it writes no others, so
// that they show damage, and where bytes are read as what they are not.
type void struct {
	named
	width int
}

// value is the length of the value at the beginning of b.
func (t *void) value(b []byte) (int, error) {
	if len(b) < t.width {
		return 0, backends.ErrShort
	}
	for _, c := range b[:t.width] {
		if c != 0 {
			return 0, t.bad(0, "a byte that is always 0 is %d", c)
		}
	}
	return t.width, nil
}

// Width implements backends.Type.
func (t *void) Width() int { return t.width }

// Size implements backends.Type.
func (t *void) Size(b []byte) (int, error) {
	if len(b) < t.width {
		return 0, backends.ErrShort
	}
	return t.width, nil
}

// AppendJSON implements backends.Type.
func (t *void) AppendJSON(dst, b []byte) ([]byte, int, error) {
	n, err := t.value(b)
	if err != nil {
		return dst, 0, err
	}
	return append(dst, "null"...), n, nil
}

// Decode implements backends.Type.
func (t *void) Decode(b []byte) (any, int, error) {
	n, err := t.value(b)
	return nil, n, err
}

// Encode implements backends.Type.
func (t *void) Encode(dst []byte, v any) ([]byte, error) {
	if v != nil {
		return dst, t.notA(v)
	}
	return append(dst, make([]byte, t.width)...), nil
}

// FromJSON implements backends.Type.
func (t *void) FromJSON(json []byte) (any, error) {
	if !isNull(json) {
		return nil, fmt.Errorf("%s: %w", t.name, wanted("null", json))
	}
	return nil, nil
}

// Hash implements backends.Type. Nobody computes the hash of the one value there is.
func (t *void) Hash(any) (int32, bool) { return 0, false }

func (t *void) withClass(class string) backends.Type {
	return &void{named{name: t.name, class: class}, t.width}
}

// voidNamespace is a byte of which Flink says that it has no length.
type voidNamespace struct{ void }

func (t *voidNamespace) withClass(class string) backends.Type {
	return &voidNamespace{void{named{name: t.name, class: class}, t.width}}
}
