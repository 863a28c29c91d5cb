package hashmap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/handletest"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/metadata"
)

// fill puts n keys with some of everything into the tables.
func fill(tb testing.TB, j *job, tables []backends.Table, n int) {
	tb.Helper()
	must := func(err error) {
		if err != nil {
			tb.Fatal(err)
		}
	}
	for i := range n {
		k := fmt.Sprintf("key-%08d", i)
		key, kg := j.keyOf(j.states[0], k, nil, 0)
		if tables[0] == nil {
			continue
		}
		long := []byte{0, 0, 0, 0, byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}
		must(tables[0].Put(kg, key, nil, long))
		if i%10 == 0 {
			must(tables[1].Append(kg, key, []byte{3, 'a', ','}))
			must(tables[1].Append(kg, key, []byte{1}))
			must(tables[2].Put(kg, key, []byte{2, 'a'}, append([]byte{0}, long...)))
			must(tables[2].Put(kg, key, []byte{2, 'b'}, []byte{1}))
			timer, _ := j.keyOf(j.states[3], k, nil, int64(i))
			must(tables[3].Put(kg, timer, nil, nil))
			window, _ := j.keyOf(j.states[4], k, "w", 0)
			must(tables[4].Put(kg, window, nil, []byte{1}))
		}
	}
}

// filled is a store with n keys.
func filled(tb testing.TB, n int) (*job, *handletest.Streams, backends.Store, []backends.Table) {
	tb.Helper()
	j, files := newJob(tb, 128), inMemory()
	s, tables := j.open(tb, j.config(files, j.groups))
	fill(tb, j, tables, n)
	return j, files, s, tables
}

// parts are the key groups of each of n sub-tasks.
func (j *job) parts(n int) []metadata.KeyGroupRange {
	r := make([]metadata.KeyGroupRange, n)
	for i := range r {
		r[i] = metadata.KeyGroupRange{First: int32(i * int(j.max) / n), Last: int32((i+1)*int(j.max)/n) - 1}
	}
	return r
}

// TestRescale: from one sub-task to three, to two: nothing is lost, nothing is twice.
func TestRescale(t *testing.T) {
	for _, form := range []backends.SnapshotForm{backends.NativeForm, backends.CanonicalForm} {
		j, files, s, tables := filled(t, 2000)
		want := dump(t, j, tables)
		handles := []metadata.KeyedHandle{take(t, s, files, form)}
		for _, n := range []int{3, 2} {
			got := map[string]string{}
			var next []metadata.KeyedHandle
			for _, groups := range j.parts(n) {
				s, tables := j.open(t, j.config(files, groups, handles...))
				part := dump(t, j, tables)
				if len(part) == 0 || len(part) > len(want)*2/n {
					t.Errorf("%d of %d entries in one of %d", len(part), len(want), n)
				}
				maps.Copy(got, part)
				next = append(next, take(t, s, files, form))
			}
			if !maps.Equal(got, want) {
				t.Errorf("%d sub-tasks have %d entries, not %d", n, len(got), len(want))
			}
			handles = next
		}
	}
}

// TestCarry: what no job asks for stays as it is, and a kind that changed is refused.
func TestCarry(t *testing.T) {
	j, files, s, tables := filled(t, 100)
	want := dump(t, j, tables)
	h := take(t, s, files, backends.NativeForm)
	again, err := OpenStore(t.Context(), j.config(files, j.groups, h))
	if err != nil {
		t.Fatal(err)
	}
	h = take(t, again, files, backends.CanonicalForm)
	_, tables = j.open(t, j.config(files, j.groups, h))
	if got := dump(t, j, tables); !maps.Equal(got, want) {
		t.Errorf("%d entries, not %d", len(got), len(want))
	}
	list := *j.states[1]
	list.Kind = backends.Value
	var wrong *backends.IncompatibleError
	if _, err := again.Table(&list); !errors.As(err, &wrong) || wrong.State != "list" || wrong.Was != "list" || wrong.Want != "value" {
		t.Error(err)
	}
	if _, err := again.Table(&backends.Meta{Name: "x", Kind: backends.Union}); err == nil {
		t.Error("operator state by key")
	}
}

