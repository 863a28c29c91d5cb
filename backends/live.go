package backends

import (
	"context"
	"io"
	"iter"

	"github.com/ckpt-tool/ckpt/metadata"
)

// Meta describes one keyed state of a live store, as the header of its snapshots does (Flink:
// RegisteredStateMetaInfoBase).
type Meta struct {
	Name string // of timers with Flink's prefix _timer_state/
	Kind Kind   // Value, List, Map, Reducing, Aggregating or Timer
	// Namespace and MapKey (of Map) are nil where there are none. Value is the type of the bytes of a value, of
	// an element of a List, of a value in a Map, with its TTL where TTL is set; nil of timers.
	Namespace, MapKey, Value Type
	TTL                      bool
	// Raw is the meta as a restored header had it (schema.AppendMeta), nil where the job made the state anew. What no
	// job has asked for yet is carried on by it.
	Raw []byte
}

// Types is the kind of the state and the names of its types, for people, and to tell whether handles of several sub-tasks agree.
func (m *Meta) Types() string {
	s := m.Kind.String()
	for _, t := range []Type{m.Namespace, m.MapKey, m.Value} {
		if t != nil {
			s += " " + t.String()
		}
	}
	return s
}

// Store keeps the keyed state of one sub-task as bytes: what a state backend has to do. What states mean is that of
// Keyed, which package keyed builds upon a Store. One goroutine at a time uses a Store, but for what Snapshot gives.
type Store interface {
	// Table gives the table of a state. Where a state of that name is restored or registered, the kind must be the
	// same, and m replaces what was known of it; whether types fit is for the caller to have checked.
	Table(m *Meta) (Table, error)
	// Metas are all states, restored ones that nobody asked for included. The place of one is its number in snapshots.
	Metas() []*Meta
	// Ordered is whether All and Subs yield by ascending bytes within a key group.
	Ordered() bool
	// MemoryUse is about how many bytes of memory the state takes.
	MemoryUse() int64
	// Snapshot is the synchronous part of a snapshot: short, between two records. The function it gives writes
	// the state as it is now. It is called once, from another goroutine, while the store changes; also where the snapshot is
	// not wanted any more: with a context that has ended it just lets go of what it holds.
	Snapshot(r *SnapshotRequest) (SnapshotFunc, error)
	// CheckpointCompleted and CheckpointAborted tell what became of a snapshot that was taken.
	CheckpointCompleted(id int64)
	CheckpointAborted(id int64)
	// Close ends the use and deletes all local files of the store (Flink: dispose). Snapshots under way fail.
	Close() error
}

// Table holds the entries of one state. A key is Flink's composite key from the key group on
// (KeyForm.Append), but for the key within a map, which is sub; sub is nil but for Map. Of timers the key is the key group
// and the timer (NewTimerForm), and the value is empty. Values are as RocksDB has them: of List the elements joined by ",",
// of Map a flag of null and the value (see Entry and spec of canonical savepoints).
//
// What a Table gives is valid until the next call on its Store, and must not be changed. It keeps nothing of what it is given.
type Table interface {
	Get(kg int32, key, sub []byte) (value []byte, ok bool, err error)
	// Put fails with ErrTooLarge beyond 2^31-1 bytes of key and sub, or of value.
	Put(kg int32, key, sub, value []byte) error
	Delete(kg int32, key, sub []byte) error
	// Append appends an element to a List.
	Append(kg int32, key, element []byte) error
	// Subs yields the entries of one map. Nothing may be changed meanwhile; others may be read.
	Subs(kg int32, key []byte) iter.Seq2[Row, error]
	// Clear deletes a whole map.
	Clear(kg int32, key []byte) error
	// All yields the entries by ascending key group. Nothing may be changed meanwhile.
	All(r metadata.KeyGroupRange) iter.Seq2[Row, error]
}

// Seeker is a Table of an ordered Store that can begin within a key group. The timers of Keyed are read with it where it is
// there, so as not to read over those that were removed.
type Seeker interface {
	// From yields the entries of a key group from a key on.
	From(kg int32, key []byte) iter.Seq2[Row, error]
}

