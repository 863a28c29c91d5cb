package types

import (
	"fmt"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
)

// Pojo is the type of a class with fields: a byte of flags, and what these say (Flink: PojoSerializer).
//
//	1  null; nothing follows
//	2  an object of the class: for each field a byte that is 1 if it is null, and its value unless it is
//	4  of a subclass, whose name follows as utf, then its value by its own type
//	8  of a registered subclass, whose u8 number follows, then its value by its own type
//
// Fields are in the order of the snapshot. The types of subclasses are those of the snapshot itself, else those of
// other states of the same header; see classes.
type Pojo struct {
	named
	Of     string // Java class
	parts  []part
	tagged []subclass // by their number
	others []subclass // by their name
	known  *classes
	level  int
}

type subclass struct {
	name string
	t    backends.Type
}

const (
	pojoNull   = 1
	pojoSame   = 2
	pojoNamed  = 4
	pojoTagged = 8
)

func newPojo(of string, parts []part, class string) *Pojo {
	texts := make([]string, len(parts))
	for i := range parts {
		texts[i] = parts[i].name + ":" + parts[i].t.String()
	}
	return &Pojo{named: named{name: "Pojo(" + of + "){" + strings.Join(texts, ", ") + "}", class: class}, Of: of, parts: ready(parts)}
}

// Width implements backends.Type.
func (t *Pojo) Width() int { return -1 }

// head reads the flags. sub is the type of the subclass, nil for the class itself, whose fields are then at at.
func (t *Pojo) head(b []byte) (null bool, sub backends.Type, at int, err error) {
	if len(b) == 0 {
		return false, nil, 0, backends.ErrShort
	}
	switch b[0] {
	case pojoSame:
		return false, nil, 1, nil
	case pojoNull:
		return true, nil, 1, nil
	case pojoNamed:
		sub, at, err = t.byName(b)
	case pojoTagged:
		sub, at, err = t.byTag(b)
	default:
		return false, nil, 0, t.bad(0, "an object begins with the flags %#x", b[0])
	}
	return false, sub, at, err
}

func (t *Pojo) byTag(b []byte) (backends.Type, int, error) {
	if len(b) < 2 {
		return nil, 0, backends.ErrShort
	}
	if int(b[1]) >= len(t.tagged) {
		return nil, 0, t.bad(1, "%s has no registered subclass %d", t.Of, b[1])
	}
	return t.tagged[b[1]].t, 2, nil
}

func (t *Pojo) byName(b []byte) (backends.Type, int, error) {
	if len(b) < 3 {
		return nil, 0, backends.ErrShort
	}
	n := int(b[1])<<8 | int(b[2])
	if len(b)-3 < n {
		return nil, 0, backends.ErrShort
	}
	name := b[3 : 3+n]
	for i := range t.others {
		if t.others[i].name == string(name) {
			return t.others[i].t, 3 + n, nil
		}
	}
	if t.level >= maxObjects {
		return nil, 0, t.bad(0, "objects lie more than %d deep within each other", maxObjects)
	}
	if sub := t.known.subclass(name, t.level+1); sub != nil {
		return sub, 3 + n, nil
	}
	return nil, 0, &backends.OpaqueError{Class: string(name), Hint: hintFor(string(name))}
}

// Size implements backends.Type.
func (t *Pojo) Size(b []byte) (int, error) {
	null, sub, at, err := t.head(b)
	if err != nil || null {
		return at, err
	}
	if sub != nil {
		n, err := sub.Size(b[at:])
		if err != nil {
			return 0, within(err, at)
		}
		return at + n, nil
	}
	for i := range t.parts {
		if at >= len(b) {
			return 0, backends.ErrShort
		}
		if b[at] == 1 {
			at++
			continue
		}
		if b[at] != 0 {
			return 0, t.bad(at, "a flag is %d", b[at])
		}
		n, err := t.parts[i].size(b[at+1:])
		if err != nil {
			return 0, within(err, at+1)
		}
		at += 1 + n
	}
	return at, nil
}

// AppendJSON implements backends.Type. An object of a subclass begins with its "@class".
func (t *Pojo) AppendJSON(dst, b []byte) ([]byte, int, error) { return t.appendJSON(dst, b, false) }

func (t *Pojo) appendJSON(dst, b []byte, named bool) ([]byte, int, error) {
	null, sub, at, err := t.head(b)
	if err != nil {
		return dst, 0, err
	}
	if null {
		return append(dst, "null"...), at, nil
	}
	from := len(dst)
	n := 0
	switch p, ok := sub.(*Pojo); {
	case sub == nil:
		dst, n, err = t.appendFields(dst, b[at:], named)
	case ok:
		dst, n, err = p.appendJSON(dst, b[at:], true)
	default:
		dst, n, err = sub.AppendJSON(dst, b[at:])
	}
	if err != nil {
		return dst[:from], 0, within(err, at)
	}
	return dst, at + n, nil
}

func (t *Pojo) appendFields(dst, b []byte, named bool) ([]byte, int, error) {
	dst = append(dst, '{')
	if named {
		dst = appendQuoted(append(dst, `"@class":`...), t.Of)
	}
	at := 0
	for i := range t.parts {
		if i > 0 || named {
			dst = append(dst, ',')
		}
		f := &t.parts[i]
		dst = append(dst, f.quote...)
		null, next, err := absent.null(&t.named, b, at)
		if err != nil {
			return dst, 0, err
		}
		at = next
		if null {
			dst = append(dst, "null"...)
			continue
		}
		var n int
		if dst, n, err = f.t.AppendJSON(dst, b[at:]); err != nil {
			return dst, 0, within(err, at)
		}
		at += n
	}
	return append(dst, '}'), at, nil
}

