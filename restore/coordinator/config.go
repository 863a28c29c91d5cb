package coordinator

import "time"

// Config is how checkpoints are taken (Flink: CheckpointCoordinatorConfiguration).
type Config struct {
	Interval           time.Duration // execution.checkpointing.interval; 0: none but those asked for
	Timeout            time.Duration // execution.checkpointing.timeout; 0: 10 minutes
	MinPause           time.Duration // execution.checkpointing.min-pause
	MaxConcurrent      int           // execution.checkpointing.max-concurrent-checkpoints; 0: 1
	TolerableFailures  int           // execution.checkpointing.tolerable-failed-checkpoints; failures in a row before the job fails
	Mode               Mode          // execution.checkpointing.mode
	Retention          Retention     // execution.checkpointing.externalized-checkpoint-retention
	NumRetained        int           // execution.checkpointing.num-retained; 0: 1
	SequentialCleaning bool          // execution.checkpointing.cleaner.parallel-mode: false
	// Full is whether no checkpoint refers to files of an earlier one (execution.checkpointing.incremental: false, on state backends that could).
	Full bool
	// PreferCheckpoint is accepted, with a warning: Flink dropped it (prefer-checkpoint-for-recovery).
	PreferCheckpoint bool
}

// Retention is what becomes of checkpoints when a job ends (Flink: CheckpointRetentionPolicy, ExternalizedCheckpointRetention).
type Retention uint8

// The policies.
const (
	NeverRetain          Retention = iota // NEVER_RETAIN_AFTER_TERMINATION, NO_EXTERNALIZED_CHECKPOINTS
	RetainOnFailure                       // RETAIN_ON_FAILURE, DELETE_ON_CANCELLATION
	RetainOnCancellation                  // RETAIN_ON_CANCELLATION
)

// JobStatus is how a job ended (Flink: JobStatus).
type JobStatus uint8

// The ends.
const (
	Finished JobStatus = iota
	Canceled
	Failed
	Suspended
)
