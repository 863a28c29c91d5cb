package expr

import (
	"math"
	"math/bits"

	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// longs compiles arithmetic of integers. What overflows is left to the interpreter, which says so.
func (c *compiler) longs(name string, a, b term) (term, bool) {
	var do func(out *column, a, b, to []int64)
	switch name {
	case operators.Add:
		do = addLongs
	case operators.Subtract:
		do = subtractLongs
	case operators.Multiply:
		do = multiplyLongs
	case operators.Divide:
		do = divideLongs
	case operators.Modulo:
		if k, ok := b.value.(types.Int); ok && k > 0 {
			return c.moduloConstant(a, int64(k))
		}
		do = moduloLongs
	default:
		return term{}, false
	}
	return c.strict(engine.Long, []term{a, b}, func(f *frame, out *column, args []*column) {
		do(out, args[0].Longs[:f.n], args[1].Longs[:f.n], out.Longs)
	})
}

func addLongs(out *column, a, b, to []int64) {
	b, to = b[:len(a)], to[:len(a)]
	for i, x := range a {
		y := b[i]
		sum := x + y
		if to[i] = sum; (x^sum)&(y^sum) < 0 {
			out.fail(i, len(a))
		}
	}
}

func subtractLongs(out *column, a, b, to []int64) {
	b, to = b[:len(a)], to[:len(a)]
	for i, x := range a {
		y := b[i]
		diff := x - y
		if to[i] = diff; (x^y)&(x^diff) < 0 {
			out.fail(i, len(a))
		}
	}
}

func multiplyLongs(out *column, a, b, to []int64) {
	b, to = b[:len(a)], to[:len(a)]
	for i, x := range a {
		product, ok := multiply(x, b[i])
		if to[i] = product; !ok {
			out.fail(i, len(a))
		}
	}
}

// multiply tells whether the product is right: the upper half of the signed 128 bits is but the sign of the lower.
func multiply(x, y int64) (int64, bool) {
	hi, lo := bits.Mul64(uint64(x), uint64(y))
	hi -= uint64(x>>63)&uint64(y) + uint64(y>>63)&uint64(x)
	return int64(lo), hi == uint64(int64(lo)>>63)
}

func divideLongs(out *column, a, b, to []int64) {
	for i, x := range a {
		switch y := b[i]; {
		case y == 0 || y == -1 && x == math.MinInt64:
			out.fail(i, len(a))
		default:
			to[i] = x / y
		}
	}
}

func moduloLongs(out *column, a, b, to []int64) {
	for i, x := range a {
		switch y := b[i]; {
		case y == 0 || y == -1 && x == math.MinInt64:
			out.fail(i, len(a))
		default:
			to[i] = x % y
		}
	}
}

// moduloConstant is by a number above zero, which cannot fail.
func (c *compiler) moduloConstant(a term, k int64) (term, bool) {
	return c.strict(engine.Long, []term{a}, func(f *frame, out *column, args []*column) {
		to := out.Longs
		for i, x := range args[0].Longs[:len(to)] {
			if uint64(x)|uint64(k) <= math.MaxUint32 {
				to[i] = int64(uint32(x) % uint32(k))
			} else {
				to[i] = x % k
			}
		}
	})
}

// doubles compiles arithmetic of floating-point numbers, which never fails.
func (c *compiler) doubles(name string, a, b term) (term, bool) {
	var do func(a, b, to []float64)
	switch name {
	case operators.Add:
		do = func(a, b, to []float64) {
			for i := range to {
				to[i] = a[i] + b[i]
			}
		}
	case operators.Subtract:
		do = func(a, b, to []float64) {
			for i := range to {
				to[i] = a[i] - b[i]
			}
		}
	case operators.Multiply:
		do = func(a, b, to []float64) {
			for i := range to {
				to[i] = a[i] * b[i]
			}
		}
	case operators.Divide:
		do = func(a, b, to []float64) {
			for i := range to {
				to[i] = a[i] / b[i]
			}
		}
	default:
		return term{}, false
	}
	return c.strict(engine.Double, []term{a, b}, func(f *frame, out *column, args []*column) {
		do(args[0].Doubles[:f.n], args[1].Doubles[:f.n], out.Doubles)
	})
}

// negate compiles the sign in front of a number.
func (c *compiler) negate(a term) (term, bool) {
	switch a.kind {
	case engine.Long:
		return c.strict(engine.Long, []term{a}, func(f *frame, out *column, args []*column) {
			for i, x := range args[0].Longs[:f.n] {
				if out.Longs[i] = -x; x == math.MinInt64 {
					out.fail(i, f.n)
				}
			}
		})
	case engine.Double:
		return c.strict(engine.Double, []term{a}, func(f *frame, out *column, args []*column) {
			for i, x := range args[0].Doubles[:f.n] {
				out.Doubles[i] = -x
			}
		})
	}
	return term{}, false
}
