package cmd

import (
	"fmt"

	"github.com/ckpt-tool/ckpt/layout"
)

// duDeletion is what deleting a set of checkpoints would do.
type duDeletion struct {
	Checkpoints []duMember `json:"checkpoints"`
	Files       int64      `json:"files"` // freed
	Bytes       int64      `json:"bytes"`
	KeptFiles   int64      `json:"keptFiles"` // others use them
	KeptBytes   int64      `json:"keptBytes"`
	HeldBy      []duHolder `json:"heldBy"` // who uses what is kept
	Notes       []string   `json:"notes"`
}

// duMember is a checkpoint of the set.
type duMember struct {
	duName
	State     string `json:"state"`
	KeptFiles int64  `json:"keptFiles"` // of its own
	KeptBytes int64  `json:"keptBytes"`
}

// duHolder is a checkpoint that uses files of the set.
type duHolder struct {
	duName
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"`
}

// duName says which checkpoint.
type duName struct {
	Root string  `json:"root,omitempty"`
	Path string  `json:"path"`
	Job  *string `json:"job"`
	ID   *int64  `json:"id"`
}

// where is the path, with the root where that is not plain.
func (n *duName) where() string {
	if n.Root == "" {
		return n.Path
	}
	return layout.Join(n.Root, n.Path)
}

func (d *diskUsage) nameOf(n *layout.Node) duName {
	e := newLsEntry(n.Entry)
	return duName{d.several(n.Tree), e.Path, e.Job, e.ID}
}

// deletion is nil where nobody asked.
func (d *diskUsage) deletion() *duDeletion {
	x := d.deleted
	if x == nil {
		return nil
	}
	nodes := d.used.Graph.Nodes
	out := &duDeletion{Files: int64(x.Freed.Files), Bytes: x.Freed.Bytes, KeptFiles: int64(x.Kept.Files), KeptBytes: x.Kept.Bytes, HeldBy: []duHolder{}, Notes: []string{}}
	jobs := map[string]bool{}
	for _, m := range x.Members {
		n := &nodes[m.Node]
		jobs[n.JobPrefix()] = true
		out.Checkpoints = append(out.Checkpoints, duMember{d.nameOf(n), string(n.State), int64(m.Kept.Files), m.Kept.Bytes})
	}
	others := 0
	for _, h := range x.Holders {
		n := &nodes[h.Node]
		if !jobs[n.JobPrefix()] {
			others++
		}
		out.HeldBy = append(out.HeldBy, duHolder{d.nameOf(n), int64(h.Files), h.Bytes})
	}
	d.note(out, others)
	return out
}

// note says what the figures do not.
func (d *diskUsage) note(out *duDeletion, others int) {
	add := func(format string, args ...any) { out.Notes = append(out.Notes, fmt.Sprintf(format, args...)) }
	for i, m := range d.deleted.Members {
		n := &d.used.Graph.Nodes[m.Node]
		path := out.Checkpoints[i].Path
		switch {
		case !n.Followed():
			add("%s is %s: what it uses is not known, so nothing of it counts as freed", path, n.State)
		case m.Kept.Files > 0:
			add("%s is %s, and others use %s of its %d: these must stay where they are", path, n.State, plural(m.Kept.Files, "file"), len(n.Objects))
		}
	}
	if others > 0 {
		add("%s of another job or place: it was restored from these, or is a savepoint of them", plural(others, "holder"))
	}
	if k := len(d.used.Doubts); k > 0 {
		add("%d could not be read, and may use some of what counts as freed", k)
	}
}
