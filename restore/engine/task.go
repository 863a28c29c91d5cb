package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore/coordinator"
)

// task is one sub-task of a chain of operators, run by one goroutine (Flink: StreamTask).
type task struct {
	id                   coordinator.TaskID
	chain                *chain
	subtask, parallelism int
	attempt              *attempt
	ctx                  context.Context
	mail                 *mailbox

	source  *sourceRun // of chains that begin with one; the others have a gate
	gate    *gate
	aligner *aligner
	valve   *valve
	ends    int // inputs that have ended

	ops     []*opRun
	writers []*writer
	at      *opRun // whose code runs

	alignments map[int64]alignment // whose first barrier is there
	snapshots  map[int64]context.CancelFunc
	drained    bool  // the end of the input is passed on
	completed  int64 // the latest checkpoint that this task was told is complete
	finishAt   int64 // the checkpoint that it ends with
	finished   bool

	background sync.WaitGroup // snapshots that are being written
	flushing   atomic.Bool    // flushMail is on its way
	flushMail  func() error
	progress   taskProgress
}

// taskProgress is what others may look at.
type taskProgress struct {
	records   atomic.Int64 // that its source gave
	watermark atomic.Int64
}

type alignment struct {
	barrier *barrier
	since   time.Time
}

func (t *task) now() time.Time { return t.attempt.config.Clock.Now() }

func (t *task) log() *slog.Logger {
	return t.attempt.config.Log.With("task", t.chain.name, "subtask", t.subtask)
}

// run is the life of a task. Whatever it opened is closed in the end.
func (t *task) run() (err error) {
	defer func() {
		if x := recover(); x != nil {
			err = t.blame(panicked(x), debug.Stack())
		}
		if err != nil {
			t.attempt.fail(err) // before it closes: what fails because of that is not why the job failed
		}
		if closing := t.close(err == nil); err == nil {
			err = closing
		}
	}()
	if err := t.open(); err != nil {
		return err
	}
	t.attempt.opened()
	if t.source != nil {
		return t.loop(t.source.step, t.source.rest)
	}
	return t.loop(t.step, t.rest)
}

func panicked(x any) error {
	if err, ok := x.(error); ok {
		return fmt.Errorf("panic: %w", err)
	}
	return fmt.Errorf("panic: %v", x)
}

// failed makes an error that of a node, unless it is one's already, or none but that the task is cancelled.
func (t *task) failed(n *Node, err error, stack []byte) error {
	var named *OperatorError
	if errors.As(err, &named) || errors.Is(err, errCanceled) {
		return err
	}
	return &OperatorError{UID: n.UID, Subtask: t.subtask, Parallelism: t.parallelism, Err: err, Stack: stack}
}

// blame names who was at work when the task panicked.
func (t *task) blame(err error, stack []byte) error {
	uid := t.chain.nodes[0].UID
	if t.at != nil {
		uid = t.at.node.UID
	}
	return &OperatorError{UID: uid, Subtask: t.subtask, Parallelism: t.parallelism, Err: err, Stack: stack}
}

// loop is the life of a task that is open: mail first, then a step, and a rest where that found nothing to do.
func (t *task) loop(step func() (worked bool, err error), rest func()) error {
	for {
		if err := t.mail.run(); err != nil {
			return err
		}
		if t.finished {
			return nil
		}
		if t.ctx.Err() != nil {
			return context.Cause(t.ctx)
		}
		worked, err := step()
		if err != nil {
			return err
		}
		if !worked {
			rest()
		}
	}
}

// step handles the next element of the inputs, if there is one.
func (t *task) step() (worked bool, err error) {
	ch, e, ok := t.gate.poll()
	if !ok {
		return false, nil
	}
	return true, t.handle(ch, e)
}

// rest waits until there may be something to do. Inputs and mail wake the task alike.
func (t *task) rest() {
	select {
	case <-t.mail.wake:
	case <-t.ctx.Done():
	}
}

func (t *task) handle(ch int, e element) error {
	switch e.kind {
	case records:
		return t.ops[0].process(t.gate.channels[ch].input, e.batch)
	case watermark:
		if t.valve.watermark(ch, e.ts) {
			return t.advance()
		}
		return nil
	case idle, active:
		return t.status(ch, e)
	case barriers:
		if over, err := t.hear(); over || err != nil {
			return err
		}
		return t.apply(t.aligner.barrier(ch, e.barrier.meta.ID), ch, e.barrier)
	}
	return t.end(ch)
}

