package usage_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/usage"
	"github.com/ckpt-tool/ckpt/metadata"
	"pgregory.net/rapid"
)

// snapshotOf writes chk-1 with one sub-task that holds h.
func snapshotOf(t *testing.T, root string, h *metadata.OperatorStateHandle) {
	t.Helper()
	snapshot(t, filepath.Join(root, "chk-1"))
	data, err := metadata.Encode(&metadata.Checkpoint{Version: metadata.Version3, ID: 1, Operators: []metadata.OperatorState{{
		Parallelism: 1, MaxParallelism: 8, Subtasks: []metadata.SubtaskState{{ManagedOperator: h}}}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "chk-1", "_metadata"), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// forest is trees in which snapshots use any files of any job.
func forest(t *testing.T, r *rapid.T) []string {
	dir, err := os.MkdirTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	roots := []string{filepath.Join(dir, "one"), filepath.Join(dir, "two")}
	var pool []*metadata.FileHandle
	for i := range rapid.IntRange(1, 12).Draw(r, "files") {
		root := rapid.SampledFrom(roots).Draw(r, "root")
		job := rapid.SampledFrom([]string{jobA, jobB}).Draw(r, "job")
		size := rapid.IntRange(0, 100).Draw(r, "size")
		path := filepath.Join(root, job, "shared", uuid(i))
		put(t, path, size)
		pool = append(pool, file(path, size))
	}
	for i := range rapid.IntRange(1, 6).Draw(r, "snapshots") {
		var used []metadata.StreamHandle
		for _, f := range pool {
			if rapid.Bool().Draw(r, "used") {
				used = append(used, f)
			}
		}
		root := rapid.SampledFrom(roots).Draw(r, "root")
		job := rapid.SampledFrom([]string{jobA, jobB}).Draw(r, "job")
		snapshot(t, filepath.Join(root, job, layout.CheckpointID(i).Dir()), used...)
	}
	for _, root := range roots {
		if err := os.MkdirAll(root, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return roots
}

// union is all that the nodes use, each once.
func union(g *layout.Graph, nodes []int) (bytes int64) {
	seen := map[layout.ObjectID]bool{}
	for _, n := range nodes {
		for _, id := range g.Nodes[n].Objects {
			if !seen[id] {
				seen[id] = true
				bytes += g.Size(id)
			}
		}
	}
	return bytes
}

// TestIfDeleted holds the arithmetic of sets against what must be true of any.
func TestIfDeleted(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		u := account(t, later(), forest(t, r)...)
		checkSums(t, u)
		g := u.Graph
		var all, some []int
		for n := range g.Nodes {
			node := &g.Nodes[n]
			if node.Unique > node.Exclusive+node.Shared {
				r.Errorf("%s: unique %d of %d", node.Dir, node.Unique, node.Exclusive+node.Shared)
			}
			if one := usage.IfDeleted(g, []int{n}); one.Freed.Bytes != node.Unique {
				r.Errorf("%s: freed %v, unique %d", node.Dir, one.Freed, node.Unique)
			}
			if all = append(all, n); rapid.Bool().Draw(r, "deleted") {
				some = append(some, n)
			}
		}
		d := usage.IfDeleted(g, append(slices.Clone(some), some...))
		if objects, bytes := freed(g, some); d.Freed != (usage.Amount{Files: len(objects), Bytes: bytes}) {
			r.Errorf("freed %v, want %d of %d bytes", d.Freed, len(objects), bytes)
		}
		if d.Freed.Bytes+d.Kept.Bytes != union(g, some) || len(d.Members) != len(some) {
			r.Errorf("freed %v and kept %v of %d", d.Freed, d.Kept, union(g, some))
		}
		if (d.Kept.Files == 0) != (len(d.Holders) == 0) {
			r.Errorf("kept %v for %v", d.Kept, d.Holders)
		}
		for i := range some {
			if less := usage.IfDeleted(g, some[:i]); less.Freed.Bytes > d.Freed.Bytes {
				r.Errorf("%d of %d free more than all: %v, %v", i, len(some), less.Freed, d.Freed)
			}
		}
		var referenced int64
		for i := range u.Roots {
			referenced += u.Roots[i].Of(usage.Referenced).Bytes
		}
		if d := usage.IfDeleted(g, all); d.Freed.Bytes != referenced || d.Kept.Files > 0 || len(d.Holders) > 0 {
			r.Errorf("all of them: %+v of %d", d, referenced)
		}
		for _, j := range u.Jobs {
			if _, bytes := freed(g, j.Nodes); bytes != j.Unique {
				r.Errorf("job %s: unique %d, freed %d", j.ID, j.Unique, bytes)
			}
		}
	})
}

// freed counts the plain way what IfDeleted counts: the objects that only these nodes use.
func freed(g *layout.Graph, nodes []int) (objects []layout.ObjectID, bytes int64) {
	within := map[layout.ObjectID]int{}
	for _, n := range nodes {
		for _, id := range g.Nodes[n].Objects {
			within[id]++
		}
	}
	for id, n := range within {
		if n == g.Users(id) {
			objects = append(objects, id)
			bytes += g.Size(id)
		}
	}
	return objects, bytes
}
