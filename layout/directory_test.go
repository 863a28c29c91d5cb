package layout_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/testdata"
)

const someJob = "0123456789abcdef0123456789abcdef"

// write makes files, and the directories that they need; a key that ends with a slash is
// an empty directory.
func write(t *testing.T, root string, keys ...string) {
	t.Helper()
	for _, key := range keys {
		path := filepath.Join(root, key)
		dir := path
		if !strings.HasSuffix(key, "/") {
			dir = filepath.Dir(path)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if dir == path {
			continue
		}
		if err := os.WriteFile(path, []byte(key), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDirs(t *testing.T) {
	root := t.TempDir()
	write(t, root, someJob+"/shared/", someJob+"/chk-3/7a3c2b1e-1111-4222-8333-444455556666", "else/where/x")
	files := graph(t, layout.GraphOptions{}, root).Trees[0].Files
	got := map[string]layout.Directory{}
	seen := map[layout.DirID]bool{layout.NoDir: true}
	for d := range files.Dirs() {
		if !seen[d.Parent] {
			t.Errorf("%s comes before what contains it", d.Key)
		}
		seen[d.ID] = true
		got[d.Key] = d
		if !d.Listed || d.Modified.IsZero() && d.Key != "" || files.DirOf(d.Key) != d.ID {
			t.Errorf("%+v", d)
		}
	}
	want := []string{"", someJob, someJob + "/chk-3", someJob + "/shared", "else", "else/where"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Fatal(diff)
	}
	if files.DirCount() != len(want) || files.DirOf("none") != layout.NoDir {
		t.Errorf("%d directories", files.DirCount())
	}
	if d := got[someJob+"/chk-3"]; !d.InSnapshot || d.Snapshot != d.Key || d.Job.String() != someJob || d.Home {
		t.Errorf("%+v", d)
	}
	if d := got[someJob]; !d.Home || d.InSnapshot || !d.HasJob {
		t.Errorf("%+v", d)
	}
	if d := got["else/where"]; d.Area != layout.OtherArea || d.HasJob {
		t.Errorf("%+v", d)
	}
	if f := files.Find("else/where/x"); files.Dir(f) != got["else/where"].ID {
		t.Errorf("the file lies in directory %d", files.Dir(f))
	}
}

// TestRead: what comes after the listing is read as part of the same graph.
func TestRead(t *testing.T) {
	root := testdata.Tree(t, "1.20.0/rocksdb-incremental-inline")
	g := graph(t, layout.GraphOptions{}, root)
	tree := g.Trees[0]
	for i := range g.Nodes {
		n := &g.Nodes[i]
		again, err := g.Read(t.Context(), tree, []layout.Snapshot{n.Snapshot})
		if err != nil || len(again) != 1 {
			t.Fatal(again, err)
		}
		if diff := cmp.Diff(n.Objects, again[0].Objects); diff != "" || !again[0].Followed() || len(n.Objects) == 0 {
			t.Errorf("%s: %s", n.Dir, diff)
		}
	}
}

// TestOperatorSets: snapshots of one job have the same operators, those of others have not.
func TestOperatorSets(t *testing.T) {
	a := graph(t, layout.GraphOptions{}, testdata.Tree(t, "1.20.0/rocksdb-incremental-inline"))
	b := graph(t, layout.GraphOptions{}, testdata.Tree(t, "1.20.0/kafka-rocksdb"))
	for i := range a.Nodes {
		if a.Nodes[i].Operators != a.Nodes[0].Operators {
			t.Errorf("%s has other operators than %s", a.Nodes[i].Dir, a.Nodes[0].Dir)
		}
	}
	if a.Nodes[0].Operators == (layout.OperatorSet{}) || a.Nodes[0].Operators == b.Nodes[0].Operators {
		t.Error("two jobs have the same operators")
	}
}

// TestInnerLinks: a link to what lies in the tree hides nothing, another one may.
func TestInnerLinks(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	write(t, root, someJob+"/chk-3/")
	for name, target := range map[string]string{"latest": "chk-3", "gone": "chk-4", "inside": filepath.Join(root, someJob), "outside": outside} {
		if err := os.Symlink(target, filepath.Join(root, someJob, name)); err != nil {
			t.Skip("no symbolic links:", err)
		}
	}
	g := graph(t, layout.GraphOptions{}, root)
	for name, want := range map[string]bool{"latest": true, "gone": true, "inside": true, "outside": false} {
		if got := g.Trees[0].Inner(someJob + "/" + name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if doubts := g.Doubts(); len(doubts) != 1 {
		t.Error(doubts)
	}
}
