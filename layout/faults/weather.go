package faults

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// Weather is how often storage fails, in calls of a thousand.
type Weather struct {
	// Of changes: see Outcome.
	Refused, Lost, Half, Lied int
	// Unread are looks (List, Children, Stat, Open) that fail.
	Unread int
	// Short are bodies that break off, Silent those that just end too early.
	Short, Silent int
	// Late are calls that answer up to Lateness later.
	Late     int
	Lateness time.Duration
	// Spare is which changes must not come to an outcome; nil: none.
	Spare func(op, url string, o Outcome) bool
}

// Plan is a plan by the dice of a seed. The same seed throws the same dice; which call gets which throw is as the goroutines of the
// program go.
func (w Weather) Plan(seed uint64) *Plan {
	d := &dice{random: rand.New(rand.NewPCG(seed, 0x77656174686572))}
	unread := func(string) error {
		if d.hits(w.Unread) {
			return fmt.Errorf("%w (seed %d)", ErrInjected, seed)
		}
		return nil
	}
	return &Plan{
		Err:       fmt.Errorf("%w (seed %d)", ErrInjected, seed),
		Outcome:   func(op, url string) Outcome { return w.outcome(d, op, url) },
		OpenErr:   unread,
		StatErr:   unread,
		ListErrOf: unread,
		ReadAfter: func(string) int64 {
			if d.hits(w.Short) {
				return int64(d.below(64 << 10))
			}
			return -1
		},
		ReadErr: fmt.Errorf("%w (seed %d)", ErrInjected, seed),
		SilentAfter: func(string) int64 {
			if d.hits(w.Silent) {
				return int64(d.below(1 << 10))
			}
			return -1
		},
		DelayOf: func() time.Duration {
			if d.hits(w.Late) {
				return time.Duration(d.below(int(w.Lateness) + 1))
			}
			return 0
		},
	}
}

// outcome throws for a change.
func (w *Weather) outcome(d *dice, op, url string) Outcome {
	throw := d.below(1000)
	for _, o := range []struct {
		of int
		is Outcome
	}{{w.Refused, Refused}, {w.Lost, Lost}, {w.Half, Half}, {w.Lied, Lied}} {
		if throw < o.of {
			if w.Spare != nil && w.Spare(op, url, o.is) {
				return Done
			}
			return o.is
		}
		throw -= o.of
	}
	return Done
}

// dice may be thrown by many.
type dice struct {
	mu     sync.Mutex
	random *rand.Rand
}

func (d *dice) below(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.random.IntN(n)
}

// hits is true so many times of a thousand.
func (d *dice) hits(n int) bool { return d.below(1000) < n }
