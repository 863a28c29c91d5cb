package pebble

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/savepoint"
	reading "github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/backends/types"
	opening "github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
	"github.com/ckpt-tool/ckpt/testdata/statedump"
)

// treeFiles opens the files of a tree that Flink wrote elsewhere, and those of a storage.
type treeFiles struct {
	*storage
	tree statedump.Files
}

func (f treeFiles) Open(ctx context.Context, h metadata.StreamHandle) (backends.Blob, error) {
	switch h := h.(type) {
	case *metadata.InlineHandle:
		return f.storage.Open(ctx, h)
	case *metadata.FileHandle:
		if strings.HasPrefix(h.Path.String(), "mem:") {
			return f.storage.Open(ctx, h)
		}
	}
	return f.tree.Open(ctx, h)
}

// text is an entry as a line, whatever form its list has.
func text(tb testing.TB, e backends.Entry) string {
	if e.State.Kind == backends.List && !e.Joined {
		var joined []byte
		rest := e.Value[4:]
		for range binary.BigEndian.Uint32(e.Value) {
			n, err := e.State.Value.Size(rest)
			if err != nil {
				tb.Fatal(err)
			}
			joined = append(append(joined, rest[:n]...), ',')
			rest = rest[n:]
		}
		e.Value, e.Joined = bytes.TrimSuffix(joined, []byte(",")), true
	}
	if e.Time != 0 || e.State.Kind == backends.Timer {
		return fmt.Sprintf("%s %d %x %x %x at %d", e.State.Name, e.KeyGroup, e.Key, e.Namespace, e.Value, e.Time)
	}
	return fmt.Sprintf("%s %s %d %x %x %x: %t %x", e.State.Name, e.State.Kind, e.KeyGroup, e.Key, e.Namespace, e.MapKey, e.Null, e.Value)
}

func texts(tb testing.TB, r backends.Reader, groups metadata.KeyGroupRange) (lines []string, err error) {
	for e, err := range r.Entries(tb.Context(), backends.Everything(groups)) {
		if err != nil {
			return nil, err
		}
		lines = append(lines, text(tb, e))
	}
	slices.Sort(lines)
	return lines, nil
}

// canonicalOf is what a canonical savepoint of the store says.
func canonicalOf(tb testing.TB, s *Store, st *storage, opts backends.Options) []string {
	tb.Helper()
	h := take(tb, s, &backends.SnapshotRequest{Checkpoint: 99, Streams: st, Form: backends.CanonicalForm, Savepoint: true})
	if h == nil {
		return nil
	}
	r, err := savepoint.Open(tb.Context(), st, h.(*metadata.KeyGroupsHandle), backends.Origin{MaxParallelism: s.config.MaxParallelism, Range: s.config.KeyGroups}, &opts)
	if err != nil {
		tb.Fatal(err)
	}
	defer r.Close()
	lines, err := texts(tb, r, s.config.KeyGroups)
	if err != nil {
		tb.Fatal(err)
	}
	return lines
}

// TestFlink: what Flink wrote, in any format, is in the store as it was, also behind a checkpoint of ours and a rescale.
func TestFlink(t *testing.T) {
	roots := []string{filepath.Join(testdata.Root(t), "flink")}
	if dir := testdata.Fixtures(t); dir != "" {
		roots = append(roots, filepath.Join(dir, "flink"), filepath.Join(dir, "jobs"))
	}
	b := testBackend(t, 4<<20)
	var n struct{ handles, entries, unreadable int }
	classes := map[string]int{}
	opener := opening.New(opening.Settings{}).Open
	for _, root := range roots {
		for i, sn := range testdata.Snapshots(t, root) {
			if raceDetector && i%8 != 0 {
				continue
			}
			t.Run(sn.Name, func(t *testing.T) {
				s, tree := statedump.Open(t, opener, sn.Dir, backends.Options{})
				for _, h := range s.Handles {
					if h.Slot != metadata.ManagedKeyed {
						continue
					}
					f := flinkHandle{t: t, name: fmt.Sprintf("%s/%d", h.Operator.Name, h.Subtask.Index), backend: b, files: treeFiles{newStorage(), tree}, handle: h.Subtask.ManagedKeyed,
						opts:   backends.Options{Kryo: backends.KryoOf(s.Checkpoint.Version)},
						origin: backends.Origin{Operator: h.Operator.ID, Subtask: h.Subtask.Index, MaxParallelism: h.Operator.MaxParallelism, Range: h.KeyGroups}}
					if k, ok := f.check(); ok {
						n.handles++
						n.entries += k
						classes[f.handle.Class()]++
					} else {
						n.unreadable++
					}
				}
			})
		}
	}
	t.Logf("%d handles %v with %d entries; %d cannot be read by anyone", n.handles, classes, n.entries, n.unreadable)
	if !raceDetector && (n.handles < 100 || n.entries < 10_000 || len(classes) < 3) {
		t.Error("fewer than expected")
	}
}

