package expr

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/ckpt-tool/ckpt/restore/engine"
	"github.com/google/go-cmp/cmp"
)

func TestList(t *testing.T) {
	for source, want := range map[string][][]any{
		`s.split("b")`:                        {{"a", "c"}, {""}},
		`(s + "b").split("b")`:                {{"a", "c", ""}, {"", ""}},
		`s.split("")`:                         {{"a", "b", "c"}, nil},
		`[n, m, left.n]`:                      {{int64(7), int64(2), int64(70)}, {int64(-3), int64(0), int64(-30)}},
		`[x, 2.5].filter(i, i > 2.0)`:         {{2.5}, {1e21, 2.5}},
		`p ? [ts] : [ts, ts]`:                 {{int64(1767225600123)}, {int64(0), int64(0)}},
		`[p, q]`:                              {{true, false}, {false, true}},
		`[b]`:                                 {{[]byte("xyz")}, {[]byte{}}},
		`[1, 2, 3].filter(i, i * 100 < n)`:    {nil, nil},
		`s.split("b").map(w, w.upperAscii())`: {{"A", "C"}, {""}},
	} {
		l, err := CompileList(source, schema)
		if err != nil {
			t.Error(err)
			continue
		}
		b := batch()
		b.N = 2
		if diff := cmp.Diff(want, lists(t, l, b)); diff != "" || l.String() != source {
			t.Errorf("%s: %s", source, diff)
		}
	}
}

// lists are the lists of all records, as values.
func lists(t *testing.T, l *List, b *engine.Batch) (all [][]any) {
	t.Helper()
	out := engine.NewBatch(engine.NewSchema(engine.Column{Name: "out", Kind: l.Kind()}), 0)
	ends, err := l.EvalList(b, &out.Vectors[0], nil)
	if err != nil {
		t.Fatalf("%s: %v", l, err)
	}
	from := 0
	for _, end := range ends {
		var list []any
		for ; from < int(end); from++ {
			list = append(list, out.Value(0, from))
		}
		all = append(all, list)
	}
	return all
}

// Elements may be null, a list may be missing, and memory may have been used before.
func TestListNulls(t *testing.T) {
	b := batch()
	l, err := CompileList(`[n, 5]`, schema)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]any{{int64(7), int64(5)}, {int64(-3), int64(5)}, {nil, int64(5)}}
	if diff := cmp.Diff(want, lists(t, l, b)); diff != "" {
		t.Error(diff)
	}
	if l, err = CompileList(`s == null ? [] : s.split("b")`, schema); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]any{{"a", "c"}, {""}, nil}, lists(t, l, b)); diff != "" {
		t.Error(diff)
	}
	if l, err = CompileList(`s.split("b")`, schema); err != nil {
		t.Fatal(err)
	}
	v := engine.Vector{Strings: []string{"", "x"}, Nulls: []bool{true, false}}
	b.N = 2
	if ends, err := l.EvalList(b, &v, []int32{2}); err != nil || len(v.Nulls) != 5 || !cmp.Equal(ends, []int32{2, 4, 5}) {
		t.Errorf("%v, %v, %v", v, ends, err)
	}
}

func TestListErrors(t *testing.T) {
	for source, want := range map[string]string{
		`n`:                               "it gives wrapper(int), not a list",
		`[[n]]`:                           "of the elements: it gives list",
		`[z]`:                             "no column z",
		`[1, "a"]`:                        "give it a type",
		`s.split(`:                        "Syntax error",
		`["a"].filter(a, a.matches("["))`: "",
	} {
		_, err := CompileList(source, schema)
		var wrong *Error
		if want == "" && err != nil || want != "" && (!errors.As(err, &wrong) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", source, err)
		}
	}
	for source, want := range map[string]string{`s.split("b")`: "no such overload", `[n / m]`: "division by zero"} {
		l, err := CompileList(source, schema)
		if err != nil {
			t.Fatal(err)
		}
		var wrong *Error
		if _, err := l.EvalList(batch(), new(engine.Vector), nil); !errors.As(err, &wrong) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", source, err)
		}
	}
}

// Several sub-tasks use one expression.
func TestConcurrent(t *testing.T) {
	e, err := Compile(`"key-" + pad(hash(n) % 1000, 8) + (m == 2 ? "" : string([m].map(i, i + 1)[0]))`, schema)
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for g := range 4 {
		wait.Go(func() {
			for round := range 100 {
				b := engine.NewBatch(schema, 8)
				n := g*1000 + round
				b.Append(engine.NoTime, n, 2, 1.0, 1.0, "", "", true, true, []byte{}, 0, 0)
				var out engine.Vector
				if err := e.Eval(b, &out); err != nil || out.Strings[0] != fmt.Sprintf("key-%08d", hash(int64(n))%1000) {
					t.Errorf("%d: %q, %v", n, out.Strings, err)
				}
			}
		})
	}
	wait.Wait()
}

// What was computed stays as it is while the expression is used again, also for texts larger than what they are put together in.
func TestTextsStay(t *testing.T) {
	e, err := Compile(`s + t`, schema)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for i := range 50 {
		b := engine.NewBatch(schema, 8)
		for range 20 {
			b.Append(engine.NoTime, 1, 2, 1.0, 1.0, strings.Repeat("x", i*97), fmt.Sprint(i), true, true, []byte{}, 0, 0)
		}
		var out engine.Vector
		if err := e.Eval(b, &out); err != nil {
			t.Fatal(err)
		}
		all = append(all, out.Strings...)
	}
	for i, s := range all {
		if want := strings.Repeat("x", i/20*97) + fmt.Sprint(i/20); s != want {
			t.Fatalf("%d: %q", i, s)
		}
	}
}

func TestColumn(t *testing.T) {
	for source, want := range map[string]int{`n`: 0, `ts`: 9, `n + 1`: -1, `1`: -1} {
		e, err := Compile(source, schema)
		if err != nil {
			t.Fatal(err)
		}
		if at, ok := e.Column(); ok != (want >= 0) || ok && at != want {
			t.Errorf("%s: %d, %t", source, at, ok)
		}
	}
}
