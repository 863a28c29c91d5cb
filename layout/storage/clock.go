package storage

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// clock is the time of a store, by the Date of its newest answer.
type clock struct {
	mu   sync.Mutex
	date time.Time
	at   time.Time // when it came, by this machine's steady clock
	slow bool      // it took so long to come that it says little
}

// freshClock is how long an answer tells the time: this machine may sleep, during which
// its steady clock stands still.
const freshClock = time.Minute

// slowClock is how late an answer may come that tells the time.
const slowClock = time.Second

// hear takes the time from an answer to what was sent then.
func (c *clock) hear(resp *http.Response, sent time.Time) {
	if c == nil || resp == nil {
		return
	}
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	slow := time.Since(sent) > slowClock
	if !slow || c.slow || c.date.IsZero() || time.Since(c.at) > freshClock {
		c.date, c.at, c.slow = date, time.Now(), slow
	}
}

// known is the time, if an answer has told it lately, and whether that came soon.
func (c *clock) known() (now time.Time, ok, soon bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.date.IsZero() || time.Since(c.at) > freshClock {
		return now, false, false
	}
	return c.date.Add(time.Since(c.at)), true, !c.slow
}

// now is the time of the store. Ask sends a request, of which only the Date counts.
func (c *clock) now(ctx context.Context, ask func(context.Context) error) (time.Time, error) {
	now, ok, soon := c.known()
	var err error
	for try := 0; try < 3 && !soon && err == nil; try++ {
		err = ask(ctx)
		now, ok, soon = c.known()
	}
	switch {
	case ok:
		return now, nil
	case err == nil:
		err = &problem{message: "the store does not tell the time"}
	}
	return now, err
}
