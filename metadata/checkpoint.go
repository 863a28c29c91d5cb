package metadata

import (
	"encoding/hex"
	"fmt"
)

// Checkpoint is the content of one `_metadata` file (Flink: CheckpointMetadata).
//
// The file knows neither the job's id or name, nor the time, nor where it lies.
type Checkpoint struct {
	Version      int32 // of the format, 2 to 6
	ID           int64 // of the checkpoint; savepoints take theirs from the same counter
	MasterStates []MasterState
	Operators    []OperatorState // in the file's order, which is arbitrary
	Properties   *Properties     // nil below version 4
}

// MasterState is the state of one hook of the JobManager (Flink: MasterState,
// written by a MasterTriggerRestoreHook).
type MasterState struct {
	Name    UTF   // identifier of the hook
	Version int32 // of the hook's own serializer
	Data    []byte
}

// OperatorID is the id of an operator: the 16 bytes that Flink prints as 32
// hexadecimal digits.
type OperatorID [16]byte

// String gives the 32 lower-case hexadecimal digits that Flink's logs and REST API show.
func (id OperatorID) String() string { return hex.EncodeToString(id[:]) }

// ParseOperatorID reads 32 hexadecimal digits.
func ParseOperatorID(s string) (OperatorID, error) {
	var id OperatorID
	if len(s) != 2*len(id) {
		return id, fmt.Errorf("operator id %q: want 32 hexadecimal digits", s)
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return id, fmt.Errorf("operator id %q: want 32 hexadecimal digits", s)
	}
	return id, nil
}

// OperatorState is what one operator holds (Flink: OperatorState).
type OperatorState struct {
	Name UTF // "" where absent: always below version 5
	UID  UTF // "" where absent: below version 5, or where the job set none

	ID             OperatorID
	Parallelism    int32
	MaxParallelism int32
	Coordinator    *InlineHandle // state of the OperatorCoordinator, nil where absent
	FullyFinished  bool          // every sub-task had finished: there are no Subtasks (Flink: FullyFinishedOperatorState)
	Subtasks       []SubtaskState

	// What Flink reads and ignores, as the difference to what it writes.
	chainLength int32 // version 2: 1 + this
	finished    int32 // the negative count that says FullyFinished: -1 + this
}

// SubtaskState is what one sub-task of an operator holds (Flink:
// OperatorSubtaskState). A field is nil where there is no such state.
type SubtaskState struct {
	Index           int32
	Finished        bool // it had finished and holds nothing (Flink: FinishedOperatorSubtaskState)
	ManagedOperator *OperatorStateHandle
	RawOperator     *OperatorStateHandle
	ManagedKeyed    KeyedHandle
	RawKeyed        KeyedHandle
	InputChannels   []ChannelHandle // in-flight data of unaligned checkpoints
	OutputChannels  []ChannelHandle

	odd   *oddSubtask // nil where nothing is
	plain bool        // it was read, and no string of it needs a second look
}

// oddSubtask is what Flink reads and ignores, where it is not what Flink writes.
type oddSubtask struct {
	duration     int64 // version 2; Flink writes -1
	legacyStates int32 // version 2; never positive; Flink writes 0
	managedFlag  int32 // presence flags; Flink writes 1 before a handle, 0 without one
	rawFlag      int32
}

// KeyGroupRange is a range of key groups, both ends included. An empty one has
// Last = First - 1.
type KeyGroupRange struct{ First, Last int32 }

// Len is the number of key groups in r.
func (r KeyGroupRange) Len() int { return int(r.Last) - int(r.First) + 1 }

// Contains tells whether key group kg is in r.
func (r KeyGroupRange) Contains(kg int32) bool { return r.First <= kg && kg <= r.Last }

// Intersection is the key groups of both; where there are none, an empty range (Flink:
// KeyGroupRange.getIntersection).
func (r KeyGroupRange) Intersection(o KeyGroupRange) KeyGroupRange {
	both := KeyGroupRange{First: max(r.First, o.First), Last: min(r.Last, o.Last)}
	if both.Last < both.First {
		both.Last = both.First - 1
	}
	return both
}

// String is first-last.
func (r KeyGroupRange) String() string {
	if r.Len() == 0 {
		return "empty"
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}
