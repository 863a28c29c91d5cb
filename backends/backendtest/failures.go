package backendtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/handletest"
	"github.com/ckpt-tool/ckpt/metadata"
)

// testSizes writes large values, and refuses what Flink's formats cannot count.
func (s *suite) testSizes(t *testing.T) {
	ss := s.open(t, place{})
	v, l := state[backends.ValueState](ss, nil, valueOf), state[backends.ListState](ss, nil, listOf)
	m := state[backends.MapState](ss, "", mapOf)
	text := strings.Repeat("large ", 1<<20)
	ss.key("a")
	ok(t, v.Update(text))
	ok(t, m.Put(int32(1), text))
	list := make([]any, 1<<17)
	for i := range list {
		list[i] = int64(i)
	}
	ok(t, l.AddAll(list))
	ss.key(text)
	ok(t, v.Update("of a large key"))
	want := ss.dump()
	for _, form := range forms {
		h := ss.snapshot(form)
		s.open(t, place{restored: some(h)}).equalDumps(t, fmt.Sprint("form ", form), want)
	}
	if !testing.Short() && ^uint(0)>>32 > 0 {
		ss.tooLarge(t)
	}
	ss.equalDumps(t, "what was refused", want)
}

// tooLarge gives 2^31 bytes, which are never touched: they take no memory.
func (ss *session) tooLarge(t *testing.T) {
	huge := make([]byte, 1<<31)
	key := composite(1, 128, "k")
	v, err := ss.store.Table(&backends.Meta{Name: "value", Kind: backends.Value, Namespace: parse("VoidNamespace"), Value: parse("String")})
	ok(t, err)
	m, err := ss.store.Table(&backends.Meta{Name: "map", Kind: backends.Map, Namespace: parse("String"), MapKey: parse("Integer"), Value: parse("String")})
	ok(t, err)
	for what, err := range map[string]error{
		"a value": v.Put(1, key, nil, huge), "a key": v.Put(1, huge, nil, []byte{1}), "a key within": m.Put(1, key, huge, []byte{0}),
		"a key and one within": m.Put(1, huge[:1<<30], huge[:1<<30], []byte{0}),
	} {
		if !errors.Is(err, backends.ErrTooLarge) {
			t.Errorf("%s of 2^31 bytes: %v", what, err)
		}
	}
}

var errFault = errors.New("a fault of the test")

// testCancel gives snapshots up before they began, and in their midst.
func (s *suite) testCancel(t *testing.T) {
	for _, form := range forms {
		ss := s.open(t, place{})
		f := newFiller(ss)
		f.fill(300, 1)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		for range 3 {
			id, run := ss.begin(form)
			f.fill(300, 2)
			if r, err := run(ctx); err == nil || r.JobManagerOwned != nil {
				t.Errorf("a snapshot that was cancelled gives %v: %v", r.JobManagerOwned, err)
			}
			ss.CheckpointAborted(id)
		}
		ss.nothingLeft(t, "cancelled before it began", nil)
		ctx, cancel = context.WithCancel(context.Background())
		s.streams.SetFault(func(op handletest.Op, _ string) error {
			if op == handletest.Write || op == handletest.Upload {
				cancel()
			}
			return nil
		})
		id, run := ss.begin(form)
		if r, err := run(ctx); err == nil { // it may have been too late
			ss.CheckpointCompleted(id)
			s.discard(t, r.JobManagerOwned)
		} else {
			ss.CheckpointAborted(id)
		}
		s.streams.SetFault(nil)
		cancel()
		ss.nothingLeft(t, "cancelled in its midst", nil)
		ss.recovered(t, f)
	}
}

// discard deletes all files of a handle.
func (s *suite) discard(t *testing.T, h metadata.KeyedHandle) {
	t.Helper()
	for _, name := range references(h) {
		ok(t, s.streams.Remove(name))
	}
}

// nothingLeft looks for files besides those of before.
func (ss *session) nothingLeft(t *testing.T, what string, before []string) {
	t.Helper()
	s := ss.suite.streams
	if names := s.Names(); !slices.Equal(names, before) {
		t.Errorf("%s: files are left: %q, besides %q", what, names, before)
	}
	if n := s.Unended(); n > 0 {
		t.Errorf("%s: %d streams were neither ended nor closed", what, n)
	}
}

