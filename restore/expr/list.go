package expr

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/traits"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// List is an expression that gives a list for each record. It is safe for concurrent use.
type List struct {
	kind  engine.Kind
	whole *rows
	// split is x.split("…") of a column, which needs no interpreter.
	split     *Expr
	separator string
}

// CompileList reads an expression that gives a list of what a column can hold. The error is an *Error.
func CompileList(source string, s *engine.Schema) (*List, error) {
	c, err := check(source, s)
	if err != nil {
		return nil, err
	}
	e := c.ast.Expr()
	out := c.ast.GetType(e.ID())
	if out.Kind() != types.ListKind || len(out.Parameters()) != 1 {
		return nil, c.fail(0, 0, fmt.Sprintf("it gives %s, not a list", out))
	}
	l := &List{}
	var ok bool
	if l.kind, ok = kindOf(out.Parameters()[0]); !ok {
		return nil, c.fail(0, 0, "of the elements: "+resultMessage(out.Parameters()[0]))
	}
	if l.whole, err = c.rows(e, l.kind); err != nil {
		return nil, c.fail(0, 0, err.Error())
	}
	l.splits(c, s)
	return l, nil
}

// splits recognizes the splitting of a text column by a constant.
func (l *List) splits(c *compiler, s *engine.Schema) {
	e := c.ast.Expr()
	if call := e.AsCall(); call.FunctionName() == "split" && call.IsMemberFunction() && len(call.Args()) == 1 {
		by, _ := c.fold(call.Args()[0])
		t, ok := c.compile(call.Target())
		if separator, constant := by.(types.String); ok && constant && t.kind == engine.String {
			x := &Expr{kind: engine.String, root: t, whole: l.whole}
			x.frames.New = func() any { return newFrame(c.slots) }
			l.split, l.separator = x, string(separator)
		}
	}
}

// Kind is the type of the elements.
func (l *List) Kind() engine.Kind { return l.kind }

// String is the expression as it was written.
func (l *List) String() string { return l.whole.compiler.source }

// EvalList appends the elements for all records of b to dst, and to ends, for each record, how many elements are in dst then. A list that is
// null has no elements. The error is an *Error.
func (l *List) EvalList(b *engine.Batch, dst *engine.Vector, ends []int32) ([]int32, error) {
	if l.split != nil {
		return l.evalSplit(b, dst, ends)
	}
	for i := range b.N {
		if err := l.row(b, i, dst); err != nil {
			return ends, err
		}
		ends = append(ends, int32(length(dst, l.kind)))
	}
	return ends, nil
}

// evalSplit is EvalList of x.split("…"). Where x is null or fails the interpreter says so.
func (l *List) evalSplit(b *engine.Batch, dst *engine.Vector, ends []int32) ([]int32, error) {
	f := l.split.frames.Get().(*frame)
	defer l.split.frames.Put(f)
	f.begin(b)
	defer f.end()
	from := l.split.root.eval(f)
	for i := range b.N {
		if !from.known(i) {
			if err := l.row(b, i, dst); err != nil {
				return ends, err
			}
		} else {
			for part := range strings.SplitSeq(from.Strings[i], l.separator) {
				dst.AppendString(part)
			}
		}
		ends = append(ends, int32(len(dst.Strings)))
	}
	return ends, nil
}

// row appends the list of one record, by the interpreter.
func (l *List) row(b *engine.Batch, i int, dst *engine.Vector) error {
	out, err := l.whole.value(b, i)
	if err != nil {
		return l.whole.failed(b, i, err)
	}
	if _, null := out.(types.Null); null {
		return nil
	}
	list, ok := out.(traits.Lister)
	if !ok {
		return l.whole.failed(b, i, fmt.Errorf("it gives %s, not a list", out.Type().TypeName()))
	}
	one := room(1)
	for it := list.Iterator(); it.HasNext() == types.True; {
		element := it.Next()
		null, ok := put(one, l.kind, 0, element)
		if !ok {
			return l.whole.failed(b, i, fmt.Errorf("an element is %s, not %s", element.Type().TypeName(), l.kind))
		}
		if null {
			dst.AppendNull(l.kind)
		} else {
			dst.AppendFrom(l.kind, one, 0)
		}
	}
	return nil
}

// length is how many values of a kind there are.
func length(v *engine.Vector, k engine.Kind) int {
	switch k {
	case engine.Boolean:
		return len(v.Bools)
	case engine.Double:
		return len(v.Doubles)
	case engine.String, engine.Bytes:
		return len(v.Strings)
	}
	return len(v.Longs)
}
