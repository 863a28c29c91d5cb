package prune

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// Execution is what executing a plan needs besides the plan.
type Execution struct {
	// Stores are where to delete, by the root of each tree of the graph that is touched.
	Stores map[string]layout.MutableStore
	// World is asked once more before each batch. What has come to life since, or is
	// claimed now, leaves the plan. It may be nil.
	World func(ctx context.Context) (*World, error)
	// Journal is where a list of each batch lies while it is executed, so that another
	// run can end what a killed one began.
	Journal Journal
	// Trash takes files instead of deleting them. It may be nil.
	Trash *Trash
	// Observe is told of each file and directory. It may be nil.
	Observe func(Event)
	Now     func() time.Time
	// Version of ckpt, for whoever reads a journal or a trash.
	Version string
}

// Event is what has become of a file or a directory.
type Event struct {
	URL   string
	Dir   bool
	Bytes int64
	Why   Why
	Err   error // nil where it is gone
	// Left is where it was not even tried for a reason of its own, or is not what it was: Err
	// says why.
	Left bool
}

// Executed is the outcome of an execution.
type Executed struct {
	Run           string // its name, in journals and trash
	Objects, Dirs int    // that are gone
	Bytes         int64  // of Objects
	Failed        int    // that could not be deleted
	Left          int    // that stay because they are in use by now, or are not what they were
	Untried       int    // that were not come to because it ended early; there are no events of them
	Held          int    // that stay because they are still being written
	// Stopped is why it ended early with all that was left, nil where it did not. It is a
	// *StoppedError, or the error of the context.
	Stopped error
}

// StoppedError says why nothing more is deleted: a guard of the class StopAll.
type StoppedError struct {
	Guard   Name
	Path    string // "" where it is of none
	Message string
	Hint    string
	Err     error // behind it, may be nil
}

