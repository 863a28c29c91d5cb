package engine

import (
	"errors"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/restore/coordinator"
)

// gateway tells the tasks of the current attempt what the coordinator has to say: by mail, which comes back at once.
type gateway struct{ e *Execution }

func (g gateway) task(id coordinator.TaskID) *task {
	a := g.e.current()
	if a == nil {
		return nil
	}
	return a.byID[id]
}

// Trigger implements coordinator.Gateway. Tasks with inputs wait for barriers: sources stay alive until the job ends.
func (g gateway) Trigger(id coordinator.TaskID, m coordinator.CheckpointMetaData, o coordinator.CheckpointOptions, streams backends.Streams) {
	t := g.task(id)
	if t == nil {
		g.e.coordinator.ReceiveDecline(&coordinator.Decline{Task: id, Checkpoint: m.ID, Reason: errors.New("the task is not running")}, location)
		return
	}
	if t.source == nil {
		return
	}
	b := &barrier{meta: m, options: o, streams: streams}
	t.mail.post(func() error { return t.source.trigger(b) })
}

// Completed implements coordinator.Gateway.
func (g gateway) Completed(id coordinator.TaskID, checkpoint int64, _ time.Time, _ int64) {
	g.e.local.completed(checkpoint)
	if t := g.task(id); t != nil {
		t.mail.post(func() error { return t.checkpointCompleted(checkpoint) })
	}
}

// Aborted implements coordinator.Gateway.
func (g gateway) Aborted(id coordinator.TaskID, checkpoint, _ int64) {
	g.e.local.aborted(checkpoint)
	if t := g.task(id); t != nil {
		t.mail.post(func() error { return t.checkpointAborted(checkpoint) })
	}
}

// location is where tasks run, for the coordinator's log.
const location = "this process"
