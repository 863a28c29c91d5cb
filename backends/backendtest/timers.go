package backendtest

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keyed"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/metadata"
)

var services = map[string]keyed.TimerService{"in memory": keyed.InMemory, "in store": keyed.InStore}

// timer is one of a key, which is a text.
func (ss *session) timer(time int64, key string, namespace []byte) backends.TimerEntry {
	code, _ := ss.KeyType().Hash(key)
	b, err := ss.KeyType().Encode(nil, key)
	ok(ss.t, err)
	return backends.TimerEntry{Time: time, Key: b, Namespace: namespace, KeyGroup: keygroups.Of(code, ss.NumberOfKeyGroups())}
}

func (s *suite) testTimers(t *testing.T) {
	for name, service := range services {
		t.Run(name, func(t *testing.T) {
			ss := s.open(t, place{timers: service})
			timers, err := ss.Timers("event_t", nil)
			ok(t, err)
			wantTimer(t, timers, nil)
			ss.addAndRemove(t, timers)
			ss.restoreTimers(t, timers, service)
			for _, want := range []int64{-7, 10, 20} {
				polled, there, err := timers.Poll()
				if err != nil || !there || polled.Time != want {
					t.Errorf("polled %v: %v", polled, err)
				}
			}
			if _, there, err := timers.Poll(); there || err != nil {
				t.Errorf("polled from nothing: %v", err)
			}
		})
	}
}

func (ss *session) addAndRemove(t *testing.T, q backends.TimerQueue) {
	void := []byte{0}
	for _, c := range []struct {
		time  int64
		key   string
		first bool
	}{{20, "a", true}, {20, "a", false}, {30, "b", false}, {10, "b", true}, {-7, "c", true}, {math.MinInt64, "z", true}, {math.MaxInt64, "z", false}} {
		if first, err := q.Add(ss.timer(c.time, c.key, void)); err != nil || first != c.first {
			t.Errorf("adding %d %s: %v, %v", c.time, c.key, first, err)
		}
	}
	wantTimer(t, q, &backends.TimerEntry{Time: math.MinInt64, Key: []byte("\x02z"), Namespace: void})
	for _, c := range []struct {
		time  int64
		first bool
	}{{math.MinInt64, true}, {math.MaxInt64, false}, {5, false}} {
		if first, err := q.Remove(ss.timer(c.time, "z", nil)); err != nil || first != c.first {
			t.Errorf("removing %d: %v, %v", c.time, first, err)
		}
	}
	if first, err := q.Remove(ss.timer(30, "b", void)); err != nil || first {
		t.Errorf("removing: %v, %v", first, err)
	}
	if n, err := q.Len(); n != 3 || err != nil {
		t.Errorf("%d timers: %v", n, err)
	}
	wantTimer(t, q, &backends.TimerEntry{Time: -7, Key: []byte("\x02c"), Namespace: void})
	if _, err := q.Add(backends.TimerEntry{KeyGroup: 128, Key: []byte("\x02c")}); err == nil {
		t.Error("a timer of a key group of others was added")
	}
}

func wantTimer(t *testing.T, q backends.TimerQueue, want *backends.TimerEntry) {
	t.Helper()
	got, there, err := q.Peek()
	if err != nil || there != (want != nil) {
		t.Fatalf("a first timer: %v, %v", there, err)
	}
	if there && (got.Time != want.Time || !bytes.Equal(got.Key, want.Key) || !bytes.Equal(got.Namespace, want.Namespace)) {
		t.Errorf("the first timer is %v, not %v", got, want)
	}
}

// restoreTimers finds the timers again after snapshots, with the other service too.
func (ss *session) restoreTimers(t *testing.T, q backends.TimerQueue, service keyed.TimerService) {
	want := all(t, ss, q)
	for _, form := range forms {
		h := ss.snapshot(form)
		for _, service := range []keyed.TimerService{service, 1 - service} {
			restored := ss.suite.open(t, place{restored: some(h), timers: service})
			rq, err := restored.Timers("event_t", nil)
			ok(t, err)
			if got := all(t, restored, rq); !slices.EqualFunc(got, want, equalTimers) {
				t.Errorf("restored %v, not %v", got, want)
			}
			wantTimer(t, rq, &backends.TimerEntry{Time: -7, Key: []byte("\x02c"), Namespace: []byte{0}})
		}
	}
}

