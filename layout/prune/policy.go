package prune

import (
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// Policy is what the user wants to keep and to lose. Without any, only orphans, leftovers
// and empty directories go. Checkpoints are counted by lineage, so that each run of a job
// keeps as many.
type Policy struct {
	Last                           int // keep the newest n
	Hourly, Daily, Weekly, Monthly int // keep the newest of each of the last n hours … that have any
	Within                         time.Duration
	// MaxBytes is how much a root may hold, 0 for any. Of the checkpoints that no rule
	// above keeps, the oldest go as long as it holds more.
	MaxBytes int64
	// RemoveAll are jobs of which nothing stays, not even the newest.
	RemoveAll []layout.JobID
	// Remove are snapshots that go whatever the rules say, by the URL of their directories,
	// and nothing but these.
	Remove []string
	// Savepoints lets the rules count for savepoints as well.
	Savepoints bool
	// RemoveDamaged lets damaged snapshots go as if they were whole, though they do not
	// count as any.
	RemoveDamaged bool
	// Jobs are those to which all this is limited, all where it is empty.
	Jobs []layout.JobID
}

// ByRules tells whether there is a rule that checkpoints must meet to stay.
func (p *Policy) ByRules() bool { return p.counts() || p.Within > 0 || p.MaxBytes > 0 }

// ByTime tells whether a rule looks at times.
func (p *Policy) ByTime() bool {
	return p.Hourly > 0 || p.Daily > 0 || p.Weekly > 0 || p.Monthly > 0 || p.Within > 0
}

func (p *Policy) counts() bool {
	return p.Last > 0 || p.Hourly > 0 || p.Daily > 0 || p.Weekly > 0 || p.Monthly > 0
}

// Deletes tells whether any snapshot may go.
func (p *Policy) Deletes() bool { return p.ByRules() || len(p.RemoveAll) > 0 || len(p.Remove) > 0 }
