package engine

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"pgregory.net/rapid"
)

var keyKinds = []Kind{Boolean, Long, Double, String, Timestamp}

func drawValue(t *rapid.T, k Kind) any {
	switch k {
	case Boolean:
		return rapid.Bool().Draw(t, "bool")
	case Long, Timestamp:
		return rapid.Int64().Draw(t, "long")
	case Double:
		return rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, math.Copysign(0, -1), math.Inf(1), math.NaN()})).Draw(t, "double")
	case Bytes:
		return rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
	}
	return rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z0-9-]{0,40}`),
		rapid.SampledFrom([]string{"", "é", "\U0001F600", "\xed\xa0\x80", strings.Repeat("x", 300), strings.Repeat("ü", 200)})).Draw(t, "string")
}

// The bytes, the hash code and the key group of keys are those that their types give.
func TestKeyerAsTypes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kinds := rapid.SliceOfN(rapid.SampledFrom(keyKinds), 1, 4).Draw(t, "kinds")
		s := &Schema{}
		var names []string
		for i, k := range kinds {
			s.Columns = append(s.Columns, Column{Name: string(rune('a' + i)), Kind: k})
			names = append(names, s.Columns[i].Name)
		}
		typ, err := KeyType(kinds)
		if err != nil {
			t.Fatal(err)
		}
		maxParallelism := rapid.Int32Range(1, keygroups.MaxParallelism).Draw(t, "max")
		b := NewBatch(s, 4)
		var want []any
		for range rapid.IntRange(1, 20).Draw(t, "records") {
			var row []any
			for _, k := range kinds {
				row = append(row, drawValue(t, k))
			}
			b.Append(NoTime, row...)
			for i, v := range row {
				if f, ok := v.(float64); ok && f != f {
					row[i] = math.Float64frombits(0x7ff8000000000000)
				}
			}
			if len(row) == 1 {
				want = append(want, row[0])
			} else {
				want = append(want, row)
			}
		}
		k := newKeyer(s, names, maxParallelism)
		if err := k.compute(b); err != nil {
			t.Fatal(err)
		}
		from := int32(0)
		for i, v := range want {
			encoded, err := typ.Encode(nil, v)
			if err != nil {
				t.Fatal(err)
			}
			if got := k.keys[from:k.ends[i]]; !bytes.Equal(got, encoded) {
				t.Fatalf("%s %v: bytes %x, want %x", typ, v, got, encoded)
			}
			from = k.ends[i]
			code, ok := typ.Hash(v)
			if !ok {
				t.Fatalf("%s has no hash code", typ)
			}
			if k.codes[i] != code || k.groups[i] != keygroups.Of(code, maxParallelism) {
				t.Fatalf("%s %v: hash code %d, want %d; key group %d", typ, v, k.codes[i], code, k.groups[i])
			}
		}
	})
}

// Known hash codes of Java.
func TestKeyerKnown(t *testing.T) {
	for s, want := range map[string]int32{"": 0, "a": 97, "hello": 99162322, "é": 233, "\U0001F600": 1772899} {
		_, got, err := appendText(nil, s)
		if err != nil || got != want {
			t.Errorf("%q: %d %v, want %d", s, got, err, want)
		}
	}
	if hashLong(1<<32) != 1 || hashLong(-1) != 0 {
		t.Error("hash of Long")
	}
}

func TestKeyRefused(t *testing.T) {
	if _, err := KeyType([]Kind{Bytes}); err == nil {
		t.Error("bytes as a key")
	}
	if _, err := KeyType(nil); err == nil {
		t.Error("no key")
	}
	if _, err := KeyType(make([]Kind, 26)); err == nil {
		t.Error("26 columns")
	}
	s := NewSchema(Column{"a", String}, Column{"b", Long})
	b := NewBatch(s, 1)
	b.Append(NoTime, "x", nil)
	if err := newKeyer(s, []string{"a", "b"}, 128).compute(b); err == nil || !strings.Contains(err.Error(), "column b") {
		t.Errorf("a null key: %v", err)
	}
	b = NewBatch(s, 1)
	b.Append(NoTime, "\xff", int64(1))
	if err := newKeyer(s, []string{"a"}, 128).compute(b); err == nil {
		t.Error("a key that is no text")
	}
}

func TestKeyerDoesNotAllocate(t *testing.T) {
	s := NewSchema(Column{"a", String}, Column{"b", Long})
	b := NewBatch(s, 512)
	for i := range 512 {
		b.Append(NoTime, "key-0000000é", int64(i))
	}
	for _, columns := range [][]string{{"a"}, {"b"}, {"a", "b"}} {
		k := newKeyer(s, columns, 128)
		if err := k.compute(b); err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(10, func() { _ = k.compute(b) }); n > 0 {
			t.Errorf("%v: %v allocations", columns, n)
		}
	}
}