type flinkHandle struct {
	t       *testing.T
	name    string
	backend *Backend
	files   treeFiles
	handle  metadata.KeyedHandle
	opts    backends.Options
	origin  backends.Origin
}

// open opens the handle for some key groups.
func (f *flinkHandle) open(groups metadata.KeyGroupRange) func(context.Context) (backends.Reader, error) {
	o := f.origin
	o.Range = groups
	return func(ctx context.Context) (backends.Reader, error) {
		return reading.OpenKeyed(ctx, f.files, f.handle, o, f.opts)
	}
}

// check restores the handle, and tells of how many entries; false where it cannot be read at all.
func (f *flinkHandle) check() (int, bool) {
	t := f.t
	groups := f.handle.KeyGroups()
	r, err := f.open(groups)(t.Context())
	if f.unreadable(err) {
		return 0, false
	}
	defer r.Close()
	want, err := texts(t, r, groups)
	if f.unreadable(err) {
		return 0, false
	}
	s := f.store(groups, backends.RestoredHandle{Handle: f.handle, Open: f.open(groups)}, r.States())
	defer s.Close()
	f.equal("restored", want, canonicalOf(t, s, f.files.storage, f.opts))
	native := take(t, s, &backends.SnapshotRequest{Checkpoint: 1, Streams: f.files})
	if native == nil {
		return len(want), true
	}
	again := f.store(groups, backends.RestoredHandle{Handle: native}, r.States())
	defer again.Close()
	f.equal("restored twice", want, canonicalOf(t, again, f.files.storage, f.opts))
	f.halves(want, native, r.States())
	return len(want), true
}

// halves restores each half of the key groups.
func (f *flinkHandle) halves(want []string, native metadata.KeyedHandle, states []*backends.State) {
	g := native.KeyGroups()
	if g.Len() < 2 {
		return
	}
	mid := g.First + int32(g.Len()/3)
	var have []string
	for _, half := range []metadata.KeyGroupRange{{First: g.First, Last: mid}, {First: mid + 1, Last: g.Last}} {
		s := f.store(half, backends.RestoredHandle{Handle: native}, states)
		have = append(have, canonicalOf(f.t, s, f.files.storage, f.opts)...)
		s.Close()
	}
	slices.Sort(have)
	f.equal("in halves", want, have)
}

func (f *flinkHandle) store(groups metadata.KeyGroupRange, r backends.RestoredHandle, states []*backends.State) *Store {
	c := testConfig(f.t, f.files.storage, groups)
	c.MaxParallelism, c.Files = f.origin.MaxParallelism, f.files
	c.Restored = []backends.RestoredHandle{r}
	for _, st := range states {
		if st.Key != nil {
			c.Key, c.KeyRaw = st.Key, st.KeyRaw
		}
	}
	if len(states) > 0 && c.KeyRaw == nil {
		c.KeyRaw = states[0].KeyRaw
	}
	return openStore(f.t, f.backend, c)
}

func (f *flinkHandle) equal(what string, want, have []string) {
	if slices.Equal(want, have) {
		return
	}
	f.t.Errorf("%s, %s: %d entries, not %d", f.name, what, len(have), len(want))
	for i := range min(len(want), len(have)) {
		if want[i] != have[i] {
			f.t.Fatalf("%.300s\nnot\n%.300s", have[i], want[i])
		}
	}
}

// unreadable tells whether nobody can read the handle: its files are gone, or only the job knows its serializers.
func (f *flinkHandle) unreadable(err error) bool {
	var opaque *backends.OpaqueError
	var snap *types.SnapshotError
	switch {
	case err == nil:
		return false
	case errors.Is(err, fs.ErrNotExist), errors.As(err, &opaque), errors.As(err, &snap):
	default:
		f.t.Errorf("%s: %v", f.name, err)
	}
	return true
}
