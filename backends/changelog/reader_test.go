package changelog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
)

// spread is a log with changes of key groups 0, 3 and 9, over entries of key groups 1, 3 and 9.
func spread(tb testing.TB) ([][]grouped, *given) {
	st := stateOf(tb, valueState)
	log := [][]grouped{
		logOf()[0],
		{{9, [][]byte{on(opSet, valueState, "i", "n", u64(9))}}, {0, [][]byte{on(opSet, valueState, "o", "n", u64(10))}}},
		{{3, [][]byte{on(opSet, valueState, "a", "n", u64(3)), on(opAddElement, listState, "a", "n", u64(3))}}},
	}
	entry := func(kg int32, key string) backends.Entry {
		return backends.Entry{State: st, KeyGroup: kg, Key: str(key), Namespace: str("n"), Value: u64(1)}
	}
	return log, over([]backends.Entry{entry(1, "b"), entry(3, "a"), entry(3, "c"), entry(9, "i"), entry(9, "j")})
}

// TestSelection: key groups, states and a key narrow what is read.
func TestSelection(t *testing.T) {
	log, under := spread(t)
	everything := []string{
		`0 value "o" "n" = 10`, `1 value "b" "n" = 1`, `3 list "a" "n" = 1: 3`, `3 value "a" "n" = 3`,
		`3 value "c" "n" = 1`, `9 value "i" "n" = 9`, `9 value "j" "n" = 1`,
	}
	named := func(name string) func(*backends.State) bool {
		return func(st *backends.State) bool { return st.Name == name }
	}
	tests := []struct {
		sel  backends.Selection
		want []string
	}{
		{backends.Everything(all), everything},
		{backends.Everything(metadata.KeyGroupRange{First: 2, Last: 8}), everything[2:5]},
		{backends.Everything(metadata.KeyGroupRange{First: 4, Last: 8}), nil},
		{backends.Everything(metadata.KeyGroupRange{First: 9, Last: 500}), everything[5:]},
		{backends.Selection{}, everything[:1]}, // the key group 0
		{backends.Selection{KeyGroups: metadata.KeyGroupRange{First: 5, Last: 4}}, nil},
		{backends.Selection{KeyGroups: all, States: named("list")}, everything[2:3]},
		{backends.Selection{KeyGroups: all, States: named("value"), Key: str("a")}, everything[3:4]},
		{backends.Selection{KeyGroups: metadata.KeyGroupRange{First: 3, Last: 3}, Key: str("a")}, everything[2:4]},
		{backends.Selection{KeyGroups: metadata.KeyGroupRange{First: 3, Last: 3}, Key: str("c")}, everything[4:5]},
	}
	for _, test := range tests {
		for form, build := range forms {
			h, files := build(log)
			if got := read(t, h, files, []backends.Reader{under}, nil, test.sel); !slices.Equal(got, test.want) {
				t.Errorf("%s, %+v: got %q, not %q", form, test.sel, got, test.want)
			}
		}
	}
}

