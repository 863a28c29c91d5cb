package pebble

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/handletest"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/backends/rocksdb"
	"github.com/ckpt-tool/ckpt/metadata"
)

// typedKey is a key in its own key group.
func typedKey(key uint64) (int32, []byte) {
	kg := keygroups.Of(int32(key^key>>32), testParallelism)
	return kg, testKey(kg, key)
}

// typed is a String as its serializer writes it.
func typed(s string) []byte { return append([]byte{byte(len(s) + 1)}, s...) }

// smallCheckpoints are two checkpoints of a store, of which the second shares tables with the first. Their entries are all of their types.
func smallCheckpoints(tb testing.TB) (*storage, []*metadata.IncrementalHandle) {
	tb.Helper()
	st := newStorage()
	b := New(Options{Memory: 8 << 20})
	s, err := b.OpenStore(context.Background(), testConfig(tb, st, testGroups))
	if err != nil {
		tb.Fatal(err)
	}
	defer func() {
		if err := errors.Join(s.Close(), b.Close()); err != nil {
			tb.Error(err)
		}
	}()
	tables := openTables(tb, s.(*Store))
	var all []*metadata.IncrementalHandle
	for id := int64(1); id < 3; id++ {
		for i := range uint64(12) {
			kg, key := typedKey(i * uint64(id))
			v := fmt.Sprint("value ", i, id)
			errs := []error{
				tables["value"].Put(kg, key, nil, typed(v)), tables["list"].Append(kg, key, typed(v)),
				tables["map"].Put(kg, key, typed("a"), append([]byte{0}, typed(v)...)), tables["map"].Put(kg, key, typed("b"), []byte{1}),
				tables["_timer_state/event"].Put(kg, slices.Concat(key[:1], key[1:9], key[1:]), nil, nil),
			}
			if i%3 == 0 {
				errs = append(errs, tables["value"].Delete(kg, key, nil), tables["map"].Clear(kg, key))
			}
			if err := errors.Join(errs...); err != nil {
				tb.Fatal(err)
			}
		}
		h := take(tb, s.(*Store), &backends.SnapshotRequest{Checkpoint: id, Streams: st})
		s.CheckpointCompleted(id)
		all = append(all, h.(*metadata.IncrementalHandle))
	}
	return st, all
}

// noticed tells what is found of a checkpoint, as `ckpt verify --level content` reads it; else its entries.
func noticed(tb testing.TB, st backends.Files, h metadata.KeyedHandle) ([]string, error) {
	r, err := openReader(st, h, backends.Options{Verify: true})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var found error
	if _, err := r.VerifyFiles(context.Background(), func(e *backends.Error) { found = e }); err != nil {
		found = err
	}
	lines, err := readEntries(tb, r, backends.Everything(h.KeyGroups())) // which must not panic either
	return lines, errors.Join(found, err)
}

// filesOf are the files of a handle by their names, the header included, but for those that are empty.
func filesOf(h *metadata.IncrementalHandle) map[string]string {
	all := map[string]string{"header": h.Meta.(*metadata.FileHandle).Path.String()}
	for _, f := range slices.Concat(h.Shared, h.Private) {
		if h, ok := f.File.(*metadata.FileHandle); ok {
			all[f.Name.String()] = h.Path.String()
		}
	}
	return all
}

// TestDamage: each changed byte of each file of a checkpoint is noticed, and that a file is not there.
func TestDamage(t *testing.T) {
	st, all := smallCheckpoints(t)
	for i, h := range all {
		if lines, err := noticed(t, st, h); err != nil || len(lines) < 40 {
			t.Fatalf("%d entries: %v", len(lines), err)
		}
		b := testBackend(t, 8<<20)
		changed := 0
		for name, path := range filesOf(h) {
			good := st.files[path]
			for at := range good {
				if raceDetector && at%97 != 0 {
					continue
				}
				if at%7 != i && strings.HasSuffix(name, ".sst") && len(good) > 4096 {
					continue
				}
				bad := bytes.Clone(good)
				bad[at] ^= byte(1 + at%255)
				st.files[path] = bad
				if _, err := noticed(t, st, h); err == nil {
					t.Errorf("checkpoint %d: nothing is noticed of byte %d of %s changed", i+1, at, name)
				}
				changed++
				if at%211 == 0 && restores(t, b, st, h) {
					t.Errorf("checkpoint %d: it is restored with byte %d of %s changed", i+1, at, name)
				}
			}
			for _, n := range []int{0, 1, len(good) / 2, len(good) - 1} {
				st.files[path] = good[:n]
				if _, err := noticed(t, st, h); err == nil {
					t.Errorf("checkpoint %d: nothing is noticed of %s of %d bytes", i+1, name, n)
				}
			}
			delete(st.files, path)
			if _, err := noticed(t, st, h); err == nil || restores(t, b, st, h) {
				t.Errorf("checkpoint %d: nothing is noticed without %s", i+1, name)
			}
			st.files[path] = good
		}
		t.Logf("checkpoint %d: %d bytes of %d files", i+1, changed, len(filesOf(h)))
	}
}

