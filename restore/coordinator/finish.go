package coordinator

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"

	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore/checkpoints"
)

// maybeWrite begins to complete p where all have answered.
func (c *CheckpointCoordinator) maybeWrite(p *PendingCheckpoint) {
	for _, open := range p.open {
		if open {
			return
		}
	}
	p.phase = answered
	c.acked = append(c.acked, p)
	c.write()
}

// write writes the `_metadata` of the next checkpoint that all have answered. One at a time: checkpoints are completed in the order in
// which they were answered, and a later one subsumes those before. From here on p cannot be aborted, only the storage can fail it: were it
// given up while a valid `_metadata` may appear, a restart could fall back to an earlier checkpoint and another to this one.
func (c *CheckpointCoordinator) write() {
	for c.writing == nil && len(c.acked) > 0 {
		p := c.acked[0]
		c.acked = c.acked[1:]
		if p.phase == over {
			continue
		}
		operators, err := c.operators(p)
		if err != nil {
			c.abort(p, &CheckpointError{Reason: DeclinedTaskClosing, ID: p.id, Cause: err}, false)
			continue
		}
		p.stop()
		p.phase, p.tried, c.writing = writing, true, p
		m := &metadata.Checkpoint{Version: c.version(), ID: p.id, MasterStates: p.masters, Operators: operators, Properties: p.props.Metadata()}
		c.later(func() { c.o.Executor.Execute(func() { c.finalize(p, m) }) })
	}
}

// version is that of the `_metadata` to write: Flink 2's, but for a job that began with what Flink 1 wrote, whose state may go on byte by
// byte. Nothing but the version tells readers, Flink 2 among them, which Kryo has written it.
func (c *CheckpointCoordinator) version() int32 {
	if c.initial != nil && c.initial.Checkpoint.Version < metadata.Version5 {
		return metadata.Version4
	}
	return metadata.Version5
}

// finalize runs in the executor.
func (c *CheckpointCoordinator) finalize(p *PendingCheckpoint, m *metadata.Checkpoint) {
	ctx, cancel := context.WithCancel(c.o.Context)
	defer cancel()
	// Failure story 13: the storage does not answer. It is told to give up after the timeout of a checkpoint.
	stop := c.o.Clock.AfterFunc(c.o.Config.Timeout, cancel)
	pointer, size, err := p.loc.Complete(ctx, m)
	stop()
	if errors.Is(err, fs.ErrExist) {
		pointer, size, err = c.whose(p, m, err)
	}
	c.do(func() {
		c.writing = nil
		if err != nil {
			c.abort(p, &CheckpointError{Reason: FinalizeCheckpointFailure, ID: p.id, Cause: err}, false)
		} else {
			c.completed(p, m, pointer, size)
		}
		c.write()
		c.released()
		c.progress()
	})
}

// whose finds out who wrote the `_metadata` that is there already.
//
// Failure story 15: the storage has written it, lost the answer, and tried again: then it is the very same, and the checkpoint complete.
// Or another job writes to the same directory: what it wrote must stay.
func (c *CheckpointCoordinator) whose(p *PendingCheckpoint, m *metadata.Checkpoint, exists error) (string, int64, error) {
	for _, form := range [...]*metadata.Checkpoint{m, checkpoints.Relative(m, p.dir())} {
		mine, err := metadata.Encode(form)
		if err != nil {
			return "", 0, err
		}
		there, err := c.o.Cleaner.metadata(p.dir(), len(mine))
		if err != nil {
			return "", 0, fmt.Errorf("%w, and cannot be read: %v", errUnclear, err)
		}
		if bytes.Equal(mine, there) {
			return p.dir(), int64(len(mine)), nil
		}
	}
	return "", 0, exists
}

// errUnclear says that nobody knows whose `_metadata` it is.
var errUnclear = errors.New("`_metadata` is there already")

// released lets go on what waits for the end of writing.
func (c *CheckpointCoordinator) released() {
	if c.writing != nil || c.clearing > 0 {
		return
	}
	for _, f := range c.unblock {
		f()
	}
	c.unblock = nil
}

