package operators

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/restore/engine"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var kindsOfAll = []engine.Kind{engine.Boolean, engine.Long, engine.Double, engine.String, engine.Bytes, engine.Timestamp}

// drawValue draws a value of a kind, or null.
func drawValue(r *rapid.T, k engine.Kind) any {
	if rapid.IntRange(0, 3).Draw(r, "null") == 0 {
		return nil
	}
	switch k {
	case engine.Boolean:
		return rapid.Bool().Draw(r, "bool")
	case engine.Double:
		return rapid.Float64().Draw(r, "double")
	case engine.String:
		return rapid.String().Draw(r, "string")
	case engine.Bytes:
		return rapid.SliceOf(rapid.Byte()).Draw(r, "bytes")
	}
	return rapid.Int64().Draw(r, "long")
}

// A record lies in state as Flink's Row, and comes back as it was.
func TestRowsAreRows(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := &engine.Schema{}
		for range rapid.IntRange(1, 20).Draw(r, "columns") {
			s.Columns = append(s.Columns, engine.Column{Name: "c", Kind: rapid.SampledFrom(kindsOfAll).Draw(r, "kind")})
		}
		b := engine.NewBatch(s, 3)
		for range 3 {
			values := make([]any, len(s.Columns))
			for c := range values {
				values[c] = drawValue(r, s.Columns[c].Kind)
			}
			b.Append(engine.NoTime, values...)
		}
		typ := mustParse(rowSpec(s))
		to := engine.NewBatch(s, 0)
		for i := range b.N {
			want := &types.Record{}
			for c := range s.Columns {
				want.Fields = append(want.Fields, b.Value(c, i))
			}
			encoded, err := typ.Encode([]byte("x"), want)
			if err != nil {
				r.Fatal(err)
			}
			got, err := appendRow([]byte("x"), b, i)
			if err != nil || !bytes.Equal(got, encoded) {
				r.Fatalf("have %x (%v), want %x of %v", got, err, encoded, typ)
			}
			v, _, err := typ.Decode(got[1:])
			if err != nil {
				r.Fatal(err)
			}
			record, err := recordOf(v, len(s.Columns))
			if err != nil {
				r.Fatal(err)
			}
			for c := range s.Columns {
				if err := appendField(&to.Vectors[c], s.Columns[c].Kind, record.Fields[c]); err != nil {
					r.Fatal(err)
				}
			}
			to.N++
		}
		if diff := cmp.Diff(rowsOf(b), rowsOf(to)); diff != "" {
			r.Error(diff)
		}
	})
}

// A value of another kind than the column's is not taken for one.
func TestFieldsFit(t *testing.T) {
	for _, k := range kindsOfAll {
		for _, x := range []any{true, int64(1), 1.5, "x", []byte("x"), int32(1)} {
			v := &engine.Vector{}
			err := appendField(v, k, x)
			b := engine.Batch{Schema: engine.NewSchema(engine.Column{Kind: k}), N: 1, Vectors: []engine.Vector{*v}}
			if err != nil {
				if len(v.Bools)+len(v.Longs)+len(v.Doubles)+len(v.Strings) > 0 {
					t.Errorf("%s of %T: %v, and yet a value", k, x, err)
				}
				continue
			}
			if diff := cmp.Diff(x, b.Value(0, 0)); diff != "" {
				t.Errorf("%s of %T: %s", k, x, diff)
			}
		}
	}
	for _, v := range []any{nil, "x", (*types.Record)(nil), &types.Record{Fields: make([]any, 2)}} {
		if _, err := recordOf(v, 3); err == nil {
			t.Errorf("%v is taken for a record", v)
		}
	}
}

