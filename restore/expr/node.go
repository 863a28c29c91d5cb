package expr

import (
	"regexp"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// term is a part of an expression that gives a column.
type term struct {
	eval node
	kind engine.Kind
	slot int
	// shared says that what eval gives is not the term's own: a column of the batch, or a constant.
	shared bool
	value  ref.Val // of a constant, else nil
}

// into evaluates the whole expression into a vector of the caller.
func (t *term) into(f *frame, dst *engine.Vector) *column {
	if t.shared {
		out := t.eval(f)
		copyVector(dst, out, t.kind, f.n)
		return out
	}
	own := &f.slots[t.slot]
	own.Vector, own.nulls = *dst, dst.Nulls
	out := t.eval(f)
	*dst, own.Vector, own.nulls = out.Vector, engine.Vector{}, nil
	return out
}

func copyVector(dst *engine.Vector, from *column, k engine.Kind, n int) {
	switch k {
	case engine.Boolean:
		dst.Bools = append(dst.Bools[:0], from.Bools[:n]...)
	case engine.Double:
		dst.Doubles = append(dst.Doubles[:0], from.Doubles[:n]...)
	case engine.String, engine.Bytes:
		dst.Strings = append(dst.Strings[:0], from.Strings[:n]...)
	default:
		dst.Longs = append(dst.Longs[:0], from.Longs[:n]...)
	}
	if from.Nulls == nil {
		dst.Nulls = nil
		return
	}
	dst.Nulls = append(dst.Nulls[:0], from.Nulls[:n]...)
}

func (c *compiler) slot() int {
	c.slots++
	return c.slots - 1
}

// compile makes a term of any part whose type a column can have.
func (c *compiler) compile(e celast.Expr) (term, bool) {
	kind, ok := c.kind(e)
	if !ok {
		return term{}, false
	}
	if value, ok := c.fold(e); ok {
		if t, ok := c.constant(kind, value); ok {
			return t, true
		}
	}
	if t, ok := c.native(e, kind); ok {
		return t, true
	}
	return c.interpreted(e, kind)
}

// kind is the column type of a part. CEL takes c ? null : ts for null; what else it may be counts here.
func (c *compiler) kind(e celast.Expr) (engine.Kind, bool) {
	t := c.ast.GetType(e.ID())
	if args, ok := callOf(e, operators.Conditional, 3); ok && t.Kind() == types.NullTypeKind {
		if kind, ok := c.kind(args[1]); ok {
			return kind, true
		}
		return c.kind(args[2])
	}
	return kindOf(t)
}

// as is compile where null stands for a value of the kind.
func (c *compiler) as(e celast.Expr, kind engine.Kind) (term, bool) {
	if isNullLiteral(e) {
		return c.constant(kind, types.NullValue)
	}
	t, ok := c.compile(e)
	return t, ok && t.kind == kind
}

func isNullLiteral(e celast.Expr) bool {
	return e.Kind() == celast.LiteralKind && e.AsLiteral() == types.NullValue
}

// fold computes a part that has no variables.
func (c *compiler) fold(e celast.Expr) (ref.Val, bool) {
	if e.Kind() == celast.LiteralKind {
		return e.AsLiteral(), true
	}
	free := false
	celast.PostOrderVisit(e, celast.NewExprVisitor(func(part celast.Expr) {
		free = free || part.Kind() == celast.IdentKind
	}))
	if free {
		return nil, false
	}
	part := celast.NewCheckedAST(celast.NewAST(e, c.ast.SourceInfo()), c.ast.TypeMap(), c.ast.ReferenceMap())
	program, err := c.env.PlanProgram(part)
	if err != nil {
		return nil, false
	}
	value, _, err := program.Eval(cel.NoVars())
	return value, err == nil
}

// constant is the same value for all records.
func (c *compiler) constant(kind engine.Kind, value ref.Val) (term, bool) {
	one := room(1)
	null, ok := put(one, kind, 0, value)
	slot := c.slot()
	return term{kind: kind, slot: slot, shared: true, value: value, eval: func(f *frame) *column {
		out := &f.slots[slot]
		if out.constant < f.n {
			out.fill(kind, one, null, f.n)
		}
		return out
	}}, ok && !finer(value)
}

// fill makes n values of one.
func (c *column) fill(kind engine.Kind, one *engine.Vector, null bool, n int) {
	c.size(kind, n)
	c.Nulls = nil
	for i := range c.Bools {
		c.Bools[i] = one.Bools[0]
	}
	for i := range c.Longs {
		c.Longs[i] = one.Longs[0]
	}
	for i := range c.Doubles {
		c.Doubles[i] = one.Doubles[0]
	}
	for i := range c.Strings {
		c.Strings[i] = one.Strings[0]
	}
	for i := range n {
		if null {
			c.null(i, n)
		}
	}
	c.constant = n
}

// native compiles what is not left to the interpreter.
func (c *compiler) native(e celast.Expr, kind engine.Kind) (term, bool) {
	switch e.Kind() {
	case celast.IdentKind:
		return c.variable(e.AsIdent())
	case celast.SelectKind: // of a column with a dot in its name, which the checker has resolved
		if r, ok := c.ast.ReferenceMap()[e.ID()]; ok && r.Name != "" {
			return c.variable(r.Name)
		}
	case celast.CallKind:
		return c.call(e, kind)
	}
	return term{}, false
}

func (c *compiler) variable(name string) (term, bool) {
	at := c.schema.Index(name)
	if at < 0 {
		return term{}, false
	}
	slot := c.slot()
	return term{kind: c.schema.Columns[at].Kind, slot: slot, shared: true, eval: func(f *frame) *column {
		out := &f.slots[slot]
		out.Vector = f.b.Vectors[at]
		return out
	}}, true
}

// call compiles an operator or a function.
func (c *compiler) call(e celast.Expr, kind engine.Kind) (term, bool) {
	call := e.AsCall()
	args := call.Args()
	if call.IsMemberFunction() {
		args = append([]celast.Expr{call.Target()}, args...)
	}
	name := call.FunctionName()
	switch name {
	case operators.LogicalAnd, operators.LogicalOr:
		return c.logic(args, name == operators.LogicalAnd)
	case operators.Conditional:
		return c.conditional(args, kind)
	case operators.Equals, operators.NotEquals:
		return c.equality(args, name == operators.NotEquals)
	case operators.In, operators.OldIn:
		return c.membership(args)
	case operators.Add, operators.Subtract:
		if t, ok := c.shift(name, args, kind); ok {
			return t, true
		}
	}
	if t, ok := c.texts(e, kind); ok {
		return t, true
	}
	var terms []term
	for _, arg := range args {
		t, ok := c.compile(arg)
		if !ok {
			return term{}, false
		}
		terms = append(terms, t)
	}
	switch len(terms) {
	case 1:
		return c.unary(name, terms[0], kind)
	case 2:
		return c.binary(name, terms[0], terms[1], kind)
	case 3:
		if name == captureName {
			return c.capture(terms)
		}
	}
	return term{}, false
}

// binary compiles what takes two columns.
func (c *compiler) binary(name string, a, b term, kind engine.Kind) (term, bool) {
	switch {
	case name == operators.Less || name == operators.LessEquals || name == operators.Greater || name == operators.GreaterEquals:
		return c.order(name, a, b)
	case name == strptimeName:
		return c.strptime(a, b)
	case a.kind != b.kind:
		return term{}, false
	case kind == engine.Long && a.kind == engine.Long:
		return c.longs(name, a, b)
	case kind == engine.Double && a.kind == engine.Double:
		return c.doubles(name, a, b)
	case kind == engine.Boolean && a.kind == engine.String:
		return c.search(name, a, b)
	}
	return term{}, false
}

// strict is a term of arguments none of which may be null. do computes all values; those of records that ask the interpreter do not count.
func (c *compiler) strict(kind engine.Kind, args []term, do func(f *frame, out *column, args []*column)) (term, bool) {
	slot := c.slot()
	return term{kind: kind, slot: slot, eval: func(f *frame) *column {
		var some [3]*column
		columns := some[:len(args)]
		for i := range args {
			columns[i] = args[i].eval(f)
		}
		out := f.slot(slot)
		for _, a := range columns {
			if !a.plain() {
				out.strict(a, f.n)
			}
		}
		out.size(kind, f.n)
		do(f, out, columns)
		return out
	}}, true
}

func (c *compiler) capture(t []term) (term, bool) {
	pattern, ok := constantPattern(t[1])
	n, isInt := t[2].value.(types.Int)
	if !ok || !isInt {
		return term{}, false
	}
	group, ok := groupOf(pattern, int64(n))
	if !ok {
		return term{}, false
	}
	return c.strict(engine.String, t[:1], func(f *frame, out *column, args []*column) {
		for i, s := range args[0].Strings[:f.n] {
			found, ok := capture(pattern, s, group)
			if out.Strings[i] = found; !ok {
				out.null(i, f.n)
			}
		}
	})
}

// constantPattern is a regular expression that is the same for all records.
func constantPattern(t term) (*regexp.Regexp, bool) {
	s, ok := t.value.(types.String)
	if !ok {
		return nil, false
	}
	pattern, err := regexp.Compile(string(s))
	return pattern, err == nil
}
