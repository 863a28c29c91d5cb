package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore"
	"github.com/ckpt-tool/ckpt/restore/checkpoints"
	"github.com/ckpt-tool/ckpt/restore/coordinator"
)

// Execution is a job that runs.
type Execution struct {
	job    *Job
	config Config
	ctx    context.Context
	cancel context.CancelCauseFunc
	began  time.Time

	coordinator *coordinator.CheckpointCoordinator
	access      checkpoints.Access
	executor    executor
	local       *localStore

	stopping chan struct{} // holds one who ends the job well: one way at a time

	mu       sync.Mutex
	attempt  *attempt // the current one; nil before the first
	before   int64    // records of earlier attempts
	restarts int
	asked    *coordinator.JobStatus           // Canceled or Suspended, by the user
	stopped  *coordinator.CompletedCheckpoint // the savepoint that the job has stopped with
	rate     rate

	done   chan struct{}
	result *Result
}

// executor runs each piece of work in a goroutine of its own.
type executor struct{ work sync.WaitGroup }

// Execute implements coordinator.Executor.
func (e *executor) Execute(f func()) { e.work.Go(f) }

// Run runs a job to its end. The error is why it failed, also where Result tells it, or could not begin.
func Run(ctx context.Context, j *Job, c Config) (*Result, error) {
	e, err := Start(ctx, j, c)
	if err != nil {
		return nil, err
	}
	r := e.Wait()
	return r, r.Err
}

// Start begins to run a job. The end of ctx cancels it. Errors are those of Validate, of the storage, and *restore.IncompatibleError
// where a checkpoint does not fit.
func Start(ctx context.Context, j *Job, c Config) (*Execution, error) {
	if err := j.Validate(); err != nil {
		return nil, err
	}
	if err := c.complete(); err != nil {
		return nil, err
	}
	e := &Execution{job: j, config: c, began: c.Clock.Now(), done: make(chan struct{}), stopping: make(chan struct{}, 1)}
	first := &metadata.Checkpoint{}
	if c.Restore != nil {
		first = c.Restore.Checkpoint
	}
	assignment, err := j.Assign(first, c.Restore != nil && c.Restore.AllowNonRestored)
	if err != nil {
		return nil, err
	}
	for _, left := range assignment.Left {
		c.Log.Warn(fmt.Sprintf("the state of %s is left behind: the job does not have it", left))
	}
	if err := e.makeLocalDir(); err != nil {
		return nil, err
	}
	e.ctx, e.cancel = context.WithCancelCause(ctx)
	if err := e.coordinate(assignment); err != nil {
		e.cancel(err)
		e.closeStorage()
		e.clean()
		return nil, err
	}
	go e.supervise()
	return e, nil
}

