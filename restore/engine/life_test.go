package engine_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore"
	"github.com/ckpt-tool/ckpt/restore/coordinator"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// each is a sink that calls f with each record.
func each(f func(r engine.Record) error) func() engine.Operator {
	return func() engine.Operator {
		return &engine.ProcessFunc{OnRecord: func(r engine.Record, _ *engine.Output) error { return f(r) }}
	}
}

func sinkJob(s engine.Source, parallelism int, sink func() engine.Operator) *engine.Job {
	j := engine.NewJob("sink")
	j.Parallelism = parallelism
	j.Source("numbers", s).Rebalance().Sink("out", engine.AtLeastOnce, sink)
	return j
}

// What a job's code does wrong is told with its name, and the job fails or restarts.
func TestFailures(t *testing.T) {
	for name, c := range map[string]struct {
		sink func() engine.Operator
		want string
	}{
		"an error":                 {each(func(engine.Record) error { return errInjected }), "injected"},
		"a panic":                  {each(func(engine.Record) error { panic("boom") }), "panic: boom"},
		"a panic where it is made": {func() engine.Operator { panic("boom") }, "panic: boom"},
		"nothing is made":          {func() engine.Operator { return nil }, "makes no operator"},
		"in Open": {func() engine.Operator {
			return &engine.ProcessFunc{OnOpen: func(*engine.Context) error { return errInjected }, OnRecord: func(engine.Record, *engine.Output) error { return nil }}
		}, "injected"},
		"in Close": {func() engine.Operator {
			return &engine.ProcessFunc{OnClose: func() error { return errInjected }, OnRecord: func(engine.Record, *engine.Output) error { return nil }}
		}, "injected"},
		"a sink that emits": {func() engine.Operator {
			return &engine.ProcessFunc{OnRecord: func(_ engine.Record, out *engine.Output) error { return out.Row(0, 1) }}
		}, "no output"},
		"timers without a key": {func() engine.Operator {
			return &engine.ProcessFunc{OnOpen: func(c *engine.Context) error { _, err := c.Timers("t", nil, nil); return err }, OnRecord: func(engine.Record, *engine.Output) error { return nil }}
		}, "hash exchange"},
		"state without a key": {func() engine.Operator {
			return &engine.ProcessFunc{OnOpen: func(c *engine.Context) error { _, err := engine.ValueOf(c, "v", engine.Long.Type()); return err }, OnRecord: func(engine.Record, *engine.Output) error { return nil }}
		}, "hash exchange"},
	} {
		conf := config()
		conf.Restart = &engine.FixedDelay{Attempts: 2}
		r, err := engine.Run(within(t), sinkJob(&sequence{n: 100, keys: 1}, 2, c.sink), conf)
		var of *engine.OperatorError
		if !errors.As(err, &of) || of.UID != "out" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		restarts := 2
		if name == "nothing is made" {
			restarts = 0 // it never will be
		}
		if r.Status != coordinator.Failed || r.Restarts != restarts {
			t.Errorf("%s: %+v", name, r)
		}
		if panicked := strings.Contains(c.want, "panic") || strings.Contains(c.want, "no output"); panicked != (len(of.Stack) > 0) {
			t.Errorf("%s: stack %q", name, of.Stack)
		}
	}
}

