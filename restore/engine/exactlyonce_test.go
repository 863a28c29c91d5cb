package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/pebble"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/restore/coordinator"
	"github.com/ckpt-tool/ckpt/restore/engine"
	"pgregory.net/rapid"
)

// trouble makes operators fail now and then, up to a number of times.
type trouble struct {
	left atomic.Int64
	odds int // one in so many calls
}

func (f *trouble) maybe(where string) error {
	if f == nil || rand.IntN(f.odds) != 0 || f.left.Add(-1) < 0 {
		return nil
	}
	if rand.IntN(3) == 0 {
		panic("injected in " + where)
	}
	return fmt.Errorf("%w in %s", errInjected, where)
}

// windowSize is in milliseconds of event time.
const windowSize = 50

var windows = engine.NewSchema(engine.Column{Name: "key", Kind: engine.String}, engine.Column{Name: "window", Kind: engine.Long},
	engine.Column{Name: "count", Kind: engine.Long})

// windowing counts by key in windows of event time: a map by window, and a timer at the end of each.
func windowing(f *trouble) func() engine.Operator {
	return func() engine.Operator {
		var counts backends.MapState
		var timers engine.Timers
		var key engine.Context
		fire := func(ft engine.FiredTimer, out *engine.Output) error {
			if err := f.maybe("timer"); err != nil {
				return err
			}
			start := ft.Time + 1 - windowSize
			n, ok, err := counts.Get(start)
			if err != nil || !ok {
				return errors.Join(err, fmt.Errorf("window %d: there %v", start, ok))
			}
			k, err := key.Keyed.CurrentKey()
			if err != nil {
				return err
			}
			if err := out.Row(ft.Time, k, start, n); err != nil {
				return err
			}
			return counts.Remove(start)
		}
		return &engine.ProcessFunc{
			OnOpen: func(c *engine.Context) (err error) {
				key = *c
				if counts, err = engine.MapOf(c, "counts", engine.Long.Type(), engine.Long.Type()); err != nil {
					return err
				}
				timers, err = c.Timers("windows", nil, fire)
				return err
			},
			OnRecord: func(r engine.Record, _ *engine.Output) error {
				if err := f.maybe("record"); err != nil {
					return err
				}
				if r.Time() <= timers.CurrentWatermark() {
					return fmt.Errorf("late: %d at %d", r.Time(), timers.CurrentWatermark())
				}
				start := r.Time() / windowSize * windowSize
				v, _, err := counts.Get(start)
				if err != nil {
					return err
				}
				n, _ := v.(int64)
				if err := counts.Put(start, n+1); err != nil {
					return err
				}
				return timers.RegisterEventTime(nil, start+windowSize-1)
			},
		}
	}
}

// world is where transactions are committed; twice is as good as once.
type world struct {
	mu   sync.Mutex
	done map[string][]string
}

func (w *world) commit(id string, rows []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.done == nil {
		w.done = map[string][]string{}
	}
	w.done[id] = rows
}

func (w *world) rows() (all []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, rows := range w.done {
		all = append(all, rows...)
	}
	slices.Sort(all)
	return all
}

// committer is a sink with two phases.
type committer struct {
	world   *world
	trouble *trouble
	context *engine.Context
	rows    []string
	staged  []transaction
	state   backends.OperatorListState
}

type transaction struct {
	checkpoint int64
	id         string
	rows       []string
}

func (s *committer) Open(c *engine.Context) error {
	s.context = c
	typ, err := types.ParseSpec("Tuple<Long, String, String>")
	if err != nil {
		return err
	}
	if s.state, err = c.State.List(&backends.OperatorDescriptor{Name: "staged", Value: typ}); err != nil {
		return err
	}
	for _, v := range s.state.Get() {
		f := v.([]any)
		s.world.commit(f[1].(string), strings.Split(f[2].(string), "\n"))
	}
	return nil
}

func (s *committer) Process(_ int, b *engine.Batch, _ *engine.Output) error {
	if err := s.trouble.maybe("sink"); err != nil {
		return err
	}
	for i := range b.N {
		s.rows = append(s.rows, fmt.Sprintf("%s %d %d", b.Value(0, i), b.Value(1, i), b.Value(2, i)))
	}
	return nil
}

