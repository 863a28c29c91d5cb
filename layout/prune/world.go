package prune

import (
	"fmt"
	"maps"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// Life is what is known of a job.
type Life uint8

// The lives. That nothing is heard of a job proves nothing: its JobManager may be
// restarting, or be another one.
const (
	Unknown Life = iota
	Ended        // by evidence
	Live
)

var lifeNames = [...]string{"unknown", "ended", "live"}

// String is a word for it.
func (l Life) String() string { return lifeNames[l] }

// JobState is what somebody says of a job.
type JobState struct {
	Life   Life
	Source string // who says so, for people
	// Checkpoints of it may take as long, and materialisations of its changelog come as
	// seldom; 0 where nobody says.
	Timeout, Materialization time.Duration
	// Completed is when checkpoints of it were completed, by their ids: also of those that
	// Flink has deleted since. It may be nil.
	Completed map[int64]time.Time
	// Apart is whether what holds for all others does not hold for it: several jobs may
	// bear its id.
	Apart bool
}

// World is what is known of the jobs from outside of the trees.
type World struct {
	Jobs map[layout.JobID]JobState
	// Others is what holds for all jobs that are not in Jobs.
	Others JobState
	// AssumeEndedAfter is after how long without anything new a job counts as ended; 0 for
	// never.
	AssumeEndedAfter time.Duration
	Claims           []Claim
	// Stops are reasons to delete nothing at all that were found on the way: a JobManager
	// that does not answer, a clock that is off.
	Stops []Stop
}

// Claim is a path that somebody holds: a snapshot, or a single file.
type Claim struct {
	URL string // as it was given
	By  string // who, for people
	// Snapshot is whether it is of a snapshot with all that this uses, and not of a file.
	Snapshot bool
	// Own is whether the job has made it itself: it writes to that directory.
	Own bool
	// Job is whose claim it is, where HasJob.
	Job    layout.JobID
	HasJob bool
	// Needed is whether somebody depends on the snapshot and on nothing else that could be
	// read: a live job that was restored from it, and has completed no checkpoint yet.
	Needed bool
}

// Stop is a reason for a guard to stop everything.
type Stop struct {
	Guard   Name
	Message string
}

// Add merges what another source says of a job: the liveliest counts, and the longest
// times.
func (w *World) Add(job layout.JobID, s JobState) {
	if w.Jobs == nil {
		w.Jobs = map[layout.JobID]JobState{}
	}
	old, ok := w.Jobs[job]
	if ok && old.Life > s.Life {
		s.Life, s.Source = old.Life, old.Source
	}
	s.Timeout, s.Materialization = max(s.Timeout, old.Timeout), max(s.Materialization, old.Materialization)
	completed := maps.Clone(old.Completed)
	if completed == nil {
		completed = map[int64]time.Time{}
	}
	maps.Copy(completed, s.Completed)
	s.Completed = completed
	w.Jobs[job] = s
}

// AnyLive tells whether a job is known to live, and who says so.
func (w *World) AnyLive() (string, bool) {
	for id, s := range w.Jobs {
		if s.Life == Live {
			return fmt.Sprintf("job %s: %s", id, s.Source), true
		}
	}
	return "", false
}

// Of tells the state of a job in whose directories nothing changed since newest.
func (w *World) Of(job layout.JobID, known bool, newest, now time.Time) JobState {
	if known {
		if s, ok := w.Jobs[job]; ok && s.Life != Unknown {
			return s
		}
	}
	s := w.Others
	if own, ok := w.Jobs[job]; ok && known {
		if own.Apart {
			s = own
		}
		s.Timeout, s.Materialization = own.Timeout, own.Materialization
	}
	if s.Life != Unknown || w.AssumeEndedAfter == 0 || newest.IsZero() {
		return s
	}
	if idle := now.Sub(newest); idle >= w.AssumeEndedAfter {
		s.Life, s.Source = Ended, fmt.Sprintf("nothing new for %s (--assume-ended-after)", idle.Round(time.Hour))
	}
	return s
}
