package backendtest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
)

// testIterations does other things in the midst of iterations: what may be done does no harm, and what may not is told of.
func (s *suite) testIterations(t *testing.T) {
	for what, test := range map[string]func(*session, *testing.T){
		"another key": (*session).readOthers, "another key, maps that live": (*session).liveOthers, "another key, lists that live": (*session).listOthers,
		"read": (*session).readMeanwhile, "changed and left": (*session).changeAndLeave, "changed": (*session).changeMeanwhile,
	} {
		t.Run(what, func(t *testing.T) {
			now := int64(1000)
			test(s.open(t, place{now: func() int64 { return now }}), t)
		})
	}
}

var (
	manyOf = &backends.Descriptor{Name: "many", Kind: backends.Map, MapKey: parse("Integer"), Value: parse("String")}
	everOf = func(kind backends.Kind, c backends.TTLConfig) *backends.Descriptor {
		c.TTL = 10 * time.Millisecond
		d := &backends.Descriptor{Name: "lives", Kind: kind, Value: parse("String"), TTL: &c}
		if kind == backends.Map {
			d.MapKey = parse("Integer")
		}
		return d
	}
)

// readOthers reads the maps of other keys while it iterates over one: over large maps in other key groups, and the same.
func (ss *session) readOthers(t *testing.T) {
	m := state[backends.MapState](ss, nil, manyOf)
	keys := []string{"a", "b", "c", "d"}
	for _, n := range []int32{3, 500} {
		for _, k := range keys {
			ss.key(k)
			for i := range n {
				ok(t, m.Put(i, fmt.Sprint(k, i)))
			}
		}
		ss.key("a")
		met := map[int32]bool{}
		for e, err := range m.Entries() {
			ok(t, err)
			i := e.Key.(int32)
			if met[i] || e.Value != fmt.Sprint("a", i) {
				t.Fatalf("%d of %d is %v", i, n, e.Value)
			}
			met[i] = true
			k := keys[i%4]
			ss.key(k)
			if v, _, err := m.Get(i); v != fmt.Sprint(k, i) || err != nil {
				t.Fatalf("%d of %s is %v: %v", i, k, v, err)
			}
		}
		if len(met) != int(n) {
			t.Errorf("%d entries of %d", len(met), n)
		}
	}
}

// liveOthers ends an iteration that renews what it reads with another current key, whose map must stay as it is.
func (ss *session) liveOthers(t *testing.T) {
	m := state[backends.MapState](ss, nil, everOf(backends.Map, backends.TTLConfig{OnRead: true}))
	ss.key("b")
	ok(t, m.Put(int32(1), "of b"))
	ss.key("a")
	ok(t, m.Put(int32(1), "of a"))
	ok(t, m.Put(int32(2), "of a"))
	for _, err := range m.Entries() {
		ok(t, err)
		ss.key("b")
	}
	wantMap(t, m, map[any]any{int32(1): "of b"})
	ss.key("a")
	wantMap(t, m, map[any]any{int32(1): "of a", int32(2): "of a"})
}

// listOthers reads to its end a list of which all has expired, with another current key, and with one that appends to it.
func (ss *session) listOthers(t *testing.T) {
	now := int64(1000)
	ss = ss.suite.open(t, place{now: func() int64 { return now }})
	l := state[backends.ListState](ss, nil, everOf(backends.List, backends.TTLConfig{ReturnExpired: true}))
	for _, k := range []string{"a", "b"} {
		ss.key(k)
		ok(t, l.Add("of "+k))
	}
	now += 100
	ss.key("b")
	ok(t, l.Add("of b, later"))
	ss.key("a")
	for _, err := range l.Elements() {
		ok(t, err)
		ss.key("b")
	}
	wantList(t, l, "of b", "of b, later")
	ss.key("a")
	wantList(t, l) // it was read to its end
	ok(t, l.Add("of a"))
	now += 100
	for _, err := range l.Elements() {
		ok(t, err)
		ok(t, l.Add("of a, later"))
	}
	got, err := l.Get()
	if ok(t, err); !slices.Contains(got, any("of a, later")) {
		t.Errorf("what was added meanwhile is gone: %q are there", got)
	}
}

