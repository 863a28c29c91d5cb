package usage

import (
	"cmp"
	"slices"

	"github.com/ckpt-tool/ckpt/layout"
)

// Deletion is what would become of the files of a set of snapshots if these were
// deleted.
type Deletion struct {
	Freed   Amount   // files that no other snapshot uses
	Kept    Amount   // files that another one uses
	Members []Member // the set, in the order in which it was given
	Holders []Holder // who uses what is kept, those with the most bytes first
}

// Member is a snapshot of the set.
type Member struct {
	Node int
	Kept Amount // of its files, those that a snapshot outside of the set uses
}

// Holder is a snapshot that is not of the set.
type Holder struct {
	Node int
	Amount
}

// IfDeleted asks what deleting just these nodes frees. A node counts once.
func IfDeleted(g *layout.Graph, nodes []int) *Deletion {
	d := &Deletion{}
	users := newTally(g)
	in := map[int]bool{}
	for _, n := range nodes {
		if !in[n] {
			in[n] = true
			users.add(n)
			d.Members = append(d.Members, Member{Node: n})
		}
	}
	kept := func(id layout.ObjectID) bool { return int(users.count[id]) < g.Users(id) }
	for i := range d.Members {
		d.Members[i].Kept = users.amount(d.Members[i].Node, kept)
	}
	for n := range g.Nodes {
		if in[n] {
			continue
		}
		if held := users.amount(n, func(id layout.ObjectID) bool { return users.count[id] > 0 }); held.Files > 0 {
			d.Holders = append(d.Holders, Holder{n, held})
		}
	}
	slices.SortStableFunc(d.Holders, func(a, b Holder) int { return cmp.Compare(b.Bytes, a.Bytes) })
	for m := range in {
		users.drain(m, func(id layout.ObjectID, all bool) {
			if all {
				d.Freed.add(g.Size(id))
			} else {
				d.Kept.add(g.Size(id))
			}
		})
	}
	return d
}

// countUnique tells what the deletion of a whole job would free.
func countUnique(u *Usage) {
	users := newTally(u.Graph)
	for _, job := range u.Jobs {
		for _, n := range job.Nodes {
			users.add(n)
		}
		for _, n := range job.Nodes {
			users.drain(n, func(id layout.ObjectID, all bool) {
				if all {
					job.Unique += u.Graph.Size(id)
				}
			})
		}
	}
}

// tally counts how many snapshots of a set use each object.
type tally struct {
	g     *layout.Graph
	count []int32
}

func newTally(g *layout.Graph) *tally { return &tally{g, make([]int32, g.Len())} }

func (t *tally) add(node int) {
	for _, id := range t.g.Nodes[node].Objects {
		t.count[id]++
	}
}

// amount adds up the objects of a node that are wanted.
func (t *tally) amount(node int, wanted func(layout.ObjectID) bool) (a Amount) {
	for _, id := range t.g.Nodes[node].Objects {
		if wanted(id) {
			a.add(t.g.Size(id))
		}
	}
	return a
}

// drain gives each object of a node that was not given before, and whether the set
// has all of its users.
func (t *tally) drain(node int, give func(id layout.ObjectID, all bool)) {
	for _, id := range t.g.Nodes[node].Objects {
		if n := t.count[id]; n > 0 {
			t.count[id] = 0
			give(id, int(n) == t.g.Users(id))
		}
	}
}
