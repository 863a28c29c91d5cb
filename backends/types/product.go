package types

import (
	"fmt"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
)

// part is a field of a product.
type part struct {
	name  string
	t     backends.Type
	quote string // the name as JSON has it, with a colon
	width int    // of t
}

// ready fills in what follows from names and types.
func ready(parts []part) []part {
	for i := range parts {
		parts[i].quote = string(append(appendQuoted(nil, parts[i].name), ':'))
		parts[i].width = parts[i].t.Width()
	}
	return parts
}

// size is the length of the field at the beginning of b.
func (f *part) size(b []byte) (int, error) {
	if f.width < 0 {
		return f.t.Size(b)
	}
	if len(b) < f.width {
		return 0, backends.ErrShort
	}
	return f.width, nil
}

// product is fields one after the other, with nothing between: tuples, case classes, timers. In JSON it is an array,
// or an object where fields have names.
type product struct {
	named
	of      string // class of the Object it decodes to
	parts   []part
	objects bool
	width   int
	hash    func(p *product, values []any) (int32, bool) // nil: unknown
}

func newProduct(name, class string, parts []part) *product {
	p := &product{named: named{name: name, class: class}, parts: ready(parts)}
	for _, f := range parts {
		w := flinkLength(f.t)
		if w <= 0 { // Flink's tuples take a length of 0 for an unknown one
			p.width = -1
			return p
		}
		p.width += w
	}
	return p
}

// flinkLength is what TypeSerializer.getLength gives, which is the length but for one type.
func flinkLength(t backends.Type) int {
	if _, ok := t.(*voidNamespace); ok {
		return 0
	}
	return t.Width()
}

// newTuple makes the type of Flink's and Scala's tuples.
func newTuple(ts []backends.Type, class string) *product {
	p := newProduct("Tuple"+typeArgs(ts), class, unnamed(ts))
	p.hash = hashTuple
	return p
}

func unnamed(ts []backends.Type) []part {
	parts := make([]part, len(ts))
	for i, t := range ts {
		parts[i].t = t
	}
	return parts
}

func typeArgs(ts []backends.Type) string {
	names := make([]string, len(ts))
	for i, t := range ts {
		names[i] = t.String()
	}
	return "<" + strings.Join(names, ", ") + ">"
}

// hashTuple is the hashCode of Flink's tuples.
func hashTuple(p *product, values []any) (int32, bool) {
	var sum int32
	for i, v := range values {
		h, ok := hashOf(p.parts[i].t, v)
		if !ok {
			return 0, false
		}
		sum = 31*sum + h
	}
	return sum, true
}

// Width implements backends.Type.
func (t *product) Width() int { return t.width }

// Size implements backends.Type.
func (t *product) Size(b []byte) (int, error) {
	if t.width >= 0 {
		if len(b) < t.width {
			return 0, backends.ErrShort
		}
		return t.width, nil
	}
	at := 0
	for i := range t.parts {
		n, err := t.parts[i].size(b[at:])
		if err != nil {
			return 0, within(err, at)
		}
		at += n
	}
	return at, nil
}

// AppendJSON implements backends.Type.
func (t *product) AppendJSON(dst, b []byte) ([]byte, int, error) {
	from, at := len(dst), 0
	dst = append(dst, "[{"[b2i(t.objects)])
	for i := range t.parts {
		if i > 0 {
			dst = append(dst, ',')
		}
		f := &t.parts[i]
		if t.objects {
			dst = append(dst, f.quote...)
		}
		var n int
		var err error
		if dst, n, err = f.t.AppendJSON(dst, b[at:]); err != nil {
			return dst[:from], 0, within(err, at)
		}
		at += n
	}
	return append(dst, "]}"[b2i(t.objects)]), at, nil
}

// Decode implements backends.Type.
func (t *product) Decode(b []byte) (any, int, error) {
	at := 0
	values := make([]any, len(t.parts))
	for i, f := range t.parts {
		v, n, err := f.t.Decode(b[at:])
		if err != nil {
			return nil, 0, within(err, at)
		}
		values[i] = v
		at += n
	}
	return t.assemble(values), at, nil
}

func (t *product) assemble(values []any) any {
	if !t.objects {
		return values
	}
	o := &Object{Class: t.of, Fields: make([]Field, len(values))}
	for i, v := range values {
		o.Fields[i] = Field{t.parts[i].name, v}
	}
	return o
}

