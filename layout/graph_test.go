package layout_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/testdata"
)

func TestGraphOfFlink(t *testing.T) {
	for _, tree := range testdata.ReferencedTrees(t) {
		t.Run(tree.Name, func(t *testing.T) {
			t.Parallel()
			g := graph(t, layout.GraphOptions{Open: storage.Open}, tree.Dir)
			if diff := cmp.Diff(tree.Refs, refsOf(t, g), cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// graph is that of some trees, long after they were written.
func graph(t *testing.T, opts layout.GraphOptions, roots ...string) *layout.Graph {
	t.Helper()
	opts.Assess.Now = time.Now().Add(1000 * time.Hour)
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
	g, err := layout.NewGraph(t.Context(), trees, opts)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// refsOf brings a graph into the form of the files.
func refsOf(t *testing.T, g *layout.Graph) testdata.Refs {
	t.Helper()
	root := g.Trees[0].Root
	r := testdata.Refs{Referenced: map[string][]string{}, Missing: map[string][]string{}, DirectoryHandles: map[string][]string{}}
	below := func(url string) string {
		key, ok := layout.Below(root, url)
		if !ok {
			t.Errorf("%s does not lie in the tree", url)
		}
		return key
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if n.State != layout.Complete && n.State != layout.Damaged {
			t.Errorf("%s is %s: %s", n.Dir, n.State, n.Reason)
		}
		for _, id := range n.Objects {
			key := below(g.URL(id))
			r.Referenced[key] = append(r.Referenced[key], n.Dir)
			if first(key) != first(n.Dir) {
				r.CrossJob = append(r.CrossJob, key)
			}
		}
		for _, b := range n.Broken {
			if b.Fault != layout.FaultLog {
				r.Missing[n.Dir] = append(r.Missing[n.Dir], below(b.Found.URL))
			}
		}
		for _, url := range n.Managed {
			r.DirectoryHandles[below(url)] = append(r.DirectoryHandles[below(url)], n.Dir)
		}
	}
	for id := range layout.ObjectID(g.Len()) {
		if g.Users(id) == 0 {
			r.Orphans = append(r.Orphans, below(g.URL(id)))
		}
	}
	for _, lists := range []map[string][]string{r.Referenced, r.Missing, r.DirectoryHandles} {
		for k := range lists {
			lists[k] = sorted(lists[k])
		}
	}
	r.Orphans, r.CrossJob = sorted(r.Orphans), sorted(r.CrossJob)
	return r
}

func first(key string) string {
	first, _, _ := strings.Cut(key, "/")
	return first
}

func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return slices.Compact(s)
}
