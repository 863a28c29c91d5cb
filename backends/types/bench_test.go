package types

import (
	"testing"
)

// BenchmarkTypes reads values of the types that most states have. None of them may take memory.
func BenchmarkTypes(b *testing.B) {
	for _, c := range hot {
		typ := spec(b, c.spec)
		v, err := typ.FromJSON([]byte(c.json))
		if err != nil {
			b.Fatal(err)
		}
		value, err := typ.Encode(nil, v)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("size/"+c.spec, func(b *testing.B) {
			b.SetBytes(int64(len(value)))
			for b.Loop() {
				if _, err := typ.Size(value); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("json/"+c.spec, func(b *testing.B) {
			b.SetBytes(int64(len(value)))
			var dst []byte
			for b.Loop() {
				if dst, _, err = typ.AppendJSON(dst[:0], value); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

var hot = []struct{ spec, json string }{
	{"Long", "1700000000035"},
	{"String", `"user-123456-of-many"`},
	{"String", `"eine längere Zeile Text, mit zwei Umläuten"`},
	{"Double", "350001050.25"},
	{"Tuple<String, Long>", `["user-12345",17]`},
	{"Pojo(x.Y){id:Long, name:String, total:Double, at:Instant}", `{"id":1,"name":"user-1","total":1.5,"at":null}`},
	{"List<Long>", "[1,2,3,4,5,6,7,8]"},
	{"Map<String, Long>", `{"click":5,"view":7}`},
	{"TTL<Long>", `{"lastAccess":1700000000035,"value":5}`},
	{"BigDecimal", `"123.45"`},
	{"Instant", `"2023-11-14T22:13:20.035Z"`},
	{"Row<Long, String>", `{"rowKind":"+I","fields":[1,"a"]}`},
	{"TimeWindow", `"[1000,2000)"`},
	{"Option<Long>", `{"some":1}`},
	{"Bytes", `"hex:00010203"`},
	{"Enum(RED, GREEN)", `"GREEN"`},
}

// TestAllocations holds Size and AppendJSON of the hot types to no memory at all.
func TestAllocations(t *testing.T) {
	for _, c := range hot {
		typ := spec(t, c.spec)
		v, err := typ.FromJSON([]byte(c.json))
		if err != nil {
			t.Fatal(err)
		}
		value, err := typ.Encode(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		dst := make([]byte, 0, 1024)
		if n := testing.AllocsPerRun(100, func() {
			if _, err := typ.Size(value); err != nil {
				t.Fatal(err)
			}
			if dst, _, err = typ.AppendJSON(dst[:0], value); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %.0f allocations a value", c.spec, n)
		}
	}
}
