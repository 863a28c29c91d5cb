package coordinator

import (
	"slices"
	"sync"
	"time"

	"github.com/ckpt-tool/ckpt/metadata"
)

// CheckpointStatsTracker remembers how checkpoints went (Flink: CheckpointStatsTracker).
type CheckpointStatsTracker struct {
	mu       sync.Mutex
	size     int
	counts   CheckpointCounts
	history  []*CheckpointStats // oldest first
	restored *RestoredStats
	sums     struct{ duration, size, checkpointed, processed samples }
}

// CheckpointCounts are numbers of checkpoints and savepoints (Flink: CheckpointStatsCounts).
type CheckpointCounts struct{ Restored, Total, InProgress, Completed, Failed int64 }

// CheckpointStatus is how far one is.
type CheckpointStatus uint8

// The states.
const (
	InProgress CheckpointStatus = iota
	Completed
	FailedCheckpoint
)

// String is Flink's word (CheckpointStatsStatus).
func (s CheckpointStatus) String() string {
	return [...]string{"IN_PROGRESS", "COMPLETED", "FAILED"}[s]
}

// CheckpointStats is one checkpoint (Flink: AbstractCheckpointStats).
type CheckpointStats struct {
	ID           int64
	Type         Type
	Status       CheckpointStatus
	Trigger, End time.Time // End is zero while it is in progress
	Failure      error
	Pointer      string
	StateSize    int64 // bytes of all state
	Checkpointed int64 // bytes written anew
	Processed    int64 // bytes during alignment
	MetadataSize int64
	Subtasks     []SubtaskStats // in the order of the answers
	Discarded    bool
}

// Duration is from the trigger to the end; 0 while it is in progress.
func (s *CheckpointStats) Duration() time.Duration {
	if s.End.IsZero() {
		return 0
	}
	return s.End.Sub(s.Trigger)
}

// SubtaskStats is what a checkpoint cost one sub-task (Flink: SubtaskStateStats).
type SubtaskStats struct {
	Task      TaskID
	Acked     time.Time
	StateSize int64
	Metrics
}

// RestoredStats is of the latest restore (Flink: RestoredCheckpointStats).
type RestoredStats struct {
	ID        int64
	At        time.Time
	Savepoint bool
	Pointer   string
	StateSize int64
}

// StatsSummary is of all completed checkpoints (Flink: CompletedCheckpointStatsSummary). Durations are in nanoseconds, the others in bytes.
type StatsSummary struct{ Duration, StateSize, Checkpointed, Processed Distribution }

// StatsSnapshot is what a tracker knows at one time (Flink: CheckpointStatsSnapshot).
type StatsSnapshot struct {
	Counts   CheckpointCounts
	Summary  StatsSummary
	History  []CheckpointStats // latest first
	Restored *RestoredStats
}

// NewCheckpointStatsTracker remembers the latest history checkpoints (web.checkpoints.history; 0: 10).
func NewCheckpointStatsTracker(history int) *CheckpointStatsTracker {
	if history <= 0 {
		history = 10
	}
	return &CheckpointStatsTracker{size: history}
}

// Snapshot copies what is known.
func (t *CheckpointStatsTracker) Snapshot() StatsSnapshot {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := StatsSnapshot{Counts: t.counts, Restored: t.restored}
	for _, h := range slices.Backward(t.history) {
		c := *h
		c.Subtasks = slices.Clone(h.Subtasks)
		s.History = append(s.History, c)
	}
	s.Summary = StatsSummary{t.sums.duration.distribution(), t.sums.size.distribution(), t.sums.checkpointed.distribution(), t.sums.processed.distribution()}
	return s
}

// Counts are the numbers so far.
func (t *CheckpointStatsTracker) Counts() CheckpointCounts {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.counts
}

func (t *CheckpointStatsTracker) begun(id int64, typ Type, at time.Time) *CheckpointStats {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.Total++
	t.counts.InProgress++
	s := &CheckpointStats{ID: id, Type: typ, Trigger: at}
	if len(t.history) == t.size {
		t.history = slices.Delete(t.history, 0, 1)
	}
	t.history = append(t.history, s)
	return s
}

func (t *CheckpointStatsTracker) acknowledged(s *CheckpointStats, a *Acknowledge, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	u := SubtaskStats{Task: a.Task, Acked: at, Metrics: a.Metrics}
	for _, st := range a.States {
		u.StateSize += StateSize([]metadata.OperatorState{{Subtasks: []metadata.SubtaskState{st}}})
	}
	s.Subtasks = append(s.Subtasks, u)
	s.StateSize += u.StateSize
	s.Checkpointed += a.Metrics.Bytes
	s.Processed += a.Metrics.Processed
}

func (t *CheckpointStatsTracker) completed(s *CheckpointStats, pointer string, size int64, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.InProgress--
	t.counts.Completed++
	s.Status, s.End, s.Pointer, s.MetadataSize = Completed, at, pointer, size
	t.sums.duration.add(int64(s.Duration()))
	t.sums.size.add(s.StateSize)
	t.sums.checkpointed.add(s.Checkpointed)
	t.sums.processed.add(s.Processed)
}

// failed is of a checkpoint; s is nil where it had not begun.
func (t *CheckpointStatsTracker) failed(s *CheckpointStats, err error, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.Failed++
	if s == nil {
		t.counts.Total++
		return
	}
	t.counts.InProgress--
	s.Status, s.End, s.Failure = FailedCheckpoint, at, err
}

func (t *CheckpointStatsTracker) restore(r *RestoredStats) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.Restored++
	t.restored = r
}

func (t *CheckpointStatsTracker) discarded(id int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, h := range t.history {
		if h.ID == id {
			h.Discarded = true
		}
	}
}

// of copies one.
func (t *CheckpointStatsTracker) of(s *CheckpointStats) *CheckpointStats {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := *s
	c.Subtasks = slices.Clone(s.Subtasks)
	return &c
}
