package pebble

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/rocksdb"
	"github.com/ckpt-tool/ckpt/metadata"
)

// tablesOf are the paths of a handle's tables by their names.
func tablesOf(tb testing.TB, k metadata.KeyedHandle) map[string]string {
	tb.Helper()
	h := k.(*metadata.IncrementalHandle)
	paths := map[string]string{}
	for _, f := range h.Shared {
		paths[f.Name.String()] = f.File.(*metadata.FileHandle).Path.String()
	}
	return paths
}

// common is how many tables two handles share.
func common(a, b map[string]string) (n int) {
	for name, path := range a {
		if b[name] == path {
			n++
		}
	}
	return n
}

// TestIncremental: tables of a completed checkpoint are referred to, those of any other uploaded anew.
func TestIncremental(t *testing.T) {
	b := testBackend(t, 8<<20)
	st := newStorage()
	s := openStore(t, b, testConfig(t, st, testGroups))
	_, tables := fill(t, s, 1)
	id := int64(0)
	snap := func(r backends.SnapshotRequest) *metadata.IncrementalHandle {
		id++
		r.Checkpoint, r.Streams = id, st
		before := st.uploaded
		h := take(t, s, &r).(*metadata.IncrementalHandle)
		if sent := st.uploaded - before; sent != h.CheckpointedSize() {
			t.Errorf("%d bytes were uploaded, and the handle says %d", sent, h.CheckpointedSize())
		}
		return h
	}
	first := snap(backends.SnapshotRequest{})
	unconfirmed := snap(backends.SnapshotRequest{})
	if n := common(tablesOf(t, first), tablesOf(t, unconfirmed)); n != 0 {
		t.Errorf("%d tables of a checkpoint that is not complete", n)
	}
	s.CheckpointAborted(1)
	s.CheckpointCompleted(2)
	if err := tables["value"].Put(0, testKey(0, 0), nil, []byte("new")); err != nil {
		t.Fatal(err)
	}
	third := snap(backends.SnapshotRequest{})
	if have, all := common(tablesOf(t, unconfirmed), tablesOf(t, third)), len(unconfirmed.Shared); have != all || len(third.Shared) != all+1 {
		t.Errorf("%d of %d tables are used again, of %d", have, all, len(third.Shared))
	}
	if full := first.CheckpointedSize(); third.CheckpointedSize() > full*9/10 {
		t.Errorf("%d bytes for one change, of %d", third.CheckpointedSize(), full)
	}
	s.CheckpointCompleted(3)
	full := snap(backends.SnapshotRequest{Full: true})
	savepoint := snap(backends.SnapshotRequest{Full: true, Savepoint: true})
	if n := common(tablesOf(t, third), tablesOf(t, full)) + common(tablesOf(t, third), tablesOf(t, savepoint)); n != 0 {
		t.Errorf("%d tables of others in full snapshots", n)
	}
	for name, path := range tablesOf(t, savepoint) {
		if !strings.HasPrefix(path, "mem:/EXCLUSIVE/") {
			t.Errorf("%s of a savepoint is %s", name, path)
		}
	}
	for name, path := range tablesOf(t, full) {
		if !strings.HasPrefix(path, "mem:/SHARED/") {
			t.Errorf("%s of a checkpoint is %s", name, path)
		}
	}
	s.CheckpointCompleted(5) // a savepoint has nothing that a checkpoint may use
	last := snap(backends.SnapshotRequest{})
	if have := common(tablesOf(t, third), tablesOf(t, last)); have != len(third.Shared) {
		t.Errorf("%d of %d tables are used again", have, len(third.Shared))
	}
	marked := slices.ContainsFunc(last.Private, func(f metadata.NamedFile) bool { return f.Name == rocksdb.PebbleMarker })
	if last.Tag != metadata.TagIncrementalV2 || last.BackendID != first.BackendID || last.HandleID == first.HandleID || last.CheckpointID != id || !marked {
		t.Errorf("%+v", last)
	}
}

