package prune_test

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/faults"
	"github.com/ckpt-tool/ckpt/layout/prune"
	"github.com/ckpt-tool/ckpt/layout/usage"
	"github.com/ckpt-tool/ckpt/layout/verify"
	"github.com/ckpt-tool/ckpt/testdata"
)

// clone is a shelf with the same on it.
func (s *shelf) clone() *shelf {
	c := newShelf(s.now, s.dirs != nil)
	c.files, c.puts = maps.Clone(s.files), s.puts
	if s.dirs != nil {
		c.dirs = maps.Clone(s.dirs)
	}
	return c
}

// prunes does a whole run of prune, from the listing on, on roots that are opened with
// open. All jobs have ended, and nothing lies elsewhere.
func (s *shelf) prunes(ctx context.Context, open layout.OpenMutable, change func(*prune.Input), roots ...string) (*prune.Plan, *prune.Executed, error) {
	in := prune.Input{Now: s.now.Add(s.skew), OtherRoots: true, Outside: &usage.Names{}, World: ended, Safety: prune.DefaultSafety()}
	in.Safety.MaxOrphanPercent = 100
	if change != nil {
		change(&in)
	}
	e := prune.Execution{Stores: map[string]layout.MutableStore{}, Now: func() time.Time { return s.now.Add(s.skew) }}
	var trees []*layout.Tree
	for _, root := range roots {
		store, err := open(ctx, url(root))
		if err != nil {
			return nil, nil, err
		}
		tree, err := layout.NewTree(ctx, store, nil)
		if err != nil {
			return nil, nil, err
		}
		trees, e.Stores[tree.Root] = append(trees, tree), store
	}
	if in.Places == nil {
		for _, t := range trees {
			in.Places = append(in.Places, prune.Place{URL: t.Root, Mode: prune.Swept})
		}
	}
	var err error
	in.Graph, err = layout.NewGraph(ctx, trees, layout.GraphOptions{
		Assess: layout.AssessOptions{Now: in.Now, Grace: max(in.Safety.MinAge, 1)}, Prove: true, Maps: s.maps,
		Open:    func(ctx context.Context, url string) (layout.Store, error) { return open(ctx, url) },
		Observe: func(*layout.Tree, *layout.Snapshot) func(*layout.Reference) { return in.Outside.Observe },
	})
	if err != nil {
		return nil, nil, err
	}
	e.Journal = prune.Journal{Store: e.Stores[trees[0].Root], Dir: layout.ToolDirName}
	journals, err := prune.ReadJournals(ctx, []prune.Journal{e.Journal})
	if err != nil {
		return nil, nil, err
	}
	in.Authorised = append(in.Authorised, prune.Authorise(ctx, journals, in.Graph)...)
	p := prune.Make(in)
	done, err := p.Execute(ctx, e)
	if err == nil && done.Stopped == nil {
		_, err = prune.RetireJournals(ctx, journals, in.Graph, s.now)
	}
	return p, done, err
}

