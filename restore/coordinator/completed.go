package coordinator

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
)

// CompletedCheckpoint is a checkpoint or savepoint whose `_metadata` is written (Flink: CompletedCheckpoint). But for
// IsDiscarded it does not change.
type CompletedCheckpoint struct {
	Job            layout.JobID
	ID             int64
	TriggerTime    time.Time // zero where it was restored: `_metadata` does not tell
	CompletionTime time.Time
	// ExternalPointer is the URL of its directory, "" where it is not externally addressable.
	ExternalPointer string
	OperatorStates  []metadata.OperatorState
	MasterStates    []metadata.MasterState
	Properties      CheckpointProperties
	// MetadataSize is in bytes; 0 where it was restored.
	MetadataSize int64
	// Stats is nil where it was restored.
	Stats *CheckpointStats
	// Restored is whether it is the one that the job began with.
	Restored bool

	exclusive string // what relative handles are meant below
	version   int32
	claimed   bool
	discarded atomic.Bool
}

// Duration is the time from the trigger to the completion.
func (c *CompletedCheckpoint) Duration() time.Duration {
	if c.TriggerTime.IsZero() {
		return 0
	}
	return c.CompletionTime.Sub(c.TriggerTime)
}

// Size is the bytes of all state, shared files included (Flink: getStateSize).
func (c *CompletedCheckpoint) Size() int64 { return StateSize(c.OperatorStates) }

// IsDiscarded is whether it is deleted or about to be.
func (c *CompletedCheckpoint) IsDiscarded() bool { return c.discarded.Load() }

// DiscardOnSubsume marks c as discarded where that is what becomes of it once newer ones have taken its place, and says whether.
// Its files are for the CheckpointsCleaner to delete.
func (c *CompletedCheckpoint) DiscardOnSubsume() bool { return c.discard(c.Properties.DiscardSubsumed) }

// DiscardOnCancellation is DiscardOnShutdown(Canceled).
func (c *CompletedCheckpoint) DiscardOnCancellation() bool { return c.DiscardOnShutdown(Canceled) }

// DiscardOnShutdown marks c as discarded where that is what becomes of it when the job ends so, and says whether.
func (c *CompletedCheckpoint) DiscardOnShutdown(status JobStatus) bool {
	return c.discard(c.Properties.Discards(status))
}

func (c *CompletedCheckpoint) discard(yes bool) bool {
	if yes {
		c.discarded.Store(true)
	}
	return yes
}

// Metadata is c as its `_metadata` has it.
func (c *CompletedCheckpoint) Metadata() *metadata.Checkpoint {
	m := &metadata.Checkpoint{Version: c.version, ID: c.ID, MasterStates: c.MasterStates, Operators: c.OperatorStates}
	if c.version >= metadata.Version4 {
		m.Properties = c.Properties.Metadata()
	}
	return m
}

// String names it, as Flink's log does.
func (c *CompletedCheckpoint) String() string {
	where := c.ExternalPointer
	if where == "" {
		where = "<checkpoint-not-externally-addressable>"
	}
	return fmt.Sprintf("%s %d of %s at %s", c.Properties.Type, c.ID, c.Job, where)
}

// files are all files that c refers to.
func (c *CompletedCheckpoint) files() []stateFile {
	var f fileSet
	for i := range c.OperatorStates {
		f.operator(c.exclusive, &c.OperatorStates[i])
	}
	return f.list
}
