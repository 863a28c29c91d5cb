package changelog

import (
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
)

// logOf is a log whose first set introduces all states, with changes of the key group 3.
func logOf(changes ...[]byte) [][]grouped {
	var metas [][]byte
	for i := range names {
		metas = append(metas, introduce(i))
	}
	return [][]grouped{{{-1, metas}}, {{3, changes}}}
}

// TestOperations: each operation does to each kind of state what Flink makes of it.
func TestOperations(t *testing.T) {
	tests := []struct {
		name  string
		under func(tb testing.TB) []backends.Entry
		log   [][]byte
		want  []string
	}{
		{"value set", nil, [][]byte{on(opSet, valueState, "a", "n", u64(1)), on(opSet, valueState, "a", "n", u64(2))}, []string{`3 value "a" "n" = 2`}},
		{"value cleared", aValue, [][]byte{on(opClear, valueState, "a", "n")}, nil},
		{"value replaced", aValue, [][]byte{on(opSet, valueState, "a", "n", u64(9))}, []string{`3 value "a" "n" = 9`}},
		{"another key", aValue, [][]byte{on(opSet, valueState, "b", "n", u64(9))}, []string{`3 value "a" "n" = 5`, `3 value "b" "n" = 9`}},
		{"another namespace", aValue, [][]byte{on(opClear, valueState, "a", "m")}, []string{`3 value "a" "n" = 5`}},
		{"value set after clear", aValue, [][]byte{on(opClear, valueState, "a", "n"), on(opSetInternal, valueState, "a", "n", u64(7))}, []string{`3 value "a" "n" = 7`}},

		{"list from nothing", nil, [][]byte{on(opAddElement, listState, "a", "n", u64(1)), on(opAdd, listState, "a", "n", list(2, 3))}, []string{`3 list "a" "n" = 3: 1 2 3`}},
		{"list added to", aList, [][]byte{on(opAdd, listState, "a", "n", list(2, 3)), on(opAddElement, listState, "a", "n", u64(4))}, []string{`3 list "a" "n" = 4: 44 2 3 4`}},
		{"joined list added to", joinedList, [][]byte{on(opAddElement, listState, "a", "n", u64(4))}, []string{`3 list "a" "n" = 3: 44 11308 4`}},
		{"list replaced", aList, [][]byte{on(opSet, listState, "a", "n", list(8, 9))}, []string{`3 list "a" "n" = 2: 8 9`}},
		{"list emptied", aList, [][]byte{on(opSet, listState, "a", "n", list())}, nil},
		{"list cleared and added to", aList, [][]byte{on(opClear, listState, "a", "n"), on(opAddElement, listState, "a", "n", u64(4))}, []string{`3 list "a" "n" = 1: 4`}},
		{"nothing added", joinedList, [][]byte{on(opAdd, listState, "a", "n", list())}, []string{`3 list "a" "n" = joined 2: 44 11308`}},
		{"lists merged", aList, [][]byte{
			on(opAddElement, listState, "a", "m", u64(1)), on(opAddElement, listState, "a", "n", u64(2)),
			on(opMerge, listState, "a", "o", str("o"), u32(3), str("m"), str("n"), str("missing")),
			on(opAddElement, listState, "a", "o", u64(3)),
		}, []string{`3 list "a" "o" = 4: 1 44 2 3`}},
		{"lists merged twice", aList, [][]byte{
			on(opMerge, listState, "a", "o", str("o"), u32(1), str("n")),
			on(opMerge, listState, "a", "p", str("p"), u32(1), str("o")),
			on(opAddElement, listState, "a", "n", u64(6)),
		}, []string{`3 list "a" "n" = 1: 6`, `3 list "a" "p" = 1: 44`}},

		{"map", nil, [][]byte{
			on(opAddOrUpdate, mapState, "a", "n", str("x"), u64(1)), on(opAddElement, mapState, "a", "n", str("y"), u64(2)),
			on(opAdd, mapState, "a", "n", u32(2), str("x"), []byte{1}, str("z"), []byte{0}, u64(3)),
			on(opRemoveElement, mapState, "a", "n", str("y")), on(opRemoveElement, mapState, "a", "n", str("none")),
		}, []string{`3 map "a" "n" "x" = null`, `3 map "a" "n" "z" = 3`}},
		{"map changed", aMap, [][]byte{on(opAddOrUpdate, mapState, "a", "n", str("x"), u64(8)), on(opRemoveElement, mapState, "a", "n", str("y"))},
			[]string{`3 map "a" "n" "x" = 8`, `3 map "a" "n" "z" = 3`}},
		{"map cleared", aMap, [][]byte{on(opAddOrUpdate, mapState, "a", "n", str("x"), u64(8)), on(opClear, mapState, "a", "n"), on(opAddOrUpdate, mapState, "a", "n", str("y"), u64(9))},
			[]string{`3 map "a" "n" "y" = 9`}},

		{"sum", nil, [][]byte{on(opSetInternal, sumState, "a", "n", u64(3)), on(opSetInternal, averageState, "a", "n", u64(4))}, []string{`3 average "a" "n" = 4`, `3 sum "a" "n" = 3`}},
		{"one sum moved", aSum, [][]byte{on(opMerge, sumState, "a", "o", str("o"), u32(2), str("n"), str("none"))}, []string{`3 sum "a" "o" = 6`}},
		{"sums of which one is cleared", aSum, [][]byte{
			on(opSetInternal, sumState, "a", "m", u64(3)), on(opClear, sumState, "a", "n"),
			on(opMerge, sumState, "a", "m", str("m"), u32(1), str("n")),
		}, []string{`3 sum "a" "m" = 3`}},
		{"sums merged", aSum, [][]byte{
			on(opSetInternal, sumState, "a", "m", u64(3)), on(opMerge, sumState, "a", "m", str("m"), u32(1), str("n")),
			on(opSetInternal, sumState, "b", "m", u64(3)),
		}, []string{`3 sum "b" "m" = 3`, `error: X (state "sum", key group 3)`}},
		{"sums merged and set", aSum, [][]byte{
			on(opSetInternal, sumState, "a", "m", u64(3)), on(opMerge, sumState, "a", "m", str("m"), u32(1), str("n")),
			on(opSetInternal, sumState, "a", "m", u64(9)),
		}, []string{`3 sum "a" "m" = 9`}},
		{"averages merged and moved", nil, [][]byte{
			on(opSetInternal, averageState, "a", "m", u64(3)), on(opSetInternal, averageState, "a", "n", u64(3)),
			on(opMerge, averageState, "a", "m", str("m"), u32(1), str("n")), on(opMerge, averageState, "a", "o", str("o"), u32(1), str("m")),
		}, []string{`error: X (state "average", key group 3)`}},

		{"timers", aTimer, [][]byte{
			timers(opAddElement, u32(2), timerAt(7, "a", "n"), timerAt(-2, "b", "n")), timers(opRemoveElement, timerAt(1, "a", "n")),
			timers(opRemoveElement, timerAt(99, "a", "n")), timers(opAddElement, u32(1), timerAt(2, "a", "n")),
		}, []string{`3 _timer_state/event_t "a" "n" at 2`, `3 _timer_state/event_t "a" "n" at 7`, `3 _timer_state/event_t "b" "n" at -2`}},
		{"timer taken back", nil, [][]byte{timers(opAddElement, u32(1), timerAt(7, "a", "n")), timers(opRemoveElement, timerAt(7, "a", "n"))}, nil},

		{"operation of others", aValue, [][]byte{on(opAddElement, valueState, "a", "n", u64(1)), on(opSet, sumState, "a", "n", u64(2))}, []string{`3 sum "a" "n" = 2`, `error: X (state "value", key group 3)`}},
		{"bytes left over", aValue, [][]byte{on(opSet, valueState, "a", "n", u64(1), []byte{0})}, []string{`error: X (state "value", key group 3)`}},
		{"a cut value", aMap, [][]byte{on(opAddOrUpdate, mapState, "a", "n", str("x"), []byte{0})}, []string{`error: X (state "map", key group 3)`}},
		{"a cut key", aTimer, [][]byte{{opSet, 0, valueState, 9, 'a'}}, []string{`3 _timer_state/event_t "a" "n" at 1`, `3 _timer_state/event_t "a" "n" at 2`, `error: X (state "value", key group 3)`}},
		{"a flag of a map", aMap, [][]byte{on(opAdd, mapState, "a", "n", u32(1), str("x"), []byte{2}, u64(1))}, []string{`error: X (state "map", key group 3)`}},
		{"a list without count", aList, [][]byte{on(opSet, listState, "a", "n", []byte{0})}, []string{`error: X (state "list", key group 3)`}},
		{"merge of a value", aValue, [][]byte{on(opMerge, valueState, "a", "n", str("n"), u32(0))}, []string{`error: X (state "value", key group 3)`}},
		{"a cut merge", aList, [][]byte{on(opMerge, listState, "a", "n", str("n"), u32(2), str("o"))}, []string{`error: X (state "list", key group 3)`}},
		{"a timer cleared", aTimer, [][]byte{timers(opClear)}, []string{`error: X (state "_timer_state/event_t", key group 3)`}},
		{"no state", aValue, [][]byte{on(opSet, 77, "a", "n", u64(1))}, []string{`error: X`}},
		{"no operation", aValue, [][]byte{on(9, valueState, "a", "n", u64(1))}, []string{`error: X`}},
		{"no change", aValue, [][]byte{{1}}, []string{`error: X`}},
	}
	for _, test := range tests {
		for form, build := range forms {
			for _, memory := range []int64{0, 1 << 14} {
				h, files := build(logOf(test.log...))
				var under []backends.Reader
				if test.under != nil {
					under = []backends.Reader{over(test.under(t))}
				}
				got := read(t, h, files, under, &backends.Options{Memory: memory}, backends.Everything(all))
				if !slices.EqualFunc(got, test.want, alike) {
					t.Errorf("%s, %s: got\n%s\nnot\n%s", test.name, form, strings.Join(got, "\n"), strings.Join(test.want, "\n"))
				}
			}
		}
	}
}