// operators is what p is made of: each operator of the job, with the sub-tasks that have state.
func (c *CheckpointCoordinator) operators(p *PendingCheckpoint) ([]metadata.OperatorState, error) {
	ends := map[metadata.OperatorID][]int32{}
	for _, t := range p.ends {
		ends[t.Vertex] = append(ends[t.Vertex], t.Subtask)
	}
	var out []metadata.OperatorState
	for i := range c.o.Vertices {
		v := &c.o.Vertices[i]
		for _, info := range v.Operators {
			o := metadata.OperatorState{ID: info.ID, Parallelism: v.Parallelism, MaxParallelism: v.maxParallelism(&info)}
			if c.version() >= metadata.Version5 {
				o.Name, o.UID = metadata.NewUTF(info.Name), metadata.NewUTF(info.UID)
			}
			o.Subtasks = slices.Collect(maps.Values(p.states[info.ID]))
			for _, s := range ends[v.ID] {
				o.Subtasks = append(o.Subtasks, metadata.SubtaskState{Index: s, Finished: true})
			}
			if err := finish(&o); err != nil {
				return nil, err
			}
			out = append(out, o)
		}
	}
	return out, nil
}

// finish sees to the sub-tasks that had ended (Flink: VertexFinishedStateChecker, fulfillFinishedTaskStatus).
func finish(o *metadata.OperatorState) error {
	slices.SortFunc(o.Subtasks, func(a, b metadata.SubtaskState) int { return cmp.Compare(a.Index, b.Index) })
	ended, union := 0, false
	for i := range o.Subtasks {
		s := &o.Subtasks[i]
		if s.Finished {
			ended++
		}
		if h := s.ManagedOperator; h != nil {
			union = union || slices.ContainsFunc(h.States, func(m metadata.OperatorStateMeta) bool { return m.Mode == metadata.Union })
		}
	}
	switch {
	case ended == int(o.Parallelism):
		o.FullyFinished, o.Subtasks = true, nil
	case ended > 0 && union:
		// Failure story 14: the part of a finished sub-task would be missing from a state that all sub-tasks get whole.
		return fmt.Errorf("operator %s (%s) has union state, and %d of its %d sub-tasks have finished", o.Name, o.ID, ended, o.Parallelism)
	}
	return nil
}

// completed takes in p, whose `_metadata` is written.
func (c *CheckpointCoordinator) completed(p *PendingCheckpoint, m *metadata.Checkpoint, pointer string, size int64) {
	now := c.o.Clock.Now()
	c.o.Stats.completed(p.stats, pointer, size, now)
	cc := &CompletedCheckpoint{
		Job: c.o.Job, ID: p.id, TriggerTime: p.at, CompletionTime: now, ExternalPointer: pointer,
		OperatorStates: m.Operators, MasterStates: m.MasterStates, Properties: p.props, MetadataSize: size,
		Stats: c.o.Stats.of(p.stats), exclusive: p.dir(), version: m.Version,
	}
	c.end(p, true)
	savepoint := p.props.Type.IsSavepoint()
	if !savepoint || p.props.Type.IsSynchronous() {
		e := func(o *PendingCheckpoint) bool { return o.id < p.id && !o.props.Type.IsSavepoint() }
		c.abortWhere(CheckpointSubsumed, nil, e)
	}
	var subsumed int64
	if !savepoint {
		subsumed = c.store(cc)
		c.full = false
	}
	c.failures.completed(p.id)
	c.lastEnd = now
	c.o.Log.Debug("checkpoint is completed", "id", p.id, "type", p.props.Type.String(), "pointer", pointer, "bytes", p.stats.Checkpointed)
	c.later(func() { p.future.complete(cc, nil) })
	// Tasks are not told of savepoints that the job goes on after: they must not commit upon what it does not fall back to.
	if !savepoint || p.props.Type.IsSynchronous() {
		c.tell(p, func(t TaskID) { c.o.Gateway.Completed(t, p.id, now, subsumed) })
	}
	c.next()
}

