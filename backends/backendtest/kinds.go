package backendtest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/types"
)

func (s *suite) testKeys(t *testing.T) {
	ss := s.open(t, place{})
	d := &backends.Descriptor{Name: "v", Kind: backends.Value, Value: parse("Long")}
	v := state[backends.ValueState](ss, nil, d)
	if err := v.Update(int64(1)); !errors.Is(err, backends.ErrNoKey) {
		t.Errorf("without a key: %v", err)
	}
	if _, err := ss.CurrentKey(); !errors.Is(err, backends.ErrNoKey) || ss.CurrentKeyBytes() != nil {
		t.Errorf("without a key: %v, % x", err, ss.CurrentKeyBytes())
	}
	want := map[string]int64{}
	for i := range 500 {
		k := fmt.Sprintf("key-%d", i)
		ss.key(k)
		want[k] = int64(i)
		ok(t, v.Update(want[k]))
		if got, err := ss.CurrentKey(); err != nil || got != k {
			t.Fatalf("the current key is %v: %v", got, err)
		}
	}
	ss.key("key-7")
	encoded, kg := slices.Clone(ss.CurrentKeyBytes()), ss.CurrentKeyGroup()
	ss.key("key-8")
	ok(t, ss.SetCurrentKeyBytes(encoded, kg))
	if got, err := v.Value(); got != int64(7) || err != nil {
		t.Errorf("key-7 has %v: %v", got, err)
	}
	ss.applyToAll(t, d, want)
	if k, err := ss.CurrentKey(); k != "key-7" || err != nil {
		t.Errorf("the current key was key-7, and is %v: %v", k, err)
	}
	compareKeys(t, ss, "v", nil, want)
	m := state[backends.MapState](ss, nil, &backends.Descriptor{Name: "m", Kind: backends.Map, MapKey: parse("Integer"), Value: parse("Long")})
	for i := range 50 {
		ss.key(fmt.Sprintf("key-%d", i%5))
		ok(t, m.Put(int32(i), int64(i)))
	}
	compareKeys(t, ss, "m", nil, map[string]int64{"key-0": 0, "key-1": 0, "key-2": 0, "key-3": 0, "key-4": 0})
}

// applyToAll adds one to all values, and removes every tenth.
func (ss *session) applyToAll(t *testing.T, d *backends.Descriptor, want map[string]int64) {
	met := 0
	ok(t, ss.ApplyToAllKeys(nil, d, func(key any, s backends.KeyedState) error {
		met++
		v := s.(backends.ValueState)
		got, err := v.Value()
		if err != nil || got != want[key.(string)] {
			return fmt.Errorf("%v has %v: %v", key, got, err)
		}
		if got.(int64)%10 == 0 {
			delete(want, key.(string))
			return v.Clear()
		}
		want[key.(string)]++
		return v.Update(want[key.(string)])
	}))
	if met != 500 {
		t.Errorf("%d keys of 500 were met", met)
	}
}

func compareKeys(t *testing.T, ss *session, state string, namespace any, want map[string]int64) {
	t.Helper()
	var got []string
	for k, err := range ss.Keys(state, namespace) {
		ok(t, err)
		got = append(got, k.(string))
	}
	slices.Sort(got)
	if !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
		t.Errorf("the keys of %s are %d: %.200q; not %d", state, len(got), got, len(want))
	}
}

func (s *suite) testValues(t *testing.T) {
	ss := s.open(t, place{})
	long := state[backends.ValueState](ss, nil, &backends.Descriptor{Name: "long", Kind: backends.Value, Value: parse("Long")})
	text := state[backends.ValueState](ss, nil, &backends.Descriptor{Name: "text", Kind: backends.Value, Value: parse("String")})
	ss.key("a")
	wantValue(t, long, nil)
	ok(t, long.Update(int64(5)))
	ok(t, text.Update(""))
	wantValue(t, long, int64(5))
	wantValue(t, text, "")
	ss.key("b")
	wantValue(t, long, nil)
	wantValue(t, text, nil)
	ok(t, long.UpdateBytes([]byte{0, 0, 0, 0, 0, 0, 1, 0}))
	wantValue(t, long, int64(256))
	if b, err := long.Bytes(); err != nil || string(b) != "\x00\x00\x00\x00\x00\x00\x01\x00" {
		t.Errorf("% x: %v", b, err)
	}
	if err := long.UpdateBytes([]byte("five")); err == nil {
		t.Error("four bytes pass for a Long")
	}
	if err := long.Update("five"); err == nil {
		t.Error("a text passes for a Long")
	}
	wantValue(t, long, int64(256))
	ok(t, long.Update(nil))
	wantValue(t, long, nil)
	ok(t, text.Clear())
	ss.key("a")
	wantValue(t, long, int64(5))
	ok(t, long.Clear())
	wantValue(t, long, nil)
	wantValue(t, text, "")
}

func wantValue(t tester, s backends.ValueState, want any) {
	t.Helper()
	got, err := s.Value()
	if err != nil || got != want {
		t.Errorf("the value is %v, not %v: %v", got, want, err)
	}
}

