package types

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
)

// snapWriter writes snapshots as Flink does.
type snapWriter struct{ bytes.Buffer }

func (w *snapWriter) i32(vs ...int32) {
	for _, v := range vs {
		w.Write(binary.BigEndian.AppendUint32(nil, uint32(v)))
	}
}

func (w *snapWriter) utf(s string) {
	w.Write(binary.BigEndian.AppendUint16(nil, uint16(len(s))))
	w.WriteString(s)
}

const (
	base       = "org.apache.flink.api.common.typeutils.base."
	runtime    = "org.apache.flink.api.java.typeutils.runtime."
	longClass  = base + "LongSerializer$LongSerializerSnapshot"
	textClass  = base + "StringSerializer$StringSerializerSnapshot"
	listClass  = base + "ListSerializerSnapshot"
	tupleClass = runtime + "TupleSerializerSnapshot"
	pojoClass  = runtime + "PojoSerializerSnapshot"
)

// simpleSnap is a snapshot with an empty body.
func simpleSnap(class string) []byte {
	var w snapWriter
	w.utf(class)
	w.i32(3)
	return w.Bytes()
}

func nestedSnaps(inner ...[]byte) []byte {
	var w snapWriter
	w.i32(nestedMagic, 1, int32(len(inner)))
	for _, s := range inner {
		w.Write(s)
	}
	return w.Bytes()
}

// compositeSnap is a composite snapshot of an outer version and outer body.
func compositeSnap(class string, outerVersion int32, outer []byte, inner ...[]byte) []byte {
	var w snapWriter
	w.utf(class)
	w.i32(3, compositeMagic, outerVersion)
	w.Write(outer)
	w.Write(nestedSnaps(inner...))
	return w.Bytes()
}

// optionals writes a LinkedOptionalMap of names and values.
func (w *snapWriter) optionals(namesAndValues ...any) {
	w.Write(binary.BigEndian.AppendUint64(nil, optionalMagic))
	w.i32(int32(len(namesAndValues) / 2))
	for i := 0; i < len(namesAndValues); i += 2 {
		value := namesAndValues[i+1].([]byte)
		w.utf(namesAndValues[i].(string))
		w.Write([]byte{0, byte(b2i(value != nil))})
		if value != nil {
			w.i32(int32(len(value)))
			w.Write(value)
		}
	}
}

func pojoSnap(of string, fields, tagged, others []any) []byte {
	var w snapWriter
	w.utf(pojoClass)
	w.i32(2)
	w.utf(of)
	w.optionals(fields...)
	w.optionals(tagged...)
	w.optionals(others...)
	return w.Bytes()
}

func utfBytes(s string) []byte {
	var w snapWriter
	w.utf(s)
	return w.Bytes()
}