// TestTwice: handles that hold the same key are refused, and so are handles whose states do not fit each other.
func TestTwice(t *testing.T) {
	j, files, s, _ := filled(t, 10)
	h := take(t, s, files, backends.NativeForm)
	if _, err := OpenStore(t.Context(), j.config(files, j.groups, h, h)); err == nil || !strings.Contains(err.Error(), "is there twice") {
		t.Error(err)
	}
	other := newJob(t, 128)
	other.states[0].Value = handletest.Type(t, "Integer")
	s, _ = other.open(t, other.config(files, other.groups))
	var wrong *backends.IncompatibleError
	if _, err := OpenStore(t.Context(), j.config(files, j.groups, h, take(t, s, files, backends.NativeForm))); !errors.As(err, &wrong) || wrong.State != "count" {
		t.Error(err)
	}
}

// TestDamaged: what cannot be read is not passed over.
func TestDamaged(t *testing.T) {
	j, files, s, _ := filled(t, 100)
	h := take(t, s, files, backends.NativeForm).(*metadata.KeyGroupsHandle)
	data := h.Delegate.(*metadata.InlineHandle).Data
	data[h.Offsets[7]+3]++
	_, err := OpenStore(t.Context(), j.config(files, j.groups, h))
	var wrong *backends.Error
	if !errors.As(err, &wrong) || !strings.HasPrefix(wrong.Path, "memory:/") || wrong.KeyGroup != 7 {
		t.Error(err)
	}
	if _, err := OpenStore(t.Context(), j.config(files, j.groups, &metadata.KeyGroupsHandle{Range: j.groups, Offsets: make([]int64, 128), Delegate: &metadata.FileHandle{}})); err == nil {
		t.Error("a file that is not there")
	}
}