func (s *suite) testLists(t *testing.T) {
	ss := s.open(t, place{})
	l := state[backends.ListState](ss, nil, &backends.Descriptor{Name: "l", Kind: backends.List, Value: parse("String")})
	ss.key("a")
	wantList(t, l)
	ok(t, l.Add("x"))
	ok(t, l.Add(""))
	ok(t, l.AddAll([]any{"y,z", ","}))
	ok(t, l.AddAll(nil))
	wantList(t, l, "x", "", "y,z", ",")
	if err := l.AddAll([]any{"never there", 5}); err == nil {
		t.Error("a number passes for a text")
	}
	wantList(t, l, "x", "", "y,z", ",")
	ss.key("b")
	wantList(t, l)
	ok(t, l.Update([]any{"1", "2"}))
	ok(t, l.AddBytes([]byte("\x023")))
	wantList(t, l, "1", "2", "3")
	ok(t, l.Update([]any{}))
	wantList(t, l)
	ok(t, l.Add("again"))
	wantList(t, l, "again")
	ok(t, l.Clear())
	wantList(t, l)
	ss.key("a")
	wantList(t, l, "x", "", "y,z", ",")
	compareKeys(t, ss, "l", nil, map[string]int64{"a": 0})
}

func wantList(t tester, l backends.ListState, want ...any) {
	t.Helper()
	got, err := l.Get()
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("the list is %q, not %q: %v", got, want, err)
	}
}

func (s *suite) testMaps(t *testing.T) {
	ss := s.open(t, place{})
	m := state[backends.MapState](ss, nil, &backends.Descriptor{Name: "m", Kind: backends.Map, MapKey: parse("String"), Value: parse("Long")})
	ss.key("a")
	wantMap(t, m, map[any]any{})
	ok(t, m.Put("one", int64(1)))
	ok(t, m.Put("", int64(0)))
	ok(t, m.PutAll(maps.All(map[any]any{"two": int64(2), "null": nil})))
	wantMap(t, m, map[any]any{"one": int64(1), "": int64(0), "two": int64(2), "null": nil})
	if v, there, err := m.Get("null"); v != nil || !there || err != nil {
		t.Errorf("null: %v, %v, %v", v, there, err)
	}
	if b, there, err := m.GetBytes([]byte("\x05null")); b != nil || !there || err != nil {
		t.Errorf("null: % x, %v, %v", b, there, err)
	}
	if v, there, err := m.Get("three"); v != nil || there || err != nil {
		t.Errorf("what is not there: %v, %v, %v", v, there, err)
	}
	ss.key("b")
	wantMap(t, m, map[any]any{})
	ok(t, m.PutBytes([]byte("\x02k"), []byte{0, 0, 0, 0, 0, 0, 0, 9}))
	ok(t, m.PutBytes([]byte("\x02n"), nil))
	wantMap(t, m, map[any]any{"k": int64(9), "n": nil})
	ok(t, m.Clear())
	wantMap(t, m, map[any]any{})
	ss.key("a")
	ok(t, m.Remove("one"))
	ok(t, m.Remove("never there"))
	wantMap(t, m, map[any]any{"": int64(0), "two": int64(2), "null": nil})
	for _, k := range []any{"", "two", "null"} {
		ok(t, m.Remove(k))
	}
	wantMap(t, m, map[any]any{})
	compareKeys(t, ss, "m", nil, nil)
}

func wantMap(t tester, m backends.MapState, want map[any]any) {
	t.Helper()
	got := map[any]any{}
	for e, err := range m.Entries() {
		ok(t, err)
		if _, again := got[e.Key]; again {
			t.Errorf("%v comes twice", e.Key)
		}
		got[e.Key] = e.Value
	}
	if !maps.Equal(got, want) {
		t.Errorf("the map is %v, not %v", got, want)
	}
	for k := range want {
		if there, err := m.Contains(k); !there || err != nil {
			t.Errorf("it does not contain %v: %v", k, err)
		}
	}
	if empty, err := m.IsEmpty(); empty != (len(want) == 0) || err != nil {
		t.Errorf("it is empty: %v, of %d: %v", empty, len(want), err)
	}
}

// mean is an aggregate whose accumulator is not its result.
type mean struct{}

func (mean) Create() any { return []any{int64(0), int64(0)} }
func (mean) Add(acc, v any) (any, error) {
	a := acc.([]any)
	return []any{a[0].(int64) + v.(int64), a[1].(int64) + 1}, nil
}
func (mean) Merge(a, b any) (any, error) {
	x, y := a.([]any), b.([]any)
	return []any{x[0].(int64) + y[0].(int64), x[1].(int64) + y[1].(int64)}, nil
}
func (mean) Result(acc any) (any, error) {
	a := acc.([]any)
	return float64(a[0].(int64)) / float64(a[1].(int64)), nil
}

func concat(a, b any) (any, error) { return a.(string) + b.(string), nil }

