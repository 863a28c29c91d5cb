package operators

import (
	"fmt"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// Func is how values become one.
type Func string

// The functions. None but Count looks at nulls.
const (
	Count Func = "count"
	Sum   Func = "sum" // of BIGINT fails where it leaves its range
	Min   Func = "min"
	Max   Func = "max"
	Avg   Func = "avg"
	Top   Func = "top" // the N highest, as JSON
)

// Aggregation is one result column.
type Aggregation struct {
	Name string
	Func Func
	Expr engine.Expr // nil of Count
	N    int         // of Top
}

// accumulator is one aggregation over bytes of state. Those methods that read one give what follows it.
type accumulator interface {
	// spec is its type, in the words of types.ParseSpec; kind that of the result.
	spec() string
	kind() engine.Kind
	create(dst []byte) []byte
	// add appends the accumulator acc with value i of v added.
	add(dst, acc []byte, v *engine.Vector, i int) (out, rest []byte, err error)
	merge(dst, a, b []byte) (out, restA, restB []byte, err error)
	// emit appends the result to a column.
	emit(v *engine.Vector, acc []byte) (rest []byte, err error)
}

// accumulators are all those of an operator.
type accumulators struct {
	list   []accumulator
	exprs  []engine.Expr
	inputs []engine.Vector // of the batch at hand
	names  []string
	empty  []byte // those of no records
}

// newAccumulators checks and makes them.
func newAccumulators(all []Aggregation) (*accumulators, error) {
	if len(all) == 0 {
		return nil, fmt.Errorf("no aggregates")
	}
	if len(all) > maxTuple {
		return nil, fmt.Errorf("%d aggregates: at most %d", len(all), maxTuple)
	}
	a := &accumulators{inputs: make([]engine.Vector, len(all))}
	for i := range all {
		acc, err := newAccumulator(&all[i])
		if err != nil {
			return nil, fmt.Errorf("aggregate %s: %w", all[i].Name, err)
		}
		a.list, a.exprs, a.names = append(a.list, acc), append(a.exprs, all[i].Expr), append(a.names, all[i].Name)
		a.empty = acc.create(a.empty)
	}
	return a, nil
}

// maxTuple is how many fields Flink's tuples have at most (Tuple25).
const maxTuple = 25

func newAccumulator(g *Aggregation) (accumulator, error) {
	if g.Func == Count {
		if g.Expr != nil {
			return nil, fmt.Errorf("count() counts records, and takes no expression")
		}
		return counter{}, nil
	}
	if g.Expr == nil {
		return nil, fmt.Errorf("%s() needs an expression", g.Func)
	}
	kind := g.Expr.Kind()
	switch g.Func {
	case Sum, Avg:
		switch kind {
		case engine.Long:
			return &longSum{average: g.Func == Avg}, nil
		case engine.Double:
			return &doubleSum{average: g.Func == Avg}, nil
		}
		return nil, fmt.Errorf("%s() of %s: want a number", g.Func, kind)
	case Min, Max, Top:
		if kind == engine.Boolean || kind == engine.Bytes {
			return nil, fmt.Errorf("%s() of %s: want a number, a text or a time", g.Func, kind)
		}
		if g.Func != Top {
			return &extreme{of: kind, highest: g.Func == Max}, nil
		}
		if g.N < 1 || g.N > maxTop {
			return nil, fmt.Errorf("top(%d, …): want 1 to %d", g.N, maxTop)
		}
		return &top{of: kind, n: g.N}, nil
	}
	return nil, fmt.Errorf("no such function: %s", g.Func)
}

// maxTop bounds the state of a key.
const maxTop = 1000

// fork is a copy for another sub-task.
func (a *accumulators) fork() *accumulators {
	return &accumulators{list: a.list, exprs: a.exprs, names: a.names, empty: a.empty, inputs: make([]engine.Vector, len(a.list))}
}

// typ is the type of all together, with further fields before them.
func (a *accumulators) typ(before ...string) (backends.Type, error) {
	specs := before
	for _, acc := range a.list {
		specs = append(specs, acc.spec())
	}
	if len(specs) > maxTuple {
		return nil, fmt.Errorf("%d aggregates: with what the operator needs itself at most %d", len(a.list), maxTuple)
	}
	if len(specs) == 1 {
		return types.ParseSpec(specs[0])
	}
	return types.ParseSpec("Tuple<" + strings.Join(specs, ", ") + ">")
}

// columns are those of the results.
func (a *accumulators) columns() []engine.Column {
	all := make([]engine.Column, len(a.list))
	for i, acc := range a.list {
		all[i] = engine.Column{Name: a.names[i], Kind: acc.kind()}
	}
	return all
}

// read evaluates the expressions over a batch.
func (a *accumulators) read(b *engine.Batch) error {
	for i, e := range a.exprs {
		if e == nil {
			continue
		}
		if err := e.Eval(b, &a.inputs[i]); err != nil {
			return err
		}
	}
	return nil
}

// add appends accs with record i of the batch at hand added.
func (a *accumulators) add(dst, accs []byte, i int) ([]byte, error) {
	var err error
	for c, acc := range a.list {
		if dst, accs, err = acc.add(dst, accs, &a.inputs[c], i); err != nil {
			return nil, fmt.Errorf("aggregate %s: %w", a.names[c], err)
		}
	}
	return dst, rest(accs)
}

func (a *accumulators) merge(dst, one, other []byte) ([]byte, error) {
	var err error
	for c, acc := range a.list {
		if dst, one, other, err = acc.merge(dst, one, other); err != nil {
			return nil, fmt.Errorf("aggregate %s: %w", a.names[c], err)
		}
	}
	return dst, rest(one)
}

// emit appends the results to columns of b from the first on.
func (a *accumulators) emit(b *engine.Batch, first int, accs []byte) error {
	var err error
	for c, acc := range a.list {
		if accs, err = acc.emit(&b.Vectors[first+c], accs); err != nil {
			return fmt.Errorf("aggregate %s: %w", a.names[c], err)
		}
	}
	return rest(accs)
}

// errState says that bytes are no accumulators.
var errState = fmt.Errorf("%w: no accumulators of these aggregates", backends.ErrShort)

func rest(b []byte) error {
	if len(b) > 0 {
		return errState
	}
	return nil
}
