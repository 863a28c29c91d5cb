package types

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
)

// FuzzSnapshot reads snapshots of any bytes, and by their types values of any bytes.
func FuzzSnapshot(f *testing.F) {
	seeds := 0
	for _, version := range []string{"1.20.0", "2.2.0"} {
		for _, s := range samples(f, version) {
			f.Add(s.snapshot, s.value)
			seeds++
		}
	}
	if seeds < 300 {
		f.Fatalf("%d seeds", seeds)
	}
	f.Fuzz(func(t *testing.T, snapshot, value []byte) {
		typ, n, err := ReadSnapshot(snapshot, &backends.Options{})
		if err != nil {
			var e *SnapshotError
			if !errors.As(err, &e) || typ != nil || e.Offset < 0 || e.Offset > len(snapshot) {
				t.Fatalf("%v %+v", typ, err)
			}
			return
		}
		if n > len(snapshot) {
			t.Fatalf("%d of %d bytes", n, len(snapshot))
		}
		agree(t, typ, value)
	})
}

// FuzzSpec reads types described by hand, and by them values of any bytes.
func FuzzSpec(f *testing.F) {
	for _, s := range []string{"Tuple<Long, String>", "Map<String, List<Boolean>>", "Pojo(x.Y){a:Row<Long, BigDecimal>}", "List<NullValue>", "Set<List<Tuple<>>>",
		"Enum(A=5, B=1)", "Struct{a:Utf, b:Bytes(3)}", "Either<Java, Nullable<LocalDateTime>>", "Timer<Instant, TimeWindow>", "Array<Character>"} {
		f.Add(s, []byte{0, 0, 0, 2, 1, 1, 0, 0, 0, 3, 2, 'a'})
	}
	f.Fuzz(func(t *testing.T, s string, value []byte) {
		typ, err := ParseSpec(s)
		if err != nil {
			return
		}
		again, err := ParseSpec(typ.String())
		if err != nil || again.String() != typ.String() {
			t.Fatalf("%s became %s: %v", s, typ, err)
		}
		agree(t, typ, value)
	})
}

// agree holds the methods of a type against each other, for any bytes.
func agree(t *testing.T, typ backends.Type, b []byte) {
	size, sizeErr := typ.Size(b)
	text, n, textErr := typ.AppendJSON([]byte("x"), b)
	v, m, err := typ.Decode(b)
	if sizeErr == nil && (size < 0 || size > len(b)) || sizeErr != nil && size != 0 {
		t.Fatalf("%s: size %d of %d: %v", typ, size, len(b), sizeErr)
	}
	if (textErr == nil) != (err == nil) || sizeErr != nil && err == nil {
		t.Fatalf("%s: size %v, JSON %v, decoded %v", typ, sizeErr, textErr, err)
	}
	if err != nil {
		if string(text) != "x" || n != 0 || m != 0 || v != nil {
			t.Fatalf("%s: %d, %d, %v, %s with %v", typ, n, m, v, text, err)
		}
		return
	}
	if n != size || m != size || !json.Valid(text[1:]) {
		t.Fatalf("%s: sizes %d, %d and %d; %s", typ, size, n, m, text)
	}
	if w := typ.Width(); w >= 0 && w != size {
		t.Fatalf("%s: width %d, size %d", typ, w, size)
	}
	typ.Hash(v)
	again, err := typ.Encode(nil, v)
	if err != nil {
		t.Fatalf("%s: %s does not encode: %v", typ, text, err)
	}
	if out, k, err := typ.AppendJSON([]byte("x"), again); err != nil || k != len(again) || !bytes.Equal(out, text) {
		t.Fatalf("%s: encoded again %s is %s (%v)", typ, text, out, err)
	}
}
