package expr

import (
	celast "cel.dev/cel-go/common/ast"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// logic compiles && and ||: a side that decides makes up for one that fails.
func (c *compiler) logic(args []celast.Expr, and bool) (term, bool) {
	a, ok := c.compile(args[0])
	b, also := c.compile(args[1])
	if !ok || !also || a.kind != engine.Boolean || b.kind != engine.Boolean {
		return term{}, false
	}
	slot := c.slot()
	return term{kind: engine.Boolean, slot: slot, eval: func(f *frame) *column {
		x := a.eval(f)
		out, to := f.truths(slot)
		if x.plain() && !undecided(x.Bools[:f.n], and) {
			copy(to, x.Bools)
			return out
		}
		y := b.eval(f)
		if x.plain() && y.plain() {
			combine(x.Bools[:f.n], y.Bools[:f.n], to, and)
			return out
		}
		for i := range to {
			out.decide(x, y, i, f.n, and)
		}
		return out
	}}, true
}

// undecided tells whether some record needs the other side.
func undecided(b []bool, and bool) bool {
	for _, x := range b {
		if x == and {
			return true
		}
	}
	return false
}

func combine(a, b, to []bool, and bool) {
	if and {
		for i, x := range a {
			to[i] = x && b[i]
		}
		return
	}
	for i, x := range a {
		to[i] = x || b[i]
	}
}

// decide is for one record, of which a side may be unknown.
func (c *column) decide(x, y *column, i, n int, and bool) {
	switch {
	case x.known(i) && x.Bools[i] != and, y.known(i) && y.Bools[i] != and:
		c.Bools[i] = !and
	case x.known(i) && y.known(i):
		c.Bools[i] = and
	default:
		c.fail(i, n)
	}
}

// conditional compiles ?:. Both branches are computed, and what the one not taken says is forgotten.
func (c *compiler) conditional(args []celast.Expr, kind engine.Kind) (term, bool) {
	condition, ok := c.compile(args[0])
	yes, ok1 := c.as(args[1], kind)
	no, ok2 := c.as(args[2], kind)
	if !ok || !ok1 || !ok2 || condition.kind != engine.Boolean {
		return term{}, false
	}
	slot := c.slot()
	return term{kind: kind, slot: slot, eval: func(f *frame) *column {
		test, a, b := condition.eval(f), yes.eval(f), no.eval(f)
		out := f.slot(slot)
		out.size(kind, f.n)
		choose(kind, test.Bools[:f.n], a, b, out)
		if !a.plain() || !b.plain() {
			out.chooseNulls(test.Bools[:f.n], a, b)
		}
		if !test.plain() {
			out.strict(test, f.n)
		}
		return out
	}}, true
}

func choose(kind engine.Kind, test []bool, a, b, out *column) {
	switch kind {
	case engine.Boolean:
		pick(test, a.Bools, b.Bools, out.Bools)
	case engine.Double:
		pick(test, a.Doubles, b.Doubles, out.Doubles)
	case engine.String, engine.Bytes:
		pick(test, a.Strings, b.Strings, out.Strings)
	default:
		pick(test, a.Longs, b.Longs, out.Longs)
	}
}

func pick[T any](test []bool, a, b, to []T) {
	for i, yes := range test {
		if yes {
			to[i] = a[i]
		} else {
			to[i] = b[i]
		}
	}
}

func (c *column) chooseNulls(test []bool, a, b *column) {
	for i, yes := range test {
		from := b
		if yes {
			from = a
		}
		if from.asks(i) {
			c.fail(i, len(test))
		} else if from.Null(i) {
			c.null(i, len(test))
		}
	}
}

// not compiles !.
func (c *compiler) not(a term) (term, bool) {
	if a.kind != engine.Boolean {
		return term{}, false
	}
	return c.strict(engine.Boolean, []term{a}, func(f *frame, out *column, args []*column) {
		for i, x := range args[0].Bools[:f.n] {
			out.Bools[i] = !x
		}
	})
}