func (s *committer) Snapshot(id int64) error {
	if err := s.trouble.maybe("snapshot"); err != nil {
		return err
	}
	if len(s.rows) > 0 {
		s.staged = append(s.staged, transaction{id, fmt.Sprintf("%d-%d-%d", id, s.context.Subtask, rand.Int64()), s.rows})
		s.rows = nil
	}
	var all []any
	for _, t := range s.staged {
		all = append(all, []any{t.checkpoint, t.id, strings.Join(t.rows, "\n")})
	}
	return s.state.Update(all)
}

func (s *committer) CheckpointCompleted(id int64) error {
	if err := s.trouble.maybe("commit"); err != nil {
		return err
	}
	left := s.staged[:0]
	for _, t := range s.staged {
		if t.checkpoint <= id {
			s.world.commit(t.id, t.rows)
		} else {
			left = append(left, t)
		}
	}
	s.staged = left
	return nil
}

func (s *committer) CheckpointAborted(int64) error { return nil }
func (s *committer) NeedsFinalCheckpoint() bool    { return true }
func (s *committer) Close() error                  { return nil }

func windowJob(s engine.Source, w *world, f *trouble, parallelism int) *engine.Job {
	j := engine.NewJob("windows")
	j.Parallelism, j.MaxParallelism = parallelism, 16
	in := j.Source("numbers", s)
	in.Node().Watermarks = &engine.Watermarks{Column: "at"}
	in.KeyBy("key").Process("windows", windows, windowing(f)).
		Sink("out", engine.ExactlyOnce, func() engine.Operator { return &committer{world: w, trouble: f} })
	return j
}

func wantWindows(n, keys int64) (all []string) {
	counts := map[string]int64{}
	for i := range n {
		counts[fmt.Sprintf("key-%d %d", i%keys, i/windowSize*windowSize)]++
	}
	for k, c := range counts {
		all = append(all, fmt.Sprintf("%s %d", k, c))
	}
	slices.Sort(all)
	return all
}

// A job that fails and is stopped and goes on at other parallelisms, from checkpoints and savepoints of all kinds, gives each
// window once, with the right count.
func TestExactlyOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, keys := int64(1500), rapid.Int64Range(1, 40).Draw(t, "keys")
		s := &sequence{n: n, keys: keys, splits: rapid.Int64Range(1, 5).Draw(t, "splits")}
		s.pace = func(int64) error {
			time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond)
			return nil
		}
		w := &world{}
		f := &trouble{odds: rapid.SampledFrom([]int{50, 300, 2000}).Draw(t, "odds")}
		f.left.Store(rapid.Int64Range(0, 4).Draw(t, "failures"))
		conf := config()
		if rapid.IntRange(0, 4).Draw(t, "pebble") == 0 {
			onPebble := pebble.New(pebble.Options{Memory: 8 << 20})
			defer func() {
				if err := onPebble.Close(); err != nil {
					t.Error(err)
				}
			}()
			conf.StateBackend = engine.StateBackend{Name: "pebble", Open: onPebble.OpenStore, NeedsDir: true}
		}
		conf.LocalRecovery = rapid.Bool().Draw(t, "local recovery")
		store := &memory{}
		if rapid.Bool().Draw(t, "store faults") {
			var faults atomic.Int64
			store.fault = func(what string) error {
				if rand.IntN(20) == 0 && faults.Add(1) < 30 {
					return fmt.Errorf("%w in the storage: %s", errInjected, what)
				}
				return nil
			}
		}
		conf.Storage = store
		conf.Checkpointing.Interval = rapid.SampledFrom([]time.Duration{time.Millisecond, 3 * time.Millisecond}).Draw(t, "interval")
		conf.Checkpointing.MaxConcurrent = rapid.IntRange(1, 3).Draw(t, "concurrent")
		conf.Checkpointing.TolerableFailures = -1
		conf.BatchSize, conf.WatermarkInterval = 16, time.Millisecond
		conf.BufferTimeout = time.Millisecond
		ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
		defer cancel()
		for range rapid.IntRange(0, 4).Draw(t, "stops") {
			conf.Restart = &engine.FixedDelay{Attempts: 100}
			p := rapid.IntRange(1, 5).Draw(t, "parallelism")
			how := rapid.SampledFrom([]string{"checkpoint", "savepoint", "native", "stop"}).Draw(t, "how")
			wait := time.Duration(rapid.IntRange(0, 15).Draw(t, "milliseconds")) * time.Millisecond
			over := runFor(ctx, t, windowJob(s, w, f, p), conf, how, wait)
			if last := store.last(); last != nil {
				conf.Restore = &engine.Restore{Checkpoint: last, Files: inMemory{}}
			}
			if over {
				break
			}
		}
		conf.Restart = &engine.FixedDelay{Attempts: 100}
		r, err := engine.Run(ctx, windowJob(s, w, f, rapid.IntRange(1, 5).Draw(t, "last parallelism")), conf)
		if err != nil || r.Status != coordinator.Finished {
			t.Fatalf("%+v %v", r, err)
		}
		if got, want := w.rows(), wantWindows(n, keys); !slices.Equal(got, want) {
			t.Fatalf("%d windows, want %d: %s", len(got), len(want), firstDifference(got, want))
		}
	})
}