// What a restart would only bring about again fails the job at once; so does state that is of another type.
func TestPermanentFailures(t *testing.T) {
	conf, store := config(), &memory{}
	conf.Storage, conf.Restart = store, &engine.FixedDelay{Attempts: 1 << 30}
	s := &sequence{n: 100, keys: 3}
	r, err := engine.Run(within(t), sinkJob(s, 1, each(func(engine.Record) error { return engine.SuppressRestarts(errInjected) })), conf)
	if !errors.Is(err, errInjected) || r.Restarts != 0 {
		t.Errorf("%+v %v", r, err)
	}
	r, err = engine.Run(within(t), sinkJob(s, 1, each(func(engine.Record) error { runtime.Goexit(); return nil })), func() engine.Config {
		c := config()
		c.Restart = engine.NoRestart{}
		return c
	}())
	if err == nil || r.Status != coordinator.Failed {
		t.Errorf("Goexit: %+v %v", r, err)
	}
	conf.Checkpointing.Interval = time.Hour
	if _, err := engine.Run(within(t), countJob(s, &collector{}, 1), conf); err != nil {
		t.Fatal(err)
	}
	conf.Restore, conf.Restart = &engine.Restore{Checkpoint: store.last(), Files: inMemory{}}, &engine.FixedDelay{Attempts: 3}
	j := engine.NewJob("count")
	j.Source("numbers", s).KeyBy("n").Process("count", counted, counting).Sink("out", engine.AtLeastOnce, (&collector{}).make)
	r, err = engine.Run(within(t), j, conf)
	var other *backends.IncompatibleError
	if !errors.As(err, &other) || r.Restarts != 0 {
		t.Errorf("a key of another type: %+v %v", r, err)
	}
}

func TestSourceFailures(t *testing.T) {
	s := &sequence{n: 100, keys: 1, pace: func(int64) error { return errInjected }}
	_, err := engine.Run(within(t), sinkJob(s, 2, each(func(engine.Record) error { return nil })), config())
	if err == nil || !strings.Contains(err.Error(), "numbers (1/2): split s0: injected") {
		t.Error(err)
	}
}

// A failure in the middle of a chain is told as that of the operator which failed, not of those before it.
func TestBlame(t *testing.T) {
	j := engine.NewJob("chain")
	s := j.Source("numbers", &sequence{n: 10, keys: 1}).Process("good", numbers, func() engine.Operator {
		return engine.Map(func(b *engine.Batch) (*engine.Batch, error) { return b, nil })
	})
	s.Process("bad", numbers, func() engine.Operator {
		return engine.Map(func(*engine.Batch) (*engine.Batch, error) { return nil, errInjected })
	}).Sink("out", engine.AtLeastOnce, func() engine.Operator { return engine.Discard{} })
	_, err := engine.Run(within(t), j, config())
	var of *engine.OperatorError
	if !errors.As(err, &of) || of.UID != "bad" || !errors.Is(err, errInjected) {
		t.Error(err)
	}
}

// All goroutines end with the job, and cancelling takes less than a second, however tasks are blocked.
func TestCancel(t *testing.T) {
	before := runtime.NumGoroutine()
	for name, sink := range map[string]func() engine.Operator{
		"idle": each(func(engine.Record) error { return nil }),
		"a slow sink": func() engine.Operator {
			var c *engine.Context
			return &engine.ProcessFunc{OnOpen: func(x *engine.Context) error { c = x; return nil }, OnRecord: func(engine.Record, *engine.Output) error {
				<-c.Done()
				return c.Err()
			}}
		},
	} {
		conf := config()
		conf.Checkpointing.Interval = time.Millisecond
		e, err := engine.Start(within(t), sinkJob(&sequence{n: 1 << 40, keys: 7, splits: 4, unbounded: true}, 3, sink), conf)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Millisecond)
		at := time.Now()
		if name == "idle" {
			e.Suspend()
		} else {
			e.Cancel()
		}
		r := e.Wait()
		if d := time.Since(at); d > time.Second {
			t.Errorf("%s: took %s", name, d)
		}
		if want := map[bool]coordinator.JobStatus{true: coordinator.Suspended, false: coordinator.Canceled}[name == "idle"]; r.Status != want || r.Err != nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	buf := make([]byte, 1<<16)
	t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
}

func TestContextCancels(t *testing.T) {
	ctx, cancel := context.WithCancel(within(t))
	e, err := engine.Start(ctx, sinkJob(&sequence{n: 1 << 40, keys: 7, unbounded: true}, 2, each(func(engine.Record) error { return nil })), config())
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if r := e.Wait(); r.Status != coordinator.Canceled {
		t.Errorf("%+v", r)
	}
	if _, err := e.TriggerCheckpoint(within(t)); err == nil {
		t.Error("a checkpoint of a job that has ended")
	}
}