// allAccumulators is one of each function and kind.
func allAccumulators(t testing.TB) *accumulators {
	t.Helper()
	all := []Aggregation{{Name: "count", Func: Count}}
	for i, k := range []engine.Kind{engine.Long, engine.Double, engine.String} {
		for _, f := range []Func{Sum, Avg, Min, Max, Top} {
			if k != engine.String || f != Sum && f != Avg {
				all = append(all, Aggregation{Name: string(f), Func: f, N: 3, Expr: column{at: i, kind: k}})
			}
		}
	}
	a, err := newAccumulators(all)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// What lies in state is of the type that the state is declared with, whatever was added; and what is cut off is an error.
func TestAccumulatorsAreOfTheirType(t *testing.T) {
	s := engine.NewSchema(engine.Column{Name: "l", Kind: engine.Long}, engine.Column{Name: "d", Kind: engine.Double}, engine.Column{Name: "s", Kind: engine.String})
	rapid.Check(t, func(r *rapid.T) {
		a := allAccumulators(t)
		typ, err := a.typ()
		if err != nil {
			r.Fatal(err)
		}
		b := engine.NewBatch(s, 8)
		for range rapid.IntRange(0, 8).Draw(r, "records") {
			long := drawValue(r, engine.Long)
			if n, ok := long.(int64); ok {
				long = n / math.MaxInt32 // sums stay in their range
			}
			b.Append(engine.NoTime, long, drawValue(r, engine.Double), drawValue(r, engine.String))
		}
		acc := a.empty
		if err := a.read(b); err != nil {
			r.Fatal(err)
		}
		for i := range b.N {
			if acc, err = a.add(nil, acc, i); err != nil {
				r.Fatal(err)
			}
		}
		v, n, err := typ.Decode(acc)
		if err != nil || n != len(acc) {
			r.Fatalf("%d of %d bytes: %v", n, len(acc), err)
		}
		if again, err := typ.Encode(nil, v); err != nil || !bytes.Equal(again, acc) {
			r.Fatalf("%x, and as the type has it %x: %v", acc, again, err)
		}
		to := engine.NewBatch(&engine.Schema{Columns: a.columns()}, 1)
		cut := rapid.IntRange(0, len(acc)-1).Draw(r, "cut")
		if err := a.emit(to, 0, acc[:cut]); !errors.Is(err, backends.ErrShort) {
			r.Errorf("%d of %d bytes are enough: %v", cut, len(acc), err)
		}
		if err := a.emit(engine.NewBatch(to.Schema, 1), 0, append(bytes.Clone(acc), 0)); err == nil {
			r.Error("a byte too much is none")
		}
	})
}

// A job that is resumed with a smaller n has no more than that, also of keys whose values are no higher than what is there.
func TestTopGetsSmaller(t *testing.T) {
	five, err := (&top{of: engine.Long, n: 5}).write(nil, []value{{long: 9}, {long: 8}, {long: 7}, {long: 6}, {long: 5}})
	if err != nil {
		t.Fatal(err)
	}
	three := &top{of: engine.Long, n: 3}
	one, none := engine.Vector{Longs: []int64{6}}, engine.Vector{Longs: []int64{0}, Nulls: []bool{true}}
	for name, change := range map[string]func() ([]byte, error){
		"as it was": func() ([]byte, error) { return five, nil },
		"a value":   func() ([]byte, error) { b, _, err := three.add(nil, five, &one, 0); return b, err },
		"a null":    func() ([]byte, error) { b, _, err := three.add(nil, five, &none, 0); return b, err },
		"merged":    func() ([]byte, error) { b, _, _, err := three.merge(nil, five, three.create(nil)); return b, err },
	} {
		acc, err := change()
		var v engine.Vector
		if err == nil {
			_, err = three.emit(&v, acc)
		}
		if err != nil || v.Strings[0] != "[9,8,7]" {
			t.Errorf("%s: %v, %v", name, v.Strings, err)
		}
	}
}

// The order of doubles is that of Java, so that the result does not depend on which of two zeros came first; and texts are in JSON what they are in state.
func TestValues(t *testing.T) {
	zero, below := value{double: 0}, value{double: math.Copysign(0, -1)}
	if zero.compare(engine.Double, below) != 1 || below.compare(engine.Double, zero) != -1 || zero.compare(engine.Double, zero) != 0 || below.compare(engine.Double, below) != 0 {
		t.Error("-0 is not below 0")
	}
	for text, want := range map[string]string{"a<\"b": `"a<\"b"`, "half \xed\xa0\xbd": `"half \ud83d"`} {
		if got := (value{text: text}).appendJSON(nil, engine.String); string(got) != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// cutOff is map state whose lists have lost their counts.
type cutOff struct{ backends.MapState }

func (cutOff) GetBytes([]byte) ([]byte, bool, error) { return []byte{0, 0, 1}, true, nil }

// A list that is damaged is an error, and not overwritten by a new one.
func TestJoinRefusesDamage(t *testing.T) {
	p := &joinPlan{buffers: [2]*backends.Descriptor{{Name: "left-buffer"}, {Name: "right-buffer"}}}
	j := &join{joinPlan: p, states: [2]backends.MapState{cutOff{}, cutOff{}}}
	if err := j.store(1, peopleBatch(1), 0, 5); !errors.Is(err, backends.ErrShort) || !strings.Contains(err.Error(), "right-buffer") {
		t.Error(err)
	}
}
