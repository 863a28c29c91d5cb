package expr

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/restore/engine"
	"github.com/google/go-cmp/cmp"
)

var schema = engine.NewSchema(
	engine.Column{Name: "n", Kind: engine.Long}, engine.Column{Name: "m", Kind: engine.Long},
	engine.Column{Name: "x", Kind: engine.Double}, engine.Column{Name: "y", Kind: engine.Double},
	engine.Column{Name: "s", Kind: engine.String}, engine.Column{Name: "t", Kind: engine.String},
	engine.Column{Name: "p", Kind: engine.Boolean}, engine.Column{Name: "q", Kind: engine.Boolean},
	engine.Column{Name: "b", Kind: engine.Bytes}, engine.Column{Name: "ts", Kind: engine.Timestamp},
	engine.Column{Name: "left.n", Kind: engine.Long},
)

// batch has a record of plain values, one of others, and one of nulls.
func batch() *engine.Batch {
	b := engine.NewBatch(schema, 3)
	b.Append(engine.NoTime, 7, 2, 1.5, -2.0, "abc", "b", true, false, []byte("xyz"), 1767225600123, 70)
	b.Append(engine.NoTime, -3, 0, 1e21, 0.25, "", "ünï", false, true, []byte{}, 0, -30)
	b.Append(engine.NoTime, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil)
	return b
}

func values(t *testing.T, e *Expr, b *engine.Batch) []any {
	t.Helper()
	out := engine.NewBatch(engine.NewSchema(engine.Column{Name: "out", Kind: e.Kind()}), 0)
	if err := e.Eval(b, &out.Vectors[0]); err != nil {
		t.Fatalf("%s: %v", e, err)
	}
	var all []any
	for i := range b.N {
		all = append(all, out.Value(0, i))
	}
	return all
}

func TestEval(t *testing.T) {
	for source, want := range map[string][]any{
		`n`:                                      {int64(7), int64(-3), nil},
		`n == null`:                              {false, false, true},
		`null != n`:                              {true, true, false},
		`n == null ? 0 : n * 2`:                  {int64(14), int64(-6), int64(0)},
		`m == 0 ? n : n / m`:                     {int64(3), int64(-3), nil}, // what follows decides for the third
		`p ? n : null`:                           {int64(7), nil, nil},
		`n != null && n > 5`:                     {true, false, false},
		`n > 5 || n == null`:                     {true, false, true},
		`left.n == null || n == left.n / 10`:     {true, true, true},
		`s == t`:                                 {false, false, true},
		`"k-" + pad(n == null ? 0 : n, 4)`:       {"k-0007", "k--003", "k-0000"},
		`n in [7, 8]`:                            {true, false, false},
		`ts == null ? 0 : millis(ts)`:            {int64(1767225600123), int64(0), int64(0)},
		`1 + 2`:                                  {int64(3), int64(3), int64(3)},
		`timestamp("1970-01-01T00:00:01Z")`:      {int64(1000), int64(1000), int64(1000)},
		`b`:                                      {[]byte("xyz"), []byte{}, nil},
		`[1, 2, 3].exists(i, i == m)`:            {true, false, false},
		`p == null ? "?" : string(p)`:            {"true", "false", "?"},
		`capture(s == null ? "" : s, "b(.)", 1)`: {"c", nil, nil},
	} {
		e, err := Compile(source, schema)
		if err != nil {
			t.Error(err)
			continue
		}
		b := batch()
		if source == `m == 0 ? n : n / m` || source == `p ? n : null` {
			b.N = 2
			want = want[:2]
		}
		for range 2 {
			if diff := cmp.Diff(want, values(t, e, b)); diff != "" {
				t.Errorf("%s: %s", source, diff)
			}
		}
	}
}

func TestRunErrors(t *testing.T) {
	for source, want := range map[string]string{
		`n + 9223372036854775807`:          "n + 9223372036854775807: column 3: integer overflow",
		`n / m`:                            "n / m: column 3: division by zero",
		`s.startsWith("a") ? 1 : int(s)`:   "type conversion error from 'string' to 'int'",
		`pad(n, 2000)`:                     "pad: a width of 2000; want 0 to 1000",
		`fromMillis(n * 1000000000000000)`: "fromMillis: 7000000000000000 is outside of the years 1 to 9999",
		`strptime(s, "%Y")`:                `strptime: "abc" is not %Y`,
		`strptime(s, "%Q")`:                `strptime: no field %Q in the format "%Q"`,
		`capture(s, "b", 1)`:               `capture: group 1 of "b", which has 0`,
		`math.abs(n / m) > 0`:              "division by zero",
		`n > 5 && left.n > m * 0`:          "no such overload: _>_ (null: n, m, left.n)",
		`p ? n : n - m`:                    "no such overload (null: n, m, p)",
	} {
		e, err := Compile(source, schema)
		if err != nil {
			t.Error(err)
			continue
		}
		var wrong *Error
		if err := e.Eval(batch(), new(engine.Vector)); !errors.As(err, &wrong) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", source, err)
		}
	}
}

