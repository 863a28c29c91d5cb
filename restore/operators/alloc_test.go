package operators_test

import (
	"context"
	"io"
	"runtime"
	"strconv"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/restore/engine"
	"github.com/ckpt-tool/ckpt/restore/operators"
)

// words is a source of n keys that exist already, so that it allocates nothing for a record.
type words struct{ n int }

var wordKeys = func() (all []string) {
	for i := range 1000 {
		all = append(all, "key-"+strconv.Itoa(100000+i))
	}
	return all
}()

func (words) Schema() *engine.Schema {
	return engine.NewSchema(engine.Column{Name: "key", Kind: engine.String}, engine.Column{Name: "n", Kind: engine.Long})
}
func (words) Guarantee() engine.Guarantee { return engine.ExactlyOnce }
func (words) Bounded() bool               { return true }
func (words) DiscoveryInterval() int64    { return 0 }
func (words) Position() backends.Type     { return engine.Long.Type() }
func (words) Discover(context.Context) ([]engine.Split, error) {
	return []engine.Split{{ID: "words"}}, nil
}
func (w words) Open(context.Context, engine.Split, any, engine.SourceContext) (engine.SplitReader, error) {
	return &wordReader{n: w.n}, nil
}

type wordReader struct{ at, n int }

func (r *wordReader) Read(b *engine.Batch, n int) error {
	keys, numbers := &b.Vectors[0], &b.Vectors[1]
	for ; n > 0; n-- {
		if r.at == r.n {
			return io.EOF
		}
		keys.Strings = append(keys.Strings, wordKeys[r.at%len(wordKeys)])
		numbers.Longs = append(numbers.Longs, int64(r.at))
		b.N++
		r.at++
	}
	return nil
}
func (r *wordReader) Position() any { return int64(r.at) }
func (r *wordReader) Close() error  { return nil }

// allocations are those of a job for each of its records.
func allocations(t testing.TB, records int, build func(src *engine.Stream) (*engine.Stream, error)) float64 {
	j := engine.NewJob("words")
	s, err := build(j.Source("words", words{records}))
	if err != nil {
		t.Fatal(err)
	}
	s.Sink("sink", engine.AtLeastOnce, func() engine.Operator { return engine.Discard{} })
	tr := &trial{}
	c := tr.config(t)
	c.BatchSize, c.BufferTimeout = 0, 0
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := engine.Run(context.Background(), j, c); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / float64(records)
}

var allocating = map[string]func(src *engine.Stream) (*engine.Stream, error){
	"aggregate": func(src *engine.Stream) (*engine.Stream, error) {
		out, create, err := operators.Aggregate(src.Schema(), operators.AggregateOptions{Key: []string{"key"},
			Aggregates: []operators.Aggregation{{Name: "count", Func: operators.Count}, {Name: "sum", Func: operators.Sum, Expr: column{1, engine.Long}}}})
		return src.KeyBy("key").Process("aggregate", out, create), err
	},
	"deduplicate": func(src *engine.Stream) (*engine.Stream, error) {
		out, create, err := operators.Deduplicate(src.Schema(), operators.DeduplicateOptions{Key: []string{"key"}})
		return src.KeyBy("key").Process("deduplicate", out, create), err
	},
}

// Neither aggregates nor what finds duplicates allocates for a record.
func TestAllocations(t *testing.T) {
	for name, build := range allocating {
		if n := allocations(t, 500_000, build); n > 0.1 {
			t.Errorf("%s: %.2f allocations a record", name, n)
		} else {
			t.Logf("%s: %.3f", name, n)
		}
	}
}

func BenchmarkAggregate(b *testing.B) {
	b.ReportMetric(allocations(b, b.N, allocating["aggregate"]), "allocs/record")
}
