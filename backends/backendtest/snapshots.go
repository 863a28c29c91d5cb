package backendtest

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
)

// testForms writes both forms, reads them, and begins with them.
func (s *suite) testForms(t *testing.T) {
	ss := s.open(t, place{})
	f := newFiller(ss)
	for generation := range 4 {
		f.fill(200, generation)
		want := f.dump()
		for _, form := range forms {
			h := ss.snapshot(form)
			what := fmt.Sprintf("generation %d, form %d", generation, form)
			compare(t, what+", read", s.dump(t, 128, h), want)
			restored := s.open(t, place{restored: some(h)})
			restored.equalDumps(t, what+", restored", want)
			newFiller(restored)
			restored.equalDumps(t, what+", restored and asked for", want)
			compare(t, what+", written again", s.dump(t, 128, restored.snapshot(form)), want)
			restored.end()
		}
	}
}

// testWhileChanging runs the asynchronous part after changes, and at the same time.
func (s *suite) testWhileChanging(t *testing.T) {
	for _, form := range forms {
		for _, atOnce := range []bool{false, true} {
			t.Run(fmt.Sprintf("form=%d,atOnce=%v", form, atOnce), func(t *testing.T) {
				ss := s.open(t, place{})
				f := newFiller(ss)
				f.fill(2000, 0)
				f.fill(2000, 2)
				for round := range 3 {
					want := f.dump()
					id, run := ss.begin(form)
					handle := s.background(run)
					if atOnce {
						handle = s.start(run)
					}
					f.fill(2000, 3*round+4)
					f.fill(2000, 3*round+6)
					h, err := handle()
					ok(t, err)
					ss.CheckpointCompleted(id)
					compare(t, fmt.Sprint("round ", round), s.dump(t, 128, h), want)
				}
			})
		}
	}
}

// background is a snapshot to be run when its handle is asked for.
func (s *suite) background(run backends.SnapshotFunc) func() (metadata.KeyedHandle, error) {
	return func() (metadata.KeyedHandle, error) {
		r, err := run(context.Background())
		return r.JobManagerOwned, err
	}
}

// start runs a snapshot at once, in another goroutine.
func (s *suite) start(run backends.SnapshotFunc) func() (metadata.KeyedHandle, error) {
	var wait sync.WaitGroup
	var h metadata.KeyedHandle
	var err error
	wait.Go(func() { h, err = s.background(run)() })
	return func() (metadata.KeyedHandle, error) {
		wait.Wait()
		return h, err
	}
}