// A job stops with a savepoint: drained, all windows have fired; else none that was not due.
func TestStopWithSavepoint(t *testing.T) {
	for _, drain := range []bool{true, false} {
		s := &sequence{n: 1 << 40, keys: 3, splits: 2, unbounded: true}
		var given atomic.Int64
		s.pace = func(int64) error {
			if given.Add(1) > 20 {
				return engine.ErrNothingYet
			}
			return nil
		}
		w, conf := &world{}, config()
		conf.BatchSize, conf.WatermarkInterval = 10, time.Hour // only the end fires windows
		e, err := engine.Start(within(t), windowJob(s, w, nil, 2), conf)
		if err != nil {
			t.Fatal(err)
		}
		for e.Progress().Records < 200 {
			time.Sleep(time.Millisecond)
		}
		cc, err := e.StopWithSavepoint(within(t), "", drain)
		if err != nil {
			t.Fatal(err)
		}
		r := e.Wait()
		if r.Status != coordinator.Finished || r.LastPath != cc.ExternalPointer || r.Checkpoints.Completed != 1 {
			t.Errorf("drain %v: %+v", drain, r)
		}
		if n := len(w.rows()); (n > 0) != drain {
			t.Errorf("drain %v: %d windows", drain, n)
		}
	}
}

// A savepoint that fails does not end the job.
func TestStopThatFails(t *testing.T) {
	store := &memory{}
	var broken atomic.Bool
	store.fault = func(what string) error {
		if broken.Load() {
			return errInjected
		}
		return nil
	}
	conf := config()
	conf.Storage, conf.Restart = store, &engine.FixedDelay{Attempts: 5}
	c := &collector{}
	s := &sequence{n: 20000, keys: 10, splits: 2, pace: func(int64) error { time.Sleep(time.Millisecond); return nil }}
	e, err := engine.Start(within(t), countJob(s, c, 2), conf)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.TriggerCheckpoint(within(t)); err != nil {
		t.Fatal(err)
	}
	broken.Store(true)
	for _, drain := range []bool{false, true} {
		if _, err := e.StopWithSavepoint(within(t), "", drain); err == nil {
			t.Error("a savepoint without a storage")
		}
	}
	broken.Store(false)
	if r := e.Wait(); r.Status != coordinator.Finished {
		t.Errorf("%+v", r)
	}
	c.check(t, 10, 2000)
}

// A bounded job takes a last checkpoint where checkpoints are configured, or where a sink must see one; else none.
func TestLastCheckpoint(t *testing.T) {
	s := &sequence{n: 100, keys: 3, splits: 2}
	conf := config()
	r, err := engine.Run(within(t), countJob(s, &collector{}, 2), conf)
	if err != nil || r.Checkpoints.Completed != 0 {
		t.Errorf("without: %+v %v", r, err)
	}
	conf.Checkpointing.Interval = time.Hour
	r, err = engine.Run(within(t), countJob(s, &collector{}, 2), conf)
	if err != nil || r.Checkpoints.Completed != 1 {
		t.Errorf("configured: %+v %v", r, err)
	}
	conf.Checkpointing.Interval, conf.Storage = 0, &memory{}
	w := &world{}
	r, err = engine.Run(within(t), windowJob(s, w, nil, 2), conf)
	if err != nil || r.Checkpoints.Completed != 1 || !slices.Equal(w.rows(), wantWindows(100, 3)) {
		t.Errorf("two phases: %+v %v %v", r, err, w.rows())
	}
	// It goes on from its end, and there is nothing to do.
	store := conf.Storage.(*memory)
	conf.Restore = &engine.Restore{Checkpoint: store.last(), Files: inMemory{}}
	r, err = engine.Run(within(t), windowJob(s, w, nil, 3), conf)
	if err != nil || r.Records != 0 || len(w.rows()) != len(wantWindows(100, 3)) {
		t.Errorf("from the end: %+v %v", r, err)
	}
}

