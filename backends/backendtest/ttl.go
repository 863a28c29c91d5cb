package backendtest

import (
	"fmt"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
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