// shelve puts a tree of Flink's on a shelf, with garbage: orphans, a checkpoint that was never
// completed, and one that was begun to be deleted.
func shelve(t *testing.T, name string) *shelf {
	t.Helper()
	dir := testdata.Tree(t, name)
	s := newShelf(epoch, true)
	var homes []string
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || file == dir {
			return err
		}
		rel, err := filepath.Rel(dir, file)
		key := "a/" + filepath.ToSlash(rel)
		if d.IsDir() {
			if s.mkdir(key); d.Name() == layout.SharedName {
				homes = append(homes, key)
			}
			return err
		}
		data, err := os.ReadFile(file)
		s.now = s.now.Add(time.Hour)
		s.put(key, int64(len(data)), data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, shared := range homes {
		home := strings.TrimSuffix(shared, "/"+layout.SharedName)
		for n, dir := range []string{shared, shared, home + "/chk-900", home + "/taskowned"} {
			s.put(dir+"/"+uuid(uint64(9000+10*i+n)), 10, nil)
		}
		s.mkdir(home + "/chk-901")
	}
	s.now = s.now.Add(1000 * time.Hour)
	return s
}

// crashTrees are the trees on which prune is killed.
func crashTrees(t *testing.T) map[string]*shelf {
	t.Helper()
	trees := map[string]*shelf{}
	for _, name := range []string{"2.2.0/rocksdb-incremental-small", "2.0.0/rescale-claim", "2.0.0/filemerging-rocksdb-across",
		"2.2.0/changelog-hashmap-materialized", "1.20.0/changelog-rocksdb-materialized", "2.2.0/savepoint-and-checkpoints"} {
		trees[name] = shelve(t, name)
	}
	for seed := uint64(1); len(trees) < 12; seed++ {
		m := newModel(seed)
		if len(m.roots) > 1 {
			continue
		}
		m.hear()
		for range 150 {
			m.act()
		}
		for _, j := range m.jobs {
			if j.live() {
				m.crash(j)
			}
		}
		if len(m.files) > 8 {
			m.now = m.now.Add(1000 * time.Hour)
			trees[fmt.Sprintf("model %d", seed)] = m.shelf
		}
	}
	return trees
}

// keepOne is the policy of these tests.
func keepOne(in *prune.Input) { in.Policy = prune.Policy{Last: 1} }

// settle prunes until nothing goes any more.
func (s *shelf) settle(t *testing.T) {
	t.Helper()
	for n := range 6 {
		_, done, err := s.prunes(t.Context(), s.open, keepOne, "a")
		if err != nil || done.Stopped != nil {
			t.Fatal(err, done.Stopped)
		}
		s.now = s.now.Add(100 * time.Hour)
		if n > 0 && done.Objects+done.Dirs == 0 { // what was emptied right now is young at first
			return
		}
	}
	t.Error("it does not converge")
}

// things are all that lies on the shelf, without ckpt's own directory.
func (s *shelf) things() []string {
	all := slices.AppendSeq(slices.Collect(maps.Keys(s.files)), maps.Keys(s.dirs))
	slices.Sort(all)
	return slices.DeleteFunc(all, func(key string) bool { return strings.HasSuffix(key, "/"+layout.ToolDirName) })
}

// checkKept verifies the snapshots whose _metadata is in final, by their files.
func checkKept(t *testing.T, s, final *shelf) {
	t.Helper()
	store, _ := s.openStore(t.Context(), url("a"))
	tree, err := layout.NewTree(t.Context(), store, nil)
	if err != nil {
		t.Fatal(err)
	}
	g, err := layout.NewGraph(t.Context(), []*layout.Tree{tree}, layout.GraphOptions{Open: s.openStore})
	if err != nil {
		t.Fatal(err)
	}
	results, err := verify.Nodes(t.Context(), g.Nodes, verify.Options{Level: verify.Files, Open: s.openStore})
	if err != nil {
		t.Fatal(err)
	}
	whole := map[string]bool{}
	for i := range results {
		whole[results[i].URL] = results[i].Verdict == verify.OK
	}
	for key := range final.files {
		if dir, ok := strings.CutSuffix(key, "/"+layout.MetadataName); ok && !whole[url(dir)] {
			t.Errorf("%s is not whole", dir)
		}
	}
}

// TestCrash kills a whole run of prune before and behind each operation that changes
// something, and at each look, on a dozen trees; and lets each single operation fail. What
// is to stay is whole, and further runs come to what one that was not killed comes to.
func TestCrash(t *testing.T) {
	for name, tree := range crashTrees(t) {
		t.Run(name, func(t *testing.T) {
			final := tree.clone()
			count := &faults.Plan{}
			if _, done, err := final.prunes(t.Context(), count.WrapMutable(final.open), keepOne, "a"); err != nil || done.Objects == 0 || done.Stopped != nil {
				t.Fatal(done, err)
			}
			final.settle(t)
			damaged := final.clone() // what is damaged from the beginning is no measure
			for key := range damaged.files {
				if strings.HasSuffix(key, "/"+layout.MetadataName) && !wholeBefore(t, tree, key) {
					delete(damaged.files, key)
				}
			}
			at := func(change, read int64, mode faults.Mode) {
				s := tree.clone()
				plan := &faults.Plan{ChangeAt: change, ReadAt: read, Mode: mode, Shuffle: uint64(change)}
				_, done, err := s.prunes(t.Context(), plan.WrapMutable(s.open), keepOne, "a")
				if mode != faults.FailOne && !plan.Crashed() || mode == faults.FailOne && change > 0 && err == nil && done.Stopped == nil && done.Failed+done.Left == 0 && !failedQuietly(s, done) {
					t.Errorf("change %d, read %d, mode %d: nothing is told: %+v", change, read, mode, done)
				}
				checkKept(t, s, damaged)
				s.settle(t)
				if got, want := s.things(), final.things(); !slices.Equal(got, want) {
					t.Errorf("change %d, read %d, mode %d: it comes to\n%s\nand not to\n%s", change, read, mode, strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			}
			changes, reads := count.Changes.Load(), count.Reads.Load()
			step := int64(1)
			if testing.Short() || raceEnabled {
				step = 7
			}
			for n := int64(1); n <= changes; n += step {
				at(n, 0, faults.CrashBefore)
				at(n, 0, faults.CrashAfter)
				at(n, 0, faults.FailOne)
			}
			for n := int64(1); n <= reads; n += 5 * step { // nothing changes by them
				at(0, n, faults.FailOne)
			}
			t.Logf("%d changes, %d looks", changes, reads)
		})
	}
}

// failedQuietly tells whether what failed was the removal of a journal, which says so by
// lying there.
func failedQuietly(s *shelf, done *prune.Executed) bool {
	for key := range s.files {
		if strings.Contains(key, "/"+layout.ToolDirName+"/") {
			return true
		}
	}
	return done == nil
}

// wholeBefore tells whether the snapshot of a _metadata is whole.
func wholeBefore(t *testing.T, s *shelf, key string) bool {
	t.Helper()
	store, _ := s.openStore(t.Context(), url("a"))
	tree, err := layout.NewTree(t.Context(), store, nil)
	if err != nil {
		t.Fatal(err)
	}
	g, err := layout.NewGraph(t.Context(), []*layout.Tree{tree}, layout.GraphOptions{Open: s.openStore})
	if err != nil {
		t.Fatal(err)
	}
	for i := range g.Nodes {
		if layout.Join(url("a"), g.Nodes[i].MetadataKey()) == url(key) {
			return g.Nodes[i].State == layout.Complete
		}
	}
	return false
}
