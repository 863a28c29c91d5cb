package expr

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"cel.dev/cel-go/cel"
	"github.com/ckpt-tool/ckpt/restore/engine"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// grammar is, for each kind, what an expression of it may be; a letter behind % stands for a part: n a BIGINT, x DOUBLE, s STRING,
// p BOOLEAN, b BYTES, t TIMESTAMP.
var grammar = map[byte][]string{
	'n': {"n", "m", "left.n", "(%n + %n)", "(%n - %n)", "(%n * %n)", "(%n / %n)", "(%n %% %n)", "-(%n)", "(%p ? %n : %n)", "(%p ? n : null)", "(%p ? null : n)", "size(%s)", "size(%b)", "int(%s)",
		"int(%x)", "int(%t)", "int(%n)", "hash(%n)", "millis(%t)", "%t.getHours()", "%t.getMonth()", "%t.getDate()", "%t.getDayOfMonth()", "%t.getDayOfWeek()",
		"%t.getDayOfYear()", "%t.getFullYear()", "%t.getMinutes()", "%t.getSeconds()", "%t.getMilliseconds()", "[%n, %n][%n]", "%s.indexOf(%s)", "math.abs(%n)",
		`%t.getHours("+01:30")`, "[%n, %n].map(i, i + n)[0]", "(%n %% 7)"},
	'x': {"x", "y", "(%x + %x)", "(%x - %x)", "(%x * %x)", "(%x / %x)", "-(%x)", "(%p ? %x : %x)", "double(%n)", "double(%s)", "double(%x)", "math.floor(%x)", "(%p ? null : y)"},
	's': {"s", "t", "(%s + %s)", "string(%n)", "string(%x)", "string(%p)", "string(%s)", "string(%b)", "string(%t)", "pad(%n, 6)", "pad(%n, %n)", "(%p ? %s : %s)", "%s.lowerAscii()",
		`capture(%s, "([a-c])(x)?", 2)`, `capture(%s, "a|b", 0)`, `capture(%s, %s, %n)`, `("key-" + pad(hash(%n) %% 50, 8) + "-" + %s)`},
	'p': {"p", "q", "true", "false", "(%p && %p)", "(%p || %p)", "!(%p)", "(%p ? %p : %p)", "(%n < %n)", "(%n <= %n)", "(%n > %n)", "(%n >= %n)", "(%n == %n)", "(%n != %n)",
		"(%x < %x)", "(%x > %x)", "(%x >= %n)", "(%x < %n)", "(%n > %x)", "(%n <= %x)", "(%x <= %x)", "(%x >= %x)", "(%x == %x)", "(%x != %n)", "(%n == %x)", "(%s < %s)", "(%s >= %s)", "(%s == %s)", "(%s != %s)", "(%p == %p)", "(%p < %p)",
		"(%b == %b)", "(%b < %b)", "(%t < %t)", "(%t >= %t)", "(%t == %t)", "(%t != %t)", "(%n == null)", "(null != %s)", "(%x == null)", "(%t != null)", "(%p == null)",
		"(%n in [1, 2, 3])", `(%s in ["a", "abc"])`, "(%n in [])", "(%x in [1, 2.5])", "(%n in [%n, 1])", "%s.startsWith(%s)", "%s.endsWith(%s)", "%s.contains(%s)", `%s.matches("^a.*c$")`,
		"%s.matches(%s)", "[%n, %n].exists(i, i > n)", "[%n].all(i, i / m > 0)", "bool(%s)"},
	'b': {"b", `b"xy"`, "(%b + %b)", "(%p ? %b : b)", "bytes(%s)"},
	't': {"ts", "fromMillis(%n)", `timestamp("2026-01-01T00:00:00.25Z")`, `timestamp("2026-01-01T00:00:00.0000001Z")`, `(%t + duration("90m"))`, `(%t - duration("1ms"))`, `(%t - duration("1us"))`,
		"(%p ? %t : ts)", "(%p ? ts : null)", "(%p ? null : ts)", "(%p ? null : %p ? null : ts)", "timestamp(%n)", `strptime(%s, "%%Y-%%m")`, `strptime("2026-0" + %s, "%%Y-%%m")`, "timestamp(%s)"},
}

