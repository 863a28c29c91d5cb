package pebble

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/rocksdb"
	"github.com/ckpt-tool/ckpt/metadata"
)

// fill puts values into all states of a store, and says what it should hold then.
func fill(tb testing.TB, s *Store, salt int) (model, map[string]backends.Table) {
	tb.Helper()
	tables := openTables(tb, s)
	m := model{"value": {}, "list": {}, "map": {}, "_timer_state/event": {}}
	for i := range 200 {
		kg := int32(i % s.config.KeyGroups.Len())
		key := testKey(kg, uint64(i))
		v := fmt.Sprint(i, salt, strings.Repeat("x", 100))
		for _, err := range []error{
			tables["value"].Put(kg, key, nil, []byte(v)),
			tables["list"].Put(kg, key, nil, []byte("a")), tables["list"].Append(kg, key, []byte(v)),
			tables["map"].Put(kg, key, []byte("k"), []byte("\x00"+v)),
			tables["_timer_state/event"].Put(kg, lengthen("_timer_state/event", key), nil, nil),
		} {
			if err != nil {
				tb.Fatal(err)
			}
		}
		m["value"][string(key)] = v
		m["list"][string(key)] = "a," + v
		m["map"][string(key)+"k"] = "\x00" + v
		m["_timer_state/event"][string(lengthen("_timer_state/event", key))] = ""
	}
	return m, tables
}

func restoreOf(tb testing.TB, b *Backend, st *storage, r backends.RestoredHandle) (*Store, map[string]backends.Table) {
	tb.Helper()
	c := testConfig(tb, st, testGroups)
	c.Restored = []backends.RestoredHandle{r}
	s := openStore(tb, b, c)
	return s, openTables(tb, s)
}

// TestStreamsFail: whatever call of the storage fails, the snapshot fails with its error, leaves nothing behind, and the next one is whole.
func TestStreamsFail(t *testing.T) {
	b := testBackend(t, 8<<20)
	for _, form := range []backends.SnapshotForm{backends.NativeForm, backends.CanonicalForm} {
		failed := 0
		for k := int64(0); ; k++ {
			st := newStorage()
			s := openStore(t, b, testConfig(t, st, testGroups))
			want, _ := fill(t, s, 1)
			boom := errors.New("boom")
			var calls atomic.Int64
			st.fail = func(call string) error {
				if call != "discard" && calls.Add(1) == k+1 {
					return boom
				}
				return nil
			}
			f, err := s.Snapshot(&backends.SnapshotRequest{Checkpoint: 1, Streams: st, Form: form})
			if err != nil {
				t.Fatal(err)
			}
			if _, err = f(context.Background()); err == nil {
				break
			}
			failed++
			if !errors.Is(err, boom) {
				t.Errorf("call %d: %v", k, err)
			}
			if len(st.files) > 0 {
				t.Errorf("call %d: %d files are left", k, len(st.files))
			}
			h := take(t, s, &backends.SnapshotRequest{Checkpoint: 2, Streams: st})
			again, tables := restoreOf(t, b, st, backends.RestoredHandle{Handle: h})
			if d := want.diff(again, tables); d != "" {
				t.Fatal(d)
			}
			s.Close()
			again.Close()
		}
		if failed < 2 {
			t.Errorf("only %d calls", failed)
		}
	}
}

// fullDisk has room for some writes.
type fullDisk struct {
	localFS
	left *atomic.Int64
}

func (d fullDisk) take() error {
	if d.left.Add(-1) < 0 {
		return syscall.ENOSPC
	}
	return nil
}

func (d fullDisk) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := d.take(); err != nil {
		return nil, err
	}
	f, err := d.localFS.Create(name, c)
	return fullFile{f, d}, err
}

func (d fullDisk) Link(from, to string) error {
	if err := d.take(); err != nil {
		return err
	}
	return d.localFS.Link(from, to)
}

type fullFile struct {
	vfs.File
	d fullDisk
}

func (f fullFile) Write(p []byte) (int, error) {
	if err := f.d.take(); err != nil {
		return 0, err
	}
	return f.File.Write(p)
}

