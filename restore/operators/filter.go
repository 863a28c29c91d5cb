package operators

import "github.com/ckpt-tool/ckpt/restore/engine"

// Filter passes on the records for which a condition is true: not those for which it is false or null (Flink: filter).
type Filter struct {
	Where engine.Expr // a Boolean
	keep  engine.Vector
}

// Open implements engine.Operator.
func (*Filter) Open(*engine.Context) error { return nil }

// Close implements engine.Operator.
func (*Filter) Close() error { return nil }

// Process implements engine.Operator.
func (f *Filter) Process(_ int, b *engine.Batch, out *engine.Output) error {
	if err := f.apply(b); err != nil {
		return err
	}
	return out.Emit(b)
}

// apply leaves the records that are to be kept.
func (f *Filter) apply(b *engine.Batch) error {
	if err := f.Where.Eval(b, &f.keep); err != nil {
		return err
	}
	keep := f.keep.Bools[:b.N]
	for i, null := range f.keep.Nulls {
		keep[i] = keep[i] && !null
	}
	n := 0
	for _, k := range keep {
		if k {
			n++
		}
	}
	if n < b.N {
		compact(b, keep, n)
	}
	return nil
}

// compact leaves n records, in place. The stream behind is not keyed: keys go.
func compact(b *engine.Batch, keep []bool, n int) {
	for c := range b.Vectors {
		v := &b.Vectors[c]
		v.Bools, v.Longs, v.Doubles = kept(v.Bools, keep, n), kept(v.Longs, keep, n), kept(v.Doubles, keep, n)
		v.Strings, v.Nulls = kept(v.Strings, keep, n), kept(v.Nulls, keep, n)
	}
	b.Times = kept(b.Times, keep, n)
	b.N, b.Keys, b.KeyEnds, b.KeyGroups = n, nil, nil, nil
}

// kept moves what is kept to the front of s.
func kept[T any](s []T, keep []bool, n int) []T {
	if len(s) < len(keep) {
		return s
	}
	to := 0
	for i, k := range keep {
		if k {
			s[to] = s[i]
			to++
		}
	}
	clear(s[n:len(keep)]) // texts that are gone need no memory
	return s[:n]
}
