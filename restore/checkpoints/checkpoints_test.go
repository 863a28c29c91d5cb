package checkpoints_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/faults"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore/checkpoints"
)

var job = layout.JobID{0xab, 0xcd, 0xef, 1}

func mutable(ctx context.Context, url string) (layout.MutableStore, error) {
	return storage.New(storage.Settings{}).OpenMutable(ctx, url)
}

func access(t *testing.T, s checkpoints.Storage) checkpoints.Access {
	t.Helper()
	a, err := s.Access(context.Background(), job)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

func locate(t *testing.T, a checkpoints.Access, id int64) checkpoints.Location {
	t.Helper()
	l, err := a.Location(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func write(t *testing.T, s backends.Streams, scope metadata.Scope, data []byte) metadata.StreamHandle {
	t.Helper()
	w, err := s.Create(context.Background(), scope)
	if err != nil {
		t.Fatal(err)
	}
	for part := range slices.Chunk(data, 1000) {
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	if w.Pos() != int64(len(data)) {
		t.Errorf("at %d of %d", w.Pos(), len(data))
	}
	h, err := w.CloseAndHandle()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	return h
}

func read(t *testing.T, f backends.Files, h metadata.StreamHandle) []byte {
	t.Helper()
	b, err := f.Open(context.Background(), h)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	data := make([]byte, b.Size())
	if n, err := b.ReadAt(data, 0); n < len(data) {
		t.Fatal(err)
	}
	return data
}

// tree lists the files below dir.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, p)
			files = append(files, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return files
}

// checkpointOf holds a large exclusive state, a shared one, and a small one.
func checkpointOf(t *testing.T, l checkpoints.Location, id int64) *metadata.Checkpoint {
	t.Helper()
	s := l.Streams()
	large := bytes.Repeat([]byte("0123456789"), 5000)
	meta := write(t, s, metadata.Exclusive, large)
	shared := write(t, s, metadata.Shared, large)
	small := write(t, s, metadata.Exclusive, []byte("small"))
	return &metadata.Checkpoint{Version: metadata.Version4, ID: id, Operators: []metadata.OperatorState{{
		ID: metadata.OperatorIDOf("op"), Parallelism: 1, MaxParallelism: 128,
		Subtasks: []metadata.SubtaskState{{ManagedKeyed: &metadata.IncrementalHandle{Tag: metadata.TagIncrementalV2, BackendID: metadata.NewUTF("00000000-0000-4000-8000-000000000001"),
			HandleID:     metadata.NewUTF("00000000-0000-4000-8000-000000000002"),
			CheckpointID: id, Range: metadata.KeyGroupRange{First: 0, Last: 127}, Meta: meta,
			Shared:  []metadata.NamedFile{{Name: metadata.NewUTF("000001.sst"), File: shared}},
			Private: []metadata.NamedFile{{Name: metadata.NewUTF("CURRENT"), File: small}}}}}}},
		Properties: &metadata.Properties{Type: metadata.SnapshotType{Class: "CheckpointType", Name: "Checkpoint", Sharing: "FORWARD_BACKWARD"}, Understood: true}}
}

func TestFileSystem(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	a := access(t, &checkpoints.FileSystem{Mutable: mutable, Dir: "file://" + dir, SavepointDir: dir + "/savepoints", Threshold: -1})
	l := locate(t, a, 7)
	m := checkpointOf(t, l, 7)
	pointer, size, err := l.Complete(ctx, m)
	if err != nil {
		t.Fatal(err)
	}
	chk := filepath.Join(dir, job.String(), "chk-7")
	if pointer != chk || l.Exclusive() != chk {
		t.Errorf("pointer %s, exclusive %s", pointer, l.Exclusive())
	}
	data, err := os.ReadFile(filepath.Join(chk, "_metadata"))
	if err != nil || int64(len(data)) != size {
		t.Fatalf("%d bytes of %d: %v", len(data), size, err)
	}
	back, err := metadata.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	h := back.Operators[0].Subtasks[0].ManagedKeyed.(*metadata.IncrementalHandle)
	meta, relative := h.Meta.(*metadata.RelativeFileHandle)
	sst, absolute := h.Shared[0].File.(*metadata.FileHandle)
	inline, small := h.Private[0].File.(*metadata.InlineHandle)
	if !relative || !absolute || !small || string(inline.Data) != "small" {
		t.Fatalf("%T %T %T", h.Meta, h.Shared[0].File, h.Private[0].File)
	}
	if want := "file:" + dir + "/" + job.String() + "/shared/"; !strings.HasPrefix(sst.Path.String(), want) || strings.Contains(meta.Path.String(), "/") {
		t.Errorf("paths %s and %s", sst.Path, meta.Path)
	}
	if got := tree(t, filepath.Join(dir, job.String())); len(got) != 3 {
		t.Errorf("files: %v", got)
	}
	abs := checkpoints.Absolute(back, pointer).Operators[0].Subtasks[0].ManagedKeyed.(*metadata.IncrementalHandle)
	if got := read(t, a.Files(), abs.Meta); len(got) != 50000 {
		t.Errorf("read %d bytes", len(got))
	}
	if got := read(t, a.Files(), sst); len(got) != 50000 {
		t.Errorf("read %d bytes", len(got))
	}
	if _, err := a.Location(ctx, 7); !errors.Is(err, fs.ErrExist) {
		t.Errorf("the same checkpoint again: %v", err)
	}
	discard(t, a, pointer, h)
	if got := tree(t, dir); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
	if _, err := os.Stat(chk); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory is there: %v", err)
	}
}

// discard deletes all of a checkpoint, twice: what is gone is no error.
func discard(t *testing.T, a checkpoints.Access, pointer string, h *metadata.IncrementalHandle) {
	t.Helper()
	ctx := context.Background()
	for range 2 {
		for _, err := range []error{a.DiscardMetadata(ctx, pointer), a.Discard(ctx, h.Meta, pointer), a.Discard(ctx, h.Shared[0].File, pointer),
			a.Discard(ctx, h.Private[0].File, pointer), a.RemoveDir(ctx, pointer)} {
			if err != nil {
				t.Error(err)
			}
		}
	}
}

func TestFileSystemDispose(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	temp := t.TempDir()
	a := access(t, &checkpoints.FileSystem{Mutable: mutable, Dir: dir, Temp: temp})
	l := locate(t, a, 1)
	w, err := l.Streams().Create(ctx, metadata.Exclusive)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 100000)); err != nil {
		t.Fatal(err)
	}
	if len(tree(t, temp)) != 1 || len(tree(t, dir)) != 0 {
		t.Errorf("%v %v", tree(t, temp), tree(t, dir))
	}
	if err := w.Close(); err != nil || len(tree(t, temp)) != 0 {
		t.Errorf("%v: %v", tree(t, temp), err)
	}
	if _, err := w.Write([]byte{1}); !errors.Is(err, checkpoints.ErrStreamClosed) {
		t.Error(err)
	}
	write(t, l.Streams(), metadata.Exclusive, []byte("one byte is a file with a threshold of 0"))
	if len(tree(t, dir)) != 1 {
		t.Errorf("%v", tree(t, dir))
	}
	if err := l.Dispose(ctx); err != nil || len(tree(t, dir)) != 0 {
		t.Errorf("%v: %v", tree(t, dir), err)
	}
	if err := locate(t, a, 2).Dispose(ctx); err != nil {
		t.Errorf("nothing there: %v", err)
	}
	if h := write(t, l.Streams(), metadata.Exclusive, nil); h != nil {
		t.Errorf("no bytes: %v", h)
	}
	canceled, cancel := context.WithCancel(ctx)
	w, err = l.Streams().Create(canceled, metadata.Shared)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := w.Write([]byte{1}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := w.CloseAndHandle(); !errors.Is(err, context.Canceled) || len(tree(t, dir)) != 0 {
		t.Errorf("%v: %v", tree(t, dir), err)
	}
}

func TestSavepointLocation(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	for name, s := range map[string]checkpoints.Storage{
		"file system": &checkpoints.FileSystem{Mutable: mutable, Dir: dir + "/a", SavepointDir: dir + "/sp", Threshold: -1},
		"memory":      &checkpoints.JobManager{Mutable: mutable, SavepointDir: dir + "/sp"},
	} {
		a := access(t, s)
		for _, target := range []string{"", dir + "/other"} {
			l, err := a.SavepointLocation(ctx, 3, target)
			if err != nil {
				t.Fatal(err)
			}
			pointer, _, err := l.Complete(ctx, checkpointOf(t, l, 3))
			if err != nil {
				t.Fatal(err)
			}
			n, ok := layout.ParseSavepointName(filepath.Base(pointer))
			if !ok || n.JobPrefix != "abcdef" {
				t.Errorf("%s: %s", name, pointer)
			}
			if files := tree(t, pointer); len(files) != 3 && name == "file system" || len(files) != 1 && name == "memory" {
				t.Errorf("%s: %v", name, files)
			}
		}
	}
	none := access(t, &checkpoints.FileSystem{Mutable: mutable, Dir: dir})
	if _, err := none.SavepointLocation(ctx, 1, ""); err == nil {
		t.Error("a savepoint went nowhere")
	}
}

func TestJobManager(t *testing.T) {
	ctx := context.Background()
	a := access(t, &checkpoints.JobManager{MaxStateSize: 60000})
	l := locate(t, a, 1)
	m := checkpointOf(t, l, 1)
	pointer, size, err := l.Complete(ctx, m)
	if err != nil || pointer != "" || size < 100000 {
		t.Errorf("%q, %d bytes: %v", pointer, size, err)
	}
	h := m.Operators[0].Subtasks[0].ManagedKeyed.(*metadata.IncrementalHandle)
	if got := read(t, a.Files(), h.Shared[0].File); len(got) != 50000 {
		t.Errorf("read %d bytes", len(got))
	}
	w, err := l.Streams().Create(ctx, metadata.Exclusive)
	if err != nil {
		t.Fatal(err)
	}
	var tooLarge *checkpoints.StateSizeError
	if _, err := w.Write(make([]byte, 60001)); !errors.As(err, &tooLarge) {
		t.Error(err)
	}
	states := map[metadata.OperatorID]metadata.SubtaskState{}
	for i := range byte(3) {
		states[metadata.OperatorID{i}] = metadata.SubtaskState{ManagedKeyed: &metadata.KeyGroupsHandle{Delegate: &metadata.InlineHandle{Data: make([]byte, 5<<20)}}}
		if err := a.CheckAnswer(states); errors.Is(err, checkpoints.ErrFrame) != (i == 2) {
			t.Errorf("%d states: %v", i+1, err)
		}
	}
	if err := l.Dispose(ctx); err != nil {
		t.Error(err)
	}
}

// TestJobManagerDir: with a directory, `_metadata` holds all.
func TestJobManagerDir(t *testing.T) {
	dir := t.TempDir()
	a := access(t, &checkpoints.JobManager{Mutable: mutable, Dir: dir})
	l := locate(t, a, 4)
	pointer, _, err := l.Complete(context.Background(), checkpointOf(t, l, 4))
	if err != nil || pointer != dir+"/"+job.String()+"/chk-4" {
		t.Errorf("%s: %v", pointer, err)
	}
	if got := tree(t, dir); len(got) != 1 {
		t.Errorf("%v", got)
	}
}

func TestUpload(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "000001.sst")
	for _, size := range []int{0, 100, 30000} {
		if err := os.WriteFile(file, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
		for name, s := range map[string]checkpoints.Storage{
			"files":  &checkpoints.FileSystem{Mutable: mutable, Dir: dir + "/a", Threshold: -1},
			"memory": &checkpoints.JobManager{},
		} {
			a := access(t, s)
			h, err := locate(t, a, 1).Streams().Upload(context.Background(), metadata.Shared, file)
			if err != nil {
				t.Fatal(err)
			}
			_, inline := h.(*metadata.InlineHandle)
			if inline != (size <= 100 || name == "memory") || h.StateSize() != int64(size) || len(read(t, a.Files(), h)) != size {
				t.Errorf("%s, %d bytes: %T", name, size, h)
			}
		}
	}
}

func TestRegistry(t *testing.T) {
	r := checkpoints.Registry{{Names: []string{"mine", "com.example.Storage"}, New: func(checkpoints.Setting) (checkpoints.Storage, error) { return &checkpoints.JobManager{}, nil }}}
	for _, name := range []string{"mine", "MINE", "com.example.storage"} {
		if s, err := r.Open(name, nil); err != nil || s.Name() != "JobManagerCheckpointStorage" {
			t.Errorf("%s: %v", name, err)
		}
	}
	var unknown *checkpoints.UnknownStorageError
	if _, err := r.Open("other", nil); !errors.As(err, &unknown) || !strings.Contains(err.Error(), "mine") {
		t.Error(err)
	}
}

// TestRelativeDir: paths within `_metadata` are absolute all the same.
func TestRelativeDir(t *testing.T) {
	t.Chdir(t.TempDir())
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	a := access(t, &checkpoints.FileSystem{Mutable: mutable, Dir: "chk", SavepointDir: "sp"})
	l := locate(t, a, 1)
	m := checkpointOf(t, l, 1)
	shared := m.Operators[0].Subtasks[0].ManagedKeyed.(*metadata.IncrementalHandle).Shared[0].File.(*metadata.FileHandle)
	if want := "file:" + here + "/chk/" + job.String() + "/shared/"; !strings.HasPrefix(shared.Path.String(), want) {
		t.Errorf("%s, want %s…", shared.Path, want)
	}
	s, err := a.SavepointLocation(context.Background(), 1, "")
	if err != nil || !strings.HasPrefix(s.Exclusive(), here+"/sp/") {
		t.Errorf("%v", err)
	}
}

// TestUnwritable: a directory that cannot be written is told before a job begins.
func TestUnwritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, s := range []checkpoints.Storage{&checkpoints.FileSystem{Mutable: mutable, Dir: file + "/below"}, &checkpoints.JobManager{Mutable: mutable, Dir: file + "/below"}} {
		if _, err := s.Access(context.Background(), job); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", s.Name(), err)
		}
	}
}

