package operators

import "github.com/ckpt-tool/ckpt/restore/engine"

// ListExpr computes a list for each record of a batch. It is safe for concurrent use.
type ListExpr interface {
	Kind() engine.Kind // of the elements
	// EvalList appends the elements for all records to dst, and to ends, for each record, how many are in dst then.
	EvalList(b *engine.Batch, dst *engine.Vector, ends []int32) ([]int32, error)
}

// FlatMap makes a record of each element of a list (Flink: flatMap). Its columns are those that are kept of the input, then the element.
type FlatMap struct {
	Output *engine.Schema
	Keep   []int // columns of the input
	Each   ListExpr
	ends   []int32
}

// maxBatch bounds the batches that FlatMap makes of one.
const maxBatch = 1024

// Open implements engine.Operator.
func (*FlatMap) Open(*engine.Context) error { return nil }

// Close implements engine.Operator.
func (*FlatMap) Close() error { return nil }

// Process implements engine.Operator.
func (m *FlatMap) Process(_ int, b *engine.Batch, out *engine.Output) error {
	if err := m.apply(b, out.Emit); err != nil {
		return err
	}
	b.Release()
	return nil
}

func (m *FlatMap) apply(b *engine.Batch, emit func(*engine.Batch) error) error {
	var elements engine.Vector
	var err error
	if m.ends, err = m.Each.EvalList(b, &elements, m.ends[:0]); err != nil || b.N == 0 {
		return err
	}
	total := int(m.ends[b.N-1])
	for from := 0; from < total; from += maxBatch {
		if err := emit(m.part(b, &elements, from, min(total, from+maxBatch))); err != nil {
			return err
		}
	}
	return nil
}

// part makes a batch of the elements from … to-1.
func (m *FlatMap) part(b *engine.Batch, elements *engine.Vector, from, to int) *engine.Batch {
	made := &engine.Batch{Schema: m.Output, N: to - from, Vectors: make([]engine.Vector, len(m.Keep)+1)}
	origin := m.origins(from, to)
	for i, column := range m.Keep {
		v := &b.Vectors[column]
		made.Vectors[i] = engine.Vector{
			Bools: gather(v.Bools, b.N, origin), Longs: gather(v.Longs, b.N, origin), Doubles: gather(v.Doubles, b.N, origin),
			Strings: gather(v.Strings, b.N, origin), Nulls: gather(v.Nulls, b.N, origin),
		}
	}
	made.Vectors[len(m.Keep)] = engine.Vector{
		Bools: cut(elements.Bools, from, to), Longs: cut(elements.Longs, from, to), Doubles: cut(elements.Doubles, from, to),
		Strings: cut(elements.Strings, from, to), Nulls: cut(elements.Nulls, from, to),
	}
	made.Times = gather(b.Times, b.N, origin)
	return made
}

// origins is which record each of the elements is of.
func (m *FlatMap) origins(from, to int) []int32 {
	origin := make([]int32, 0, to-from)
	for i, end := range m.ends {
		for ; from < int(end) && from < to; from++ {
			origin = append(origin, int32(i))
		}
	}
	return origin
}

func gather[T any](s []T, n int, origin []int32) []T {
	if len(s) < n {
		return nil
	}
	made := make([]T, len(origin))
	for i, at := range origin {
		made[i] = s[at]
	}
	return made
}

func cut[T any](s []T, from, to int) []T {
	if len(s) < to {
		return nil
	}
	return s[from:to:to]
}
