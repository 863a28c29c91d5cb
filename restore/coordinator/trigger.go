package coordinator

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore/checkpoints"
)

// Trigger takes a checkpoint or savepoint now. target is the directory for savepoints, "" for the storage's default. The future gives
// the completed one, or a *CheckpointError.
func (c *CheckpointCoordinator) Trigger(t Type, target string) *Future[*CompletedCheckpoint] {
	props := PropertiesForSavepoint(t)
	if !t.IsSavepoint() {
		props = PropertiesForCheckpoint(c.o.Config.Retention, t)
	}
	return c.request(&request{props: props, target: target})
}

func (c *CheckpointCoordinator) request(r *request) *Future[*CompletedCheckpoint] {
	r.future = newFuture[*CompletedCheckpoint]()
	c.do(func() { c.enqueue(r) })
	return r.future
}

// start begins with a request that was chosen.
func (c *CheckpointCoordinator) start(r *request) {
	if e := c.preCheck(r); e != nil {
		c.notBegun(r, e)
		return
	}
	c.triggering = true
	c.later(func() { c.o.Executor.Execute(func() { c.create(r) }) })
}

// preCheck is whether a request still stands.
func (c *CheckpointCoordinator) preCheck(r *request) *CheckpointError {
	switch {
	case c.shutdown != nil:
		return &CheckpointError{Reason: CoordinatorShutdown}
	case r.periodic && !c.periodic:
		return &CheckpointError{Reason: PeriodicSchedulerShutdown}
	case !c.allRunning():
		return &CheckpointError{Reason: NotAllRequiredTasksRunning}
	}
	return nil
}

// notBegun answers a request that does not become a checkpoint.
func (c *CheckpointCoordinator) notBegun(r *request, e *CheckpointError) {
	c.o.Stats.failed(nil, e, c.o.Clock.Now())
	c.o.Log.Debug("checkpoint is not triggered", "type", r.props.Type.String(), "err", e)
	c.later(func() { r.future.complete(nil, e) })
	if err := c.failures.failed(r.props.Type, e, false); err != nil {
		c.later(func() { c.o.FailJob(err) })
	}
}

// create runs in the executor: an id, a place in the storage, the master states.
func (c *CheckpointCoordinator) create(r *request) {
	var p *PendingCheckpoint
	id := c.o.IDCounter.GetAndIncrement()
	c.do(func() { p = c.register(id, r) })
	if p == nil {
		return
	}
	loc, err := c.location(p, r.target)
	var e *CheckpointError
	var masters []metadata.MasterState
	if err != nil {
		e = &CheckpointError{Reason: IOException, ID: id, Cause: err}
	} else if masters, err = c.triggerHooks(CheckpointMetaData{ID: id, Timestamp: p.at}); err != nil {
		e = &CheckpointError{Reason: TriggerCheckpointFailure, ID: id, Cause: err}
	}
	c.do(func() { c.created(p, loc, masters, e) })
}

func (c *CheckpointCoordinator) location(p *PendingCheckpoint, target string) (checkpoints.Location, error) {
	if p.props.Type.IsSavepoint() {
		return c.o.Access.SavepointLocation(c.o.Context, p.id, target)
	}
	loc, err := c.o.Access.Location(c.o.Context, p.id)
	// Failure story 6: another job writes to the same directory, or this one is a second life of a job that was not restored.
	if errors.Is(err, fs.ErrExist) {
		err = fmt.Errorf("another checkpoint %d is there already: %w", p.id, err)
	}
	return loc, err
}

// register makes the pending checkpoint, nil where the job has changed meanwhile.
func (c *CheckpointCoordinator) register(id int64, r *request) *PendingCheckpoint {
	if e := c.preCheck(r); e != nil {
		c.notBegun(r, e)
		c.triggered()
		return nil
	}
	if !c.begun {
		c.begun, c.first = true, id
	}
	p := &PendingCheckpoint{id: id, at: c.o.Clock.Now(), props: r.props, future: r.future, open: map[TaskID]bool{}}
	p.plan, p.ends = sortedTasks(c.running), sortedTasks(c.finished)
	for _, t := range p.plan {
		p.open[t] = true
	}
	p.states = map[metadata.OperatorID]map[int32]metadata.SubtaskState{}
	p.stats = c.o.Stats.begun(id, p.props.Type, p.at)
	c.pending[id] = p
	c.o.Registry.begin(id)
	p.stop = c.o.Clock.AfterFunc(c.o.Config.Timeout, func() {
		c.do(func() { c.abort(p, &CheckpointError{Reason: CheckpointExpired, ID: id}, false) })
	})
	c.o.Log.Debug("triggering checkpoint", "id", id, "type", p.props.Type.String())
	return p
}

