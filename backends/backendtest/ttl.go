package backendtest

import (
	"fmt"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/types"
)

// testTTL lets values expire, in all kinds of states and ways of reading.
func (s *suite) testTTL(t *testing.T) {
	for _, onRead := range []bool{false, true} {
		for _, returned := range []bool{false, true} {
			t.Run(fmt.Sprintf("onRead=%v,returnExpired=%v", onRead, returned), func(t *testing.T) {
				now := int64(1000)
				ss := s.open(t, place{now: func() int64 { return now }})
				c := &backends.TTLConfig{TTL: 10 * time.Millisecond, OnRead: onRead, ReturnExpired: returned}
				l := newLives(ss, c)
				l.write()
				now += 9
				l.check(true)
				now += 9 // 18 after it was written, 9 after it was read
				if l.check(onRead || returned); onRead {
					now += 10
					l.check(returned)
				}
				l.check(false) // removed when it was met
				l.write()
				l.acrossSnapshots(&now)
			})
		}
	}
}

// testMergeTTL merges what has lived for a while: two begin to live anew, one goes on.
func (s *suite) testMergeTTL(t *testing.T) {
	now := int64(1000)
	ss := s.open(t, place{now: func() int64 { return now }})
	d := *concatOf
	d.TTL = &backends.TTLConfig{TTL: 10 * time.Millisecond}
	w := func(i int64) any { return types.Window{Start: i, End: i + 1} }
	c := state[backends.AppendingState](ss, w(0), &d)
	ss.key("k")
	for i := range int64(4) {
		ok(t, c.SetNamespace(w(i)))
		ok(t, c.Add(fmt.Sprint(i)))
	}
	now += 6
	ok(t, c.Merge(w(10), []any{w(0), w(1)}))
	ok(t, c.Merge(w(11), []any{w(2), w(7)}))
	now += 6
	ok(t, c.Merge(w(12), []any{w(3)})) // it has expired
	for i, want := range map[int64]any{10: "01", 11: nil, 12: nil} {
		ok(t, c.SetNamespace(w(i)))
		if got, err := c.Get(); got != want || err != nil {
			t.Errorf("window %d: %v, not %v: %v", i, got, want, err)
		}
	}
}

// lives is a state of each kind with a time to live.
type lives struct {
	ss    *session
	c     *backends.TTLConfig
	value backends.ValueState
	list  backends.ListState
	m     backends.MapState
	sum   backends.AppendingState
	mean  backends.AppendingState
}

func newLives(ss *session, c *backends.TTLConfig) *lives {
	d := func(name string, kind backends.Kind) *backends.Descriptor {
		d := &backends.Descriptor{Name: name, Kind: kind, Value: parse("String"), TTL: c}
		switch kind {
		case backends.Map:
			d.MapKey = parse("String")
		case backends.Reducing:
			d.Reduce = concat
		case backends.Aggregating:
			d.Aggregate, d.Value = mean{}, parse("Tuple<Long, Long>")
		}
		return d
	}
	return &lives{
		ss, c, state[backends.ValueState](ss, nil, d("v", backends.Value)), state[backends.ListState](ss, nil, d("l", backends.List)),
		state[backends.MapState](ss, nil, d("m", backends.Map)), state[backends.AppendingState](ss, nil, d("r", backends.Reducing)),
		state[backends.AppendingState](ss, nil, d("a", backends.Aggregating)),
	}
}

func (l *lives) write() {
	l.ss.key("k")
	for _, err := range []error{l.value.Update("x"), l.list.AddAll([]any{"x", "y"}), l.m.Put("k", "x"), l.sum.Add("x"), l.sum.Add("y"), l.mean.Add(int64(3))} {
		ok(l.ss.t, err)
	}
}

// check reads all states, which live or not.
func (l *lives) check(live bool) {
	t := l.ss.t
	t.Helper()
	value, list, entries, sum, mean := any(nil), []any(nil), map[any]any{}, any(nil), any(nil)
	if live {
		value, list, entries, sum, mean = "x", []any{"x", "y"}, map[any]any{"k": "x"}, "xy", 3.0
	}
	wantValue(t, l.value, value)
	wantList(t, l.list, list...)
	got := map[any]any{}
	for e, err := range l.m.Entries() {
		ok(t, err)
		got[e.Key] = e.Value
	}
	if fmt.Sprint(got) != fmt.Sprint(entries) {
		t.Errorf("the map is %v, not %v", got, entries)
	}
	if got, err := l.sum.Get(); got != sum || err != nil {
		t.Errorf("reduced to %v, not %v: %v", got, sum, err)
	}
	if got, err := l.mean.Get(); got != mean || err != nil {
		t.Errorf("aggregated to %v, not %v: %v", got, mean, err)
	}
}

