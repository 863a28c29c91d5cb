package engine

import (
	"context"
	"log/slog"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore"
	"github.com/ckpt-tool/ckpt/restore/checkpoints"
	"github.com/ckpt-tool/ckpt/restore/coordinator"
)

// Config is how a job runs.
type Config struct {
	JobID         layout.JobID // zero: a random one
	Checkpointing coordinator.Config
	StateBackend  StateBackend
	Storage       checkpoints.Storage
	Restart       RestartStrategy
	// BufferTimeout is how long a record may wait for others to fill its batch (execution.buffer-timeout.interval); 0: 100 ms, below 0: for ever,
	// and never less than 1 ms.
	BufferTimeout time.Duration
	// BatchSize is how many records a batch has at most; 0: 512. Channels hold QueueLength batches; 0: 4.
	BatchSize, QueueLength int
	// WatermarkInterval is how often sources pass on watermarks (pipeline.auto-watermark-interval); 0: 200 ms.
	WatermarkInterval time.Duration
	// LocalDir is where tasks keep local files; "" makes a temporary directory.
	LocalDir string
	// LocalRecovery is whether snapshots leave copies there, for restarts within the process.
	LocalRecovery bool
	// Clock is what processing time and the TTL of states go by; nil is the machine's.
	Clock   Clock
	Log     *slog.Logger
	Restore *Restore // nil: begin anew
	// OpenKeyed reads a keyed handle, whatever wrote it: also after a failure.
	OpenKeyed func(ctx context.Context, files backends.Files, h metadata.KeyedHandle, o backends.Origin) (backends.Reader, error)
	// OpenOperator makes operator state.
	OpenOperator func(ctx context.Context, c *backends.OperatorConfig) (backends.Operator, error)
	// OpenState builds keyed state upon a store.
	OpenState func(s backends.Store, c *backends.StoreConfig) (backends.Keyed, error)
}

// StateBackend is where keyed state lives while the job runs.
type StateBackend struct {
	Name string // Flink's: hashmap; or pebble
	Open backends.OpenLiveStore
	// NeedsDir is whether its stores need a local directory.
	NeedsDir bool
}

// Restore is the checkpoint to begin with.
type Restore struct {
	Checkpoint *metadata.Checkpoint
	Pointer    string // URL of its directory
	Files      backends.Files
	ClaimMode  restore.ClaimMode
	// AllowNonRestored is whether state that belongs to no operator of the job may be left behind.
	AllowNonRestored bool
}

// Result is how a job ended.
type Result struct {
	Job         layout.JobID
	Status      coordinator.JobStatus
	Records     int64 // that the sources gave, since this run began
	Duration    time.Duration
	Checkpoints Counts
	LastPath    string // the pointer of the latest completed checkpoint or savepoint of this run, "" for none
	Restarts    int
	Err         error // why it failed
}

// Counts are of checkpoints of this run.
type Counts struct{ Completed, Failed int64 }
