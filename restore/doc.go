// Package restore says which sub-task of a job begins with which state of a checkpoint.
//
// Operators are found by their ids. Keyed state goes by key groups: a sub-task gets every handle whose key groups
// meet its own, and reads only those. List state is dealt out element by element, union state goes to all, whole,
// and of broadcast state each sub-task gets one copy. What belongs to no operator of the job is named, never dropped in
// silence.
//
// Sources: Flink's StateAssignmentOperation, RoundRobinOperatorStateRepartitioner, KeyGroupRangeAssignment, Checkpoints.loadAndValidateCheckpoint.
package restore

import "github.com/ckpt-tool/ckpt/metadata"

// ClaimMode is who owns the checkpoint that a job begins with (Flink: RecoveryClaimMode, formerly RestoreMode).
type ClaimMode uint8

// The modes.
const (
	NoClaim ClaimMode = iota // the user: the job's first checkpoint refers to none of its files
	Claim                    // the job, which deletes it when it is subsumed
	Legacy                   // nobody: the job may refer to its files for ever, and never deletes them
)

// String is Flink's word.
func (m ClaimMode) String() string { return [...]string{"NO_CLAIM", "CLAIM", "LEGACY"}[m] }

// Operator is one operator of the job to restore.
type Operator struct {
	ID             metadata.OperatorID
	UID, Name      string
	Parallelism    int32
	MaxParallelism int32 // 0: not set; then that of the checkpoint counts
}

// Assignment is which sub-task gets what.
type Assignment struct {
	Operators map[metadata.OperatorID]*OperatorAssignment
	// Left is the state that no operator of the job takes.
	Left []Unmapped
}

// OperatorAssignment is of one operator of the job.
type OperatorAssignment struct {
	MaxParallelism int32
	Subtasks       []SubtaskAssignment
}

// SubtaskAssignment is what one sub-task gets.
type SubtaskAssignment struct {
	KeyGroups  metadata.KeyGroupRange
	Keyed, Raw []KeyedPart
	Operator   []*metadata.OperatorStateHandle // with the offsets dealt out to it
	Whole      []*metadata.OperatorStateHandle // those that Operator is of, as the checkpoint has them
}

// KeyedPart is a handle, and whose it was.
type KeyedPart struct {
	Handle  metadata.KeyedHandle
	Subtask int32 // of the checkpoint
}

// Unmapped is state of the checkpoint that belongs to no operator of the job. A master state has a name only.
type Unmapped struct {
	ID        metadata.OperatorID
	UID, Name string
}
