package types

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
)

// rowOf is the type of rows of the columns.
func rowOf(columns ...*column) *RowData {
	return &RowData{class: "RowData", row: newLayout(columns, nil)}
}

var (
	intColumn    = &column{kind: sqlInt, text: "INT"}
	stringColumn = &column{kind: sqlString, text: "STRING"}
	nanoColumn   = &column{kind: sqlTimestamp, text: "TIMESTAMP(9)", precision: 9}
	innerColumn  = &column{kind: sqlRow, text: "ROW", row: newLayout([]*column{stringColumn}, []string{"s"})}
)

func arrayOf(c *column) *column { return &column{kind: sqlArray, text: "ARRAY", element: c} }

func mapOf(k, v *column) *column { return &column{kind: sqlMap, text: "MAP", key: k, element: v} }

// slot makes a row of one column with the slot, and more behind it.
func slot(kind byte, v uint64, more ...byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(16+len(more)))
	b = append(b, kind, 0, 0, 0, 0, 0, 0, 0)
	return append(binary.LittleEndian.AppendUint64(b, v), more...)
}

// TestRowRefused reads bytes that no row has.
func TestRowRefused(t *testing.T) {
	const place = 16<<32 | 8
	for name, c := range map[string]struct {
		column *column
		value  []byte
		says   string
	}{
		"kind":            {intColumn, slot(4, 0), "row kind"},
		"short":           {intColumn, []byte{0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0}, "16 bytes are needed"},
		"negative":        {intColumn, []byte{0xff, 0xff, 0xff, 0xff}, "length of -1"},
		"inline":          {stringColumn, slot(0, 0x88<<56), "8 bytes cannot lie in a slot"},
		"beyond":          {stringColumn, slot(0, 16<<32|9, 1, 2, 3, 4, 5, 6, 7, 8), "beyond the end"},
		"far":             {stringColumn, slot(0, 0x7fffffff<<32|0xffffffff), "beyond the end"},
		"nanoseconds":     {nanoColumn, slot(0, 16<<32|1000000, 0, 0, 0, 0, 0, 0, 0, 0), "1000000 nanoseconds"},
		"time":            {&column{kind: sqlTime}, slot(0, millisPerDay), "no millisecond 86400000"},
		"decimal":         {newDecimal(30, 2), slot(0, 16<<32|17, make([]byte, 24)...), "17 bytes"},
		"no decimal":      {newDecimal(30, 2), slot(0, 16<<32), "0 bytes"},
		"inner row":       {innerColumn, slot(0, place, make([]byte, 8)...), "a row of 1 columns has 8 bytes"},
		"array":           {arrayOf(intColumn), slot(0, place, 2, 0, 0, 0, 0, 0, 0, 0), "an array of 2 elements has 8 bytes"},
		"array negative":  {arrayOf(intColumn), slot(0, place, 0, 0, 0, 0x80, 0, 0, 0, 0), "an array of -2147483648"},
		"array short":     {arrayOf(intColumn), slot(0, 16<<32|3, 1, 0, 0), "an array has 3 bytes"},
		"array huge":      {arrayOf(stringColumn), slot(0, place, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0), "an array of 2147483647"},
		"map short":       {mapOf(intColumn, intColumn), slot(0, 16<<32|3, 1, 0, 0), "a map has 3 bytes"},
		"map keys":        {mapOf(intColumn, intColumn), slot(0, place, 5, 0, 0, 0, 0, 0, 0, 0), "the keys of a map have 5 bytes"},
		"map counts":      {mapOf(intColumn, intColumn), slot(0, 16<<32|20, 4, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0), "0 keys and 1 values"},
		"elements beyond": {arrayOf(stringColumn), slot(0, 16<<32|16, 1, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 0, 0, 0, 0), "beyond the end"},
	} {
		typ := rowOf(c.column)
		_, _, err := typ.AppendJSON([]byte("x"), c.value)
		var wrong *backends.TypeError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), c.says) || wrong.Offset > len(c.value) {
			t.Errorf("%s: %v", name, err)
		}
		if _, _, other := typ.Decode(c.value); other == nil || other.Error() != err.Error() {
			t.Errorf("%s decoded: %v", name, other)
		}
	}
}

