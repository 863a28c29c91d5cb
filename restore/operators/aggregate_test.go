package operators_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/restore/engine"
	"github.com/ckpt-tool/ckpt/restore/operators"
	"pgregory.net/rapid"
)

// sales are records with a value of each kind, any of which may be null.
var sales = engine.NewSchema(engine.Column{Name: "key", Kind: engine.Long}, engine.Column{Name: "l", Kind: engine.Long}, engine.Column{Name: "d", Kind: engine.Double},
	engine.Column{Name: "s", Kind: engine.String}, engine.Column{Name: "t", Kind: engine.Timestamp})

// everyAggregate is all functions of all kinds that they take. Columns of the source are at, side, and those of sales.
func everyAggregate() (all []operators.Aggregation) {
	for i, k := range []engine.Kind{engine.Long, engine.Double, engine.String, engine.Timestamp} {
		for _, f := range []operators.Func{operators.Sum, operators.Avg, operators.Min, operators.Max, operators.Top} {
			if i > 1 && (f == operators.Sum || f == operators.Avg) {
				continue
			}
			all = append(all, operators.Aggregation{Name: fmt.Sprint(f, " ", i), Func: f, Expr: column{3 + i, k}, N: 3})
		}
	}
	return append(all, operators.Aggregation{Name: "count", Func: operators.Count})
}

// modelAggregates is what everyAggregate gives of some records.
func modelAggregates(rows []row) string {
	text := ""
	for i := 1; i <= 4; i++ {
		var values []any
		for _, r := range rows {
			if r.values[i] != nil {
				values = append(values, r.values[i])
			}
		}
		if i <= 2 {
			text += " " + modelSum(values)
		}
		text += " " + modelExtremes(values)
	}
	return fmt.Sprint(text, " ", len(rows))
}

func modelSum(values []any) string {
	long, double := int64(0), 0.0
	for _, v := range values {
		switch x := v.(type) {
		case int64:
			long += x
			double += float64(x)
		case float64:
			double += x
		}
	}
	n := float64(len(values))
	if n == 0 {
		return "<nil> <nil>"
	}
	if _, ok := values[0].(int64); ok {
		return fmt.Sprint(long, " ", double/n)
	}
	return fmt.Sprint(double, " ", double/n)
}

func modelExtremes(values []any) string {
	values = slices.Clone(values)
	slices.SortStableFunc(values, func(a, b any) int {
		switch x := a.(type) {
		case int64:
			return cmp.Compare(b.(int64), x)
		case float64:
			return cmp.Compare(b.(float64), x)
		}
		return strings.Compare(b.(string), a.(string))
	})
	least, most := any(nil), any(nil)
	if len(values) > 0 {
		least, most = values[len(values)-1], values[0]
	}
	top, err := json.Marshal(append([]any{}, values[:min(len(values), 3)]...))
	if err != nil {
		panic(err)
	}
	return fmt.Sprint(least, " ", most, " ", string(top))
}

func drawSale(r *rapid.T) row {
	maybe := func(g *rapid.Generator[any]) any {
		if rapid.IntRange(0, 3).Draw(r, "null") == 0 {
			return nil
		}
		return g.Draw(r, "value")
	}
	long := rapid.Int64Range(-1000, 1000).AsAny()
	double := rapid.Map(rapid.IntRange(-1000, 1000), func(i int) any { return float64(i) / 4 })
	text := rapid.SampledFrom([]string{"", "a", "b", "ab", "ä", "€uro", "z\"q", "𝄞"}).AsAny()
	at := any(rapid.Int64Range(0, 5).Draw(r, "at"))
	if rapid.IntRange(0, 9).Draw(r, "no time") == 0 {
		at = nil
	}
	return row{at: at, values: []any{rapid.Int64Range(0, 3).Draw(r, "key"), maybe(long), maybe(double), maybe(text), maybe(long)}}
}

func saleSteps(r *rapid.T) (steps []step) {
	for range rapid.IntRange(2, 12).Draw(r, "steps") {
		steps = append(steps, step{rows: rapid.SliceOfN(rapid.Custom(drawSale), 1, batchSize).Draw(r, "rows")})
	}
	return steps
}