// hear takes in the mail before what may begin a snapshot: which checkpoints are completed, as a snapshot may refer to the files of the latest
// one and to none that are gone with those before (see coordinator.Gateway). over tells that the task has come to its end by it.
func (t *task) hear() (over bool, err error) {
	err = t.mail.run()
	return t.finished, err
}

func (t *task) advance() error {
	t.progress.watermark.Store(t.valve.out)
	return t.ops[0].event(element{kind: watermark, ts: t.valve.out})
}

func (t *task) status(ch int, e element) error {
	risen, changed := t.valve.status(ch, e.kind == idle)
	if risen {
		if err := t.advance(); err != nil {
			return err
		}
	}
	if !changed {
		return nil
	}
	return t.ops[0].event(e)
}

// end handles the end of one input. What all of them have given is passed on before the checkpoint that waited for it.
func (t *task) end(ch int) error {
	t.ends++
	if t.ends == len(t.gate.channels) {
		if err := t.ops[0].event(element{kind: endOfData}); err != nil {
			return err
		}
		t.drain()
	}
	if over, err := t.hear(); over || err != nil {
		return err
	}
	return t.apply(t.aligner.end(ch), ch, nil)
}

// drain tells that nothing comes out of this task any more, but barriers.
func (t *task) drain() {
	t.drained = true
	final := false
	for _, r := range t.ops {
		if c, ok := r.op.(FinalCommitter); ok && c.NeedsFinalCheckpoint() {
			final = true
		}
	}
	t.attempt.taskDrained(final)
}

// apply does what the aligner said about an input.
func (t *task) apply(v verdict, ch int, b *barrier) error {
	if v.release {
		t.gate.unblock()
	}
	if v.begun != 0 {
		t.alignments[v.begun] = alignment{barrier: b, since: t.now()}
	}
	if v.block {
		t.gate.block(ch)
	}
	if v.complete == 0 {
		return nil
	}
	a := t.alignments[v.complete]
	for id := range t.alignments {
		if id <= v.complete {
			delete(t.alignments, id)
		}
	}
	return t.checkpoint(a.barrier, t.now().Sub(a.since), a.since.Sub(a.barrier.meta.Timestamp))
}

// flush sends what waits in the writers.
func (t *task) flush() error {
	for _, w := range t.writers {
		if err := w.flush(); err != nil {
			return err
		}
	}
	return nil
}

// checkpointCompleted tells the operators, and ends the task if it waited for that.
func (t *task) checkpointCompleted(id int64) error {
	if err := t.tell(id, backends.Keyed.CheckpointCompleted, CheckpointListener.CheckpointCompleted); err != nil {
		return err
	}
	t.completed = max(t.completed, id)
	t.forget(id)
	t.settle()
	return nil
}

func (t *task) checkpointAborted(id int64) error {
	if cancel := t.snapshots[id]; cancel != nil {
		cancel()
		delete(t.snapshots, id)
	}
	if t.gate != nil {
		delete(t.alignments, id)
		if err := t.apply(t.aligner.abort(id), 0, nil); err != nil {
			return err
		}
	}
	return t.tell(id, backends.Keyed.CheckpointAborted, CheckpointListener.CheckpointAborted)
}

// tell says to each operator and its keyed state what became of a checkpoint.
func (t *task) tell(id int64, state func(backends.Keyed, int64), operator func(CheckpointListener, int64) error) error {
	for _, r := range t.ops {
		if r.keyed != nil {
			state(r.keyed, id)
		}
		if l, ok := r.op.(CheckpointListener); ok {
			if err := r.call(func() error { return operator(l, id) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// forget drops snapshots that are done with.
func (t *task) forget(upTo int64) {
	for id := range t.snapshots {
		if id <= upTo {
			delete(t.snapshots, id)
		}
	}
}

// finish ends the task once it knows that checkpoint id is complete; 0 ends it at once.
func (t *task) finish(id int64) error {
	t.finishAt = max(id, 1)
	if id == 0 {
		t.finished = true
	}
	t.settle()
	return nil
}

func (t *task) settle() {
	if t.finishAt != 0 && t.completed >= t.finishAt {
		t.finished = true
	}
}

// localDir is where a copy of an operator's snapshot goes, "" for none.
func (t *task) localDir(id metadata.OperatorID, b *barrier) string {
	if !t.attempt.config.LocalRecovery || b.options.Type.IsSavepoint() {
		return ""
	}
	return filepath.Join(t.attempt.local.path(b.meta.ID), fmt.Sprintf("%s_%d", id, t.subtask))
}
