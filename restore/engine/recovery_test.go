package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore"
	"github.com/ckpt-tool/ckpt/restore/coordinator"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// With local recovery, a restart within the process reads keyed state from its copies.
func TestLocalRecovery(t *testing.T) {
	for _, on := range []bool{false, true} {
		conf := config()
		conf.LocalRecovery, conf.Restart = on, &engine.FixedDelay{Attempts: 1}
		var handles, local atomic.Int64
		open := conf.StateBackend.Open
		conf.StateBackend.Open = func(ctx context.Context, c *backends.StoreConfig) (backends.Store, error) {
			for _, h := range c.Restored {
				handles.Add(1)
				if h.Local != nil {
					local.Add(1)
				}
			}
			return open(ctx, c)
		}
		var fail atomic.Bool
		c := &collector{}
		s := &sequence{n: 20000, keys: 10, splits: 2, pace: func(int64) error { time.Sleep(time.Millisecond); return nil }}
		j := engine.NewJob("count")
		j.Parallelism = 2
		j.Source("numbers", s).KeyBy("key").Process("count", counted, counting).Process("fail", counted, func() engine.Operator {
			return engine.Map(func(b *engine.Batch) (*engine.Batch, error) {
				if fail.Swap(false) {
					return nil, errInjected
				}
				return b, nil
			})
		}).Sink("out", engine.AtLeastOnce, c.make)
		e, err := engine.Start(within(t), j, conf)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.TriggerCheckpoint(within(t)); err != nil {
			t.Fatal(err)
		}
		fail.Store(true)
		if r := e.Wait(); r.Status != coordinator.Finished || r.Restarts != 1 {
			t.Errorf("%+v", r)
		}
		c.check(t, 10, 2000)
		want := int64(0)
		if on {
			want = handles.Load()
		}
		if handles.Load() == 0 || local.Load() != want {
			t.Errorf("local recovery %v: %d handles, %d of them with a local copy", on, handles.Load(), local.Load())
		}
	}
}

// A snapshot that fails leaves no file.
func TestFailedSnapshotLeavesNothing(t *testing.T) {
	store, conf := &memory{}, config()
	var fail atomic.Bool
	store.fault = func(what string) error {
		if what == "close" && fail.Load() && store.written() > 0 {
			return errInjected
		}
		return nil
	}
	conf.Storage, conf.Checkpointing.TolerableFailures = store, -1
	s := &sequence{n: 1 << 40, keys: 10, splits: 1, unbounded: true, pace: func(int64) error { time.Sleep(time.Millisecond); return nil }}
	// All in one task, so that no other task's files are the coordinator's to delete.
	j := engine.NewJob("one")
	j.Source("numbers", s).Sink("total", engine.AtLeastOnce, func() engine.Operator { return &summing{} })
	e, err := engine.Start(within(t), j, conf)
	if err != nil {
		t.Fatal(err)
	}
	fail.Store(true)
	if _, err := e.TriggerCheckpoint(within(t)); err == nil {
		t.Error("a checkpoint though a file failed")
	}
	if n := store.written(); n != 0 {
		t.Errorf("%d files are left", n)
	}
	fail.Store(false)
	if _, err := e.TriggerCheckpoint(within(t)); err != nil {
		t.Error(err)
	}
	if n := store.written(); n != 2 {
		t.Errorf("%d files, want 2", n)
	}
	p := e.Progress()
	if p.Checkpoint != 2 || p.Completed != 1 || p.Failed != 1 || p.Records == 0 || p.RecordsPerSecond <= 0 || p.CheckpointSize == 0 {
		t.Errorf("%+v", p)
	}
	e.Cancel()
	e.Wait()
}

// A task that fails while a snapshot of it is being written: the job fails for the task's reason, not for that of the snapshot, which its end has
// broken off.
func TestFailureBeforeWhatComesOfIt(t *testing.T) {
	store, conf := &memory{}, config()
	writing, closed := make(chan struct{}), make(chan struct{})
	var once sync.Once
	store.fault = func(what string) error {
		if what != "close" {
			return nil
		}
		once.Do(func() { close(writing) })
		<-closed
		return errors.New("broken off")
	}
	conf.Storage, conf.Checkpointing.TolerableFailures = store, 0
	s := &sequence{n: 1 << 40, keys: 10, splits: 1, unbounded: true, pace: func(int64) error { time.Sleep(time.Millisecond); return nil }}
	j := engine.NewJob("one")
	j.Source("numbers", s).Sink("out", engine.AtLeastOnce, func() engine.Operator {
		return &engine.ProcessFunc{
			OnRecord: func(engine.Record, *engine.Output) error {
				select {
				case <-writing:
					return errInjected
				default:
					return nil
				}
			},
			OnClose: func() error {
				close(closed)
				return nil
			},
		}
	})
	e, err := engine.Start(within(t), j, conf)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.TriggerCheckpoint(within(t)); err == nil {
		t.Error("a checkpoint of a task that failed")
	}
	if r := e.Wait(); !errors.Is(r.Err, errInjected) {
		t.Errorf("failed because of %v, want %v", r.Err, errInjected)
	}
}

