package cmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/prune"
)

// What a JobManager or a store of results says of an id, it says of one run of a job. With
// a fixed id, as in application mode, or where an id is used anew, other runs have it too.

// shareIDs finds the ids that several jobs may bear: those with checkpoints in more than
// one directory, and the one of application mode without high availability.
func (p *pruning) shareIDs() {
	p.shared = map[layout.JobID]string{{}: "is what jobs of application mode are called"}
	homes := map[layout.JobID][]string{}
	for i := range p.graph.Nodes {
		n := &p.graph.Nodes[i]
		if !n.HasJob || !n.Numbered || n.Metadata == nil || !p.sweeps(n.URL()) {
			continue
		}
		home := strings.TrimSuffix(n.URL(), "/"+n.Name)
		if !slices.Contains(homes[n.Job], home) {
			homes[n.Job] = append(homes[n.Job], home)
		}
	}
	for id, in := range homes {
		if _, ok := p.shared[id]; !ok && len(in) > 1 {
			p.shared[id] = fmt.Sprintf("has checkpoints in %s and %s", in[0], in[1])
		}
	}
}

// sweeps tells whether the nearest place that holds url is to be pruned: a copy elsewhere
// is no other job.
func (p *pruning) sweeps(url string) bool {
	nearest := prune.Place{}
	for _, place := range p.places {
		if _, ok := layout.Below(place.URL, url); ok && len(place.URL) >= len(nearest.URL) {
			nearest = place
		}
	}
	return nearest.Mode == prune.Swept
}

// setApart takes back that such a job has ended, unless that is the user's own word.
func (w *witnesses) setApart(world *prune.World) {
	for id := range w.shared {
		s, known := world.Jobs[id]
		if w.all || s.Life == prune.Live || slices.Contains(w.ended, id) {
			continue
		}
		if s.Life == prune.Ended || !known && world.Others.Life == prune.Ended {
			w.doubted = append(w.doubted, id)
		}
		s.Life, s.Source = prune.Unknown, ""
		world.Add(id, s)
		s.Apart = true
		world.Jobs[id] = s
	}
}

// weak are notes of evidence that proves too little.
func (p *pruning) weak() (notes []string) {
	if p.opts.complete && !p.all {
		for _, url := range p.idle {
			notes = append(notes, url+" lists no job at all: it may have just started, so that --clusters-complete proves nothing; say --ended all if that is right")
		}
	}
	slices.SortFunc(p.doubted, func(a, b layout.JobID) int { return strings.Compare(a.String(), b.String()) })
	for _, id := range slices.Compact(p.doubted) {
		if p.has(id) {
			notes = append(notes, fmt.Sprintf("job %s %s, so that its id does not tell which run has ended: say --ended %s, --ended all or --assume-ended-after", id, p.shared[id], id))
		}
	}
	return notes
}

// has tells whether anything in the trees is of the job.
func (p *pruning) has(id layout.JobID) bool {
	for _, t := range p.graph.Trees {
		if slices.ContainsFunc(t.JobDirs, func(d layout.JobDir) bool { return d.HasJob && d.Job == id }) {
			return true
		}
	}
	return slices.ContainsFunc(p.graph.Nodes, func(n layout.Node) bool { return n.HasJob && n.Job == id })
}