// TestFullDisk: wherever the disk has no more room, that is an error, in time; and a checkpoint that came to be is whole.
func TestFullDisk(t *testing.T) {
	whole, failed := 0, 0
	for room := int64(0); whole < 3; room++ {
		b := testBackend(t, 8<<20)
		var left atomic.Int64
		left.Store(room)
		b.fs = fullDisk{localFS{vfs.Default}, &left}
		st := newStorage()
		s, err := b.OpenStore(context.Background(), testConfig(t, st, testGroups))
		if err != nil {
			failed++
			continue
		}
		for id := int64(1); id <= 3; id++ {
			want, _ := fill(t, s.(*Store), int(id))
			h, err := bounded(t, s.(*Store), &backends.SnapshotRequest{Checkpoint: id, Streams: st})
			if err != nil {
				failed++
				if !errors.Is(err, syscall.ENOSPC) && !strings.Contains(err.Error(), "no space left") {
					t.Errorf("room for %d: %v", room, err)
				}
				break
			}
			b.fs = localFS{vfs.Default}
			again, tables := restoreOf(t, b, st, backends.RestoredHandle{Handle: h})
			if d := want.diff(again, tables); d != "" {
				t.Fatal(d)
			}
			again.Close()
			if id == 3 {
				whole++
			}
		}
		s.Close()
	}
	if failed < 20 {
		t.Errorf("only %d failures", failed)
	}
}

// bounded takes a snapshot, which must come to an end.
func bounded(t *testing.T, s *Store, r *backends.SnapshotRequest) (metadata.KeyedHandle, error) {
	t.Helper()
	f, err := s.Snapshot(r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	res, err := f(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		t.Fatal("the snapshot hangs")
	}
	return res.JobManagerOwned, err
}

// TestDamagedCheckpoint: a file that is not what it was is named, whichever it is and whatever happened to it.
func TestDamagedCheckpoint(t *testing.T) {
	b := testBackend(t, 8<<20)
	st := newStorage()
	s := openStore(t, b, testConfig(t, st, testGroups))
	fill(t, s, 1)
	h := take(t, s, &backends.SnapshotRequest{Checkpoint: 1, Streams: st}).(*metadata.IncrementalHandle)
	for _, f := range slices.Concat(h.Shared, h.Private) {
		file, ok := f.File.(*metadata.FileHandle)
		if !ok || file.Size == 0 {
			continue
		}
		path := file.Path.String()
		good := st.files[path]
		for what, bad := range map[string][]byte{
			"a byte":  append(slices.Clone(good[:len(good)/2]), append([]byte{good[len(good)/2] ^ 1}, good[len(good)/2+1:]...)...),
			"cut off": good[:len(good)-1], "longer": append(slices.Clone(good), 'x'), "gone": nil, "empty": {},
		} {
			if st.files[path] = bad; bad == nil {
				delete(st.files, path)
			}
			c := testConfig(t, st, testGroups)
			c.Restored = []backends.RestoredHandle{{Handle: h}}
			_, err := b.OpenStore(context.Background(), c)
			if err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("%s, %s: %v", f.Name, what, err)
			}
			if _, err := os.Stat(c.Dir); err == nil {
				t.Errorf("%s, %s: files are left", f.Name, what)
			}
		}
		st.files[path] = good
	}
}