// values are those of what assemble makes.
func (t *product) values(v any) ([]any, error) {
	var values []any
	switch v := v.(type) {
	case []any:
		values = v
	case *Object:
		if !t.objects || v == nil {
			return nil, t.notA(v)
		}
		for i, f := range v.Fields {
			if i >= len(t.parts) || f.Name != t.parts[i].name {
				return nil, t.bad(0, "the fields are not those of the type: %q", f.Name)
			}
			values = append(values, f.Value)
		}
	default:
		return nil, t.notA(v)
	}
	if len(values) != len(t.parts) {
		return nil, t.bad(0, "it has %d fields, not %d", len(t.parts), len(values))
	}
	return values, nil
}

// Encode implements backends.Type.
func (t *product) Encode(dst []byte, v any) ([]byte, error) {
	values, err := t.values(v)
	if err != nil {
		return dst, err
	}
	from := len(dst)
	for i, f := range t.parts {
		if dst, err = f.t.Encode(dst, values[i]); err != nil {
			return dst[:from], fmt.Errorf("%s: %w", t.label(i), err)
		}
	}
	return dst, nil
}

func (t *product) label(i int) string {
	if t.objects {
		return "field " + t.parts[i].name
	}
	return fmt.Sprintf("field %d", i)
}

// FromJSON implements backends.Type.
func (t *product) FromJSON(json []byte) (any, error) {
	texts, err := t.split(json)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	values := make([]any, len(t.parts))
	for i, f := range t.parts {
		if values[i], err = f.t.FromJSON(texts[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", t.label(i), err)
		}
	}
	return t.assemble(values), nil
}

// split gives the JSON of each field.
func (t *product) split(json []byte) ([][]byte, error) {
	if t.objects {
		list, err := members(json)
		if err != nil {
			return nil, err
		}
		return fieldsOf(list, len(t.parts), func(i int) string { return t.parts[i].name })
	}
	texts, err := elements(json)
	if err == nil && len(texts) != len(t.parts) {
		err = wanted(fmt.Sprintf("an array of %d values", len(t.parts)), json)
	}
	return texts, err
}

// fieldsOf brings the members of an object into the order of n fields, which must all be there and no others.
func fieldsOf(list []member, n int, name func(int) string) ([][]byte, error) {
	byName := make(map[string][]byte, len(list))
	for _, m := range list {
		byName[m.name] = m.value
	}
	texts := make([][]byte, n)
	for i := range n {
		text, ok := byName[name(i)]
		if !ok {
			return nil, fmt.Errorf("the field %q is missing", name(i))
		}
		texts[i] = text
		delete(byName, name(i))
	}
	for _, m := range list {
		if _, left := byName[m.name]; left {
			return nil, fmt.Errorf("there is no field %q", m.name)
		}
	}
	return texts, nil
}

// Hash implements backends.Type.
func (t *product) Hash(v any) (int32, bool) {
	values, err := t.values(v)
	if t.hash == nil || err != nil {
		return 0, false
	}
	return t.hash(t, values)
}

// TTL is a value with the time of its last access, in milliseconds since 1970 (Flink: TtlSerializer).
type TTL struct {
	product
	Inner backends.Type
}

// NewTTL makes the type of values with a time to live.
func NewTTL(inner backends.Type, class string) *TTL {
	p := newProduct("TTL<"+inner.String()+">", class, []part{{name: "lastAccess", t: longType}, {name: "value", t: inner}})
	p.objects = true
	return &TTL{*p, inner}
}

// Timer is when a timer fires, in milliseconds since 1970, with its sign turned around so that bytes sort as times do;
// then key and namespace (Flink: TimerSerializer).
type Timer struct {
	product
	Key, Namespace backends.Type
}

var flippedType = &fixed[int64]{named: named{name: "Long"}, width: 8, get: getFlipped, put: putFlipped, text: appendInt[int64], parse: integer[int64](64)}

func getFlipped(b []byte) (int64, string)   { v, _ := getLong(b); return v ^ -1<<63, "" }
func putFlipped(dst []byte, v int64) []byte { return putLong(dst, v^-1<<63) }

// NewTimer makes the type of the timers of a key and a namespace.
func NewTimer(key, namespace backends.Type, class string) *Timer {
	p := newProduct("Timer<"+key.String()+", "+namespace.String()+">", class,
		[]part{{name: "ts", t: flippedType}, {name: "key", t: key}, {name: "namespace", t: namespace}})
	p.objects = true
	p.width = -1
	if k, n := key.Width(), namespace.Width(); k >= 0 && n >= 0 {
		p.width = 8 + k + n
	}
	return &Timer{*p, key, namespace}
}
