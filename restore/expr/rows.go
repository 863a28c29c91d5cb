package expr

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// rows evaluates a part of an expression a record at a time, by CEL's interpreter.
type rows struct {
	compiler *compiler
	program  cel.Program
	kind     engine.Kind
	columns  map[string]int
}

func (c *compiler) rows(e celast.Expr, kind engine.Kind) (*rows, error) {
	part := celast.NewCheckedAST(celast.NewAST(e, c.ast.SourceInfo()), c.ast.TypeMap(), c.ast.ReferenceMap())
	program, err := c.env.PlanProgram(part, cel.EvalOptions(optimization(e)))
	if err != nil {
		return nil, err
	}
	r := &rows{compiler: c, program: program, kind: kind, columns: map[string]int{}}
	for i, column := range c.schema.Columns {
		r.columns[column.Name] = i
	}
	return r, nil
}

// optimization makes regular expressions and lists of constants once. It has a fault: x in [] forgets what is wrong with x.
func optimization(e celast.Expr) cel.EvalOption {
	option := cel.OptOptimize
	celast.PostOrderVisit(e, celast.NewExprVisitor(func(part celast.Expr) {
		if part.Kind() == celast.ListKind && part.AsList().Size() == 0 {
			option = 0
		}
	}))
	return option
}

// record is one record, as variables (cel.Activation).
type record struct {
	rows *rows
	b    *engine.Batch
	i    int
}

// ResolveName implements cel.Activation.
func (r *record) ResolveName(name string) (any, bool) {
	column, ok := r.rows.columns[name]
	if !ok {
		return nil, false
	}
	if r.b.Null(column, r.i) {
		return types.NullValue, true
	}
	v := &r.b.Vectors[column]
	switch r.rows.compiler.schema.Columns[column].Kind {
	case engine.Boolean:
		return types.Bool(v.Bools[r.i]), true
	case engine.Long:
		return types.Int(v.Longs[r.i]), true
	case engine.Double:
		return types.Double(v.Doubles[r.i]), true
	case engine.Bytes:
		return types.Bytes(v.Strings[r.i]), true
	case engine.Timestamp:
		return types.Timestamp{Time: time.UnixMilli(v.Longs[r.i]).UTC()}, true
	}
	return types.String(v.Strings[r.i]), true
}

// Parent implements cel.Activation.
func (r *record) Parent() cel.Activation { return nil }

// value is the answer for a record.
func (r *rows) value(b *engine.Batch, i int) (ref.Val, error) {
	out, _, err := r.program.Eval(&record{r, b, i})
	return out, err
}

// failed is the error of a record, at the node that it came up in. To CEL, null is one more type that a function does not take; that it was null
// is what helps.
func (r *rows) failed(b *engine.Batch, i int, err error) error {
	e := &Error{Expression: r.compiler.source, Message: err.Error()}
	if strings.Contains(e.Message, "no such overload") {
		if nulls := r.nulls(b, i); nulls != nil {
			e.Message += " (null: " + strings.Join(nulls, ", ") + ")"
		}
	}
	var known *types.Err
	if errors.As(err, &known) {
		if at := r.compiler.ast.SourceInfo().GetStartLocation(known.NodeID()); at.Line() > 0 {
			e.Line, e.Column = at.Line(), at.Column()+1
		}
	}
	return e
}

// nulls are the columns in the expression that are null for a record.
func (r *rows) nulls(b *engine.Batch, i int) (all []string) {
	used := map[string]bool{}
	celast.PostOrderVisit(r.compiler.ast.Expr(), celast.NewExprVisitor(func(part celast.Expr) {
		if ref, ok := r.compiler.ast.ReferenceMap()[part.ID()]; ok {
			used[ref.Name] = true
		}
	}))
	for at, column := range r.compiler.schema.Columns {
		if used[column.Name] && b.Null(at, i) {
			all = append(all, column.Name)
		}
	}
	return all
}

// set writes the answer for a record into a vector, which has b.N values.
func (r *rows) set(dst *engine.Vector, b *engine.Batch, i int) error {
	out, err := r.value(b, i)
	if err != nil {
		return r.failed(b, i, err)
	}
	null, ok := put(dst, r.kind, i, out)
	if !ok {
		return r.failed(b, i, fmt.Errorf("it gives %s, not %s", out.Type().TypeName(), r.kind))
	}
	if null && dst.Nulls == nil {
		dst.Nulls = make([]bool, b.N)
	}
	if dst.Nulls != nil {
		dst.Nulls[i] = null
	}
	return nil
}

// room is a vector of n values of any kind.
func room(n int) *engine.Vector {
	return &engine.Vector{Bools: make([]bool, n), Longs: make([]int64, n), Doubles: make([]float64, n), Strings: make([]string, n)}
}

// put writes a value of CEL at its place, but for null, which it tells. It is not ok where the value is of another kind.
func put(dst *engine.Vector, kind engine.Kind, i int, value ref.Val) (null, ok bool) {
	_, null = value.(types.Null)
	switch kind {
	case engine.Boolean:
		v, is := value.(types.Bool)
		dst.Bools[i], ok = bool(v), is
	case engine.Long:
		v, is := value.(types.Int)
		dst.Longs[i], ok = int64(v), is
	case engine.Double:
		v, is := value.(types.Double)
		dst.Doubles[i], ok = float64(v), is
	case engine.String:
		v, is := value.(types.String)
		dst.Strings[i], ok = string(v), is
	case engine.Bytes:
		v, is := value.(types.Bytes)
		dst.Strings[i], ok = string(v), is
	case engine.Timestamp:
		v, is := value.(types.Timestamp)
		if dst.Longs[i], ok = 0, is; is {
			dst.Longs[i] = v.UnixMilli()
		}
	}
	return null, ok || null
}

// finer tells whether a column would cut off some of a time. A result is cut; a part of an expression must not be.
func finer(v ref.Val) bool {
	ts, ok := v.(types.Timestamp)
	return ok && time.Duration(ts.Nanosecond())%time.Millisecond != 0
}

// interpreted is a part that is not compiled. Where it fails, all of the expression is asked.
func (c *compiler) interpreted(e celast.Expr, kind engine.Kind) (term, bool) {
	r, err := c.rows(e, kind)
	if err != nil {
		return term{}, false
	}
	slot := c.slot()
	return term{kind: kind, slot: slot, eval: func(f *frame) *column {
		out := f.slot(slot)
		out.size(kind, f.n)
		for i := range f.n {
			v, err := r.value(f.b, i)
			if err != nil {
				out.fail(i, f.n)
				continue
			}
			null, ok := put(&out.Vector, kind, i, v)
			if null {
				out.null(i, f.n)
			}
			if !ok || finer(v) {
				out.fail(i, f.n)
			}
		}
		return out
	}}, true
}
