package types

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/metadata/javaobj"
)

// logical makes a LogicalType with fields.
func logical(name string, fields ...any) *javaobj.Object {
	return javaObject(logicalPackage+name, fields...)
}

// javaObject makes an object of names and values.
func javaObject(class string, fields ...any) *javaobj.Object {
	o := &javaobj.Object{Class: &javaobj.Class{Name: class}}
	for i := 0; i < len(fields); i += 2 {
		o.Class.Fields = append(o.Class.Fields, javaobj.Field{Name: fields[i].(string)})
		o.Values = append(o.Values, fields[i+1])
	}
	return o
}

// arrayList is a list as ArrayList writes it.
func arrayList(v ...any) *javaobj.Object {
	o := javaObject("java.util.ArrayList")
	o.Annotations = []javaobj.Annotation{{Contents: append([]any{javaobj.Block{0, 0, 0, byte(len(v))}}, v...)}}
	return o
}

func attribute(name string, t any) *javaobj.Object {
	return javaObject("x", "name", name, "type", t)
}

func TestColumns(t *testing.T) {
	one := logical("IntType")
	row := logical("RowType", "fields", arrayList(attribute("a", one), attribute("b", one)))
	for want, root := range map[string]any{
		"VARCHAR(5)":                      logical("VarCharType", "length", int32(5)),
		"STRING":                          logical("VarCharType", "length", int32(1<<31-1)),
		"BINARY(5)":                       logical("BinaryType", "length", int32(5)),
		"TIMESTAMP_LTZ(3)":                logical("LocalZonedTimestampType", "precision", int32(3)),
		"DECIMAL(5, 2)":                   logical("DecimalType", "precision", int32(5), "scale", int32(2)),
		"MULTISET<INT>":                   logical("MultisetType", "elementType", one),
		"MAP<INT, ARRAY<INT>>":            logical("MapType", "keyType", one, "valueType", logical("ArrayType", "elementType", one)),
		"ROW<a INT, b INT>":               row,
		"BOOLEAN":                         logical("DistinctType", "sourceType", logical("BooleanType")),
		"STRUCTURED<s INT, a INT, b INT>": logical("StructuredType", "attributes", javaObject("l", "a", &javaobj.Array{Values: []any{attribute("a", one), attribute("b", one)}}), "superType", logical("StructuredType", "attributes", javaObject("l", "c", javaObject("l", "list", arrayList(attribute("s", one)))))),
		"ROW<>":                           logical("RowType", "fields", javaObject("java.util.Collections$EmptyList")),
		"ROW<x INT>":                      logical("RowType", "fields", javaObject("java.util.Collections$SingletonList", "element", attribute("x", one))),
	} {
		c, err := columnOf(root)
		if err != nil || c.String() != want {
			t.Errorf("%v, not %s: %v", c, want, err)
		}
	}
}

func TestColumnsRefused(t *testing.T) {
	one := logical("IntType")
	deep := any(one)
	for range 80 {
		deep = logical("ArrayType", "elementType", deep)
	}
	loop := logical("ArrayType", "elementType", nil)
	loop.Values[0] = loop
	endless := javaObject("l", "list", nil)
	endless.Values[0] = endless
	some, many := make([]any, 400), make([]any, 400)
	for i := range some {
		some[i] = attribute("x", one)
	}
	wide := logical("RowType", "fields", javaObject("l", "a", &javaobj.Array{Values: some}))
	for i := range many {
		many[i] = attribute(fmt.Sprint(i), logical("StructuredType", "attributes", arrayList(), "superType", wide))
	}
	for says, root := range map[string]any{
		"not <nil>":                 nil,
		"not string":                "x",
		"not java.lang.Integer":     javaObject("java.lang.Integer"),
		"NullType cannot be":        logical("NullType"),
		"length: <nil>":             logical("CharType"),
		"length: -1":                logical("CharType", "length", int32(-1)),
		"precision: 10":             logical("TimestampType", "precision", int32(10)),
		"precision: 39":             logical("DecimalType", "precision", int32(39), "scale", int32(0)),
		"scale: 39":                 logical("DecimalType", "precision", int32(38), "scale", int32(39)),
		"64 deep within":            deep,
		"64 deep within each other": loop,
		"no list of fields":         logical("RowType", "fields", endless),
		"has no list of fields":     logical("RowType"),
		"a field that is none":      logical("RowType", "fields", arrayList("x")),
		"not int32":                 logical("RowType", "fields", arrayList(attribute("x", int32(5)))),
		"the supertype":             logical("StructuredType", "superType", one),
		"131072 columns":            logical("RowType", "fields", javaObject("l", "a", &javaobj.Array{Values: many})),
	} {
		if c, err := columnOf(root); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %.100v, %v", says, c, err)
		}
	}
}

// TestColumnHeight: a type that others refer to counts with all that is within it.
func TestColumnHeight(t *testing.T) {
	inner := any(logical("IntType"))
	for range 40 {
		inner = logical("ArrayType", "elementType", inner)
	}
	outer := inner
	for range 40 {
		outer = logical("ArrayType", "elementType", outer)
	}
	row := logical("RowType", "fields", arrayList(attribute("a", inner), attribute("b", outer)))
	if _, err := columnOf(row); err != errDeepTypes {
		t.Error(err)
	}
}

// TestColumnText: a type that holds itself often has a short name all the same.
func TestColumnText(t *testing.T) {
	inner := any(logical("IntType"))
	for range 40 {
		inner = logical("MapType", "keyType", inner, "valueType", inner)
	}
	c, err := columnOf(inner)
	if err != nil || len(c.String()) > maxTypeText+1000 {
		t.Errorf("%d bytes: %v", len(c.String()), err)
	}
}

// TestTableSnapshotDamage changes bytes of snapshots: no panic, and an error within them.
func TestTableSnapshotDamage(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range tableSamples(t, "2.2.0") {
		if seen[string(s.snapshot)] || len(s.snapshot) > 3000 {
			continue
		}
		seen[string(s.snapshot)] = true
		b := append([]byte{}, s.snapshot...)
		for i := range b {
			b[i] ^= byte(1 << (i % 8))
			if _, n, err := ReadSnapshot(b, nil); err == nil && n > len(b) {
				t.Fatalf("%s: %d of %d bytes", s.name, n, len(b))
			} else if e, ok := err.(*SnapshotError); err != nil && (!ok || e.Offset < 0 || e.Offset > len(b)) {
				t.Fatalf("%s: %#v", s.name, err)
			}
			b[i] = s.snapshot[i]
		}
		for i := 0; i < len(b); i += 7 {
			if _, _, err := ReadSnapshot(b[:i], nil); err == nil || !err.(*SnapshotError).Short {
				t.Fatalf("%s, the first %d of %d bytes: %v", s.name, i, len(b), err)
			}
		}
	}
}
