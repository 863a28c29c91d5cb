package coordinator

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore"
)

// MasterHook is state of the job as a whole, that goes into each checkpoint (Flink: MasterTriggerRestoreHook).
type MasterHook interface {
	// Identifier names the state, Version is of its format.
	Identifier() string
	Version() int32
	// Trigger gives the state. It may take long.
	Trigger(ctx context.Context, m CheckpointMetaData) ([]byte, error)
	// Restore is called before tasks begin; with ok false where there is no checkpoint or none of this hook in it.
	Restore(ctx context.Context, id int64, version int32, data []byte, ok bool) error
}

// BytesHook is a MasterHook whose state never changes, as the definition of a job.
type BytesHook struct {
	Name          string
	FormatVersion int32
	Data          []byte
}

// Identifier implements MasterHook.
func (h *BytesHook) Identifier() string { return h.Name }

// Version implements MasterHook.
func (h *BytesHook) Version() int32 { return h.FormatVersion }

// Trigger implements MasterHook.
func (h *BytesHook) Trigger(context.Context, CheckpointMetaData) ([]byte, error) { return h.Data, nil }

// Restore implements MasterHook: what the job runs with now counts.
func (h *BytesHook) Restore(context.Context, int64, int32, []byte, bool) error { return nil }

// triggerHooks takes the master states, outside of the lock.
func (c *CheckpointCoordinator) triggerHooks(m CheckpointMetaData) ([]metadata.MasterState, error) {
	var states []metadata.MasterState
	for _, h := range c.o.Hooks {
		data, err := h.Trigger(c.o.Context, m)
		if err != nil {
			return nil, fmt.Errorf("master hook %s: %w", h.Identifier(), err)
		}
		states = append(states, metadata.MasterState{Name: metadata.NewUTF(h.Identifier()), Version: h.Version(), Data: data})
	}
	return states, nil
}

// restoreHooks gives the hooks their states, outside of the lock. A state that no hook takes is a *restore.IncompatibleError unless state may be left
// behind.
func (c *CheckpointCoordinator) restoreHooks(cc *CompletedCheckpoint, allowLeft bool) error {
	var id int64
	states := map[string]*metadata.MasterState{}
	if cc != nil {
		id = cc.ID
		for i := range cc.MasterStates {
			states[cc.MasterStates[i].Name.String()] = &cc.MasterStates[i]
		}
	}
	for _, h := range c.o.Hooks {
		s, ok := states[h.Identifier()]
		if !ok {
			s = &metadata.MasterState{}
		}
		delete(states, h.Identifier())
		if err := h.Restore(c.o.Context, id, s.Version, s.Data, ok); err != nil {
			return fmt.Errorf("master hook %s, checkpoint %d: %w", h.Identifier(), id, err)
		}
	}
	var left []restore.Problem
	for _, name := range slices.Sorted(maps.Keys(states)) {
		if allowLeft {
			c.o.Log.Warn("master state is left behind", "name", name, "checkpoint", id)
			continue
		}
		left = append(left, restore.Problem{
			Unmapped: restore.Unmapped{Name: name}, Missing: true, Message: fmt.Sprintf("checkpoint %d has it, and no hook of the job takes it", id),
		})
	}
	if len(left) > 0 {
		return &restore.IncompatibleError{Problems: left}
	}
	return nil
}
