package javaobj

import (
	"encoding/binary"
	"fmt"
	"math"
)

const (
	header     = 0xACED0005
	firstWire  = 0x7E0000 // number of the first handle
	maxDepth   = 500
	maxSupers  = 100
	tcNull     = 0x70
	tcRef      = 0x71
	tcClass    = 0x72
	tcObject   = 0x73
	tcString   = 0x74
	tcArray    = 0x75
	tcClassObj = 0x76
	tcBlock    = 0x77
	tcEnd      = 0x78
	tcReset    = 0x79
	tcBlockL   = 0x7A
	tcStringL  = 0x7C
	tcProxy    = 0x7D
	tcEnum     = 0x7E
)

// Note is told of the bytes [from, to) of the stream and what they are.
type Note func(from, to int, what, value string)

// Parse reads the header and the first content of data, and how many bytes these
// take. The error is an *Error. Memory is bounded by a multiple of len(data).
func Parse(data []byte) (root any, n int, err error) { return ParseNoted(data, nil) }

// ParseNoted is Parse with a note for all that is read.
func ParseNoted(data []byte, note Note) (root any, n int, err error) {
	p := &parser{data: data, note: note}
	if p.uint(4, "stream header") != header && p.err == nil {
		p.fail(0, "not a Java object stream: it does not begin with ac ed 00 05")
	}
	root = p.content()
	if p.err != nil {
		return nil, p.pos, p.err
	}
	return root, p.pos, nil
}

type parser struct {
	data    []byte
	pos     int
	handles []any
	depth   int
	err     error
	note    Note
}

func (p *parser) fail(at int, format string, args ...any) {
	if p.err == nil {
		p.err = &Error{Offset: at, Message: fmt.Sprintf(format, args...)}
		p.data = p.data[:p.pos]
	}
}

// cut is fail for a stream that ends within what it says is there.
func (p *parser) cut(at int, what string) {
	if p.err == nil {
		p.fail(at, "the object stream ends within %s", what)
		p.err.(*Error).Short = true
	}
}

func (p *parser) bytes(n int, what string) []byte {
	if n < 0 {
		p.fail(p.pos, "impossible length %d of %s", n, what)
		return nil
	}
	if n > len(p.data)-p.pos {
		p.cut(p.pos, what)
		return nil
	}
	b := p.data[p.pos : p.pos+n : p.pos+n]
	p.pos += n
	return b
}

// blob reads n bytes that mean nothing here.
func (p *parser) blob(n int, what string) []byte {
	b := p.bytes(n, what)
	if p.note != nil && p.err == nil {
		p.note(p.pos-n, p.pos, what, fmt.Sprintf("%d bytes", n))
	}
	return b
}

// uint reads n bytes, big-endian.
func (p *parser) uint(n int, what string) uint64 {
	var v uint64
	for _, b := range p.bytes(n, what) {
		v = v<<8 | uint64(b)
	}
	if p.note != nil && p.err == nil {
		p.note(p.pos-n, p.pos, what, fmt.Sprintf("0x%0*x", 2*n, v))
	}
	return v
}

func (p *parser) utf(long bool, what string) string {
	start, width := p.pos, 2
	if long {
		width = 8
	}
	var head [8]byte
	copy(head[8-width:], p.bytes(width, what))
	n := binary.BigEndian.Uint64(head[:])
	if n > uint64(len(p.data)-p.pos) {
		p.cut(start, what)
		return ""
	}
	s := string(p.bytes(int(n), what))
	if p.note != nil && p.err == nil {
		p.note(start, p.pos, what, fmt.Sprintf("%q", s))
	}
	return s
}

// assign gives v the next handle.
func (p *parser) assign(v any) int {
	p.handles = append(p.handles, v)
	return len(p.handles) - 1
}

func (p *parser) reference() any {
	at := p.pos
	i := int64(int32(p.uint(4, "reference"))) - firstWire
	if p.err != nil {
		return nil
	}
	if i < 0 || i >= int64(len(p.handles)) {
		p.fail(at, "reference to a handle that does not exist")
		return nil
	}
	return p.handles[i]
}

// code reads the byte that says what follows.
func (p *parser) code() byte {
	b := p.bytes(1, "type code")
	if b == nil {
		return 0
	}
	if p.note != nil {
		p.note(p.pos-1, p.pos, "type code", codeName(b[0]))
	}
	return b[0]
}

// content reads one content that is a value.
func (p *parser) content() any {
	at := p.pos
	return p.contentOf(at, p.code())
}

func (p *parser) contentOf(at int, code byte) any {
	if p.err != nil {
		return nil
	}
	if p.depth++; p.depth > maxDepth {
		p.fail(at, "objects nest deeper than %d levels", maxDepth)
	}
	defer func() { p.depth-- }()
	switch code {
	case tcNull:
		return nil
	case tcRef:
		return p.reference()
	case tcClass, tcProxy:
		return p.class(at, code)
	case tcObject:
		return p.object()
	case tcString, tcStringL:
		i := p.assign(nil)
		s := p.utf(code == tcStringL, "string")
		p.handles[i] = s
		return s
	case tcArray:
		return p.array()
	case tcClassObj:
		c := p.classDesc()
		p.assign(c)
		return c
	case tcEnum:
		e := &Enum{Class: p.classDesc()}
		p.assign(e)
		name, ok := p.content().(string)
		if !ok {
			p.fail(at, "an enum constant without a name")
		}
		e.Name = name
		return e
	case tcBlock:
		return Block(p.blob(int(p.uint(1, "block length")), "block data"))
	case tcBlockL:
		return Block(p.blob(int(int32(p.uint(4, "block length"))), "block data"))
	case tcReset:
		p.handles = nil
		return p.content()
	}
	p.fail(at, "type code 0x%02x is none of Java's", code)
	return nil
}

