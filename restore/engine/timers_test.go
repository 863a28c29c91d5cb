package engine_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/restore/engine"
)

// notes gathers what sub-tasks say.
type notes struct {
	mu  sync.Mutex
	all []string
}

func (n *notes) add(s string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, s)
}

func (n *notes) sorted() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := slices.Clone(n.all)
	slices.Sort(all)
	return strings.Join(all, " ")
}

// wait waits until just want was said.
func (n *notes) wait(t *testing.T, want string) {
	t.Helper()
	for range 2000 {
		if n.sorted() == want {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("%q, want %q", n.sorted(), want)
}

// timerJob registers a timer of processing time for each number, (n+1) seconds behind 1,000 s; that of number 2 it takes back. It notes
// which fire, and for which key.
func timerJob(fired *notes, registered *atomic.Int64) *engine.Job {
	j := engine.NewJob("timers")
	j.Source("numbers", &sequence{n: 5, keys: 3, unbounded: true}).KeyBy("key").Process("timers", nil, func() engine.Operator {
		var timers engine.Timers
		f := &engine.ProcessFunc{}
		f.OnOpen = func(c *engine.Context) (err error) {
			timers, err = c.Timers("t", nil, func(f engine.FiredTimer, _ *engine.Output) error {
				k, err := c.Keyed.CurrentKey()
				fired.add(fmt.Sprintf("%v@%d", k, f.Time-1_000_000))
				if f.EventTime {
					return errors.New("not of event time")
				}
				return err
			})
			return err
		}
		f.OnRecord = func(r engine.Record, _ *engine.Output) error {
			defer registered.Add(1)
			n := r.Value(0).(int64)
			if err := timers.RegisterProcessingTime(nil, 1_000_000+(n+1)*1000); err != nil || n != 2 {
				return err
			}
			return timers.DeleteProcessingTime(nil, 1_003_000)
		}
		return f
	})
	return j
}

// Timers of processing time fire with their key, in the goroutine of the task, and survive a restore.
func TestProcessingTimers(t *testing.T) {
	clock, store, fired := newFakeClock(), &memory{}, &notes{}
	var registered atomic.Int64
	conf := config()
	conf.Clock, conf.Storage, conf.BufferTimeout = clock, store, time.Millisecond
	e, err := engine.Start(within(t), timerJob(fired, &registered), conf)
	if err != nil {
		t.Fatal(err)
	}
	for registered.Load() < 5 {
		time.Sleep(time.Millisecond)
	}
	clock.forward(999 * time.Millisecond)
	time.Sleep(10 * time.Millisecond)
	fired.wait(t, "")
	clock.forward(2 * time.Millisecond)
	fired.wait(t, "key-0@1000")
	clock.forward(3 * time.Second)
	fired.wait(t, "key-0@1000 key-0@4000 key-1@2000")
	if _, err := e.TriggerCheckpoint(within(t)); err != nil {
		t.Fatal(err)
	}
	e.Cancel()
	e.Wait()
	clock.forward(time.Hour)
	conf.Restore = &engine.Restore{Checkpoint: store.last(), Files: inMemory{}}
	if e, err = engine.Start(within(t), timerJob(fired, &registered), conf); err != nil {
		t.Fatal(err)
	}
	fired.wait(t, "key-0@1000 key-0@4000 key-1@2000 key-1@5000")
	e.Cancel()
	e.Wait()
}

// A timer that is never to fire keeps nobody busy.
func TestTimerAtTheEndOfTime(t *testing.T) {
	clock, conf := &eagerClock{}, config()
	conf.Clock = clock
	fired, registered := &notes{}, make(chan struct{})
	j := engine.NewJob("never")
	j.Source("numbers", &sequence{n: 1, keys: 1, unbounded: true}).KeyBy("key").Process("timers", nil, func() engine.Operator {
		var timers engine.Timers
		return &engine.ProcessFunc{
			OnOpen: func(c *engine.Context) (err error) {
				timers, err = c.Timers("t", nil, func(engine.FiredTimer, *engine.Output) error { fired.add("fired"); return nil })
				return err
			},
			OnRecord: func(engine.Record, *engine.Output) error {
				defer close(registered)
				return timers.RegisterProcessingTime(nil, math.MaxInt64)
			},
		}
	})
	e, err := engine.Start(within(t), j, conf)
	if err != nil {
		t.Fatal(err)
	}
	<-registered
	time.Sleep(20 * time.Millisecond)
	e.Cancel()
	e.Wait()
	if n := clock.atOnce.Load(); n > 9 || fired.sorted() != "" { // a few may be of others
		t.Errorf("the clock was to call %d times at once; %q", n, fired.sorted())
	}
}
