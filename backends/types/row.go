package types

import (
	"fmt"

	"github.com/ckpt-tool/ckpt/backends"
)

// Row is the type of rows: a mask of bits, the highest of each byte first, then the fields that are not null. The
// first two bits are the kind, its lower bit before its higher; rows of before Flink 1.11 lack them. Then
// each field has a bit, which is set if it is null (Flink: RowSerializer).
type Row struct {
	named
	Fields []backends.Type
	kinds  int // bits of the mask for the kind: 2 or 0
}

func newRow(fields []backends.Type, kinds bool, class string) *Row {
	t := &Row{named{name: "Row" + typeArgs(fields), class: class}, fields, 0}
	if kinds {
		t.kinds = 2
		return t
	}
	t.name = "Old" + t.name
	return t
}

func (t *Row) mask() int { return (len(t.Fields) + t.kinds + 7) / 8 }

func bit(mask []byte, i int) bool { return mask[i/8]<<(i%8)&0x80 != 0 }

func (t *Row) kind(mask []byte) RowKind {
	if t.kinds == 0 {
		return Insert
	}
	return RowKind(b2i(bit(mask, 0)) + 2*b2i(bit(mask, 1)))
}

// Width implements backends.Type.
func (t *Row) Width() int { return -1 }

// Size implements backends.Type.
func (t *Row) Size(b []byte) (int, error) {
	at := t.mask()
	if len(b) < at {
		return 0, backends.ErrShort
	}
	for i, f := range t.Fields {
		if bit(b, i+t.kinds) {
			continue
		}
		n, err := f.Size(b[at:])
		if err != nil {
			return 0, within(err, at)
		}
		at += n
	}
	return at, nil
}

// AppendJSON implements backends.Type.
func (t *Row) AppendJSON(dst, b []byte) ([]byte, int, error) {
	at := t.mask()
	if len(b) < at {
		return dst, 0, backends.ErrShort
	}
	from := len(dst)
	dst = append(dst, `{"rowKind":"`...)
	dst = append(dst, t.kind(b).String()...)
	dst = append(dst, `","fields":[`...)
	for i, f := range t.Fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		if bit(b, i+t.kinds) {
			dst = append(dst, "null"...)
			continue
		}
		var n int
		var err error
		if dst, n, err = f.AppendJSON(dst, b[at:]); err != nil {
			return dst[:from], 0, within(err, at)
		}
		at += n
	}
	return append(dst, "]}"...), at, nil
}

// Decode implements backends.Type.
func (t *Row) Decode(b []byte) (any, int, error) {
	at := t.mask()
	if len(b) < at {
		return nil, 0, backends.ErrShort
	}
	r := &Record{Kind: t.kind(b), Fields: make([]any, len(t.Fields))}
	for i, f := range t.Fields {
		if bit(b, i+t.kinds) {
			continue
		}
		v, n, err := f.Decode(b[at:])
		if err != nil {
			return nil, 0, within(err, at)
		}
		r.Fields[i] = v
		at += n
	}
	return r, at, nil
}

// Encode implements backends.Type.
func (t *Row) Encode(dst []byte, v any) ([]byte, error) {
	r, ok := v.(*Record)
	switch {
	case !ok || r == nil:
		return dst, t.notA(v)
	case len(r.Fields) != len(t.Fields):
		return dst, t.bad(0, "it has %d fields, not %d", len(t.Fields), len(r.Fields))
	case r.Kind > Delete || t.kinds == 0 && r.Kind != Insert:
		return dst, t.bad(0, "its rows have no kind %s", r.Kind)
	}
	from := len(dst)
	dst = append(dst, make([]byte, t.mask())...)
	set := func(i int, on bool) { dst[from+i/8] |= byte(b2i(on)) << 7 >> (i % 8) }
	if t.kinds > 0 {
		set(0, r.Kind&1 != 0)
		set(1, r.Kind&2 != 0)
	}
	for i, f := range t.Fields {
		set(i+t.kinds, r.Fields[i] == nil)
		if r.Fields[i] == nil {
			continue
		}
		var err error
		if dst, err = f.Encode(dst, r.Fields[i]); err != nil {
			return dst[:from], fmt.Errorf("field %d: %w", i, err)
		}
	}
	return dst, nil
}

// FromJSON implements backends.Type.
func (t *Row) FromJSON(json []byte) (any, error) {
	kind, texts, err := recordOf(json, len(t.Fields))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	r := &Record{Kind: kind, Fields: make([]any, len(t.Fields))}
	for i, f := range t.Fields {
		if isNull(texts[i]) {
			continue
		}
		if r.Fields[i], err = f.FromJSON(texts[i]); err != nil {
			return nil, fmt.Errorf("field %d: %w", i, err)
		}
	}
	return r, nil
}

// recordOf splits the JSON of a row: an object of a kind, which may be left out, and n fields; or just an array of them.
func recordOf(json []byte, n int) (RowKind, [][]byte, error) {
	kind := Insert
	fields := json
	if b := trim(json); len(b) > 0 && b[0] == '{' {
		list, err := members(json)
		if err != nil {
			return 0, nil, err
		}
		fields = nil
		for _, m := range list {
			switch m.name {
			case "fields":
				fields = m.value
			case "rowKind":
				if kind, err = kindOf(m.value); err != nil {
					return 0, nil, err
				}
			default:
				return 0, nil, fmt.Errorf("there is no field %q", m.name)
			}
		}
	}
	texts, err := elements(fields)
	if err != nil || len(texts) != n {
		return 0, nil, wanted(fmt.Sprintf(`{"rowKind":"+I","fields":[…]} with %d fields`, n), json)
	}
	return kind, texts, nil
}

func kindOf(json []byte) (RowKind, error) {
	s, err := parseString(json)
	for i, name := range rowKinds {
		if err == nil && s == name {
			return RowKind(i), nil
		}
	}
	return 0, wanted(`one of "+I", "-U", "+U", "-D"`, json)
}

// Hash implements backends.Type. Rows with named and with numbered fields hash differently, and the bytes do not
// tell which the job has.
func (t *Row) Hash(any) (int32, bool) { return 0, false }
