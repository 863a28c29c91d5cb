package restore_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/handletest"
	"github.com/ckpt-tool/ckpt/backends/hashmap"
	"github.com/ckpt-tool/ckpt/backends/heap"
	"github.com/ckpt-tool/ckpt/backends/operator"
	"github.com/ckpt-tool/ckpt/backends/pebble"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore"
	"github.com/ckpt-tool/ckpt/testdata"
	"github.com/ckpt-tool/ckpt/testdata/statedump"
)

// TestLoadFlink: what Flink wrote goes into the live state of both backends by way of Assign, at its own parallelism and at others, and what
// they then write is what Flink itself read there.
func TestLoadFlink(t *testing.T) {
	stores := map[string]backends.OpenLiveStore{"hashmap": hashmap.OpenStore, "pebble": onPebble(t).OpenStore}
	var n loaded
	t.Run("all", func(t *testing.T) {
		for _, o := range testdata.StateOracles(t) {
			for name, open := range stores {
				t.Run(name+"/"+o.Case+"/"+o.Name, func(t *testing.T) {
					t.Parallel()
					n.oracle(t, o, open)
				})
			}
		}
	})
	t.Logf("%d loads of %d snapshots with %d keyed and %d operator entries; %d key groups with values that only the job can take apart",
		n.loads.Load(), n.loads.Load()/4, n.keyed.Load(), n.operator.Load(), n.lost.Load())
	if n.loads.Load() < 4*50 || n.keyed.Load() < 100_000 || n.operator.Load() < 1000 {
		t.Error("fewer than expected")
	}
}