// recovered takes snapshots after failures, which must be whole.
func (ss *session) recovered(t *testing.T, f *filler) {
	t.Helper()
	for _, form := range forms {
		f.fill(100, 5)
		h := ss.snapshot(form)
		compare(t, "after failures", ss.suite.dump(t, 128, h), f.dump())
		restored := ss.suite.open(t, place{restored: some(h)})
		restored.equalDumps(t, "after failures, restored", f.dump())
		restored.end()
	}
	for _, name := range ss.suite.streams.Names() {
		ok(t, ss.suite.streams.Remove(name))
	}
}

// testFaults has each operation on files fail in its turn, behind a checkpoint that is complete and one that is not.
func (s *suite) testFaults(t *testing.T) {
	for _, form := range forms {
		for at := int64(1); ; at++ {
			ss := s.open(t, place{})
			f := newFiller(ss)
			f.fill(50, 1)
			complete, want := ss.snapshot(backends.NativeForm), f.dump()
			f.fill(50, 2)
			before := s.streams.Names()
			var n atomic.Int64
			s.streams.SetFault(func(op handletest.Op, _ string) error {
				if op != handletest.Discard && n.Add(1) == at {
					return errFault
				}
				return nil
			})
			id, run := ss.begin(form)
			r, err := run(context.Background())
			s.streams.SetFault(nil)
			if err == nil {
				if n.Load() >= at {
					t.Errorf("form %d: operation %d fails, and the snapshot does not", form, at)
				}
				ss.CheckpointCompleted(id)
				compare(t, "without faults", s.dump(t, 128, r.JobManagerOwned), f.dump())
			} else {
				if !errors.Is(err, errFault) {
					t.Errorf("form %d: operation %d: %v", form, at, err)
				}
				ss.CheckpointAborted(id)
				ss.nothingLeft(t, fmt.Sprintf("form %d, operation %d failed", form, at), before)
			}
			compare(t, "the checkpoint before", s.dump(t, 128, complete), want)
			ss.recovered(t, f)
			ss.end()
			if err == nil {
				break
			}
		}
	}
}

// testClose closes a store that is written.
func (s *suite) testClose(t *testing.T) {
	ss := s.open(t, place{})
	newFiller(ss).fill(100, 1)
	_, run := ss.begin(backends.NativeForm)
	_, canonical := ss.begin(backends.CanonicalForm)
	ss.end()
	for _, run := range []backends.SnapshotFunc{run, canonical} {
		if r, err := run(context.Background()); err == nil {
			t.Errorf("a snapshot of a closed store: %v", r.JobManagerOwned)
		}
	}
	ss.nothingLeft(t, "closed", nil)
	if err := ss.SetCurrentKey("a"); err == nil {
		t.Error("a key of what is closed")
	}
	if _, err := ss.State(valueOf); err == nil {
		t.Error("a state of what is closed")
	}
	if _, err := ss.Snapshot(&backends.SnapshotRequest{Streams: s.streams}); err == nil {
		t.Error("a snapshot of what is closed")
	}
	ok(t, ss.Close())
	blocked, free := make(chan struct{}), make(chan struct{})
	var once atomic.Bool
	s.streams.SetFault(func(op handletest.Op, _ string) error {
		if (op == handletest.Create || op == handletest.Upload) && once.CompareAndSwap(false, true) {
			close(blocked)
			<-free
		}
		return nil
	})
	ss = s.open(t, place{})
	newFiller(ss).fill(100, 1)
	_, run = ss.begin(backends.NativeForm)
	handle := s.start(run)
	<-blocked
	closed := make(chan error)
	go func() { closed <- ss.Close() }()
	close(free)
	_, err := handle()
	s.streams.SetFault(nil)
	ok(t, <-closed)
	ss.started = false
	if err == nil {
		return // it had all that it needed
	}
	ss.nothingLeft(t, "closed in its midst", nil)
}
