package javaobj

import (
	"encoding/base64"
	"errors"
	"reflect"
	"runtime"
	"testing"
)

// everything was written by Java 17: an object whose class has a superclass, with
// fields of every primitive type, arrays, an enum, a string, itself, a list and a map
// that write their own data, and a class.
const everything = "rO0ABXNyAANKJFGqLAO4LhjffgIABEwAAWt0ABFMamF2YS9sYW5nL0NsYXNzO0wABGxpc3R0ABBMamF2YS91dGlsL0xpc3Q7TAABbXQAD0xqYXZhL3V0aWwvTWFwO0wAAXN0ABJMamF2YS9sYW5nL1N0cmluZzt4cgADSiRQfAENue02R6MCAA1JAAFhSgABYkMAAWNEAAFkRgABZlMAAWhCAAF5WgABelsAA2FycnQAAltJTAADY29sdAAJTEokQ29sb3I7WwADcmF3dAACW0JMAAFzcQB+AARMAARzZWxmdAASTGphdmEvbGFuZy9PYmplY3Q7eHAAAAAH//////////8Aej/4AAAAAAAAQCAAAP/9CQF1cgACW0lNumAmduqypQIAAHhwAAAAAgAAAAEAAAACfnIAB0okQ29sb3IAAAAAAAAAABIAAHhyAA5qYXZhLmxhbmcuRW51bQAAAAAAAAAAEgAAeHB0AAVHUkVFTnVyAAJbQqzzF/gGCFTgAgAAeHAAAAADAQIDdAABeHEAfgAKdnIAEGphdmEubGFuZy5TdHJpbmeg8KQ4ejuzQgIAAHhwc3IAE2phdmEudXRpbC5BcnJheUxpc3R4gdIdmcdhnQMAAUkABHNpemV4cAAAAAN3BAAAAANxAH4AE3NyABFqYXZhLmxhbmcuSW50ZWdlchLioKT3gYc4AgABSQAFdmFsdWV4cgAQamF2YS5sYW5nLk51bWJlcoaslR0LlOCLAgAAeHAAAAABcHhzcgARamF2YS51dGlsLkhhc2hNYXAFB9rBwxZg0QMAAkYACmxvYWRGYWN0b3JJAAl0aHJlc2hvbGR4cD9AAAAAAAABdwgAAAACAAAAAXQAAWtzcQB+ABgAAAACeHQAB2Rlcml2ZWQ="

func stream(tb testing.TB) []byte {
	data, err := base64.StdEncoding.DecodeString(everything)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func TestParse(t *testing.T) {
	data := stream(t)
	root, n, err := Parse(append(data, "behind"...))
	if err != nil || n != len(data) {
		t.Fatalf("%d of %d bytes: %v", n, len(data), err)
	}
	o := root.(*Object)
	if o.Class.Name != "J$Q" || o.Class.Super.Name != "J$P" {
		t.Errorf("class %q", o.Class.Name)
	}
	want := map[string]any{"a": int32(7), "b": int64(-1), "c": uint16('z'), "d": 1.5, "f": float32(2.5), "h": int16(-3), "y": int8(9),
		"z": true, "s": "derived", "self": o}
	for field, w := range want {
		if got, ok := o.Get(field); !ok || got != w {
			t.Errorf("%s = %v, want %v", field, got, w)
		}
	}
	if _, ok := o.Get("none"); ok {
		t.Error("a field that is not there was found")
	}
	arr, _ := o.Get("arr")
	raw, _ := o.Get("raw")
	col, _ := o.Get("col")
	if !reflect.DeepEqual(arr.(*Array).Values, []any{int32(1), int32(2)}) || string(raw.(*Array).Bytes) != "\x01\x02\x03" || col.(*Enum).Name != "GREEN" {
		t.Errorf("%v %v %v", arr, raw, col)
	}
	list, _ := o.Get("list")
	contents := list.(*Object).Annotations[0].Contents // capacity, then the elements
	if len(contents) != 4 || contents[1] != "x" || contents[3] != nil {
		t.Errorf("list: %v", contents)
	}
	if one, _ := contents[2].(*Object).Get("value"); one != int32(1) {
		t.Errorf("list: %v", one)
	}
}

func TestAll(t *testing.T) {
	root, _, err := Parse(stream(t))
	if err != nil {
		t.Fatal(err)
	}
	o := root.(*Object)
	var names string
	for f, v := range o.All() {
		names += f.Name + " "
		if got, _ := o.Get(f.Name); !reflect.DeepEqual(got, v) && f.Name != "s" {
			t.Errorf("%s = %v, and Get says %v", f.Name, v, got)
		}
	}
	if want := "a b c d f h y z arr col raw s self k list m s "; names != want {
		t.Errorf("fields %q, want %q", names, want)
	}
	for f := range o.All() {
		if f.Name != "a" {
			t.Errorf("the first field is %q", f.Name)
		}
		break
	}
	short := &Object{Class: o.Class, Values: o.Values[:1]}
	for f := range short.All() {
		if f.Name == "a" {
			t.Errorf("one value is of the last class, not of %q", f.Name)
		}
	}
}

// TestDamage cuts the stream everywhere and changes every byte: no panic, and an
// error within the bytes.
func TestDamage(t *testing.T) {
	data := stream(t)
	for n := range data {
		var e *Error
		if _, _, err := Parse(data[:n]); !errors.As(err, &e) || !e.Short {
			t.Errorf("the first %d bytes: %v", n, err)
		}
	}
	for i := range data {
		old := data[i]
		for d := 1; d < 256; d += 5 {
			data[i] = old + byte(d)
			mustBeTame(t, data)
		}
		data[i] = old
	}
}

func mustBeTame(t *testing.T, data []byte) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, n, err := Parse(data)
	runtime.ReadMemStats(&after)
	var e *Error
	if err != nil && (!errors.As(err, &e) || e.Offset < 0 || e.Offset > len(data)) || n > len(data) {
		t.Fatalf("%d bytes read: %v", n, err)
	}
	if used, limit := after.TotalAlloc-before.TotalAlloc, 60*uint64(len(data))+1<<20; used > limit {
		t.Fatalf("parsing %d bytes allocated %d", len(data), used)
	}
}

func TestRefused(t *testing.T) {
	for name, s := range map[string]string{
		"no header":        "\x00\x00\x00\x00p",
		"unknown code":     "\xac\xed\x00\x05\x01",
		"bad reference":    "\xac\xed\x00\x05q\x00\x7e\x00\x05",
		"small reference":  "\xac\xed\x00\x05q\x00\x00\x00\x00",
		"no class":         "\xac\xed\x00\x05sp",
		"class expected":   "\xac\xed\x00\x05st\x00\x01x",
		"array of nothing": "\xac\xed\x00\x05up\x00\x00\x00\x01",
		"long length":      "\xac\xed\x00\x05|\xff\xff\xff\xff\xff\xff\xff\xff",
		"deep":             "\xac\xed\x00\x05" + repeat("v", 1000),
	} {
		if _, _, err := Parse([]byte(s)); err == nil {
			t.Errorf("%s: parses", name)
		}
	}
}

func repeat(s string, n int) string {
	out := ""
	for range n {
		out += s
	}
	return out
}

func FuzzParse(f *testing.F) {
	f.Add(stream(f))
	f.Add([]byte("\xac\xed\x00\x05p"))
	f.Fuzz(mustBeTame)
}
