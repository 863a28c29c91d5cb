package pebble

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/rocksdb"
	"github.com/ckpt-tool/ckpt/backends/savepoint"
	"github.com/ckpt-tool/ckpt/metadata"
)

// snapshot is one snapshot under way.
type snapshot struct {
	s       *Store
	request backends.SnapshotRequest
	metas   []*backends.Meta
	tables  []*table
	usable  map[string]upload // tables that need no upload
	dir     string            // of hard links to the files of the database

	mu    sync.Mutex
	ready chan struct{}    // closed when dir or view are there, or err
	view  *pebble.Snapshot // of the canonical form
	err   error
	done  bool // nobody wants it any more
}

// Snapshot implements backends.Store. What it does at once is to end the epoch; its changes are written behind the scenes from then on.
func (s *Store) Snapshot(r *backends.SnapshotRequest) (backends.SnapshotFunc, error) {
	if err := s.health(); err != nil {
		return nil, err
	}
	if len(s.metas) == 0 {
		return func(context.Context) (backends.SnapshotResult, error) { return backends.SnapshotResult{}, nil }, nil
	}
	if err := s.shrink(); err != nil {
		return nil, err
	}
	n := &snapshot{s: s, request: *r, metas: slices.Clone(s.metas), tables: slices.Clone(s.tables), ready: make(chan struct{})}
	n.dir = s.path(fmt.Sprintf("snapshot-%d", s.serial.Add(1)))
	if r.Form == backends.NativeForm && !r.Full && !r.Savepoint {
		n.usable = s.uploads.usable()
	}
	s.live.add(n)
	s.freeze(n)
	return n.run, nil
}

// take makes what the snapshot is read from, when Pebble has all of its epoch and nothing more.
func (n *snapshot) take(db *pebble.DB) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.done:
		return nil
	case n.request.Form == backends.CanonicalForm:
		n.view = db.NewSnapshot()
		return nil
	}
	if err := db.Checkpoint(n.dir); err != nil {
		return err
	}
	return n.whole()
}

// whole tells whether the MANIFEST of the database that was linked names the tables beside it, and no others: Pebble takes one that is cut
// off for a smaller database.
func (n *snapshot) whole() error {
	entries, err := os.ReadDir(n.dir)
	if err != nil {
		return err
	}
	sizes, name := map[string]int64{}, ""
	for _, e := range entries {
		switch {
		case isTable(e.Name()):
			info, err := e.Info()
			if err != nil {
				return err
			}
			sizes[e.Name()] = info.Size()
		case strings.HasPrefix(e.Name(), "MANIFEST-") && name != "":
			return fmt.Errorf("a checkpoint of Pebble with %s and %s", name, e.Name())
		case strings.HasPrefix(e.Name(), "MANIFEST-"):
			name = e.Name()
		}
	}
	if name == "" {
		return errors.New("a checkpoint of Pebble without a MANIFEST")
	}
	b, err := os.ReadFile(filepath.Join(n.dir, name))
	if err != nil {
		return err
	}
	return manifestNames(b, sizes)
}

// manifestNames tells whether the tables of a MANIFEST are those of sizes, which it empties.
func manifestNames(manifest []byte, sizes map[string]int64) error {
	m, err := rocksdb.ParseManifest(manifest)
	if err != nil {
		return fmt.Errorf("a checkpoint of Pebble: %w", err)
	}
	for _, f := range m.Families {
		for _, t := range f.Files {
			if size, ok := sizes[t.Name()]; !ok || size != t.Size {
				return fmt.Errorf("a checkpoint of Pebble whose MANIFEST has table %s with %d bytes, which is not there", t.Name(), t.Size)
			}
			delete(sizes, t.Name())
		}
	}
	for name := range sizes {
		return fmt.Errorf("a checkpoint of Pebble with table %s, which its MANIFEST does not have", name)
	}
	return nil
}

// made tells that there is something to read, or why there is not.
func (n *snapshot) made(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.err = err
	close(n.ready)
}

// letGo gives up what the snapshot holds. It may be called at any time, and more than once.
func (n *snapshot) letGo() (err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.done = true
	if n.view != nil {
		err = n.view.Close()
		n.view = nil
	}
	return errors.Join(err, os.RemoveAll(n.dir))
}

// run is the asynchronous part.
func (n *snapshot) run(ctx context.Context) (res backends.SnapshotResult, err error) {
	if !n.s.live.enter(n) {
		return res, ErrClosed
	}
	defer n.s.live.leave(n)
	defer func() {
		if e := n.letGo(); err == nil && e != nil {
			err = e
		}
	}()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(n.s.ctx, func() { cancel(ErrClosed) })()
	select {
	case <-n.ready:
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return res, context.Cause(ctx)
	}
	if n.err != nil {
		return res, n.err
	}
	if n.request.Form == backends.CanonicalForm {
		var h *metadata.KeyGroupsHandle
		if h, err = n.canonical(ctx); h != nil {
			res.JobManagerOwned = h
		}
	} else {
		res, err = n.native(ctx)
	}
	if err != nil && n.s.ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return res, err
}

// canonical writes the form that is the same for all state backends.
func (n *snapshot) canonical(ctx context.Context) (*metadata.KeyGroupsHandle, error) {
	out, err := n.request.Streams.Create(ctx, metadata.Exclusive)
	if err != nil {
		return nil, err
	}
	c := n.s.config
	return savepoint.Write(ctx, out, &savepoint.WriteConfig{
		KeyGroups: c.KeyGroups, Key: c.Key, KeyRaw: c.KeyRaw, Metas: n.metas, Rows: n.rows, Sorted: true,
	})
}

// rows yields the entries of a state in a key group.
func (n *snapshot) rows(meta int, kg int32) iter.Seq2[backends.Row, error] {
	return func(yield func(backends.Row, error) bool) {
		lower, upper := n.tables[meta].span(metadata.KeyGroupRange{First: kg, Last: kg})
		it, err := n.view.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
		if err != nil {
			yield(backends.Row{}, err)
			return
		}
		for ok := it.First(); ok; ok = it.Next() {
			v, err := it.ValueAndErr()
			if err != nil {
				break // which Close tells, too
			}
			if !yield(backends.Row{KeyGroup: kg, Key: it.Key()[2:], Value: v}, nil) {
				it.Close()
				return
			}
		}
		if err := errors.Join(it.Error(), it.Close()); err != nil {
			yield(backends.Row{}, err)
		}
	}
}

// liveSnapshots are those that hold something.
type liveSnapshots struct {
	mu      sync.Mutex
	all     map[*snapshot]bool
	closed  bool
	running sync.WaitGroup
}

func (l *liveSnapshots) add(n *snapshot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil {
		l.all = map[*snapshot]bool{}
	}
	l.all[n] = true
}

// enter tells whether the snapshot may run; leave must follow then.
func (l *liveSnapshots) enter(n *snapshot) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || !l.all[n] {
		return false
	}
	l.running.Add(1)
	return true
}

func (l *liveSnapshots) leave(n *snapshot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.all, n)
	l.running.Done()
}

// close waits for those that run, and lets go what the others hold.
func (l *liveSnapshots) close() (err error) {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.running.Wait()
	for n := range l.all {
		err = errors.Join(err, n.letGo())
	}
	return err
}
