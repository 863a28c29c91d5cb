package where

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/ckpt-tool/ckpt/backends/line"
)

// fields are the fields of entries, with the names that a condition has for them.
var fields = []struct {
	field, name string
	kind        *cel.Type
}{
	{"op", "op", cel.StringType}, {"state", "state", cel.StringType}, {"kind", "kind", cel.StringType}, {"kg", "kg", cel.IntType},
	{"key", "key", cel.DynType}, {"namespace", "ns", cel.DynType}, {"mapKey", "mapKey", cel.DynType}, {"value", "value", cel.DynType},
	{"lastAccess", "lastAccess", cel.DynType}, {"ts", "ts", cel.IntType},
}

// SyntaxError tells what is wrong with a condition.
type SyntaxError struct {
	Line, Column int // from 1 on; 0 where the whole of it is meant
	Message      string
}

// Error implements error.
func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return e.Message
	}
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}

// Filter is a condition. It may be used by many goroutines.
type Filter struct{ program cel.Program }

// Compile reads a condition. The error is a *SyntaxError.
func Compile(condition string) (*Filter, error) {
	opts := []cel.EnvOption{cel.CrossTypeNumericComparisons(true)}
	for _, f := range fields {
		opts = append(opts, cel.Variable(f.name, f.kind))
	}
	env, err := cel.NewEnv(opts...)
	if err != nil {
		return nil, &SyntaxError{Message: err.Error()}
	}
	ast, issues := env.Compile(condition)
	if issues.Err() != nil {
		first := issues.Errors()[0]
		message, _, _ := strings.Cut(first.Message, " expecting {") // what might have come is a long list
		if message == "reserved identifier: namespace" {
			message = "CEL keeps the word namespace for itself: it is called ns here"
		}
		return nil, &SyntaxError{first.Location.Line(), max(1, first.Location.Column()+1), message}
	}
	if t := ast.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		return nil, &SyntaxError{Message: fmt.Sprintf("it gives %s, not true or false", t)}
	}
	program, err := env.Program(ast, cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, &SyntaxError{Message: err.Error()}
	}
	return &Filter{program}, nil
}

// Matcher applies the condition to entries, one at a time.
func (f *Filter) Matcher() *Matcher {
	return &Matcher{program: f.program, values: make([]ref.Val, len(fields)), texts: make([][]byte, len(fields))}
}

// Matcher applies a condition. It is not safe for concurrent use.
type Matcher struct {
	program cel.Program
	texts   [][]byte  // of the fields of the entry, nil where it has none
	values  []ref.Val // of those that were asked for
}

// Match tells whether an entry, as one line of JSON, fulfils the condition. The error is of an entry for which
// it has no answer, as it lacks a field, or has one of another type.
func (m *Matcher) Match(entry []byte) (bool, error) {
	clear(m.texts)
	clear(m.values)
	for name, value := range line.Fields(entry) {
		for i := range fields {
			if fields[i].field == name {
				m.texts[i] = value
			}
		}
	}
	out, _, err := m.program.Eval(m)
	if err != nil {
		return false, err
	}
	yes, ok := out.(types.Bool)
	if !ok {
		return false, fmt.Errorf("it gives %s, not true or false", out.Type().TypeName())
	}
	return bool(yes), nil
}

// ResolveName implements cel.Activation.
func (m *Matcher) ResolveName(name string) (any, bool) {
	for i := range fields {
		if fields[i].name != name || m.texts[i] == nil {
			continue
		}
		if m.values[i] == nil {
			m.values[i] = parse(m.texts[i])
		}
		return m.values[i], true
	}
	return nil, false
}

// Parent implements cel.Activation.
func (m *Matcher) Parent() cel.Activation { return nil }
