package types

import "github.com/ckpt-tool/ckpt/backends"

// nullable is a byte that tells whether the value is null, and the value unless it is. Where the type has a fixed
// length, zeros may stand for a null value (Flink: NullableSerializer).
type nullable struct {
	named
	inner   backends.Type
	flag    flag
	padding int
}

// newNullable makes the type of values that may be null.
func newNullable(inner backends.Type, padding int, class string) *nullable {
	name := "Nullable<" + inner.String()
	if padding > 0 {
		name = "PaddedNullable<" + inner.String()
	}
	return &nullable{named{name: name + ">", class: class}, inner, absent, padding}
}

// Width implements backends.Type.
func (t *nullable) Width() int {
	if t.padding == 0 {
		return -1
	}
	return 1 + t.padding
}

// pad is where the zeros end that stand for a value.
func (t *nullable) pad(b []byte, at int) (int, error) {
	if len(b)-at < t.padding {
		return 0, backends.ErrShort
	}
	for i, c := range b[at : at+t.padding] {
		if c != 0 {
			return 0, t.bad(at+i, "a null has a byte that is not 0")
		}
	}
	return at + t.padding, nil
}

// Size implements backends.Type.
func (t *nullable) Size(b []byte) (int, error) {
	null, at, err := t.flag.null(&t.named, b, 0)
	if err != nil {
		return 0, err
	}
	if null {
		return t.pad(b, at)
	}
	n, err := t.inner.Size(b[at:])
	if err != nil {
		return 0, within(err, at)
	}
	return at + n, nil
}

// AppendJSON implements backends.Type.
func (t *nullable) AppendJSON(dst, b []byte) ([]byte, int, error) {
	null, at, err := t.flag.null(&t.named, b, 0)
	if err != nil {
		return dst, 0, err
	}
	if null {
		n, err := t.pad(b, at)
		if err != nil {
			return dst, 0, err
		}
		return append(dst, "null"...), n, nil
	}
	out, n, err := t.inner.AppendJSON(dst, b[at:])
	if err != nil {
		return dst, 0, within(err, at)
	}
	return out, at + n, nil
}

// Decode implements backends.Type.
func (t *nullable) Decode(b []byte) (any, int, error) {
	null, at, err := t.flag.null(&t.named, b, 0)
	if err != nil {
		return nil, 0, err
	}
	if null {
		n, err := t.pad(b, at)
		return nil, n, err
	}
	v, n, err := t.inner.Decode(b[at:])
	if err != nil {
		return nil, 0, within(err, at)
	}
	return v, at + n, nil
}

// Encode implements backends.Type.
func (t *nullable) Encode(dst []byte, v any) ([]byte, error) {
	out := t.flag.put(dst, v == nil)
	if v == nil {
		return append(out, make([]byte, t.padding)...), nil
	}
	out, err := t.inner.Encode(out, v)
	if err != nil {
		return dst, err
	}
	return out, nil
}

// FromJSON implements backends.Type.
func (t *nullable) FromJSON(json []byte) (any, error) {
	if isNull(json) {
		return nil, nil
	}
	return t.inner.FromJSON(json)
}

// Hash implements backends.Type.
func (t *nullable) Hash(v any) (int32, bool) { return hashOf(t.inner, v) }
