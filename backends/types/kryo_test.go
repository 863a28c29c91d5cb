package types

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
)

// registration is an entry of the first map of a snapshot of Kryo.
type registration struct {
	class string
	kind  uint32
}

// kryoSnapshot makes a snapshot of a type, with classes that have serializers of their own.
func kryoSnapshot(class string, defaults []string, all ...registration) []byte {
	b := javaUTF(nil, "org.apache.flink.api.java.typeutils.runtime.kryo.KryoSerializerSnapshot")
	b = javaUTF(binary.BigEndian.AppendUint32(b, 2), class)
	b = mapHead(b, len(all))
	for _, r := range all {
		key, value := javaUTF(nil, r.class), binary.BigEndian.AppendUint32(javaUTF(nil, r.class), r.kind)
		if r.kind != 0 {
			value = javaUTF(value, "x.Serializer")
		}
		b = append(binary.BigEndian.AppendUint32(append(javaUTF(b, r.class), 1), uint32(len(key))), key...)
		b = append(binary.BigEndian.AppendUint32(append(b, 1), uint32(len(value))), value...)
	}
	b = mapHead(b, 0)
	b = mapHead(b, len(defaults))
	for _, d := range defaults {
		b = append(javaUTF(b, d), 0, 0)
	}
	return b
}

func mapHead(b []byte, n int) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(b, optionalMagic), uint32(n))
}

func kryoOf(t *testing.T, b []byte, opts *backends.Options) backends.Type {
	t.Helper()
	typ, n, err := ReadVersioned(b, opts)
	if err != nil || n != len(b) {
		t.Fatalf("%d of %d bytes: %v", n, len(b), err)
	}
	return typ
}

// TestKryoNumbers: which class a number stands for depends on what is registered before.
func TestKryoNumbers(t *testing.T) {
	list := registration{class: "java.util.ArrayList"}
	for name, c := range map[string]struct {
		all   []registration
		id    byte // of the list that holds null
		class string
	}{
		"first":       {[]registration{list}, 85, ""},
		"second":      {[]registration{{class: "x.A"}, list}, 86, ""},
		"known":       {[]registration{{class: "java.util.BitSet"}, {class: "java.lang.Integer"}, {class: "int"}, list}, 85, ""},
		"custom":      {[]registration{{class: "java.util.BitSet", kind: 1}, list}, 86, ""},
		"custom list": {[]registration{{"java.util.ArrayList", 2}}, 85, "java.util.ArrayList"},
		"of a job":    {[]registration{{class: "x.A"}, list}, 85, "x.A"},
		"unknown":     {[]registration{list}, 86, "java.lang.Object"},
		"scala":       {[]registration{{class: "scala.Some"}, list}, 85, "java.lang.Object"},
		"flink":       {nil, 75, "java.util.PriorityQueue"},
	} {
		typ := kryoOf(t, kryoSnapshot("java.lang.Object", nil, c.all...), nil)
		out, n, err := typ.AppendJSON(nil, []byte{c.id + 2, 1, 1, 0})
		var opaque *backends.OpaqueError
		switch {
		case c.class == "" && (string(out) != "[null]" || n != 4 || err != nil):
			t.Errorf("%s: %s, %d, %v", name, out, n, err)
		case c.class != "" && (!errors.As(err, &opaque) || opaque.Class != c.class):
			t.Errorf("%s: %s, %v", name, out, err)
		}
	}
}

// TestKryoCustom: who has serializers of his own for Java's classes may have one for any.
func TestKryoCustom(t *testing.T) {
	name := append([]byte{1, 0}, "java.util.ArrayLis\xf4"...)
	list := append(name, 1, 0)
	for defaults, known := range map[string]bool{"java.util.Collection": false, "com.google.protobuf.Message": true} {
		typ := kryoOf(t, kryoSnapshot("x.A", []string{defaults}), nil)
		if n, err := typ.Size(list); (err == nil) != known || known && n != len(list) {
			t.Errorf("%s: %d, %v", defaults, n, err)
		}
		if n, err := typ.Size([]byte{2, 6}); n != 2 || err != nil {
			t.Errorf("%s: %d, %v", defaults, n, err)
		}
	}
	typ := kryoOf(t, kryoSnapshot("x.A", nil, registration{"java.util.ArrayList", 1}), nil)
	if _, err := typ.Size(list); err == nil {
		t.Error("a list with a serializer of the job's was read")
	}
}

// TestKryoHint: a layout that the user gives stands for Kryo's.
func TestKryoHint(t *testing.T) {
	opts := &backends.Options{Hints: map[string]string{"A": "Long"}}
	typ := kryoOf(t, kryoSnapshot("x.A", nil, registration{class: "x.A"}), opts)
	if n, err := typ.Size(make([]byte, 8)); n != 8 || err != nil {
		t.Errorf("%v: %d, %v", typ, n, err)
	}
	generic := binary.BigEndian.AppendUint32(javaUTF(nil, "org.apache.flink.api.java.typeutils.runtime.CopyableValueSerializer$CopyableValueSerializerSnapshot"), 2)
	generic = javaUTF(generic, "x.A")
	if typ := kryoOf(t, generic, opts); typ.Width() != 8 {
		t.Errorf("%v", typ)
	}
	var opaque *backends.OpaqueError
	if _, err := kryoOf(t, generic, nil).Size(nil); !errors.As(err, &opaque) || opaque.Class != "x.A" {
		t.Error(err)
	}
}

