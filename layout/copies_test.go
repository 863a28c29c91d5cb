package layout_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
)

// faultsOf are the files that a snapshot has lost, below the root.
func faultsOf(n *layout.Node) []string {
	var lost []string
	for i := range n.Broken {
		key, _ := layout.Below(n.Tree.Root, n.Broken[i].Found.URL)
		lost = append(lost, key)
	}
	slices.Sort(lost)
	return slices.Compact(lost)
}

// What one copy of a tree has lost must not be found in another.
func TestCopies(t *testing.T) {
	root := t.TempDir()
	job := "495d8572c34476e61174bd4e676c9523"
	for _, name := range []string{"first", "second"} {
		if err := os.CopyFS(filepath.Join(root, name), os.DirFS(filepath.Join(testdata.Root(t), "flink", "2.2.0", "rocksdb-incremental-small"))); err != nil {
			t.Fatal(err)
		}
	}
	for i := range graph(t, layout.GraphOptions{Open: storage.Open}, root).Nodes {
		// Both are whole; each finds its own.
		n := &graph(t, layout.GraphOptions{Open: storage.Open}, root).Nodes[i]
		if len(n.Broken) > 0 {
			t.Errorf("%s: %v", n.Dir, faultsOf(n))
		}
	}
	shared := filepath.Join(root, "first", job, "shared")
	files, err := os.ReadDir(shared)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(shared, files[0].Name())); err != nil {
		t.Fatal(err)
	}
	users := 0
	for _, n := range graph(t, layout.GraphOptions{Open: storage.Open}, root).Nodes {
		switch lost := faultsOf(&n); {
		case strings.HasPrefix(n.Dir, "second/") && len(lost) > 0:
			t.Errorf("%s has lost %v", n.Dir, lost)
		case len(lost) == 1 && lost[0] == "first/"+job+"/shared/"+files[0].Name():
			users++
		case len(lost) > 0:
			t.Errorf("%s has lost %v", n.Dir, lost)
		}
	}
	if users == 0 {
		t.Error("nobody misses the file")
	}
	if err := os.RemoveAll(shared); err != nil {
		t.Fatal(err)
	}
	for _, n := range graph(t, layout.GraphOptions{Open: storage.Open}, root).Nodes {
		if damaged := n.State == layout.Damaged; damaged != strings.HasPrefix(n.Dir, "first/") {
			t.Errorf("without shared/, %s is %s", n.Dir, n.State)
		}
	}
}

// A tree that lies elsewhere now is found by --map, at other roots too.
func TestMapped(t *testing.T) {
	root := testdata.Tree(t, "2.0.0/rescale-claim")
	job := filepath.Join(root, "62049877ffa2db68cff89c8a71d080e8")
	away := filepath.Join(t.TempDir(), "away")
	if err := os.Rename(filepath.Join(root, "0fdf2c68eee856e7545a46a723d3c31a"), filepath.Join(away)); err != nil {
		t.Fatal(err)
	}
	broken := func(maps ...layout.Mapping) int {
		n := 0
		for _, node := range graph(t, layout.GraphOptions{Open: storage.Open, Maps: maps}, job).Nodes {
			n += len(faultsOf(&node))
		}
		return n
	}
	if n := broken(); n == 0 {
		t.Error("files of the old job are found, though it has been moved")
	}
	old := "file:/flink/checkpoint/2.0.0/rescale-claim/"
	if n := broken(layout.Mapping{Old: layout.Canonical(old + "0fdf2c68eee856e7545a46a723d3c31a"), New: away}); n != 0 {
		t.Errorf("%d files are missing, though --map says where they are", n)
	}
}

// Follow sees the same as the graph, directory by directory.
func TestFollow(t *testing.T) {
	for _, name := range []string{"2.0.0/rescale-claim", "2.2.0/changelog-hashmap-materialized", "2.0.0/filemerging-rocksdb-across"} {
		root := testdata.Tree(t, name)
		for _, want := range graph(t, layout.GraphOptions{Open: storage.Open}, root).Nodes {
			target, err := layout.Find(t.Context(), storage.Open, want.URL(), layout.FindOptions{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := layout.Follow(t.Context(), target, layout.GraphOptions{Open: storage.Open})
			if err != nil {
				t.Fatal(err)
			}
			if got.State != want.State || len(got.Broken) != len(want.Broken) || got.Inline != want.Inline {
				t.Errorf("%s is %s with %d faults, and %s with %d in the graph", want.URL(), got.State, len(got.Broken), want.State, len(want.Broken))
			}
			target.Store.Close()
		}
	}
}

// The files of a checkpoint with entropy in its paths lie in many directories, in a copy
// of the bucket as well.
func TestCopiedEntropy(t *testing.T) {
	const job = "0123456789abcdef0123456789abcdef"
	root := t.TempDir()
	c := testdata.Large(1, 1, 0)
	h := c.Operators[0].Subtasks[0].ManagedKeyed.(*metadata.IncrementalHandle)
	h.Meta = &metadata.InlineHandle{Name: "meta", Data: []byte("x")}
	h.Shared = nil
	for i, entropy := range []string{"xK2f", "0aZ9", "Q7qq"} {
		name := "01290684-e737-4215-b697-088f3371b74" + string(rune('0'+i))
		h.Shared = append(h.Shared, metadata.NamedFile{Name: metadata.UTF(name), File: &metadata.FileHandle{
			Path: metadata.UTF("s3://bucket/" + entropy + "/cp/" + job + "/shared/" + name), Size: 5}})
		dir := filepath.Join(root, entropy, "cp", job, "shared")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte("12345"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := metadata.Encode(c)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, "cp", job, "chk-42")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(root, "cp", job, "shared"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "_metadata"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	n := graph(t, layout.GraphOptions{Open: storage.Open}, root).Nodes
	if len(n) != 1 || n[0].State != layout.Complete || len(n[0].Objects) != 4 {
		t.Errorf("%+v", n)
	}
}
