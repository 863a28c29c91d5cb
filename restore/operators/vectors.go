package operators

import "github.com/ckpt-tool/ckpt/restore/engine"

func appendLong(v *engine.Vector, x int64) {
	v.Longs = append(v.Longs, x)
	present(v)
}

func appendDouble(v *engine.Vector, x float64) {
	v.Doubles = append(v.Doubles, x)
	present(v)
}

func appendText(v *engine.Vector, x string) {
	v.Strings = append(v.Strings, x)
	present(v)
}

func present(v *engine.Vector) {
	if v.Nulls != nil {
		v.Nulls = append(v.Nulls, false)
	}
}

// appendNull appends a null to a column of n values.
func appendNull(v *engine.Vector, k engine.Kind, n int) {
	switch k {
	case engine.Boolean:
		v.Bools = append(v.Bools, false)
	case engine.Long, engine.Timestamp:
		v.Longs = append(v.Longs, 0)
	case engine.Double:
		v.Doubles = append(v.Doubles, 0)
	default:
		v.Strings = append(v.Strings, "")
	}
	if v.Nulls == nil {
		v.Nulls = make([]bool, n, n+1)
	}
	v.Nulls = append(v.Nulls, true)
}

// appendFrom appends value i of another column to one of n values.
func appendFrom(v *engine.Vector, k engine.Kind, n int, from *engine.Vector, i int) {
	if null(from, i) {
		appendNull(v, k, n)
		return
	}
	switch k {
	case engine.Boolean:
		v.Bools = append(v.Bools, from.Bools[i])
	case engine.Long, engine.Timestamp:
		v.Longs = append(v.Longs, from.Longs[i])
	case engine.Double:
		v.Doubles = append(v.Doubles, from.Doubles[i])
	default:
		v.Strings = append(v.Strings, from.Strings[i])
	}
	present(v)
}

// appendValues appends all n values of a column to one that has length.
func appendValues(dst *engine.Vector, length int, src *engine.Vector, n int) {
	dst.Bools = append(dst.Bools, src.Bools...)
	dst.Longs = append(dst.Longs, src.Longs...)
	dst.Doubles = append(dst.Doubles, src.Doubles...)
	dst.Strings = append(dst.Strings, src.Strings...)
	switch {
	case src.Nulls != nil:
		if dst.Nulls == nil {
			dst.Nulls = make([]bool, length, length+n)
		}
		dst.Nulls = append(dst.Nulls, src.Nulls...)
	case dst.Nulls != nil:
		dst.Nulls = append(dst.Nulls, make([]bool, n)...)
	}
}

// appendTimes appends the event times of all records of src.
func appendTimes(dst, src *engine.Batch) {
	if src.Times == nil && dst.Times == nil {
		return
	}
	for i := range src.N {
		appendTime(dst, dst.N+i, src.Time(i))
	}
}

// appendTime appends an event time to a batch of n records.
func appendTime(dst *engine.Batch, n int, ts int64) {
	if dst.Times == nil {
		if ts == engine.NoTime {
			return
		}
		for range n {
			dst.Times = append(dst.Times, engine.NoTime)
		}
	}
	dst.Times = append(dst.Times, ts)
}
