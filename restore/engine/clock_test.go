package engine_test

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/ckpt-tool/ckpt/restore/engine"
)

// fakeClock stands still until it is set forward.
type fakeClock struct {
	mu     sync.Mutex
	now    time.Time
	timers map[*fakeTimer]bool
}

type fakeTimer struct {
	at time.Time
	f  func()
}

func newFakeClock() *fakeClock {
	return &fakeClock{now: time.UnixMilli(1_000_000), timers: map[*fakeTimer]bool{}}
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &fakeTimer{c.now.Add(d), f}
	if d <= 0 {
		go f()
		return func() bool { return false }
	}
	c.timers[t] = true
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		there := c.timers[t]
		delete(c.timers, t)
		return there
	}
}

// forward lets time pass, and calls what is due.
func (c *fakeClock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	for t := range c.timers {
		if !t.at.After(c.now) {
			delete(c.timers, t)
			go t.f()
		}
	}
}

// eagerClock counts how often it is to call at once.
type eagerClock struct {
	engine.MachineClock
	atOnce atomic.Int64
}

func (c *eagerClock) AfterFunc(d time.Duration, f func()) (stop func() bool) {
	if d <= 0 {
		c.atOnce.Add(1)
	}
	return c.MachineClock.AfterFunc(d, f)
}
