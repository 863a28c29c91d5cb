package engine

import (
	"math"
	"time"
)

// defaultWatermarkInterval is Flink's pipeline.auto-watermark-interval.
const defaultWatermarkInterval = 200 * time.Millisecond

// watermarker makes watermarks of the event times of splits: the least of those that are not idle (Flink:
// BoundedOutOfOrdernessWatermarks, WatermarksWithIdleness, WatermarkOutputMultiplexer).
type watermarker struct {
	on       bool // else event time ends with the source, and that is all
	column   int
	delay    int64 // in milliseconds, and one more: records of the highest event time may follow
	idleness time.Duration
	interval time.Duration
	after    time.Time // when the next watermark may go out
	out      int64
	idle     bool
}

// splitMark is the event time of one split.
type splitMark struct {
	highest int64     // NoTime before the first
	last    time.Time // when it had records
	idle    bool
}

func newSplitMark(now time.Time) splitMark { return splitMark{highest: NoTime, last: now} }

func newWatermarker(n *Node, c *Config) *watermarker {
	w := &watermarker{out: NoTime, interval: c.WatermarkInterval}
	if m := n.Watermarks; m != nil {
		w.on, w.column, w.idleness = true, n.Output.Index(m.Column), m.Idleness
		w.delay = m.Delay.Milliseconds() + 1
	}
	return w
}

// stamp gives the records of a batch their event times.
func (w *watermarker) stamp(b *Batch, m *splitMark, now time.Time) {
	if !w.on {
		return
	}
	v := &b.Vectors[w.column]
	b.Times, b.spare = append(b.spare, v.Longs...), nil
	highest := m.highest
	for i, ts := range b.Times {
		if v.Nulls != nil && v.Nulls[i] {
			b.Times[i] = NoTime
			continue
		}
		highest = max(highest, ts)
	}
	m.highest, m.last, m.idle = highest, now, false
}

// resume tells whether the source was idle, and is not any more.
func (w *watermarker) resume() bool {
	was := w.idle
	w.idle = false
	return was
}

// next is what to pass on: nothing most of the time. last is at the end of all splits.
func (w *watermarker) next(splits []*splitRun, now time.Time, last bool) (es []element) {
	if last {
		if w.resume() {
			es = append(es, element{kind: active})
		}
		return append(es, element{kind: watermark, ts: MaxWatermark})
	}
	if !w.on || w.idle || now.Before(w.after) {
		return nil
	}
	w.after = now.Add(w.interval)
	ts, all := w.least(splits, now)
	if ts > w.out {
		w.out = ts
		es = append(es, element{kind: watermark, ts: ts})
	}
	if all {
		w.idle = true
		es = append(es, element{kind: idle})
	}
	return es
}

// least is the watermark of the splits that are not idle; where all are, the highest of all.
func (w *watermarker) least(splits []*splitRun, now time.Time) (ts int64, allIdle bool) {
	least, highest, allIdle := int64(math.MaxInt64), int64(NoTime), true
	for _, sp := range splits {
		if sp.finished {
			continue
		}
		m := &sp.mark
		if sp.empty && w.idleness > 0 && now.Sub(m.last) >= w.idleness {
			m.idle = true
		}
		highest = max(highest, w.of(m))
		if !m.idle {
			allIdle, least = false, min(least, w.of(m))
		}
	}
	if allIdle {
		return highest, true
	}
	return least, false
}

// of is the watermark of one split.
func (w *watermarker) of(m *splitMark) int64 {
	if m.highest < math.MinInt64+w.delay {
		return NoTime
	}
	return m.highest - w.delay
}

// due is when to look again though no records come; zero for never.
func (w *watermarker) due(now time.Time) time.Time {
	switch {
	case !w.on || w.idle:
		return time.Time{}
	case w.after.After(now):
		return w.after
	}
	return now.Add(w.interval)
}