// onPebble is a state backend on disk, as long as the test runs.
func onPebble(t *testing.T) *pebble.Backend {
	b := pebble.New(pebble.Options{Memory: 8 << 20})
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// loaded counts what became of snapshots.
type loaded struct{ loads, keyed, operator, lost atomic.Int64 }

// oracle loads one snapshot at several parallelisms.
func (n *loaded) oracle(t *testing.T, o testdata.StateOracle, open backends.OpenLiveStore) {
	s, files := statedump.Open(t, storage.New(storage.Settings{}).Open, o.Dir, backends.Options{Hints: statedump.Hints})
	c := aligned(s.Checkpoint)
	for _, change := range []func(int32) int32{func(p int32) int32 { return p }, func(p int32) int32 { return p%4 + 1 }} {
		l := &loading{t: t, n: n, snapshot: s, files: files, store: open, opts: backends.Options{Hints: statedump.Hints, Verify: true}, lost: map[string]bool{},
			mayLose: strings.Contains(o.Case, "kryo"), dir: t.TempDir()}
		l.opts.Kryo = backends.KryoOf(c.Version)
		l.all(c, change)
		statedump.Compare(t, o, l.lines, l.lost)
		n.loads.Add(1)
		n.lost.Add(int64(len(l.lost)))
	}
}

// aligned is c without what Assign refuses and no dump holds: records in flight, and the state of coordinators.
func aligned(c *metadata.Checkpoint) *metadata.Checkpoint {
	a := *c
	a.Operators = slices.Clone(c.Operators)
	for i := range a.Operators {
		o := &a.Operators[i]
		o.Coordinator, o.FullyFinished = nil, false
		o.Subtasks = slices.Clone(o.Subtasks)
		for j := range o.Subtasks {
			s := &o.Subtasks[j]
			s.InputChannels, s.OutputChannels, s.Finished = nil, nil, false
		}
	}
	return &a
}

// loading is one load of a snapshot.
type loading struct {
	t        *testing.T
	n        *loaded
	snapshot *snapshot.Snapshot
	files    backends.Files
	store    backends.OpenLiveStore
	opts     backends.Options
	mayLose  bool
	dir      string

	printer *snapshot.Printer
	lines   []statedump.Line
	lost    map[string]bool
}

// all loads all operators, with the parallelism that change makes of theirs.
func (l *loading) all(c *metadata.Checkpoint, change func(int32) int32) {
	l.t.Helper()
	l.printer = l.snapshot.Printer()
	var ops []restore.Operator
	for i := range c.Operators {
		o := &c.Operators[i]
		ops = append(ops, restore.Operator{ID: o.ID, UID: o.UID.String(), Parallelism: min(change(o.Parallelism), o.MaxParallelism)})
	}
	a, err := restore.Assign(c, ops, false)
	if err != nil {
		l.t.Fatal(err)
	}
	for _, op := range ops {
		of := a.Operators[op.ID]
		for i := range of.Subtasks {
			l.subtask(op.ID, of.MaxParallelism, int32(i), &of.Subtasks[i])
		}
	}
}

// subtask loads all that one sub-task gets.
func (l *loading) subtask(id metadata.OperatorID, most, index int32, a *restore.SubtaskAssignment) {
	l.t.Helper()
	origin := backends.Origin{Operator: id, Subtask: index, MaxParallelism: most, Range: a.KeyGroups}
	if len(a.Keyed) > 0 {
		l.keyed(origin, a)
	}
	for _, raw := range a.Raw {
		r, err := heap.OpenRawTimers(l.t.Context(), l.files, raw.Handle.(*metadata.KeyGroupsHandle), origin, &l.opts)
		if err != nil {
			l.t.Error(err)
			continue
		}
		l.n.keyed.Add(l.read(r, a.KeyGroups))
	}
	if len(a.Operator) > 0 {
		l.operator(origin, a)
	}
}

// keyed loads the keyed state of a sub-task, and reads what the store then writes.
func (l *loading) keyed(origin backends.Origin, a *restore.SubtaskAssignment) {
	l.t.Helper()
	c := &backends.StoreConfig{Operator: origin.Operator, Subtask: origin.Subtask, MaxParallelism: origin.MaxParallelism, KeyGroups: a.KeyGroups, Files: l.files,
		Dir: filepath.Join(l.dir, fmt.Sprint(origin.Operator, "_", origin.Subtask))}
	for _, part := range a.Keyed {
		open := func(ctx context.Context) (backends.Reader, error) {
			return snapshot.OpenKeyed(ctx, l.files, part.Handle, origin, l.opts)
		}
		c.Restored = append(c.Restored, backends.RestoredHandle{Handle: part.Handle, NoClaim: true, Open: open})
		if c.Key == nil {
			c.Key, c.KeyRaw = l.keyOf(open)
		}
	}
	store, err := l.store(l.t.Context(), c)
	if l.opaque(err, origin, a) {
		return
	}
	streams := new(handletest.Streams)
	write, err := store.Snapshot(&backends.SnapshotRequest{Form: backends.CanonicalForm, Streams: streams})
	if err != nil {
		l.t.Fatal(err)
	}
	result, err := write(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	if !result.Empty() {
		r, err := snapshot.OpenKeyed(l.t.Context(), streams, result.JobManagerOwned, origin, l.opts)
		if err != nil {
			l.t.Fatal(err)
		}
		l.n.keyed.Add(l.read(r, a.KeyGroups))
	}
	if err := store.Close(); err != nil {
		l.t.Error(err)
	}
}

// opaque tells whether a store could not be opened since only the job can tell where values of Kryo's end; any other error fails the test.
func (l *loading) opaque(err error, origin backends.Origin, a *restore.SubtaskAssignment) bool {
	l.t.Helper()
	if err == nil {
		return false
	}
	var opaque *backends.OpaqueError
	var snap *types.SnapshotError
	if !l.mayLose || !errors.As(err, &opaque) && !(errors.As(err, &snap) && snap.Unknown) {
		l.t.Errorf("operator %s: %v", l.snapshot.Name(origin.Operator), err)
		return true
	}
	for kg := a.KeyGroups.First; kg <= a.KeyGroups.Last; kg++ {
		l.lost[fmt.Sprint(origin.Operator, " ", kg)] = true
	}
	return true
}

// keyOf is the type of keys, which a job knows of itself.
func (l *loading) keyOf(open func(context.Context) (backends.Reader, error)) (backends.Type, []byte) {
	r, err := open(l.t.Context())
	if err != nil {
		return nil, nil // the store will say so
	}
	defer r.Close()
	for _, st := range r.States() {
		if st.Key != nil {
			return st.Key, st.KeyRaw
		}
	}
	return nil, nil
}

// read takes the lines of a reader, and closes it.
func (l *loading) read(r backends.Reader, groups metadata.KeyGroupRange) (n int64) {
	l.t.Helper()
	for e, err := range r.Entries(l.t.Context(), backends.Everything(groups)) {
		if err != nil {
			l.t.Error(err)
			break
		}
		if line, ok := statedump.LineOf(l.t, l.printer, &e); ok {
			l.lines = append(l.lines, line)
			n++
		}
	}
	if err := r.Close(); err != nil {
		l.t.Error(err)
	}
	return n
}

// operator loads operator state, and reads what it then writes. Of union and broadcast state each sub-task has all: that of the first counts.
func (l *loading) operator(origin backends.Origin, a *restore.SubtaskAssignment) {
	l.t.Helper()
	state, err := operator.Open(l.t.Context(), &backends.OperatorConfig{Subtask: origin.Subtask, Restored: a.Operator, Whole: a.Whole, Files: l.files, Options: l.opts})
	if err != nil {
		l.t.Errorf("operator %s: %v", l.snapshot.Name(origin.Operator), err)
		return
	}
	streams := new(handletest.Streams)
	write, err := state.Snapshot(&backends.SnapshotRequest{Streams: streams})
	if err != nil {
		l.t.Fatal(err)
	}
	h, err := write(l.t.Context())
	if err != nil || h == nil {
		l.t.Errorf("operator %s: %v, %v", l.snapshot.Name(origin.Operator), h, err)
		return
	}
	if err := state.Close(); err != nil {
		l.t.Error(err)
	}
	r, err := operator.OpenReader(l.t.Context(), streams, h, origin, &l.opts)
	if err != nil {
		l.t.Errorf("operator %s: %v", l.snapshot.Name(origin.Operator), err)
		return
	}
	l.n.operator.Add(l.read(once{r, origin.Subtask == 0}, origin.Range))
}

// once is a reader of operator state, that leaves out what all sub-tasks have unless it is that of the first.
type once struct {
	backends.Reader
	first bool
}

// Entries implements backends.Reader.
func (o once) Entries(ctx context.Context, sel backends.Selection) iter.Seq2[backends.Entry, error] {
	sel.States = func(st *backends.State) bool { return o.first || st.Kind == backends.OperatorList }
	return o.Reader.Entries(ctx, sel)
}
