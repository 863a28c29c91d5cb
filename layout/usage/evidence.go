package usage

import (
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// Evidence is what the snapshots of a graph tell of files that none of them uses. All
// who say what such a file is have it from here.
type Evidence struct {
	Doubts []error // why an unused file may yet be used

	opts    Options
	nodes   map[nodeKey]*layout.Node
	managed map[string]bool // URLs of directories of merged files
	some    bool            // any snapshot was read to its end
	jobs    map[layout.JobID]*jobEvidence
}

// nodeKey names a snapshot.
type nodeKey struct {
	tree *layout.Tree
	dir  string
}

// jobEvidence is what is known of a job in all trees. Those without an id are one.
type jobEvidence struct {
	read    bool      // a snapshot of it was read to its end
	pending bool      // a checkpoint of it is in progress
	newest  time.Time // when its newest checkpoint was completed
}

// NewEvidence gathers what the snapshots say of files that they do not name.
func NewEvidence(g *layout.Graph, opts Options) *Evidence {
	e := &Evidence{Doubts: g.Doubts(), opts: opts, nodes: map[nodeKey]*layout.Node{}, managed: map[string]bool{}, jobs: map[layout.JobID]*jobEvidence{}}
	for i := range g.Nodes {
		e.add(&g.Nodes[i])
	}
	return e
}

func (e *Evidence) add(n *layout.Node) {
	e.nodes[nodeKey{n.Tree, n.Dir}] = n
	if e.opts.Gone == nil || !e.opts.Gone(n) {
		for _, url := range n.Managed {
			e.managed[url] = true
		}
	}
	job := e.jobs[n.Job]
	if job == nil {
		job = &jobEvidence{}
		e.jobs[n.Job] = job
	}
	job.pending = job.pending || n.State == layout.InProgress
	if !n.Followed() {
		return
	}
	e.some = true
	job.read = job.read || n.HasJob
	if n.Modified().After(job.newest) {
		job.newest = n.Modified()
	}
}

// Managed tells whether a snapshot has Flink delete the directory at url as a whole.
func (e *Evidence) Managed(url string) bool { return e.managed[url] }

// Node is the snapshot in the directory dir of a tree, nil where none is.
func (e *Evidence) Node(t *layout.Tree, dir string) *layout.Node { return e.nodes[nodeKey{t, dir}] }

// Around is the snapshot in whose directory a file lies, nil where it lies in none.
func (e *Evidence) Around(t *layout.Tree, f layout.FileID) *layout.Node {
	if dir, ok := t.Files.Snapshot(f); ok {
		return e.Node(t, dir)
	}
	return nil
}

// Facts are those of a file that no snapshot uses.
func (e *Evidence) Facts(t *layout.Tree, f layout.FileID) Facts {
	files := t.Files
	x := Facts{Now: e.opts.Now, Grace: e.opts.Grace, Area: files.Area(f), Named: files.Random(f), Modified: files.Modified(f),
		Doubt: len(e.Doubts) > 0, Unwitnessed: !e.some}
	id, known := files.Job(f)
	if job := e.jobs[id]; job != nil {
		x.Upcoming = job.pending && x.Area != layout.SnapshotArea && x.Modified.After(job.newest)
	}
	if known && x.Area == layout.ChangelogArea {
		x.Unwitnessed = e.jobs[id] == nil || !e.jobs[id].read
	}
	around := e.Around(t, f)
	x.Pending = around != nil && around.State == layout.InProgress
	if !x.Named {
		name := files.Name(f)
		_, pending := layout.ParsePendingMetadata(name)
		x.Named = pending || name == layout.MetadataName
		x.Unread = name == layout.MetadataName && around != nil && isBroken(around.State)
		return x
	}
	x.Namesake = e.opts.Outside.Has(files, f)
	if len(e.managed) > 0 && (x.Area == layout.SharedArea || x.Area == layout.TaskOwnedArea) {
		url := layout.Join(t.Root, files.Key(f))
		x.Managed = e.managed[url[:strings.LastIndexByte(url, '/')]]
	}
	return x
}

// isBroken tells whether there is a _metadata that does not say what it uses.
func isBroken(s layout.State) bool {
	return s == layout.Corrupt || s == layout.Unsupported || s == layout.Unreadable
}
