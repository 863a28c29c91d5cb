package backendtest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/metadata"
)

// testNoClaim leaves the files that it began with to their owner.
func (s *suite) testNoClaim(t *testing.T) {
	for _, form := range forms {
		ss := s.open(t, place{})
		newFiller(ss).fill(300, 1)
		h := ss.snapshot(form)
		want := ss.dump()
		restored := s.open(t, place{restored: some(h), noClaim: true})
		first := restored.snapshot(backends.NativeForm)
		for _, name := range references(first) {
			if slices.Contains(references(h), name) {
				t.Errorf("the first checkpoint refers to %s, which is not claimed", name)
			}
		}
		for _, name := range references(h) {
			ok(t, s.streams.Remove(name))
		}
		restored.equalDumps(t, "the files are gone", want)
		compare(t, "the checkpoint alone", s.dump(t, 128, first), want)
		compare(t, "the next", s.dump(t, 128, restored.snapshot(backends.NativeForm)), want)
	}
}

// testCarry carries on states that no job asks for, and tells what they were.
func (s *suite) testCarry(t *testing.T) {
	ss := s.open(t, place{})
	newFiller(ss).fill(200, 1)
	state[backends.ListState](ss, nil, &backends.Descriptor{Name: "empty", Kind: backends.List, Value: parse("Long"), TTL: &backends.TTLConfig{TTL: time.Hour}})
	want := ss.dump()
	metas := ss.store.Metas()
	for _, first := range forms {
		h := ss.snapshot(first)
		for range 3 {
			for _, form := range forms {
				restored := s.open(t, place{restored: some(h)})
				d := &backends.Descriptor{Name: "new", Kind: backends.Value, Value: parse("Long")}
				restored.key("k")
				ok(t, state[backends.ValueState](restored, nil, d).Update(int64(1)))
				ok(t, restored.ApplyToAllKeys(nil, d, func(_ any, s backends.KeyedState) error { return s.Clear() }))
				h = restored.snapshot(form)
				compare(t, "carried on", s.dump(t, 128, h), want)
				sameMetas(t, restored.store.Metas(), metas)
				restored.end()
			}
		}
	}
}

// sameMetas looks for states as they were.
func sameMetas(t *testing.T, got, want []*backends.Meta) {
	t.Helper()
	for _, w := range want {
		i := slices.IndexFunc(got, func(m *backends.Meta) bool { return m.Name == w.Name })
		if i < 0 {
			t.Errorf("state %q is gone", w.Name)
			continue
		}
		g := got[i]
		if g.Kind != w.Kind || g.TTL != w.TTL || text(g.Namespace) != text(w.Namespace) || text(g.MapKey) != text(w.MapKey) || text(g.Value) != text(w.Value) {
			t.Errorf("state %q is %+v, and was %+v", w.Name, g, w)
		}
	}
}

func text(t backends.Type) string {
	if t == nil {
		return ""
	}
	return t.String()
}

// testRescale goes from 1 sub-task to 3, to 2, to 1, in both forms.
func (s *suite) testRescale(t *testing.T) {
	for _, max := range []int32{128, 300} {
		for _, form := range forms {
			t.Run(fmt.Sprint(max, " form ", form), func(t *testing.T) {
				ss := s.open(t, place{max: max})
				f := newFiller(ss)
				f.fill(500, 1)
				f.fill(500, 2)
				want := ss.dump()
				handles := some(ss.snapshot(form))
				for i, parallelism := range []int32{3, 2, 5, 1} {
					handles, want = s.rescale(t, max, parallelism, handles, form, want, i+3)
				}
			})
		}
	}
}

// rescale begins with handles in so many sub-tasks, which together must have want. It changes their state, and gives their handles and
// what they have then: what a sub-task has no more must not come back from what another wrote before.
func (s *suite) rescale(t *testing.T, max, parallelism int32, handles []metadata.KeyedHandle, form backends.SnapshotForm, want dump, generation int) ([]metadata.KeyedHandle, dump) {
	t.Helper()
	var next []metadata.KeyedHandle
	together, changed := dump{}, dump{}
	for i := range parallelism {
		groups := metadata.RangeOf(max, parallelism, i)
		var mine []metadata.KeyedHandle
		for _, h := range handles {
			if h.KeyGroups().Intersection(groups).Len() > 0 {
				mine = append(mine, h)
			}
		}
		ss := s.open(t, place{max: max, groups: &groups, restored: mine})
		for at, v := range ss.dump() {
			if _, twice := together[at]; twice {
				t.Errorf("%s is in two sub-tasks", at)
			}
			together[at] = v
		}
		first := ss.snapshot(form)
		compare(t, fmt.Sprintf("sub-task %d of %d, written", i, parallelism), s.dump(t, max, first), ss.dump())
		newFiller(ss).fill(500, generation)
		second := ss.snapshot(form)
		compare(t, fmt.Sprintf("sub-task %d of %d, changed", i, parallelism), s.dump(t, max, second), ss.dump())
		maps.Copy(changed, ss.dump())
		next = append(next, some(second)...)
		ss.end()
	}
	compare(t, fmt.Sprintf("%d sub-tasks", parallelism), together, want)
	return next, changed
}

