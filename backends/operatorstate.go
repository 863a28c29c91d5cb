package backends

import (
	"context"
	"iter"

	"github.com/ckpt-tool/ckpt/metadata"
)

// Operator is the state of one sub-task of an operator that belongs to no key (Flink: OperatorStateBackend). One goroutine
// at a time uses it.
type Operator interface {
	// List is state that is dealt out element by element when the parallelism changes (SPLIT_DISTRIBUTE).
	List(d *OperatorDescriptor) (OperatorListState, error)
	// Union is list state of which every sub-task gets all elements on restore.
	Union(d *OperatorDescriptor) (OperatorListState, error)
	// Broadcast is a map that is the same in all sub-tasks.
	Broadcast(d *OperatorDescriptor) (BroadcastState, error)
	// Names are the registered list states, restored ones included, BroadcastNames those of broadcast state.
	Names() []string
	BroadcastNames() []string
	// Snapshot copies the state, and gives what writes it. The handle is nil where no state is registered.
	Snapshot(r *SnapshotRequest) (OperatorSnapshotFunc, error)
	Close() error
}

// OperatorSnapshotFunc is the asynchronous part.
type OperatorSnapshotFunc func(ctx context.Context) (*metadata.OperatorStateHandle, error)

// OperatorDescriptor names operator state.
type OperatorDescriptor struct {
	Name   string
	MapKey Type // of Broadcast
	Value  Type // of an element, or of a value of Broadcast
}

// OperatorListState is a list (Flink: ListState of an OperatorStateBackend). Values are as Type.Decode gives them.
type OperatorListState interface {
	Get() []any
	Add(v any) error
	// Update replaces all.
	Update(vs []any) error
	Clear()
}

// BroadcastState is a map (Flink: BroadcastState).
type BroadcastState interface {
	Get(key any) (value any, ok bool, err error)
	Put(key, value any) error
	Remove(key any) error
	Contains(key any) (bool, error)
	Entries() iter.Seq2[MapEntry, error]
	Clear()
}

// OperatorConfig is what the operator state of a sub-task begins with.
type OperatorConfig struct {
	Subtask int32
	// Restored are the handles of this sub-task, with the offsets that were dealt out to it.
	Restored []*metadata.OperatorStateHandle
	// Whole are the same handles as the checkpoint has them, with all their offsets, each in the place of its own: they tell where
	// elements end whose layout is not known. Where there is none, such elements are refused.
	Whole []*metadata.OperatorStateHandle
	Files Files
	// Options are what the files of Restored do not tell.
	Options Options
}