// TestUnmade: snapshots that fail, are cancelled, or whose store is closed leave nothing, and the store can be used on.
func TestUnmade(t *testing.T) {
	broken := errors.New("the disk is full")
	for name, c := range map[string]struct {
		fail  error
		close bool
		want  error
	}{"cancelled": {want: context.Canceled}, "failed": {fail: broken, want: broken}, "closed": {close: true, want: ErrClosed}} {
		for _, form := range []backends.SnapshotForm{backends.NativeForm, backends.CanonicalForm} {
			j, _, s, tables := filled(t, 1000)
			files := inMemory()
			files.SetFault(func(op handletest.Op, _ string) error {
				if op == handletest.Write {
					return c.fail
				}
				return nil
			})
			dir := t.TempDir()
			write, err := s.Snapshot(&backends.SnapshotRequest{Form: form, Streams: files, LocalDir: dir})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			if c.want == context.Canceled {
				cancel()
			}
			if c.close {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
			r, err := write(ctx)
			cancel()
			if !errors.Is(err, c.want) || !r.Empty() || files.Unended() != 0 {
				t.Errorf("%s: %v, %d streams open", name, err, files.Unended())
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("%s: %v left, %v", name, left, err)
			}
			if c.close {
				continue
			}
			want := dump(t, j, tables)
			h := take(t, s, inMemory(), form)
			_, tables = j.open(t, j.config(files, j.groups, h))
			if got := dump(t, j, tables); !maps.Equal(got, want) {
				t.Errorf("%s: %d entries, not %d", name, len(got), len(want))
			}
		}
	}
}

// TestLocal: the local copy has the same bytes, and a handle of its own. One that cannot be written costs nothing.
func TestLocal(t *testing.T) {
	for _, form := range []backends.SnapshotForm{backends.NativeForm, backends.CanonicalForm} {
		_, files, s, _ := filled(t, 1000)
		dir := filepath.Join(t.TempDir(), "chk-7")
		r := taken(t, s, &backends.SnapshotRequest{Form: form, Streams: files, LocalDir: dir})
		local, ok := r.TaskLocal.(*metadata.KeyGroupsHandle)
		if !ok {
			t.Fatalf("%v", r.TaskLocal)
		}
		file := local.Delegate.(*metadata.FileHandle)
		b, err := os.ReadFile(strings.TrimPrefix(file.Path.String(), "file:"))
		own := r.JobManagerOwned.(*metadata.KeyGroupsHandle)
		if err != nil || !bytes.Equal(b, own.Delegate.(*metadata.InlineHandle).Data) || int64(len(b)) != file.Size {
			t.Errorf("%d bytes, %v", len(b), err)
		}
		blocked := filepath.Join(dir, "file")
		if err := os.WriteFile(blocked, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		r = taken(t, s, &backends.SnapshotRequest{Form: form, Streams: files, LocalDir: blocked})
		if r.TaskLocal != nil || r.JobManagerOwned == nil {
			t.Error(r)
		}
	}
}

func taken(t *testing.T, s backends.Store, r *backends.SnapshotRequest) backends.SnapshotResult {
	t.Helper()
	write, err := s.Snapshot(r)
	if err != nil {
		t.Fatal(err)
	}
	result, err := write(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// TestLocalDropped: a copy that fails midway is taken away, and the checkpoint goes on.
func TestLocalDropped(t *testing.T) {
	_, _, s, _ := filled(t, 10)
	p := &pending{store: s.(*Store), request: backends.SnapshotRequest{LocalDir: t.TempDir()}}
	stream, err := inMemory().Create(t.Context(), metadata.Exclusive)
	if err != nil {
		t.Fatal(err)
	}
	out := p.tee(stream)
	if err := out.file.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := out.Write([]byte("bytes")); n != 5 || err != nil || out.file != nil {
		t.Error(n, err)
	}
	if _, err := os.Stat(out.path); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if r := out.result(&metadata.KeyGroupsHandle{}); r.TaskLocal != nil {
		t.Error(r)
	}
}

// TestNothing: a store without states has no handle, one without entries has.
func TestNothing(t *testing.T) {
	j, files := newJob(t, 128), inMemory()
	s, err := OpenStore(t.Context(), j.config(files, j.groups))
	if err != nil {
		t.Fatal(err)
	}
	created := 0
	files.SetFault(func(handletest.Op, string) error { created++; return nil })
	if r := taken(t, s, &backends.SnapshotRequest{Streams: files, LocalDir: t.TempDir()}); !r.Empty() || r.TaskLocal != nil || created != 0 {
		t.Error(r)
	}
	files.SetFault(nil)
	s, _ = j.open(t, j.config(files, j.groups))
	h := take(t, s, files, backends.NativeForm)
	r, err := snapshot.OpenKeyed(t.Context(), files, h, backends.Origin{MaxParallelism: 128, Range: j.groups}, backends.Options{Verify: true})
	if err != nil || len(r.States()) != len(j.states) || count(r.Entries(t.Context(), backends.Everything(j.groups))) != 0 {
		t.Error(err)
	}
}

// TestUse: what a table refuses.
func TestUse(t *testing.T) {
	j, _, s, tables := filled(t, 10)
	key, kg := j.keyOf(j.states[0], "a", nil, 0)
	if err := tables[0].Append(kg, key, nil); err == nil {
		t.Error("an element of a value")
	}
	if s.Ordered() || s.MemoryUse() < 1000 {
		t.Error(s.MemoryUse())
	}
	for _, kg := range []int32{-1, 128} {
		_, _, err := tables[0].Get(kg, key, nil)
		if err == nil || tables[0].Put(kg, key, nil, nil) == nil || tables[0].Delete(kg, key, nil) == nil || tables[1].Append(kg, key, nil) == nil || tables[2].Clear(kg, key) == nil {
			t.Error("a key group of others")
		}
		for _, err = range tables[2].Subs(kg, key) {
		}
		if err == nil {
			t.Error("a key group of others")
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, _, err := tables[0].Get(kg, key, nil)
	_, err2 := s.Table(j.states[0])
	_, err3 := s.Snapshot(&backends.SnapshotRequest{})
	for _, err := range []error{err, err2, err3, tables[0].Put(kg, key, nil, nil)} {
		if !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	}
	for range tables[0].All(keygroups.All(128)) {
		for _, err := range tables[0].All(keygroups.All(128)) {
			if !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
		}
	}
}

// TestNoAllocations: what is done for each record takes nothing of the heap.
func TestNoAllocations(t *testing.T) {
	j, _, _, tables := filled(t, 1000)
	key, kg := j.keyOf(j.states[0], "key-00000010", nil, 0)
	value := make([]byte, 8)
	sub, null := []byte{2, 'a'}, make([]byte, 9)
	n := testing.AllocsPerRun(1000, func() {
		_, _, err := tables[0].Get(kg, key, nil)
		_, _, err2 := tables[2].Get(kg, key, sub)
		if err := errors.Join(err, err2, tables[0].Put(kg, key, nil, value), tables[2].Put(kg, key, sub, null)); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