// TestOddHandles: a handle that is not whole, or not ours in all, is refused.
func TestOddHandles(t *testing.T) {
	b := testBackend(t, 8<<20)
	st := newStorage()
	s := openStore(t, b, testConfig(t, st, testGroups))
	fill(t, s, 1)
	h := take(t, s, &backends.SnapshotRequest{Checkpoint: 1, Streams: st}).(*metadata.IncrementalHandle)
	for name, spoil := range map[string]func(*metadata.IncrementalHandle){
		"a table lacks": func(h *metadata.IncrementalHandle) { h.Shared = h.Shared[1:] },
		"a table twice": func(h *metadata.IncrementalHandle) { h.Shared = append(h.Shared, h.Shared[0]) },
		"a file too many": func(h *metadata.IncrementalHandle) {
			h.Private = append(h.Private, metadata.NamedFile{Name: "x", File: h.Meta})
		},
		"no header":       func(h *metadata.IncrementalHandle) { h.Meta = nil },
		"another's files": func(h *metadata.IncrementalHandle) { h.Shared[0].File = h.Meta },
		"names exchanged": func(h *metadata.IncrementalHandle) {
			h.Shared[0].File, h.Shared[1].File = h.Shared[1].File, h.Shared[0].File
		},
		"a path for a name": func(h *metadata.IncrementalHandle) {
			for i := range h.Private {
				if h.Private[i].Name == rocksdb.PebbleMarker {
					h.Private[i].File = inline([]byte("Pebble 1\n00000000 1 ../../x.sst\n"))
				}
			}
		},
		"another version": func(h *metadata.IncrementalHandle) {
			for i := range h.Private {
				if h.Private[i].Name == rocksdb.PebbleMarker {
					h.Private[i].File = inline([]byte("Pebble 2\n"))
				}
			}
		},
	} {
		bad := *h
		bad.Shared, bad.Private = slices.Clone(h.Shared), slices.Clone(h.Private)
		spoil(&bad)
		c := testConfig(t, st, testGroups)
		c.Restored = []backends.RestoredHandle{{Handle: &bad}}
		if _, err := b.OpenStore(context.Background(), c); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
}

// TestDamagedDatabase: a table that breaks while the store is open makes errors of reading, and of what follows.
func TestDamagedDatabase(t *testing.T) {
	b := testBackend(t, 8<<20)
	b.blocks.Unref()
	b.blocks = pebble.NewCache(0)
	st := newStorage()
	s := openStore(t, b, testConfig(t, st, testGroups))
	_, tables := fill(t, s, 1)
	take(t, s, &backends.SnapshotRequest{Checkpoint: 1, Streams: st})
	for range 2 * len(s.cache.mems) {
		s.cache.evict(true)
	}
	found, err := filepath.Glob(filepath.Join(s.path("db"), "*.sst"))
	if err != nil || len(found) == 0 {
		t.Fatal(found, err)
	}
	for _, path := range found {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range data[:len(data)/2] {
			data[i] ^= 0xff
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for i := 0; err == nil; i++ {
		if i == 200 {
			t.Fatal("damaged tables were read")
		}
		kg := int32(i % testParallelism)
		_, _, err = tables["value"].Get(kg, testKey(kg, uint64(i)), nil)
	}
	if _, err := s.Snapshot(&backends.SnapshotRequest{Checkpoint: 2, Streams: st}); err == nil {
		t.Error("a snapshot of a damaged database")
	}
	if err := tables["value"].Put(0, testKey(0, 0), nil, []byte("x")); err == nil {
		t.Error("a change of a damaged database")
	}
}

// TestClose: snapshots under way fail, those not begun as well, and no files are left.
func TestClose(t *testing.T) {
	b := testBackend(t, 8<<20)
	st := newStorage()
	c := testConfig(t, st, testGroups)
	s := openStore(t, b, c)
	_, tables := fill(t, s, 1)
	entered, release := make(chan bool, 100), make(chan bool)
	st.fail = func(call string) error {
		if call == "upload" {
			entered <- true
			<-release
		}
		return nil
	}
	var runs []backends.SnapshotFunc
	for id, form := range []backends.SnapshotForm{backends.NativeForm, backends.NativeForm, backends.CanonicalForm} {
		f, err := s.Snapshot(&backends.SnapshotRequest{Checkpoint: int64(id), Streams: st, Form: form})
		if err != nil {
			t.Fatal(err)
		}
		runs = append(runs, f)
	}
	result := make(chan error)
	go func() {
		_, err := runs[0](context.Background())
		result <- err
	}()
	<-entered
	go func() {
		<-s.ctx.Done()
		close(release)
	}()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-result; !errors.Is(err, ErrClosed) {
		t.Errorf("the one under way: %v", err)
	}
	for _, run := range runs[1:] {
		if _, err := run(context.Background()); !errors.Is(err, ErrClosed) {
			t.Errorf("one that was not begun: %v", err)
		}
	}
	if _, err := os.Stat(c.Dir); !os.IsNotExist(err) {
		t.Errorf("files are left: %v", err)
	}
	if len(st.files) > 0 {
		t.Errorf("left in the storage: %v", slices.Collect(maps.Keys(st.files)))
	}
	for name, err := range map[string]error{
		"put": tables["value"].Put(0, testKey(0, 0), nil, nil), "delete": tables["value"].Delete(0, testKey(0, 0), nil), "append": tables["list"].Append(0, testKey(0, 0), nil),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// panicking panics where a checkpoint is made.
type panicking struct{ localFS }

func (f panicking) MkdirAll(dir string, perm os.FileMode) error {
	if strings.HasPrefix(filepath.Base(dir), "snapshot-") {
		panic("boom")
	}
	return f.localFS.MkdirAll(dir, perm)
}

// TestPanic: a panic of Pebble where a checkpoint is made is an error of the store.
func TestPanic(t *testing.T) {
	b := testBackend(t, 8<<20)
	b.fs = panicking{localFS{vfs.Default}}
	st := newStorage()
	s := openStore(t, b, testConfig(t, st, testGroups))
	_, tables := fill(t, s, 1)
	if _, err := bounded(t, s, &backends.SnapshotRequest{Checkpoint: 1, Streams: st}); err == nil || !strings.Contains(err.Error(), "boom") {
		t.Errorf("the snapshot: %v", err)
	}
	if err := tables["value"].Put(0, testKey(0, 0), nil, nil); err == nil {
		t.Error("a change of a store of which nobody knows the state")
	}
}

// TestDirectories: what a directory is called does not matter, and one that is there already is left alone.
func TestDirectories(t *testing.T) {
	b := testBackend(t, 8<<20)
	st := newStorage()
	c := testConfig(t, st, testGroups)
	c.Dir = filepath.Join(filepath.Dir(c.Dir), "[a]", "store")
	s := openStore(t, b, c)
	fill(t, s, 1)
	take(t, s, &backends.SnapshotRequest{Checkpoint: 1, Streams: st})
	again := *c
	if _, err := b.OpenStore(context.Background(), &again); err == nil {
		t.Error("a store in the directory of another")
	}
	take(t, s, &backends.SnapshotRequest{Checkpoint: 2, Streams: st})
}

// TestWholeDatabase: a MANIFEST that does not name the tables beside it makes no checkpoint.
func TestWholeDatabase(t *testing.T) {
	b := testBackend(t, 8<<20)
	s := openStore(t, b, testConfig(t, newStorage(), testGroups))
	fill(t, s, 1)
	s.freeze(nil)
	if err := s.queue.wait(s); err != nil {
		t.Fatal(err)
	}
	n := &snapshot{s: s, dir: s.path("linked")}
	if err := s.db.Checkpoint(n.dir); err != nil {
		t.Fatal(err)
	}
	if err := n.whole(); err != nil {
		t.Fatal(err)
	}
	manifests, err := filepath.Glob(filepath.Join(n.dir, "MANIFEST-*"))
	if err != nil || len(manifests) != 1 {
		t.Fatal(manifests, err)
	}
	good, err := os.ReadFile(manifests[0])
	if err != nil {
		t.Fatal(err)
	}
	write := func(path string, data []byte) {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for k := range good {
		write(manifests[0], good[:k])
		if n.whole() == nil {
			t.Errorf("%d of %d bytes", k, len(good))
		}
	}
	write(manifests[0], good)
	tables, err := filepath.Glob(filepath.Join(n.dir, "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatal(tables, err)
	}
	write(filepath.Join(n.dir, "999999.sst"), good)
	if n.whole() == nil {
		t.Error("a table that the MANIFEST does not have")
	}
	if err := errors.Join(os.Remove(filepath.Join(n.dir, "999999.sst")), n.whole(), os.Remove(tables[0])); err != nil {
		t.Fatal(err)
	}
	if n.whole() == nil {
		t.Error("without a table")
	}
}

// TestWalkPanics: whoever walks entries may panic, and the store can be closed all the same.
func TestWalkPanics(t *testing.T) {
	b := testBackend(t, 8<<20)
	s := openStore(t, b, testConfig(t, newStorage(), testGroups))
	_, tables := fill(t, s, 1)
	evictAll(t, s)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		for range tables["map"].All(testGroups) {
			panic("boom")
		}
	}()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
