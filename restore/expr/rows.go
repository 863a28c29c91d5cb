package expr

import (
	"fmt"
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

// set writes the answer for a record into a vector, which has b.N values.
func (r *rows) set(dst *engine.Vector, b *engine.Batch, i int) error {
	out, err := r.value(b, i)
	if err != nil {
		return r.compiler.failAt(i, err)
	}
	null, ok := put(dst, r.kind, i, out)
	if !ok {
		return r.compiler.failAt(i, fmt.Errorf("it gives %s, not %s", out.Type().TypeName(), r.kind))
	}
	if null && dst.Nulls == nil {
		dst.Nulls = make([]bool, b.N)
	}
	if dst.Nulls != nil {
		dst.Nulls[i] = null
	}
	return nil
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
			if !ok {
				out.fail(i, f.n)
			}
		}
		return out
	}}, true
}
