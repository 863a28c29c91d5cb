package prune

import (
	"cmp"
	"slices"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/usage"
)

// Make makes the plan. It touches nothing.
func Make(in Input) *Plan {
	p := &planner{Input: in, plan: &Plan{Graph: in.Graph, in: in, nodes: map[int]bool{}}, guards: newWatch(), swept: map[int]bool{}}
	p.order(in.Places)
	p.gather()
	p.stop()
	p.selectSnapshots()
	p.sweep()
	p.stopNamed()
	p.sayKept()
	if p.guards.worst() == StopAll {
		p.withdraw()
	}
	p.report()
	return p.plan
}

// planner makes one plan.
type planner struct {
	Input
	plan   *Plan
	guards *watch
	places []Place // the longest first

	jobs     map[jobKey]*job
	list     []*job
	keep     map[int]string // snapshots that must stay, and why
	spare    []int          // those that no rule keeps, where there is a limit of bytes
	evidence *usage.Evidence
	fates    []fate // of each object
	snapshot map[nodeKey]int
	claims   map[string]bool // canonical URLs
	// claimNames are the names by which claimed snapshots are known.
	claimNames map[string]bool
	swept      map[int]bool // snapshots of which nothing stays, though they were never completed
	folders    map[*layout.Tree][]folder
	markers    []marker
}

// jobKey names a job, or in each tree what belongs to none.
type jobKey struct {
	id   layout.JobID
	has  bool
	tree int
}

// nodeKey names a snapshot.
type nodeKey struct {
	tree *layout.Tree
	dir  string
}

// fate is what becomes of an object.
type fate uint8

const (
	staying fate = iota
	going
	holding // it would go but for a guard
)

// mode is what may be deleted at a place.
func (p *planner) mode(url string) Mode {
	if i := p.placeOf(url); i >= 0 {
		return p.places[i].Mode
	}
	return Untouched
}

// placeOf is the nearest of the places that hold url, -1 where none does.
func (p *planner) placeOf(url string) int {
	return slices.IndexFunc(p.places, func(place Place) bool {
		_, ok := layout.Below(place.URL, url)
		return ok
	})
}

func (p *planner) order(places []Place) {
	p.places = slices.Clone(places)
	slices.SortStableFunc(p.places, func(a, b Place) int { return cmp.Compare(len(b.URL), len(a.URL)) })
}

// wanted tells whether the policy looks at a job at all.
func (p *planner) wanted(j *job) bool {
	return len(p.Policy.Jobs) == 0 || j.has && slices.Contains(p.Policy.Jobs, j.id)
}

// withdraw takes back all that was to be deleted.
func (p *planner) withdraw() {
	for i := range p.plan.nodes {
		p.keep[i] = "nothing is deleted at all, see the guards"
	}
	clear(p.plan.nodes)
	for id, f := range p.fates {
		if f == going {
			p.fates[id] = staying
		}
	}
}
