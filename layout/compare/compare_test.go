package compare_test

import (
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/compare"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
)

// filesOf are the files of each snapshot, but no _metadata, by their keys.
func filesOf(r testdata.Refs) map[string][]string {
	of := map[string][]string{}
	for key, snapshots := range r.Referenced {
		for _, s := range snapshots {
			if key == path.Join(s, layout.MetadataName) {
				of[s] = slices.Concat(of[s], r.Missing[s])
			} else {
				of[s] = append(of[s], key)
			}
		}
	}
	return of
}

// eachTree gives the trees that real Flink wrote.
func eachTree(t *testing.T, f func(t *testing.T, root string, r testdata.Refs)) {
	for _, tree := range testdata.ReferencedTrees(t) {
		t.Run(tree.Name, func(t *testing.T) { f(t, tree.Dir, tree.Refs) })
	}
}

// read reads the snapshot in dir as a command does.
func read(t *testing.T, dir string) *compare.Side {
	t.Helper()
	target, err := layout.Find(t.Context(), storage.Open, dir, layout.FindOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer target.Store.Close()
	content, err := target.Store.Open(t.Context(), target.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	side, err := compare.Read(content, content.Size)
	if err != nil {
		t.Fatal(err)
	}
	_, err = layout.Follow(t.Context(), target, layout.GraphOptions{
		Assess: layout.AssessOptions{Now: time.Now()}, Open: storage.Open,
		Observe: func(*layout.Tree, *layout.Snapshot) func(*layout.Reference) { return side.Refer },
	})
	if err != nil {
		t.Fatal(err)
	}
	return side
}

// statuses are the files of a diff by key, each once.
func statuses(t *testing.T, root string, d *compare.Diff) map[string]compare.FileStatus {
	t.Helper()
	all := map[string]compare.FileStatus{}
	for _, f := range d.List() {
		key, ok := layout.Below(root, f.URL())
		if !ok {
			t.Errorf("%s does not lie below %s", f.URL(), root)
		}
		if other := all[key]; other != "" && other != f.Status {
			f.Status = compare.FileReused // one operator let go of it, another did not
		}
		all[key] = f.Status
	}
	return all
}

// Which files two snapshots have in common is what Flink's own loader says of both.
func TestFilesOfFlink(t *testing.T) {
	pairs := 0
	eachTree(t, func(t *testing.T, root string, r testdata.Refs) {
		of := filesOf(r)
		dirs := slices.SortedFunc(maps.Keys(of), func(a, b string) int { return strings.Compare(a, b) })
		for i, b := range dirs {
			sideB := read(t, filepath.Join(root, b))
			if d := compare.Compare(sideB, read(t, filepath.Join(root, b))); !d.Empty() || d.Files.Added.Files+d.Files.Dropped.Files+d.Files.Moved > 0 {
				t.Errorf("%s differs from itself: %+v", b, d.Changes)
			}
			if i == 0 {
				continue
			}
			pairs++
			a := dirs[i-1]
			sideA := read(t, filepath.Join(root, a))
			want := map[string]compare.FileStatus{}
			for _, key := range of[a] {
				want[key] = compare.FileDropped
			}
			for _, key := range of[b] {
				if want[key] == "" {
					want[key] = compare.FileAdded
				} else {
					want[key] = compare.FileReused
				}
			}
			d := compare.Compare(sideA, sideB)
			if diff := cmp.Diff(want, statuses(t, root, d), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s and %s: %s", a, b, diff)
			}
			count := map[compare.FileStatus]int{}
			for _, s := range want {
				count[s]++
			}
			if got := map[compare.FileStatus]int{compare.FileReused: d.Files.Reused.Files, compare.FileAdded: d.Files.Added.Files, compare.FileDropped: d.Files.Dropped.Files}; !cmp.Equal(count, got, cmpopts.IgnoreMapEntries(func(_ compare.FileStatus, n int) bool { return n == 0 })) {
				t.Errorf("%s and %s: %v, want %v", a, b, got, count)
			}
			if d.Files.MissedA != len(r.Missing[a]) || d.Files.MissedB != len(r.Missing[b]) {
				t.Errorf("%s and %s: %d and %d files missing, want %d and %d", a, b, d.Files.MissedA, d.Files.MissedB, len(r.Missing[a]), len(r.Missing[b]))
			}
			if diff := cmp.Diff(mirrored(d), compare.Compare(sideB, sideA), compareAll); diff != "" {
				t.Errorf("%s and %s, exchanged: %s", a, b, diff)
			}
		}
	})
	if pairs < 10 {
		t.Errorf("only %d pairs", pairs)
	}
}

var compareAll = cmp.Options{cmpopts.IgnoreUnexported(compare.Side{}, compare.Operator{}), cmpopts.IgnoreUnexported(metadata.Properties{})}

// mirrored is d with the sides exchanged.
func mirrored(d *compare.Diff) *compare.Diff {
	changes := func(all []compare.Change) []compare.Change {
		all = slices.Clone(all)
		for i, c := range all {
			all[i].A, all[i].B = c.B, c.A
		}
		return all
	}
	files := func(f compare.Files) compare.Files {
		f.Added, f.Dropped, f.MissedA, f.MissedB = f.Dropped, f.Added, f.MissedB, f.MissedA
		return f
	}
	m := &compare.Diff{A: d.B, B: d.A, Changes: changes(d.Changes), Files: files(d.Files)}
	other := map[compare.Status]compare.Status{compare.Added: compare.Removed, compare.Removed: compare.Added}
	for _, o := range d.Operators {
		o.A, o.B, o.Changes, o.Files = o.B, o.A, changes(o.Changes), files(o.Files)
		if s := other[o.Status]; s != "" {
			o.Status = s
		}
		m.Operators = append(m.Operators, o)
	}
	return m
}

// A copy does not differ from the original, wherever it lies.
func TestCopy(t *testing.T) {
	for _, name := range []string{"2.2.0/rocksdb-incremental-small", "2.2.0/filemerging-opstate-within", "2.2.0/savepoint-and-checkpoints", "1.20.0/changelog-rocksdb-materialized"} {
		original := filepath.Join(testdata.Root(t), "flink", name)
		dirs := snapshots(t, original)
		copied := testdata.Tree(t, name)
		for _, dir := range dirs {
			d := compare.Compare(read(t, filepath.Join(original, dir)), read(t, filepath.Join(copied, dir)))
			if !d.Empty() || d.Files.Moved != d.Files.Reused.Files {
				t.Errorf("%s/%s differs from its copy: %+v %+v", name, dir, d.Changes, d.Files)
			}
		}
	}
}

// snapshots are the directories below root that hold a _metadata.
func snapshots(t *testing.T, root string) []string {
	t.Helper()
	var dirs []string
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == layout.MetadataName {
			dir, _ := filepath.Rel(root, filepath.Dir(file))
			dirs = append(dirs, dir)
		}
		return err
	})
	if err != nil || len(dirs) == 0 {
		t.Fatal(dirs, err)
	}
	return dirs
}