// Error implements error.
func (e *StoppedError) Error() string {
	s := e.Message
	if e.Path != "" {
		s = e.Path + ": " + s
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the error behind it.
func (e *StoppedError) Unwrap() error { return e.Err }

// ErrPath is where it was found.
func (e *StoppedError) ErrPath() string { return e.Path }

// ErrHint is what to do about it.
func (e *StoppedError) ErrHint() string { return e.Hint }

// ErrExecuted is returned for executing a plan a second time: what it rests on is not
// true any more.
var ErrExecuted = errors.New("this plan has been executed already")

// run is one execution.
type run struct {
	plan   *Plan
	e      Execution
	safety Safety
	out    Executed
	ledger *ledger

	seen      map[nodeKey]*layout.Object // the _metadata of all snapshots, nil where there was none
	refreshed time.Time                  // when the last look at them began
	planned   map[nodeKey]int            // the snapshots that are to go, by their place
	goes      map[int]bool               // their nodes
	parted    []int                      // those whose _metadata is gone
	deleted   map[int]bool               // whether that was this run
	dropped   map[int]string             // those that have left the plan, or could not be deleted, and why
	enlivened map[string]string          // jobs, or the beginnings of their ids, that have shown life since, and how
	homes     map[nodeKey]bool           // directories outside of jobs' own in which something is new
	late      deferral                   // what waits for snapshots of later batches
	moved     int                        // files that have got a number in the trash

	mu sync.Mutex // holds events back: one goroutine at a time
}

// Execute deletes what the plan says, or less: what is in use or claimed by now, or is not
// what it was, stays. Events come from one goroutine at a time. What went wrong on the way is
// in Executed; the only errors are those of calls that could not begin.
func (p *Plan) Execute(ctx context.Context, e Execution) (*Executed, error) {
	if p.done {
		return nil, ErrExecuted
	}
	p.done = true
	if e.Now == nil {
		e.Now = time.Now
	}
	if err := p.executable(&e); err != nil {
		return nil, err
	}
	r := newRun(p, e)
	if r.out.Stopped = p.stopped(); r.out.Stopped != nil || len(p.Batches) == 0 {
		return &r.out, nil
	}
	r.out.Stopped = r.clocks(ctx)
	for i := range p.Batches {
		b := r.newBatch(i)
		if r.out.Stopped == nil {
			r.out.Stopped = b.execute(ctx)
		}
		b.leaveRest()
	}
	r.leaveLate()
	if e.Trash != nil && ctx.Err() == nil {
		if err := e.Trash.end(ctx, &r.out, r.moved); err != nil && r.out.Stopped == nil {
			r.out.Stopped = err
		}
	}
	return &r.out, nil
}

// executable tells what is missing to execute the plan.
func (p *Plan) executable(e *Execution) error {
	for i := range p.Batches {
		b := &p.Batches[i]
		if len(b.Snapshots)+len(b.Shared) > 0 && e.Journal.Store == nil {
			return errNoJournal
		}
		for d := range b.dirs() {
			if e.Stores[d.Tree.Root] == nil {
				return fmt.Errorf("%s: it was not opened for changes", d.Tree.Root)
			}
		}
		for _, it := range b.items() {
			if t, _ := p.Graph.Object(it.Object); e.Stores[t.Root] == nil {
				return fmt.Errorf("%s: it was not opened for changes", t.Root)
			}
		}
	}
	return nil
}

var errNoJournal = &StoppedError{Guard: GuardPlan, Message: "checkpoints are deleted only with a journal", Hint: journalHint}

// items are all files of a batch, the _metadata of a snapshot before its others.
func (b *Batch) items() iter.Seq2[int, Item] {
	return func(yield func(int, Item) bool) {
		for i := range b.Snapshots {
			for _, it := range b.Snapshots[i].Files {
				if !yield(i, it) {
					return
				}
			}
		}
		for _, items := range [][]Item{b.Shared, b.Orphans} {
			for _, it := range items {
				if !yield(-1, it) {
					return
				}
			}
		}
	}
}

// dirs are all directories of a batch.
func (b *Batch) dirs() iter.Seq[Dir] {
	return func(yield func(Dir) bool) {
		for i := range b.Snapshots {
			for _, d := range b.Snapshots[i].Dirs {
				if !yield(d) {
					return
				}
			}
		}
		for _, d := range b.Dirs {
			if !yield(d) {
				return
			}
		}
	}
}

// stopped is the guard that stops all, if one does.
func (p *Plan) stopped() error {
	for _, g := range p.Guards {
		if g.Outcome == StopAll {
			return &StoppedError{Guard: g.Name, Message: g.Message}
		}
	}
	return nil
}

func newRun(p *Plan, e Execution) *run {
	r := &run{
		plan: p, e: e, safety: p.in.Safety, out: Executed{Run: runName(e.Now())}, ledger: newLedger(p.Graph),
		seen: map[nodeKey]*layout.Object{}, planned: map[nodeKey]int{}, goes: map[int]bool{}, dropped: map[int]string{}, deleted: map[int]bool{},
		enlivened: map[string]string{}, homes: map[nodeKey]bool{},
	}
	if r.safety == (Safety{}) {
		r.safety = DefaultSafety()
	}
	for i := range p.Graph.Nodes {
		n := &p.Graph.Nodes[i]
		r.seen[nodeKey{n.Tree, n.Dir}] = n.Metadata
	}
	for i := range p.Batches {
		for _, s := range p.Batches[i].Snapshots {
			n := &p.Graph.Nodes[s.Node]
			r.planned[nodeKey{n.Tree, n.Dir}], r.goes[s.Node] = s.Node, true
		}
	}
	return r
}

// runName is a name that no other run has, in order of time.
func runName(now time.Time) string {
	return now.UTC().Format("20060102T150405Z") + "-" + strings.ToLower(rand.Text()[:8])
}

// tell says what has become of a file or a directory.
func (r *run) tell(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case e.Left && errors.Is(e.Err, errOpen):
		r.out.Held++
	case e.Left:
		r.out.Left++
	case e.Err != nil:
		r.out.Failed++
	case e.Dir:
		r.out.Dirs++
	default:
		r.out.Objects++
		r.out.Bytes += e.Bytes
	}
	if r.e.Observe != nil {
		r.e.Observe(e)
	}
}