// TestSnapshots reads the forms that Flink 1.8 to 2.2 write, and older ones that it still reads.
func TestSnapshots(t *testing.T) {
	long, text := simpleSnap(longClass), simpleSnap(textClass)
	old := func(class string, version int32, outer []byte, inner ...[]byte) []byte { // before Flink 1.10 or so
		var w snapWriter
		w.utf(class)
		w.i32(version)
		w.Write(outer)
		w.Write(nestedSnaps(inner...))
		return w.Bytes()
	}
	var named snapWriter
	named.utf(longClass)
	named.i32(2)
	named.utf("org.apache.flink.api.common.typeutils.base.LongSerializer")
	sink := "org.apache.flink.streaming.api.functions.sink.TwoPhaseCommitSinkFunction$StateSerializerSnapshot"
	aware := func(on byte, inner []byte) []byte {
		var w snapWriter
		w.utf("org.apache.flink.runtime.state.ttl.TtlAwareSerializerSnapshot")
		w.i32(1)
		w.WriteByte(on)
		w.Write(inner)
		return w.Bytes()
	}
	ttl := compositeSnap("org.apache.flink.runtime.state.ttl.TtlStateFactory$TtlSerializerSnapshot", 2, nil, long, text)
	for _, c := range []struct {
		snapshot []byte
		want     string
	}{
		{long, "Long"},
		{named.Bytes(), "Long"},
		{compositeSnap(listClass, 1, nil, text), "List<String>"},
		{old(listClass, 1, nil, text), "List<String>"},
		{compositeSnap(tupleClass, 2, utfBytes("org.apache.flink.api.java.tuple.Tuple2"), long, text), "Tuple<Long, String>"},
		{old(tupleClass, 2, utfBytes("org.apache.flink.api.java.tuple.Tuple1"), long), "Tuple<Long>"},
		{compositeSnap(runtime+"RowSerializer$RowSerializerSnapshot", 4, []byte{1}, long), "Row<Long>"},
		{compositeSnap(runtime+"RowSerializer$RowSerializerSnapshot", 4, []byte{0}, long), "OldRow<Long>"},
		{compositeSnap(runtime+"RowSerializer$RowSerializerSnapshot", 3, nil, long), "Row<Long>"},
		{old(runtime+"RowSerializer$RowSerializerSnapshot", 2, nil, long), "OldRow<Long>"},
		{compositeSnap(runtime+"NullableSerializer$NullableSerializerSnapshot", 2, []byte{0, 0, 0, 8}, long), "PaddedNullable<Long>"},
		{compositeSnap(sink, 3, nil, text, long), "CommitState<String, Long>"},
		{compositeSnap(sink, 4, []byte{1}, text, long), "CommitState<String, Long>"},
		{ttl, "TTL<String>"},
		{aware(1, ttl), "TTL<String>"},
		{aware(0, long), "Long"},
		{compositeSnap("com.example.MyListSnapshot", 1, nil, text), "Opaque(com.example.MyListSnapshot)"},
		{pojoSnap("a.B", []any{"x", long, "gone", []byte(nil)}, nil, nil), "Pojo(a.B){x:Long, gone:Opaque(a.B.gone)}"},
		{pojoSnap("a.B", []any{"x", simpleSnap("com.example.OddSnapshot")}, nil, nil), "Pojo(a.B){x:Opaque(com.example.OddSnapshot)}"},
	} {
		typ, n, err := ReadVersioned(append(bytes.Clone(c.snapshot), 9, 9), nil)
		if err != nil || n != len(c.snapshot) || typ.String() != c.want {
			t.Errorf("%s: %v, %d of %d bytes: %v", c.want, typ, n, len(c.snapshot), err)
			continue
		}
		for i := range c.snapshot {
			_, _, err := ReadVersioned(c.snapshot[:i], nil)
			var e *SnapshotError
			if errors.As(err, &e) && e.Unknown && i == 2+len(e.Class)+4 {
				continue // that there may be a body is not to be seen
			}
			if !errors.Is(err, backends.ErrShort) {
				t.Errorf("%s: its first %d bytes: %v", c.want, i, err)
			}
		}
	}
}

// TestBrokenSnapshots holds what is refused, and why.
func TestBrokenSnapshots(t *testing.T) {
	long := simpleSnap(longClass)
	deep := long
	for range maxDepth + 1 {
		deep = compositeSnap(listClass, 1, nil, deep)
	}
	version := func(b []byte, v int32) []byte {
		b = bytes.Clone(b)
		binary.BigEndian.PutUint32(b[len(b)-4:], uint32(v))
		return b
	}
	for _, c := range []struct {
		snapshot []byte
		want     string
	}{
		{version(long, 4), "unknown version 4 of " + longClass},
		{version(long, 1), "unknown version 1 of " + longClass},
		{deep, "serializers lie more than 64 deep within each other"},
		{compositeSnap(listClass, 1, nil, long, long), "ListSerializerSnapshot has 2 nested serializers, not 1"},
		{compositeSnap(listClass, 1, []byte{1}, long), "nested serializers begin with"},
		{compositeSnap(runtime+"NullableSerializer$NullableSerializerSnapshot", 2, []byte{0, 0, 0, 7}, long), "7 bytes stand for a null Long, of 8 bytes"},
		{compositeSnap(runtime+"NullableSerializer$NullableSerializerSnapshot", 2, []byte{0xff, 0, 0, 7}, long), "stand for a null Long"},
		{simpleSnap("com.example.LongSerializer$LongSerializerSnapshot"), "unknown serializer snapshot com.example."},
		{pojoSnap("a.B", []any{"x", append(bytes.Clone(long), 1)}, nil, nil), "1 bytes are left over in a frame"},
		{pojoSnap("a.B", []any{"x", long[:20]}, nil, nil), "the serializer snapshot is cut off"},
	} {
		typ, _, err := ReadVersioned(append(c.snapshot, make([]byte, 64)...), nil)
		var wrong *SnapshotError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), c.want) || typ != nil {
			t.Errorf("%v, %v; expected %q", typ, err, c.want)
		}
		if errors.Is(err, backends.ErrShort) {
			t.Errorf("more bytes would not help: %v", err)
		}
	}
	if _, _, err := ReadSnapshot([]byte{0, 0, 0, 1, 0, 0}, nil); err == nil || !strings.Contains(err.Error(), "unknown version 1 of serializer snapshots") {
		t.Error(err)
	}
}

