package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore"
	"github.com/ckpt-tool/ckpt/restore/checkpoints"
	"github.com/ckpt-tool/ckpt/restore/coordinator"
)

// attempt is the job from a start or restart to its end or failure: all its tasks (Flink: ExecutionGraph).
type attempt struct {
	config *Config
	job    *Job
	number int32
	ctx    context.Context
	cancel context.CancelCauseFunc
	tasks  []*task
	byID   map[coordinator.TaskID]*task

	assignment *restore.Assignment
	files      backends.Files
	restoredID int64 // -1 for none
	noClaim    bool
	stopped    bool // nothing is read: the job has stopped with a savepoint, and is to commit it
	answers    answers
	access     checkpoints.Access
	local      *localStore

	running  sync.WaitGroup
	toOpen   atomic.Int64
	toDrain  atomic.Int64
	ending   atomic.Bool   // tasks were told to finish
	final    atomic.Bool   // an operator must see a last checkpoint completed
	allOpen  chan struct{} // closed when all tasks are open
	ready    chan struct{} // closed when the coordinator knows the tasks
	allDrain chan struct{} // closed when all tasks have passed on the end of input

	mu      sync.Mutex
	failure error
}

// answers is who hears of snapshots.
type answers interface {
	ReceiveAcknowledge(a *coordinator.Acknowledge, location string) (coordinator.Answer, error)
	ReceiveDecline(d *coordinator.Decline, location string)
}

// origin is what an attempt begins with.
type origin struct {
	checkpoint *metadata.Checkpoint // nil: nothing
	files      backends.Files
	noClaim    bool
	allowLeft  bool
	stopped    bool
}

// newAttempt makes the tasks, and connects them. Nothing runs yet.
func newAttempt(ctx context.Context, j *Job, c *Config, number int32, o origin) (*attempt, error) {
	a := &attempt{config: c, job: j, number: number, byID: map[coordinator.TaskID]*task{}, files: o.files, restoredID: -1, noClaim: o.noClaim, stopped: o.stopped,
		allOpen: make(chan struct{}), ready: make(chan struct{}), allDrain: make(chan struct{})}
	m := o.checkpoint
	if m == nil {
		m = &metadata.Checkpoint{}
	} else {
		a.restoredID = m.ID
	}
	var err error
	if a.assignment, err = j.Assign(m, o.allowLeft); err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	a.ctx, a.cancel = context.WithCancelCause(ctx)
	if err := a.build(); err != nil {
		a.cancel(err)
		return nil, err
	}
	a.toOpen.Store(int64(len(a.tasks)))
	a.toDrain.Store(int64(len(a.tasks)))
	return a, nil
}

// assigned is what a sub-task of an operator begins with.
func (a *attempt) assigned(id metadata.OperatorID, subtask int) (*restore.SubtaskAssignment, int32) {
	o := a.assignment.Operators[id]
	return &o.Subtasks[subtask], o.MaxParallelism
}

// run runs all tasks to their end, and gives the first failure.
func (a *attempt) run() error {
	for _, t := range a.tasks {
		a.running.Add(1)
		go func() {
			err := errors.New("a task ended its goroutine") // as runtime.Goexit does, without coming back
			defer func() {
				if err != nil {
					a.fail(err)
				}
				a.running.Done()
			}()
			err = t.run()
		}()
	}
	stop := a.flushPeriodically()
	a.running.Wait()
	stop()
	a.cancel(errCanceled)
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.failure
}

// fail ends the attempt. The first failure counts; what comes of cancelling does not.
func (a *attempt) fail(err error) {
	a.mu.Lock()
	if a.failure == nil && !errors.Is(err, errCanceled) && a.ctx.Err() == nil {
		a.failure = err
	}
	a.mu.Unlock()
	a.cancel(errCanceled)
}

func (a *attempt) opened() {
	if a.toOpen.Add(-1) == 0 {
		close(a.allOpen)
	}
}

func (a *attempt) taskDrained(final bool) {
	if final {
		a.final.Store(true)
	}
	if a.toDrain.Add(-1) == 0 {
		close(a.allDrain)
	}
}

// finish ends all tasks, as soon as they know that checkpoint id is complete; 0 ends them at once.
func (a *attempt) finish(id int64) {
	a.ending.Store(true)
	for _, t := range a.tasks {
		t.mail.post(func() error { return t.finish(id) })
	}
}

// shortestTimeout is how often writers are flushed at most: each record by itself would keep a processor busy where there is nothing to send.
const shortestTimeout = time.Millisecond

// flushPeriodically sends what waits in writers for more, so that no record waits for longer than the buffer timeout.
func (a *attempt) flushPeriodically() (stop func()) {
	if a.config.BufferTimeout < 0 {
		return func() {}
	}
	ticker, done := time.NewTicker(max(a.config.BufferTimeout, shortestTimeout)), make(chan struct{})
	var over sync.WaitGroup
	over.Add(1)
	go func() {
		defer over.Done()
		for {
			select {
			case <-ticker.C:
				for _, t := range a.tasks {
					if len(t.writers) > 0 && !t.flushing.Swap(true) {
						t.mail.post(t.flushMail)
					}
				}
			case <-done:
				return
			}
		}
	}()
	return func() {
		ticker.Stop()
		close(done)
		over.Wait()
	}
}

// acknowledge answers the coordinator. What it cannot use it deletes itself.
func (a *attempt) acknowledge(k *coordinator.Acknowledge) {
	_, err := a.answers.ReceiveAcknowledge(k, location)
	if err != nil {
		a.config.Log.Warn("a snapshot was refused", "checkpoint", k.Checkpoint, "error", err)
	}
}

// decline refuses a checkpoint. Once the attempt is over the coordinator gives up all that are pending, and none of them is a failure of its
// own.
func (a *attempt) decline(d *coordinator.Decline) {
	if a.ctx.Err() == nil {
		a.answers.ReceiveDecline(d, location)
	}
}

// records is how many the sources gave in this attempt.
func (a *attempt) records() (n int64) {
	for _, t := range a.tasks {
		n += t.progress.records.Load()
	}
	return n
}

// watermark is the least of all tasks.
func (a *attempt) watermark() int64 {
	least := int64(MaxWatermark)
	for _, t := range a.tasks {
		least = min(least, t.progress.watermark.Load())
	}
	return least
}
