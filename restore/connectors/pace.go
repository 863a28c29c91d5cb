package connectors

import (
	"math"
	"time"

	"github.com/ckpt-tool/ckpt/restore/engine"
)

const (
	// paceNap is the shortest wait, so that records still come in batches.
	paceNap = 5 * time.Millisecond
	// paceBurst is how much of what was missed, while nobody read, is made up for.
	paceBurst = time.Second
)

// pacer holds a split to its share of a source's rate (Flink: RateLimiterStrategy.perSecond). The splits take turns: record j of split k of s comes at
// (j*s+k)/rate seconds after the opening, so that together they are even, and in order where they were opened together.
type pacer struct {
	clock engine.Clock
	start time.Time
	gap   float64 // nanoseconds between two records of the split; 0: no limit
	given float64 // records that count as given since start
	stop  func() bool
}

func newPacer(rate float64, k int64, splits int, clock engine.Clock) pacer {
	if rate <= 0 {
		return pacer{}
	}
	offset := time.Duration(min(float64(k)*1e9/rate, math.MaxInt64/4))
	return pacer{clock: clock, start: clock.Now().Add(offset), gap: float64(splits) * 1e9 / rate}
}

// allow is how many of n records may come now.
func (p *pacer) allow(n int) int {
	if p.gap == 0 {
		return n
	}
	since := float64(p.clock.Now().Sub(p.start))
	if since < 0 {
		return 0
	}
	due := math.Floor(since/p.gap) + 1 - p.given
	if most := max(1, math.Floor(float64(paceBurst)/p.gap)); due > most {
		p.given += due - most
		due = most
	}
	return int(max(0, min(due, float64(n))))
}

func (p *pacer) took(n int) { p.given += float64(n) }

// wait is closed when the next record is due.
func (p *pacer) wait() <-chan struct{} {
	if p.gap == 0 {
		return nil
	}
	due := p.given*p.gap - float64(p.clock.Now().Sub(p.start))
	p.close()
	c := make(chan struct{})
	nap := max(paceNap, time.Duration(min(due, math.MaxInt64/4))+1)
	p.stop = p.clock.AfterFunc(nap, func() { close(c) })
	return c
}

func (p *pacer) close() {
	if p.stop != nil {
		p.stop()
		p.stop = nil
	}
}