// classDesc reads what must be a class description or null.
func (p *parser) classDesc() *Class {
	at := p.pos
	switch v := p.content().(type) {
	case nil:
		return nil
	case *Class:
		return v
	default:
		p.fail(at, "a class description was expected")
		return nil
	}
}

func (p *parser) class(at int, code byte) *Class {
	c := &Class{}
	if code == tcProxy {
		p.assign(c)
		n := int(int32(p.uint(4, "number of interfaces")))
		for i := 0; i < n && p.err == nil; i++ {
			c.Interfaces = append(c.Interfaces, p.utf(false, "interface"))
		}
		c.Flags = flagSerializable
	} else {
		c.Name = p.utf(false, "class name")
		c.UID = int64(p.uint(8, "serialVersionUID"))
		p.assign(c)
		c.Flags = uint8(p.uint(1, "class flags"))
		n := int(p.uint(2, "number of fields"))
		c.Fields = make([]Field, 0, min(n, (len(p.data)-p.pos)/3))
		for i := 0; i < n && p.err == nil; i++ {
			c.Fields = append(c.Fields, p.field())
		}
	}
	c.Annotation = p.annotation()
	c.Super = p.classDesc()
	supers := 0
	for s := c.Super; s != nil; s = s.Super {
		if supers++; supers > maxSupers || s == c {
			p.fail(at, "class %q has no end of superclasses", c.Name)
			c.Super = nil
			return c
		}
	}
	return c
}

func (p *parser) field() Field {
	at := p.pos
	f := Field{Code: byte(p.uint(1, "field type")), Name: p.utf(false, "field name")}
	switch f.Code {
	case 'B', 'C', 'D', 'F', 'I', 'J', 'S', 'Z':
	case 'L', '[':
		t, ok := p.content().(string)
		if !ok {
			p.fail(at, "field %q has no type", f.Name)
		}
		f.Type = t
	default:
		p.fail(at, "field type 0x%02x is none of Java's", f.Code)
	}
	return f
}

// annotation reads contents up to the end mark.
func (p *parser) annotation() []any {
	var out []any
	for p.err == nil {
		at := p.pos
		code := p.code()
		if code == tcEnd {
			break
		}
		out = append(out, p.contentOf(at, code))
	}
	return out
}

func (p *parser) object() *Object {
	at := p.pos
	o := &Object{Class: p.classDesc()}
	p.assign(o)
	if o.Class == nil {
		p.fail(at, "an object without a class")
		return o
	}
	fields := 0
	for c := o.Class; c != nil; c = c.Super {
		fields += len(c.Fields)
	}
	o.Values = make([]any, 0, min(fields, len(p.data)-p.pos))
	p.classData(o, o.Class)
	return o
}

// classData reads the values of c's superclasses, then of c.
func (p *parser) classData(o *Object, c *Class) {
	if c.Super != nil {
		p.classData(o, c.Super)
	}
	if c.Flags&flagExternal != 0 {
		if c.Flags&flagBlockData == 0 {
			p.fail(p.pos, "class %q writes data of a form that only it knows", c.Name)
			return
		}
		o.Annotations = append(o.Annotations, Annotation{c, p.annotation()})
		return
	}
	for _, f := range c.Fields {
		if p.err != nil {
			return
		}
		o.Values = append(o.Values, p.value(f.Code, f.Name))
	}
	if c.Flags&flagWriteMethod != 0 {
		o.Annotations = append(o.Annotations, Annotation{c, p.annotation()})
	}
}

// value reads a field or element of the type of code.
func (p *parser) value(code byte, what string) any {
	switch code {
	case 'Z':
		return p.uint(1, what) != 0
	case 'B':
		return int8(p.uint(1, what))
	case 'C':
		return uint16(p.uint(2, what))
	case 'S':
		return int16(p.uint(2, what))
	case 'I':
		return int32(p.uint(4, what))
	case 'J':
		return int64(p.uint(8, what))
	case 'F':
		return math.Float32frombits(uint32(p.uint(4, what)))
	case 'D':
		return math.Float64frombits(p.uint(8, what))
	}
	return p.content()
}

func (p *parser) array() *Array {
	at := p.pos
	a := &Array{Class: p.classDesc()}
	p.assign(a)
	if p.err == nil && (a.Class == nil || len(a.Class.Name) < 2 || a.Class.Name[0] != '[') {
		p.fail(at, "an array without an element type")
	}
	n := int(int32(p.uint(4, "array length")))
	if p.err != nil {
		return a
	}
	code := a.Class.Name[1]
	if code == 'B' {
		a.Bytes = p.blob(n, "array")
		return a
	}
	if n < 0 {
		p.fail(at, "impossible array length %d", n)
		return a
	}
	if n > len(p.data)-p.pos {
		p.cut(at, fmt.Sprintf("an array of %d elements", n))
		return a
	}
	a.Values = make([]any, 0, min(n, 64))
	for i := 0; i < n && p.err == nil; i++ {
		a.Values = append(a.Values, p.value(code, "element"))
	}
	return a
}

func codeName(c byte) string {
	names := [...]string{"null", "reference", "class description", "object", "string", "array", "class", "block data",
		"end of annotation", "reset", "long block data", "exception", "long string", "proxy class description", "enum"}
	if c >= tcNull && int(c-tcNull) < len(names) {
		return fmt.Sprintf("0x%02x (%s)", c, names[c-tcNull])
	}
	return fmt.Sprintf("0x%02x", c)
}
