package coordinator

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"time"
)

// world is a simulation: it owns time, order, and everything that runs. What may take long runs as a coroutine that
// stops at each call of the storage, and goes on when the seed says so.
type world struct {
	seed  uint64
	rng   *rand.Rand
	now   time.Time
	steps int

	timers    []*timer
	runs      []*coroutine // each can go on now
	current   *coroutine
	inbox     map[TaskID][]func() // what the coordinator told a task, in order
	tasks     []*simTask
	messages  []func() // from tasks to the coordinator: they overtake each other
	problems  []string
	tracing   bool
	trace     []string
	nextTimer int

	pace float64 // of time
	disk *disk
	job  *simJob
}

type timer struct {
	at   time.Time
	seq  int
	f    func()
	gone bool
}

// coroutine is a function that stops and goes on.
type coroutine struct {
	name string
	next func() (struct{}, bool)
	stop func()
	give func(struct{}) bool
}

func newWorld(seed uint64) *world {
	w := &world{seed: seed, rng: rand.New(rand.NewPCG(seed, 7)), now: time.Unix(1_000_000, 0), inbox: map[TaskID][]func(){}}
	w.disk = newDisk(w)
	w.pace = []float64{.003, .01, .03}[w.rng.IntN(3)]
	return w
}

func (w *world) chance(p float64) bool { return w.rng.Float64() < p }

func (w *world) fail(format string, args ...any) {
	w.problems = append(w.problems, fmt.Sprintf(format, args...))
}

func (w *world) log(format string, args ...any) {
	if w.tracing {
		w.trace = append(w.trace, fmt.Sprintf("%6d %v ", w.steps, w.now.Sub(time.Unix(1_000_000, 0)))+fmt.Sprintf(format, args...))
	}
}

// Now implements Clock.
func (w *world) Now() time.Time { return w.now }

// AfterFunc implements Clock.
func (w *world) AfterFunc(d time.Duration, f func()) func() bool {
	w.nextTimer++
	t := &timer{at: w.now.Add(d), seq: w.nextTimer, f: f}
	w.timers = append(w.timers, t)
	return func() bool {
		was := !t.gone
		t.gone = true
		return was
	}
}

// Execute implements Executor.
func (w *world) Execute(f func()) { w.spawn("executor", f) }

func (w *world) spawn(name string, f func()) {
	c := &coroutine{name: name}
	c.next, c.stop = iter.Pull(func(yield func(struct{}) bool) {
		c.give = yield
		f()
	})
	w.runs = append(w.runs, c)
}

// pause lets others go first.
func (w *world) pause() {
	if c := w.current; c != nil {
		w.current = nil
		c.give(struct{}{})
		w.current = c
	}
}

// resume lets coroutine i go on.
func (w *world) resume(i int) {
	c := w.runs[i]
	w.runs = slices.Delete(w.runs, i, i+1)
	w.current = c
	_, more := c.next()
	w.current = nil
	if more {
		w.runs = append(w.runs, c)
	}
}

// fire runs the earliest timer. Its time need not have come: then it comes.
func (w *world) fire() bool {
	w.timers = slices.DeleteFunc(w.timers, func(t *timer) bool { return t.gone })
	if len(w.timers) == 0 {
		return false
	}
	t := slices.MinFunc(w.timers, func(a, b *timer) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return a.seq - b.seq
	})
	if t.at.After(w.now) {
		w.now = t.at
	}
	t.gone = true
	t.f()
	return true
}

// step lets one thing happen, and says whether there was one. Timers only fire where time may pass.
func (w *world) step(time bool) bool {
	w.steps++
	var ready []TaskID
	for _, t := range w.tasks {
		if len(w.inbox[t.id]) > 0 {
			ready = append(ready, t.id)
		}
	}
	n := len(w.runs) + len(ready) + len(w.messages)
	if n == 0 || time && w.chance(w.pace) {
		return time && w.fire() || n > 0
	}
	i := w.rng.IntN(n)
	switch {
	case i < len(w.runs):
		w.resume(i)
	case i < len(w.runs)+len(ready):
		id := ready[i-len(w.runs)]
		f := w.inbox[id][0]
		w.inbox[id] = w.inbox[id][1:]
		f()
	default:
		i -= len(w.runs) + len(ready)
		f := w.messages[i]
		w.messages = slices.Delete(w.messages, i, i+1)
		f()
	}
	return true
}

// settle lets everything end that has begun.
func (w *world) settle() {
	for i := 0; w.step(false); i++ {
		if i > 100_000 {
			w.fail("no end")
			return
		}
	}
}
