package expr

import (
	"fmt"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/ext"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// Error is what is wrong with an expression, or with what it gives for a record.
type Error struct {
	Expression   string
	Line, Column int // within the expression, from 1 on; 0 where the whole of it is meant
	Message      string
}

// Error implements error.
func (e *Error) Error() string {
	text := strings.TrimRight(e.Expression, "\n") // YAML leaves one behind a text of several lines
	switch {
	case e.Line == 0:
		return fmt.Sprintf("%s: %s", text, e.Message)
	case e.Line == 1 && !strings.Contains(text, "\n"):
		return fmt.Sprintf("%s: column %d: %s", text, e.Column, e.Message)
	}
	return fmt.Sprintf("%s: line %d, column %d: %s", text, e.Line, e.Column, e.Message)
}

// Expr is an expression over the columns of one schema. It implements engine.Expr and is safe for concurrent use.
type Expr struct {
	kind   engine.Kind
	root   term
	whole  *rows
	frames sync.Pool
}

// Compile reads an expression and checks it. The error is an *Error.
func Compile(source string, s *engine.Schema) (*Expr, error) {
	c, err := check(source, s)
	if err != nil {
		return nil, err
	}
	kind, ok := c.kind(c.ast.Expr())
	if !ok {
		return nil, c.fail(0, 0, resultMessage(c.ast.GetType(c.ast.Expr().ID())))
	}
	e := &Expr{kind: kind}
	if e.whole, err = c.rows(c.ast.Expr(), kind); err != nil {
		return nil, c.fail(0, 0, err.Error())
	}
	e.root, _ = c.compile(c.ast.Expr())
	e.frames.New = func() any { return newFrame(c.slots) }
	return e, nil
}

// resultMessage says why a type cannot be that of a column.
func resultMessage(t *cel.Type) string {
	message := fmt.Sprintf("it gives %s, which no column can hold", t)
	switch t.Kind() {
	case types.DurationKind:
		message += "; d.getMilliseconds() is an int"
	case types.UintKind:
		message += "; int(x) makes an int of it"
	case types.DynKind:
		message += "; int(x), string(x) and the like give it a type"
	case types.NullTypeKind:
		message = "it is always null; use it with a type, as in c ? x : null"
	}
	return message
}

// kindOf is the column type for a type of CEL.
func kindOf(t *cel.Type) (engine.Kind, bool) {
	switch t.Kind() {
	case types.BoolKind:
		return engine.Boolean, true
	case types.IntKind:
		return engine.Long, true
	case types.DoubleKind:
		return engine.Double, true
	case types.StringKind:
		return engine.String, true
	case types.BytesKind:
		return engine.Bytes, true
	case types.TimestampKind:
		return engine.Timestamp, true
	}
	return 0, false
}

// celTypes are the types of columns.
var celTypes = [...]*cel.Type{
	engine.Boolean: cel.NullableType(cel.BoolType), engine.Long: cel.NullableType(cel.IntType), engine.Double: cel.NullableType(cel.DoubleType),
	engine.String: cel.NullableType(cel.StringType), engine.Bytes: cel.NullableType(cel.BytesType), engine.Timestamp: cel.TimestampType,
}

// language is CEL as it is here, without variables.
var language = sync.OnceValues(func() (*cel.Env, error) {
	opts := []cel.EnvOption{cel.CrossTypeNumericComparisons(true), ext.Strings(ext.StringsVersion(4)), ext.Math(ext.MathVersion(2))}
	return cel.NewEnv(append(opts, functions()...)...)
})

// check parses an expression and finds the types in it.
func check(source string, s *engine.Schema) (*compiler, error) {
	c := &compiler{source: source, schema: s}
	base, err := language()
	if err != nil {
		return nil, c.fail(0, 0, err.Error())
	}
	var variables []cel.EnvOption
	for _, column := range s.Columns {
		variables = append(variables, cel.Variable(column.Name, celTypes[column.Kind]))
	}
	if c.env, err = base.Extend(variables...); err != nil {
		return nil, c.fail(0, 0, err.Error())
	}
	checked, issues := c.env.Compile(source)
	if issues.Err() != nil {
		first := issues.Errors()[0]
		return nil, c.fail(first.Location.Line(), max(1, first.Location.Column()+1), c.message(first.Message))
	}
	c.ast = checked.NativeRep()
	return c, nil
}

// message says in the words of here what CEL says.
func (c *compiler) message(m string) string {
	m, _, _ = strings.Cut(m, " expecting {") // what might have come is a long list
	name, ok := undeclared(m)
	switch {
	case ok && strings.Contains(c.source, name+"("):
		return "no function " + name
	case ok:
		return fmt.Sprintf("no column %s; there are %s", name, names(c.schema))
	case strings.HasPrefix(m, "reserved identifier: "):
		return m + ", which CEL keeps for itself: no column of that name can be used"
	case strings.HasPrefix(m, "found no matching overload for '_?_:_'") && strings.Contains(m, " null"):
		return m + ": columns, timestamps and what capture gives go with null, other values do not"
	}
	return m
}

// undeclared takes the name out of the message that a variable is not known.
func undeclared(message string) (string, bool) {
	name, ok := strings.CutPrefix(message, "undeclared reference to '")
	name, _, quoted := strings.Cut(name, "'")
	return name, ok && quoted
}

func names(s *engine.Schema) string {
	var all []string
	for _, c := range s.Columns {
		all = append(all, c.Name)
	}
	if all == nil {
		return "none"
	}
	return strings.Join(all, ", ")
}

// Kind is the type of the column that the expression gives.
func (e *Expr) Kind() engine.Kind { return e.kind }

// String is the expression as it was written.
func (e *Expr) String() string { return e.whole.compiler.source }

// Eval writes the values for b.N records into dst, whose slices it may use again; they must not be those of b. b must be
// of the schema that the expression was compiled for. The error is an *Error.
func (e *Expr) Eval(b *engine.Batch, dst *engine.Vector) error {
	f := e.frames.Get().(*frame)
	defer e.frames.Put(f)
	f.begin(b)
	defer f.end()
	out := e.root.into(f, dst)
	if out.bail == nil {
		return nil
	}
	for i, bail := range out.bail {
		if !bail {
			continue
		}
		if err := e.whole.set(dst, b, i); err != nil {
			return err
		}
	}
	return nil
}

// compiler makes functions of one checked expression.
type compiler struct {
	source string
	schema *engine.Schema
	env    *cel.Env
	ast    *celast.AST
	slots  int
}

func (c *compiler) fail(line, column int, message string) error {
	return &Error{Expression: c.source, Line: line, Column: column, Message: message}
}

// Column is the place of the column that the expression is, where it is nothing else.
func (e *Expr) Column() (int, bool) {
	part := e.whole.compiler.ast.Expr()
	if part.Kind() != celast.IdentKind {
		return 0, false
	}
	at := e.whole.compiler.schema.Index(part.AsIdent())
	return at, at >= 0
}
