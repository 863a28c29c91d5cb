// Package gate holds what was found in a tree of checkpoints against what a file,
// .ckpt.yaml, asks of it. It reads nothing but that file's bytes: [Parse] makes a
// [Policy] of them, and [Check] compares it with [Facts].
//
//	version: 1
//	maxOrphanBytes: 10GiB    # files that no checkpoint uses
//	maxGrowth: 20%           # of the state, since the checkpoint before; or 500 MB
//	requiredUids: [src, agg] # operators that the newest complete checkpoint must have
//	minRestorable: 2         # checkpoints that verify
//	maxAge: 36h              # of the newest complete checkpoint
//	jobs:
//	  495d8572c34476e61174bd4e676c9523:
//	    maxAge: 7d           # all else as above
//	    maxGrowth: off
//	  00000000000000000000000000000000: off
//
// Every rule is asked of each job by itself, of its checkpoints; savepoints do not
// count. A limit may be reached and not passed.
//
// A size is a whole number of bytes, or one with a unit of Flink's (MemorySize): b, k,
// kb, m, mb, g, gb, t, tb and the long words, all of them powers of 1024, in any case;
// KiB, MiB, GiB and TiB are the same units. A duration is a whole number with one of
// Flink's units (TimeUtils) from s to d. A percentage may have four decimals.
//
// What cannot be told from the facts is a breach too, an unclear one.
package gate

import (
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/verify"
	"github.com/ckpt-tool/ckpt/metadata"
)

// FileName is how the file is called.
const FileName = ".ckpt.yaml"

// The rules, by their keys in the file. Jobs stands for those of jobs that are not there.
const (
	MaxOrphanBytes = "maxOrphanBytes"
	MaxGrowth      = "maxGrowth"
	RequiredUIDs   = "requiredUids"
	MinRestorable  = "minRestorable"
	MaxAge         = "maxAge"
	Jobs           = "jobs"
)

// Policy is what a file asks.
type Policy struct {
	Name  string // of the file
	Rules        // of all jobs that are not in Jobs
	Jobs  map[layout.JobID]Rules
}

// Rules are what is asked of a job. The zero value asks nothing.
type Rules struct {
	MaxOrphanBytes *int64
	MaxGrowth      *Growth
	RequiredUIDs   []string
	MinRestorable  int
	MaxAge         time.Duration
}

// Growth is how much larger than the one before a checkpoint may be.
type Growth struct {
	Amount   int64 // bytes, or millionths of the earlier size
	Relative bool
}

// Facts are what was found below one root.
type Facts struct {
	Root string // canonical URL
	Now  time.Time
	By   layout.Order // what tells the newest, where ids and times disagree
	Jobs []Job
	// Outside is what lies in no job's directory.
	Outside Orphans
	// Unlisted is why there may be more than the facts show, nil where there is not.
	Unlisted error
}

// Job is what was found of one job. Where the directories bear no job id, all that lies
// there is one Job without an ID.
type Job struct {
	ID        *layout.JobID
	Snapshots []Snapshot
	Orphans   Orphans
}

// Snapshot is a checkpoint or savepoint, and what its check came to.
type Snapshot struct {
	layout.Entry
	Verdict verify.Verdict // "" where it was not checked
	// Operators are needed of the newest complete checkpoint; nil means not known.
	Operators []Operator
}

// Operator is an operator in a checkpoint.
type Operator struct {
	ID  metadata.OperatorID
	UID string // "" where not recorded, as below version 5 of the format
}

// Orphans are the bytes of files that nothing uses.
type Orphans struct {
	Bytes int64
	Known bool // else there are at least so many, and maybe more
}

// Question is a rule that is asked of a job.
type Question struct {
	Rule string
	Job  string // id, or "" for what has none
}

// Breach is a rule that does not hold.
type Breach struct {
	Question
	Path    string // URL of what is concerned: a checkpoint, or the root
	Message string // one sentence, without the path
	Hint    string // what to do about it, may be empty
	Unclear bool   // whether the rule holds could not be told
}
