package coordinator

import (
	"context"
	"fmt"

	"github.com/ckpt-tool/ckpt/metadata"
)

// ReceiveAcknowledge takes in the answer of a task; location says where it runs, for the log (Flink: receiveAcknowledgeMessage). Once all have answered,
// the checkpoint is completed. The error says why an answer was refused; its checkpoint is then aborted.
func (c *CheckpointCoordinator) ReceiveAcknowledge(a *Acknowledge, location string) (answer Answer, err error) {
	c.do(func() { answer, err = c.acknowledge(a) })
	if answer != Success || err != nil {
		c.o.Log.Debug("acknowledgement is of no use", "checkpoint", a.Checkpoint, "task", a.Task, "location", location, "answer", answer.String(), "err", err)
	}
	return answer, err
}

func (c *CheckpointCoordinator) acknowledge(a *Acknowledge) (Answer, error) {
	p := c.pending[a.Checkpoint]
	if p == nil || p.loc == nil {
		return c.late(a), nil
	}
	files := ackFiles(p.dir(), a.States)
	switch acked, planned := p.open[a.Task]; {
	case !planned:
		// Failure story 9: an earlier attempt of the task answers.
		c.discardAnswer(a, files, p.dir(), false)
		return Unknown, nil
	case !acked:
		// Failure story 10: an answer comes twice. What the first one brought stays.
		c.discardAnswer(a, files, p.dir(), false)
		return Duplicate, nil
	}
	err := c.check(a)
	if err == nil {
		err = c.o.Registry.acknowledged(p.id, files, p.props.Type.IsSavepoint())
	}
	if err != nil {
		e := &CheckpointError{Reason: CheckpointDeclined, ID: p.id, Cause: err}
		c.discardAnswer(a, files, p.dir(), false)
		c.abort(p, e, true)
		return Discarded, e
	}
	p.open[a.Task] = false
	for op, s := range a.States {
		s.Index = a.Task.Subtask
		if p.states[op] == nil {
			p.states[op] = map[int32]metadata.SubtaskState{}
		}
		p.states[op][a.Task.Subtask] = s
	}
	c.o.Stats.acknowledged(p.stats, a, c.o.Clock.Now())
	c.maybeWrite(p)
	return Success, nil
}

// check refuses states of operators that are not the task's, and keyed state of key groups that are not its own: `_metadata` would say another
// number of them than the state was written with.
func (c *CheckpointCoordinator) check(a *Acknowledge) error {
	v := &c.o.Vertices[c.vertex(a.Task)]
	known := 0
	for i := range v.Operators {
		o := &v.Operators[i]
		s, ok := a.States[o.ID]
		if !ok {
			continue
		}
		known++
		own := metadata.RangeOf(v.maxParallelism(o), v.Parallelism, a.Task.Subtask)
		for _, h := range []metadata.KeyedHandle{s.ManagedKeyed, s.RawKeyed} {
			if h != nil && h.KeyGroups() != own {
				return fmt.Errorf("operator %s of task %s/%d answers with key groups %s, and has %s of %d", o.UID, v.Name, a.Task.Subtask, h.KeyGroups(), own, v.maxParallelism(o))
			}
		}
	}
	if known != len(a.States) {
		return fmt.Errorf("task %s/%d answers for operators that are not its own", v.Name, a.Task.Subtask)
	}
	return nil
}

// late is an answer for a checkpoint that is not pending. What it brings is deleted, but for files that somebody uses: those of a
// completed checkpoint which is answered twice, and those of earlier checkpoints that it builds upon.
func (c *CheckpointCoordinator) late(a *Acknowledge) Answer {
	e, known := c.ended.of[a.Checkpoint]
	files := ackFiles(e.dir, a.States)
	switch {
	case known && e.completed:
		c.discardAnswer(a, files, e.dir, false)
		return Duplicate
	case known:
		// Failure story 11: a task answers after the checkpoint was aborted, and has made its directory anew by writing.
		c.discardAnswer(a, files, e.dir, true)
		return Discarded
	case c.begun && a.Checkpoint >= c.first && a.Checkpoint < c.o.IDCounter.Get():
		// Failure story 12: so late that nobody remembers how the checkpoint ended. It may be a savepoint: nothing is deleted.
		c.o.Log.Warn("acknowledgement is too late to know its files", "checkpoint", a.Checkpoint, "files", len(files))
		return Unknown
	}
	c.discardAnswer(a, files, "", false)
	return Unknown
}

// discardAnswer deletes what an answer brought that nobody uses.
func (c *CheckpointCoordinator) discardAnswer(a *Acknowledge, files []stateFile, dir string, remove bool) {
	files = c.o.Registry.strangers(files)
	var rm func(context.Context) error
	if remove && dir != "" && len(files) > 0 {
		rm = func(ctx context.Context) error { return c.o.Access.RemoveDir(ctx, dir) }
	}
	name := fmt.Sprintf("checkpoint %d, answer of %s/%d", a.Checkpoint, a.Task.Vertex, a.Task.Subtask)
	c.later(func() { c.o.Cleaner.delete(a.Checkpoint, name, files, rm) })
}

// ReceiveDecline takes in the refusal of a task: its checkpoint is aborted (Flink: receiveDeclineMessage).
func (c *CheckpointCoordinator) ReceiveDecline(d *Decline, location string) {
	c.do(func() {
		p := c.pending[d.Checkpoint]
		if p == nil {
			return
		}
		if _, planned := p.open[d.Task]; !planned {
			return // an earlier attempt
		}
		c.o.Log.Info("checkpoint is declined", "checkpoint", d.Checkpoint, "task", d.Task, "location", location, "err", d.Reason)
		c.abort(p, declined(p.id, d.Reason), true)
	})
}
