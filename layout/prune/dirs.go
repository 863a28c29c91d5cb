package prune

import (
	"path"
	"slices"

	"github.com/ckpt-tool/ckpt/layout"
)

// takeDirs takes directories that are empty, or that what goes leaves empty.
func (p *planner) takeDirs() {
	for i, t := range p.Graph.Trees {
		if p.sweeps(t) {
			p.takeDirsOf(i, t)
		}
	}
}

func (p *planner) takeDirsOf(tree int, t *layout.Tree) {
	filled, emptied := p.contents(t)
	dirs := slices.Collect(t.Files.Dirs())
	for _, d := range slices.Backward(dirs) { // what lies within another comes first
		j := p.of(tree, d.Job, d.HasJob)
		switch {
		case !filled[d.ID] && d.Listed && d.Parent != layout.NoDir && p.mode(layout.Join(t.Root, d.Key)) == Swept && p.mayRemove(j, t, d, emptied[d.ID]):
			p.giveDir(j, Dir{t, d.Key}, d)
		case d.Parent != layout.NoDir:
			filled[d.Parent] = true
		}
	}
}

// contents tells which directories hold files that stay, directly, and which hold some
// that go, at any depth.
func (p *planner) contents(t *layout.Tree) (filled, emptied []bool) {
	filled, emptied = make([]bool, t.Files.DirCount()), make([]bool, t.Files.DirCount())
	for f := range layout.FileID(t.Files.Len()) {
		if p.fates[t.Object(f)] == going {
			emptied[t.Files.Dir(f)] = true
		} else {
			filled[t.Files.Dir(f)] = true
		}
	}
	for _, o := range t.Skipped {
		if d := t.Files.DirOf(path.Dir(o.Key)); d != layout.NoDir {
			filled[d] = true
		}
	}
	dirs := slices.Collect(t.Files.Dirs())
	for _, d := range slices.Backward(dirs) {
		if emptied[d.ID] && d.Parent != layout.NoDir {
			emptied[d.Parent] = true
		}
	}
	return filled, emptied
}

// mayRemove tells whether a directory that is empty by then may go: those of Flink's
// only, and of jobs that may live only those of checkpoints that were passed over. What
// this run empties is as old as what it held.
func (p *planner) mayRemove(j *job, t *layout.Tree, d layout.Directory, emptied bool) bool {
	if !p.wanted(j) || j.stopped != "" || d.Area == layout.OtherArea && !d.Home || isTools(d.Key+"/") {
		return false
	}
	if len(p.Policy.Remove) > 0 && !emptied {
		return false
	}
	if !emptied && p.ageGuard(d.Modified, p.patience(j)) != "" {
		return false
	}
	if p.evidence.Managed(layout.Join(t.Root, d.Key)) {
		return false
	}
	if !d.InSnapshot {
		return j.has && j.Life == Ended && d.Area != layout.SnapshotArea
	}
	i, ok := p.snapshot[nodeKey{t, d.Snapshot}]
	if !ok || p.plan.nodes[i] {
		return ok
	}
	n := &p.Graph.Nodes[i]
	return !isFinished(n) && n.State == layout.Incomplete && p.leftoverGuard(j, n) == ""
}

// giveDir puts a directory where it is removed: with its snapshot, if that goes.
func (p *planner) giveDir(j *job, dir Dir, d layout.Directory) {
	if d.InSnapshot {
		if i, ok := p.snapshot[nodeKey{dir.Tree, d.Snapshot}]; ok {
			p.swept[i] = p.swept[i] || d.Key == d.Snapshot
			for k := range j.batch.Snapshots {
				if r := &j.batch.Snapshots[k]; r.Node == i {
					r.Dirs = append(r.Dirs, dir)
					return
				}
			}
		}
	}
	j.batch.Dirs = append(j.batch.Dirs, dir)
}