// acrossSnapshots finds the times of writing again in a restored session.
func (l *lives) acrossSnapshots(now *int64) {
	written := *now
	for _, form := range forms {
		h := l.ss.snapshot(form)
		*now = written + 9
		restored := newLives(l.ss.suite.open(l.ss.t, place{restored: some(h), now: func() int64 { return *now }}), l.c)
		restored.ss.key("k")
		restored.check(true)
		*now = written + 19
		restored.check(l.c.ReturnExpired)
		*now = written
	}
	l.elements(now)
}

// elements expire one by one, those of lists and those of maps.
func (l *lives) elements(now *int64) {
	if l.c.ReturnExpired || l.c.OnRead {
		return
	}
	t := l.ss.t
	l.ss.key("other")
	for _, e := range []string{"a", "b"} {
		ok(t, l.list.Add(e))
		ok(t, l.m.Put(e, e))
		ok(t, l.sum.Add(e))
		*now += 6
	}
	wantList(t, l.list, "b")
	wantMap(t, l.m, map[any]any{"b": "b"})
	if _, there, err := l.m.Get("a"); there || err != nil {
		t.Errorf("an expired entry of a map: %v, %v", there, err)
	}
	*now += 10
	ok(t, l.sum.Add("c")) // what was before has expired
	if got, err := l.sum.Get(); got != "c" || err != nil {
		t.Errorf("reduced to %v: %v", got, err)
	}
	if err := l.m.Put("null", nil); err != nil {
		t.Errorf("a text that is null, which Flink's serializer writes: %v", err)
	}
}

// testSweep writes ever new keys, of which each lives for a while and is never asked for again: they do not stay for ever. It is of tables
// that are backends.Sweepers.
func (s *suite) testSweep(t *testing.T) {
	now := int64(1000)
	ss := s.open(t, place{now: func() int64 { return now }})
	if _, is := ss.table(backends.Value, "probe").(backends.Sweeper); !is {
		t.Skip("its tables are no Sweepers")
	}
	l := newLives(ss, &backends.TTLConfig{TTL: 1000 * time.Millisecond})
	const n = 20_000
	for i := range n {
		now++
		ss.key(fmt.Sprint("key-", i))
		for _, err := range []error{l.value.Update("x"), l.list.Add("x"), l.m.Put(fmt.Sprint(i), "x"), l.sum.Add("x"), l.mean.Add(int64(3))} {
			ok(t, err)
		}
		ss.key("one") // of which only elements expire
		ok(t, l.list.Add(fmt.Sprint(i)))
		ok(t, l.m.Put(fmt.Sprint(i), "x"))
	}
	most := map[string]int{"v": 2000, "l": 2000, "m": 4000, "r": 2000, "a": 2000} // 1,000 of each live, of m twice as many
	entries := map[string]int{}
	for _, m := range ss.store.Metas() {
		table, err := ss.store.Table(m)
		ok(t, err)
		for range rows(t, false, table.All(ss.KeyGroups())) {
			entries[m.Name]++
		}
	}
	for name, most := range most {
		if entries[name] < 1000 || entries[name] > most {
			t.Errorf("state %s has %d entries after %d were written, of which 1,000 live", name, entries[name], n)
		}
	}
	one, err := ss.store.Table(&backends.Meta{Name: "l", Kind: backends.List, Namespace: parse("VoidNamespace"), Value: types.NewTTL(parse("String"), ""), TTL: true})
	ok(t, err)
	b, _, err := one.Get(ss.CurrentKeyGroup(), composite(ss.CurrentKeyGroup(), 128, "one"), nil)
	if ok(t, err); len(b) > 2000*len("timetime,\x0612345") {
		t.Errorf("a list of 1,000 elements that live takes %d bytes", len(b))
	}
	for i := n - 999; i < n; i++ { // what lives is there
		ss.key(fmt.Sprint("key-", i))
		wantValue(t, l.value, "x")
		wantList(t, l.list, "x")
		wantMap(t, l.m, map[any]any{fmt.Sprint(i): "x"})
		if got, err := l.mean.Get(); got != 3.0 || err != nil {
			t.Fatalf("%v: %v", got, err)
		}
		if got, err := l.sum.Get(); got != "x" || err != nil {
			t.Fatalf("%v: %v", got, err)
		}
	}
	ss.key("one")
	all, err := l.list.Get()
	if ok(t, err); len(all) != 1000 || all[999] != fmt.Sprint(n-1) {
		t.Errorf("%d elements of 1,000 live", len(all))
	}
}
