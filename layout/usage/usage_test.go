package usage_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/layout/usage"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
)

// later is long after all files were written.
func later() time.Time { return time.Now().Add(1000 * time.Hour) }

// account measures trees on the local file system.
func account(t testing.TB, now time.Time, roots ...string) *usage.Usage {
	t.Helper()
	names := &usage.Names{}
	var trees []*layout.Tree
	for _, root := range roots {
		store, err := storage.Open(t.Context(), root)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		tree, err := layout.NewTree(t.Context(), store, nil)
		if err != nil {
			t.Fatal(err)
		}
		trees = append(trees, tree)
	}
	g, err := layout.NewGraph(t.Context(), trees, layout.GraphOptions{
		Assess:  layout.AssessOptions{Now: now},
		Observe: func(*layout.Tree, *layout.Snapshot) func(*layout.Reference) { return names.Observe },
	})
	if err != nil {
		t.Fatal(err)
	}
	return usage.Account(g, usage.Options{Now: now, Grace: layout.DefaultGrace, Outside: names})
}

// keys are where objects lie below the first root.
func keys(u *usage.Usage) []string {
	var all []string
	for _, o := range u.Orphans {
		key, _ := layout.Below(u.Graph.Trees[0].Root, u.Graph.URL(o.Object))
		all = append(all, key)
	}
	slices.Sort(all)
	return all
}

// measured adds up the files below dir without any help of the packages under test.
func measured(t *testing.T, dir string) (files int, bytes int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		files++
		bytes += info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files, bytes
}

// checkSums fails unless every byte is in one class, of the root and of a job.
func checkSums(t *testing.T, u *usage.Usage) {
	t.Helper()
	for i := range u.Roots {
		r, inv := &u.Roots[i], u.Graph.Trees[i].Inventory
		if got, want := r.Total().Bytes, inv.Bytes+inv.SkippedBytes; got != want {
			t.Errorf("%s: %d bytes in classes, %d listed", inv.Root, got, want)
		}
		var jobs usage.Sums
		for _, j := range u.Jobs {
			if j.Tree == i {
				for c := range jobs.Class {
					jobs.Class[c].Files += j.Class[c].Files
					jobs.Class[c].Bytes += j.Class[c].Bytes
				}
			}
		}
		if jobs.Class != r.Class {
			t.Errorf("%s: jobs have %v, the root %v", inv.Root, jobs.Class, r.Class)
		}
		var unknown usage.Amount
		for _, a := range r.Reason[usage.Unread:] {
			unknown.Files += a.Files
			unknown.Bytes += a.Bytes
		}
		if unknown != r.Of(usage.Unknown) {
			t.Errorf("%s: reasons for %v, unknown are %v", inv.Root, unknown, r.Of(usage.Unknown))
		}
	}
}

// TestFlink: in trees that Flink wrote, each byte has its class, and the orphans are
// those that its own loader leaves.
func TestFlink(t *testing.T) {
	trees := testdata.ReferencedTrees(t)
	for _, tree := range trees {
		t.Run(tree.Name, func(t *testing.T) { checkTree(t, tree.Dir, tree.Orphans) })
	}
	if len(trees) < 10 {
		t.Errorf("only %d trees", len(trees))
	}
}

func checkTree(t *testing.T, tree string, orphans []string) {
	u := account(t, later(), tree)
	checkSums(t, u)
	files, bytes := measured(t, tree)
	if got := u.Roots[0].Total(); got != (usage.Amount{Files: files, Bytes: bytes}) {
		t.Errorf("%v, the file system has %d files of %d bytes", got, files, bytes)
	}
	slices.Sort(orphans)
	if got := keys(u); !slices.Equal(got, orphans) {
		t.Errorf("orphans %v, want %v", got, orphans)
	}
	if n := u.Roots[0].Of(usage.Unknown); n.Files > 0 {
		t.Errorf("%v are unknown: %v", n, u.Roots[0].Reason)
	}
	if m := u.Roots[0].Merged; m.Live > m.Bytes || (m.Live > 0) != strings.Contains(tree, "filemerging") {
		t.Errorf("merged files: %+v", m)
	}
	checkDetail(t, u)
}

// TestFlinkYoung: what has just been written is no orphan.
func TestFlinkYoung(t *testing.T) {
	root := testdata.Tree(t, "1.20.0/changelog-rocksdb-materialized")
	now := time.Now()
	err := filepath.WalkDir(root, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chtimes(p, now, now)
	})
	if err != nil {
		t.Fatal(err)
	}
	u := account(t, now.Add(time.Minute), root)
	if r := &u.Roots[0]; len(u.Orphans) > 0 || r.Of(usage.InFlight).Files != 8 {
		t.Errorf("%v, orphans %v", r.Class, keys(u))
	}
	checkSums(t, u)
}

