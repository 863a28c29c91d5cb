package operators_test

import (
	"fmt"
	"math"
	"time"

	"github.com/ckpt-tool/ckpt/restore/engine"
	"github.com/ckpt-tool/ckpt/restore/operators"
)

// windowModel is what windows emit, told anew from all records that were taken.
type windowModel struct {
	o       operators.WindowOptions
	now     int64
	windows map[string]map[[2]int64]*modelWindow // by key
	out     []string
	late    int
}

type modelWindow struct {
	sum, count, since int64
	next              int64 // when it emits early; NoTime for never
}

func (m *windowModel) emit(key string, w [2]int64, s *modelWindow) {
	m.out = append(m.out, fmt.Sprintf("%d %s %d %d %d %d", w[1]-1, key, w[0], w[1], s.sum, s.count))
	s.since = 0
}

func floorDiv(a, b int64) int64 { return int64(math.Floor(float64(a) / float64(b))) }

func (m *windowModel) assign(ts int64) (all [][2]int64) {
	w := &m.o.Windows
	if gap := w.Session.Milliseconds(); gap > 0 {
		return [][2]int64{{ts, ts + gap}}
	}
	size, slide, offset := (w.Tumbling + w.Sliding).Milliseconds(), (w.Tumbling + w.Slide).Milliseconds(), w.Offset.Milliseconds()
	for k := floorDiv(ts-size-offset, slide) - 1; k*slide+offset <= ts; k++ {
		if start := k*slide + offset; start <= ts && ts < start+size {
			all = append(all, [2]int64{start, start + size})
		}
	}
	return all
}

func (m *windowModel) lateness() int64 { return m.o.Lateness.Milliseconds() }

// add takes a record.
func (m *windowModel) add(key string, ts, n int64) {
	if m.windows[key] == nil {
		m.windows[key] = map[[2]int64]*modelWindow{}
	}
	of, taken := m.windows[key], false
	for _, w := range m.assign(ts) {
		state := &modelWindow{next: engine.NoTime}
		fresh := true
		if m.o.Windows.Session > 0 {
			united := [][2]int64{}
			for o := range of {
				if o[0] <= w[1] && w[0] <= o[1] {
					united = append(united, o)
				}
			}
			whole := w
			for _, o := range united {
				whole = [2]int64{min(whole[0], o[0]), max(whole[1], o[1])}
			}
			fresh = len(united) != 1 || whole != united[0]
			if !m.isLate(whole) {
				for _, o := range united {
					state.sum, state.count, state.since, state.next = state.sum+of[o].sum, state.count+of[o].count, state.since+of[o].since, of[o].next
					delete(of, o)
				}
				of[whole] = state
			}
			w = whole
		}
		if m.isLate(w) {
			continue
		}
		taken = true
		if old := of[w]; old != nil {
			state, fresh = old, fresh && m.o.Windows.Session > 0
		} else {
			of[w] = state
		}
		state.sum, state.count, state.since = state.sum+n, state.count+1, state.since+1
		if fresh {
			state.next = m.early(w)
		}
		count := m.o.Trigger.Count
		if w[1]-1 <= m.now && !m.o.ProcessingTime || count > 0 && state.since >= count {
			m.emit(key, w, state)
		}
	}
	if !taken && ts+m.lateness() <= m.now {
		m.late++
	}
}

func (m *windowModel) isLate(w [2]int64) bool {
	return !m.o.ProcessingTime && w[1]-1+m.lateness() <= m.now
}

// early is the first multiple of every that is in the window, and after its start and now.
func (m *windowModel) early(w [2]int64) int64 {
	every := m.o.Trigger.Every.Milliseconds()
	if every == 0 {
		return engine.NoTime
	}
	if next := (floorDiv(max(w[0], m.now), every) + 1) * every; next < w[1]-1 {
		return next
	}
	return engine.NoTime
}

// advance lets time pass to ts.
func (m *windowModel) advance(ts int64) {
	if ts <= m.now {
		return
	}
	before := m.now
	m.now = ts
	for key, of := range m.windows {
		for w, s := range of {
			if s.next != engine.NoTime && s.next <= ts {
				if w[1]-1 > ts {
					m.emit(key, w, s)
				}
				s.next = m.early(w)
			}
			if w[1]-1 <= ts && w[1]-1 > before {
				m.emit(key, w, s)
			}
			if w[1]-1+m.lateness() <= ts {
				delete(of, w)
			}
		}
	}
}

// modelWindows is what the model makes of steps.
func modelWindows(o operators.WindowOptions, steps []step, delay time.Duration) *windowModel {
	m := &windowModel{o: o, now: engine.NoTime, windows: map[string]map[[2]int64]*modelWindow{}}
	highest := int64(math.MinInt64)
	for _, s := range steps {
		for _, r := range s.rows {
			m.add(r.values[0].(string), r.at.(int64), r.values[1].(int64))
			highest = max(highest, r.at.(int64))
		}
		m.advance(highest - delay.Milliseconds() - 1)
	}
	m.advance(math.MaxInt64)
	return m
}

// advanceClock lets the clock go to ms. Timers fire a millisecond after their time, so that nothing of it is missing.
func (m *windowModel) advanceClock(ms int64) {
	before := m.now
	m.now = ms
	for key, of := range m.windows {
		for w, s := range of {
			if s.next != engine.NoTime && s.next < ms {
				if w[1]-1 >= ms {
					m.emit(key, w, s)
				}
				s.next = m.early(w)
			}
			if w[1]-1 < ms && w[1] > before-1 {
				m.emit(key, w, s)
				delete(of, w)
			}
		}
	}
}
