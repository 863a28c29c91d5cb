package cmd

import (
	"slices"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/prune"
)

// measure writes down what a run has come to, root by root.
func (r *pruneRun) measure(m *metrics) {
	if m == nil || r.made == nil {
		return
	}
	counts := r.newCounts()
	for d := range r.deletions {
		root := d.Root
		if root == "" {
			root = r.graph.Trees[0].Root
		}
		if c := counts.of(layout.Join(root, d.Path)); c != nil {
			c.plannedObjects++
			c.plannedBytes += d.Bytes
		}
	}
	for _, root := range counts.roots {
		c := counts.by[root]
		done := r.done[root]
		c.deletedObjects, c.deletedBytes, c.failedObjects = done.deletedObjects, done.deletedBytes, done.failedObjects
		m.pruned(root, c)
	}
}

// rootCounts are counts by the roots that are pruned.
type rootCounts struct {
	roots []string
	by    map[string]*pruneCounts
}

func (r *pruneRun) newCounts() *rootCounts {
	c := &rootCounts{by: map[string]*pruneCounts{}}
	var guards []guardOutcome
	for _, g := range r.made.Guards {
		guards = append(guards, guardOutcome{string(g.Name), g.Outcome.String(), g.Count})
	}
	c.roots = r.placesOf(prune.Swept)
	if r.made.Stopped() {
		c.roots = withVanished(c.roots, rootsOf(r.named))
	}
	for _, root := range c.roots {
		c.by[root] = &pruneCounts{applied: r.executed != nil, guards: guards}
	}
	return c
}

// withVanished adds the roots that were named and are not there: what was refused because
// of them is to be seen below their names.
func withVanished(roots, named []string) []string {
	for _, root := range named {
		if !slices.Contains(roots, root) {
			roots = append(roots, root)
		}
	}
	return roots
}

// of are the counts of the root in which url lies; of what lies in none, those of the first.
func (c *rootCounts) of(url string) *pruneCounts {
	root := rootOf(c.roots, url)
	return c.by[root]
}

// rootOf is the nearest of roots around url, or the first.
func rootOf(roots []string, url string) string {
	best := ""
	for _, root := range roots {
		if _, within := layout.Below(root, url); within && len(root) > len(best) {
			best = root
		}
	}
	if best == "" && len(roots) > 0 {
		return roots[0]
	}
	return best
}

// doneCounts are what has been done in a root.
type doneCounts struct{ deletedObjects, deletedBytes, failedObjects int64 }

// count takes what has become of a file.
func (r *pruneRun) count(e prune.Event) {
	if e.Dir {
		return
	}
	if r.done == nil {
		r.done, r.swept = map[string]doneCounts{}, r.placesOf(prune.Swept)
	}
	root := rootOf(r.swept, e.URL)
	c := r.done[root]
	if e.Err == nil && !e.Left {
		c.deletedObjects++
		c.deletedBytes += e.Bytes
	} else {
		c.failedObjects++
	}
	r.done[root] = c
}