// Decode implements backends.Type.
func (t *Pojo) Decode(b []byte) (any, int, error) {
	null, sub, at, err := t.head(b)
	if err != nil || null {
		return nil, at, err
	}
	if sub != nil {
		v, n, err := sub.Decode(b[at:])
		if err != nil {
			return nil, 0, within(err, at)
		}
		return v, at + n, nil
	}
	o := &Object{Class: t.Of, Fields: make([]Field, len(t.parts))}
	for i, f := range t.parts {
		null, next, err := absent.null(&t.named, b, at)
		if err != nil {
			return nil, 0, err
		}
		at = next
		o.Fields[i].Name = f.name
		if null {
			continue
		}
		v, n, err := f.t.Decode(b[at:])
		if err != nil {
			return nil, 0, within(err, at)
		}
		o.Fields[i].Value = v
		at += n
	}
	return o, at, nil
}

// Encode implements backends.Type.
func (t *Pojo) Encode(dst []byte, v any) ([]byte, error) {
	if v == nil {
		return append(dst, pojoNull), nil
	}
	o, ok := v.(*Object)
	if !ok || o == nil {
		return dst, t.notA(v)
	}
	if o.Class != t.Of && o.Class != "" {
		return t.encodeSub(dst, o)
	}
	if len(o.Fields) != len(t.parts) {
		return dst, t.bad(0, "it has %d fields, not %d", len(t.parts), len(o.Fields))
	}
	from := len(dst)
	dst = append(dst, pojoSame)
	for i, f := range t.parts {
		value := o.Fields[i].Value
		if o.Fields[i].Name != f.name {
			return dst[:from], t.bad(0, "the fields are not those of the type: %q", o.Fields[i].Name)
		}
		dst = absent.put(dst, value == nil)
		if value == nil {
			continue
		}
		var err error
		if dst, err = f.t.Encode(dst, value); err != nil {
			return dst[:from], fmt.Errorf("field %s: %w", f.name, err)
		}
	}
	return dst, nil
}

func (t *Pojo) encodeSub(dst []byte, o *Object) ([]byte, error) {
	sub, head, err := t.sub(o.Class)
	if err != nil {
		return dst, err
	}
	out, err := sub.Encode(append(dst, head...), o)
	if err != nil {
		return dst, err
	}
	return out, nil
}

// sub is the type of a subclass, and the bytes that announce it.
func (t *Pojo) sub(class string) (backends.Type, []byte, error) {
	for i := range t.tagged {
		if t.tagged[i].name == class {
			return t.tagged[i].t, []byte{pojoTagged, byte(i)}, nil
		}
	}
	head, err := appendModified([]byte{pojoNamed}, class)
	if err != nil {
		return nil, nil, t.bad(0, "the class %q: %v", class, err)
	}
	sub, _, err := t.byName(head)
	return sub, head, err
}

// FromJSON implements backends.Type. It takes fields in any order; "@class" names a subclass.
func (t *Pojo) FromJSON(json []byte) (any, error) {
	if isNull(json) {
		return nil, nil
	}
	list, err := members(json)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Of, err)
	}
	for i, m := range list {
		if m.name != "@class" {
			continue
		}
		class, err := parseString(m.value)
		if err != nil {
			return nil, err
		}
		if class != t.Of {
			return t.subFromJSON(class, json)
		}
		list = append(list[:i:i], list[i+1:]...)
		break
	}
	texts, err := fieldsOf(list, len(t.parts), func(i int) string { return t.parts[i].name })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Of, err)
	}
	o := &Object{Class: t.Of, Fields: make([]Field, len(t.parts))}
	for i, f := range t.parts {
		o.Fields[i].Name = f.name
		if isNull(texts[i]) {
			continue
		}
		if o.Fields[i].Value, err = f.t.FromJSON(texts[i]); err != nil {
			return nil, fmt.Errorf("field %s: %w", f.name, err)
		}
	}
	return o, nil
}

func (t *Pojo) subFromJSON(class string, json []byte) (any, error) {
	sub, _, err := t.sub(class)
	if err != nil {
		return nil, err
	}
	if p, ok := sub.(*Pojo); !ok || p.Of != class {
		return nil, fmt.Errorf("%s: no object can be made of the subclass %s", t.Of, class)
	}
	return sub.FromJSON(json)
}

// Hash implements backends.Type. Only the class knows its hashCode.
func (t *Pojo) Hash(any) (int32, bool) { return 0, false }

// pojoBody reads a PojoSerializerSnapshot: the class, then three maps: of the fields, of the registered subclasses,
// whose numbers are their order, and of other subclasses that were met.
func pojoBody(s *snapshots, class string, version int32) backends.Type {
	from := s.start
	s.known(class, version, 2, 2)
	of := s.utf()
	var parts []part
	s.optionalMap(func(name string, _, value []byte) {
		parts = append(parts, part{name: name, t: s.optionally(value, of+"."+name)})
	})
	t := newPojo(of, parts, class)
	s.optionalMap(func(name string, _, value []byte) {
		t.tagged = append(t.tagged, subclass{name, s.optionally(value, name)})
	})
	s.optionalMap(func(name string, _, value []byte) {
		if value != nil {
			t.others = append(t.others, subclass{name, s.optionally(value, name)})
		}
	})
	t.known, t.level = s.reader.classes, s.level
	if s.err == nil && s.level == 0 {
		t.known.add(of, t.name, s.data[from:s.at])
	}
	return t
}

// optionally reads the snapshot in a frame; without one, values are opaque.
func (s *snapshots) optionally(frame []byte, what string) backends.Type {
	if frame == nil {
		return NewOpaque(what, "")
	}
	return s.inFrame(frame)
}