func TestCompileErrors(t *testing.T) {
	for source, want := range map[string]string{
		`n +`:               "column 4: Syntax error",
		`n +` + "\n" + ` z`: "line 2, column 2: no column z; there are n, m, x",
		`n + "a"`:           "column 3: found no matching overload",
		`[n]`:               "it gives list(wrapper(int)), which no column can hold",
		`null`:              "it is always null",
		`duration("1s")`:    "d.getMilliseconds() is an int",
		`uint(n)`:           "int(x) makes an int of it",
		`dyn(n)`:            "give it a type",
		`s.matches("[")`:    "error parsing regexp",
		`{"a": 1}.b`:        "",
		`p ? null : n + 1`:  "columns, timestamps and what capture gives go with null, other values do not",
	} {
		_, err := Compile(source, schema)
		var wrong *Error
		if want == "" && err != nil || want != "" && (!errors.As(err, &wrong) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v", source, err)
		}
	}
}

// What a column function does not take is not compiled again and again, once more with each depth.
func TestDeep(t *testing.T) {
	for _, around := range [][2]string{{"string(", ")"}, {"string(pad(size(", "), n))"}, {"(", " + t)"}, {"(p ? s : ", ")"}} {
		source := strings.Repeat(around[0], 20) + "s" + strings.Repeat(around[1], 20)
		e, err := Compile(source, schema)
		if err != nil {
			t.Fatal(err)
		}
		if n := e.whole.compiler.slots; n > 100 {
			t.Errorf("%s: %d columns", source, n)
		}
	}
}

func TestHash(t *testing.T) {
	// As Java computes (n * 0x9E3779B97F4A7C15L) >>> 1.
	for n, want := range map[int64]int64{0: 0, 1: 5700357409661599242, 2: 2177342782468422677, -1: 3523014627193176565} {
		if got := hash(n); got != want {
			t.Errorf("%d: %d, want %d", n, got, want)
		}
	}
}

func TestPad(t *testing.T) {
	for _, c := range []struct {
		n     int64
		width int
		want  string
	}{{7, 8, "00000007"}, {123, 2, "123"}, {-7, 4, "-007"}, {0, 0, "0"}, {math.MinInt64, 22, "-009223372036854775808"}, {5, 40, strings.Repeat("0", 39) + "5"}} {
		if got := string(appendPadded(nil, c.n, c.width)); got != c.want {
			t.Errorf("%d to %d: %s", c.n, c.width, got)
		}
	}
	for n := int64(1); n > 0; n *= 3 {
		for _, n := range []int64{n, -n, n - 1} {
			for _, width := range []int{0, 1, 7, 8, 25, 70} {
				if got, want := string(appendPadded(nil, n, width)), fmt.Sprintf("%0*d", width, n); got != want {
					t.Errorf("%d to %d: %s, want %s", n, width, got, want)
				}
			}
		}
	}
}

func TestStrptime(t *testing.T) {
	for _, c := range []struct {
		s, format string
		want      int64 // -1: none
	}{
		{"10/Oct/2000:13:55:36 -0700", "%d/%b/%Y:%H:%M:%S %z", 971211336000},
		{"2026-01-01T00:00:00.123Z", "%Y-%m-%dT%H:%M:%S.%L%z", 1767225600123},
		{"2026-01-01 01:00:00+01:00", "%Y-%m-%d %H:%M:%S%z", 1767225600000},
		{"Thursday  1 January 26 GMT", "Thursday %e %B %y %Z", 1767225600000},
		{"100%1767225600", "100%%%s", 1767225600000},
		{"01/Jan/70", "%d/%b/%y", 0},
		{"2026-02-29", "%Y-%m-%d", -1},
		{"2026-13-01", "%Y-%m-%d", -1},
		{"2026-01-01x", "%Y-%m-%d", -1},
		{"2026-1-01", "%Y-%m-%d", -1},
		{"0000-01-01", "%Y-%m-%d", -1},
		{"24:00:00", "%H:%M:%S", -1},
		{"+0x00", "%z", -1},
		{"", "%Y", -1},
		{"Jam", "%b", -1},
	} {
		l, err := parseLayout(c.format)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := l.read(c.s); ok != (c.want != -1) || ok && got != c.want {
			t.Errorf("%q as %q: %d, %t", c.s, c.format, got, ok)
		}
	}
	for _, format := range []string{"%", "%Q", "a%"} {
		if _, err := parseLayout(format); err == nil {
			t.Errorf("%q is taken", format)
		}
	}
}

func benchmark(b *testing.B, source string) {
	e, err := Compile(source, schema)
	if err != nil {
		b.Fatal(err)
	}
	in := engine.NewBatch(schema, 512)
	for i := range 512 {
		in.Append(engine.NoTime, i*7919, i+1, 1.5, 2.5, "GET /index.html", "b", true, false, []byte("x"), 1767225600123, 1)
	}
	var out engine.Vector
	b.ReportAllocs()
	for b.Loop() {
		if err := e.Eval(in, &out); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/512, "ns/record")
}

func BenchmarkKey(b *testing.B)         { benchmark(b, `"key-" + pad(hash(n) % 500000, 8)`) }
func BenchmarkArithmetic(b *testing.B)  { benchmark(b, `(n + m) * 3 - n / 7`) }
func BenchmarkFilter(b *testing.B)      { benchmark(b, `n % 7 == 3 && n > 10`) }
func BenchmarkTernary(b *testing.B)     { benchmark(b, `s.startsWith("GET") ? n : -m`) }
func BenchmarkInterpreted(b *testing.B) { benchmark(b, `[1, 2, 3].exists(i, i == n)`) }
