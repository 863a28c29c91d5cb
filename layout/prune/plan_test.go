package prune_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/prune"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/layout/usage"
	"github.com/ckpt-tool/ckpt/testdata"
)

// longAfter is when all that tests write is old.
func longAfter() time.Time { return time.Now().Add(1000 * time.Hour) }

// ended is a world in which no job lives.
var ended = prune.World{Others: prune.JobState{Life: prune.Ended, Source: "the test"}}

// input are the facts of some trees, all of which may be swept, long after they were
// written, in a world in which all jobs have ended.
func input(t testing.TB, change func(*prune.Input), roots ...string) prune.Input {
	t.Helper()
	in := prune.Input{Now: longAfter(), OtherRoots: true, Outside: &usage.Names{}, World: ended, Safety: prune.DefaultSafety()}
	if change != nil {
		change(&in)
	}
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
		in.Places = append(in.Places, prune.Place{URL: tree.Root, Mode: prune.Swept})
	}
	g, err := layout.NewGraph(t.Context(), trees, layout.GraphOptions{
		Assess: layout.AssessOptions{Now: in.Now, Grace: max(in.Safety.MinAge, 1)}, Open: storage.Open, Prove: true,
		Observe: func(*layout.Tree, *layout.Snapshot) func(*layout.Reference) { return in.Outside.Observe },
	})
	if err != nil {
		t.Fatal(err)
	}
	in.Graph = g
	return in
}

// goes are the keys of all files that a plan deletes, of the first tree, with the reasons.
func goes(p *prune.Plan) []string {
	var all []string
	add := func(items []prune.Item) {
		for _, i := range items {
			key, _ := layout.Below(p.Graph.Trees[0].Root, p.Graph.URL(i.Object))
			all = append(all, key+" "+i.Why.String())
		}
	}
	for _, b := range p.Batches {
		for _, r := range b.Snapshots {
			add(r.Files)
		}
		add(b.Shared)
		add(b.Orphans)
	}
	slices.Sort(all)
	return all
}

// gone are the directories of the snapshots that a plan deletes.
func gone(p *prune.Plan) []string {
	var all []string
	for _, b := range p.Batches {
		for _, r := range b.Snapshots {
			all = append(all, p.Graph.Nodes[r.Node].Name)
		}
	}
	return all
}

// tripped are the guards that did not pass.
func tripped(p *prune.Plan) []prune.Name {
	var all []prune.Name
	for _, g := range p.Guards {
		if g.Outcome != prune.Passed {
			all = append(all, g.Name)
		}
	}
	return all
}

// TestPlanOfFlink: in every tree that Flink wrote, just what Flink's own reading allows
// goes, by each of some policies.
func TestPlanOfFlink(t *testing.T) {
	policies := map[string]prune.Policy{
		"sweep": {}, "last1": {Last: 1}, "last2": {Last: 2}, "savepoints": {Last: 1, Savepoints: true},
		"damaged": {Last: 1, RemoveDamaged: true},
	}
	removed := map[string]int{}
	for _, tree := range testdata.ReferencedTrees(t) {
		for name, policy := range policies {
			p := prune.Make(input(t, func(in *prune.Input) {
				in.Policy, in.Safety.MaxOrphanPercent = policy, 100
				in.Now = in.Now.Add(24 * 365 * time.Hour) // the files of fixtures may be of any age
			}, tree.Dir))
			removed[name] += compareWithFlink(t, name+" "+tree.Name, tree.Refs, p)
		}
	}
	for name := range policies {
		if (removed[name] > 0) != (name != "sweep") {
			t.Errorf("%s removes %d snapshots", name, removed[name])
		}
	}
}

// compareWithFlink checks a plan, and returns how many snapshots it removes.
func compareWithFlink(t *testing.T, name string, want testdata.Refs, p *prune.Plan) int {
	t.Helper()
	leaves := map[string]bool{}
	for _, b := range p.Batches {
		for _, r := range b.Snapshots {
			leaves[p.Graph.Nodes[r.Node].Dir] = true
		}
	}
	staying := func(users []string) bool {
		return slices.ContainsFunc(users, func(u string) bool { return !leaves[u] })
	}
	going := map[string]bool{}
	for _, key := range goes(p) {
		key, _, _ = strings.Cut(key, " ")
		going[key] = true
		if users := want.Referenced[key]; staying(users) {
			t.Errorf("%s: %s goes, and %v use it", name, key, users)
		}
		for dir, users := range want.DirectoryHandles {
			if strings.HasPrefix(key, dir+"/") && staying(users) {
				t.Errorf("%s: %s goes, and lies in a directory of %v", name, key, users)
			}
		}
	}
	for key, users := range want.Referenced {
		if !staying(users) && !going[key] && !heldBy(p, key, prune.GuardManaged) {
			t.Errorf("%s: %s stays, and nothing that stays uses it: %v", name, key, tripped(p))
		}
	}
	for _, key := range want.Orphans {
		if !going[key] && layout.IsDataFile(path.Base(key)) && !heldBy(p, key, prune.GuardManaged) && !p.Stopped() {
			t.Errorf("%s: %s stays, and nothing uses it: %v", name, key, tripped(p))
		}
	}
	return len(leaves)
}

