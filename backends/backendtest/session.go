package backendtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/handletest"
	"github.com/ckpt-tool/ckpt/backends/keyed"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/metadata"
	"pgregory.net/rapid"
)

// suite is one run over one state backend.
type suite struct {
	Config
	streams *handletest.Streams
	dir     string // of all stores
	stores  int
}

// tester is a test, or a run of random operations.
type tester interface {
	rapid.TB
	Cleanup(f func())
}

// place says what a session is of. Its zero value stands for all of 128 key groups, keys of String, and no state.
type place struct {
	open     backends.OpenLiveStore // nil: that of the suite
	max      int32
	groups   *metadata.KeyGroupRange
	key      string
	keyRaw   []byte
	now      func() int64
	restored []metadata.KeyedHandle
	noClaim  bool
	timers   keyed.TimerService
}

// session is a sub-task with keyed state.
type session struct {
	backends.Keyed
	t       tester
	suite   *suite
	store   backends.Store
	config  *backends.StoreConfig
	next    int64 // checkpoint
	started bool
}

func (p *place) config(s *suite) *backends.StoreConfig {
	s.stores++
	c := &backends.StoreConfig{MaxParallelism: p.max, KeyRaw: p.keyRaw, Files: s.streams, Now: p.now, Dir: filepath.Join(s.dir, fmt.Sprint(s.stores))}
	if c.MaxParallelism == 0 {
		c.MaxParallelism = 128
	}
	if c.KeyGroups = keygroups.All(c.MaxParallelism); p.groups != nil {
		c.KeyGroups = *p.groups
	}
	if c.Key = parse("String"); p.key != "" {
		c.Key = parse(p.key)
	}
	if c.Now == nil {
		c.Now = func() int64 { return 1000 }
	}
	for _, h := range p.restored {
		c.Restored = append(c.Restored, backends.RestoredHandle{Handle: h, NoClaim: p.noClaim, Open: s.opener(c, h)})
	}
	return c
}

// opener opens what a handle has of the key groups of a config.
func (s *suite) opener(c *backends.StoreConfig, h metadata.KeyedHandle) func(ctx context.Context) (backends.Reader, error) {
	return func(ctx context.Context) (backends.Reader, error) {
		o := backends.Origin{MaxParallelism: c.MaxParallelism, Range: c.KeyGroups.Intersection(h.KeyGroups())}
		return s.Read(ctx, s.streams, h, o, backends.Options{Verify: true})
	}
}

// open begins a session, which ends with the test.
func (s *suite) open(t tester, p place) *session {
	t.Helper()
	ss, err := s.tryOpen(t, p)
	if err != nil {
		t.Fatalf("opening: %v", err)
	}
	return ss
}

func (s *suite) tryOpen(t tester, p place) (*session, error) {
	t.Helper()
	open := p.open
	if open == nil {
		open = s.Open
	}
	c := p.config(s)
	store, err := open(context.Background(), c)
	if err != nil {
		return nil, err
	}
	ss := &session{t: t, suite: s, store: store, config: c, next: 1}
	var options []keyed.Option
	if p.timers == keyed.InStore && store.Ordered() {
		options = append(options, keyed.WithTimerService(keyed.InStore))
	}
	if ss.Keyed, err = keyed.New(store, c, options...); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	t.Cleanup(ss.end)
	ss.started = true
	return ss, nil
}

// end closes the session, which must leave nothing behind.
func (ss *session) end() {
	if !ss.started {
		return
	}
	ss.started = false
	if err := ss.Close(); err != nil {
		ss.t.Errorf("closing: %v", err)
	}
	if _, err := os.Lstat(ss.config.Dir); !errors.Is(err, fs.ErrNotExist) {
		ss.t.Errorf("closing leaves the directory of the store: %v", err)
	}
	if n := ss.suite.streams.Unended(); n > 0 {
		ss.t.Errorf("%d streams were neither ended nor closed", n)
	}
}

// begin takes the synchronous part of a snapshot.
func (ss *session) begin(form backends.SnapshotForm) (int64, backends.SnapshotFunc) {
	ss.t.Helper()
	id := ss.next
	ss.next++
	f, err := ss.Snapshot(&backends.SnapshotRequest{
		Checkpoint: id, Form: form, Full: form == backends.CanonicalForm, Savepoint: form == backends.CanonicalForm, Streams: ss.suite.streams,
	})
	if err != nil {
		ss.t.Fatalf("snapshot %d: %v", id, err)
	}
	return id, f
}

// finish runs the asynchronous part.
func (ss *session) finish(id int64, f backends.SnapshotFunc) metadata.KeyedHandle {
	ss.t.Helper()
	r, err := f(context.Background())
	if err != nil {
		ss.t.Fatalf("snapshot %d: %v", id, err)
	}
	ss.CheckpointCompleted(id)
	if h := r.JobManagerOwned; h != nil && h.KeyGroups() != ss.config.KeyGroups {
		ss.t.Errorf("the handle is of key groups %s, not %s", h.KeyGroups(), ss.config.KeyGroups)
	}
	return r.JobManagerOwned
}

// snapshot takes a whole one. The handle is nil where there is no state.
func (ss *session) snapshot(form backends.SnapshotForm) metadata.KeyedHandle {
	ss.t.Helper()
	return ss.finish(ss.begin(form))
}

// some are the handles that are not nil.
func some(handles ...metadata.KeyedHandle) []metadata.KeyedHandle {
	var all []metadata.KeyedHandle
	for _, h := range handles {
		if h != nil {
			all = append(all, h)
		}
	}
	return all
}

// parse is a type of the suite.
func parse(spec string) backends.Type {
	t, err := types.ParseSpec(spec)
	if err != nil {
		panic(err)
	}
	return t
}

// must is v, or the end of the test.
func must[T any](t tester, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (ss *session) key(k any) {
	ss.t.Helper()
	if err := ss.SetCurrentKey(k); err != nil {
		ss.t.Fatal(err)
	}
}

// state is a state in a namespace, as the interface of its kind.
func state[S backends.KeyedState](ss *session, namespace any, d *backends.Descriptor) S {
	ss.t.Helper()
	s, err := ss.PartitionedState(namespace, d)
	if err != nil {
		ss.t.Fatal(err)
	}
	as, ok := s.(S)
	if !ok {
		ss.t.Fatalf("state %q is a %T", d.Name, s)
	}
	return as
}
