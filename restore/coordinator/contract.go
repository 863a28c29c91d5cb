package coordinator

import (
	"cmp"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
)

// TaskID names one execution of a sub-task of a chain of operators (Flink: ExecutionAttemptID).
type TaskID struct {
	Vertex  metadata.OperatorID // Flink: JobVertexID, that of the chain's head
	Subtask int32
	Attempt int32
}

// Vertex is a chain of operators, as the coordinator knows it.
type Vertex struct {
	ID                          metadata.OperatorID
	Name                        string
	Parallelism, MaxParallelism int32
	Operators                   []OperatorInfo
}

// OperatorInfo is one operator of a chain.
type OperatorInfo struct {
	ID        metadata.OperatorID
	UID, Name string
	// MaxParallelism is 0 where it is that of the chain. Operators of one chain may differ: an older one has that of its checkpoint.
	MaxParallelism int32
}

// maxParallelism is how many key groups one of the operators has.
func (v *Vertex) maxParallelism(o *OperatorInfo) int32 {
	return cmp.Or(o.MaxParallelism, v.MaxParallelism)
}

// CheckpointMetaData is what a task is told of a checkpoint (Flink: CheckpointMetaData).
type CheckpointMetaData struct {
	ID        int64
	Timestamp time.Time
}

// Mode is how barriers are handled (Flink: CheckpointingMode).
type Mode uint8

// The modes.
const (
	ExactlyOnce Mode = iota
	AtLeastOnce
)

// CheckpointOptions is how a snapshot is to be taken (Flink: CheckpointOptions).
type CheckpointOptions struct {
	Type   Type
	Target string // of a savepoint
	Mode   Mode
}

// Type is the kind of a snapshot (Flink: SnapshotType).
type Type uint8

// The types.
const (
	Checkpoint         Type = iota
	FullCheckpoint          // refers to no older file: the first one after NO_CLAIM, or each (Config.Full)
	Savepoint               // canonical
	NativeSavepoint         // in the state backend's own format
	SavepointTerminate      // stop-with-savepoint after draining
	SavepointSuspend        // stop-with-savepoint
)

// Gateway tells tasks, in the order in which things happened: a task hears that a checkpoint was completed before the next one is
// triggered, and must take that in before its snapshot for the next. A snapshot may refer to shared files of the latest completed
// checkpoint that the task has heard of, and to those that it writes itself. Its methods come back at once; tasks answer by ReceiveAcknowledge and ReceiveDecline, from any goroutine.
type Gateway interface {
	// Trigger is called for each task that is running. One without an input that is still alive begins the checkpoint: a source, or
	// a task whose inputs have all ended. The others hear of it by barriers, and need not do anything here.
	Trigger(t TaskID, m CheckpointMetaData, o CheckpointOptions, streams backends.Streams)
	// Completed, Aborted: the task tells its operators. latest is the id of the latest completed one, 0 for none.
	Completed(t TaskID, id int64, at time.Time, latestSubsumed int64)
	Aborted(t TaskID, id, latest int64)
}

// Acknowledge is a task's answer: all its operators are snapshotted (Flink: AcknowledgeCheckpoint).
type Acknowledge struct {
	Task       TaskID
	Checkpoint int64
	Metrics    Metrics
	// States holds an entry for each operator of the chain that has state.
	States map[metadata.OperatorID]metadata.SubtaskState
}

// Metrics is what a snapshot cost one sub-task (Flink: CheckpointMetrics).
type Metrics struct {
	Alignment, StartDelay, Sync, Async time.Duration
	Bytes                              int64 // written anew by this checkpoint
	Processed                          int64 // bytes during alignment; 0 where not counted
}

// Decline is a task's refusal (Flink: DeclineCheckpoint).
type Decline struct {
	Task       TaskID
	Checkpoint int64
	Reason     error
}

// Answer is what became of an acknowledgement (Flink: PendingCheckpoint.TaskAcknowledgeResult).
type Answer uint8

// The answers.
const (
	Success   Answer = iota
	Duplicate        // it was there already: what differs is deleted
	Unknown          // no such checkpoint or task: the state is deleted
	Discarded        // the checkpoint was given up: the state is deleted
)

// Clock is the time, which a simulation makes up.
type Clock interface {
	Now() time.Time
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

// Executor runs what may take long: writing `_metadata`, deleting.
type Executor interface {
	Execute(f func())
}
