package operators

import (
	"errors"
	"fmt"
	"testing"

	"github.com/ckpt-tool/ckpt/restore/engine"
	"github.com/google/go-cmp/cmp"
)

var people = engine.NewSchema(engine.Column{Name: "name", Kind: engine.String}, engine.Column{Name: "n", Kind: engine.Long},
	engine.Column{Name: "x", Kind: engine.Double}, engine.Column{Name: "p", Kind: engine.Boolean})

// peopleBatch has records 0 … n-1: every third name is null, p of every fourth.
func peopleBatch(n int) *engine.Batch {
	b := engine.NewBatch(people, n)
	for i := range n {
		name, p := any(fmt.Sprint("name ", i)), any(i%2 == 0)
		if i%3 == 2 {
			name = nil
		}
		if i%4 == 3 {
			p = nil
		}
		b.Append(int64(1000+i), name, i, float64(i)/2, p)
	}
	return b
}

// column is an expression that is a column.
type column struct {
	at   int
	kind engine.Kind
	fail error
}

func (c column) Kind() engine.Kind { return c.kind }

func (c column) Eval(b *engine.Batch, dst *engine.Vector) error {
	*dst = engine.Vector{}
	dst.AppendAll(c.kind, &b.Vectors[c.at])
	return c.fail
}

// rowsOf are the records of a batch as values, with their times in front.
func rowsOf(b *engine.Batch) (rows [][]any) {
	for i := range b.N {
		row := []any{b.Time(i)}
		for c := range b.Vectors {
			row = append(row, b.Value(c, i))
		}
		rows = append(rows, row)
	}
	return rows
}

// filled is what fill makes of a batch.
func filled(t *testing.T, out *engine.Schema, b *engine.Batch, fill func(b, to *engine.Batch) error) *engine.Batch {
	t.Helper()
	to := engine.NewBatch(out, 0)
	if err := fill(b, to); err != nil {
		t.Fatal(err)
	}
	to.N, to.Times = b.N, b.Times
	return to
}

func TestSelect(t *testing.T) {
	out := engine.NewSchema(engine.Column{Name: "a", Kind: engine.Long}, engine.Column{Name: "b", Kind: engine.String}, engine.Column{Name: "c", Kind: engine.Long},
		engine.Column{Name: "d", Kind: engine.Long})
	s := &Select{Output: out, Items: []Item{{Column: 1}, {Expr: column{at: 0, kind: engine.String}}, {Column: 1}, {Expr: column{at: 1, kind: engine.Long}}}}
	made := filled(t, out, peopleBatch(3), s.fill)
	want := [][]any{{int64(1000), int64(0), "name 0", int64(0), int64(0)}, {int64(1001), int64(1), "name 1", int64(1), int64(1)}, {int64(1002), int64(2), nil, int64(2), int64(2)}}
	if diff := cmp.Diff(want, rowsOf(made)); diff != "" {
		t.Error(diff)
	}
	made.Vectors[0].Longs[0] = 99 // a column that went to two places is in two places
	if made.Vectors[2].Longs[0] == 99 {
		t.Error("two columns have one memory")
	}
	s.Items[1].Expr = column{at: 0, fail: errors.New("wrong")}
	if err := s.fill(peopleBatch(1), engine.NewBatch(out, 0)); err == nil {
		t.Error("the error is lost")
	}
}

func TestAdd(t *testing.T) {
	out := &engine.Schema{Columns: append(append([]engine.Column{}, people.Columns...), engine.Column{Name: "m", Kind: engine.Long}, engine.Column{Name: "k", Kind: engine.Long})}
	a := &Add{Output: out, Exprs: []engine.Expr{column{at: 1, kind: engine.Long}, column{at: 4, kind: engine.Long}}} // the second sees the first
	made := filled(t, out, peopleBatch(2), a.fill)
	want := [][]any{{int64(1000), "name 0", int64(0), 0.0, true, int64(0), int64(0)}, {int64(1001), "name 1", int64(1), 0.5, false, int64(1), int64(1)}}
	if diff := cmp.Diff(want, rowsOf(made)); diff != "" {
		t.Error(diff)
	}
	a.Exprs[1] = column{at: 4, fail: errors.New("wrong")}
	if err := a.fill(peopleBatch(1), engine.NewBatch(out, 0)); err == nil {
		t.Error("the error is lost")
	}
}

func TestFilter(t *testing.T) {
	f := &Filter{Where: column{at: 3, kind: engine.Boolean}}
	for _, n := range []int{0, 1, 2, 100} { // the memory of one batch serves the next
		b := peopleBatch(n)
		var want [][]any
		for _, row := range rowsOf(b) {
			if row[4] == true {
				want = append(want, row)
			}
		}
		if err := f.apply(b); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, rowsOf(b)); diff != "" {
			t.Errorf("%d: %s", n, diff)
		}
	}
	b := peopleBatch(2)
	b.Append(5000, "after", 7, 1.0, nil)
	b.Times = nil
	b.KeyEnds = []int32{1, 2, 3}
	if err := f.apply(b); err != nil || b.N != 1 || b.Times != nil || b.KeyEnds != nil {
		t.Errorf("%+v, %v", b, err)
	}
	f.Where = column{at: 3, fail: errors.New("wrong")}
	if err := f.apply(peopleBatch(1)); err == nil {
		t.Error("the error is lost")
	}
}

// digits gives a list of n, n-1, … 1 for the column n.
type digits struct{ fail error }

func (digits) Kind() engine.Kind { return engine.Long }

func (d digits) EvalList(b *engine.Batch, dst *engine.Vector, ends []int32) ([]int32, error) {
	for i := range b.N {
		for n := b.Vectors[1].Longs[i]; n > 0; n-- {
			dst.Longs = append(dst.Longs, n)
		}
		ends = append(ends, int32(len(dst.Longs)))
	}
	return ends, d.fail
}

func TestFlatMap(t *testing.T) {
	out := engine.NewSchema(people.Columns[0], people.Columns[1], engine.Column{Name: "digit", Kind: engine.Long})
	m := &FlatMap{Output: out, Keep: []int{0, 1}, Each: digits{}}
	for _, n := range []int{0, 1, 4, 100} {
		in := peopleBatch(n)
		var want, got [][]any
		for _, row := range rowsOf(in) {
			for d := row[2].(int64); d > 0; d-- {
				want = append(want, []any{row[0], row[1], row[2], d})
			}
		}
		err := m.apply(in, func(b *engine.Batch) error {
			if b.N > maxBatch {
				t.Errorf("a batch of %d", b.N)
			}
			got = append(got, rowsOf(b)...)
			b.Append(1, "more", 1, 1) // does not touch the next batch
			return nil
		})
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%d: %v %s", n, err, diff)
		}
	}
	wrong := errors.New("wrong")
	if err := m.apply(peopleBatch(2), func(*engine.Batch) error { return wrong }); !errors.Is(err, wrong) {
		t.Error(err)
	}
	m.Each = digits{wrong}
	if err := m.apply(peopleBatch(2), func(*engine.Batch) error { return nil }); !errors.Is(err, wrong) {
		t.Error(err)
	}
}