// TestRestoredTables: who claims a checkpoint goes on with its tables; who does not uploads all.
func TestRestoredTables(t *testing.T) {
	b := testBackend(t, 8<<20)
	st := newStorage()
	s := openStore(t, b, testConfig(t, st, testGroups))
	fill(t, s, 1)
	h := take(t, s, &backends.SnapshotRequest{Checkpoint: 7, Streams: st})
	for _, noClaim := range []bool{false, true} {
		again, _ := restoreOf(t, b, st, backends.RestoredHandle{Handle: h, NoClaim: noClaim})
		next := take(t, again, &backends.SnapshotRequest{Checkpoint: 8, Streams: st})
		want := len(tablesOf(t, h))
		if noClaim {
			want = 0
		}
		if n := common(tablesOf(t, h), tablesOf(t, next)); n != want || len(tablesOf(t, next)) != len(tablesOf(t, h)) {
			t.Errorf("no claim %t: %d tables are used again, of %d", noClaim, n, len(tablesOf(t, next)))
		}
	}
}

// TestLocalRecovery: the copy on this machine is restored from, and the storage where it is of no use.
func TestLocalRecovery(t *testing.T) {
	b := testBackend(t, 8<<20)
	st := newStorage()
	s := openStore(t, b, testConfig(t, st, testGroups))
	want, _ := fill(t, s, 1)
	local := filepath.Join(t.TempDir(), "a", "chk-1")
	f, err := s.Snapshot(&backends.SnapshotRequest{Checkpoint: 1, Streams: st, LocalDir: local})
	if err != nil {
		t.Fatal(err)
	}
	res, err := f(context.Background())
	if err != nil || res.TaskLocal == nil {
		t.Fatal(err, res)
	}
	s.Close()
	r := backends.RestoredHandle{Handle: res.JobManagerOwned, Local: res.TaskLocal}
	remote := st.files
	st.files = map[string][]byte{}
	for path, b := range remote { // the header is read of the storage
		if path == res.JobManagerOwned.(*metadata.IncrementalHandle).Meta.(*metadata.FileHandle).Path.String() {
			st.files[path] = b
		}
	}
	again, tables := restoreOf(t, b, st, r)
	if d := want.diff(again, tables); d != "" {
		t.Error(d)
	}
	st.files = remote
	h := *res.TaskLocal.(*metadata.IncrementalHandle)
	h.Shared = slices.Clone(h.Shared)
	h.Shared[0].File = &metadata.FileHandle{Path: "/nowhere", Size: 1}
	r.Local = &h
	again, tables = restoreOf(t, b, st, r)
	if d := want.diff(again, tables); d != "" {
		t.Error(d)
	}
}

// TestOccupied: where a local copy would lie over files, there is none, and they stay as they are.
func TestOccupied(t *testing.T) {
	b := testBackend(t, 8<<20)
	st := newStorage()
	s := openStore(t, b, testConfig(t, st, testGroups))
	fill(t, s, 1)
	local := filepath.Join(t.TempDir(), "chk-1")
	copies := func(id int64) metadata.KeyedHandle {
		f, err := s.Snapshot(&backends.SnapshotRequest{Checkpoint: id, Streams: st, LocalDir: local})
		if err != nil {
			t.Fatal(err)
		}
		res, err := f(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return res.TaskLocal
	}
	first := tablesOf(t, copies(1))
	before := map[string][]byte{}
	for name := range first {
		data, err := os.ReadFile(filepath.Join(s.path("db"), name))
		if err != nil {
			t.Fatal(err)
		}
		before[name] = data
	}
	if h := copies(2); h != nil {
		t.Error("a copy over another")
	}
	for name, want := range before {
		if data, err := os.ReadFile(filepath.Join(s.path("db"), name)); err != nil || !bytes.Equal(data, want) {
			t.Errorf("%s has %d bytes, not %d: %v", name, len(data), len(want), err)
		}
	}
}
