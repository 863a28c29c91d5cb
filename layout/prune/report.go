package prune

import (
	"fmt"
	"slices"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// report writes down what was decided.
func (p *planner) report() {
	p.plan.Guards = p.guards.all()
	slices.SortFunc(p.list, byName)
	if p.guards.worst() != StopAll {
		for _, j := range p.list {
			if b := &j.batch; len(b.Snapshots)+len(b.Orphans)+len(b.Dirs) > 0 {
				p.plan.Batches = append(p.plan.Batches, *b)
			}
		}
	}
	for i := range p.Graph.Nodes {
		if p.plan.nodes[i] || p.swept[i] && !p.plan.Stopped() {
			continue
		}
		reason := p.keep[i]
		if reason == "" {
			reason = p.Graph.Nodes[i].Reason
		}
		p.plan.Kept = append(p.plan.Kept, Kept{i, reason})
	}
	slices.Sort(p.plan.Missing)
	p.plan.Missing = slices.Compact(p.plan.Missing)
	p.total()
}

// total adds up.
func (p *planner) total() {
	t := &p.plan.Totals
	for id, f := range p.fates {
		size := p.Graph.Size(layout.ObjectID(id))
		switch f {
		case going:
			t.DeleteObjects++
			t.DeleteBytes += size
			continue
		case holding:
			t.HeldObjects++
			t.HeldBytes += size
		}
		t.KeepObjects++
		t.KeepBytes += size
	}
	t.Snapshots = len(p.plan.nodes)
	for _, b := range p.plan.Batches {
		t.DeleteDirs += len(b.Dirs)
		for _, r := range b.Snapshots {
			t.DeleteDirs += len(r.Dirs)
		}
	}
}

// miss says what evidence of the end of a job is missing.
func (p *planner) miss(j *job, n *layout.Node) {
	give := "name every cluster that may run it by --flink-url (with --clusters-complete, a job that is in none has ended), its --ha-dir, or --assume-ended-after DURATION"
	switch {
	case j.has:
		p.plan.Missing = append(p.plan.Missing, fmt.Sprintf("that job %s has ended: say --ended %s, or %s", j.id, j.id, give))
	case n != nil && isSavepoint(n):
		p.plan.Missing = append(p.plan.Missing, fmt.Sprintf("that no live job needs %s: say --ended all, or %s", n.URL(), give))
	default:
		p.plan.Missing = append(p.plan.Missing, fmt.Sprintf("that no job is live: say --ended all, or %s", give))
	}
}

// age is a duration for people.
func age(d time.Duration) string {
	if d >= 48*time.Hour && d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
	return d.String()
}
