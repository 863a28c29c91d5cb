package expr

import (
	"cmp"
	"math"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// order compiles <, <=, > and >=, each false where a side is not a number.
func (c *compiler) order(name string, a, b term) (term, bool) {
	if name == operators.Greater || name == operators.GreaterEquals {
		a, b = b, a
	}
	orEqual := name == operators.LessEquals || name == operators.GreaterEquals
	var do func(f *frame, out *column, args []*column)
	switch {
	case a.kind == engine.Long && b.kind == engine.Long, a.kind == engine.Timestamp && b.kind == engine.Timestamp:
		do = func(f *frame, out *column, args []*column) { less(args[0].Longs, args[1].Longs, out.Bools, orEqual) }
	case a.kind == engine.Double && b.kind == engine.Double:
		do = func(f *frame, out *column, args []*column) {
			less(args[0].Doubles, args[1].Doubles, out.Bools, orEqual)
		}
	case isText(a.kind) && a.kind == b.kind:
		do = func(f *frame, out *column, args []*column) {
			less(args[0].Strings, args[1].Strings, out.Bools, orEqual)
		}
	case isNumber(a.kind) && isNumber(b.kind):
		do = func(f *frame, out *column, args []*column) {
			for i := range out.Bools {
				order, ok := compareNumbers(args[0], args[1], a.kind, i)
				out.Bools[i] = ok && (order < 0 || orEqual && order == 0)
			}
		}
	default:
		return term{}, false
	}
	return c.strict(engine.Boolean, []term{a, b}, do)
}

func isText(k engine.Kind) bool   { return k == engine.String || k == engine.Bytes }
func isNumber(k engine.Kind) bool { return k == engine.Long || k == engine.Double }

func less[T cmp.Ordered](a, b []T, to []bool, orEqual bool) {
	a, b = a[:len(to)], b[:len(to)]
	if orEqual {
		for i, x := range a {
			to[i] = x <= b[i]
		}
		return
	}
	for i, x := range a {
		to[i] = x < b[i]
	}
}

// compareNumbers compares an integer and a double, whichever is first. It is not ok where the double is not a number.
func compareNumbers(a, b *column, first engine.Kind, i int) (int, bool) {
	if first == engine.Long {
		order, ok := compareDoubleLong(b.Doubles[i], a.Longs[i])
		return -order, ok
	}
	return compareDoubleLong(a.Doubles[i], b.Longs[i])
}

func compareDoubles(x, y float64) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// compareDoubleLong compares as CEL does: as doubles, where the range of integers allows it.
func compareDoubleLong(x float64, n int64) (int, bool) {
	switch {
	case x < math.MinInt64:
		return -1, true
	case x > math.MaxInt64:
		return 1, true
	}
	return compareDoubles(x, float64(n)), x == x
}

// equality compiles == and !=, which null takes part in: it equals itself alone.
func (c *compiler) equality(args []celast.Expr, not bool) (term, bool) {
	switch {
	case isNullLiteral(args[1]):
		return c.nullCheck(args[0], not)
	case isNullLiteral(args[0]):
		return c.nullCheck(args[1], not)
	}
	a, ok := c.compile(args[0])
	b, also := c.compile(args[1])
	if !ok || !also || a.kind != b.kind && !(isNumber(a.kind) && isNumber(b.kind)) {
		return term{}, false
	}
	do := equals(a.kind, b.kind)
	slot := c.slot()
	return term{kind: engine.Boolean, slot: slot, eval: func(f *frame) *column {
		x, y := a.eval(f), b.eval(f)
		out, to := f.truths(slot)
		do(x, y, to)
		if !x.plain() || !y.plain() {
			out.equalNulls(x, y, f.n)
		}
		if not {
			invert(to)
		}
		return out
	}}, true
}

func equals(ka, kb engine.Kind) func(a, b *column, to []bool) {
	switch {
	case ka != kb:
		return func(a, b *column, to []bool) {
			for i := range to {
				order, ok := compareNumbers(a, b, ka, i)
				to[i] = ok && order == 0
			}
		}
	case ka == engine.Boolean:
		return func(a, b *column, to []bool) { same(a.Bools, b.Bools, to) }
	case ka == engine.Double:
		return func(a, b *column, to []bool) { same(a.Doubles, b.Doubles, to) }
	case isText(ka):
		return func(a, b *column, to []bool) { same(a.Strings, b.Strings, to) }
	}
	return func(a, b *column, to []bool) { same(a.Longs, b.Longs, to) }
}

func same[T comparable](a, b []T, to []bool) {
	a, b = a[:len(to)], b[:len(to)]
	for i, x := range a {
		to[i] = x == b[i]
	}
}

func invert(b []bool) {
	for i := range b {
		b[i] = !b[i]
	}
}

// equalNulls corrects the records where a side is null or asks.
func (c *column) equalNulls(a, b *column, n int) {
	for i := range n {
		if a.asks(i) || b.asks(i) {
			c.fail(i, n)
		} else if a.Null(i) || b.Null(i) {
			c.Bools[i] = a.Null(i) && b.Null(i)
		}
	}
}

// nullCheck compiles x == null.
func (c *compiler) nullCheck(e celast.Expr, not bool) (term, bool) {
	a, ok := c.compile(e)
	if !ok {
		return term{}, false
	}
	slot := c.slot()
	return term{kind: engine.Boolean, slot: slot, eval: func(f *frame) *column {
		x := a.eval(f)
		out, to := f.truths(slot)
		for i := range to {
			if to[i] = x.Null(i) != not; x.asks(i) {
				out.fail(i, f.n)
			}
		}
		return out
	}}, true
}

// membership compiles x in [...] of constants of x's type.
func (c *compiler) membership(args []celast.Expr) (term, bool) {
	if args[1].Kind() != celast.ListKind || len(args[1].AsList().OptionalIndices()) > 0 {
		return term{}, false
	}
	a, ok := c.compile(args[0])
	if !ok {
		return term{}, false
	}
	longs, texts := map[int64]bool{}, map[string]bool{}
	for _, e := range args[1].AsList().Elements() {
		switch value, _ := c.fold(e); v := value.(type) {
		case types.Int:
			longs[int64(v)] = true
		case types.String:
			texts[string(v)] = true
		default:
			return term{}, false
		}
	}
	switch {
	case a.kind == engine.Long && len(texts) == 0:
		return c.strict(engine.Boolean, []term{a}, func(f *frame, out *column, args []*column) {
			for i, x := range args[0].Longs[:f.n] {
				out.Bools[i] = longs[x]
			}
		})
	case a.kind == engine.String && len(longs) == 0:
		return c.strict(engine.Boolean, []term{a}, func(f *frame, out *column, args []*column) {
			for i, x := range args[0].Strings[:f.n] {
				out.Bools[i] = texts[x]
			}
		})
	}
	return term{}, false
}
