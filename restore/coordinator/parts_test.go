package coordinator

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/metadata"
)

func TestIntersection(t *testing.T) {
	file := &metadata.FileHandle{Path: "f", Size: 100}
	of := func(first, last int32) metadata.KeyGroupRange {
		return metadata.KeyGroupRange{First: first, Last: last}
	}
	groups := func(r metadata.KeyGroupRange, offsets ...int64) *metadata.KeyGroupsHandle {
		return &metadata.KeyGroupsHandle{Range: r, Offsets: offsets, Delegate: file}
	}
	inc := &metadata.IncrementalHandle{Range: of(2, 5), Meta: file}
	log := &metadata.ChangelogFileHandle{Range: of(0, 3), Size: 7}
	inline := &metadata.ChangelogInlineHandle{Range: of(0, 3)}
	for i, c := range []struct {
		h    metadata.KeyedHandle
		r    metadata.KeyGroupRange
		want metadata.KeyedHandle
	}{
		{groups(of(2, 5), 10, 20, 30, 40), of(3, 4), groups(of(3, 4), 20, 30)},
		{groups(of(2, 5), 10, 20, 30, 40), of(0, 100), groups(of(2, 5), 10, 20, 30, 40)},
		{groups(of(2, 5), 10, 20, 30, 40), of(5, 9), groups(of(5, 5), 40)},
		{groups(of(2, 5), 10, 20, 30, 40), of(6, 9), nil},
		{inc, of(4, 9), inc},
		{inc, of(0, 1), nil},
		{log, of(2, 9), &metadata.ChangelogFileHandle{Range: of(2, 3), Size: 7}},
		{&metadata.ChangelogHandle{Range: of(0, 3), Materialized: []metadata.KeyedHandle{groups(of(0, 1), 1, 2), inc, nil}, NonMaterialized: []metadata.KeyedHandle{log, inline}},
			of(3, 9), &metadata.ChangelogHandle{Range: of(3, 3), Materialized: []metadata.KeyedHandle{inc},
				NonMaterialized: []metadata.KeyedHandle{&metadata.ChangelogFileHandle{Range: of(3, 3), Size: 7}, &metadata.ChangelogInlineHandle{Range: of(3, 3)}}}},
		{nil, of(0, 1), nil},
	} {
		if have := Intersection(c.h, c.r); !reflect.DeepEqual(have, c.want) {
			t.Errorf("%d: have %+v, want %+v", i, have, c.want)
		}
	}
}

func TestSizes(t *testing.T) {
	file := func(n int64) metadata.StreamHandle { return &metadata.FileHandle{Path: "f", Size: n} }
	ops := []metadata.OperatorState{{Subtasks: []metadata.SubtaskState{{
		ManagedKeyed:    &metadata.IncrementalHandle{Meta: file(1), Shared: []metadata.NamedFile{{File: file(20)}}, Private: []metadata.NamedFile{{File: file(300)}}, Checkpointed: 301},
		ManagedOperator: &metadata.OperatorStateHandle{Delegate: file(4000)},
	}}}}
	if n := StateSize(ops); n != 4321 {
		t.Errorf("size %d", n)
	}
	if n := CheckpointedSize(ops); n != 4301 {
		t.Errorf("checkpointed %d", n)
	}
}

// Files below a changelog and files of segments are shared; spellings of a path are one.
func TestStateFiles(t *testing.T) {
	path := func(p metadata.UTF) metadata.StreamHandle { return &metadata.FileHandle{Path: p} }
	s := metadata.SubtaskState{
		ManagedKeyed: &metadata.ChangelogHandle{
			Materialized:    []metadata.KeyedHandle{&metadata.KeyGroupsHandle{Delegate: path("s3a://b/m")}},
			NonMaterialized: []metadata.KeyedHandle{&metadata.ChangelogFileHandle{Parts: []metadata.ChangelogPart{{File: path("file:/d/l")}, {File: path("file:///d/l")}}}},
		},
		ManagedOperator: &metadata.OperatorStateHandle{Delegate: &metadata.RelativeFileHandle{Path: "r"}},
		RawOperator:     &metadata.OperatorStateHandle{Delegate: &metadata.SegmentHandle{Path: "file:/d/g", Start: 5, Size: 6}},
		InputChannels: []metadata.ChannelHandle{&metadata.SingleChannelHandle{Delegate: path("/c")}, &metadata.SingleChannelHandle{Delegate: path("/c")},
			&metadata.SingleChannelHandle{Delegate: &metadata.InlineHandle{Name: "n"}}},
	}
	var have []string
	for _, f := range ackFiles("file:/tree/chk-1", map[metadata.OperatorID]metadata.SubtaskState{{1}: s}) {
		name := f.key
		if f.shared {
			name += " shared"
		}
		if f.inside() {
			name += " inside"
		}
		have = append(have, name)
	}
	want := []string{"/c", "/d/g shared", "/d/l shared", "/tree/chk-1/r inside", "s3://b/m shared"}
	if !slices.Equal(have, want) {
		t.Errorf("have %q", have)
	}
}