// TestTimersOfKey: a key selects its timers.
func TestTimersOfKey(t *testing.T) {
	h, files := forms["plain"](logOf(timers(opAddElement, u32(2), timerAt(7, "a", "n"), timerAt(8, "aa", "n"))))
	got := read(t, h, files, []backends.Reader{over(aTimer(t))}, nil, backends.Selection{KeyGroups: all, Key: str("aa")})
	if want := []string{`3 _timer_state/event_t "aa" "n" at 8`}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

// TestRange: key groups that do not belong to the sub-task do not count, whoever holds them.
func TestRange(t *testing.T) {
	log, under := spread(t)
	for form, build := range forms {
		h, files := build(log)
		h.Range = metadata.KeyGroupRange{First: 0, Last: 3}
		r, err := Open(context.Background(), files, h, []backends.Reader{under}, backends.Origin{Range: metadata.KeyGroupRange{First: 3, Last: 127}, MaxParallelism: 128}, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := linesOf(r, backends.Everything(all))
		if want := []string{`3 list "a" "n" = 1: 3`, `3 value "a" "n" = 3`, `3 value "c" "n" = 1`}; !slices.Equal(got, want) {
			t.Errorf("%s: got %q", form, got)
		}
	}
}

// TestSeveralMaterialized: after a rescale, several handles hold a range of key groups each. Those that overlap are an error.
func TestSeveralMaterialized(t *testing.T) {
	log, under := spread(t)
	h, files := forms["plain"](log)
	low, high := *under, *under
	low.entries, high.entries = under.entries[:3], under.entries[3:]
	groups := func(first, last int32) metadata.KeyedHandle {
		return &metadata.KeyGroupsHandle{Range: metadata.KeyGroupRange{First: first, Last: last}}
	}
	h.Materialized = []metadata.KeyedHandle{groups(0, 4), nil, groups(200, 300), groups(6, 127)}
	got := read(t, h, files, []backends.Reader{&low, &high}, nil, backends.Everything(all))
	if len(got) != 7 || strings.Contains(fmt.Sprint(got), "error") {
		t.Errorf("got %q", got)
	}
	h.Materialized = []metadata.KeyedHandle{groups(0, 127), groups(0, 127)}
	got = read(t, h, files, []backends.Reader{under, under}, nil, backends.Everything(all))
	if len(got) != 7 || strings.Contains(fmt.Sprint(got), "error") {
		t.Errorf("one handle twice: got %q", got)
	}
	h.Materialized = []metadata.KeyedHandle{groups(0, 6), groups(6, 127)}
	got = read(t, h, files, []backends.Reader{&low, &high}, nil, backends.Everything(all))
	if len(got) == 0 || !strings.Contains(got[len(got)-1], "more than once") {
		t.Errorf("got %q", got)
	}
}

// TestBudget: key groups whose changes are too many are refused, and the others read.
func TestBudget(t *testing.T) {
	log, under := spread(t)
	for range 50 {
		log = append(log, []grouped{{3, [][]byte{on(opAddElement, listState, "a", "n", u64(5))}}})
	}
	for form, build := range forms {
		h, files := build(log)
		got := read(t, h, files, []backends.Reader{under}, &backends.Options{Memory: 1000}, backends.Everything(all))
		if len(got) != 5 || !strings.Contains(got[4], "key group 3 take") {
			t.Errorf("%s: got %q", form, got)
		}
	}
}

// TestReadOnce: a file is read once when it is opened, and where the changes fit the memory, once more.
func TestReadOnce(t *testing.T) {
	log, under := spread(t)
	for form, want := range map[string]int{"plain": 2, "compressed": 2, "two files": 1} {
		h, files := forms[form](log)
		memory := int64(2000) // of which none is kept
		if want == 1 {
			memory = 1 << 20
		}
		if got := read(t, h, files, []backends.Reader{under}, &backends.Options{Memory: memory}, backends.Everything(all)); len(got) != 7 {
			t.Errorf("%s: got %q", form, got)
		}
		for path, n := range files.opened {
			if n != want {
				t.Errorf("%s: %s was opened %d times, not %d", form, path, n, want)
			}
		}
	}
}

// TestKeyUnknown: without a type of keys nothing of the log can be told apart; a timer, what was materialized, or a hint
// tells it.
func TestKeyUnknown(t *testing.T) {
	o := backends.Origin{Range: all, MaxParallelism: 128}
	log := [][]grouped{{{-1, [][]byte{introduce(valueState)}}, {3, [][]byte{on(opSet, valueState, "a", "n", u64(1))}}}}
	want := `3 value "a" "n" = 1`
	for name, hints := range map[string]map[string]string{
		"none": nil, "all": {"key": "String"}, "operator": {"key:" + o.Operator.String(): "String", "key": "Long"}, "wrong": {"key": "Strng"},
	} {
		h, files := forms["plain"](log)
		got := []string{}
		r, err := Open(context.Background(), files, h, nil, o, &backends.Options{Hints: hints})
		if err == nil {
			got = linesOf(r, backends.Everything(all))
		}
		switch {
		case name == "wrong" && err == nil, name != "wrong" && err != nil:
			t.Errorf("%s: %v", name, err)
		case name == "none" && (len(got) != 1 || !strings.Contains(got[0], "of which type the keys are")):
			t.Errorf("%s: got %q", name, got)
		case (name == "all" || name == "operator") && !slices.Equal(got, []string{want}):
			t.Errorf("%s: got %q", name, got)
		}
		if name == "none" {
			for _, err := range r.Entries(context.Background(), backends.Everything(all)) {
				var e *backends.Error
				if !errors.As(err, &e) || e.Passed || e.Hint != "--type key:"+o.Operator.String()+"=SPEC" {
					t.Errorf("the error is %#v", err)
				}
			}
		}
	}
	o.Key = func(context.Context) backends.Type { return spec(t, "String") }
	h, files := forms["plain"](log)
	r, err := Open(context.Background(), files, h, nil, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := linesOf(r, backends.Everything(all)); !slices.Equal(got, []string{want}) {
		t.Errorf("with another sub-task: got %q", got)
	}
	o.Key = nil
	timers := slices.Clone(log)
	timers = append(timers, []grouped{{-1, [][]byte{introduce(timerState)}}})
	h, files = forms["plain"](timers)
	if r, err = Open(context.Background(), files, h, nil, o, nil); err != nil {
		t.Fatal(err)
	}
	if got := linesOf(r, backends.Everything(all)); !slices.Equal(got, []string{want}) {
		t.Errorf("with timers: got %q", got)
	}
}

// TestUnknownSerializer: a state that nobody can cut does not keep others from being read.
func TestUnknownSerializer(t *testing.T) {
	log, under := spread(t)
	log[0][0].changes = append(log[0][0].changes, metaOf("alien", 0, "VALUE", alienSnap, 40))
	log = append(log, []grouped{{9, [][]byte{on(opSet, 40, "i", "n", u64(9))}}})
	for form, build := range forms {
		h, files := build(log)
		got := read(t, h, files, []backends.Reader{under}, nil, backends.Everything(all))
		if len(got) != 8 || !strings.Contains(got[7], "com.example.AlienSnapshot") || !strings.HasSuffix(got[7], `(state "alien", key group 9)`) {
			t.Errorf("%s: got %q", form, got)
		}
		sel := backends.Selection{KeyGroups: all, States: func(st *backends.State) bool { return st.Name == "list" }}
		if got := read(t, h, files, []backends.Reader{under}, nil, sel); len(got) != 1 {
			t.Errorf("%s: of another state got %q", form, got)
		}
	}
}

// TestBroken: where something materialized cannot be read, what the log says on its own is given, and no more.
func TestBroken(t *testing.T) {
	for name, keyGroup := range map[string]int32{"in its key group": 3, "of a later one": 4, "anywhere": -1} {
		h, files := forms["plain"](logOf(
			on(opAddElement, listState, "a", "n", u64(1)), on(opSet, valueState, "a", "n", u64(2)), on(opAddElement, listState, "b", "n", u64(3)),
		))
		under := over(aList(t))
		under.errs = map[int]error{0: &backends.Error{Path: "f", KeyGroup: keyGroup, Message: "broken", Passed: true}}
		if keyGroup == 4 {
			under.entries = append(under.entries, under.entries[0])
			under.errs = map[int]error{1: under.errs[0]}
			under.entries[1].KeyGroup = 5
		}
		got := read(t, h, files, []backends.Reader{under}, nil, backends.Everything(all))
		want := []string{`3 value "a" "n" = 2`, `error: X`, `error: X`}
		switch keyGroup {
		case 3, -1: // the entry comes behind the error
			want = []string{`3 list "a" "n" = 2: 44 1`, `3 value "a" "n" = 2`, `error: X (state "list", key group 3)`, `error: X`}
		case 4:
			want = []string{`3 list "a" "n" = 2: 44 1`, `3 list "b" "n" = 1: 3`, `3 value "a" "n" = 2`, `5 list "a" "n" = 1: 44`, `error: X`}
		}
		if !slices.EqualFunc(got, want, alike) {
			t.Errorf("%s: got\n%s", name, strings.Join(got, "\n"))
		}
	}
	h, files := forms["plain"](logOf())
	under := over(aList(t))
	under.errs = map[int]error{0: errors.New("gone")}
	if got := read(t, h, files, []backends.Reader{under}, nil, backends.Everything(all)); !slices.Equal(got, []string{"error: gone"}) {
		t.Errorf("an end: got %q", got)
	}
}

// TestEnded: where nothing more comes of a state, what the log says on its own of it is given in all later key groups, and
// an error of each key group where it does not suffice; other states are not concerned.
func TestEnded(t *testing.T) {
	changes := func() [][]byte {
		return [][]byte{
			on(opAddElement, listState, "a", "n", u64(1)), on(opAddElement, listState, "b", "n", u64(2)), on(opSetInternal, listState, "c", "n", list(3)),
			on(opSetInternal, sumState, "a", "n", u64(4)), on(opMerge, sumState, "b", "n", str("n"), u32(1), str("m")),
			on(opAddOrUpdate, mapState, "a", "n", str("x"), u64(5)),
		}
	}
	log := [][]grouped{logOf()[0], {{3, changes()}, {7, changes()}}}
	want := []string{}
	for _, kg := range []string{"3", "7"} {
		want = append(want, kg+` list "c" "n" = 1: 3`, kg+` map "a" "n" "x" = 5`, kg+` sum "a" "n" = 4`)
	}
	want = append(want, `error: X (state "list", key group 2)`, `error: X (state "list", key group 3)`, `error: X (state "list", key group 7)`)
	for form, build := range forms {
		for _, memory := range []int64{0, 1 << 14} {
			h, files := build(log)
			under := over(slices.Concat(aList(t), aSum(t), aMap(t)))
			under.entries = under.entries[:1]
			under.entries[0].KeyGroup = 100
			under.entries[0].Key = str("z")
			under.errs = map[int]error{0: &backends.Error{Path: "f", State: "list", KeyGroup: 2, Message: "broken", Passed: true, Rest: true}}
			got := read(t, h, files, []backends.Reader{under}, &backends.Options{Memory: memory}, backends.Everything(all))
			got = slices.DeleteFunc(got, func(l string) bool { return strings.HasPrefix(l, "100 ") })
			slices.SortFunc(got, func(a, b string) int { return strings.Compare(a[max(0, len(a)-14):], b[max(0, len(b)-14):]) })
			slices.SortFunc(want, func(a, b string) int { return strings.Compare(a[max(0, len(a)-14):], b[max(0, len(b)-14):]) })
			if !slices.EqualFunc(got, want, alike) {
				t.Errorf("%s: got\n%s\nnot\n%s", form, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
}

// TestTypesChanged: values of the log need not be of the type of those that were materialized; keys do.
func TestTypesChanged(t *testing.T) {
	st := stateOf(t, valueState)
	st.Value = spec(t, "String")
	e := []backends.Entry{
		{State: st, KeyGroup: 3, Key: str("a"), Namespace: str("n"), Value: str("old")},
		{State: st, KeyGroup: 3, Key: str("b"), Namespace: str("n"), Value: str("kept")},
	}
	h, files := forms["plain"](logOf(on(opSet, valueState, "a", "n", u64(1))))
	got := read(t, h, files, []backends.Reader{over(e)}, nil, backends.Everything(all))
	if want := []string{`3 value "a" "n" = 1`, `3 value "b" "n" = "kept"`}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	st.Namespace = spec(t, "Strings")
	got = read(t, h, files, []backends.Reader{over(e)}, nil, backends.Everything(all))
	if len(got) != 1 || !strings.Contains(got[0], "other types") {
		t.Errorf("other namespaces: got %q", got)
	}
	l := aList(t)
	l[0].State.Value, l[0].Value = spec(t, "String"), join(u32(1), str("x"))
	h, files = forms["plain"](logOf(on(opAddElement, listState, "a", "n", u64(1))))
	if got = read(t, h, files, []backends.Reader{over(l)}, nil, backends.Everything(all)); len(got) != 1 || !strings.Contains(got[0], "two types") {
		t.Errorf("a list of two types: got %q", got)
	}
}

// TestStop: an iteration that is left does not go on.
func TestStop(t *testing.T) {
	log, under := spread(t)
	h, files := forms["plain"](log)
	r, err := Open(context.Background(), files, h, []backends.Reader{under}, backends.Origin{Range: all, MaxParallelism: 128}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n < 7; n++ {
		left := n
		for range r.Entries(context.Background(), backends.Everything(all)) {
			if left--; left == 0 {
				break
			}
			if left < 0 {
				t.Fatal("it went on")
			}
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Open(ctx, files, h, nil, backends.Origin{Range: all, MaxParallelism: 128}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

// TestConcurrent: many may read at once, each its key groups.
func TestConcurrent(t *testing.T) {
	log, under := spread(t)
	under.entries = nil
	h, files := forms["plain"](log)
	files.opened = nil
	r, err := Open(context.Background(), files, h, []backends.Reader{under}, backends.Origin{Range: all, MaxParallelism: 128}, &backends.Options{Memory: 2000})
	if err != nil {
		t.Fatal(err)
	}
	want := linesOf(r, backends.Everything(all))
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if got := linesOf(r, backends.Everything(all)); !slices.Equal(got, want) {
				t.Errorf("got %q, not %q", got, want)
			}
		})
	}
	wait.Wait()
}
