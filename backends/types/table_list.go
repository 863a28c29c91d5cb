package types

import (
	"encoding/binary"
	"fmt"

	"github.com/ckpt-tool/ckpt/backends"
)

// optional is a byte that is 1 for null, else 0 and a value: the keys of a NullAwareMapSerializer.
type optional struct{ backends.Type }

// Width implements backends.Type.
func (t *optional) Width() int { return -1 }

// empty is the length of null at the beginning of b, 0 for a value.
func (t *optional) empty(b []byte) (int, error) {
	switch {
	case len(b) == 0:
		return 0, backends.ErrShort
	case b[0] > 1:
		return 0, &backends.TypeError{Type: t.String(), Message: fmt.Sprintf("a flag is %d", b[0])}
	}
	return int(b[0]), nil
}

// Size implements backends.Type.
func (t *optional) Size(b []byte) (int, error) {
	if n, err := t.empty(b); n > 0 || err != nil {
		return n, err
	}
	n, err := t.Type.Size(b[1:])
	return n + 1, within(err, 1)
}

// AppendJSON implements backends.Type.
func (t *optional) AppendJSON(dst, b []byte) ([]byte, int, error) {
	if n, err := t.empty(b); err != nil {
		return dst, 0, err
	} else if n > 0 {
		return append(dst, "null"...), n, nil
	}
	dst, n, err := t.Type.AppendJSON(dst, b[1:])
	return dst, n + 1, within(err, 1)
}

// Decode implements backends.Type.
func (t *optional) Decode(b []byte) (any, int, error) {
	if n, err := t.empty(b); n > 0 || err != nil {
		return nil, n, err
	}
	v, n, err := t.Type.Decode(b[1:])
	return v, n + 1, within(err, 1)
}

// Encode implements backends.Type.
func (t *optional) Encode(dst []byte, v any) ([]byte, error) {
	if v == nil {
		return append(dst, 1), nil
	}
	out, err := t.Type.Encode(append(dst, 0), v)
	if err != nil {
		return dst, err
	}
	return out, nil
}

// FromJSON implements backends.Type.
func (t *optional) FromJSON(json []byte) (any, error) {
	if isNull(json) {
		return nil, nil
	}
	return t.Type.FromJSON(json)
}

// masked is the type of lists that begin with their i32 count and a mask: a bit an element, the highest first, set for null
// (Flink: LinkedListSerializer, MaskUtils).
type masked struct {
	named
	element backends.Type
}

func newMasked(element backends.Type, class string) *masked {
	return &masked{named{name: "List<" + element.String() + ">", class: class}, element}
}

// Width implements backends.Type.
func (t *masked) Width() int { return -1 }

// each calls do for each element with its offset, or -1 for null; do gives its length.
func (t *masked) each(b []byte, do func(i, at int) (int, error)) (int, error) {
	if len(b) < 4 {
		return 0, backends.ErrShort
	}
	count := int(int32(binary.BigEndian.Uint32(b)))
	if count < 0 {
		return 0, t.bad(0, "it claims to have %d elements", count)
	}
	at := 4 + (count+7)/8
	if at > len(b) {
		return 0, backends.ErrShort
	}
	for i := range count {
		if b[4+i/8]&(0x80>>(i%8)) != 0 {
			if _, err := do(i, -1); err != nil {
				return 0, err
			}
			continue
		}
		n, err := do(i, at)
		if err != nil {
			return 0, within(err, at)
		}
		at += n
	}
	return at, nil
}

// Size implements backends.Type.
func (t *masked) Size(b []byte) (int, error) {
	return t.each(b, func(_, at int) (int, error) {
		if at < 0 {
			return 0, nil
		}
		return t.element.Size(b[at:])
	})
}

// AppendJSON implements backends.Type.
func (t *masked) AppendJSON(dst, b []byte) ([]byte, int, error) {
	from := len(dst)
	dst = append(dst, '[')
	n, err := t.each(b, func(i, at int) (n int, err error) {
		if i > 0 {
			dst = append(dst, ',')
		}
		if at < 0 {
			dst = append(dst, "null"...)
			return 0, nil
		}
		dst, n, err = t.element.AppendJSON(dst, b[at:])
		return n, err
	})
	if err != nil {
		return dst[:from], 0, err
	}
	return append(dst, ']'), n, nil
}

// Decode implements backends.Type.
func (t *masked) Decode(b []byte) (any, int, error) {
	all := []any{}
	n, err := t.each(b, func(_, at int) (n int, err error) {
		var v any
		if at >= 0 {
			v, n, err = t.element.Decode(b[at:])
		}
		all = append(all, v)
		return n, err
	})
	if err != nil {
		return nil, 0, err
	}
	return all, n, nil
}

// Encode implements backends.Type.
func (t *masked) Encode(dst []byte, v any) ([]byte, error) {
	all, ok := v.([]any)
	if !ok {
		return dst, t.notA(v)
	}
	from := len(dst)
	dst = append(putInt(dst, int32(len(all))), make([]byte, (len(all)+7)/8)...)
	for i, e := range all {
		if e == nil {
			dst[from+4+i/8] |= 0x80 >> (i % 8)
			continue
		}
		var err error
		if dst, err = t.element.Encode(dst, e); err != nil {
			return dst[:from], fmt.Errorf("element %d: %w", i, err)
		}
	}
	return dst, nil
}

// FromJSON implements backends.Type.
func (t *masked) FromJSON(json []byte) (any, error) {
	items, err := elements(json)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	all := make([]any, len(items))
	for i, item := range items {
		if isNull(item) {
			continue
		}
		if all[i], err = t.element.FromJSON(item); err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
	}
	return all, nil
}

// Hash implements backends.Type.
func (t *masked) Hash(any) (int32, bool) { return 0, false }