// alike compares lines; what an error says is X.
func alike(got, want string) bool {
	if rest, ok := strings.CutPrefix(want, "error: X"); ok {
		return strings.HasPrefix(got, "error: ") && strings.HasSuffix(got, rest)
	}
	return got == want
}

func over(entries []backends.Entry) *given {
	g := &given{entries: entries}
	for _, e := range entries {
		if !slices.Contains(g.states, e.State) {
			g.states = append(g.states, e.State)
		}
	}
	return g
}

func aValue(tb testing.TB) []backends.Entry {
	return []backends.Entry{{State: stateOf(tb, valueState), KeyGroup: 3, Key: str("a"), Namespace: str("n"), Value: u64(5)}}
}

func aSum(tb testing.TB) []backends.Entry {
	return []backends.Entry{{State: stateOf(tb, sumState), KeyGroup: 3, Key: str("a"), Namespace: str("n"), Value: u64(6)}}
}

// aList holds the number 44, which is the byte of a ",".
func aList(tb testing.TB) []backends.Entry {
	return []backends.Entry{{State: stateOf(tb, listState), KeyGroup: 3, Key: str("a"), Namespace: str("n"), Value: list(44)}}
}

func joinedList(tb testing.TB) []backends.Entry {
	e := aList(tb)
	e[0].Value, e[0].Joined = join(u64(44), []byte{','}, u64(44<<8|44)), true
	return e
}

func aMap(tb testing.TB) []backends.Entry {
	st := stateOf(tb, mapState)
	var entries []backends.Entry
	for i, k := range []string{"x", "y", "z"} {
		entries = append(entries, backends.Entry{State: st, KeyGroup: 3, Key: str("a"), Namespace: str("n"), MapKey: str(k), Value: u64(i + 1)})
	}
	return entries
}

func aTimer(tb testing.TB) []backends.Entry {
	st := stateOf(tb, timerState)
	return []backends.Entry{
		{State: st, KeyGroup: 3, Key: str("a"), Namespace: str("n"), Time: 1},
		{State: st, KeyGroup: 3, Key: str("a"), Namespace: str("n"), Time: 2},
	}
}
