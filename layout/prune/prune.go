// Package prune decides what may be deleted, and deletes it.
//
// A plan is made from facts that were read before: the listing and the _metadata of all
// trees (a layout.Graph), what is known of the jobs from outside (World), what the user
// wants (Policy), and how careful to be (Safety). Making it touches nothing; executing it
// does just what it says, or less.
//
// # What goes
//
// By policy, checkpoints of jobs that have ended, by evidence. Of all others nothing but
// orphans: files that no snapshot uses, which are old, and which at least two later
// checkpoints have passed over. A file goes only if no snapshot that stays uses it.
//
// # What stays, whatever the policy
//
// The newest whole checkpoint of each lineage; what a JobManager, the storage of high
// availability, or the user names; damaged checkpoints, unless told otherwise; savepoints,
// unless told otherwise; and all that these use.
//
// # Guards
//
// Each doubt has a guard with a name, see [Guards]. One of the class Hold keeps an object
// or a snapshot, StopJob keeps all of a job, StopAll lets nothing be deleted at all.
//
// # Order
//
//  1. All trees are listed in full.
//  2. Every _metadata is read: whatever it names was there before it, so that the listing
//     shows it, or it is younger than the listing and no candidate.
//  3. Each reference is a listed file, or one of another root that was declared, or a file
//     that was asked for by itself and is not there. Anything else stops everything.
//  4. The plan is made.
//  5. Before each batch, _metadata are listed once more. What new ones use leaves the plan.
//  6. Of each checkpoint the _metadata goes first; if that fails, all that it uses stays.
//     Then its own files, then its directory if nothing is left in it. Files that several
//     checkpoints used go last. (Flink: CompletedCheckpoint.discard, in its sequential mode.)
package prune

import (
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/usage"
)

// Safety are the numbers that keep a deletion from being a mistake. They are in one place
// so that nobody loosens one unseen.
type Safety struct {
	// MinAge is how old a file, or the newest of its directory where that is what is
	// judged, must be. Flink's longest pauses are those between the upload of a file and the
	// first checkpoint that names it: the checkpoint's timeout, and for a changelog the
	// interval of materialisation.
	MinAge time.Duration
	// PassedOver is how many checkpoints of a job that may live must have completed after
	// a file was written, without using it. One is not enough: what the last one aborted
	// has uploaded may be used by the next.
	PassedOver int
	// MaxOrphanPercent is which part of a job's bytes may be orphans. More of them is
	// rather a mistake of ours: a mapping that is wrong, another root that was not told.
	MaxOrphanPercent int
	// ClockSkew is how far this machine's clock may be off the storage's. Ages are
	// differences of the two.
	ClockSkew time.Duration
	// RefreshAfter is how old the last look at all _metadata may be when a batch begins.
	RefreshAfter time.Duration
	// PlanExpiry is how long a saved plan may be executed.
	PlanExpiry time.Duration
}

// The defaults, and the floors below which only --unsafe-min-age leads.
const (
	DefaultMinAge    = 24 * time.Hour
	FloorMinAge      = time.Hour
	FloorMinAgeCloud = 6 * time.Hour // object stores: uploads show late, and clocks are not ours
)

// DefaultSafety is what is used unless a flag says otherwise.
func DefaultSafety() Safety {
	return Safety{
		MinAge:           DefaultMinAge,
		PassedOver:       2,
		MaxOrphanPercent: 50,
		ClockSkew:        5 * time.Minute,
		RefreshAfter:     10 * time.Second,
		PlanExpiry:       time.Hour,
	}
}

// GCPercent is what to give debug.SetGCPercent while a plan is made: most of its memory
// lives as long as the plan, and 10,000,000 files shall fit into 1.5 GB.
const GCPercent = 30

// Mode is what may be deleted below a place.
type Mode uint8

// The modes.
const (
	Untouched Mode = iota // its snapshots count as users, and nothing in it goes
	ByHandle              // only what a deleted snapshot names: directories of entropy
	Swept                 // orphans as well
)

// Place is a directory that the user has declared. Of several that hold a file, the
// nearest counts.
type Place struct {
	URL  string // canonical
	Mode Mode
}

// Input are the facts that a plan rests on.
type Input struct {
	Now    time.Time
	Graph  *layout.Graph // made with GraphOptions.Prove
	Places []Place
	// OtherRoots is whether the user has said where else snapshots lie that may use files
	// here, or that there are none.
	OtherRoots bool
	// Outside are the names of files that snapshots use outside of the trees.
	Outside *usage.Names
	World   World
	Policy  Policy
	Safety  Safety
	// Authorised are files that an earlier run had begun to delete: its checkpoints are
	// gone, and what they alone used may follow at once.
	Authorised []Authorised
}

// Authorised is a file of an earlier run's journal, as it was when that run listed it.
type Authorised struct {
	URL      string
	Size     int64
	Modified time.Time
	// Metadata is the URL of the _metadata with which it was to go, and Also are those of
	// others that used it as well.
	Metadata string
	Also     []string
	// Created is when that run said so.
	Created time.Time
}

// Plan is what is to be deleted, and why the rest stays. It is executed once at most.
type Plan struct {
	Graph   *layout.Graph
	Batches []Batch  // in the order of execution; none where anything stops all
	Kept    []Kept   // snapshots that stay, in the order of the graph
	Held    []Held   // objects that would go if it were not for a guard
	Guards  []Result // of all guards, in the order of [Guards]
	Missing []string // which evidence would let more be deleted, and how to give it
	Notes   []string // what is worth saying, such as several lineages in a directory
	Totals  Totals

	in    Input
	done  bool
	nodes map[int]bool // snapshots to be deleted
}

// Stopped tells whether a guard stops everything.
func (p *Plan) Stopped() bool {
	for _, g := range p.Guards {
		if g.Outcome == StopAll {
			return true
		}
	}
	return false
}

// Batch is what goes of one job, or of what belongs to none. Before it, all _metadata are
// looked at once more.
type Batch struct {
	Job       layout.JobID
	HasJob    bool
	Snapshots []Removal
	Shared    []Item // files that removed snapshots alone used, outside of their directories
	Orphans   []Item
	Dirs      []Dir // that are empty, or will be, those within others first
}

// Removal is the deletion of a snapshot.
type Removal struct {
	Node   int // in the graph
	Reason string
	Files  []Item // of its own, the _metadata first
	Dirs   []Dir  // of its own, those within others first
}

// Item is a file that is to be deleted.
type Item struct {
	Object layout.ObjectID
	Why    Why
}

// Dir is a directory that is to be removed if nothing is left in it.
type Dir struct {
	Tree *layout.Tree
	Key  string
}

// Why is why a file goes.
type Why uint8

// The reasons.
const (
	ByPolicy   Why = iota // it is of a checkpoint that the policy does not keep
	ByName                // it is of a checkpoint that the user named
	AsOrphan              // nothing uses it
	AsLeftover            // it is of a checkpoint that was never completed
	AsBegun               // an earlier run was killed before it could delete it
)

var whyNames = [...]string{"policy", "named", "orphan", "leftover", "resumed"}

// String is a name for scripts.
func (w Why) String() string { return whyNames[w] }

// Kept is a snapshot that stays.
type Kept struct {
	Node   int
	Reason string
}

// Held is a file that stays because of a guard.
type Held struct {
	Object layout.ObjectID
	Guard  Name
}

// Totals are the sums of a plan.
type Totals struct {
	DeleteObjects, DeleteDirs int
	DeleteBytes               int64
	KeepObjects               int
	KeepBytes                 int64
	HeldObjects               int
	HeldBytes                 int64
	Snapshots                 int // that go
}
