package prune

import (
	"slices"

	"github.com/ckpt-tool/ckpt/layout"
)

// Names of files are random. Where two files have one, the second is a copy of the first,
// or the first under another name of its storage: an alias, a mount, a link. Which of them
// a snapshot means is a guess then, so that none goes as long as a snapshot that stays uses
// any. Only what lies in the directory of that snapshot itself is no guess: ckpt cp and
// backups make such copies.

// twins are the names of files of which that is so.
type twins struct {
	used    map[uint64]bool
	outside interface {
		Has(*layout.Files, layout.FileID) bool
	}
}

// has tells whether a file has the name of one that is used at another place.
func (w *twins) has(t *layout.Tree, f layout.FileID) bool {
	return t.Files.Random(f) && (w.used[t.Files.NameHash(f)] || w.outside.Has(t.Files, f))
}

// findTwins looks at the files that are candidates.
func (p *planner) findTwins(candidate func(layout.ObjectID) bool) *twins {
	count := 0
	for id := range p.Graph.Len() {
		if candidate(layout.ObjectID(id)) {
			count++
		}
	}
	names := make([]uint64, 0, count)
	p.eachFile(func(t *layout.Tree, f layout.FileID) {
		if candidate(t.Object(f)) && t.Files.Random(f) {
			names = append(names, t.Files.NameHash(f))
		}
	})
	slices.Sort(names)
	w := &twins{map[uint64]bool{}, p.Outside}
	if len(names) == 0 {
		return w
	}
	look := func(n *layout.Node) {
		for _, id := range n.Objects {
			t, f := p.Graph.Object(id)
			if !t.Files.Random(f) || p.isOwn(n, id) {
				continue
			}
			h := t.Files.NameHash(f)
			if _, twin := slices.BinarySearch(names, h); twin && !candidate(id) {
				w.used[h] = true
			}
		}
	}
	for i := range p.Graph.Nodes {
		if !p.plan.nodes[i] {
			look(&p.Graph.Nodes[i])
		}
	}
	for i := range p.Graph.Adopted {
		look(&p.Graph.Adopted[i])
	}
	return w
}

// dropTwins lets snapshots stay whose files have the names of others that are used: the
// _metadata would be gone, and nothing freed.
func (p *planner) dropTwins() bool {
	if len(p.plan.nodes) == 0 {
		return false
	}
	users := newTally(p.Graph, p.plan.nodes)
	w := p.findTwins(func(id layout.ObjectID) bool { return users.count[id] > 0 && users.free(id) })
	any := false
	for _, j := range p.list {
		j.batch.Snapshots = slices.DeleteFunc(j.batch.Snapshots, func(r Removal) bool {
			twin := slices.ContainsFunc(p.Graph.Nodes[r.Node].Objects, func(id layout.ObjectID) bool {
				t, f := p.Graph.Object(id)
				return users.free(id) && w.has(t, f)
			})
			if twin {
				p.hold(r.Node, GuardElsewhere, "files of it bear the names of others that are used: it is a copy, or the same by another name")
				delete(p.plan.nodes, r.Node)
				any = true
			}
			return twin
		})
	}
	return any
}

// holdTwins keeps what nothing uses and that has the name of a file that is used.
func (p *planner) holdTwins() {
	w := p.findTwins(func(id layout.ObjectID) bool { return p.fates[id] == going })
	keep := func(it Item) bool {
		t, f := p.Graph.Object(it.Object)
		if !w.has(t, f) {
			return false
		}
		p.holdFile(it.Object, GuardElsewhere)
		return true
	}
	for _, j := range p.list {
		for k := range j.batch.Snapshots {
			r := &j.batch.Snapshots[k]
			r.Files = slices.DeleteFunc(r.Files, keep)
		}
		j.batch.Shared = slices.DeleteFunc(j.batch.Shared, keep)
		j.batch.Orphans = slices.DeleteFunc(j.batch.Orphans, keep)
	}
}

func (p *planner) eachFile(do func(*layout.Tree, layout.FileID)) {
	for _, t := range p.Graph.Trees {
		for f := range layout.FileID(t.Files.Len()) {
			do(t, f)
		}
	}
}
