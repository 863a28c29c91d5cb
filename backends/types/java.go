package types

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata/javaobj"
)

// javaValue is a whole stream of Java's own serialization, whose end only its grammar tells (Flink: JavaSerializer,
// which lists of operators without a type have). Texts, numbers and flags are what they are in JSON; any
// other object is an object of its fields with its "@class", and what a class wrote by itself its "@data".
type javaValue struct{ named }

var javaType = &javaValue{named{name: "Java"}}

const maxJavaDepth = 64 // of objects within objects, in JSON

func (t *javaValue) parse(b []byte) (any, int, error) {
	root, n, err := javaobj.Parse(b)
	if err == nil {
		return root, n, nil
	}
	var e *javaobj.Error
	if errors.As(err, &e) && e.Short {
		return nil, 0, backends.ErrShort
	}
	return nil, 0, t.bad(0, "%v", err)
}

// Width implements backends.Type.
func (t *javaValue) Width() int { return -1 }

// Size implements backends.Type.
func (t *javaValue) Size(b []byte) (int, error) {
	_, n, err := t.parse(b)
	return n, err
}

// AppendJSON implements backends.Type.
func (t *javaValue) AppendJSON(dst, b []byte) ([]byte, int, error) {
	root, n, err := t.parse(b)
	if err != nil {
		return dst, 0, err
	}
	j := javaJSON{budget: 16*n + 1024}
	out := j.append(dst, root, 0)
	if j.budget < 0 {
		return dst, 0, t.bad(0, "its objects refer to each other too often to be shown")
	}
	return out, n, nil
}

// javaJSON shows objects. What refers to itself is shown once, and what many refer to at each of them, within a
// budget of values.
type javaJSON struct {
	budget int
	above  []any
}

func (j *javaJSON) append(dst []byte, v any, depth int) []byte {
	if j.budget--; j.budget < 0 {
		return dst
	}
	switch v := v.(type) {
	case *javaobj.Object:
		return j.object(dst, v, depth)
	case *javaobj.Array:
		return j.array(dst, v, depth)
	}
	return appendJava(dst, v)
}

// appendJava shows what holds no other.
func appendJava(dst []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return appendModifiedJSON(dst, v)
	case bool:
		return strconv.AppendBool(dst, v)
	case int8:
		return strconv.AppendInt(dst, int64(v), 10)
	case int16:
		return strconv.AppendInt(dst, int64(v), 10)
	case int32:
		return strconv.AppendInt(dst, int64(v), 10)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case float32:
		return appendFloat(dst, float64(v), 32)
	case float64:
		return appendFloat(dst, v, 64)
	case uint16:
		return textChar(dst, Char(v))
	case javaobj.Block:
		return appendHex(dst, v)
	case *javaobj.Enum:
		return appendModifiedJSON(dst, v.Name)
	case *javaobj.Class:
		return appendModifiedJSON(dst, className(v))
	}
	return append(dst, "null"...)
}

func (j *javaJSON) object(dst []byte, o *javaobj.Object, depth int) []byte {
	if boxed, ok := unboxed(o); ok {
		return appendJava(dst, boxed)
	}
	for _, a := range j.above {
		if a == any(o) {
			return append(dst, `"@cycle"`...)
		}
	}
	if depth >= maxJavaDepth {
		return append(dst, `"@deep"`...)
	}
	j.above = append(j.above, o)
	defer func() { j.above = j.above[:len(j.above)-1] }()
	if elements, ok := listed(o); ok {
		return j.list(dst, elements, depth)
	}
	dst = appendModifiedJSON(append(dst, `{"@class":`...), className(o.Class))
	for f, v := range o.All() {
		dst = append(appendModifiedJSON(append(dst, ','), f.Name), ':')
		dst = j.append(dst, v, depth+1)
	}
	for i, a := range o.Annotations {
		if len(a.Contents) == 0 {
			continue
		}
		dst = append(dst, `,"@data`...)
		if i > 0 {
			dst = strconv.AppendInt(dst, int64(i), 10)
		}
		dst = j.list(append(dst, `":`...), a.Contents, depth)
	}
	return append(dst, '}')
}

// listed are the elements of Java's usual lists, which write a block and then their elements.
func listed(o *javaobj.Object) ([]any, bool) {
	name := className(o.Class)
	if name != "java.util.ArrayList" && name != "java.util.LinkedList" || len(o.Annotations) == 0 {
		return nil, false
	}
	last := o.Annotations[len(o.Annotations)-1].Contents
	if len(last) == 0 {
		return nil, false
	}
	_, ok := last[0].(javaobj.Block)
	return last[1:], ok
}

// appendModifiedJSON appends a text of a stream, which is in modified UTF-8.
func appendModifiedJSON(dst []byte, s string) []byte {
	text, ok := fromModified([]byte(s))
	if !ok {
		text = s
	}
	return appendQuoted(dst, text)
}

func className(c *javaobj.Class) string {
	if c == nil {
		return ""
	}
	return c.Name
}