// A checkpoint that does not fit is refused before anything runs.
func TestRestoreRefused(t *testing.T) {
	store, conf := &memory{}, config()
	conf.Storage, conf.Checkpointing.Interval = store, time.Hour
	s := &sequence{n: 100, keys: 3, splits: 2}
	if _, err := engine.Run(within(t), countJob(s, &collector{}, 2), conf); err != nil {
		t.Fatal(err)
	}
	conf.Restore = &engine.Restore{Checkpoint: store.last(), Files: inMemory{}}
	other := sinkJob(s, 2, each(func(engine.Record) error { return nil }))
	_, err := engine.Start(within(t), other, conf)
	var refused *restore.IncompatibleError
	if !errors.As(err, &refused) {
		t.Fatalf("%v", err)
	}
	conf.Restore.AllowNonRestored = true
	if _, err := engine.Run(within(t), other, conf); err != nil {
		t.Error(err)
	}
}

// Checkpoint ids go on behind the restored one, and the definition of the job is in each.
func TestDefinitionAndIDs(t *testing.T) {
	store, conf := &memory{}, config()
	conf.Storage, conf.Checkpointing.Interval = store, time.Hour
	s := &sequence{n: 100, keys: 3, splits: 2}
	j := countJob(s, &collector{}, 2)
	j.Definition = []byte("name: count")
	if _, err := engine.Run(within(t), j, conf); err != nil {
		t.Fatal(err)
	}
	first := store.last()
	if len(first.MasterStates) != 1 || first.MasterStates[0].Name.String() != engine.MasterStateName || string(first.MasterStates[0].Data) != "name: count" {
		t.Errorf("%+v", first.MasterStates)
	}
	conf.Restore = &engine.Restore{Checkpoint: first, Files: inMemory{}}
	if _, err := engine.Run(within(t), countJob(s, &collector{}, 2), conf); err != nil { // written in Go: it has none
		t.Fatal(err)
	}
	if second := store.last(); second.ID != first.ID+1 || len(second.MasterStates) != 0 {
		t.Errorf("checkpoint %d after %d, %d master states", second.ID, first.ID, len(second.MasterStates))
	}
	of := func(o metadata.OperatorState) bool {
		return o.UID.String() == "count" && o.ID == metadata.OperatorIDOf("count")
	}
	if !slices.ContainsFunc(first.Operators, of) {
		t.Errorf("no operator %s in %v", metadata.OperatorIDOf("count"), first.Operators)
	}
}

// growing is a source that has a split more each time it is asked.
type growing struct {
	sequence
	asked atomic.Int64
}

func (g *growing) DiscoveryInterval() int64 { return 1 }
func (g *growing) Discover(context.Context) (all []engine.Split, err error) {
	for i := range min(g.asked.Add(1), 8) {
		all = append(all, engine.Split{ID: fmt.Sprint(i), Index: i})
	}
	return all, nil
}
func (g *growing) Open(ctx context.Context, s engine.Split, position any, at engine.SourceContext) (engine.SplitReader, error) {
	r, err := g.sequence.Open(ctx, engine.Split{ID: s.ID}, position, at)
	return &waiting{SplitReader: r}, err
}

// waiting has its records only when it was asked to wait.
type waiting struct {
	engine.SplitReader
	waited bool
}

func (w *waiting) Read(b *engine.Batch, n int) error {
	if !w.waited {
		return engine.ErrNothingYet
	}
	return w.SplitReader.Read(b, n)
}

func (w *waiting) Wait() <-chan struct{} {
	w.waited = true
	c := make(chan struct{})
	time.AfterFunc(time.Millisecond, func() { close(c) })
	return c
}

func TestDiscovery(t *testing.T) {
	g := &growing{sequence: sequence{n: 10, keys: 1, unbounded: true}}
	conf := config()
	conf.BufferTimeout = time.Millisecond
	e, err := engine.Start(within(t), sinkJob(g, 2, each(func(engine.Record) error { return nil })), conf)
	if err != nil {
		t.Fatal(err)
	}
	for range 5000 {
		if e.Progress().Records == 80 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond)
	e.Cancel()
	if r := e.Wait(); r.Records != 80 {
		t.Errorf("%d records of 8 splits of 10", r.Records)
	}
}

