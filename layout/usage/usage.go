// Package usage says what the bytes of trees are there for: which snapshots use them,
// which nobody uses any more, and what deleting snapshots would free.
//
// Every byte that a listing shows is in one class: referenced by a snapshot, in flight,
// an orphan, or unknown. An orphan is claimed on evidence only. Whatever may have a
// user that could not be read is unknown, and the reason is kept.
package usage

import (
	"cmp"
	"slices"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// Amount is a number of files and their bytes.
type Amount struct {
	Files int
	Bytes int64
}

func (a *Amount) add(bytes int64) {
	a.Files++
	a.Bytes += bytes
}

// Sums are amounts by class, and of what is unknown by reason as well.
type Sums struct {
	Class  [len(classNames)]Amount
	Reason [len(reasonNames)]Amount
}

func (s *Sums) add(c Class, r Reason, bytes int64) {
	s.Class[c].add(bytes)
	s.Reason[r].add(bytes)
}

// Of is the amount of one class.
func (s *Sums) Of(c Class) Amount { return s.Class[c] }

// Total is the sum of all classes.
func (s *Sums) Total() Amount {
	var t Amount
	for _, a := range s.Class {
		t.Files += a.Files
		t.Bytes += a.Bytes
	}
	return t
}

// Usage is what the files of all trees are there for.
type Usage struct {
	Graph   *layout.Graph
	Roots   []Root   // as the trees of the graph
	Jobs    []*Job   // by tree; of each, what belongs to no job last
	Orphans []Unused // the biggest first
	Doubts  []error  // why an unused file may yet be used
}

// Unused is a file that no snapshot uses.
type Unused struct {
	Object layout.ObjectID
	Job    *Job // to which it belongs by its place
}

// Root is all that lies in one tree.
type Root struct {
	Sums
	Merged Merged
}

// Job is what lies in the directories of one job in one tree, and in those of its
// savepoints.
type Job struct {
	Sums
	Tree   int
	ID     layout.JobID
	Known  bool  // false for what belongs to no job
	Nodes  []int // its snapshots
	Unique int64 // bytes that no snapshot of another job or tree uses: freed if all of Nodes are deleted
}

// Options are what the graph does not know.
type Options struct {
	Now   time.Time
	Grace time.Duration
	// Outside are the names of files that snapshots use outside of the trees; may be nil.
	Outside *Names
	// Gone are snapshots whose directories of merged files count as nobody's; may be nil.
	Gone func(*layout.Node) bool
}

// Account gives each file its class.
func Account(g *layout.Graph, opts Options) *Usage {
	evidence := NewEvidence(g, opts)
	a := &accountant{Evidence: evidence, u: &Usage{Graph: g, Doubts: evidence.Doubts, Roots: make([]Root, len(g.Trees))}}
	a.prepare(g)
	first := layout.ObjectID(0)
	for i, t := range g.Trees {
		a.index, a.tree = i, t
		a.files(first)
		a.skipped()
		first += layout.ObjectID(t.Files.Len())
	}
	slices.SortStableFunc(a.u.Orphans, func(x, y Unused) int { return cmp.Compare(g.Size(y.Object), g.Size(x.Object)) })
	a.u.Jobs = a.jobs.all
	slices.SortStableFunc(a.u.Jobs, compareJobs)
	countUnique(a.u)
	countMerged(a.u)
	return a.u
}

func compareJobs(a, b *Job) int {
	known := func(j *Job) int {
		if j.Known {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.Tree, b.Tree), cmp.Compare(known(a), known(b)), slices.Compare(a.ID[:], b.ID[:]))
}

// accountant goes through the files of one tree after the other.
type accountant struct {
	*Evidence
	u     *Usage
	jobs  jobList
	index int // of tree
	tree  *layout.Tree
}

// prepare deals the snapshots out to their jobs.
func (a *accountant) prepare(g *layout.Graph) {
	a.jobs.prefixes(g.Trees)
	for i := range g.Nodes {
		n := &g.Nodes[i]
		job := a.jobs.ofSnapshot(slices.Index(g.Trees, n.Tree), &n.Snapshot)
		job.Nodes = append(job.Nodes, i)
	}
}

// files gives each file of the tree its class. Its first object is first.
func (a *accountant) files(first layout.ObjectID) {
	root, files := &a.u.Roots[a.index], a.tree.Files
	for f := range layout.FileID(files.Len()) {
		id, size := first+layout.ObjectID(f), files.Size(f)
		class, reason := Referenced, NoReason
		if a.u.Graph.Users(id) == 0 {
			class, reason = Classify(a.Facts(a.tree, f))
		}
		job := a.jobOf(f)
		if class == Orphan {
			a.u.Orphans = append(a.u.Orphans, Unused{id, job})
		}
		root.add(class, reason, size)
		job.add(class, reason, size)
	}
}

// jobOf is the job to which a file belongs by its place.
func (a *accountant) jobOf(f layout.FileID) *Job {
	if id, ok := a.tree.Files.Job(f); ok {
		return a.jobs.of(a.index, id)
	}
	if dir, ok := a.tree.Files.Snapshot(f); ok {
		return a.jobs.ofDir(a.index, dir)
	}
	return a.jobs.none(a.index)
}

// skipped counts what the listing passed over: its bytes are listed, too.
func (a *accountant) skipped() {
	for _, o := range a.tree.Skipped {
		job := a.jobs.none(a.index)
		if id, ok := layout.JobOf(layout.Join(a.tree.Root, o.Key)); ok {
			job = a.jobs.of(a.index, id)
		}
		job.add(Unknown, NotFlinks, o.Size)
		a.u.Roots[a.index].add(Unknown, NotFlinks, o.Size)
	}
}
