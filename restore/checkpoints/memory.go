package checkpoints

import (
	"context"
	"errors"
	"fmt"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
)

const (
	// MaxMemStateSize is how many bytes one state may have in memory, unless another number is set (Flink: MAX_MEM_STATE_SIZE).
	MaxMemStateSize = 5 << 20
	// FrameSize is how many bytes one task may answer with, whatever is set (Flink: pekko.framesize, formerly akka.framesize).
	FrameSize = 10 << 20
)

// JobManager keeps checkpoints in memory (Flink: JobManagerCheckpointStorage). They end with the process, but for what Dir keeps.
type JobManager struct {
	Mutable layout.OpenMutable // of Dir and of savepoints
	// Dir, where set, is where `_metadata` with all state in it is written; "" for nowhere.
	Dir, SavepointDir string
	// MaxStateSize is how many bytes one state may have; 0 stands for MaxMemStateSize.
	MaxStateSize int
	NoSubdir     bool
}

// Name implements Storage.
func (m *JobManager) Name() string { return "JobManagerCheckpointStorage" }

// SupportsHighlyAvailableStorage implements Storage.
func (m *JobManager) SupportsHighlyAvailableStorage() bool { return m.Dir != "" }

// HasDefaultSavepointLocation implements Storage.
func (m *JobManager) HasDefaultSavepointLocation() bool { return m.SavepointDir != "" }

// Access implements Storage.
func (m *JobManager) Access(ctx context.Context, job layout.JobID) (Access, error) {
	most := m.MaxStateSize
	if most == 0 {
		most = MaxMemStateSize
	}
	if most < 0 {
		return nil, fmt.Errorf("a state of at most %d bytes", most)
	}
	a := &access{stores: stores{open: m.Mutable}, job: job, savepoints: m.SavepointDir, limits: limits{most: most}}
	if m.Dir == "" {
		return a, nil
	}
	return a, a.enter(ctx, m.Dir, m.NoSubdir)
}

// ErrFrame says that one task's answer is too large.
var ErrFrame = errors.New("the answer of one task is larger than a frame")

// inFiles is what to do about state that is too large for memory.
const inFiles = "checkpoints in files have no such limit (execution.checkpointing.storage: filesystem, with execution.checkpointing.dir)"

// CheckAnswer implements Access.
func (a *access) CheckAnswer(states map[metadata.OperatorID]metadata.SubtaskState) error {
	if a.limits.most == 0 {
		return nil
	}
	size := int64(0)
	for _, s := range states {
		size += inline(s)
	}
	if size > FrameSize {
		return fmt.Errorf("%w: its state in memory has %d bytes, and at most %d may be sent; %s", ErrFrame, size, FrameSize, inFiles)
	}
	return nil
}

// inline is how many bytes the handles of a sub-task hold themselves.
func inline(s metadata.SubtaskState) (size int64) {
	c := metadata.Checkpoint{Operators: []metadata.OperatorState{{Subtasks: []metadata.SubtaskState{s}}}}
	for _, h := range c.Walk() {
		if h, ok := h.(*metadata.InlineHandle); ok {
			size += int64(len(h.Data))
		}
	}
	return size
}