// created asks the tasks.
func (c *CheckpointCoordinator) created(p *PendingCheckpoint, loc checkpoints.Location, masters []metadata.MasterState, e *CheckpointError) {
	defer c.triggered()
	if p.phase == over {
		// Failure story 7: it was aborted before the storage had answered. No task has heard of it.
		if loc != nil {
			c.later(func() { c.o.Cleaner.delete(p.id, fmt.Sprintf("checkpoint %d", p.id), nil, c.o.Cleaner.dispose(loc)) })
		}
		return
	}
	if p.loc = loc; e != nil {
		c.abort(p, e, false)
		return
	}
	p.masters, p.phase = masters, waiting
	o := CheckpointOptions{Type: p.props.Type, Target: p.dir(), Mode: c.o.Config.Mode}
	if (c.full || c.o.Config.Full) && !o.Type.IsSavepoint() {
		o.Type = FullCheckpoint
	}
	m := CheckpointMetaData{ID: p.id, Timestamp: p.at}
	for _, t := range p.plan {
		c.later(func() { c.o.Gateway.Trigger(t, m, o, loc.Streams()) })
	}
}

// triggered ends the work on one request.
func (c *CheckpointCoordinator) triggered() {
	c.triggering = false
	c.next()
	c.progress()
}

func sortedTasks(m map[TaskID]int) []TaskID {
	return slices.SortedFunc(maps.Keys(m), func(a, b TaskID) int {
		if m[a] != m[b] {
			return m[a] - m[b]
		}
		return int(a.Subtask - b.Subtask)
	})
}

// StartCheckpointScheduler begins to take periodic checkpoints; the first comes after one interval. (Flink waits a random time, as many jobs
// share a cluster.) What was pending is aborted where it was started before.
func (c *CheckpointCoordinator) StartCheckpointScheduler() error {
	if !c.IsPeriodicCheckpointingConfigured() {
		return errors.New("periodic checkpoints cannot start: execution.checkpointing.interval is not set")
	}
	var err error
	c.do(func() {
		if c.shutdown != nil {
			err = &CheckpointError{Reason: CoordinatorShutdown}
			return
		}
		if c.periodic {
			c.stopScheduler()
		}
		c.periodic = true
		c.schedule(max(c.o.Config.Interval, c.o.Config.MinPause))
	})
	return err
}

// StopCheckpointScheduler ends periodic checkpoints, and aborts all that is pending or asked for, savepoints included.
func (c *CheckpointCoordinator) StopCheckpointScheduler() { c.do(c.stopScheduler) }

func (c *CheckpointCoordinator) stopScheduler() {
	c.periodic = false
	c.unschedule()
	c.abortQueued(CoordinatorSuspend, nil)
	c.abortWhere(CoordinatorSuspend, nil, func(*PendingCheckpoint) bool { return true })
}

// PausePeriodicCheckpoints begins no further periodic checkpoint, also none that is due already. What is pending goes on, and what is asked
// for is taken.
func (c *CheckpointCoordinator) PausePeriodicCheckpoints() {
	c.do(func() {
		c.periodic = false
		c.unschedule()
		c.abortQueued(PeriodicSchedulerShutdown, func(r *request) bool { return r.periodic })
	})
}

// IsPeriodicCheckpointingConfigured is whether there is an interval.
func (c *CheckpointCoordinator) IsPeriodicCheckpointingConfigured() bool {
	return c.o.Config.Interval > 0
}

// IsPeriodicCheckpointingStarted is whether periodic checkpoints are being taken.
func (c *CheckpointCoordinator) IsPeriodicCheckpointingStarted() (yes bool) {
	c.do(func() { yes = c.periodic })
	return yes
}

// schedule sets the periodic timer anew.
func (c *CheckpointCoordinator) schedule(delay time.Duration) {
	c.unschedule()
	c.generation++
	g := c.generation
	c.stopTimer = c.o.Clock.AfterFunc(delay, func() { c.do(func() { c.tick(g) }) })
}

func (c *CheckpointCoordinator) unschedule() {
	if c.stopTimer != nil {
		c.stopTimer()
		c.stopTimer = nil
	}
	c.generation++
}

// tick is the periodic timer.
func (c *CheckpointCoordinator) tick(generation int) {
	if generation != c.generation || !c.periodic {
		return
	}
	c.schedule(c.o.Config.Interval)
	r := &request{props: PropertiesForCheckpoint(c.o.Config.Retention, Checkpoint), periodic: true}
	r.future = newFuture[*CompletedCheckpoint]()
	c.enqueue(r)
}