// TestBroken: the sums hold where nothing can be read, and nothing is an orphan.
func TestBroken(t *testing.T) {
	root := filepath.Join(testdata.Root(t), "bad")
	u := account(t, later(), root)
	checkSums(t, u)
	if r := &u.Roots[0]; len(u.Orphans) > 0 || r.Of(usage.Unknown) != r.Total() || r.Reason[usage.Unread].Files == 0 {
		t.Errorf("%v %v", r.Class, r.Reason)
	}
}

const (
	jobA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	jobB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// uuid is a name that Flink could have given.
func uuid(n int) string { return fmt.Sprintf("%08x-0000-4000-8000-%012x", n, n) }

// put writes a file of n bytes.
func put(t testing.TB, path string, n int) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, make([]byte, n), 0o644); err != nil {
		t.Fatal(err)
	}
}

// snapshot writes a _metadata with a sub-task for each file.
func snapshot(t testing.TB, dir string, files ...metadata.StreamHandle) {
	t.Helper()
	op := metadata.OperatorState{ID: metadata.OperatorIDOf("op"), Parallelism: int32(max(1, len(files))), MaxParallelism: 1 << 15}
	for i, f := range files {
		op.Subtasks = append(op.Subtasks, metadata.SubtaskState{Index: int32(i), ManagedOperator: &metadata.OperatorStateHandle{Delegate: f}})
	}
	data, err := metadata.Encode(&metadata.Checkpoint{Version: metadata.Version3, ID: 1, Operators: []metadata.OperatorState{op}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "_metadata"), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func file(path string, size int) *metadata.FileHandle {
	return &metadata.FileHandle{Path: metadata.UTF(path), Size: int64(size)}
}

// TestDoubt: as long as one _metadata cannot be read, nothing is an orphan.
func TestDoubt(t *testing.T) {
	root := t.TempDir()
	used, unused := filepath.Join(root, jobA, "shared", uuid(1)), filepath.Join(root, jobA, "shared", uuid(2))
	put(t, used, 10)
	put(t, unused, 20)
	put(t, filepath.Join(root, jobA, "shared", "notes.txt"), 3)
	put(t, filepath.Join(root, "README"), 4)
	snapshot(t, filepath.Join(root, jobA, "chk-1"), file(used, 10))
	u := account(t, later(), root)
	if got := keys(u); !slices.Equal(got, []string{jobA + "/shared/" + uuid(2)}) {
		t.Errorf("orphans %v", got)
	}
	if r := &u.Roots[0]; r.Reason[usage.NotFlinks] != (usage.Amount{Files: 2, Bytes: 7}) {
		t.Errorf("%v", r.Reason)
	}
	put(t, filepath.Join(root, jobB, "chk-1", "_metadata"), 5)
	u = account(t, later(), root)
	r := &u.Roots[0]
	if len(u.Orphans) > 0 || len(u.Doubts) != 1 || r.Reason[usage.Unsettled] != (usage.Amount{Files: 1, Bytes: 20}) || r.Reason[usage.Unread] != (usage.Amount{Files: 1, Bytes: 5}) {
		t.Errorf("orphans %v, doubts %v, %v", keys(u), u.Doubts, r.Reason)
	}
	checkSums(t, u)
}

// TestAmbiguous: a reference that may mean either of two copies leaves both in doubt.
func TestAmbiguous(t *testing.T) {
	root := t.TempDir()
	for _, copied := range []string{"one", "two"} {
		put(t, filepath.Join(root, copied, jobA, "shared", uuid(1)), 10)
	}
	snapshot(t, filepath.Join(root, "savepoint-aaaaaa-0123456789ab"), file("hdfs://old/"+jobA+"/shared/"+uuid(1), 10))
	u := account(t, later(), root)
	if len(u.Orphans) > 0 || len(u.Doubts) == 0 {
		t.Errorf("orphans %v, doubts %v", keys(u), u.Doubts)
	}
}

// TestNamesake: a tree that was copied, where no id tells the old place from the new.
func TestNamesake(t *testing.T) {
	root := t.TempDir()
	put(t, filepath.Join(root, "shared", uuid(1)), 10)
	put(t, filepath.Join(root, "shared", uuid(2)), 20)
	snapshot(t, filepath.Join(root, "chk-1"), file("hdfs://old/flink/shared/"+uuid(1), 10))
	u := account(t, later(), root)
	if got := keys(u); !slices.Equal(got, []string{"shared/" + uuid(2)}) || u.Roots[0].Reason[usage.Namesake].Bytes != 10 {
		t.Errorf("orphans %v, %v", got, u.Roots[0].Reason)
	}
}

// TestUnwitnessed: without the checkpoints that may use it, nothing is an orphan.
func TestUnwitnessed(t *testing.T) {
	root, log := t.TempDir(), t.TempDir()
	put(t, filepath.Join(root, jobA, "shared", uuid(1)), 10)
	put(t, filepath.Join(log, jobA, "dstl", uuid(2)), 20)
	if u := account(t, later(), root, log); len(u.Orphans) > 0 || u.Roots[1].Reason[usage.Unwitnessed].Bytes != 20 {
		t.Errorf("orphans %v", keys(u))
	}
	snapshot(t, filepath.Join(root, jobB, "chk-1"))
	if u := account(t, later(), root, log); len(u.Orphans) != 1 || u.Roots[1].Reason[usage.Unwitnessed].Bytes != 20 {
		t.Errorf("a checkpoint of another job: orphans %v", keys(u))
	}
	snapshot(t, filepath.Join(root, jobA, "chk-1"))
	if u := account(t, later(), root, log); len(u.Orphans) != 2 {
		t.Errorf("one of the same: orphans %v", keys(u))
	}
}

// TestManaged: what lies in a directory that Flink deletes as a whole is Flink's to delete.
func TestManaged(t *testing.T) {
	root := t.TempDir()
	name, _ := layout.ParseMergingName("job_" + jobA + "_tm_x")
	dir := filepath.Join(root, jobA, "taskowned", name.String())
	put(t, filepath.Join(dir, uuid(1)), 10)
	put(t, filepath.Join(root, jobA, "taskowned", uuid(2)), 20)
	c := &metadata.Checkpoint{Version: metadata.Version4, ID: 1, Properties: &metadata.Properties{
		Type: metadata.SnapshotType{Class: "CheckpointType", Name: "Checkpoint", Sharing: "FORWARD_BACKWARD"}},
		Operators: []metadata.OperatorState{{Parallelism: 1, MaxParallelism: 8, Subtasks: []metadata.SubtaskState{{
			ManagedOperator: &metadata.OperatorStateHandle{Delegate: &metadata.EmptySegmentHandle{}, Merging: &metadata.MergingDirs{
				TaskOwned: metadata.UTF(dir), Shared: metadata.UTF(filepath.Join(root, jobA, "shared")), Empty: true}}}}}}}
	data, err := metadata.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(root, jobA, "chk-1", "_metadata"), 0)
	if err := os.WriteFile(filepath.Join(root, jobA, "chk-1", "_metadata"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	u := account(t, later(), root)
	if got := keys(u); len(got) != 1 || !strings.HasSuffix(got[0], uuid(2)) || u.Roots[0].Reason[usage.Managed].Bytes != 10 {
		t.Errorf("orphans %v, %v", got, u.Roots[0].Reason)
	}
}

// While a checkpoint is in progress, what was uploaded since the newest complete one is
// meant for it, however long ago that was.
func TestUpcoming(t *testing.T) {
	root := testdata.Tree(t, "2.2.0/rocksdb-incremental-small")
	job := filepath.Join(root, "495d8572c34476e61174bd4e676c9523")
	newest, err := os.Stat(filepath.Join(job, "chk-6", "_metadata"))
	if err != nil {
		t.Fatal(err)
	}
	now := newest.ModTime().Add(50 * time.Hour)
	touch := func(name string, at time.Time) {
		t.Helper()
		path := filepath.Join(job, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("12345"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	touch("shared/11111111-2222-4333-8444-555555555555", newest.ModTime().Add(time.Hour))
	touch("shared/11111111-2222-4333-8444-666666666666", newest.ModTime().Add(-time.Hour))
	sums := func() (orphan, inFlight int64) {
		u := account(t, now, root)
		return u.Roots[0].Of(usage.Orphan).Bytes, u.Roots[0].Of(usage.InFlight).Bytes
	}
	if orphan, inFlight := sums(); orphan != 10 || inFlight != 0 {
		t.Errorf("%d bytes are orphans, %d in flight", orphan, inFlight)
	}
	touch("chk-7/11111111-2222-4333-8444-777777777777", now.Add(-time.Minute))
	if orphan, inFlight := sums(); orphan != 5 || inFlight != 10 {
		t.Errorf("with chk-7 in progress, %d bytes are orphans, %d in flight", orphan, inFlight)
	}
}