// TestOverlap reads rows within rows whose columns all refer to the same bytes: each level would double the work.
func TestOverlap(t *testing.T) {
	inner := &column{kind: sqlRow, text: "ROW", row: newLayout([]*column{stringColumn, stringColumn}, nil)}
	b := binary.LittleEndian.AppendUint64(slot(0, 16<<32|8)[:12], 24<<32|100)
	b = append(binary.LittleEndian.AppendUint64(b, 24<<32|100), make([]byte, 100)...)
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	if _, _, err := rowOf(inner.row.columns...).AppendJSON(nil, b); err == nil || !strings.Contains(err.Error(), "overlap") {
		t.Error(err)
	}
}

// TestRowDamage changes every byte of real rows: no panic, and a length that Size, AppendJSON and Decode agree on.
func TestRowDamage(t *testing.T) {
	eachTableSample(t, func(t *testing.T, s *sample, typ backends.Type) {
		if len(s.value) > 300 {
			return
		}
		b := bytes.Clone(s.value)
		for i := range b {
			for _, d := range []byte{1, 0x80, 0xff} {
				b[i] += d
				agreed(t, typ, b)
				b[i] = s.value[i]
			}
		}
	})
}

// agreed reads b in all ways, which must tell the same.
func agreed(t *testing.T, typ backends.Type, b []byte) {
	t.Helper()
	size, failed := typ.Size(b)
	out, n, err := typ.AppendJSON(nil, b)
	if err == nil && (failed != nil || n != size || n > len(b)) {
		t.Fatalf("%x: JSON of %d bytes, size %d: %v", b, n, size, failed)
	}
	v, m, decoded := typ.Decode(b)
	if (decoded == nil) != (err == nil) || m != n {
		t.Fatalf("%x: decoded %d bytes (%v), JSON of %d (%v)", b, m, decoded, n, err)
	}
	if err != nil {
		return
	}
	meaning(t, out)
	again, err := typ.Encode(nil, v)
	if err != nil {
		t.Fatalf("%x: %v cannot be encoded: %v", b, v, err)
	}
	if twice, k, err := typ.AppendJSON(nil, again); err != nil || k != len(again) || !bytes.Equal(twice, out) {
		t.Fatalf("%x: %s, and again %s: %v", b, out, twice, err)
	}
}