func (j *javaJSON) array(dst []byte, a *javaobj.Array, depth int) []byte {
	if a.Class != nil && a.Class.Name == "[B" {
		return appendHex(dst, a.Bytes)
	}
	for _, above := range j.above {
		if above == any(a) {
			return append(dst, `"@cycle"`...)
		}
	}
	if depth >= maxJavaDepth {
		return append(dst, `"@deep"`...)
	}
	j.above = append(j.above, a)
	dst = j.list(dst, a.Values, depth)
	j.above = j.above[:len(j.above)-1]
	return dst
}

func (j *javaJSON) list(dst []byte, values []any, depth int) []byte {
	dst = append(dst, '[')
	for i, v := range values {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst = j.append(dst, v, depth+1); j.budget < 0 {
			break
		}
	}
	return append(dst, ']')
}

// boxes are the classes of Java's primitive values: serialVersionUID, and the letter of the field "value".
var boxes = map[string]struct {
	uid  int64
	code byte
}{
	"java.lang.Boolean": {-3665804199014368530, 'Z'}, "java.lang.Byte": {-7183698231559129828, 'B'},
	"java.lang.Short": {7515723908773894738, 'S'}, "java.lang.Integer": {1360826667806852920, 'I'},
	"java.lang.Long": {4290774380558885855, 'J'}, "java.lang.Float": {-2671257302660747028, 'F'},
	"java.lang.Double": {-9172774392245257468, 'D'}, "java.lang.Character": {3786198910865385080, 'C'},
}

const numberUID = -8742448824652078965

// unboxed is the value of a java.lang.Long and its like.
func unboxed(o *javaobj.Object) (any, bool) {
	if o.Class == nil || len(o.Values) != 1 {
		return nil, false
	}
	box, ok := boxes[o.Class.Name]
	if !ok || len(o.Class.Fields) != 1 || o.Class.Fields[0].Code != box.code {
		return nil, false
	}
	return o.Values[0], true
}

// boxHead appends the stream of an object of a class of boxes, but for its value.
func boxHead(dst []byte, class string) []byte {
	name := func(s string) { dst = append(putShort(dst, int16(len(s))), s...) }
	dst = append(dst, javaHeader+"sr"...)
	name(class)
	dst = append(putLong(dst, boxes[class].uid), 2, 0, 1, boxes[class].code)
	name("value")
	dst = append(dst, 'x')
	if class != "java.lang.Boolean" && class != "java.lang.Character" {
		dst = append(dst, 'r')
		name("java.lang.Number")
		dst = append(putLong(dst, numberUID), 2, 0, 0, 'x')
	}
	return append(dst, 'p')
}

const javaHeader = "\xac\xed\x00\x05"

// JavaObject is an object that Java serialized, as its whole stream.
type JavaObject []byte

// Decode implements backends.Type. What has no type of its own in Go is a JavaObject.
func (t *javaValue) Decode(b []byte) (any, int, error) {
	root, n, err := t.parse(b)
	if err != nil {
		return nil, 0, err
	}
	switch v := root.(type) {
	case nil:
		return nil, n, nil
	case string:
		if text, ok := fromModified([]byte(v)); ok {
			return text, n, nil
		}
	case *javaobj.Object:
		if v, ok := unboxed(v); ok {
			if c, char := v.(uint16); char {
				return Char(c), n, nil
			}
			return v, n, nil
		}
	}
	return JavaObject(append([]byte{}, b[:n]...)), n, nil
}

// Encode implements backends.Type.
func (t *javaValue) Encode(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, javaHeader+"p"...), nil
	case bool:
		return putBool(boxHead(dst, "java.lang.Boolean"), v), nil
	case int8:
		return putByte(boxHead(dst, "java.lang.Byte"), v), nil
	case int16:
		return putShort(boxHead(dst, "java.lang.Short"), v), nil
	case int32:
		return putInt(boxHead(dst, "java.lang.Integer"), v), nil
	case int64:
		return putLong(boxHead(dst, "java.lang.Long"), v), nil
	case float32:
		return putFloat(boxHead(dst, "java.lang.Float"), v), nil
	case float64:
		return putDouble(boxHead(dst, "java.lang.Double"), v), nil
	case Char:
		return putChar(boxHead(dst, "java.lang.Character"), v), nil
	case JavaObject:
		return append(dst, v...), nil
	case string:
		out, err := appendModified(append(dst, javaHeader+"t"...), v)
		if err != nil {
			return dst, t.bad(0, "%v", err)
		}
		return out, nil
	}
	return dst, t.notA(v)
}

// FromJSON implements backends.Type. It takes what can be of one class only.
func (t *javaValue) FromJSON(json []byte) (any, error) {
	if isNull(json) {
		return nil, nil
	}
	if b, err := parseBool(json); err == nil {
		return b, nil
	}
	if s, err := parseString(json); err == nil {
		return s, nil
	}
	return nil, fmt.Errorf("%s: %w", t.name, wanted("a string, true, false or null; the class of others is not known", json))
}

// Hash implements backends.Type.
func (t *javaValue) Hash(any) (int32, bool) { return 0, false }

func (t *javaValue) withClass(class string) backends.Type {
	return &javaValue{named{name: t.name, class: class}}
}
