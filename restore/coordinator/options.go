package coordinator

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/restore/checkpoints"
)

// Options is what a coordinator works with. Vertices, Access, Gateway, Clock and Executor must be there.
type Options struct {
	Config   Config
	Job      layout.JobID
	Vertices []Vertex
	Access   checkpoints.Access // the job's part of the storage; the coordinator does not close it
	Gateway  Gateway
	Clock    Clock
	Executor Executor
	Hooks    []MasterHook
	// FailJob is told that too many checkpoints have failed in a row, or a savepoint that the job was to stop with. It is called without
	// a lock and must not block.
	FailJob func(error)
	Log     *slog.Logger    // nil: none
	Context context.Context // of what the coordinator does in the storage; nil: context.Background

	// The collaborators; nil: new ones.
	Store     *CompletedCheckpointStore
	IDCounter *CheckpointIDCounter
	Registry  *SharedStateRegistry
	Cleaner   *CheckpointsCleaner
	Stats     *CheckpointStatsTracker
}

// complete puts the defaults in.
func (o *Options) complete() error {
	switch {
	case o.Access == nil || o.Gateway == nil || o.Clock == nil || o.Executor == nil:
		return errors.New("coordinator: a storage, a gateway, a clock and an executor are needed")
	case len(o.Vertices) == 0:
		return errors.New("coordinator: a job has at least one vertex")
	case o.Config.Interval < 0 || o.Config.Timeout < 0 || o.Config.MinPause < 0 || o.Config.MaxConcurrent < 0 || o.Config.NumRetained < 0:
		return errors.New("coordinator: times and numbers of the configuration must not be negative")
	}
	c := &o.Config
	c.Timeout = cmp.Or(c.Timeout, 10*time.Minute)
	c.MaxConcurrent = cmp.Or(c.MaxConcurrent, 1)
	c.NumRetained = cmp.Or(c.NumRetained, 1)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Context == nil {
		o.Context = context.Background()
	}
	if o.FailJob == nil {
		o.FailJob = func(error) {}
	}
	o.collaborators()
	return nil
}

func (o *Options) collaborators() {
	if o.Store == nil {
		o.Store = NewCompletedCheckpointStore(o.Config.NumRetained)
	}
	if o.IDCounter == nil {
		o.IDCounter = NewCheckpointIDCounter()
	}
	if o.Cleaner != nil {
		o.Registry = o.Cleaner.registry
	}
	if o.Registry == nil {
		o.Registry = NewSharedStateRegistry()
	}
	if o.Cleaner == nil {
		o.Cleaner = NewCheckpointsCleaner(o.Context, o.Access, o.Executor, o.Registry, o.Config.SequentialCleaning, o.Log)
	}
	if o.Stats == nil {
		o.Stats = NewCheckpointStatsTracker(0)
	}
}