// Sweeper is a Table that can be gone over some entries at a time, while it changes in between. The values of Keyed that have
// expired are found with it where it is there; elsewhere they stay until they are asked for.
type Sweeper interface {
	// Sweep calls f with about n entries, those that come behind what it had the last time, and tells whether the last ones are
	// among them; the next call begins anew then. What is there all the time comes once in each round. f must not use the Store.
	Sweep(n int, f func(Row) error) (end bool, err error)
}

// Row is one entry of a Table.
type Row struct {
	KeyGroup        int32
	Key, Sub, Value []byte
}

// StoreConfig is what a store begins with.
type StoreConfig struct {
	Operator       metadata.OperatorID
	Subtask        int32
	MaxParallelism int32
	KeyGroups      metadata.KeyGroupRange
	Key            Type
	KeyRaw         []byte // the snapshot of the key's serializer as restored; nil: that of Key
	// Restored is what the store begins with; of each only what lies within KeyGroups.
	Restored []RestoredHandle
	Files    Files
	// Dir is a local directory of the store's own, which is not there yet; "" where the state backend needs none.
	Dir string
	// Now is the time in milliseconds since 1970, for states with a TTL.
	Now func() int64
}

// RestoredHandle is one handle of a checkpoint to restore.
type RestoredHandle struct {
	Handle metadata.KeyedHandle
	// Local is a copy of the same on this machine, or nil (Flink: local recovery).
	Local metadata.KeyedHandle
	// Open reads it, whatever wrote it, restricted to KeyGroups of the config.
	Open func(ctx context.Context) (Reader, error)
	// NoClaim is whether the files stay the user's: the first snapshot must not refer to them (Flink:
	// RestoreMode.NO_CLAIM).
	NoClaim bool
}

// OpenLiveStore opens a store of one state backend.
type OpenLiveStore func(ctx context.Context, c *StoreConfig) (Store, error)

// SnapshotForm is in which form a snapshot is written.
type SnapshotForm uint8

// The forms.
const (
	NativeForm    SnapshotForm = iota // the state backend's own
	CanonicalForm                     // the same for all (Flink: SavepointFormatType.CANONICAL)
)

// SnapshotRequest asks for a snapshot.
type SnapshotRequest struct {
	Checkpoint int64
	Form       SnapshotForm
	// Full is whether all of it must be written anew: of a savepoint, and of the first checkpoint after NO_CLAIM (Flink:
	// FULL_CHECKPOINT).
	Full bool
	// Savepoint is whether all files belong to the snapshot alone: scope Exclusive.
	Savepoint bool
	Streams   Streams
	// LocalDir is where to leave a local copy, for a fast recovery; "" for none.
	LocalDir string
}

// SnapshotFunc is the asynchronous part.
type SnapshotFunc func(ctx context.Context) (SnapshotResult, error)

// SnapshotResult is what a snapshot gives (Flink: SnapshotResult). Both handles are nil where there is no state.
type SnapshotResult struct {
	JobManagerOwned metadata.KeyedHandle
	// TaskLocal is the copy below LocalDir, or nil.
	TaskLocal metadata.KeyedHandle
}

// Empty is whether there was nothing to write.
func (r *SnapshotResult) Empty() bool { return r.JobManagerOwned == nil }

// Streams creates the files of one checkpoint (Flink: CheckpointStreamFactory). It is safe for concurrent use.
type Streams interface {
	// Create begins a file.
	Create(ctx context.Context, scope metadata.Scope) (StateStream, error)
	// Upload makes a file of a local one. The handle is never nil: of an empty file it is an inline one.
	Upload(ctx context.Context, scope metadata.Scope, path string) (metadata.StreamHandle, error)
	// Discard deletes what a handle refers to, of a snapshot that failed. It does nothing for inline handles.
	Discard(ctx context.Context, h metadata.StreamHandle) error
}

// StateStream is a file being written (Flink: CheckpointStateOutputStream).
type StateStream interface {
	io.Writer
	// Pos is how many bytes were written.
	Pos() int64
	// CloseAndHandle ends the file. The handle is nil where nothing was written. Small ones lie within the handle.
	CloseAndHandle() (metadata.StreamHandle, error)
	// Close gives the file up, unless CloseAndHandle has ended it. It may be called twice.
	Close() error
}
