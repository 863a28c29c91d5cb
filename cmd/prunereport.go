package cmd

import (
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/prune"
)

// pruneHead begins the JSON of `ckpt prune`. The lists of what goes and what stays follow,
// then pruneTail: there may be millions.
type pruneHead struct {
	Schema  string `json:"schema"`
	Applied bool   `json:"applied"`
	Stopped bool   `json:"stopped"` // a guard lets nothing be deleted
	pruneBasis
	Trash     string `json:"trash,omitempty"`
	Snapshots int    `json:"snapshots"` // that go
}

// pruneDelete is a file that goes.
type pruneDelete struct {
	Root       string     `json:"root,omitempty"` // where there are several
	Path       string     `json:"path"`
	Bytes      int64      `json:"bytes"`
	Reason     string     `json:"reason"`
	Job        *string    `json:"job"`
	Checkpoint *string    `json:"checkpoint"` // that goes, of which the file is
	Modified   *time.Time `json:"modified"`
}

// pruneKeep is a snapshot that stays.
type pruneKeep struct {
	Root     string     `json:"root,omitempty"`
	Path     string     `json:"path"`
	Reason   string     `json:"reason"`
	Job      *string    `json:"job"`
	ID       *int64     `json:"id"`
	Kind     string     `json:"kind"`
	State    string     `json:"state"`
	Modified *time.Time `json:"modified"`
}

type pruneGuard struct {
	Name    string `json:"name"`
	Class   string `json:"class"` // the worst outcome that it can have
	Outcome string `json:"outcome"`
	Count   int    `json:"count"`
	Message string `json:"message"`
	Watches string `json:"watches"`
}

type pruneTotals struct {
	DeleteObjects     int   `json:"deleteObjects"`
	DeleteBytes       int64 `json:"deleteBytes"`
	KeepObjects       int   `json:"keepObjects"`
	KeepBytes         int64 `json:"keepBytes"`
	HeldObjects       int   `json:"heldObjects"` // of these, by a guard
	HeldBytes         int64 `json:"heldBytes"`
	DeleteDirectories int   `json:"deleteDirectories"`
}

// pruneTail ends the JSON, after the plan was executed.
type pruneTail struct {
	Guards  []pruneGuard  `json:"guards"`
	Totals  pruneTotals   `json:"totals"`
	Missing []string      `json:"missing"` // evidence that would let more go
	Notes   []string      `json:"notes"`
	Results *pruneResults `json:"results"` // null where nothing was executed
}

type pruneResults struct {
	Run         string    `json:"run"`
	Objects     int       `json:"deletedObjects"`
	Bytes       int64     `json:"deletedBytes"`
	Directories int       `json:"deletedDirectories"`
	Failed      int       `json:"failedObjects"`
	Left        int       `json:"leftObjects"`
	Untried     int       `json:"untriedObjects"` // it ended before it came to them
	Failures    []failure `json:"failures"`       // the first 1,000
	Stopped     *string   `json:"stopped"`        // why it ended early
}

func (r *pruneRun) head() pruneHead {
	h := pruneHead{Schema: "ckpt." + r.command + "/v1", Applied: r.apply.deletes() && !r.made.Stopped(), Stopped: r.made.Stopped(),
		pruneBasis: r.basis(), Snapshots: r.made.Totals.Snapshots}
	if h.Applied {
		h.Trash = r.apply.trash
	}
	return h
}

func (r *pruneRun) tail() pruneTail {
	t := r.made.Totals
	tail := pruneTail{
		Totals:  pruneTotals{t.DeleteObjects, t.DeleteBytes, t.KeepObjects, t.KeepBytes, t.HeldObjects, t.HeldBytes, t.DeleteDirs},
		Missing: append([]string{}, r.made.Missing...),
		Notes:   append(append([]string{}, r.made.Notes...), r.notes...),
	}
	for _, g := range r.made.Guards {
		tail.Guards = append(tail.Guards, pruneGuard{string(g.Name), g.Class.String(), g.Outcome.String(), g.Count, g.Message, g.Text})
	}
	if x := r.executed; x != nil {
		tail.Results = &pruneResults{Run: x.Run, Objects: x.Objects, Bytes: x.Bytes, Directories: x.Dirs, Failed: x.Failed, Left: x.Left, Untried: x.Untried,
			Failures: append([]failure{}, r.failures.list...)}
		if x.Stopped != nil {
			tail.Results.Stopped = new(x.Stopped.Error())
		}
	}
	return tail
}

// several is the root of a tree where it takes that to know which is meant.
func (r *pruneRun) several(t *layout.Tree) string {
	if len(r.graph.Trees) == 1 {
		return ""
	}
	return t.Root
}

// deletions gives each file that goes, in the order in which it does.
func (r *pruneRun) deletions(yield func(*pruneDelete) bool) {
	for i := range r.made.Batches {
		b := &r.made.Batches[i]
		give := func(items []prune.Item, checkpoint *string) bool {
			for _, item := range items {
				if !yield(r.deletion(b, item, checkpoint)) {
					return false
				}
			}
			return true
		}
		for _, s := range b.Snapshots {
			if !give(s.Files, new(r.place(&r.graph.Nodes[s.Node]))) {
				return
			}
		}
		if !give(b.Shared, nil) || !give(b.Orphans, nil) {
			return
		}
	}
}

func (r *pruneRun) deletion(b *prune.Batch, item prune.Item, checkpoint *string) *pruneDelete {
	t, f := r.graph.Object(item.Object)
	d := &pruneDelete{Root: r.several(t), Path: t.Files.Key(f), Bytes: t.Files.Size(f), Reason: item.Why.String(), Checkpoint: checkpoint}
	if b.HasJob {
		d.Job = new(b.Job.String())
	}
	if m := t.Files.Modified(f).UTC(); !m.IsZero() {
		d.Modified = &m
	}
	return d
}

// place is the path of a snapshot below its root.
func (r *pruneRun) place(n *layout.Node) string {
	if n.Dir == "" {
		return "."
	}
	return n.Dir
}

func (r *pruneRun) staying(k prune.Kept) pruneKeep {
	n := &r.graph.Nodes[k.Node]
	e := newLsEntry(n.Entry)
	return pruneKeep{Root: r.several(n.Tree), Path: e.Path, Reason: r.reason(k), Job: e.Job, ID: e.ID, Kind: e.Kind, State: e.State, Modified: e.Modified}
}