// TestHints reads on behind classes that the user describes.
func TestHints(t *testing.T) {
	odd := simpleSnap("com.example.OddSerializer$Snapshot")
	var payload snapWriter
	payload.utf("com.example.PayloadSnapshot")
	payload.i32(1)
	payload.utf("what it keeps")
	list := compositeSnap(tupleClass, 2, utfBytes("org.apache.flink.api.java.tuple.Tuple3"), odd, payload.Bytes(), simpleSnap(longClass))
	opts := &backends.Options{Hints: map[string]string{"OddSerializer$Snapshot": "Struct{a:Utf, b:Byte}", "com.example.PayloadSnapshot": "Long/Utf"}}
	typ, n, err := ReadVersioned(list, opts)
	if err != nil || n != len(list) || typ.String() != "Tuple<Struct{a:Utf, b:Byte}, Long, Long>" {
		t.Errorf("%v of %d bytes: %v", typ, n, err)
	}
	framed := pojoSnap("a.B", []any{"x", payload.Bytes()}, nil, nil)
	opts.Hints = map[string]string{"PayloadSnapshot": "List<Long>"}
	if typ, _, err = ReadVersioned(framed, opts); err != nil || typ.String() != "Pojo(a.B){x:List<Long>}" {
		t.Errorf("%v: %v", typ, err)
	}
	_, _, err = ReadVersioned(odd, nil)
	var unknown *SnapshotError
	if !errors.As(err, &unknown) || !unknown.Unknown || unknown.Hint != "give the layout of its values by hand: --type OddSerializer$Snapshot=SPEC" {
		t.Errorf("%+v", unknown)
	}
	opts.Hints = map[string]string{"OddSerializer$Snapshot": "Lung"}
	if _, _, err = ReadVersioned(odd, opts); err == nil || !strings.Contains(err.Error(), `type "Lung": expected a type at Lung`) {
		t.Error(err)
	}
}

