package engine

import (
	"context"
	"errors"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/restore/coordinator"
)

// Wait waits for the end of the job.
func (e *Execution) Wait() *Result {
	<-e.done
	return e.result
}

// Done is closed at the end of the job.
func (e *Execution) Done() <-chan struct{} { return e.done }

// Job is the id of the job.
func (e *Execution) Job() layout.JobID { return e.config.JobID }

// Stats are the statistics of the job's checkpoints.
func (e *Execution) Stats() coordinator.StatsSnapshot { return e.coordinator.Stats() }

// Cancel ends the job at once; what of its checkpoints stays is for the retention to say.
func (e *Execution) Cancel() { e.ask(coordinator.Canceled) }

// Suspend ends the job at once, so that it goes on elsewhere from its latest checkpoint (Flink: JobStatus.SUSPENDED).
func (e *Execution) Suspend() { e.ask(coordinator.Suspended) }

func (e *Execution) ask(s coordinator.JobStatus) {
	e.mu.Lock()
	if e.asked == nil {
		e.asked = &s
	}
	e.mu.Unlock()
	e.cancel(errCanceled)
}

func (e *Execution) current() *attempt {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.attempt
}

// failJob is called by the coordinator when checkpoints fail too often.
func (e *Execution) failJob(err error) {
	if a := e.current(); a != nil {
		a.fail(err)
	}
}

// errNotRunning says that there is nothing to take a checkpoint of.
var errNotRunning = errors.New("the job is not running")

// running waits until all tasks of the current attempt are open.
func (e *Execution) running(ctx context.Context) (*attempt, error) {
	for {
		a := e.current()
		if a == nil || a.ctx.Err() != nil {
			select {
			case <-time.After(time.Millisecond):
				continue // between two attempts
			case <-e.done:
				return nil, errNotRunning
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		select {
		case <-a.ready:
			if a.ending.Load() {
				return nil, errNotRunning
			}
			return a, nil
		case <-a.ctx.Done():
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// TriggerCheckpoint takes a checkpoint now, and waits for it.
func (e *Execution) TriggerCheckpoint(ctx context.Context) (*coordinator.CompletedCheckpoint, error) {
	if _, err := e.running(ctx); err != nil {
		return nil, err
	}
	return e.coordinator.Trigger(coordinator.Checkpoint, "").Await(ctx)
}

// TriggerSavepoint takes a savepoint below target, "" for the default, and waits for it. native is whether it has the state backend's own
// form, else the canonical one.
func (e *Execution) TriggerSavepoint(ctx context.Context, target string, native bool) (*coordinator.CompletedCheckpoint, error) {
	if _, err := e.running(ctx); err != nil {
		return nil, err
	}
	kind := coordinator.Savepoint
	if native {
		kind = coordinator.NativeSavepoint
	}
	return e.coordinator.Trigger(kind, target).Await(ctx)
}

// StopWithSavepoint takes a savepoint and ends the job with it; no record behind it is read. drain is whether all of event time
// passes before, so that all windows fire: not for jobs that are to go on. The job goes on where the savepoint fails. Where it is complete and a task
// fails before it has ended, what is to be committed with it is, and no record more is read.
func (e *Execution) StopWithSavepoint(ctx context.Context, target string, drain bool) (*coordinator.CompletedCheckpoint, error) {
	if _, err := e.running(ctx); err != nil {
		return nil, err
	}
	select {
	case e.stopping <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if e.stoppedWith() != nil || e.current().ending.Load() {
		<-e.stopping
		return nil, errNotRunning
	}
	kind := coordinator.SavepointSuspend
	if drain {
		kind = coordinator.SavepointTerminate
	}
	e.coordinator.StopCheckpointScheduler()
	f := e.coordinator.Trigger(kind, target)
	f.Then(func(cc *coordinator.CompletedCheckpoint, err error) {
		defer func() { <-e.stopping }() // also where ctx has ended before: until then sources are to read or not by this savepoint alone
		if err != nil {
			e.goOn()
			return
		}
		e.mu.Lock()
		e.stopped = cc
		a := e.attempt // not the one of before: the job may have restarted before the savepoint began
		e.mu.Unlock()
		a.finish(cc.ID)
	})
	return f.Await(ctx)
}

// goOn lets sources read again after a savepoint that failed.
func (e *Execution) goOn() {
	for _, t := range e.current().tasks {
		if t.source != nil {
			t.mail.post(t.source.resume)
		}
	}
	e.startScheduler()
}

func (e *Execution) startScheduler() {
	if !e.coordinator.IsPeriodicCheckpointingConfigured() {
		return
	}
	if err := e.coordinator.StartCheckpointScheduler(); err != nil {
		e.config.Log.Warn("periodic checkpoints do not start", "error", err)
	}
}

// watch begins checkpoints when all tasks run, and ends the job when they have passed on the end of input.
func (e *Execution) watch(a *attempt) {
	select {
	case <-a.allOpen:
	case <-a.ctx.Done():
		return
	}
	ids := make([]coordinator.TaskID, len(a.tasks))
	for i, t := range a.tasks {
		ids[i] = t.id
	}
	e.coordinator.SetTasks(ids)
	if a.stopped {
		a.finish(0)
		return
	}
	close(a.ready)
	e.startScheduler()
	select {
	case <-a.allDrain:
	case <-a.ctx.Done():
		return
	}
	select {
	case e.stopping <- struct{}{}:
		defer func() { <-e.stopping }()
	case <-a.ctx.Done():
		return
	}
	if !a.ending.Load() {
		e.end(a)
	}
}

// end ends the tasks, with a last checkpoint where checkpoints are taken or an operator must see one (FLIP-147). One that fails is taken
// again; the coordinator knows when that was too often.
func (e *Execution) end(a *attempt) {
	if !a.final.Load() && !e.coordinator.IsPeriodicCheckpointingConfigured() {
		a.finish(0)
		return
	}
	e.coordinator.PausePeriodicCheckpoints()
	pause := 10 * time.Millisecond
	for a.ctx.Err() == nil {
		cc, err := e.coordinator.Trigger(coordinator.Checkpoint, "").Await(a.ctx)
		if err == nil {
			e.coordinator.StopCheckpointScheduler()
			a.finish(cc.ID)
			return
		}
		e.config.Log.Warn("the last checkpoint failed, and is taken again", "error", err)
		select {
		case <-time.After(pause):
		case <-a.ctx.Done():
		}
		pause = min(2*pause, time.Second)
	}
}
