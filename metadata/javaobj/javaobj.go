// Package javaobj reads and writes the bytes of Java's ObjectOutputStream by their
// grammar alone. Nothing of what they describe is ever run or instantiated: an
// object is its class's name and the values of its fields.
//
//	stream    ac ed 00 05, then contents
//	content   70 null                      71 i32 reference to an earlier handle
//	          72 class description         73 object: class description, values
//	          74 utf string                7c i64 length, long string
//	          75 array: class description, i32 length, values
//	          76 class: class description  7e enum: class description, string
//	          77 u8 length, bytes          7a i32 length, bytes
//	          79 reset of all handles      7d proxy class description
//	class     72 utf name, i64 serialVersionUID (a handle), u8 flags, u16 count of
//	          fields (u8 type, utf name, [type string, for L and [ ]), annotation,
//	          class description of the superclass
//	values    by class, the superclass first, in the order of the fields;
//	          then an annotation if the class writes its own data
//	annotation  contents, then 78
//
// The format is specified by Java's "Object Serialization Stream Protocol"
// (java.io.ObjectStreamConstants).
package javaobj

import (
	"fmt"
	"iter"
)

// Class describes a class (ObjectStreamClass).
type Class struct {
	Name   string
	UID    int64 // serialVersionUID
	Flags  uint8
	Fields []Field
	Super  *Class

	Annotation []any    // nearly always empty
	Interfaces []string // of a proxy class, which has no Name
}

// Field is one field of a class, of a primitive type by its letter (B C D F I J S
// Z), or of a type named by Type where Code is L or [.
type Field struct {
	Code byte
	Name string
	Type string // "Ljava/lang/String;"
}

// The flags of a class.
const (
	flagWriteMethod  = 0x01
	flagSerializable = 0x02
	flagExternal     = 0x04
	flagBlockData    = 0x08
	flagEnum         = 0x10
)

// Object is an instance. Values are those of the fields of all its classes, the
// superclass first: bool, int8, uint16 (char), int16, int32, int64, float32,
// float64, nil, string, *Object, *Enum, *Array, *Class.
type Object struct {
	Class       *Class
	Values      []any
	Annotations []Annotation
}

// Annotation is what a class wrote by its own method: strings, objects, and Blocks.
type Annotation struct {
	Class    *Class
	Contents []any
}

// Block is bytes whose meaning only their class knows.
type Block []byte

// Enum is a constant of an enum.
type Enum struct {
	Class *Class
	Name  string
}

// Array is an array. Bytes holds a byte[], Values any other.
type Array struct {
	Class  *Class
	Bytes  []byte
	Values []any
}

// Get is the value of the named field, of the most derived class that has it.
func (o *Object) Get(field string) (any, bool) {
	end := len(o.Values)
	for c := o.Class; c != nil; c = c.Super {
		first := end - len(c.Fields)
		for i, f := range c.Fields {
			if f.Name == field && first >= 0 {
				return o.Values[first+i], true
			}
		}
		end = first
	}
	return nil, false
}

// All are the fields of all classes of o with their values, those of the superclass
// first. Of a stream that does not keep to its own classes it yields what fits.
func (o *Object) All() iter.Seq2[Field, any] {
	return func(yield func(Field, any) bool) { o.upTo(o.Class, o.Values, yield) }
}

// upTo yields the fields of c's superclasses, then of c, whose values are the last of values.
func (o *Object) upTo(c *Class, values []any, yield func(Field, any) bool) bool {
	if c == nil {
		return true
	}
	own := max(0, len(values)-len(c.Fields))
	if !o.upTo(c.Super, values[:own], yield) {
		return false
	}
	for i, v := range values[own:] {
		if !yield(c.Fields[i], v) {
			return false
		}
	}
	return true
}

// Error tells where the bytes break the grammar.
type Error struct {
	Offset  int // from the beginning of the stream
	Message string
	Short   bool // the stream ends too early; more of it could help
}

// Error is the message with its offset.
func (e *Error) Error() string {
	return fmt.Sprintf("%s (at offset %d of the object stream)", e.Message, e.Offset)
}
