package types

import (
	"encoding/binary"
	"fmt"

	"github.com/ckpt-tool/ckpt/backends"
)

// flag is what stands before each element of a sequence.
type flag uint8

const (
	bare    flag = iota // nothing: no element is null
	absent              // a byte that is 1 if the element is null
	present             // a byte that is 0 if the element is null
)

// maxEmpty is how many elements that take no bytes a sequence may claim. Others end where the bytes do.
const maxEmpty = 256

// sequence is an i32 count and so many elements.
type sequence struct {
	named
	element backends.Type
	flag    flag
	address bool // it hashes by its address, as arrays do, or in another way that is not known
	list    bool // it hashes as a java.util.List does, else as a Set
}

// List is the type of lists (Flink: ListSerializer, ArrayListSerializer).
type List struct {
	sequence
	Element backends.Type
}

// NewList makes the type of the lists of an element.
func NewList(element backends.Type, class string) *List {
	name := named{name: "List<" + element.String() + ">", class: class}
	return &List{sequence{named: name, element: element, list: true}, element}
}

// newSet makes the type of sets (Flink: SetSerializer).
func newSet(element backends.Type, class string) *sequence {
	return &sequence{named: named{name: "Set<" + element.String() + ">", class: class}, element: element, flag: absent}
}

// newArray makes the type of arrays of objects (Flink: GenericArraySerializer).
func newArray(element backends.Type, class string) *sequence {
	return &sequence{named: named{name: "Array<" + element.String() + ">", class: class}, element: element, flag: present, address: true}
}

// newTraversable makes the type of Scala's collections, which hash in ways of their own (Flink: TraversableSerializer).
func newTraversable(element backends.Type, class string) *sequence {
	t := newArray(element, class)
	t.name = "Traversable<" + element.String() + ">"
	return t
}

// counter walks the elements of a sequence.
type counter struct {
	t           *named
	left, empty int
	at          int
}

func (t *named) counted(b []byte) (counter, error) {
	if len(b) < 4 {
		return counter{}, backends.ErrShort
	}
	n := int32(binary.BigEndian.Uint32(b))
	if n < 0 {
		return counter{}, t.bad(0, "it claims to have %d elements", n)
	}
	return counter{t: t, left: int(n), at: 4}, nil
}

// passed goes on behind an element that ends at end.
func (c *counter) passed(end int) error {
	if end == c.at {
		if c.empty++; c.empty > maxEmpty {
			return c.t.bad(c.at, "it claims to have %d more elements without bytes", c.left)
		}
	}
	c.left--
	c.at = end
	return nil
}

// null reads the flag of an element at i, and where the element begins.
func (f flag) null(t *named, b []byte, i int) (null bool, at int, err error) {
	if f == bare {
		return false, i, nil
	}
	if i >= len(b) {
		return false, i, backends.ErrShort
	}
	if b[i] > 1 {
		return false, i, t.bad(i, "a flag is %d", b[i])
	}
	return (b[i] == 1) == (f == absent), i + 1, nil
}

// put appends the flag of an element that is null or not.
func (f flag) put(dst []byte, null bool) []byte {
	if f == bare {
		return dst
	}
	return putBool(dst, null == (f == absent))
}

// within moves the place of an error of a part of a value to the whole.
func within(err error, at int) error {
	switch e := err.(type) {
	case *backends.TypeError:
		return &backends.TypeError{Type: e.Type, Offset: e.Offset + at, Message: e.Message}
	case *backends.OpaqueError:
		return &backends.OpaqueError{Class: e.Class, Offset: e.Offset + at, Hint: e.Hint}
	}
	return err
}

// Width implements backends.Type.
func (t *sequence) Width() int { return -1 }

// Size implements backends.Type.
func (t *sequence) Size(b []byte) (int, error) {
	c, err := t.counted(b)
	if err != nil {
		return 0, err
	}
	if w := t.element.Width(); t.flag == bare && w > 0 {
		if c.left > (len(b)-4)/w {
			return 0, backends.ErrShort
		}
		return 4 + c.left*w, nil
	}
	for c.left > 0 {
		null, at, err := t.flag.null(&t.named, b, c.at)
		if err != nil {
			return 0, err
		}
		if !null {
			n, err := t.element.Size(b[at:])
			if err != nil {
				return 0, within(err, at)
			}
			at += n
		}
		if err := c.passed(at); err != nil {
			return 0, err
		}
	}
	return c.at, nil
}

// AppendJSON implements backends.Type.
func (t *sequence) AppendJSON(dst, b []byte) ([]byte, int, error) {
	c, err := t.counted(b)
	if err != nil {
		return dst, 0, err
	}
	from := len(dst)
	dst = append(dst, '[')
	for first := true; c.left > 0; first = false {
		if !first {
			dst = append(dst, ',')
		}
		null, at, err := t.flag.null(&t.named, b, c.at)
		if err != nil {
			return dst[:from], 0, err
		}
		n := 0
		if null {
			dst = append(dst, "null"...)
		} else if dst, n, err = t.element.AppendJSON(dst, b[at:]); err != nil {
			return dst[:from], 0, within(err, at)
		}
		if err := c.passed(at + n); err != nil {
			return dst[:from], 0, err
		}
	}
	return append(dst, ']'), c.at, nil
}

// Decode implements backends.Type.
func (t *sequence) Decode(b []byte) (any, int, error) {
	c, err := t.counted(b)
	if err != nil {
		return nil, 0, err
	}
	all := []any{}
	for c.left > 0 {
		null, at, err := t.flag.null(&t.named, b, c.at)
		if err != nil {
			return nil, 0, err
		}
		var v any
		n := 0
		if !null {
			if v, n, err = t.element.Decode(b[at:]); err != nil {
				return nil, 0, within(err, at)
			}
		}
		all = append(all, v)
		if err := c.passed(at + n); err != nil {
			return nil, 0, err
		}
	}
	return all, c.at, nil
}

// Encode implements backends.Type.
func (t *sequence) Encode(dst []byte, v any) ([]byte, error) {
	all, ok := v.([]any)
	if !ok {
		return dst, t.notA(v)
	}
	from := len(dst)
	dst = putInt(dst, int32(len(all)))
	for i, e := range all {
		null := e == nil && t.flag != bare
		dst = t.flag.put(dst, null)
		if null {
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
func (t *sequence) FromJSON(json []byte) (any, error) {
	items, err := elements(json)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	all := make([]any, 0, len(items))
	for i, item := range items {
		if t.flag != bare && isNull(item) {
			all = append(all, nil)
			continue
		}
		v, err := t.element.FromJSON(item)
		if err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
		all = append(all, v)
	}
	return all, nil
}

// Hash implements backends.Type. Sets hash by sums; arrays by their address, so Flink refuses them as keys.
func (t *sequence) Hash(v any) (int32, bool) {
	all, ok := v.([]any)
	if !ok || t.address {
		return 0, false
	}
	var sum int32
	list := int32(1)
	for _, e := range all {
		h, ok := hashOf(t.element, e)
		if !ok {
			return 0, false
		}
		sum += h
		list = 31*list + h
	}
	if t.list {
		return list, true
	}
	return sum, true
}

// hashOf is the hash of a value that may be null, which is 0 to all of Java's collections.
func hashOf(t backends.Type, v any) (int32, bool) {
	switch t.(type) {
	case *void, *voidNamespace: // not null to Java
	default:
		if v == nil {
			return 0, true
		}
	}
	return t.Hash(v)
}
