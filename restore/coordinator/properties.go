package coordinator

import "github.com/ckpt-tool/ckpt/metadata"

// String is Flink's name of the type.
func (t Type) String() string {
	return [...]string{"Checkpoint", "Full Checkpoint", "Savepoint", "Savepoint", "Terminate Savepoint", "Suspend Savepoint"}[t]
}

// IsSavepoint tells savepoints, which belong to the user, from checkpoints.
func (t Type) IsSavepoint() bool { return t >= Savepoint }

// IsSynchronous is whether the job stops with it (Flink: SavepointType.isSynchronous).
func (t Type) IsSynchronous() bool { return t >= SavepointTerminate }

// CheckpointProperties is what kind of snapshot one is, and when it is deleted (Flink: CheckpointProperties).
type CheckpointProperties struct {
	Type Type
	// Forced is whether it is taken though the limits on checkpoints say no. Every savepoint is.
	Forced           bool
	DiscardSubsumed  bool // when newer checkpoints have taken its place
	DiscardFinished  bool // when the job ends so
	DiscardCancelled bool
	DiscardFailed    bool
	DiscardSuspended bool
	// Unclaimed is whether the job was restored from it and must not use its files (Flink: NO_CLAIM).
	Unclaimed bool
}

// PropertiesForCheckpoint is of checkpoints that the job takes.
func PropertiesForCheckpoint(r Retention, t Type) CheckpointProperties {
	return CheckpointProperties{
		Type:             t,
		DiscardSubsumed:  true,
		DiscardFinished:  true,
		DiscardCancelled: r != RetainOnCancellation,
		DiscardFailed:    r == NeverRetain,
		DiscardSuspended: r != RetainOnCancellation,
	}
}

// PropertiesForSavepoint is of what a user asked for: the job never deletes it.
func PropertiesForSavepoint(t Type) CheckpointProperties {
	return CheckpointProperties{Type: t, Forced: true}
}

// Discards is whether the end of a job deletes the snapshot.
func (p CheckpointProperties) Discards(status JobStatus) bool {
	switch status {
	case Finished:
		return p.DiscardFinished
	case Canceled:
		return p.DiscardCancelled
	case Failed:
		return p.DiscardFailed
	}
	return p.DiscardSuspended
}

// Metadata is p as `_metadata` has it.
func (p CheckpointProperties) Metadata() *metadata.Properties {
	return &metadata.Properties{
		Type:             p.Type.metadata(),
		Forced:           p.Forced,
		DiscardSubsumed:  p.DiscardSubsumed,
		DiscardFinished:  p.DiscardFinished,
		DiscardCancelled: p.DiscardCancelled,
		DiscardFailed:    p.DiscardFailed,
		DiscardSuspended: p.DiscardSuspended,
		Unclaimed:        p.Unclaimed,
		Understood:       true,
	}
}

func (t Type) metadata() metadata.SnapshotType {
	if !t.IsSavepoint() {
		sharing := "FORWARD_BACKWARD"
		if t == FullCheckpoint {
			sharing = "FORWARD"
		}
		return metadata.SnapshotType{Class: "CheckpointType", Name: t.String(), Sharing: sharing}
	}
	s := metadata.SnapshotType{Class: "SavepointType", Name: t.String(), Format: "CANONICAL", Action: "NONE", Sharing: "NO_SHARING"}
	switch t {
	case NativeSavepoint:
		s.Format = "NATIVE"
	case SavepointTerminate:
		s.Action = "TERMINATE"
	case SavepointSuspend:
		s.Action = "SUSPEND"
	}
	return s
}

// String is Flink's word (JobStatus).
func (s JobStatus) String() string {
	return [...]string{"FINISHED", "CANCELED", "FAILED", "SUSPENDED"}[s]
}

// String is Flink's word (TaskAcknowledgeResult).
func (a Answer) String() string {
	return [...]string{"SUCCESS", "DUPLICATE", "UNKNOWN", "DISCARDED"}[a]
}

// String is Flink's word (CheckpointRetentionPolicy).
func (r Retention) String() string {
	return [...]string{"NEVER_RETAIN_AFTER_TERMINATION", "RETAIN_ON_FAILURE", "RETAIN_ON_CANCELLATION"}[r]
}