// TestKryoRefused reads what no Kryo writes.
func TestKryoRefused(t *testing.T) {
	list := registration{class: "java.util.ArrayList"}
	bomb := []byte{87, 1, 2}
	for range 40 { // lists of the same two lists
		bomb = append(bomb, 87, 1, 2)
	}
	bomb = append(bomb, 0, 0)
	for i := 40; i > 0; i-- {
		bomb = append(bomb, 87, byte(i+2))
	}
	five := &backends.Options{Kryo: backends.Kryo5}
	for name, c := range map[string]struct {
		opts  *backends.Options
		value []byte
		says  string
	}{
		"itself":      {nil, []byte{87, 1, 1, 87, 2}, "cannot decode java.lang.Object"},
		"bomb":        {nil, bomb, "cannot decode java.lang.Object"},
		"deep":        {nil, []byte(strings.Repeat("\x57\x01\x01", 300)), "200 deep"},
		"reference":   {nil, []byte{87, 5}, "no object 3"},
		"name":        {nil, []byte{1, 1}, "no class name 1"},
		"no name":     {nil, []byte{1, 0, 0x81}, "has no name"},
		"boolean":     {nil, []byte{5, 2}, "a boolean is 2"},
		"number":      {nil, []byte{2, 0xff, 0xff, 0xff, 0xff, 0xff, 0}, "too long"},
		"large":       {nil, []byte{2, 0xff, 0xff, 0xff, 0xff, 0x7f}, "too long"},
		"count":       {nil, []byte{87, 1, 0xff, 0xff, 0xff, 0xff, 0xf}, "a count is -1"},
		"text":        {nil, []byte{3, 1, 0x82, 0xff}, "the byte 0xff"},
		"tail":        {nil, []byte{3, 1, 0x82, 0xc3, 0x41}, "the byte 0x41"},
		"flag":        {five, []byte{87, 1, 0x82, 2, 2, 4}, "a flag is 2"},
		"nulls":       {five, []byte{87, 1, 0xff, 0xff, 0x7f, 0}, "nulls without a byte"},
		"comparator":  {nil, append(append([]byte{1, 0}, "java.util.TreeMa\xf0"...), 1, 1, 1, 'x', 0xf9, 1), "cannot decode xy"},
		"big integer": {nil, append(append([]byte{1, 0}, "java.math.BigIntege\xf2"...), 1, 1), "no bytes"},
	} {
		typ := kryoOf(t, kryoSnapshot("java.lang.Object", nil, list), c.opts)
		if out, _, err := typ.AppendJSON([]byte("x"), c.value); err == nil || !strings.Contains(err.Error(), c.says) || string(out) != "x" {
			t.Errorf("%s: %.100s, %v", name, out, err)
		}
	}
}

// TestAppendOpaque: bytes that are shown can be read back, if they can be a value.
func TestAppendOpaque(t *testing.T) {
	typ := kryoOf(t, kryoSnapshot("x.\"A", nil, registration{class: "x.\"A"}), nil)
	for _, b := range [][]byte{{87, 1, 5}, {3, 1, 'x', 0xf9}} {
		json := AppendOpaque(nil, `x."A`, b)
		v, err := typ.FromJSON(json)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := typ.Encode(nil, v); err != nil || string(again) != string(b) {
			t.Errorf("%s: %x, %v", json, again, err)
		}
	}
	for _, json := range []string{`5`, `{}`, `{"@kryo":5}`, `{"@kryo":"hex:0301"}`, `{"@kryo":"hex:030178f900"}`} {
		if v, err := typ.FromJSON([]byte(json)); err == nil {
			t.Errorf("%s is %v", json, v)
		}
	}
	if _, err := typ.Encode(nil, "x"); err == nil {
		t.Error("a string of no class was encoded")
	}
}

func BenchmarkKryo(b *testing.B) {
	for _, s := range tableSamples(b, "1.20.0") {
		if s.name != "Kryo Map" {
			continue
		}
		typ, _, err := ReadSnapshot(s.snapshot, tableVersions["1.20.0"])
		if err != nil {
			b.Fatal(err)
		}
		var dst []byte
		b.Run("Size", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = typ.Size(s.value)
			}
		})
		b.Run("JSON", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				dst, _, _ = typ.AppendJSON(dst[:0], s.value)
			}
		})
		return
	}
}

func BenchmarkAvro(b *testing.B) {
	for _, s := range tableSamples(b, "1.20.0") {
		if s.name != "Avro" {
			continue
		}
		typ, _, err := ReadSnapshot(s.snapshot, nil)
		if err != nil {
			b.Fatal(err)
		}
		var dst []byte
		b.Run("Size", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = typ.Size(s.value)
			}
		})
		b.Run("JSON", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				dst, _, _ = typ.AppendJSON(dst[:0], s.value)
			}
		})
		return
	}
}
