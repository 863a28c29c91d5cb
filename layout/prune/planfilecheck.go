package prune

import (
	"fmt"
	"slices"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// Check restricts p, which was made anew from the options of the saved plan, to what that
// names: the result deletes no file that only one of them does. problems are what the saved
// plan has and p does not allow any more. The error is a *StoppedError of [GuardPlan] where
// the saved plan is not to be trusted any more at all.
func (s *Saved) Check(p *Plan, version string, now time.Time) (restricted *Plan, problems []string, err error) {
	if err := s.valid(p, version, now); err != nil {
		return nil, nil, err
	}
	r := newRestriction(s, p)
	out := &Plan{Graph: p.Graph, Kept: slices.Clone(p.Kept), Held: p.Held, Guards: p.Guards, Missing: p.Missing, Notes: p.Notes, in: p.in, nodes: map[int]bool{}}
	for i := range p.Batches {
		if b := r.batch(&p.Batches[i]); !b.empty() {
			out.Batches = append(out.Batches, b)
		}
	}
	out.Totals = p.Totals
	out.count(p)
	for i := range s.deletes {
		if f := &s.deletes[i]; !r.allowed[f.URL] {
			problems = append(problems, fmt.Sprintf("%s: it is not to be deleted any more, or is another file by now", f.URL))
		}
	}
	return out, problems, nil
}

// valid tells whether the saved plan may be used at all.
func (s *Saved) valid(p *Plan, version string, now time.Time) error {
	stop := func(path, message string) error {
		return &StoppedError{Guard: GuardPlan, Path: path, Message: message, Hint: "make the plan anew by ckpt prune --plan FILE"}
	}
	switch {
	case !now.Before(s.Expires):
		return stop("", "the plan has expired at "+s.Expires.Format(time.RFC3339))
	case now.Before(s.Created.Add(-p.in.Safety.ClockSkew)):
		return stop("", "the plan is of the future, "+s.Created.Format(time.RFC3339)+": a clock is wrong")
	case s.Version != version:
		return stop("", fmt.Sprintf("the plan was saved by ckpt %s, and this is %s", s.Version, version))
	case !slices.EqualFunc(s.Roots, p.Graph.Trees, func(d RootDigest, t *layout.Tree) bool { return d.URL == t.Root }):
		return stop("", "the plan is of other roots")
	case !slices.Equal(s.Places, p.in.Places):
		return stop("", "the plan is of other places, or they may be changed in another way")
	}
	tags := map[string]string{}
	for i := range p.Graph.Nodes {
		if n := &p.Graph.Nodes[i]; n.Metadata != nil {
			tags[layout.Join(n.Tree.Root, n.Metadata.Key)] = n.Metadata.Tag
		}
	}
	last := ""
	for i := range s.deletes {
		at := s.deletes[i].Snapshot
		if at == "" || at == last {
			continue
		}
		last = at
		if why := s.otherSnapshot(p, at, tags); why != "" {
			return stop(at, why)
		}
	}
	return nil
}

// otherSnapshot tells why the _metadata of a snapshot that is to go is not that from which
// the plan was made. One that is gone is no other: there is nothing to delete.
func (s *Saved) otherSnapshot(p *Plan, url string, tags map[string]string) string {
	meta := layout.Join(url, layout.MetadataName)
	t, key := treeOf(p.Graph, meta)
	if t == nil {
		return "it lies in no root"
	}
	f := t.Files.Find(key)
	if f == layout.NoFile {
		return ""
	}
	old, had := s.metadata[meta]
	now := layout.Object{Size: t.Files.Size(f), Modified: t.Files.Modified(f), Tag: tags[meta]}
	if !had || !sameObject(&old, &now) {
		return "its _metadata is another than the plan was made from"
	}
	return ""
}

// restriction takes from a plan what a saved one does not name.
type restriction struct {
	graph   *layout.Graph
	named   map[string]*SavedFile
	dirs    map[string]bool
	allowed map[string]bool // of the saved files
	stays   map[int]bool    // snapshots that the saved plan does not delete
	kept    map[layout.ObjectID]bool
}

func newRestriction(s *Saved, p *Plan) *restriction {
	r := &restriction{graph: p.Graph, named: make(map[string]*SavedFile, len(s.deletes)), dirs: s.dirs,
		allowed: map[string]bool{}, stays: map[int]bool{}, kept: map[layout.ObjectID]bool{}}
	for i := range s.deletes {
		r.named[s.deletes[i].URL] = &s.deletes[i]
	}
	for i := range p.Batches {
		for _, removal := range p.Batches[i].Snapshots {
			n := &p.Graph.Nodes[removal.Node]
			if n.Metadata == nil || len(removal.Files) > 0 && r.names(removal.Files[0]) {
				continue
			}
			r.stays[removal.Node] = true
			for _, id := range n.Objects {
				r.kept[id] = true
			}
		}
	}
	return r
}

// batch restricts a batch. Without its _metadata nothing of a snapshot may be deleted.
func (r *restriction) batch(b *Batch) Batch {
	out := Batch{Job: b.Job, HasJob: b.HasJob, Shared: r.items(b.Shared), Orphans: r.items(b.Orphans), Dirs: r.directories(b.Dirs)}
	for _, s := range b.Snapshots {
		if r.stays[s.Node] {
			continue
		}
		if s.Files, s.Dirs = r.items(s.Files), r.directories(s.Dirs); len(s.Files)+len(s.Dirs) > 0 {
			out.Snapshots = append(out.Snapshots, s)
		}
	}
	return out
}

func (r *restriction) directories(dirs []Dir) (some []Dir) {
	for _, d := range dirs {
		if r.dirs[layout.Join(d.Tree.Root, d.Key)] {
			some = append(some, d)
		}
	}
	return some
}

func (r *restriction) items(items []Item) (some []Item) {
	for _, it := range items {
		if !r.kept[it.Object] && r.names(it) {
			r.allowed[r.graph.URL(it.Object)] = true
			some = append(some, it)
		}
	}
	return some
}

// names tells whether the saved plan deletes the very file.
func (r *restriction) names(it Item) bool {
	now := savedFile(r.graph, it)
	f := r.named[now.URL]
	return f != nil && f.Size == now.Size && f.Modified.Equal(now.Modified)
}

func (b *Batch) empty() bool {
	return len(b.Snapshots)+len(b.Shared)+len(b.Orphans)+len(b.Dirs) == 0
}

// count sets the sums of a plan that is a part of another.
func (p *Plan) count(whole *Plan) {
	t := &p.Totals
	t.Snapshots, t.DeleteObjects, t.DeleteDirs, t.DeleteBytes = 0, 0, 0, 0
	for i := range p.Batches {
		b := &p.Batches[i]
		t.Snapshots += len(b.Snapshots)
		for _, s := range b.Snapshots {
			p.nodes[s.Node] = true
		}
		for _, it := range b.items() {
			t.DeleteObjects++
			t.DeleteBytes += p.Graph.Size(it.Object)
		}
		for range b.dirs() {
			t.DeleteDirs++
		}
	}
	t.KeepObjects += whole.Totals.DeleteObjects - t.DeleteObjects
	t.KeepBytes += whole.Totals.DeleteBytes - t.DeleteBytes
	p.keepOthers(whole)
}

// keepOthers lists the snapshots that go by the whole plan and stay by this part of it.
func (p *Plan) keepOthers(whole *Plan) {
	for i := range whole.Batches {
		for _, s := range whole.Batches[i].Snapshots {
			if !p.nodes[s.Node] {
				p.Kept = append(p.Kept, Kept{Node: s.Node, Reason: "the saved plan does not name it"})
			}
		}
	}
	slices.SortFunc(p.Kept, func(a, b Kept) int { return a.Node - b.Node })
}
