package types

import (
	"fmt"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
)

// option is one of what a sum may be.
type option struct {
	tag  byte
	name string
	t    backends.Type
}

// sum is a value of one of several types, told by the byte before it: Either, Option, the unions. It decodes to a Side,
// and is an object of one member in JSON. What has no type is null, and has a tag only.
type sum struct {
	named
	options []option
	hashes  bool // as its value does
}

// newSum makes a sum; what stands between < and > of its name are its types.
func newSum(name, class string, options ...option) *sum {
	var ts []backends.Type
	for _, o := range options {
		if o.t != nil {
			ts = append(ts, o.t)
		}
	}
	return &sum{named: named{name: name + typeArgs(ts), class: class}, options: options}
}

func (t *sum) of(b []byte) (*option, error) {
	if len(b) == 0 {
		return nil, backends.ErrShort
	}
	for i := range t.options {
		if t.options[i].tag == b[0] {
			return &t.options[i], nil
		}
	}
	return nil, t.bad(0, "it begins with %d, which says nothing", b[0])
}

// Width implements backends.Type.
func (t *sum) Width() int { return -1 }

// Size implements backends.Type.
func (t *sum) Size(b []byte) (int, error) {
	o, err := t.of(b)
	if err != nil {
		return 0, err
	}
	if o.t == nil {
		return 1, nil
	}
	n, err := o.t.Size(b[1:])
	if err != nil {
		return 0, within(err, 1)
	}
	return 1 + n, nil
}

// AppendJSON implements backends.Type.
func (t *sum) AppendJSON(dst, b []byte) ([]byte, int, error) {
	o, err := t.of(b)
	if err != nil {
		return dst, 0, err
	}
	if o.t == nil {
		return append(dst, "null"...), 1, nil
	}
	from := len(dst)
	dst = append(dst, `{"`...)
	dst = append(dst, o.name...)
	dst = append(dst, `":`...)
	dst, n, err := o.t.AppendJSON(dst, b[1:])
	if err != nil {
		return dst[:from], 0, within(err, 1)
	}
	return append(dst, '}'), 1 + n, nil
}

// Decode implements backends.Type.
func (t *sum) Decode(b []byte) (any, int, error) {
	o, err := t.of(b)
	if err != nil {
		return nil, 0, err
	}
	if o.t == nil {
		return nil, 1, nil
	}
	v, n, err := o.t.Decode(b[1:])
	if err != nil {
		return nil, 0, within(err, 1)
	}
	return Side{o.name, v}, 1 + n, nil
}

// find is an option by its name, that of null by "".
func (t *sum) find(name string) *option {
	for i := range t.options {
		if o := &t.options[i]; o.name == name {
			return o
		}
	}
	return nil
}

// Encode implements backends.Type.
func (t *sum) Encode(dst []byte, v any) ([]byte, error) {
	side, ok := v.(Side)
	o := t.find(side.Name)
	if v == nil && o != nil && o.t == nil {
		return append(dst, o.tag), nil
	}
	if !ok || o == nil || o.t == nil {
		return dst, t.notA(v)
	}
	out, err := o.t.Encode(append(dst, o.tag), side.Value)
	if err != nil {
		return dst, fmt.Errorf("%s: %w", o.name, err)
	}
	return out, nil
}

// FromJSON implements backends.Type.
func (t *sum) FromJSON(json []byte) (any, error) {
	if o := t.find(""); o != nil && isNull(json) {
		return nil, nil
	}
	list, err := members(json)
	if err != nil || len(list) != 1 {
		return nil, fmt.Errorf("%s: %w", t.name, wanted("an object of one member: "+t.words(), json))
	}
	o := t.find(list[0].name)
	if o == nil || o.t == nil {
		return nil, fmt.Errorf("%s: %w", t.name, wanted("an object of one member: "+t.words(), json))
	}
	v, err := o.t.FromJSON(list[0].value)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.name, err)
	}
	return Side{o.name, v}, nil
}

func (t *sum) words() string {
	var words []string
	for _, o := range t.options {
		if o.t != nil {
			words = append(words, o.name)
		}
	}
	return strings.Join(words, ", ")
}

// Hash implements backends.Type.
func (t *sum) Hash(v any) (int32, bool) {
	side, ok := v.(Side)
	o := t.find(side.Name)
	if !t.hashes || !ok || o == nil || o.t == nil {
		return 0, false
	}
	return o.t.Hash(side.Value)
}

// newEither makes Flink's and Scala's Either.
func newEither(left, right backends.Type, class string) *sum {
	t := newSum("Either", class, option{1, "left", left}, option{0, "right", right})
	t.hashes = true
	return t
}

// newUnion makes one of two streams (Flink: TaggedUnion, UnionSerializer).
func newUnion(one, two backends.Type, class string) *sum {
	return newSum("Union", class, option{1, "one", one}, option{2, "two", two})
}

// newOption makes Scala's Option.
func newOption(some backends.Type, class string) *sum {
	return newSum("Option", class, option{0, "", nil}, option{1, "some", some})
}

// newTry makes Scala's Try.
func newTry(success, failure backends.Type, class string) *sum {
	return newSum("Try", class, option{1, "success", success}, option{0, "failure", failure})
}

// newStreamElement makes what flows between operators (Flink: StreamElementSerializer).
func newStreamElement(value backends.Type, class string) *sum {
	stamped := object("", "", part{name: "timestamp", t: longType}, part{name: "value", t: value})
	plain := object("", "", part{name: "value", t: value})
	marker := object("", "", part{name: "markedTime", t: longType}, part{name: "operatorLower", t: longType},
		part{name: "operatorUpper", t: longType}, part{name: "subtask", t: intType})
	internal := object("", "", part{name: "subpartition", t: intType}, part{name: "watermark", t: longType})
	t := newSum("StreamElement", class, option{0, "stampedRecord", stamped}, option{1, "record", plain}, option{2, "watermark", longType},
		option{3, "latencyMarker", marker}, option{4, "status", intType}, option{5, "attributes", booleanType}, option{6, "internalWatermark", internal})
	t.name = "StreamElement<" + value.String() + ">"
	return t
}

// object makes a product that is an object in JSON.
func object(name, class string, parts ...part) *product {
	p := newProduct(name, class, parts)
	p.objects = true
	return p
}