// testSnapshotsAtOnce has several under way, which end in another order than they began.
func (s *suite) testSnapshotsAtOnce(t *testing.T) {
	ss := s.open(t, place{})
	f := newFiller(ss)
	type underWay struct {
		id   int64
		run  func() (metadata.KeyedHandle, error)
		want dump
	}
	var all []underWay
	for generation := range 6 {
		f.fill(300, generation)
		want := f.dump()
		id, run := ss.begin(forms[generation%2])
		u := underWay{id, s.background(run), want}
		if generation%3 == 0 {
			u.run = s.start(run)
		}
		all = append(all, u)
	}
	f.fill(300, 6)
	rand.New(rand.NewPCG(7, 7)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, u := range all {
		h, err := u.run()
		ok(t, err)
		compare(t, fmt.Sprint("snapshot ", u.id), s.dump(t, 128, h), u.want)
		ss.CheckpointCompleted(u.id)
	}
	compare(t, "afterwards", s.dump(t, 128, ss.snapshot(backends.NativeForm)), f.dump())
}

// testNothing snapshots no states, and states without entries.
func (s *suite) testNothing(t *testing.T) {
	for _, form := range forms {
		ss := s.open(t, place{})
		if h := ss.snapshot(form); h != nil {
			t.Errorf("form %d: without states there is a handle: %v", form, h)
		}
		f := newFiller(ss)
		for range 2 {
			h := ss.snapshot(form)
			compare(t, "states without entries", s.dump(t, 128, h), dump{})
			restored := s.open(t, place{restored: some(h)})
			newFiller(restored).fill(5, 1)
			f.fill(20, 3)
			for i := range 20 { // and of those that have had some
				ss.key(fmt.Sprint("key-", i))
				ok(t, f.value.Clear())
				ok(t, f.list.Clear())
				ok(t, f.m.Clear())
				ok(t, f.mean.Clear())
				ok(t, f.concat.Clear())
			}
			for {
				_, there, err := f.timers.Poll()
				ok(t, err)
				if !there {
					break
				}
			}
		}
	}
}

// testScopes looks at whose the files are.
func (s *suite) testScopes(t *testing.T) {
	ss := s.open(t, place{})
	f := newFiller(ss)
	for generation, form := range []backends.SnapshotForm{backends.NativeForm, backends.NativeForm, backends.CanonicalForm} {
		f.fill(100, generation)
		before := s.streams.Names()
		r := &backends.SnapshotRequest{Checkpoint: int64(100 + generation), Form: form, Full: generation > 0, Savepoint: generation > 0, Streams: s.streams}
		run, err := ss.Snapshot(r)
		ok(t, err)
		h, err := s.background(run)()
		ok(t, err)
		refs := references(h)
		for _, name := range s.streams.Names() {
			if !slices.Contains(before, name) && !slices.Contains(refs, name) {
				t.Errorf("%s was written, and the handle does not refer to it", name)
			}
		}
		for _, name := range refs {
			if s.streams.Data(name) == nil {
				t.Errorf("%s is referred to, and not there", name)
			}
			if generation > 0 && s.streams.Scope(name) != metadata.Exclusive {
				t.Errorf("%s of a savepoint has scope %s", name, s.streams.Scope(name))
			}
			if generation > 0 && slices.Contains(before, name) {
				t.Errorf("a savepoint refers to %s, which is older", name)
			}
		}
		if k, is := h.(*metadata.KeyGroupsHandle); form == backends.CanonicalForm && (!is || k.Tag != metadata.TagSavepointKeyGroups) {
			t.Errorf("a canonical savepoint is a %s", h.Class())
		}
		compare(t, fmt.Sprint("generation ", generation), s.dump(t, 128, h), f.dump())
	}
}

// testSubsumption takes checkpoint after checkpoint and deletes, of those before, what the latest does not refer to.
func (s *suite) testSubsumption(t *testing.T) {
	ss := s.open(t, place{})
	f := newFiller(ss)
	var refs []string
	for generation := range 12 {
		f.fill(100, generation)
		id, run := ss.begin(backends.NativeForm)
		if generation%4 == 2 { // it is written, and the checkpoint aborted all the same
			_, err := s.background(run)()
			ok(t, err)
			s.keep(t, refs)
			ss.CheckpointAborted(id)
			continue
		}
		h := ss.finish(id, run)
		refs = references(h)
		s.keep(t, refs)
		restored := s.open(t, place{restored: some(h)})
		restored.equalDumps(t, fmt.Sprint("generation ", generation), f.dump())
		restored.end()
	}
}

// keep deletes all files but those.
func (s *suite) keep(t tester, refs []string) {
	for _, name := range s.streams.Names() {
		if !slices.Contains(refs, name) {
			ok(t, s.streams.Remove(name))
		}
	}
}

// references are the names of the files that a handle refers to, each once, sorted.
func references(h metadata.KeyedHandle) []string {
	names := map[string]bool{}
	add := func(h metadata.StreamHandle) {
		if f, ok := h.(*metadata.FileHandle); ok {
			names[f.Path.String()] = true
		}
	}
	switch h := h.(type) {
	case *metadata.KeyGroupsHandle:
		add(h.Delegate)
	case *metadata.IncrementalHandle:
		add(h.Meta)
		for _, f := range slices.Concat(h.Shared, h.Private) {
			add(f.File)
		}
	}
	return slices.Sorted(maps.Keys(names))
}
