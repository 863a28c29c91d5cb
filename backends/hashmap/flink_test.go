package hashmap_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/handletest"
	"github.com/ckpt-tool/ckpt/backends/hashmap"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
	"github.com/ckpt-tool/ckpt/testdata/statedump"
)

// load opens the snapshot in dir.
func load(tb testing.TB, dir string) *snapshot.Snapshot {
	tb.Helper()
	s, _ := statedump.Open(tb, storage.New(storage.Settings{}).Open, dir, backends.Options{})
	return s
}

// unclosed is a reader that somebody else closes.
type unclosed struct{ backends.Reader }

func (unclosed) Close() error { return nil }

// tally counts what became of handles.
type tally struct{ fine, opaque, missing, entries atomic.Int64 }

// cannot tells whether a handle cannot be read at all: its files are gone, or nobody knows its types.
func (n *tally) cannot(err error) bool {
	var opaque *backends.OpaqueError
	var snap *types.SnapshotError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		n.missing.Add(1)
	case errors.As(err, &opaque), errors.As(err, &snap) && snap.Unknown:
		n.opaque.Add(1)
	default:
		return false
	}
	return true
}

// TestFlink: all keyed state that Flink wrote, in whichever format, is restored, and both forms of snapshot hold the same.
func TestFlink(t *testing.T) {
	var n tally
	t.Run("all", func(t *testing.T) {
		roots := []string{filepath.Join(testdata.Root(t), "flink")}
		if dir := testdata.Fixtures(t); dir != "" {
			roots = append(roots, dir)
		}
		for _, root := range roots {
			for _, s := range testdata.Snapshots(t, root) {
				t.Run(s.Name, func(t *testing.T) {
					t.Parallel()
					n.all(t, load(t, s.Dir))
				})
			}
		}
	})
	t.Logf("%d handles fine with %d entries, %d with types that nobody knows, %d without their files", n.fine.Load(), n.entries.Load(), n.opaque.Load(), n.missing.Load())
	if n.fine.Load() < 300 || n.entries.Load() < 50_000 || n.opaque.Load() > n.fine.Load() {
		t.Error("fewer than expected")
	}
}

func (n *tally) all(t *testing.T, s *snapshot.Snapshot) {
	p := s.Printer()
	for _, h := range s.Handles {
		if h.Slot == metadata.ManagedKeyed {
			n.handle(t, p, h, backends.KryoOf(s.Checkpoint.Version))
		}
	}
}

// handle restores one handle and compares what its snapshots hold.
func (n *tally) handle(t *testing.T, p *snapshot.Printer, h *snapshot.Handle, kryo backends.Kryo) {
	r, err := h.Reader(t.Context())
	if err != nil {
		if !n.cannot(err) {
			t.Error(err)
		}
		return
	}
	c := &backends.StoreConfig{Operator: h.Operator.ID, Subtask: h.Subtask.Index, MaxParallelism: h.Operator.MaxParallelism, KeyGroups: h.KeyGroups,
		Restored: []backends.RestoredHandle{{Handle: h.Subtask.ManagedKeyed, Open: func(context.Context) (backends.Reader, error) { return unclosed{r}, nil }}}}
	s, err := hashmap.OpenStore(t.Context(), c)
	if err != nil {
		if !n.cannot(err) {
			t.Error(err)
		}
		return
	}
	want, err := lines(p, r, c)
	if err != nil {
		t.Error(err)
		return
	}
	n.fine.Add(1)
	n.entries.Add(int64(len(want)))
	streams := &handletest.Streams{}
	for _, form := range []backends.SnapshotForm{backends.NativeForm, backends.CanonicalForm} {
		n.form(t, p, s, r, c, streams, form, kryo, want)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// form writes a snapshot and reads it back.
func (n *tally) form(t *testing.T, p *snapshot.Printer, s backends.Store, from backends.Reader, c *backends.StoreConfig, streams *handletest.Streams, form backends.SnapshotForm, kryo backends.Kryo, want []string) {
	write, err := s.Snapshot(&backends.SnapshotRequest{Form: form, Streams: streams})
	if err != nil {
		t.Error(err)
		return
	}
	result, err := write(t.Context())
	switch {
	case err != nil:
		t.Error(err)
		return
	case result.Empty() && len(s.Metas()) == 0 && len(want) == 0:
		return
	}
	opts := backends.Options{Verify: true, Kryo: kryo}
	o := backends.Origin{Operator: c.Operator, Subtask: c.Subtask, MaxParallelism: c.MaxParallelism, Range: c.KeyGroups}
	r, err := snapshot.OpenKeyed(t.Context(), streams, result.JobManagerOwned, o, opts)
	if err != nil {
		t.Error(err)
		return
	}
	got, err := lines(p, r, c)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("operator %s, form %d: %d lines, not %d: %v", c.Operator, form, len(got), len(want), err)
		if i := slices.IndexFunc(got, func(l string) bool { return !slices.Contains(want, l) }); i >= 0 {
			t.Log(got[i])
		}
	}
	sameStates(t, r.States(), from.States())
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// lines are the entries as text, sorted.
func lines(p *snapshot.Printer, r backends.Reader, c *backends.StoreConfig) ([]string, error) {
	var all []string
	for e, err := range r.Entries(context.Background(), backends.Everything(c.KeyGroups)) {
		if err != nil {
			return nil, err
		}
		if e.State.Kind == backends.List && !e.Joined && len(e.Value) == 4 {
			continue // an empty list is none
		}
		line, err := p.Append(nil, &e)
		if err != nil {
			return nil, err
		}
		all = append(all, string(line))
	}
	slices.Sort(all)
	return all, nil
}

// sameStates compares names, kinds and metas. States of State V2 go on as those of V1.
func sameStates(t *testing.T, got, want []*backends.State) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d states, not %d", len(got), len(want))
		return
	}
	for i, w := range want {
		g := got[i]
		raw := w.V2 || w.Raw == nil || bytes.Equal(g.Raw, w.Raw) // a log of changes has none
		if key := w.KeyRaw == nil || bytes.Equal(g.KeyRaw, w.KeyRaw); !raw || !key || g.Name != w.Name || g.Kind != w.Kind {
			t.Errorf("state %s %s, not %s %s", g.Name, g.Kind, w.Name, w.Kind)
		}
	}
}
