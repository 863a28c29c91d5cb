package prune

import (
	"errors"
	"slices"

	"github.com/ckpt-tool/ckpt/layout"
)

// Jobs that were restored from others use files of theirs, so that snapshots of several
// batches may use one file. It goes with the last of them: the ledger holds it until then.

// deferral is what waits for a later batch.
type deferral struct {
	items []Item
	dirs  []Dir // in which some of these lie
}

// defers puts a file off until the snapshots that still use it are gone, if all of them
// are to go.
func (b *batch) defers(e *entry) bool {
	uses := b.ledger.users[e.object]
	if uses == 0 || e.meta {
		return false
	}
	for _, i := range b.later {
		if _, ok := slices.BinarySearch(b.plan.Graph.Nodes[i].Objects, e.object); ok {
			uses--
		}
	}
	if uses > 0 {
		return false
	}
	e.told = true
	b.late.items = append(b.late.items, Item{Object: e.object, Why: e.why})
	return true
}

// coming are the snapshots that later batches will delete, as far as is known.
func (b *batch) coming() (nodes []int) {
	for i := range b.plan.Batches[b.number+1:] {
		for _, s := range b.plan.Batches[b.number+1+i].Snapshots {
			if b.dropped[s.Node] == "" {
				nodes = append(nodes, s.Node)
			}
		}
	}
	return nodes
}

// due takes the files that snapshots of the batch use from those that were put off.
func (r *run) due(of *Batch) (items []Item) {
	r.late.items = slices.DeleteFunc(r.late.items, func(it Item) bool {
		for _, s := range of.Snapshots {
			if _, uses := slices.BinarySearch(r.plan.Graph.Nodes[s.Node].Objects, it.Object); uses {
				items = append(items, it)
				return true
			}
		}
		return false
	})
	return items
}

// waits tells whether a file that was put off lies in a directory, or below it.
func (r *run) waits(d Dir) bool {
	return slices.ContainsFunc(r.late.items, func(it Item) bool {
		t, f := r.plan.Graph.Object(it.Object)
		_, within := layout.Below(d.Key, t.Files.Key(f))
		return t == d.Tree && within
	})
}

// dueDirs takes the directories in which nothing waits any more from those put off.
func (r *run) dueDirs() (dirs []Dir) {
	r.late.dirs = slices.DeleteFunc(r.late.dirs, func(d Dir) bool {
		if r.waits(d) {
			return false
		}
		dirs = append(dirs, d)
		return true
	})
	return dirs
}

// leaveLate tells of what was put off and has never come to go.
func (r *run) leaveLate() {
	if r.out.Stopped != nil {
		r.out.Untried += len(r.late.items) + len(r.late.dirs)
		return
	}
	err := errors.New("a checkpoint uses it")
	for _, it := range r.late.items {
		r.tell(Event{URL: r.plan.Graph.URL(it.Object), Bytes: r.plan.Graph.Size(it.Object), Why: it.Why, Err: err, Left: true})
	}
	for _, d := range r.late.dirs {
		r.tell(Event{URL: layout.Join(d.Tree.Root, d.Key), Dir: true, Err: layout.ErrNotEmpty, Left: true})
	}
}