// TestLostAnswer: a file that is there though its storage said no does not stay, as nobody would know of it.
func TestLostAnswer(t *testing.T) {
	dir := t.TempDir()
	lost := true
	plan := &faults.Plan{Outcome: func(op, _ string) faults.Outcome {
		if lost && op == "create" {
			return faults.Lost
		}
		return faults.Done
	}}
	s := &checkpoints.FileSystem{Mutable: plan.WrapMutable(mutable), Dir: dir}
	if _, err := s.Access(context.Background(), job); err == nil || len(tree(t, dir)) > 0 {
		t.Errorf("at the beginning: %v, %v", err, tree(t, dir))
	}
	lost = false
	l := locate(t, access(t, s), 1)
	file := filepath.Join(t.TempDir(), "000001.sst")
	if err := os.WriteFile(file, []byte("table"), 0o600); err != nil {
		t.Fatal(err)
	}
	lost = true
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if _, err := l.Streams().Upload(ctx, metadata.Shared, file); !errors.Is(err, faults.ErrInjected) || len(tree(t, dir)) > 0 {
		t.Errorf("an upload: %v, %v", err, tree(t, dir))
	}
	w, err := l.Streams().Create(ctx, metadata.Exclusive)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("state")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.CloseAndHandle(); !errors.Is(err, faults.ErrInjected) || len(tree(t, dir)) > 0 {
		t.Errorf("a stream: %v, %v", err, tree(t, dir))
	}
	plan.StatErr = func(string) error { return fs.ErrPermission }
	if _, err := l.Streams().Upload(ctx, metadata.Shared, file); !errors.Is(err, faults.ErrInjected) {
		t.Errorf("what cannot be deleted: %v", err)
	}
}

// TestPlacesOfHandles: a pointer may be spelt in any way, and nothing is deleted by a relative path without a directory.
func TestPlacesOfHandles(t *testing.T) {
	ctx, dir, opened := context.Background(), t.TempDir(), 0
	a := access(t, &checkpoints.FileSystem{Dir: dir, Threshold: -1, Mutable: func(ctx context.Context, url string) (layout.MutableStore, error) {
		opened++
		return mutable(ctx, url)
	}})
	l := locate(t, a, 1)
	pointer, _, err := l.Complete(ctx, &metadata.Checkpoint{Version: metadata.Version3, ID: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(a.DiscardMetadata(ctx, "file://"+pointer), a.RemoveDir(ctx, "file:"+pointer+"/")); err != nil || len(tree(t, dir)) > 0 || opened != 1 {
		t.Errorf("%v, %v, %d stores", err, tree(t, dir), opened)
	}
	for _, c := range []struct{ path, dir string }{{"x", ""}, {"../x", pointer}} {
		if err := a.Discard(ctx, &metadata.RelativeFileHandle{Path: metadata.NewUTF(c.path)}, c.dir); err == nil {
			t.Errorf("%q below %q: no error", c.path, c.dir)
		}
	}
}