// readMeanwhile reads a map while it iterates over it, which renews some entries and removes others.
func (ss *session) readMeanwhile(t *testing.T) {
	now := int64(1000)
	for _, c := range []backends.TTLConfig{{}, {OnRead: true}, {ReturnExpired: true}, {OnRead: true, ReturnExpired: true}} {
		ss := ss.suite.open(t, place{now: func() int64 { return now }})
		m := state[backends.MapState](ss, nil, everOf(backends.Map, c))
		const n = 300
		put := func(k string, from int32) {
			ss.key(k)
			for i := from; i < n; i += 2 {
				ok(t, m.Put(i, fmt.Sprint(k, i)))
			}
		}
		put("a", 0)
		put("b", 0)
		now += 8
		put("a", 1)
		now += 4 // what is even has expired
		met := map[int32]int{}
		ss.key("a")
		for e, err := range m.Entries() {
			ok(t, err)
			i := e.Key.(int32)
			met[i]++
			for _, j := range []int32{i, i ^ 1} {
				v, there, err := m.Get(j)
				if err != nil || there != (j%2 == 1 || c.ReturnExpired) || there && v != fmt.Sprint("a", j) {
					t.Fatalf("%+v: %d is %v, %v: %v", c, j, v, there, err)
				}
			}
		}
		want := n / 2
		if c.ReturnExpired {
			want = n
		}
		if len(met) != want {
			t.Errorf("%+v: %d entries, not %d", c, len(met), want)
		}
		now += 7
		left := map[any]any{}
		for i := int32(1); i < n && c.OnRead; i += 2 {
			left[i] = fmt.Sprint("a", i)
		}
		if c.ReturnExpired && !c.OnRead {
			continue // what has expired by now is seen once more
		}
		wantMap(t, m, left)
	}
}

// changeAndLeave changes and removes what it has just read, and leaves: what reading asks for must not undo it.
func (ss *session) changeAndLeave(t *testing.T) {
	m := state[backends.MapState](ss, nil, everOf(backends.Map, backends.TTLConfig{OnRead: true}))
	ss.key("a")
	ok(t, m.Put(int32(1), "before"))
	for _, err := range m.Entries() {
		ok(t, err)
		ok(t, m.Put(int32(1), "behind"))
		break
	}
	wantMap(t, m, map[any]any{int32(1): "behind"})
	for _, err := range m.Entries() {
		ok(t, err)
		ok(t, m.Remove(int32(1)))
		break
	}
	wantMap(t, m, map[any]any{})
}

// changeMeanwhile goes on after changes: no entry comes behind one that was changed, but an error.
func (ss *session) changeMeanwhile(t *testing.T) {
	m := state[backends.MapState](ss, nil, manyOf)
	q, err := ss.Timers("t", nil)
	ok(t, err)
	fill := func() {
		for _, k := range []string{"a", "b", "c"} {
			ss.key(k)
			for i := range int32(200) {
				ok(t, m.Put(i, "x"))
			}
			_, err := q.Add(ss.timer(5, k, nil))
			ok(t, err)
		}
	}
	for what, change := range map[string]func() error{
		"put": func() error { return m.Put(int32(1000), "new") }, "removed": func() error { return m.Remove(int32(7)) }, "cleared": m.Clear,
	} {
		fill()
		n := 0
		var last error
		for _, last = range m.Entries() {
			if n++; last == nil && n == 3 {
				ok(t, change())
			}
		}
		if n != 4 || last == nil {
			t.Errorf("%s: %d entries, and %v", what, n, last)
		}
		met := map[string]int{}
		fill()
		for k, err := range ss.Keys("many", nil) {
			ok(t, err)
			met[k.(string)]++
			ss.key(k)
			ok(t, change())
		}
		if len(met) != 3 || met["a"]*met["b"]*met["c"] != 1 {
			t.Errorf("%s: the keys are %v", what, met)
		}
	}
	n := 0
	var last error
	for _, last = range q.All(ss.KeyGroups()) {
		if n++; last == nil && n == 1 {
			_, err := q.Remove(ss.timer(5, "a", nil))
			ok(t, err)
		}
	}
	if n != 2 || last == nil {
		t.Errorf("%d timers, and %v", n, last)
	}
}
