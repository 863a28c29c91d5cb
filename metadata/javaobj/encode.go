package javaobj

import (
	"encoding/binary"
	"fmt"
)

// Append writes a stream of root behind buf, as Java's ObjectOutputStream does: the
// second use of a class, an object or an equal string is a reference. It knows
// objects of plain fields, strings, enums, booleans and null, and says so of anything else.
func Append(buf []byte, root any) ([]byte, error) {
	e := &encoder{buf: binary.BigEndian.AppendUint32(buf, header), handles: map[any]int{}}
	e.content(root)
	return e.buf, e.err
}

type encoder struct {
	buf     []byte
	handles map[any]int
	err     error
}

func (e *encoder) utf(s string) {
	e.buf = append(binary.BigEndian.AppendUint16(e.buf, uint16(len(s))), s...)
}

// known writes a reference to v where it has a handle.
func (e *encoder) known(v any) bool {
	i, ok := e.handles[v]
	if ok {
		e.buf = binary.BigEndian.AppendUint32(append(e.buf, tcRef), uint32(firstWire+i))
	}
	return ok
}

func (e *encoder) assign(v any) { e.handles[v] = len(e.handles) }

func (e *encoder) content(v any) {
	switch v := v.(type) {
	case nil:
		e.buf = append(e.buf, tcNull)
	case string:
		if !e.known(v) {
			e.buf = append(e.buf, tcString)
			e.assign(v)
			e.utf(v)
		}
	case *Enum:
		if !e.known(v) {
			e.buf = append(e.buf, tcEnum)
			e.class(v.Class)
			e.assign(v)
			e.content(v.Name)
		}
	case *Object:
		if !e.known(v) {
			e.object(v)
		}
	default:
		e.err = fmt.Errorf("a %T cannot be written", v)
	}
}

func (e *encoder) class(c *Class) {
	if c == nil {
		e.buf = append(e.buf, tcNull)
		return
	}
	if e.known(c) {
		return
	}
	if len(c.Annotation)+len(c.Interfaces) > 0 {
		e.err = fmt.Errorf("class %s cannot be written", c.Name)
		return
	}
	e.buf = append(e.buf, tcClass)
	e.utf(c.Name)
	e.buf = binary.BigEndian.AppendUint64(e.buf, uint64(c.UID))
	e.assign(c)
	e.buf = append(e.buf, c.Flags)
	e.buf = binary.BigEndian.AppendUint16(e.buf, uint16(len(c.Fields)))
	for _, f := range c.Fields {
		e.buf = append(e.buf, f.Code)
		e.utf(f.Name)
		if f.Code == 'L' || f.Code == '[' {
			e.content(f.Type)
		}
	}
	e.buf = append(e.buf, tcEnd)
	e.class(c.Super)
}

func (e *encoder) object(o *Object) {
	e.buf = append(e.buf, tcObject)
	e.class(o.Class)
	e.assign(o)
	for _, v := range o.Values {
		b, ok := v.(bool)
		switch {
		case !ok:
			e.content(v)
		case b:
			e.buf = append(e.buf, 1)
		default:
			e.buf = append(e.buf, 0)
		}
	}
}
