package engine

import (
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/backends/operator"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore/checkpoints"
	"github.com/ckpt-tool/ckpt/restore/coordinator"
)

// listener is a sink that notes what it is told.
type listener struct {
	Discard
	said []string
	fail error // of Snapshot
}

func (l *listener) Snapshot(int64) error            { l.said = append(l.said, "snapshot"); return l.fail }
func (l *listener) CheckpointCompleted(int64) error { l.said = append(l.said, "completed"); return nil }
func (l *listener) CheckpointAborted(int64) error   { l.said = append(l.said, "aborted"); return nil }

// heard is what the tasks of an attempt answer.
type heard struct{ acknowledged, declined chan int64 }

func (h *heard) ReceiveAcknowledge(a *coordinator.Acknowledge, _ string) (coordinator.Answer, error) {
	h.acknowledged <- a.Checkpoint
	return coordinator.Success, nil
}
func (h *heard) ReceiveDecline(d *coordinator.Decline, _ string) { h.declined <- d.Checkpoint }

// anyAnswer is a storage that takes all answers.
type anyAnswer struct{ checkpoints.Access }

func (anyAnswer) CheckAnswer(map[metadata.OperatorID]metadata.SubtaskState) error { return nil }

// byHand is an attempt of two sub-tasks of a source that write to a sink, whose tasks nobody runs, and the task of the sink.
func byHand(t *testing.T, l *listener) (*attempt, *task, *heard) {
	t.Helper()
	j := sinkOf(func(s *Stream) *Stream { return s.Rebalance() })
	j.Nodes[0].Parallelism, j.Nodes[1].Operator = 2, func() Operator { return l }
	c := &Config{Clock: MachineClock{}, Log: slog.New(slog.DiscardHandler), BatchSize: 4, QueueLength: 4, OpenOperator: operator.Open}
	a, err := newAttempt(t.Context(), j, c, 0, origin{})
	if err != nil {
		t.Fatal(err)
	}
	h := &heard{make(chan int64, 9), make(chan int64, 9)}
	a.answers, a.access, a.local = h, anyAnswer{}, newLocalStore(t.TempDir())
	sink := a.tasks[len(a.tasks)-1]
	if sink.gate == nil || len(sink.gate.channels) != 2 {
		t.Fatal("the last task is not that of the sink")
	}
	if err := sink.open(); err != nil {
		t.Fatal(err)
	}
	return a, sink, h
}

func barrierOf(id int64) element {
	return element{kind: barriers, barrier: &barrier{meta: coordinator.CheckpointMetaData{ID: id}}}
}

// What was completed before a checkpoint began is taken in before its snapshot, though the notice came between the mail and the barrier: a
// snapshot may refer to what the latest completed one has, and to nothing older. So is it where the end of an input is what the checkpoint
// waited for.
func TestNoticesComeBeforeSnapshots(t *testing.T) {
	for name, last := range map[string]element{"a barrier": barrierOf(2), "the end of an input": {kind: endOfData}} {
		l := &listener{}
		_, sink, h := byHand(t, l)
		if err := sink.handle(0, barrierOf(2)); err != nil {
			t.Fatal(err)
		}
		sink.mail.post(func() error { return sink.checkpointCompleted(1) })
		if err := sink.handle(1, last); err != nil {
			t.Fatal(err)
		}
		if id := <-h.acknowledged; id != 2 || !slices.Equal(l.said, []string{"completed", "snapshot"}) {
			t.Errorf("%s: checkpoint %d, %q", name, id, l.said)
		}
	}
}

// A task that has heard of its end, or that the checkpoint is given up, takes no snapshot for a barrier behind that.
func TestNoSnapshotAfterTheEnd(t *testing.T) {
	for name, mail := range map[string]func(*task) error{
		"finished": func(s *task) error { return s.finish(0) },
		"aborted":  func(s *task) error { return s.checkpointAborted(2) },
	} {
		l := &listener{}
		_, sink, h := byHand(t, l)
		if err := sink.handle(0, barrierOf(2)); err != nil {
			t.Fatal(err)
		}
		sink.mail.post(func() error { return mail(sink) })
		if err := sink.handle(1, barrierOf(2)); err != nil {
			t.Fatal(err)
		}
		sink.background.Wait()
		if slices.Contains(l.said, "snapshot") || len(h.acknowledged)+len(h.declined) > 0 {
			t.Errorf("%s: %q", name, l.said)
		}
	}
}

// An operator whose Snapshot fails fails the task for that reason: no refusal of the checkpoint, which may be one too many, comes before.
func TestFailureIsNoRefusal(t *testing.T) {
	l := &listener{fail: errors.New("broken")}
	a, sink, h := byHand(t, l)
	for ch := range 2 {
		if err := sink.handle(ch, barrierOf(1)); (err != nil) != (ch == 1) {
			t.Fatal(err)
		}
	}
	sink.background.Wait()
	if len(h.declined) > 0 || a.failure == nil || !strings.Contains(a.failure.Error(), "sink (1/1): broken") {
		t.Errorf("%d refusals, failed because of %v", len(h.declined), a.failure)
	}
}

// A job that has stopped with a savepoint stops no second time: its sources are not to read on, whatever becomes of that.
func TestStopsOnce(t *testing.T) {
	a, _, _ := byHand(t, &listener{})
	a.ready = make(chan struct{})
	close(a.ready)
	e := &Execution{attempt: a, stopped: &coordinator.CompletedCheckpoint{ID: 1}, stopping: make(chan struct{}, 1)}
	if _, err := e.StopWithSavepoint(t.Context(), "", false); !errors.Is(err, errNotRunning) {
		t.Errorf("%v", err)
	}
	if len(e.stopping) != 0 {
		t.Error("nobody can end the job")
	}
}

// Flushes are not more frequent than clocks are good for.
func TestFlushesAreFew(t *testing.T) {
	a, _, _ := byHand(t, &listener{})
	a.config.BufferTimeout = time.Nanosecond
	source := a.tasks[0]
	began, n := time.Now(), 0
	stop := a.flushPeriodically()
	for time.Since(began) < 20*time.Millisecond {
		<-source.mail.wake
		if err := source.mail.run(); err != nil {
			t.Fatal(err)
		}
		n++
	}
	stop()
	if most := int(time.Since(began)/shortestTimeout) + 1; n > most {
		t.Errorf("%d flushes, want at most %d", n, most)
	}
}

// A source may have more splits that wait than a select has room for.
func TestManySplitsWait(t *testing.T) {
	a, _, _ := byHand(t, &listener{})
	s := a.tasks[0].source
	ready := make(chan struct{})
	for range 1<<16 + 1 {
		s.splits = append(s.splits, &splitRun{reader: nothing{}, wait: make(chan struct{})})
	}
	s.splits[len(s.splits)-1].wait = ready
	close(ready)
	s.rest()
	if !s.ready(s.splits[len(s.splits)-1], time.Now()) {
		t.Error("the last split is not ready")
	}
}

// nothing is a reader of nothing.
type nothing struct{ SplitReader }

func (nothing) Read(*Batch, int) error { return io.EOF }
