package operators

import (
	"slices"

	"github.com/ckpt-tool/ckpt/restore/engine"
)

// Select makes records of columns that are computed, or are columns of the input (Flink: map). The output has a column for each item.
type Select struct {
	Output *engine.Schema
	Items  []Item
}

// Item is one column of the output: an expression over the input, or where that is nil the input's column.
type Item struct {
	Expr   engine.Expr
	Column int
}

// Open implements engine.Operator.
func (*Select) Open(*engine.Context) error { return nil }

// Close implements engine.Operator.
func (*Select) Close() error { return nil }

// Process implements engine.Operator.
func (s *Select) Process(_ int, b *engine.Batch, out *engine.Output) error {
	return into(s.Output, b, out, s.fill)
}

// into has fill make a batch of b, in memory of the output, and passes it on.
func into(schema *engine.Schema, b *engine.Batch, out *engine.Output, fill func(b, to *engine.Batch) error) error {
	to := out.Batch()
	gathered := to.N > 0
	if gathered {
		to = engine.NewBatch(schema, b.N)
	}
	if err := fill(b, to); err != nil {
		return err
	}
	to.N, to.Times, b.Times = b.N, b.Times, nil
	b.Release()
	if gathered {
		return out.Emit(to)
	}
	return nil
}

// fill computes the columns. A column of the input moves to the output, and its memory there to the input; where it goes there twice it is copied.
func (s *Select) fill(b, to *engine.Batch) error {
	for i, item := range s.Items {
		if item.Expr == nil {
			continue
		}
		if err := item.Expr.Eval(b, &to.Vectors[i]); err != nil {
			return err
		}
	}
	for i, item := range s.Items {
		if item.Expr != nil {
			continue
		}
		if first := s.first(item.Column); first < i {
			to.Vectors[i].AppendAll(s.Output.Columns[i].Kind, &to.Vectors[first])
		} else {
			to.Vectors[i], b.Vectors[item.Column] = b.Vectors[item.Column], to.Vectors[i]
		}
	}
	return nil
}

// first is where a column of the input goes first.
func (s *Select) first(column int) int {
	return slices.IndexFunc(s.Items, func(i Item) bool { return i.Expr == nil && i.Column == column })
}

// Add gives records further columns. The output's first columns are the input's; each expression sees those and what was added before it.
type Add struct {
	Output *engine.Schema
	Exprs  []engine.Expr
}

// Open implements engine.Operator.
func (*Add) Open(*engine.Context) error { return nil }

// Close implements engine.Operator.
func (*Add) Close() error { return nil }

// Process implements engine.Operator.
func (a *Add) Process(_ int, b *engine.Batch, out *engine.Output) error {
	return into(a.Output, b, out, a.fill)
}

func (a *Add) fill(b, to *engine.Batch) error {
	given := len(b.Vectors)
	for i := range given {
		to.Vectors[i], b.Vectors[i] = b.Vectors[i], to.Vectors[i]
	}
	to.N = b.N
	for i, e := range a.Exprs {
		if err := e.Eval(to, &to.Vectors[given+i]); err != nil {
			return err
		}
	}
	return nil
}
