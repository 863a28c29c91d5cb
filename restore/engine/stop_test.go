package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/restore/coordinator"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// late is an operator that emits a lot in a timer, which fires behind the snapshot and returns when the sink has ended.
type late struct {
	keyed               backends.Keyed
	timers              engine.Timers
	registered          atomic.Bool
	snapshotted, closed chan struct{}
}

func (l *late) Open(c *engine.Context) (err error) {
	l.keyed = c.Keyed
	l.timers, err = c.Timers("late", nil, func(_ engine.FiredTimer, out *engine.Output) error {
		<-l.closed
		for i := range int64(100) {
			if err := out.Row(engine.NoTime, "", i); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

func (l *late) Process(_ int, b *engine.Batch, _ *engine.Output) error {
	if err := l.keyed.SetCurrentKeyBytes(b.Key(0), b.KeyGroups[0]); err != nil {
		return err
	}
	defer l.registered.Store(true)
	return l.timers.RegisterProcessingTime(nil, 1_001_000)
}

func (l *late) Snapshot(int64) error {
	close(l.snapshotted)
	return nil
}
func (l *late) Close() error { return nil }

// A task that is not at its end when others are may still send to them: it comes to its end all the same.
func TestSendsToTheEnded(t *testing.T) {
	clock, conf := newFakeClock(), config()
	conf.Clock, conf.BatchSize, conf.BufferTimeout = clock, 4, time.Millisecond
	l := &late{snapshotted: make(chan struct{}), closed: make(chan struct{})}
	j := engine.NewJob("late")
	j.Source("numbers", &sequence{n: 3, keys: 1, unbounded: true}).KeyBy("key").Process("late", counted, func() engine.Operator { return l }).
		Rebalance().Sink("out", engine.AtLeastOnce, func() engine.Operator {
		return &engine.ProcessFunc{OnRecord: func(engine.Record, *engine.Output) error { return nil }, OnClose: func() error { close(l.closed); return nil }}
	})
	e, err := engine.Start(within(t), j, conf)
	if err != nil {
		t.Fatal(err)
	}
	for !l.registered.Load() {
		time.Sleep(time.Millisecond)
	}
	go func() {
		<-l.snapshotted
		clock.forward(2 * time.Second)
	}()
	if _, err := e.StopWithSavepoint(within(t), "", false); err != nil {
		t.Fatal(err)
	}
	select {
	case <-e.Done():
	case <-time.After(5 * time.Second):
		t.Error("a task waits for one that has ended")
		e.Cancel()
	}
	if r := e.Wait(); r.Status != coordinator.Finished {
		t.Errorf("%+v", r)
	}
}

// closing is a source whose readers panic when they are closed.
type closing struct{ sequence }

func (c *closing) Open(ctx context.Context, s engine.Split, position any, at engine.SourceContext) (engine.SplitReader, error) {
	r, err := c.sequence.Open(ctx, s, position, at)
	return panicking{r}, err
}

type panicking struct{ engine.SplitReader }

func (panicking) Close() error { panic("boom") }

// A reader that panics when it is closed, as the task ends, fails the job and not the process.
func TestReaderPanicsOnClose(t *testing.T) {
	conf := config()
	conf.Restart = engine.NoRestart{}
	var given atomic.Int64
	s := &closing{sequence{n: 1 << 40, keys: 1, unbounded: true, pace: func(int64) error {
		if given.Add(1) > 3 {
			return engine.ErrNothingYet
		}
		return nil
	}}}
	e, err := engine.Start(within(t), sinkJob(s, 1, each(func(engine.Record) error { return nil })), conf)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.StopWithSavepoint(within(t), "", false); err != nil {
		t.Fatal(err)
	}
	r := e.Wait()
	var of *engine.OperatorError
	if r.Status != coordinator.Failed || !errors.As(r.Err, &of) || of.UID != "numbers" || !strings.Contains(r.Err.Error(), "split s0: panic: boom") || len(of.Stack) == 0 {
		t.Errorf("%+v", r)
	}
}

// Who stops waiting for the savepoint that the job stops with leaves it under way: no other one begins, by which sources would read on if the
// first failed.
func TestStopIsLeft(t *testing.T) {
	store, conf := &memory{}, config()
	written := make(chan struct{})
	store.fault = func(what string) error {
		if what == "metadata" {
			<-written
		}
		return nil
	}
	conf.Storage = store
	e, err := engine.Start(within(t), sinkJob(&sequence{n: 1 << 40, keys: 1, unbounded: true}, 1, each(func(engine.Record) error { return nil })), conf)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		if _, err := e.StopWithSavepoint(ctx, "", false); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		cancel()
	}
	close(written)
	if r := e.Wait(); r.Status != coordinator.Finished || r.Checkpoints != (engine.Counts{Completed: 1}) {
		t.Errorf("%+v", r)
	}
}