func aggregateTrial(o operators.AggregateOptions, steps []step) *trial {
	o.Key = []string{"key"}
	return &trial{schema: sales, steps: steps, build: func(src *engine.Stream, p *probe) (*engine.Stream, error) {
		out, create, err := operators.Aggregate(src.Schema(), o)
		if err != nil {
			return nil, err
		}
		return src.KeyBy("key").Process("aggregate", out, p.watch(create)), nil
	}}
}

// runningModel is the aggregates after each record.
func runningModel(steps []step) (out []string) {
	byKey := map[int64][]row{}
	for _, s := range steps {
		for _, r := range s.rows {
			key := r.values[0].(int64)
			byKey[key] = append(byKey[key], r)
			at := r.at
			if at == nil {
				at = "-"
			}
			out = append(out, fmt.Sprint(at, " ", key, modelAggregates(byKey[key])))
		}
	}
	return out
}

func TestAggregateLikeModel(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		steps := saleSteps(r)
		tr := aggregateTrial(operators.AggregateOptions{Aggregates: everyAggregate()}, steps)
		got := tr.run(t)
		if want := runningModel(steps); got.err != nil || !slices.Equal(got.rows, want) {
			r.Errorf("%v:\nhave %s\nwant %s", got.err, strings.Join(got.rows, "\n"), strings.Join(want, "\n"))
		}
	})
}

func TestAggregateResumes(t *testing.T) {
	gen := rapid.Custom(saleSteps)
	for seed := range 16 {
		steps := gen.Example(seed)
		tr := aggregateTrial(operators.AggregateOptions{Aggregates: everyAggregate()}, steps)
		tr.pebble, tr.parallelism = seed%4 == 0, 1+seed%3
		got := tr.twice(t, 1+seed%(len(steps)-1), 1+seed%4)
		same(t, got.rows, runningModel(steps))
		if got.err != nil {
			t.Error(got.err)
		}
	}
}

// What is aggregated in two sessions and then becomes one is as if it had been one.
func TestAggregatesMerge(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var steps []step
		var all []row
		for _, ts := range rapid.Permutation([]int64{0, 4, 8, 12, 16, 20}).Draw(r, "times") {
			sale := drawSale(r)
			sale.at, sale.values[0] = ts, int64(1)
			steps = append(steps, step{rows: []row{sale}})
			all = append(all, sale)
		}
		tr := &trial{schema: sales, steps: steps, delay: time.Minute, build: func(src *engine.Stream, p *probe) (*engine.Stream, error) {
			out, create, err := operators.Window(src.Schema(), operators.WindowOptions{Key: []string{"key"}, Aggregates: everyAggregate(), Windows: operators.Windows{Session: 5 * time.Millisecond}})
			if err != nil {
				return nil, err
			}
			return src.KeyBy("key").Process("window", out, p.watch(create)), nil
		}}
		got := tr.run(t)
		if want := "24 1 0 25" + modelAggregates(all); got.err != nil || len(got.rows) != 1 || got.rows[0] != want {
			r.Errorf("have %v (%v)\nwant %s", got.rows, got.err, want)
		}
	})
}

func sale(key int64, l, d any) row { return row{at: int64(0), values: []any{key, l, d, nil, nil}} }

// sumOf is a trial that sums a column.
func sumOf(f operators.Func, at int, kind engine.Kind, values ...any) *trial {
	var steps []step
	for _, v := range values {
		r := sale(1, nil, nil)
		r.values[at-2] = v
		steps = append(steps, step{rows: []row{r}})
	}
	return aggregateTrial(operators.AggregateOptions{Aggregates: []operators.Aggregation{{Name: "x", Func: f, Expr: column{at, kind}, N: 4}}}, steps)
}

func TestSumOverflows(t *testing.T) {
	for _, values := range [][]any{{int64(math.MaxInt64), int64(1)}, {int64(math.MinInt64), int64(-1)}, {int64(math.MaxInt64 - 5), int64(3), int64(3)}} {
		if got := sumOf(operators.Sum, 3, engine.Long, values...).run(t); got.err == nil || !strings.Contains(got.err.Error(), "aggregate x: the sum leaves the range of BIGINT") {
			t.Errorf("%v: %v, %v", values, got.rows, got.err)
		}
	}
	got := sumOf(operators.Sum, 3, engine.Long, int64(math.MaxInt64), int64(math.MinInt64), int64(0), int64(1)).run(t)
	if n := len(got.rows); got.err != nil || n != 4 || got.rows[3] != "0 1 0" {
		t.Error(got)
	}
}

