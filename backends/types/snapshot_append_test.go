package types

import (
	"bytes"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
)

// TestAppendSnapshotFlink: what Flink's own serializers wrote is written again byte for byte, and most of it of nothing but
// the type.
func TestAppendSnapshotFlink(t *testing.T) {
	bySource, byType := map[string]bool{}, map[string]bool{}
	for _, version := range []string{"1.20.0", "2.2.0"} {
		for _, s := range samples(t, version) {
			typ, _, err := ReadSnapshot(s.snapshot, nil)
			if err != nil {
				continue // it needs the snapshots of others
			}
			out, err := AppendSnapshot([]byte("x"), typ)
			if err != nil || !bytes.Equal(out[1:], s.snapshot) {
				t.Errorf("%s %s: %x, not %x: %v", version, s.name, out, s.snapshot, err)
			}
			if typ.(keeper).snapshot() != nil {
				bySource[s.name] = true
			} else {
				byType[s.name] = true
			}
		}
	}
	t.Logf("%d by their types, %d by what was read: %v", len(byType), len(bySource), bySource)
	if len(byType) < 50 || len(bySource) < 10 {
		t.Error("too few")
	}
}

// TestAppendSnapshotSpec: types that are described by hand have the snapshots of Flink's serializers, which give the types back.
func TestAppendSnapshotSpec(t *testing.T) {
	specs := []string{
		"Array<Tuple<Long, Pojo(com.x.Y){a:Long}>>", "List<Map<String, Nullable<Long>>>", "Set<Row<Long, OldRow<String>>>", "TTL<Bytes>",
		"Timer<Tuple<String, Long>, TimeWindow>", "Either<Long, Tuple<>>", "PaddedNullable<Instant>", "Array<Tuple<Long>>", "Array<OldRow<Long>>",
		"Pojo(com.x.Y){a:Long, b:Pojo(com.x.Z){c:List<String>}, d:Java}", "Tuple" + strings.TrimSuffix("<"+strings.Repeat("Long, ", 25), ", ") + ">",
	}
	for name := range simpleClasses {
		specs = append(specs, name)
	}
	for _, spec := range specs {
		typ, err := ParseSpec(spec)
		if err != nil {
			if spec == "Tuple<>" {
				continue
			}
			t.Fatal(err)
		}
		b, err := AppendSnapshot(nil, typ)
		if err != nil {
			t.Errorf("%s: %v", spec, err)
			continue
		}
		again, n, err := ReadSnapshot(b, nil)
		if err != nil || n != len(b) || again.String() != typ.String() {
			t.Errorf("%s: read back as %v, %d of %d bytes: %v", spec, again, n, len(b), err)
			continue
		}
		if twice, err := AppendSnapshot(nil, again); err != nil || !bytes.Equal(twice, b) {
			t.Errorf("%s: %x, and again %x: %v", spec, b, twice, err)
		}
	}
}

// TestAppendSnapshotRefused: what Flink has no serializer for is refused by name, and dst is left as it was.
func TestAppendSnapshotRefused(t *testing.T) {
	for spec, why := range map[string]string{
		"Bytes(16)": "no serializer", "Utf": "no serializer", "Opaque(com.x.Y)": "no serializer", "Struct{a:Long}": "no serializer",
		"List<Utf>": "no serializer", "Option<Long>": "no serializer", "Traversable<Long>": "no serializer", "Union<Long, Long>": "no serializer",
		"Enum(A, B)": "class of the enum", "Enum(A=3)": "class of the enum", "Array<Set<Long>>": "class of its elements",
		"Case(com.x.Y)<Long>": "no serializer", "Pojo(com.x.Y){a:Opaque}": "no serializer", "Try<Long, Long>": "no serializer",
		"Tuple" + strings.TrimSuffix("<"+strings.Repeat("Long, ", 26), ", ") + ">": "up to 25",
	} {
		typ, err := ParseSpec(spec)
		if err != nil {
			t.Fatal(err)
		}
		out, err := AppendSnapshot([]byte("dst"), typ)
		if err == nil || !strings.Contains(err.Error(), why) || string(out) != "dst" {
			t.Errorf("%s: %q, %v", spec, out, err)
		}
	}
	if _, err := AppendSnapshot(nil, NewList(longType, "com.x.ListSnapshot")); err == nil {
		t.Error("a class that nobody knows")
	}
	if _, err := AppendSnapshot(nil, nil); err == nil {
		t.Error("no type")
	}
}

// TestAppendSnapshotUnknown: a class that nobody knows is written as it was read, with a hint and without.
func TestAppendSnapshotUnknown(t *testing.T) {
	var w snapWriter
	w.i32(proxyVersion)
	w.Write(compositeSnap("com.x.Mine", 7, nil, simpleSnap(longClass)))
	for _, opts := range []*backends.Options{nil, {Hints: map[string]string{"Mine": "List<Long>"}}} {
		typ, _, err := ReadSnapshot(w.Bytes(), opts)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := AppendSnapshot(nil, NewList(typ, "")); err != nil || !bytes.HasSuffix(out, w.Bytes()[4:]) {
			t.Errorf("%x: %v", out, err)
		}
	}
	if out, err := AppendSnapshot(nil, javaType); err != nil || len(out) == 0 || javaType.snapshot() != nil {
		t.Error("reading changed what all share")
	}
}