// all are the timers in order.
func all(t tester, ss *session, q backends.TimerQueue) []backends.TimerEntry {
	t.Helper()
	var list []backends.TimerEntry
	for e, err := range q.All(ss.KeyGroups()) {
		ok(t, err)
		e.Key, e.Namespace = slices.Clone(e.Key), slices.Clone(e.Namespace)
		list = append(list, e)
	}
	slices.SortFunc(list, compareTimers)
	return list
}

// compareTimers is the order in which timers fire.
func compareTimers(a, b backends.TimerEntry) int {
	return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.KeyGroup, b.KeyGroup), bytes.Compare(a.Key, b.Key), bytes.Compare(a.Namespace, b.Namespace))
}

func equalTimers(a, b backends.TimerEntry) bool { return compareTimers(a, b) == 0 }

// testManyTimers has more of them than any cache holds, few and many key groups, and removes from everywhere.
func (s *suite) testManyTimers(t *testing.T) {
	for name, service := range services {
		for _, max := range []int32{1, 128, 1000} {
			t.Run(fmt.Sprint(name, " ", max), func(t *testing.T) {
				ss := s.open(t, place{timers: service, max: max})
				q, err := ss.Timers("t", parse("Long"))
				ok(t, err)
				r := rand.New(rand.NewPCG(1, uint64(max)))
				var want []backends.TimerEntry
				for range 3000 {
					e := ss.timer(r.Int64N(500)-250, fmt.Sprint("key", r.IntN(40)), []byte{0, 0, 0, 0, 0, 0, 0, byte(r.IntN(2))})
					if _, err := q.Add(e); err != nil {
						t.Fatal(err)
					}
					want = append(want, e)
				}
				slices.SortFunc(want, compareTimers)
				want = slices.CompactFunc(want, equalTimers)
				ss.drain(t, q, r, want)
			})
		}
	}
}

// drain polls all timers, while others are added and removed.
func (ss *session) drain(t *testing.T, q backends.TimerQueue, r *rand.Rand, want []backends.TimerEntry) {
	for step := 0; len(want) > 0; step++ {
		got, there, err := q.Poll()
		if err != nil || !there || !equalTimers(got, want[0]) {
			t.Fatalf("step %d: polled %v, %v, not %v: %v", step, got, there, want[0], err)
		}
		want = want[1:]
		if step%7 == 0 && len(want) > 0 {
			i := r.IntN(len(want))
			first, err := q.Remove(want[i])
			if err != nil || first != (i == 0) {
				t.Fatalf("step %d: removing timer %d: %v, %v", step, i, first, err)
			}
			want = slices.Delete(want, i, i+1)
		}
		if step%5 == 0 {
			e := ss.timer(r.Int64N(500)-250, "late", []byte{0, 0, 0, 0, 0, 0, 0, 9})
			i, there := slices.BinarySearchFunc(want, e, compareTimers)
			if first, err := q.Add(e); err != nil || first != (i == 0 && !there) {
				t.Fatalf("step %d: adding at %d: %v, %v", step, i, first, err)
			}
			if !there {
				want = slices.Insert(want, i, e)
			}
		}
		if step == 100 {
			if n, err := q.Len(); n != len(want) || err != nil {
				t.Fatalf("%d timers of %d: %v", n, len(want), err)
			}
		}
	}
	if n, err := q.Len(); n != 0 || err != nil {
		t.Fatalf("%d timers of none: %v", n, err)
	}
	for e, err := range q.All(metadata.KeyGroupRange{First: 0, Last: ss.NumberOfKeyGroups() - 1}) {
		t.Fatalf("%v is left: %v", e, err)
	}
}