// A master state that nobody takes is there after each restart again: the job fails with it at once, unless it may be left behind.
func TestMasterStateOfOthers(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		conf := config()
		conf.Restart = &engine.FixedDelay{Attempts: 1000}
		conf.Restore = &engine.Restore{Files: inMemory{}, AllowNonRestored: allowed,
			Checkpoint: &metadata.Checkpoint{Version: metadata.Version5, ID: 3, MasterStates: []metadata.MasterState{{Name: metadata.NewUTF("theirs")}}}}
		r, err := engine.Run(within(t), countJob(&sequence{n: 10, keys: 1}, &collector{}, 1), conf)
		var wrong *restore.IncompatibleError
		switch {
		case r == nil || r.Restarts > 0:
			t.Errorf("%+v: %v", r, err)
		case allowed && err != nil:
			t.Error(err)
		case !allowed && (!errors.As(err, &wrong) || !wrong.OnlyMissing() || !strings.Contains(err.Error(), `master state "theirs"`)):
			t.Errorf("%v", err)
		}
	}
}

func (s *memory) written() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.files
}

// summing is a sink with operator state.
type summing struct{ total }

func (s *summing) EndOfInput(*engine.Output) error { return nil }

func (s *summing) Process(_ int, b *engine.Batch, _ *engine.Output) error {
	for _, n := range b.Vectors[0].Longs {
		s.sum += n
	}
	return nil
}

// A store whose keyed snapshot cannot begin refuses the checkpoint; the job goes on.
func TestStoreRefusesSnapshot(t *testing.T) {
	conf := config()
	conf.Checkpointing.TolerableFailures = -1
	var broken atomic.Bool
	open := conf.OpenState
	conf.OpenState = func(s backends.Store, c *backends.StoreConfig) (backends.Keyed, error) {
		k, err := open(s, c)
		return &refusing{k, &broken}, err
	}
	c := &collector{}
	s := &sequence{n: 20000, keys: 10, splits: 2, pace: func(int64) error { time.Sleep(time.Millisecond); return nil }}
	e, err := engine.Start(within(t), countJob(s, c, 2), conf)
	if err != nil {
		t.Fatal(err)
	}
	broken.Store(true)
	if _, err := e.TriggerCheckpoint(within(t)); err == nil {
		t.Error("a checkpoint of a broken store")
	}
	broken.Store(false)
	if _, err := e.TriggerCheckpoint(within(t)); err != nil {
		t.Error(err)
	}
	if r := e.Wait(); r.Status != coordinator.Finished || r.Restarts != 0 {
		t.Errorf("%+v", r)
	}
	c.check(t, 10, 2000)
}

type refusing struct {
	backends.Keyed
	broken *atomic.Bool
}

func (r *refusing) Snapshot(q *backends.SnapshotRequest) (backends.SnapshotFunc, error) {
	if r.broken.Load() {
		return nil, errInjected
	}
	return r.Keyed.Snapshot(q)
}

// A watermark lag is told where there is a watermark.
func TestProgressLag(t *testing.T) {
	clock := newFakeClock() // at 1,000 s
	conf := config()
	conf.Clock, conf.BatchSize = clock, 10
	w := &world{}
	var reads atomic.Int64
	s := &sequence{n: 1 << 40, keys: 3, unbounded: true, pace: func(int64) error {
		if reads.Add(1) > 10 {
			return engine.ErrNothingYet
		}
		return nil
	}}
	e, err := engine.Start(within(t), windowJob(s, w, nil, 1), conf)
	if err != nil {
		t.Fatal(err)
	}
	if p := e.Progress(); p.Watermark != engine.NoTime || p.Lag != 0 {
		t.Errorf("at the start: %+v", p)
	}
	for e.Progress().Records < 100 {
		time.Sleep(time.Millisecond)
	}
	for range 1000 {
		clock.forward(200 * time.Millisecond)
		if p := e.Progress(); p.Watermark == 98 {
			if want := clock.Now().Sub(time.UnixMilli(98)); p.Lag <= 0 || p.Lag > want {
				t.Errorf("lag %s, want %s", p.Lag, want)
			}
			e.Cancel()
			e.Wait()
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%+v", e.Progress())
	e.Cancel()
	e.Wait()
}