// At least once: inputs are not held back, and nothing is lost.
func TestAtLeastOnce(t *testing.T) {
	conf := config()
	conf.Checkpointing.Mode, conf.Checkpointing.Interval = coordinator.AtLeastOnce, time.Millisecond
	conf.BatchSize, conf.Restart = 16, &engine.FixedDelay{Attempts: 100}
	f := &trouble{odds: 1000}
	f.left.Store(3)
	c := &collector{}
	j := engine.NewJob("count")
	j.Parallelism = 2
	s := &sequence{n: 5000, keys: 5, splits: 3, pace: func(int64) error { time.Sleep(50 * time.Microsecond); return nil }}
	j.Source("numbers", s).KeyBy("key").Process("count", counted, counting).Process("fail", counted, func() engine.Operator {
		return engine.Map(func(b *engine.Batch) (*engine.Batch, error) { return b, f.maybe("map") })
	}).Sink("out", engine.AtLeastOnce, c.make)
	if _, err := engine.Run(within(t), j, conf); err != nil {
		t.Fatal(err)
	}
	if len(c.rows) != 5 {
		t.Errorf("%d keys, want 5", len(c.rows))
	}
	for k, n := range c.rows {
		if n < 1000 {
			t.Errorf("key %s: %d, want 1000 at least", k, n)
		}
	}
}

// The keyed state of two inputs with one key is one; a broadcast input reaches all sub-tasks.
func TestTwoInputs(t *testing.T) {
	j := engine.NewJob("two")
	j.Parallelism = 3
	a := j.Source("a", &sequence{n: 300, keys: 10, splits: 2})
	b := j.Source("b", &sequence{n: 100, keys: 10})
	var told, full, wrong atomic.Int64
	j.Process("join", nil, func() engine.Operator {
		var count backends.ValueState
		return &engine.ProcessFunc{
			OnOpen: func(c *engine.Context) (err error) {
				count, err = engine.ValueOf(c, "count", engine.Long.Type())
				return err
			},
			OnRecord: func(r engine.Record, _ *engine.Output) error {
				if r.Input == 2 {
					told.Add(1)
					return nil
				}
				v, err := count.Value()
				if err != nil {
					return err
				}
				n, _ := v.(int64)
				switch {
				case n == 39: // 30 of the one input and 10 of the other
					full.Add(1)
				case n > 39:
					wrong.Add(1)
				}
				return count.Update(n + 1)
			},
		}
	}, a.KeyBy("key"), b.KeyBy("key"), b.Broadcast())
	if _, err := engine.Run(within(t), j, config()); err != nil {
		t.Fatal(err)
	}
	if told.Load() != 300 || full.Load() != 10 || wrong.Load() != 0 {
		t.Errorf("broadcast gave %d, want 300; %d keys were counted on both inputs, want 10; %d counts too high", told.Load(), full.Load(), wrong.Load())
	}
}

// Chained operators get the records of one another, and of a fan-out each its own copy.
func TestFanOut(t *testing.T) {
	j := engine.NewJob("fan")
	s := j.Source("numbers", &sequence{n: 1000, keys: 1})
	var sums [3]atomic.Int64
	for i := range 3 {
		s.Process(fmt.Sprint("map", i), numbers, func() engine.Operator {
			return engine.Map(func(b *engine.Batch) (*engine.Batch, error) {
				for k := range b.Vectors[0].Longs {
					b.Vectors[0].Longs[k] *= int64(i + 1)
				}
				return b, nil
			})
		}).Sink(fmt.Sprint("out", i), engine.AtLeastOnce, each(func(r engine.Record) error {
			sums[i].Add(r.Value(0).(int64))
			return nil
		}))
	}
	if _, err := engine.Run(within(t), j, config()); err != nil {
		t.Fatal(err)
	}
	for i := range sums {
		if want := int64(i+1) * 499500; sums[i].Load() != want {
			t.Errorf("branch %d: %d, want %d", i, sums[i].Load(), want)
		}
	}
}
