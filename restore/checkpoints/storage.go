// Package checkpoints is where the checkpoints of a running job go (Flink: CheckpointStorage).
//
//	FileSystem    {dir}/{job-id}/{chk-N,shared,taskowned}, on every URL that ckpt knows; small states within `_metadata`
//	JobManager    all state in memory, handles with the bytes in them; savepoints, and `_metadata` where a directory is set, in files
//
// Who snapshots sees backends.Streams of it; the coordinator sees an Access and, for each checkpoint, a Location. `_metadata` is
// written last, whole or not at all.
package checkpoints

import (
	"context"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
)

// Storage is one place for checkpoints (Flink: CheckpointStorage).
type Storage interface {
	// Name is Flink's name: FileSystemCheckpointStorage, JobManagerCheckpointStorage.
	Name() string
	// SupportsHighlyAvailableStorage is whether checkpoints outlive the process.
	SupportsHighlyAvailableStorage() bool
	// HasDefaultSavepointLocation is whether a savepoint may be taken without a target.
	HasDefaultSavepointLocation() bool
	// Access is the storage of one job (Flink: createCheckpointStorage). Directories that Flink makes are made with the first file in them.
	Access(ctx context.Context, job layout.JobID) (Access, error)
}

// Access is a job's part of a storage (Flink: CheckpointStorageCoordinatorView). It is safe for concurrent use.
type Access interface {
	// Location begins a checkpoint. fs.ErrExist (errors.Is) where its `_metadata` is there already.
	Location(ctx context.Context, id int64) (Location, error)
	// SavepointLocation begins a savepoint below target, "" for the default.
	SavepointLocation(ctx context.Context, id int64, target string) (Location, error)
	// Files opens what handles of this storage, and of others by URL, refer to.
	Files() backends.Files
	// Discard deletes the file of a handle; one that is gone is no error. Inline handles need nothing. Relative ones lie below
	// exclusive; those that this package makes are absolute until `_metadata` is written.
	Discard(ctx context.Context, h metadata.StreamHandle, exclusive string) error
	// CheckAnswer refuses what one task may not send: handles that hold more bytes than fit into an answer (ErrFrame).
	CheckAnswer(states map[metadata.OperatorID]metadata.SubtaskState) error
	// DiscardMetadata deletes the `_metadata` of a pointer. RemoveDir removes its directory if it is empty (Flink: not recursively).
	DiscardMetadata(ctx context.Context, pointer string) error
	RemoveDir(ctx context.Context, pointer string) error
	Close() error
}

// Location is where one checkpoint goes (Flink: CheckpointStorageLocation).
type Location interface {
	// Streams is the worker's view.
	Streams() backends.Streams
	// Exclusive is the directory that relative handles are meant below: the pointer to be. "" where there is none.
	Exclusive() string
	// Complete writes `_metadata`, with what lies in Exclusive by relative paths, and gives the external pointer: the URL of the directory, "" where it is not externally addressable.
	Complete(ctx context.Context, m *metadata.Checkpoint) (pointer string, size int64, err error)
	// Dispose deletes all that lies in the checkpoint's own directory, of a checkpoint that failed (Flink: disposeOnFailure).
	Dispose(ctx context.Context) error
}