// testKeyGroups goes through the sizes of jobs, with one key group a sub-task and all.
func (s *suite) testKeyGroups(t *testing.T) {
	for _, max := range []int32{1, 2, 127, 128, 129, keygroups.MaxParallelism} {
		for _, form := range forms {
			ss := s.open(t, place{max: max})
			f := newFiller(ss)
			f.fill(300, 1)
			want := ss.dump()
			h := ss.snapshot(form)
			s.open(t, place{max: max, restored: some(h)}).equalDumps(t, fmt.Sprint("max parallelism ", max), want)
			last := metadata.KeyGroupRange{First: max - 1, Last: max - 1}
			one := s.open(t, place{max: max, groups: &last, restored: some(h)})
			wrong := 0
			for i := range 300 {
				if err := one.SetCurrentKey(fmt.Sprint("key-", i)); err != nil {
					wrong++
				}
			}
			if max > 2 && wrong < 200 || max == 1 && wrong > 0 {
				t.Errorf("max parallelism %d: %d keys of 300 are refused by the last sub-task", max, wrong)
			}
			if err := one.SetCurrentKeyBytes([]byte("\x02a"), max); err == nil {
				t.Errorf("a key of key group %d of %d passes", max, max)
			}
			compare(t, "the last key group", s.dump(t, max, one.snapshot(form)), one.dump())
			one.end()
			ss.end()
		}
	}
}

// testIncompatible asks for states with other kinds and types than they have.
func (s *suite) testIncompatible(t *testing.T) {
	ss := s.open(t, place{})
	newFiller(ss).fill(10, 1)
	sets := map[string]*session{"registered": ss}
	for i, form := range forms {
		sets[fmt.Sprint("restored ", i)] = s.open(t, place{restored: some(ss.snapshot(form))})
	}
	ttl := &backends.TTLConfig{TTL: time.Hour}
	for name, ss := range sets {
		for what, d := range map[string]backends.Descriptor{
			"a kind":      {Name: "value", Kind: backends.List, Value: parse("String")},
			"a value":     {Name: "value", Kind: backends.Value, Value: parse("Long")},
			"a life":      {Name: "value", Kind: backends.Value, Value: parse("String"), TTL: ttl},
			"an element":  {Name: "list", Kind: backends.List, Value: parse("String")},
			"a map key":   {Name: "map", Kind: backends.Map, MapKey: parse("Long"), Value: parse("String"), Namespace: parse("String")},
			"a map value": {Name: "map", Kind: backends.Map, MapKey: parse("Integer"), Value: parse("Long"), Namespace: parse("String")},
			"a namespace": {Name: "map", Kind: backends.Map, MapKey: parse("Integer"), Value: parse("String")},
			"windows":     {Name: "mean", Kind: backends.Aggregating, Value: meanOf.Value, Aggregate: mean{}},
			"a rule":      {Name: "concat", Kind: backends.Value, Value: parse("String"), Namespace: parse("TimeWindow")},
		} {
			var incompatible *backends.IncompatibleError
			if _, err := ss.State(&d); !errors.As(err, &incompatible) || incompatible.State != d.Name || incompatible.Was == incompatible.Want {
				t.Errorf("%s, another %s: %v", name, what, err)
			}
		}
		var incompatible *backends.IncompatibleError
		if _, err := ss.Timers("event_filler", nil); !errors.As(err, &incompatible) {
			t.Errorf("%s, timers: %v", name, err)
		}
		newFiller(ss) // what it was it may be
	}
	raw, err := types.AppendSnapshot(nil, parse("Long"))
	ok(t, err)
	var incompatible *backends.IncompatibleError
	if _, err := s.tryOpen(t, place{keyRaw: raw}); !errors.As(err, &incompatible) {
		t.Errorf("keys that were Longs: %v", err)
	}
	s.open(t, place{keyRaw: raw, key: "Long"})
}

// testPeer takes what the other state backend wrote, and gives it what this one did.
func (s *suite) testPeer(t *testing.T) {
	if s.Peer == nil {
		return
	}
	opens := []backends.OpenLiveStore{s.Open, s.Peer}
	var canonical [2][]byte
	for i, open := range opens {
		ss := s.open(t, place{open: open})
		f := newFiller(ss)
		for generation := range 5 {
			f.fill(300, generation)
		}
		want := ss.dump()
		for _, form := range forms {
			h := ss.snapshot(form)
			if form == backends.CanonicalForm {
				canonical[i] = s.streams.Data(references(h)[0])
			}
			other := s.open(t, place{open: opens[1-i], restored: some(h)})
			other.equalDumps(t, fmt.Sprintf("restored by the other, form %d", form), want)
			newFiller(other).fill(300, 9)
			for _, form := range forms {
				compare(t, "written by the other", s.dump(t, 128, other.snapshot(form)), other.dump())
			}
		}
	}
	if string(canonical[0]) != string(canonical[1]) {
		t.Errorf("the canonical bytes differ: %d and %d, from byte %d on", len(canonical[0]), len(canonical[1]), differ(canonical[0], canonical[1]))
	}
}

// differ is where two texts begin to.
func differ(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}
