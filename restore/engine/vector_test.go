package engine_test

import (
	"testing"

	"github.com/ckpt-tool/ckpt/restore/engine"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// drawColumn is a batch of one column, some of whose records are null or without an event time.
func drawColumn(r *rapid.T, s *engine.Schema) *engine.Batch {
	b := engine.NewBatch(s, 0)
	values := map[engine.Kind]*rapid.Generator[any]{
		engine.Boolean: rapid.Bool().AsAny(), engine.Long: rapid.Int64().AsAny(), engine.Timestamp: rapid.Int64().AsAny(),
		engine.Double: rapid.Float64().AsAny(), engine.String: rapid.String().AsAny(), engine.Bytes: rapid.SliceOf(rapid.Byte()).AsAny(),
	}
	nulls, times := rapid.Bool().Draw(r, "nulls"), rapid.Bool().Draw(r, "times")
	for range rapid.IntRange(0, 4).Draw(r, "records") {
		v, ts := values[s.Columns[0].Kind].Draw(r, "value"), int64(engine.NoTime)
		if nulls && rapid.Bool().Draw(r, "null") {
			v = nil
		}
		if times && rapid.Bool().Draw(r, "time") {
			ts = rapid.Int64().Draw(r, "ts")
		}
		b.Append(ts, v)
	}
	return b
}

type timed struct {
	Time  int64
	Value any
}

func timedOf(b *engine.Batch) (all []timed) {
	for i := range b.N {
		all = append(all, timed{b.Time(i), b.Value(0, i)})
	}
	return all
}

// TestAppend: whatever way records come into a batch, they are there with their nulls and event times, and the memory of a batch serves the next.
func TestAppend(t *testing.T) {
	ways := []func(b, from *engine.Batch, k engine.Kind){
		func(b, from *engine.Batch, _ engine.Kind) {
			for i := range from.N {
				b.AppendFrom(from, i)
			}
		},
		func(b, from *engine.Batch, _ engine.Kind) {
			for i := range from.N {
				b.Append(from.Time(i), from.Value(0, i))
			}
		},
		func(b, from *engine.Batch, k engine.Kind) {
			b.Vectors[0].AppendAll(k, &from.Vectors[0])
			b.AppendTimes(from)
			b.N += from.N
		},
	}
	rapid.Check(t, func(r *rapid.T) {
		k := engine.Kind(rapid.IntRange(int(engine.Boolean), int(engine.Timestamp)).Draw(r, "kind"))
		s := engine.NewSchema(engine.Column{Name: "x", Kind: k})
		b := engine.NewBatch(s, 2)
		for range 2 {
			var want []timed
			for range rapid.IntRange(0, 6).Draw(r, "batches") {
				from := drawColumn(r, s)
				want = append(want, timedOf(from)...)
				rapid.SampledFrom(ways).Draw(r, "way")(b, from, k)
			}
			if diff := cmp.Diff(want, timedOf(b)); diff != "" {
				r.Fatal(diff)
			}
			b.Reset()
		}
	})
}

// TestParseKind reads the names in any case of letters, and nothing else.
func TestParseKind(t *testing.T) {
	for k := engine.Boolean; k <= engine.Timestamp; k++ {
		for _, name := range []string{k.String(), string(k.String()[0]) + string([]byte{k.String()[1] | 0x20}) + k.String()[2:]} {
			if got, err := engine.ParseKind(name); got != k || err != nil {
				t.Errorf("%s: %v, %v", name, got, err)
			}
		}
	}
	for _, name := range []string{"", "INT", "BIGIN\x14", "STRING "} {
		if k, err := engine.ParseKind(name); err == nil {
			t.Errorf("%q is %s", name, k)
		}
	}
}