func firstDifference(got, want []string) string {
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			return fmt.Sprintf("%q, want %q", got[min(i, len(got)):min(i+3, len(got))], want[min(i, len(want)):min(i+3, len(want))])
		}
	}
	return ""
}

// runFor runs a job for a while, and takes a snapshot; over tells that the job has ended by itself.
func runFor(ctx context.Context, t fataler, j *engine.Job, conf engine.Config, how string, wait time.Duration) (over bool) {
	e, err := engine.Start(ctx, j, conf)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(wait)
	taken := take(ctx, e, how)
	if how != "stop" || !taken {
		e.Cancel()
	}
	r := e.Wait()
	switch {
	case r.Status == coordinator.Failed:
		t.Fatal(r.Err)
	case how == "stop" && taken && r.Status != coordinator.Finished:
		t.Fatalf("%+v", r)
	}
	return r.Status == coordinator.Finished && (how != "stop" || !taken)
}

// take takes a snapshot, again if it fails; false where the job has ended before.
func take(ctx context.Context, e *engine.Execution, how string) bool {
	for {
		var err error
		switch how {
		case "checkpoint":
			_, err = e.TriggerCheckpoint(ctx)
		case "stop":
			_, err = e.StopWithSavepoint(ctx, "", false)
		default:
			_, err = e.TriggerSavepoint(ctx, "", how == "native")
		}
		var failed *coordinator.CheckpointError
		if !errors.As(err, &failed) {
			return err == nil
		}
		select {
		case <-e.Done():
			return false
		default:
		}
	}
}

// fataler is a *testing.T or a *rapid.T.
type fataler interface {
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// Stops of a job that fails all the time, with a storage that does, come to an end.
func TestStopsWhileFailing(t *testing.T) {
	for range 60 {
		s := &sequence{n: 1500, keys: 30, splits: 3, pace: func(int64) error {
			time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond)
			return nil
		}}
		f := &trouble{odds: 50}
		f.left.Store(4)
		var faults atomic.Int64
		conf := config()
		conf.Storage = &memory{fault: func(what string) error {
			if rand.IntN(20) == 0 && faults.Add(1) < 30 {
				return fmt.Errorf("%w in the storage: %s", errInjected, what)
			}
			return nil
		}}
		conf.Checkpointing.Interval, conf.Checkpointing.MaxConcurrent = 3*time.Millisecond, rand.IntN(3)+1
		conf.Checkpointing.TolerableFailures = -1
		conf.BatchSize, conf.Restart = 16, &engine.FixedDelay{Attempts: 100}
		ctx := within(t)
		runFor(ctx, t, windowJob(s, &world{}, f, rand.IntN(4)+1), conf, "stop", time.Duration(rand.IntN(15))*time.Millisecond)
		if ctx.Err() != nil {
			t.Fatal("the job did not come to an end")
		}
	}
}