// TestSubclasses finds the type of a subclass in other snapshots of the header, and in no other header.
func TestSubclasses(t *testing.T) {
	long, text := simpleSnap(longClass), simpleSnap(textClass)
	animal := pojoSnap("x.Animal", []any{"legs", long}, nil, nil)
	dog := pojoSnap("x.Dog", []any{"chip", text, "legs", long}, nil, nil)
	value := append([]byte{4}, utfBytes("x.Dog")...)
	value = append(value, unhex(t, "02 00 0261 01")...)

	r := NewReader(&backends.Options{})
	typ, _, err := r.ReadVersioned(animal)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = typ.Decode(value)
	var opaque *backends.OpaqueError
	if !errors.As(err, &opaque) || opaque.Class != "x.Dog" || !strings.Contains(opaque.Hint, "--type Dog=SPEC") {
		t.Errorf("without the class: %v", err)
	}
	if _, _, err := r.ReadVersioned(compositeSnap(listClass, 1, nil, dog)); err != nil {
		t.Fatal(err)
	}
	out, n, err := typ.AppendJSON(nil, value)
	if string(out) != `{"@class":"x.Dog","chip":"a","legs":null}` || n != len(value) || err != nil {
		t.Errorf("%s of %d bytes: %v", out, n, err)
	}
	v, err := typ.FromJSON(out)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := typ.Encode(nil, v); err != nil || !bytes.Equal(again, value) {
		t.Errorf("%x: %v", again, err)
	}

	// Another state has another form of the class: which one the value has cannot be told.
	r = NewReader(nil)
	typ, _, _ = r.ReadVersioned(animal)
	for _, s := range [][]byte{dog, pojoSnap("x.Dog", []any{"chip", text}, nil, nil)} {
		if _, _, err := r.ReadVersioned(s); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := typ.Decode(value); !errors.As(err, &opaque) {
		t.Errorf("with two forms of the class: %v", err)
	}
	r = NewReader(&backends.Options{Hints: map[string]string{"x.Dog": "Pojo(x.Dog){chip:String, legs:Long}"}})
	typ, _, _ = r.ReadVersioned(animal)
	if got, _, err := typ.AppendJSON(nil, value); string(got) != string(out) {
		t.Errorf("with a hint: %s, %v", got, err)
	}
}

// TestObjectsWithin bounds how deep objects lie within each other by the name of a subclass.
func TestObjectsWithin(t *testing.T) {
	r := NewReader(nil)
	node := pojoSnap("x.Node", nil, nil, nil)
	typ, _, err := r.ReadVersioned(node)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.ReadVersioned(pojoSnap("x.More", []any{"next", node}, nil, nil)); err != nil {
		t.Fatal(err)
	}
	value := func(depth int) []byte {
		link := append(append([]byte{4}, utfBytes("x.More")...), 2, 0)
		return append(bytes.Repeat(link, depth), 2)
	}
	for depth, deep := range map[int]bool{1: false, maxObjects: false, maxObjects + 1: true, 1 << 20: true} {
		b := value(depth)
		n, err := typ.Size(b)
		if deep != (err != nil) || !deep && n != len(b) || deep && !strings.Contains(fmt.Sprint(err), "more than 100 deep") {
			t.Errorf("depth %d: %d bytes, %v", depth, n, err)
		}
	}
}

// TestSpecs gives the names of types back, and says what is wrong with what names none.
func TestSpecs(t *testing.T) {
	for _, s := range []string{"Long", "Map<String, List<Long>>", "Tuple<>", "Tuple<Long, Tuple<Integer>>", "Pojo(com.x.Y$Z){a:Long, b:String}",
		"Pojo(com.x.Y){}", "Enum(A, B)", "Enum(A=5, B=-1)", "Bytes(16)", "Row<Long, String>", "OldRow<>", "Case(x.Y)<Long>", "Struct{a:Long}",
		"Nullable<Long>", "PaddedNullable<Long>", "Either<Long, String>", "Union<Long, Long>", "Option<Long>", "Try<Long, Opaque(x.Y)>",
		"TTL<Long>", "Timer<Long, VoidNamespace>", "Set<Array<Byte>>", "Booleans", "Opaque(x.Y)"} {
		if got := spec(t, s).String(); got != s {
			t.Errorf("%s became %s", s, got)
		}
	}
	for s, want := range map[string]string{
		"": "expected a type at its end", "Lang": "expected a type at Lang", "List": "expected '<' at its end", "List<Long": "expected ',' at its end",
		"List<Long, Long>": "expected 1 types, not 2", "Long x": "expected the end at x", "Pojo(x){a}": "expected ':' at }",
		"Pojo(x){a:Long, a:Long}": "expected fields of different names", "Enum(A, A)": "expected constants of different names",
		"Enum(A=1, B)": "expected a number for each constant", "Enum(A=1, B=1)": "expected a number of its own", "Bytes(x)": "expected a number of bytes",
		"Long/Utf/Utf": "expected the end at /Utf", "Long/": "expected a type at its end", "Tuple<Long,>": "expected a type at >", strings.Repeat("List<", 100): "expected an end of types within types",
	} {
		if _, err := ParseSpec(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, expected %s", s, err, want)
		}
	}
}