var (
	meanOf   = &backends.Descriptor{Name: "mean", Kind: backends.Aggregating, Namespace: parse("TimeWindow"), Value: parse("Tuple<Long, Long>"), Aggregate: mean{}}
	concatOf = &backends.Descriptor{Name: "concat", Kind: backends.Reducing, Namespace: parse("TimeWindow"), Value: parse("String"), Reduce: concat}
)

func (s *suite) testAggregates(t *testing.T) {
	ss := s.open(t, place{})
	w := func(i int64) any { return types.Window{Start: i, End: i + 1} }
	m, c := state[backends.AppendingState](ss, w(0), meanOf), state[backends.AppendingState](ss, w(0), concatOf)
	get := func(s backends.AppendingState, namespace, want any) {
		t.Helper()
		ok(t, s.SetNamespace(namespace))
		if got, err := s.Get(); got != want || err != nil {
			t.Errorf("the result is %v, not %v: %v", got, want, err)
		}
	}
	ss.key("a")
	for i := range int64(4) {
		ok(t, m.SetNamespace(w(i)))
		ok(t, c.SetNamespace(w(i)))
		for j := range i { // none in the window 0
			ok(t, m.Add(10*i+j))
			ok(t, c.Add(fmt.Sprint(10*i+j, " ")))
		}
	}
	get(m, w(0), nil)
	get(m, w(3), 31.0)
	get(c, w(3), "30 31 32 ")
	ok(t, m.Merge(w(9), []any{w(0), w(1), w(2)}))
	ok(t, c.Merge(w(3), []any{w(0), w(2), w(1)}))
	get(m, w(9), (10.0+20+21)/3)
	get(m, w(1), nil)
	get(m, w(3), 31.0)
	get(c, w(3), "20 21 10 30 31 32 ")
	get(c, w(2), nil)
	ok(t, c.Merge(w(3), nil))
	ok(t, c.Merge(w(7), []any{w(5)}))
	get(c, w(7), nil)
	ok(t, c.SetNamespace(w(3)))
	ok(t, c.Merge(w(8), []any{w(3)}))
	if got, err := c.Get(); got != nil || err != nil { // the namespace is that of before
		t.Errorf("the merged window has %v: %v", got, err)
	}
	ss.key("b")
	get(c, w(8), nil)
}

// testNamespaces tries all ways in which keys and namespaces lie beside each other.
func (s *suite) testNamespaces(t *testing.T) {
	windows := []any{types.Window{Start: 0, End: 10}, types.Window{Start: 10, End: 20}, types.Window{Start: -5, End: 0}}
	texts := []any{"", "a", "ab", string(make([]byte, 300))}
	for key, keys := range map[string][]any{
		"String": texts, "Long": {int64(-1), int64(0), int64(1) << 40}, "Tuple<Integer, String>": {[]any{int32(1), "a"}, []any{int32(1), ""}},
	} {
		for namespace, namespaces := range map[string][]any{"VoidNamespace": {nil}, "TimeWindow": windows, "String": texts, "Long": {int64(7), int64(-7)}} {
			t.Run(key+" in "+namespace, func(t *testing.T) {
				ss := s.open(t, place{key: key})
				ss.namespaces(t, keys, parse(namespace), namespaces)
			})
		}
	}
}

// namespaces writes a value of its own in each, and a map, and reads them all, before and after a snapshot.
func (ss *session) namespaces(t *testing.T, keys []any, namespace backends.Type, namespaces []any) {
	vd := &backends.Descriptor{Name: "v", Kind: backends.Value, Namespace: namespace, Value: parse("String")}
	md := &backends.Descriptor{Name: "m", Kind: backends.Map, Namespace: namespace, MapKey: parse("String"), Value: parse("String")}
	check := func(ss *session, write bool) {
		v, m := state[backends.ValueState](ss, namespaces[0], vd), state[backends.MapState](ss, namespaces[0], md)
		for i, k := range keys {
			for j, n := range namespaces {
				ss.key(k)
				ok(t, v.SetNamespace(n))
				ok(t, m.SetNamespace(n))
				value := fmt.Sprint(i, " ", j)
				if write {
					wantValue(t, v, nil)
					ok(t, v.Update(value))
					ok(t, m.Put("k", value))
					ok(t, m.Put("l", value))
				}
				wantValue(t, v, value)
				wantMap(t, m, map[any]any{"k": value, "l": value})
			}
		}
		for _, n := range namespaces {
			for _, name := range []string{"v", "m"} {
				met := 0
				for _, err := range ss.Keys(name, n) {
					ok(t, err)
					met++
				}
				if met != len(keys) {
					t.Errorf("%d keys of %d in %v", met, len(keys), n)
				}
			}
		}
	}
	check(ss, true)
	for _, form := range forms {
		h := ss.snapshot(form)
		check(ss.suite.open(t, place{key: ss.KeyType().String(), restored: some(h)}), false)
	}
}

var forms = []backends.SnapshotForm{backends.NativeForm, backends.CanonicalForm}