// Numbers that are none are above all others, as in Java; JSON has them as text.
func TestNaN(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for f, want := range map[operators.Func]string{operators.Max: "0 1 NaN", operators.Min: "0 1 -1", operators.Top: `0 1 ["NaN","Infinity",2.5,-1]`, operators.Sum: "0 1 NaN"} {
		got := sumOf(f, 4, engine.Double, 2.5, nan, inf, -1.0).run(t)
		if got.err != nil || len(got.rows) != 4 || got.rows[3] != want {
			t.Errorf("%s: %v %v", f, got.rows, got.err)
		}
	}
}

// A key that had no record for its time to live begins anew.
func TestAggregateTTL(t *testing.T) {
	one := []row{sale(1, int64(1), nil)}
	steps := []step{{rows: one}, {forward: 900 * time.Millisecond, rows: one}, {forward: 900 * time.Millisecond, rows: one}, {forward: time.Second, rows: one}, {rows: one}}
	for _, onPebble := range []bool{false, true} {
		tr := aggregateTrial(operators.AggregateOptions{TTL: time.Second, Aggregates: []operators.Aggregation{{Name: "n", Func: operators.Count}}}, steps)
		tr.clock, tr.noTime, tr.pebble = newFakeClock(), true, onPebble
		if got := tr.run(t); got.err != nil || !slices.Equal(got.rows, []string{"- 1 1", "- 1 2", "- 1 3", "- 1 1", "- 1 2"}) {
			t.Error(got)
		}
	}
}

func TestAggregateMistakes(t *testing.T) {
	text, number := column{5, engine.String}, column{3, engine.Long}
	for _, c := range []struct {
		o    operators.AggregateOptions
		want string
	}{
		{operators.AggregateOptions{Aggregates: counts(1)}, "no key"},
		{operators.AggregateOptions{Key: []string{"no"}, Aggregates: counts(1)}, `no column "no"`},
		{operators.AggregateOptions{Key: []string{"key"}}, "no aggregates"},
		{operators.AggregateOptions{Key: []string{"key"}, Aggregates: counts(26)}, "at most 25"},
		{operators.AggregateOptions{Key: []string{"key", "key"}, Aggregates: counts(1)}, "two columns"},
		{operators.AggregateOptions{Key: []string{"key"}, Aggregates: counts(1), TTL: time.Microsecond}, "a time to live of 1µs"},
		{operators.AggregateOptions{Key: []string{"key"}, Aggregates: []operators.Aggregation{{Func: operators.Count, Expr: number}}}, "takes no expression"},
		{operators.AggregateOptions{Key: []string{"key"}, Aggregates: []operators.Aggregation{{Func: operators.Sum}}}, "needs an expression"},
		{operators.AggregateOptions{Key: []string{"key"}, Aggregates: []operators.Aggregation{{Func: operators.Sum, Expr: text}}}, "want a number"},
		{operators.AggregateOptions{Key: []string{"key"}, Aggregates: []operators.Aggregation{{Func: operators.Min, Expr: column{0, engine.Boolean}}}}, "want a number, a text or a time"},
		{operators.AggregateOptions{Key: []string{"key"}, Aggregates: []operators.Aggregation{{Func: operators.Top, Expr: number}}}, "want 1 to 1000"},
		{operators.AggregateOptions{Key: []string{"key"}, Aggregates: []operators.Aggregation{{Func: operators.Top, Expr: number, N: 1001}}}, "want 1 to 1000"},
		{operators.AggregateOptions{Key: []string{"key"}, Aggregates: []operators.Aggregation{{Func: "median", Expr: number}}}, "no such function: median"},
	} {
		if _, _, err := operators.Aggregate(sales, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v; want %s", c.o, err, c.want)
		}
	}
}