var longs = []int64{0, 1, 2, 3, -1, 7, 10, 1000, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1, 1 << 31, 1<<53 + 1, -1 << 40, 253402300800000, -62135596800001, 1767225600123}
var doubles = []float64{0, 1, -1, 2.5, 1e21, 1e20, 123456789, 1e-5, 1e-4, math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), math.MaxInt64, math.MinInt64, math.MaxFloat64, 5e-324, 0.1}
var strs = []string{"", "a", "abc", "ABC", "b", "x", "1", "-12", "1.5", "true", "NaN", "ünï", "\xff", "9223372036854775808", "2026-01-01T00:00:00Z", "(", "ax", "1e400"}

func literal(t *rapid.T, kind byte) string {
	switch kind {
	case 'n':
		n := rapid.SampledFrom(longs).Draw(t, "n")
		if n < 0 {
			return "(" + strconv.FormatInt(n, 10) + ")"
		}
		return strconv.FormatInt(n, 10)
	case 'x':
		return fmt.Sprintf("double(%q)", strconv.FormatFloat(rapid.SampledFrom(doubles).Draw(t, "x"), 'g', -1, 64))
	case 's':
		s := rapid.SampledFrom(strs).Draw(t, "s")
		return strconv.Quote(strings.ToValidUTF8(s, "?"))
	}
	return ""
}

func expression(t *rapid.T, kind byte, depth int) string {
	if l := literal(t, kind); l != "" && (depth == 0 || rapid.IntRange(0, 4).Draw(t, "literal") == 0) {
		if depth > 0 || rapid.Bool().Draw(t, "leaf") {
			return l
		}
	}
	forms := grammar[kind]
	if depth == 0 {
		forms = forms[:2]
		if kind == 't' {
			forms = forms[:1]
		}
	}
	return filled(t, rapid.SampledFrom(forms).Draw(t, "form"), depth)
}

// filled puts parts in for the letters of a form.
func filled(t *rapid.T, form string, depth int) string {
	var b strings.Builder
	for i := 0; i < len(form); i++ {
		switch {
		case form[i] != '%':
			b.WriteByte(form[i])
			continue
		case form[i+1] == '%':
			b.WriteByte('%')
		default:
			b.WriteString(expression(t, form[i+1], depth-1))
		}
		i++
	}
	return b.String()
}

func drawn[T any](t *rapid.T, from []T) any {
	if rapid.IntRange(0, 5).Draw(t, "null") == 0 {
		return nil
	}
	return rapid.SampledFrom(from).Draw(t, "value")
}

func drawBatch(t *rapid.T) *engine.Batch {
	b := engine.NewBatch(schema, 8)
	for range rapid.IntRange(0, 8).Draw(t, "records") {
		bytes := drawn(t, strs)
		if s, ok := bytes.(string); ok {
			bytes = []byte(s)
		}
		b.Append(engine.NoTime, drawn(t, longs), drawn(t, longs), drawn(t, doubles), drawn(t, doubles), drawn(t, strs), drawn(t, strs),
			drawn(t, []bool{true, false}), drawn(t, []bool{true, false}), bytes, drawn(t, longs), drawn(t, longs))
	}
	return b
}

// fataler is what the test is, whichever.
type fataler interface {
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// reference is what CEL's interpreter alone makes of an expression, with no help of ours.
func reference(t fataler, source string) (*rows, bool) {
	c, err := check(source, schema)
	if err != nil {
		return nil, false
	}
	kind, ok := c.kind(c.ast.Expr())
	if !ok {
		return nil, false
	}
	r, err := c.rows(c.ast.Expr(), kind)
	if err != nil {
		return nil, false
	}
	if r.program, err = c.env.PlanProgram(c.ast, cel.EvalOptions()); err != nil {
		t.Fatal(err)
	}
	return r, true
}

// Compiled expressions say what CEL's interpreter says, errors and nulls included.
func TestSameAsInterpreter(t *testing.T) {
	evaluated, native := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]byte("nxspbt")).Draw(t, "kind")
		source := expression(t, kind, rapid.IntRange(1, 4).Draw(t, "depth"))
		records, answered := hold(t, source, drawBatch(t), drawBatch(t))
		evaluated, native = evaluated+records, native+answered
	})
	t.Logf("of %d records, %d were answered without the interpreter", evaluated, native)
	if native*3 < evaluated {
		t.Error("too few of them: the comparison says little")
	}
}