// heldBy tells whether a guard keeps a file of the first tree.
func heldBy(p *prune.Plan, key string, guard prune.Name) bool {
	return slices.ContainsFunc(p.Held, func(h prune.Held) bool {
		return h.Guard == guard && p.Graph.URL(h.Object) == layout.Join(p.Graph.Trees[0].Root, key)
	})
}

// TestNewestStays: whatever a policy counts, one of each lineage stays.
func TestNewestStays(t *testing.T) {
	root := testdata.Tree(t, "2.2.0/rocksdb-incremental-small")
	for name, policy := range map[string]prune.Policy{"last": {Last: 1}, "bytes": {MaxBytes: 1}} {
		spread(t, root)
		p := prune.Make(input(t, func(in *prune.Input) { in.Policy = policy }, root))
		if got := gone(p); !slices.Equal(got, []string{"chk-4", "chk-5"}) {
			t.Errorf("%s: %v goes, with %v", name, got, tripped(p))
		}
	}
}

// spread gives the _metadata of checkpoints times that are an hour apart, in the order of
// their ids.
func spread(t *testing.T, root string) {
	t.Helper()
	begin := time.Now().Add(-100 * time.Hour)
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != layout.MetadataName {
			return err
		}
		n, _ := layout.ParseCheckpointDir(filepath.Base(filepath.Dir(file)))
		at := begin.Add(time.Duration(n) * time.Hour)
		return os.Chtimes(file, at, at)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestRemoveAll: of an ended job all goes, if its name is said.
func TestRemoveAll(t *testing.T) {
	root := testdata.Tree(t, "2.0.0/filemerging-rocksdb-across")
	dirs, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	job, err := layout.ParseJobID(dirs[0].Name())
	if err != nil {
		t.Fatal(err)
	}
	p := prune.Make(input(t, func(in *prune.Input) { in.Policy.RemoveAll = []layout.JobID{job} }, root))
	if p.Totals.KeepObjects != 0 || p.Totals.DeleteDirs != 12 {
		t.Errorf("%+v stays: %v, %v", p.Totals, tripped(p), goes(p))
	}
	alive := func(in *prune.Input) {
		in.Policy.RemoveAll = []layout.JobID{job}
		in.World.Add(job, prune.JobState{Life: prune.Live, Source: "a JobManager"})
	}
	if p := prune.Make(input(t, alive, root)); p.Totals.DeleteObjects != 0 || !slices.Contains(tripped(p), prune.GuardState) {
		t.Errorf("%+v of a live job go", p.Totals)
	}
}

// TestNamed: what rm names goes, with what it alone uses, and nothing else.
func TestNamed(t *testing.T) {
	root := testdata.Tree(t, "2.2.0/savepoint-and-checkpoints")
	name := root + "/savepoints/savepoint-41faf9-29117c0b20e2"
	p := prune.Make(input(t, func(in *prune.Input) { in.Policy.Remove = []string{name + "/_metadata"} }, root))
	got := goes(p)
	if len(got) == 0 || !slices.Equal(gone(p), []string{"savepoint-41faf9-29117c0b20e2"}) {
		t.Errorf("%v goes, with %v", gone(p), tripped(p))
	}
	for _, key := range got {
		if !strings.HasPrefix(key, "savepoints/savepoint-41faf9-29117c0b20e2/") || !strings.HasSuffix(key, " named") {
			t.Error(key)
		}
	}
	if first := p.Graph.URL(p.Batches[0].Snapshots[0].Files[0].Object); first != name+"/_metadata" || p.Totals.DeleteDirs != 1 {
		t.Errorf("%s goes first, %d directories", first, p.Totals.DeleteDirs)
	}
}

// TestJobManagersMemory: where Flink retains one checkpoint, no tree shows that two have
// passed a file over, and the JobManager remembers.
func TestJobManagersMemory(t *testing.T) {
	root := testdata.Tree(t, "2.2.0/rocksdb-incremental-small")
	spread(t, root)
	dirs, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	job, err := layout.ParseJobID(dirs[0].Name())
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"chk-4", "chk-5"} {
		if err := os.RemoveAll(filepath.Join(root, dirs[0].Name(), dir)); err != nil {
			t.Fatal(err)
		}
	}
	orphan := filepath.Join(root, dirs[0].Name(), "shared", "01234567-89ab-4cde-8f01-23456789abcd")
	if err := os.WriteFile(orphan, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-1000 * time.Hour)
	if err := os.Chtimes(orphan, old, old); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		completed map[int64]time.Time
		want      bool
	}{
		"nothing":                {nil, false},
		"the one that is there":  {map[int64]time.Time{6: time.Now()}, false},
		"another, before it":     {map[int64]time.Time{5: old.Add(-time.Hour)}, false},
		"another, that is later": {map[int64]time.Time{5: time.Now()}, true},
	} {
		p := prune.Make(input(t, func(in *prune.Input) {
			in.Safety.MaxOrphanPercent = 100
			in.World = prune.World{}
			in.World.Add(job, prune.JobState{Life: prune.Live, Source: "a JobManager", Completed: c.completed})
		}, root))
		if got := slices.Contains(goes(p), dirs[0].Name()+"/shared/"+filepath.Base(orphan)+" orphan"); got != c.want {
			t.Errorf("%s: %v, with %v", name, got, tripped(p))
		}
	}
}
