package prune_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/prune"
	"github.com/ckpt-tool/ckpt/testdata"
)

// copyOf copies a directory with the times of its files.
func copyOf(t *testing.T, src, dst string) {
	t.Helper()
	if err := os.CopyFS(dst, os.DirFS(src)); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(src, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return os.Chtimes(dst+strings.TrimPrefix(file, src), info.ModTime(), info.ModTime())
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestAlias: one directory under two names. What checkpoints name by the one is not unused
// by the other.
func TestAlias(t *testing.T) {
	root := testdata.Tree(t, "2.2.0/rocksdb-incremental-small")
	alias := filepath.Join(t.TempDir(), "alias")
	if err := os.Symlink(root, alias); err != nil {
		t.Skip("no symbolic links:", err)
	}
	for name, change := range map[string]func(*prune.Input){
		"both swept": nil,
		"as another root": func(in *prune.Input) {
			for i := range in.Places {
				if in.Places[i].URL == alias {
					in.Places[i].Mode = prune.Untouched
				}
			}
		},
	} {
		in := input(t, nil, root, alias)
		if change != nil {
			change(&in)
		}
		if p := prune.Make(in); p.Totals.DeleteObjects > 0 {
			t.Errorf("%s: %v goes", name, goes(p))
		}
	}
}

// TestCopyInRoot: a backup beside the original has the same names, and is nobody's orphan.
func TestCopyInRoot(t *testing.T) {
	root := testdata.Tree(t, "2.2.0/rocksdb-incremental-small")
	dirs, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	copyOf(t, filepath.Join(root, dirs[0].Name()), filepath.Join(root, "backup", dirs[0].Name()))
	p := prune.Make(input(t, func(in *prune.Input) { in.Safety.MaxOrphanPercent = 100 }, root))
	if got := goes(p); len(got) > 0 {
		t.Errorf("%v goes, with %v", got, tripped(p))
	}
}

// TestCopiesDoNotPassOver: a copy of the checkpoints in another root is no later
// checkpoint.
func TestCopiesDoNotPassOver(t *testing.T) {
	root, other := testdata.Tree(t, "2.2.0/rocksdb-incremental-small"), filepath.Join(t.TempDir(), "copy")
	spread(t, root)
	dirs, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	orphan := filepath.Join(root, dirs[0].Name(), "shared", "01234567-89ab-4cde-8f01-23456789abcd")
	if err := os.WriteFile(orphan, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-95*time.Hour + 30*time.Minute) // between chk-5 and chk-6
	if err := os.Chtimes(orphan, at, at); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(other, os.DirFS(root)); err != nil { // with times of its own
		t.Fatal(err)
	}
	in := input(t, func(in *prune.Input) { in.World = prune.World{} }, root, other)
	in.Places[1].Mode = prune.Untouched
	p := prune.Make(in)
	if got := goes(p); len(got) > 0 || !slices.Contains(tripped(p), prune.GuardPassedOver) {
		t.Errorf("%v goes, with %v", got, tripped(p))
	}
}

// TestMaxBytesOfItsRoot: a root holds what lies below it, and not what lies around it, is
// ckpt's own, or goes anyway.
func TestMaxBytesOfItsRoot(t *testing.T) {
	root := testdata.Tree(t, "2.2.0/rocksdb-incremental-small")
	spread(t, root)
	plain := prune.Make(input(t, nil, root)).Totals.KeepBytes
	limit := func(in *prune.Input) { in.Policy.MaxBytes, in.Safety.MaxOrphanPercent = plain, 100 }
	for _, dir := range []string{layout.ToolDirName + "/trash/run", "around/it"} {
		file := filepath.Join(root, dir, "1")
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, make([]byte, plain), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	in := input(t, limit, root)
	in.Places = append(in.Places, prune.Place{URL: root + "/around", Mode: prune.Untouched})
	if p := prune.Make(in); p.Totals.Snapshots > 0 {
		t.Errorf("%v goes, though there is room", gone(p))
	}
	in = input(t, func(in *prune.Input) { limit(in); in.Policy.MaxBytes-- }, root)
	if p := prune.Make(in); p.Totals.Snapshots == 0 {
		t.Error("nothing goes, though there is no room")
	}
}

// TestLinksOfState: what stands for a file by a symbolic link may be used by its other name.
func TestLinksOfState(t *testing.T) {
	root := testdata.Tree(t, "2.2.0/rocksdb-incremental-small")
	dirs, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	shared := filepath.Join(root, dirs[0].Name(), "shared")
	if err := os.Symlink("somewhere", filepath.Join(shared, "01234567-89ab-4cde-8f01-23456789abcd")); err != nil {
		t.Skip("no symbolic links:", err)
	}
	p := prune.Make(input(t, nil, root))
	if !p.Stopped() || !slices.Contains(tripped(p), prune.GuardListing) {
		t.Error(tripped(p))
	}
}

// TestLinkIntoAnotherRoot: a link may lead to where all is listed anyway.
func TestLinkIntoAnotherRoot(t *testing.T) {
	root, other := testdata.Tree(t, "2.2.0/rocksdb-incremental-small"), testdata.Tree(t, "2.2.0/small-files")
	if err := os.Symlink(other, filepath.Join(root, "theirs")); err != nil {
		t.Skip("no symbolic links:", err)
	}
	if p := prune.Make(input(t, nil, root)); !p.Stopped() {
		t.Error("a link out of the root is no doubt")
	}
	if p := prune.Make(input(t, nil, root, other)); p.Stopped() {
		t.Error("a link into a declared root is a doubt:", tripped(p))
	}
}

// TestParquet: what Parquet calls _metadata stops nothing where no checkpoint can be.
func TestParquet(t *testing.T) {
	root := testdata.Tree(t, "2.2.0/small-files")
	for dir, stops := range map[string]bool{"table": false, "chk-7": true, "savepoint-012345-0123456789ab": true} {
		file := filepath.Join(root, dir, layout.MetadataName)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("PAR1 and more PAR1"), 0o644); err != nil {
			t.Fatal(err)
		}
		if p := prune.Make(input(t, nil, root)); p.Stopped() != stops {
			t.Errorf("%s: %v", dir, tripped(p))
		}
		if err := os.RemoveAll(filepath.Dir(file)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRemoveAllIsOfCheckpoints: savepoints need their own word, and --job limits all.
func TestRemoveAllIsOfCheckpoints(t *testing.T) {
	root := testdata.Tree(t, "2.2.0/savepoint-and-checkpoints")
	job, err := layout.ParseJobID("41faf955ef9cf869192a110509a82ccf")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(root, "savepoints"), filepath.Join(root, job.String(), "savepoints")); err != nil {
		t.Fatal(err)
	}
	all := func(in *prune.Input) { in.Policy.RemoveAll = []layout.JobID{job} }
	if got := gone(prune.Make(input(t, all, root))); len(got) != 3 || slices.ContainsFunc(got, func(n string) bool { return strings.HasPrefix(n, "savepoint") }) {
		t.Error(got)
	}
	if got := gone(prune.Make(input(t, func(in *prune.Input) { all(in); in.Policy.Savepoints = true }, root))); len(got) != 5 {
		t.Error(got)
	}
	if got := gone(prune.Make(input(t, func(in *prune.Input) { all(in); in.Policy.Jobs = []layout.JobID{{1}} }, root))); len(got) > 0 {
		t.Error(got)
	}
}

// TestIdleSavepoints: that a savepoint is old says nothing of the job that may need it.
func TestIdleSavepoints(t *testing.T) {
	root := testdata.Tree(t, "2.2.0/savepoint-and-checkpoints")
	spread(t, root)
	idle := func(in *prune.Input) {
		in.World = prune.World{AssumeEndedAfter: 100 * time.Hour}
		in.Policy = prune.Policy{Last: 1, Savepoints: true}
	}
	if got := gone(prune.Make(input(t, idle, root))); !slices.Contains(got, "savepoint-41faf9-29117c0b20e2") && !slices.Contains(got, "savepoint-41faf9-0c0baddf592b") {
		t.Errorf("of an idle job only %v goes", got)
	}
	if err := os.RemoveAll(filepath.Join(root, "41faf955ef9cf869192a110509a82ccf")); err != nil {
		t.Fatal(err)
	}
	if got := gone(prune.Make(input(t, idle, root))); len(got) > 0 {
		t.Errorf("%v goes, and nothing is known of its job", got)
	}
}

// TestLinkWithinRoot: a checkpoint may name its files through a link, and then no listing
// shows that it does.
func TestLinkWithinRoot(t *testing.T) {
	root := testdata.Tree(t, "2.2.0/rocksdb-incremental-small")
	spread(t, root)
	dirs, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	last := func(in *prune.Input) { in.Policy.Last = 1 }
	before := goes(prune.Make(input(t, last, root)))
	link := filepath.Join(t.TempDir(), "link") // of another name than the tree, so that nothing is found by its tail
	if err := os.Symlink(root, link); err != nil {
		t.Skip("no symbolic links:", err)
	}
	in := input(t, last, root)
	for _, key := range before {
		key, _, _ = strings.Cut(key, " ")
		if strings.Contains(key, "/shared/") {
			in.Outside.Observe(&layout.Reference{Path: link + "/" + key, Found: layout.Found{Object: layout.NoObject}})
		}
	}
	p := prune.Make(in)
	if got := goes(p); len(before) == 0 || len(got) > 0 || !slices.Contains(tripped(p), prune.GuardElsewhere) {
		t.Errorf("of %d files %v goes, with %v, in %s", len(before), got, tripped(p), dirs[0].Name())
	}
}

// TestOwnDirectory: a job that lives writes to where its latest checkpoint is, whatever the
// directory is called.
func TestOwnDirectory(t *testing.T) {
	root := testdata.Tree(t, "2.2.0/rocksdb-incremental-small")
	spread(t, root)
	dirs, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for own, want := range map[bool]int{true: 0, false: 1} {
		p := prune.Make(input(t, func(in *prune.Input) {
			in.Policy.Last = 1
			in.World.Add(layout.JobID{7}, prune.JobState{Life: prune.Live, Source: "a JobManager"})
			in.World.Claims = []prune.Claim{{URL: filepath.Join(root, dirs[0].Name(), "chk-5"), Snapshot: true, Own: own, Job: layout.JobID{7}, HasJob: true}}
		}, root))
		if got := gone(p); len(got) != want {
			t.Errorf("own: %v: %v goes, with %v", own, got, tripped(p))
		}
	}
}

// TestZeroSavepoints: savepoints of jobs that share an id follow none of each other.
func TestZeroSavepoints(t *testing.T) {
	root := testdata.Tree(t, "2.2.0/savepoint-and-checkpoints")
	for _, name := range []string{"0c0baddf592b", "29117c0b20e2"} {
		if err := os.Rename(filepath.Join(root, "savepoints", "savepoint-41faf9-"+name), filepath.Join(root, "savepoints", "savepoint-000000-"+name)); err != nil {
			t.Fatal(err)
		}
	}
	spread(t, root)
	p := prune.Make(input(t, func(in *prune.Input) { in.Policy = prune.Policy{Last: 1, Savepoints: true} }, root))
	if got := gone(p); slices.ContainsFunc(got, func(name string) bool { return strings.HasPrefix(name, "savepoint") }) {
		t.Errorf("%v goes", got)
	}
}

// TestCopyOfSnapshot: what ckpt cp has made beside a checkpoint keeps nobody from removing
// the original.
func TestCopyOfSnapshot(t *testing.T) {
	root := testdata.Tree(t, "2.2.0/savepoint-and-checkpoints")
	name := filepath.Join(root, "savepoints", "savepoint-41faf9-29117c0b20e2")
	copyOf(t, name, filepath.Join(root, "archive", "copy"))
	p := prune.Make(input(t, func(in *prune.Input) { in.Policy.Remove = []string{name} }, root))
	if got := gone(p); len(got) != 1 || len(goes(p)) == 0 {
		t.Errorf("%v goes, with %v", got, tripped(p))
	}
}

// TestUnfinishedCopyAnywhere: ckpt cp writes to directories of any name.
func TestUnfinishedCopyAnywhere(t *testing.T) {
	root := testdata.Tree(t, "2.2.0/small-files")
	dir := filepath.Join(root, "savepoints", "half")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{layout.CopyMarkerName, "01234567-89ab-4cde-8f01-23456789abcd"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("{}"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p := prune.Make(input(t, nil, root))
	if got := tripped(p); !slices.Contains(got, prune.GuardCopy) || slices.Contains(got, prune.GuardNames) || len(goes(p)) > 0 {
		t.Error(got, goes(p))
	}
}
