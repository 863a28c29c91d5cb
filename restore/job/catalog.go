package job

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ckpt-tool/ckpt/restore/engine"
	"github.com/ckpt-tool/ckpt/restore/expr"
)

// Catalog is the types that a job file may name.
type Catalog struct {
	Sources   map[string]SourceFactory
	Operators map[string]OperatorFactory
	Sinks     map[string]SinkFactory
}

// SourceFactory makes sources of one type.
type SourceFactory interface {
	// Options gives a pointer to a struct with the defaults, which the file's options are decoded into (see decoder).
	Options() any
	// Source makes a source. What is wrong it tells by Scope.Fail; it gives nil then.
	Source(options any, s *Scope) engine.Source
}

// OperatorFactory makes operators of one type.
type OperatorFactory interface {
	Options() any
	// Inputs are the streams that options name, which Operator finds in its Scope in the same order.
	Inputs(options any) []Input
	// Operator gives the schema of the output and what makes the operator of a sub-task.
	Operator(options any, s *Scope) (*engine.Schema, func() engine.Operator)
}

// SinkFactory makes sinks of one type.
type SinkFactory interface {
	Options() any
	Input(options any) UID
	Sink(options any, s *Scope) (engine.Guarantee, func() engine.Operator)
}

// Input is how an operator reads a stream.
type Input struct {
	From      UID
	Key       Names // divided by these columns; nil: as they come
	Broadcast bool  // each sub-task gets all
}

// Scope is what a factory knows of the node that it is to make.
type Scope struct {
	UID string
	// Inputs are the schemas of the streams that it reads.
	Inputs   []*engine.Schema
	mistakes *mistakes
	options  *value
	failed   bool
}

// Fail tells a mistake in the option of that key, or where key is "" in the node as a whole.
func (s *Scope) Fail(key, format string, args ...any) {
	at := s.options.at
	if v := s.options.get(key); v != nil {
		at = v.at
	}
	s.fail(at, "", format, args...)
}

func (s *Scope) fail(at position, hint, format string, args ...any) {
	s.failed = true
	s.mistakes.add(at, hint, format, args...)
}

// Has tells whether the file says something of a key.
func (s *Scope) Has(key string) bool { return s.options.get(key) != nil }

// Expr compiles an expression over a schema; nil where it is wrong, which is told.
func (s *Scope) Expr(e Expr, in *engine.Schema) *expr.Expr {
	if s.missing(e) {
		return nil
	}
	compiled, err := expr.Compile(e.Source, in)
	if err != nil {
		s.wrong(e, err)
		return nil
	}
	return compiled
}

// Condition is Expr of one that is true or false.
func (s *Scope) Condition(e Expr, in *engine.Schema) *expr.Expr {
	compiled := s.Expr(e, in)
	if compiled != nil && compiled.Kind() != engine.Boolean {
		s.fail(e.at, "", "%s: want true or false, it gives %s", e.Source, compiled.Kind())
		return nil
	}
	return compiled
}

// missing tells whether there is no expression at all, which was told when it was decoded.
func (s *Scope) missing(e Expr) bool {
	none := strings.TrimSpace(e.Source) == ""
	s.failed = s.failed || none
	return none
}

// List compiles an expression that gives a list.
func (s *Scope) List(e Expr, in *engine.Schema) *expr.List {
	if s.missing(e) {
		return nil
	}
	compiled, err := expr.CompileList(e.Source, in)
	if err != nil {
		s.wrong(e, err)
		return nil
	}
	return compiled
}

// wrong tells a mistake in an expression, at its place in the file where that can be known.
func (s *Scope) wrong(e Expr, err error) {
	var known *expr.Error
	if errors.As(err, &known) && known.Line > 0 && e.exact {
		s.fail(e.place(known.Line, known.Column), "", "%s: %s", strings.TrimRight(e.Source, "\n"), known.Message)
		return
	}
	s.fail(e.at, "", "%s", err)
}

// Columns finds the places of columns; nil where one is not there, which is told.
func (s *Scope) Columns(names Names, in *engine.Schema) []int {
	var all []int
	for _, n := range names {
		i := in.Index(n.Name)
		if i < 0 {
			s.fail(n.at, oneOf(n.Name, columnNames(in)), "no column %s", n.Name)
			return nil
		}
		all = append(all, i)
	}
	return all
}

func columnNames(s *engine.Schema) (all []string) {
	for _, c := range s.Columns {
		all = append(all, c.Name)
	}
	return all
}

// extend makes a schema with further columns, computed one after the other.
func (s *Scope) extend(in *engine.Schema, exprs Exprs) (*engine.Schema, []engine.Expr) {
	out := &engine.Schema{Columns: append([]engine.Column(nil), in.Columns...)}
	var all []engine.Expr
	for _, n := range exprs {
		if out.Index(n.Name) >= 0 {
			s.fail(n.nameAt, "", "there is a column %s already", n.Name)
			continue
		}
		compiled := s.Expr(n.Expr, &engine.Schema{Columns: out.Columns[:len(out.Columns):len(out.Columns)]})
		if compiled == nil {
			return nil, nil
		}
		all = append(all, compiled)
		out.Columns = append(out.Columns, engine.Column{Name: n.Name, Kind: compiled.Kind()})
	}
	return out, all
}

// apart tells of columns of two inputs that would have one name in the output.
func (s *Scope) apart(left []engine.Column, prefix string, right []engine.Column, rightPrefix string) {
	for _, l := range left {
		for _, r := range right {
			if name := prefix + l.Name; name == rightPrefix+r.Name {
				s.fail(s.options.at, "a prefix makes names differ", "both inputs have a column %s", name)
			}
		}
	}
}

// must is for options, whose type a factory knows.
func must[T any](options any) T {
	o, ok := options.(T)
	if !ok {
		panic(fmt.Sprintf("job: options of type %T", options))
	}
	return o
}