// The same with each form, which chance may leave out.
func TestEachForm(t *testing.T) {
	for _, forms := range grammar {
		for _, form := range forms {
			cases := rapid.Custom(func(t *rapid.T) formCase { return formCase{filled(t, form, 1), drawBatch(t), drawBatch(t)} })
			for seed := range 25 {
				c := cases.Example(seed)
				hold(t, c.source, c.first, c.second)
			}
		}
	}
}

// formCase is an expression, and records for it.
type formCase struct {
	source        string
	first, second *engine.Batch
}

// hold compares an expression with the reference. It tells how many records there were, and how many column functions answered.
func hold(t fataler, source string, batches ...*engine.Batch) (records, native int) {
	r, ok := reference(t, source)
	if !ok {
		return 0, 0
	}
	e, err := Compile(source, schema)
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	for _, b := range batches {
		records += b.N
		native += compare(t, e, r, b)
	}
	return records, native
}

// Times finer than a column are cut in a result, and not before.
func TestFineTimes(t *testing.T) {
	for source, want := range map[string]any{
		`ts - duration("1ms") < ts - duration("1us")`:                          true,
		`ts - duration("1us") == ts - duration("1ms")`:                         false,
		`timestamp("2026-01-01T00:00:00.0004Z") > fromMillis(1767225600000)`:   true,
		`[ts - duration("1us")][0] + duration("1us") == ts`:                    true,
		`ts + duration("999us")`:                                               int64(1767225600123),
		`p ? timestamp(string(ts - duration("500us"))) + duration("1ms") : ts`: int64(1767225600123),
	} {
		e, err := Compile(source, schema)
		if err != nil {
			t.Fatal(err)
		}
		b := batch()
		b.N = 1
		if diff := cmp.Diff([]any{want}, values(t, e, b)); diff != "" {
			t.Errorf("%s: %s", source, diff)
		}
	}
}

// compare holds each record against the reference. It tells how many were answered by column functions.
func compare(t fataler, e *Expr, r *rows, b *engine.Batch) (native int) {
	one := engine.NewSchema(engine.Column{Name: "out", Kind: e.Kind()})
	got, want := engine.NewBatch(one, 0), engine.NewBatch(one, 0)
	f := newFrame(e.whole.compiler.slots)
	f.begin(b)
	raw := e.root.into(f, new(engine.Vector))
	fails := false
	(&column{}).fillInto(&want.Vectors[0], e.Kind(), b.N)
	for i := range b.N {
		err := r.set(&want.Vectors[0], b, i)
		fails = fails || err != nil
		if raw.asks(i) {
			continue
		}
		if native++; err != nil {
			t.Fatalf("%s, record %d: the interpreter says %v", e, i, err)
		}
	}
	err := e.Eval(b, &got.Vectors[0])
	if (err != nil) != fails {
		t.Fatalf("%s: the error is %v, fails is %t", e, err, fails)
	}
	if err != nil {
		return native
	}
	for i := range b.N {
		if diff := cmp.Diff(want.Value(0, i), got.Value(0, i), cmpopts.EquateNaNs()); diff != "" {
			t.Fatalf("%s, record %d: %s", e, i, diff)
		}
	}
	return native
}

// fillInto gives a vector room for n values.
func (c *column) fillInto(v *engine.Vector, k engine.Kind, n int) {
	c.size(k, n)
	*v = c.Vector
}

// Whatever an expression is, it is refused, or says what the interpreter says.
func FuzzCompile(f *testing.F) {
	for _, forms := range grammar {
		for _, form := range forms {
			if !strings.Contains(form, "%") {
				f.Add(form)
			}
		}
	}
	f.Add(`"key-" + pad(hash(n) % 500000, 8)`)
	f.Add(`s == null ? "" : s.split("b")[0]`)
	f.Add(`n > 1 ? [n, 2][m] : int(string(x))`)
	f.Fuzz(func(t *testing.T, source string) {
		if len(source) > 200 {
			return
		}
		e, err := Compile(source, schema)
		if err != nil {
			return
		}
		r, ok := reference(t, source)
		if !ok {
			t.Fatalf("%s: compiled, and refused by the interpreter", source)
		}
		compare(t, e, r, batch())
		one := batch()
		one.N = 1
		compare(t, e, r, one)
	})
}