// restores tells whether a store begins with the checkpoint.
func restores(tb testing.TB, b *Backend, st *storage, h *metadata.IncrementalHandle) bool {
	tb.Helper()
	c := testConfig(tb, st, testGroups)
	c.Restored = []backends.RestoredHandle{{Handle: h}}
	s, err := b.OpenStore(context.Background(), c)
	if err != nil {
		return false
	}
	if err := s.Close(); err != nil {
		tb.Error(err)
	}
	return true
}

// TestExchanged: files of one checkpoint in the place of those of another, and lists of files that are not those of the database.
func TestExchanged(t *testing.T) {
	st, all := smallCheckpoints(t)
	first, second := filesOf(all[0]), filesOf(all[1])
	tried := 0
	try := func(what string, h *metadata.IncrementalHandle) {
		t.Helper()
		tried++
		if _, err := noticed(t, st, h); err == nil {
			t.Errorf("nothing is noticed of %s", what)
		}
	}
	for name, path := range second {
		for other, from := range first {
			if bytes.Equal(st.files[path], st.files[from]) {
				continue
			}
			good := st.files[path]
			st.files[path] = st.files[from]
			try(other+" as "+name, all[1])
			st.files[path] = good
		}
	}
	for _, change := range []struct {
		what string
		f    func(h *metadata.IncrementalHandle)
	}{
		{"the header of the other", func(h *metadata.IncrementalHandle) { h.Meta = &metadata.InlineHandle{Data: []byte("x")} }},
		{"one table less", func(h *metadata.IncrementalHandle) { h.Shared = h.Shared[1:] }},
		{"the first of the private files less", func(h *metadata.IncrementalHandle) { h.Private = h.Private[1:] }},
		{"the last of them, the list, less", func(h *metadata.IncrementalHandle) { h.Private = h.Private[:len(h.Private)-1] }},
		{"a table twice", func(h *metadata.IncrementalHandle) { h.Private = append(h.Private, h.Shared[0]) }},
		{"a table that nobody knows", func(h *metadata.IncrementalHandle) {
			h.Shared = append(h.Shared, metadata.NamedFile{Name: "999999.sst", File: h.Shared[0].File})
		}},
		{"another header in the list", func(h *metadata.IncrementalHandle) {
			h.Private = append(h.Private, metadata.NamedFile{Name: rocksdb.PebbleHeader, File: h.Meta})
		}},
		{"two names exchanged", func(h *metadata.IncrementalHandle) {
			h.Shared[0].File, h.Shared[1].File = h.Shared[1].File, h.Shared[0].File
		}},
	} {
		h := *all[1]
		h.Shared, h.Private = slices.Clone(h.Shared), slices.Clone(h.Private)
		change.f(&h)
		try(change.what, &h)
	}
	t.Logf("%d exchanges", tried)
}

// FuzzReading reads tables and MANIFESTs of Pebble: never a panic, and what Verify finds nothing wrong with can be read to its end.
func FuzzReading(f *testing.F) {
	st, all := smallCheckpoints(f)
	for _, h := range all {
		var manifest []byte
		for name, path := range filesOf(h) {
			if strings.HasPrefix(name, "MANIFEST-") {
				manifest = st.files[path]
			}
		}
		for _, table := range h.Shared {
			f.Add(st.files[table.File.(*metadata.FileHandle).Path.String()], manifest)
		}
	}
	f.Fuzz(func(t *testing.T, data, manifest []byte) {
		if m, err := rocksdb.ParseManifest(manifest); err == nil && len(m.Families) == 0 {
			t.Fatal("no column family")
		}
		table, err := rocksdb.OpenTable(&handletest.Blob{Data: data, Path: "fuzzed"}, &rocksdb.TableOptions{Memory: 1 << 20})
		if err != nil {
			return
		}
		bad := false
		if _, err := table.Verify(context.Background(), func(*backends.Error) { bad = true }); err != nil {
			t.Fatal(err)
		}
		it := table.Iterator(0)
		for it.Next() {
			it.Kind()
		}
		if it.Err() != nil && !bad {
			t.Fatalf("found while reading only: %v", it.Err())
		}
	})
}
