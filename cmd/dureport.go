package cmd

import (
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/usage"
)

// duReport is the JSON of `ckpt du`, but for the orphans: there may be millions.
type duReport struct {
	Schema      string         `json:"schema"`
	Root        duRoot         `json:"root"`            // the first
	Roots       []duRoot       `json:"roots,omitempty"` // all that are shown, where there are several
	Jobs        []duJob        `json:"jobs"`
	Checkpoints []duCheckpoint `json:"checkpoints"`
	Operators   []duOperator   `json:"operators,omitempty"` // where one checkpoint was named
	IfDeleted   *duDeletion    `json:"ifDeleted,omitempty"`
	Doubts      []string       `json:"doubts,omitempty"` // why unused files may be unknown rather than orphans
	Errors      []lsError      `json:"errors,omitempty"`
}

// duSums are bytes by class. They add up to Bytes.
type duSums struct {
	Files      int64 `json:"files"`
	Bytes      int64 `json:"bytes"`
	Referenced int64 `json:"referenced"`
	Orphan     int64 `json:"orphan"`
	InFlight   int64 `json:"inFlight"`
	Unknown    int64 `json:"unknown"`
}

type duRoot struct {
	Path string `json:"path"`
	duSums
	OrphanFiles int64            `json:"orphanFiles"`
	UnknownWhy  map[string]int64 `json:"unknownWhy"` // bytes by reason
	Merged      *duMerged        `json:"merged"`     // null where there are no merged files
}

type duMerged struct {
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"`
	Live  int64 `json:"live"`
}

type duJob struct {
	Root string  `json:"root,omitempty"` // where there are several
	Job  *string `json:"job"`            // null for what belongs to none
	duSums
	Checkpoints int   `json:"checkpoints"`
	Unique      int64 `json:"unique"`
}

// duCheckpoint is a checkpoint or savepoint. Sizes are null where its _metadata does
// not tell them.
type duCheckpoint struct {
	Root      string     `json:"root,omitempty"`
	Path      string     `json:"path"`
	Job       *string    `json:"job"`
	ID        *int64     `json:"id"`
	Kind      string     `json:"kind"`
	State     string     `json:"state"`
	Reason    string     `json:"reason"`
	Modified  *time.Time `json:"modified"`
	Files     *int64     `json:"files"`
	Physical  *int64     `json:"physical"`
	Logical   *int64     `json:"logical"`
	Exclusive *int64     `json:"exclusive"`
	Shared    *int64     `json:"shared"`
	Unique    *int64     `json:"unique"`
	Inline    *int64     `json:"inline"`
	Elsewhere *int64     `json:"elsewhere"`
	ByTail    int        `json:"byTail,omitempty"` // references found by the tail of their path
}

type duOrphan struct {
	Root     string     `json:"root,omitempty"`
	Path     string     `json:"path"`
	Bytes    int64      `json:"bytes"`
	Modified *time.Time `json:"modified"`
}

func sumsOf(s *usage.Sums) duSums {
	t := s.Total()
	return duSums{int64(t.Files), t.Bytes, s.Of(usage.Referenced).Bytes, s.Of(usage.Orphan).Bytes, s.Of(usage.InFlight).Bytes, s.Of(usage.Unknown).Bytes}
}

// report is all but the orphans.
func (d *diskUsage) report() *duReport {
	r := &duReport{Schema: "ckpt.du/v1", Jobs: []duJob{}, Checkpoints: []duCheckpoint{}}
	for i := range d.used.Roots {
		if d.trees[i].shown {
			r.Roots = append(r.Roots, d.root(i))
		}
	}
	if r.Root = r.Roots[0]; len(r.Roots) == 1 {
		r.Roots = nil
	}
	for _, j := range d.used.Jobs {
		if d.target == "" && d.shows(j) {
			r.Jobs = append(r.Jobs, d.jobJSON(j))
		}
	}
	for _, n := range d.nodes {
		r.Checkpoints = append(r.Checkpoints, d.checkpoint(&d.used.Graph.Nodes[n]))
	}
	for _, err := range d.used.Doubts {
		r.Doubts = append(r.Doubts, err.Error())
	}
	for _, t := range d.used.Graph.Trees {
		r.Errors = append(r.Errors, (&listing{inv: t.Inventory}).errors()...)
	}
	return r
}

func (d *diskUsage) root(i int) duRoot {
	r := &d.used.Roots[i]
	out := duRoot{Path: d.trees[i].URL(), duSums: sumsOf(&r.Sums), OrphanFiles: int64(r.Of(usage.Orphan).Files), UnknownWhy: map[string]int64{}}
	for why, a := range r.Reason {
		if why != int(usage.NoReason) && a.Files > 0 {
			out.UnknownWhy[usage.Reason(why).String()] = a.Bytes
		}
	}
	if m := r.Merged; m.Files > 0 {
		out.Merged = &duMerged{int64(m.Files), m.Bytes, m.Live}
	}
	return out
}

// several is the root of a tree where it takes that to know which is meant.
func (d *diskUsage) several(t *layout.Tree) string {
	if len(d.trees) == 1 {
		return ""
	}
	return t.Root
}

func (d *diskUsage) jobJSON(j *usage.Job) duJob {
	out := duJob{Root: d.several(d.used.Graph.Trees[j.Tree]), duSums: sumsOf(&j.Sums), Checkpoints: len(j.Nodes), Unique: j.Unique}
	if j.Known {
		out.Job = new(j.ID.String())
	}
	return out
}

func (d *diskUsage) checkpoint(n *layout.Node) duCheckpoint {
	e := newLsEntry(n.Entry)
	c := duCheckpoint{Root: d.several(n.Tree), Path: e.Path, Job: e.Job, ID: e.ID, Kind: e.Kind, State: e.State, Reason: e.Reason, Modified: e.Modified}
	if n.Followed() {
		c.Files, c.Physical, c.Logical = new(int64(len(n.Objects))), new(physical(n)), new(n.Summary.Sizes.State)
		c.Exclusive, c.Shared, c.Unique = &n.Exclusive, &n.Shared, &n.Unique
		c.Inline, c.Elsewhere, c.ByTail = &n.Inline, &n.Outside.Bytes, n.ByTail
	}
	return c
}

func (d *diskUsage) orphan(id layout.ObjectID) duOrphan {
	t, f := d.used.Graph.Object(id)
	o := duOrphan{Root: d.several(t), Path: t.Files.Key(f), Bytes: t.Files.Size(f)}
	if m := t.Files.Modified(f).UTC(); !m.IsZero() {
		o.Modified = &m
	}
	return o
}

// orphans are those that are shown, the biggest first.
func (d *diskUsage) orphans(yield func(layout.ObjectID) bool) {
	if d.target != "" {
		return
	}
	for _, o := range d.used.Orphans {
		if d.shows(o.Job) && !yield(o.Object) {
			return
		}
	}
}