// store adds cc, and gives the latest id that it subsumed and that is deleted, 0 for none.
func (c *CheckpointCoordinator) store(cc *CompletedCheckpoint) (subsumed int64) {
	for _, d := range c.o.Store.Add(cc) {
		c.o.Registry.drop(d.ID)
		if d.Properties.DiscardSubsumed {
			subsumed = max(subsumed, d.ID)
			c.o.Stats.discarded(d.ID)
		}
		c.later(func() { c.o.Cleaner.subsumed(d) })
	}
	return subsumed
}

// tell sends a notice to the tasks of p that are still there.
func (c *CheckpointCoordinator) tell(p *PendingCheckpoint, f func(TaskID)) {
	for _, t := range p.plan {
		if _, ok := c.running[t]; ok {
			c.later(func() { f(t) })
		}
	}
}

// end takes p off the pending ones.
func (c *CheckpointCoordinator) end(p *PendingCheckpoint, completed bool) {
	p.phase = over
	p.stop()
	delete(c.pending, p.id)
	if forgotten := c.ended.add(p.id, ending{completed: completed, savepoint: p.props.Type.IsSavepoint(), dir: p.dir()}); forgotten > 0 {
		c.o.Registry.forget(forgotten)
	}
	free := c.o.Registry.end(p.id)
	c.later(func() {
		c.o.Cleaner.delete(p.id, fmt.Sprintf("files that checkpoint %d could have used", p.id), free, nil)
		c.o.Cleaner.recheck()
	})
}

// abortWhere aborts pending checkpoints, oldest first.
func (c *CheckpointCoordinator) abortWhere(reason FailureReason, cause error, which func(*PendingCheckpoint) bool) {
	for _, id := range slices.Sorted(maps.Keys(c.pending)) {
		if p := c.pending[id]; p != nil && which(p) {
			c.abort(p, &CheckpointError{Reason: reason, ID: id, Cause: cause}, false)
		}
	}
}

// abort gives p up, unless it is over, or being written. byTask is whether a task is to blame.
func (c *CheckpointCoordinator) abort(p *PendingCheckpoint, e *CheckpointError, byTask bool) {
	if p.phase == over || p == c.writing {
		return
	}
	c.end(p, false)
	now := c.o.Clock.Now()
	c.o.Stats.failed(p.stats, e, now)
	level := slog.LevelWarn
	if e.Reason == CoordinatorSuspend || e.Reason == CoordinatorShutdown {
		level = slog.LevelDebug // as was asked for
	}
	c.o.Log.Log(c.o.Context, level, "checkpoint is aborted", "id", p.id, "type", p.props.Type.String(), "err", e)
	c.later(func() { p.future.complete(nil, e) })
	if p.loc != nil {
		w := c.aborted(p, e)
		c.later(func() { c.o.Cleaner.submit(w) })
	}
	if err := c.failures.failed(p.props.Type, e, byTask); err != nil {
		c.later(func() { c.o.FailJob(err) })
	}
	var latest int64
	if l := c.o.Store.Latest(); l != nil {
		latest = l.ID
	}
	c.tell(p, func(t TaskID) { c.o.Gateway.Aborted(t, p.id, latest) })
	c.next()
}

// aborted is what is to be deleted of p.
func (c *CheckpointCoordinator) aborted(p *PendingCheckpoint, e *CheckpointError) *cleaning {
	w := &cleaning{id: p.id, name: fmt.Sprintf("checkpoint %d (aborted)", p.id), release: true, all: true}
	w.dir = c.o.Cleaner.dispose(p.loc)
	switch {
	case !p.tried, errors.Is(e.Cause, fs.ErrExist): // failure story 15: what is there is another's
		return w
	case errors.Is(e.Cause, errUnclear): // likewise: it may be ours, and then needs its files
		w.kept = e.Cause
	default:
		w.pointer = p.dir()
	}
	// Failure story 16: the storage has failed, and `_metadata` may be there all the same. It goes first, or nothing does. Tasks do
	// not restart meanwhile: were the process killed then, the next would find this checkpoint, and they had gone on from another.
	c.clearing++
	w.finished = func() {
		c.do(func() {
			c.clearing--
			c.released()
		})
	}
	return w
}