// complete puts the defaults in.
func (c *Config) complete() error {
	switch {
	case c.Storage == nil:
		return errors.New("the engine needs a storage for checkpoints")
	case c.StateBackend.Open == nil || c.OpenState == nil || c.OpenOperator == nil || c.OpenKeyed == nil:
		return errors.New("the engine needs a state backend, keyed state and its reader, and operator state")
	case c.Restore != nil && (c.Restore.Checkpoint == nil || c.Restore.Files == nil):
		return errors.New("a restore needs a checkpoint and its files")
	case c.BatchSize < 0 || c.QueueLength < 0 || c.WatermarkInterval < 0:
		return errors.New("sizes and times of the engine must not be negative")
	}
	c.BatchSize = cmp.Or(c.BatchSize, 512)
	c.QueueLength = cmp.Or(c.QueueLength, 4)
	c.BufferTimeout = cmp.Or(c.BufferTimeout, 100*time.Millisecond)
	c.WatermarkInterval = cmp.Or(c.WatermarkInterval, defaultWatermarkInterval)
	if c.JobID == (Config{}).JobID {
		c.JobID = randomJobID()
	}
	if c.Clock == nil {
		c.Clock = MachineClock{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Restart == nil {
		c.Restart = c.defaultRestart()
	}
	return nil
}

// defaultRestart is Flink's: without checkpoints none, else with growing delays.
func (c *Config) defaultRestart() RestartStrategy {
	if c.Checkpointing.Interval > 0 {
		return NewExponentialDelay()
	}
	return NoRestart{}
}

func (e *Execution) makeLocalDir() (err error) {
	if e.config.LocalDir == "" {
		e.config.LocalDir, err = os.MkdirTemp("", "ckpt-run-")
	} else {
		e.config.LocalDir = filepath.Join(e.config.LocalDir, "job_"+e.config.JobID.String())
		err = os.MkdirAll(e.config.LocalDir, 0o755)
	}
	e.local = newLocalStore(e.config.LocalDir)
	return err
}

// coordinate makes the coordinator of the job's checkpoints.
func (e *Execution) coordinate(assignment *restore.Assignment) (err error) {
	if e.access, err = e.config.Storage.Access(context.WithoutCancel(e.ctx), e.config.JobID); err != nil {
		return fmt.Errorf("%s: %w", e.config.Storage.Name(), err)
	}
	o := coordinator.Options{
		Config: e.config.Checkpointing, Job: e.config.JobID, Access: e.access, Gateway: gateway{e}, Clock: e.config.Clock, Executor: &e.executor,
		FailJob: e.failJob, Log: e.config.Log, Context: context.WithoutCancel(e.ctx),
	}
	for _, c := range e.job.chains() {
		v := coordinator.Vertex{ID: c.id(), Name: c.name, Parallelism: int32(c.parallelism), MaxParallelism: assignment.Operators[c.id()].MaxParallelism}
		for _, n := range c.nodes {
			v.Operators = append(v.Operators, coordinator.OperatorInfo{ID: n.operatorID(), UID: n.UID, Name: n.Name,
				MaxParallelism: assignment.Operators[n.operatorID()].MaxParallelism})
		}
		o.Vertices = append(o.Vertices, v)
	}
	if e.job.Definition != nil {
		o.Hooks = append(o.Hooks, &coordinator.BytesHook{Name: MasterStateName, FormatVersion: 1, Data: e.job.Definition})
	}
	if e.coordinator, err = coordinator.New(o); err != nil {
		return err
	}
	if r := e.config.Restore; r != nil {
		return e.coordinator.RestoreInitial(coordinator.InitialRestore{
			Checkpoint: e.withoutDefinition(r.Checkpoint), Pointer: r.Pointer, ClaimMode: r.ClaimMode, AllowNonRestored: r.AllowNonRestored,
		})
	}
	return nil
}

// withoutDefinition leaves out the definition of the job that took the checkpoint where this one is written in Go and has none.
func (e *Execution) withoutDefinition(m *metadata.Checkpoint) *metadata.Checkpoint {
	if e.job.Definition != nil {
		return m
	}
	c := *m
	c.MasterStates = slices.DeleteFunc(slices.Clone(m.MasterStates), func(s metadata.MasterState) bool { return s.Name.String() == MasterStateName })
	return &c
}

// supervise runs attempts until the job has ended.
func (e *Execution) supervise() {
	status, err := e.attempts()
	e.cancel(errCanceled)
	e.clean()
	// Last, as a finished job deletes its checkpoints: one that is killed after that has nothing to resume from.
	report, failure := e.coordinator.Shutdown(status).Await(context.Background())
	e.executor.work.Wait()
	if failure == nil {
		for _, left := range report.Left {
			e.config.Log.Warn("a file that is not needed any more could not be deleted", "file", left)
		}
	}
	e.closeStorage()
	e.finish(status, err)
}

func (e *Execution) closeStorage() {
	if e.access == nil {
		return
	}
	if err := e.access.Close(); err != nil {
		e.config.Log.Warn("closing the storage", "error", err)
	}
}

func (e *Execution) finish(status coordinator.JobStatus, err error) {
	stats := e.coordinator.Stats()
	r := &Result{
		Job: e.config.JobID, Status: status, Err: err, Duration: e.config.Clock.Now().Sub(e.began),
		Checkpoints: Counts{Completed: stats.Counts.Completed, Failed: stats.Counts.Failed}, LastPath: lastPath(stats),
	}
	e.mu.Lock()
	r.Records, r.Restarts = e.records(), e.restarts
	e.result = r
	e.mu.Unlock()
	close(e.done)
}

func lastPath(s coordinator.StatsSnapshot) string {
	for i := range s.History {
		if h := &s.History[i]; h.Status == coordinator.Completed && !h.Discarded && h.Pointer != "" {
			return h.Pointer
		}
	}
	return ""
}

// attempts runs the job, again after failures as long as the restart strategy says so.
func (e *Execution) attempts() (coordinator.JobStatus, error) {
	for number := int32(0); ; number++ {
		err := e.try(number)
		if status, asked := e.askedFor(); asked {
			return status, nil
		}
		if err == nil {
			return coordinator.Finished, nil
		}
		delay, again := e.config.Restart.Failed(e.config.Clock.Now(), err)
		if !again || permanent(err) {
			return coordinator.Failed, err
		}
		e.config.Log.Warn("the job failed, and restarts", "error", err, "after", delay)
		e.sleep(delay)
		if status, asked := e.askedFor(); asked {
			return status, nil
		}
		e.mu.Lock()
		e.restarts++
		e.mu.Unlock()
	}
}

// askedFor is how the user wanted the job to end, if so.
func (e *Execution) askedFor() (coordinator.JobStatus, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.asked != nil {
		return *e.asked, true
	}
	return coordinator.Canceled, e.ctx.Err() != nil
}

func (e *Execution) sleep(d time.Duration) {
	over := make(chan struct{})
	stop := e.config.Clock.AfterFunc(d, func() { close(over) })
	defer stop()
	select {
	case <-over:
	case <-e.ctx.Done():
	}
}

// try is one attempt: from the latest checkpoint to the end of all tasks.
func (e *Execution) try(number int32) error {
	o, err := e.origin(number)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	a, err := newAttempt(e.ctx, e.job, &e.config, number, o)
	if err != nil {
		return err
	}
	a.answers, a.access, a.local = e.coordinator, e.access, e.local
	e.mu.Lock()
	if e.attempt != nil {
		e.before += e.attempt.records()
	}
	e.attempt = a
	e.mu.Unlock()
	var watching sync.WaitGroup
	watching.Go(func() { e.watch(a) })
	err = a.run()
	watching.Wait() // it may start what is stopped here
	e.coordinator.StopCheckpointScheduler()
	e.deleteAttempt(number)
	return err
}

// origin asks the coordinator what to begin with.
func (e *Execution) origin(number int32) (origin, error) {
	var tasks []coordinator.TaskID
	for _, c := range e.job.chains() {
		for sub := range c.parallelism {
			tasks = append(tasks, coordinator.TaskID{Vertex: c.id(), Subtask: int32(sub), Attempt: number})
		}
	}
	r, err := e.coordinator.RestoreLatestCheckpointedStateToAll(tasks, false).Await(e.ctx)
	if err != nil {
		return origin{}, err
	}
	if s := e.stoppedWith(); s != nil {
		// Tasks may have committed upon it, and whoever asked for it goes on from it: nothing else is to be done than what it says.
		return origin{checkpoint: checkpoints.Absolute(s.Metadata(), s.ExternalPointer), files: e.access.Files(), noClaim: true, stopped: true}, nil
	}
	if r == nil {
		return origin{}, nil
	}
	o := origin{noClaim: r.NoClaim, allowLeft: e.config.Restore != nil && e.config.Restore.AllowNonRestored}
	if initial := e.config.Restore; r.Restored && initial != nil && initial.Checkpoint.ID == r.ID {
		o.checkpoint, o.files = initial.Checkpoint, initial.Files
		return o, nil
	}
	o.checkpoint, o.files = checkpoints.Absolute(r.Metadata(), r.Exclusive), e.access.Files()
	return o, nil
}

func (e *Execution) stoppedWith() *coordinator.CompletedCheckpoint {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.stopped
}

// deleteAttempt deletes the local files of an attempt that stores have left.
func (e *Execution) deleteAttempt(number int32) {
	if err := os.RemoveAll(filepath.Join(e.config.LocalDir, attemptDir(number))); err != nil {
		e.config.Log.Warn("local files could not be deleted", "error", err)
	}
}

// clean deletes all local files.
func (e *Execution) clean() {
	if err := os.RemoveAll(e.config.LocalDir); err != nil {
		e.config.Log.Warn("local files could not be deleted", "error", err)
	}
}

func attemptDir(number int32) string { return fmt.Sprintf("attempt_%d", number) }