func TestRegistry(t *testing.T) {
	r := NewSharedStateRegistry()
	f := func(names ...string) (list []stateFile) {
		for _, n := range names {
			list = append(list, stateFile{key: n, shared: true})
		}
		return list
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	r.begin(1)
	must(r.acknowledged(1, f("a", "b"), false))
	r.end(1)
	r.begin(2)
	must(r.acknowledged(2, f("b", "c"), false))
	if first, last, ok := r.Users("b"); first != 1 || last != 2 || !ok {
		t.Errorf("b: %d, %d, %v", first, last, ok)
	}
	r.drop(1) // while 2 and 3 are pending
	r.begin(3)
	if free := r.release(1); len(free) != 0 {
		t.Errorf("a may yet be used by 2: %v", free)
	}
	if free := r.end(3); len(free) != 0 {
		t.Errorf("3 began later: %v", free)
	}
	if free := r.end(2); len(free) != 1 || free[0].key != "a" {
		t.Errorf("nobody uses a: %v", free)
	}
	if err := r.acknowledged(4, f("a"), false); err == nil {
		t.Error("a is gone")
	}
	r.forget(2)
	if _, _, ok := r.Users("c"); ok || r.Len() != 0 {
		t.Error("2 is forgotten")
	}
	for i := range tombstones + 10 {
		r.entomb(time.Duration(i).String())
	}
	if len(r.tombs) != tombstones || len(r.buried) != tombstones {
		t.Errorf("%d, %d tombstones", len(r.tombs), len(r.buried))
	}
}

func TestStats(t *testing.T) {
	r := newRig(t, Config{NumRetained: 1})
	r.w.AfterFunc(2*time.Second, func() {})
	id, f := r.trigger(Checkpoint)
	r.w.fire()
	_, _ = r.ack(id, 0, "a", "b")
	if s := r.c.Stats(); s.Counts.InProgress != 1 || s.History[0].Status != InProgress || s.History[0].Duration() != 0 {
		t.Errorf("%+v", s)
	}
	_, _ = r.ack(id, 1)
	_, _ = r.ack(id, 2)
	r.w.settle()
	c, err := outcome(f)
	if err != nil || c.Stats == nil || len(c.Stats.Subtasks) != 3 || c.Stats.Subtasks[0].Sync != time.Millisecond || c.Duration() != 2*time.Second || c.Size() != 24 {
		t.Errorf("%+v, %v", c, err)
	}
	for range 20 {
		r.take(Checkpoint, "b")
	}
	r.restore(2)
	s := r.c.Stats()
	if s.Counts != (CheckpointCounts{Restored: 1, Total: 21, Completed: 21}) || len(s.History) != 10 || s.History[0].ID != 21 || s.History[0].Discarded || !s.History[1].Discarded {
		t.Errorf("%+v", s)
	}
	if d := s.Summary.Duration; d.Max != int64(2*time.Second) || d.Min != 0 || d.Count != 21 || d.Percentile(50) != 0 || d.Percentile(100) != d.Max {
		t.Errorf("%+v", d)
	}
	if s.Restored == nil || s.Restored.ID != 21 || s.Summary.Checkpointed.Sum != 22 || s.Summary.StateSize.Max != 24 {
		t.Errorf("%+v", s)
	}
}

func TestDistribution(t *testing.T) {
	var s samples
	if d := s.distribution(); d.Average() != 0 || d.Percentile(99) != 0 {
		t.Errorf("%+v", d)
	}
	for v := range int64(window + 100) {
		s.add(v)
	}
	d := s.distribution()
	if d.Min != 0 || d.Max != window+99 || d.Count != window+100 || d.Average() != (window+99)/2 {
		t.Errorf("%d %d %d %d", d.Min, d.Max, d.Count, d.Average())
	}
	if d.Percentile(0) != 100 || d.Percentile(50) != 100+window/2-1 || d.Percentile(99) != 100+window*99/100-1 {
		t.Errorf("%d %d %d", d.Percentile(0), d.Percentile(50), d.Percentile(99))
	}
}

func TestFuture(t *testing.T) {
	f := newFuture[int]()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := f.Await(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	var got []int
	f.Then(func(v int, _ error) { got = append(got, v) })
	f.complete(1, nil)
	f.complete(2, errDisk)
	f.Then(func(v int, _ error) { got = append(got, v) })
	if v, err := f.Await(context.Background()); v != 1 || err != nil || !slices.Equal(got, []int{1, 1}) {
		t.Errorf("%d, %v, %v", v, err, got)
	}
}

// What changes ask for is done in their order, by whichever goroutine, without the lock.
func TestLoop(t *testing.T) {
	var l loop
	var n, seen int
	var done []int
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 500 {
				l.do(func() {
					n++
					mine := n
					l.later(func() {
						done = append(done, mine)
						l.do(func() { seen++ })
					})
				})
			}
		})
	}
	group.Wait()
	var log []string
	say := func(s string) func() { return func() { log = append(log, s) } }
	l.do(func() {
		l.later(func() {
			l.do(func() { l.later(say("of the first")) })
			say("first")()
		})
		l.later(say("second"))
	})
	if !slices.Equal(log, []string{"first", "second", "of the first"}) {
		t.Errorf("%q", log)
	}
	if seen != 2000 || !slices.IsSorted(done) || len(done) != 2000 {
		t.Errorf("%d, %d, sorted %v", seen, len(done), slices.IsSorted(done))
	}
}
