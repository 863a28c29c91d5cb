package prune

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// A lineage is the snapshots of one run of a job, and of what was restored from it in the
// same directory: each could have been restored in place of the one before. Others may lie
// beside them, with ids of their own, where directories of jobs are switched off, where the
// job id is fixed (application mode), or where chk-N was written again.
type lineage struct {
	nodes []int // the oldest first
}

// lineageKey is what all snapshots of a lineage have in common.
type lineageKey struct {
	tree      *layout.Tree
	home      string
	savepoint bool
	prefix    string // of the job's id, of savepoints
	operators layout.OperatorSet
}

// lineages are those of the whole and damaged snapshots of a job. Their order is that of
// their times; where an id does not grow with time, another lineage begins.
func (p *planner) lineages(j *job) []lineage {
	groups := map[lineageKey][]int{}
	var keys []lineageKey
	for _, i := range j.nodes {
		n := &p.Graph.Nodes[i]
		if !isFinished(n) {
			continue
		}
		key := lineageKey{tree: n.Tree, home: homeOf(n), savepoint: isSavepoint(n), operators: n.Operators}
		if key.savepoint {
			if key.prefix = n.JobPrefix(); strings.Trim(key.prefix, "0") == "" {
				key.prefix = n.Dir // nothing tells what it follows
			}
		}
		if groups[key] == nil {
			keys = append(keys, key)
		}
		groups[key] = append(groups[key], i)
	}
	var all []lineage
	for _, key := range keys {
		all = append(all, p.split(groups[key])...)
	}
	return all
}

// split cuts snapshots where time goes on and ids do not.
func (p *planner) split(nodes []int) []lineage {
	slices.SortFunc(nodes, func(a, b int) int {
		x, y := &p.Graph.Nodes[a], &p.Graph.Nodes[b]
		return cmp.Or(x.Modified().Compare(y.Modified()), cmp.Compare(x.ID, y.ID), strings.Compare(x.Dir, y.Dir))
	})
	all := []lineage{{}}
	for k, i := range nodes {
		if k > 0 && p.Graph.Nodes[i].ID <= p.Graph.Nodes[nodes[k-1]].ID {
			all = append(all, lineage{})
		}
		last := &all[len(all)-1]
		last.nodes = append(last.nodes, i)
	}
	return all
}

// isFinished tells whether a snapshot was completed, whole or not.
func isFinished(n *layout.Node) bool {
	return n.State == layout.Complete || n.State == layout.Damaged
}

// doubt tells why the order of a job's checkpoints is not clear: the same id twice.
func (p *planner) doubt(j *job) (*layout.Node, *layout.Node) {
	type place struct {
		tree *layout.Tree // copies in other trees are no other run
		id   int64
	}
	seen := map[place]*layout.Node{}
	for _, i := range j.nodes {
		n := &p.Graph.Nodes[i]
		if !isFinished(n) || isSavepoint(n) {
			continue
		}
		at := place{n.Tree, n.ID}
		if other := seen[at]; other != nil && j.has {
			return other, n
		}
		seen[at] = n
	}
	return nil, nil
}

// A minute is less than any schedule of checkpoints that people prune by time: where all
// times lie within one, they are those of a copy.
const copied = time.Minute

// timesDoubt tells why the times of a job's checkpoints cannot be believed, "" where they
// can.
func (p *planner) timesDoubt(j *job) string {
	var nodes []*layout.Node
	for _, i := range j.nodes {
		if n := &p.Graph.Nodes[i]; isFinished(n) && !isSavepoint(n) {
			nodes = append(nodes, n)
		}
	}
	if len(nodes) < 2 {
		return ""
	}
	slices.SortFunc(nodes, func(a, b *layout.Node) int { return a.Modified().Compare(b.Modified()) })
	if nodes[len(nodes)-1].Modified().Sub(nodes[0].Modified()) < copied {
		return "all its checkpoints are of the same minute, as those of a copy are"
	}
	for k, n := range nodes[1:] {
		if n.ID < nodes[k].ID && n.Operators == nodes[k].Operators && homeOf(n) == homeOf(nodes[k]) {
			return n.Name + " is younger than " + nodes[k].Name
		}
	}
	return ""
}