// TestRowAllocations: what is read of many rows does not allocate.
func TestRowAllocations(t *testing.T) {
	eachTableSample(t, func(t *testing.T, s *sample, typ backends.Type) {
		if _, ok := typ.(*RowData); !ok {
			return
		}
		dst := make([]byte, 0, 64<<10)
		if n := testing.AllocsPerRun(10, func() {
			if _, err := typ.Size(s.value); err != nil {
				t.Fatal(err)
			}
			if _, _, err := typ.AppendJSON(dst, s.value); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

// TestRowNotEncoded encodes values that are none.
func TestRowNotEncoded(t *testing.T) {
	big40 := new(big.Int).Exp(big.NewInt(10), big.NewInt(40), nil)
	for name, c := range map[string]struct {
		column *column
		value  any
	}{
		"int":          {intColumn, int64(1)},
		"string":       {stringColumn, []byte("x")},
		"date":         {&column{kind: sqlDate}, Date{999999999, 1, 1}},
		"time":         {&column{kind: sqlTime}, Time{Hour: 24}},
		"nanoseconds":  {&column{kind: sqlTime}, Time{Nano: 1}},
		"timestamp":    {&column{kind: sqlTimestamp, precision: 3}, DateTime{Date{2024, 1, 1}, Time{Nano: 1}}},
		"far":          {&column{kind: sqlInstant, precision: 9}, Instant{Seconds: 1 << 60}},
		"scale":        {newDecimal(10, 2), Decimal{big.NewInt(1), 3}},
		"long decimal": {newDecimal(10, 2), Decimal{big40, 2}},
		"wide decimal": {newDecimal(38, 2), Decimal{big40, 2}},
		"no decimal":   {newDecimal(38, 2), Decimal{}},
		"array":        {arrayOf(intColumn), []any{"x"}},
		"map":          {mapOf(intColumn, intColumn), []any{}},
		"inner":        {innerColumn, &Record{}},
		"raw":          {&column{kind: sqlRaw}, "x"},
	} {
		if b, err := rowOf(c.column).Encode([]byte("x"), &Record{Fields: []any{c.value}}); err == nil || string(b) != "x" {
			t.Errorf("%s: %x, %v", name, b, err)
		}
	}
	for _, v := range []any{nil, "x", (*Record)(nil), &Record{}, &Record{Kind: 4, Fields: []any{nil}}} {
		if _, err := rowOf(intColumn).Encode(nil, v); err == nil {
			t.Errorf("%v", v)
		}
		if _, ok := rowOf(intColumn).Hash(v); ok {
			t.Errorf("hash of %v", v)
		}
	}
}

// TestRowFromJSON reads JSON that is no row.
func TestRowFromJSON(t *testing.T) {
	typ := rowOf(newDecimal(5, 2))
	for _, json := range []string{``, `5`, `{}`, `[]`, `{"rowKind":"+X","fields":[null]}`, `{"fields":[]}`, `{"fields":[1,2]}`, `{"fields":[null],"x":1}`,
		`{"fields":["1000"]}`, `{"fields":["1.001"]}`, `{"fields":["x"]}`, `{"fields":[{}]}`} {
		if v, err := typ.FromJSON([]byte(json)); err == nil {
			t.Errorf("%s is %v", json, v)
		}
	}
	v, err := typ.FromJSON([]byte(` { "fields" : [ 7.5 ] } `))
	if err != nil {
		t.Fatal(err)
	}
	b, err := typ.Encode(nil, v)
	out, _, _ := typ.AppendJSON(nil, b)
	if err != nil || string(out) != `{"rowKind":"+I","fields":["7.50"]}` {
		t.Errorf("%s: %v", out, err)
	}
}

// TestForeign changes a value whose layout is not Flink's usual one.
func TestForeign(t *testing.T) {
	typ := rowOf(stringColumn)
	gap := slot(0, 24<<32|8, append(make([]byte, 8), "abcdefgh"...)...)
	v, _, err := typ.Decode(gap)
	f, ok := v.(*Foreign)
	if err != nil || !ok {
		t.Fatalf("%T %v", v, err)
	}
	if b, err := typ.Encode(nil, f); err != nil || !bytes.Equal(b, gap) {
		t.Errorf("%x, %v", b, err)
	}
	h, ok := typ.Hash(f)
	if direct, also := typ.HashBytes(gap); !ok || !also || h != direct {
		t.Errorf("hash %d, %d", h, direct)
	}
	f.Value.(*Record).Fields[0] = "changed!!"
	b, err := typ.Encode(nil, f)
	out, _, _ := typ.AppendJSON(nil, b)
	if err != nil || string(out) != `{"rowKind":"+I","fields":["changed!!"]}` {
		t.Errorf("%s: %v", out, err)
	}
	if _, ok := typ.HashBytes(gap[:3]); ok {
		t.Error("a hash of half a row")
	}
}

func TestPlainDecimal(t *testing.T) {
	for _, c := range []struct {
		unscaled []byte
		scale    int32
		want     string
	}{
		{[]byte{0}, 0, "0"}, {[]byte{0}, 3, "0.000"}, {[]byte{0xff}, 2, "-0.01"}, {[]byte{100}, 2, "1.00"}, {[]byte{0x80}, 0, "-128"}, {nil, 1, "0.0"},
		{bytes.Repeat([]byte{0xff}, 16), 38, "-0.00000000000000000000000000000000000001"},
		{append([]byte{0x80}, make([]byte, 15)...), 0, "-170141183460469231731687303715884105728"},
		{append([]byte{0x7f}, bytes.Repeat([]byte{0xff}, 15)...), 38, "1.70141183460469231731687303715884105727"},
	} {
		if got := string(appendPlainDecimal(nil, c.unscaled, c.scale)); got != `"`+c.want+`"` {
			t.Errorf("%x/%d: %s", c.unscaled, c.scale, got)
		}
	}
}

func BenchmarkRowData(b *testing.B) {
	for _, s := range tableSamples(b, "2.2.0") {
		if s.name != "RowData nested" {
			continue
		}
		typ, _, err := ReadSnapshot(s.snapshot, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(s.value)))
		var dst []byte
		for b.Loop() {
			dst, _, _ = typ.AppendJSON(dst[:0], s.value)
		}
		return
	}
}
