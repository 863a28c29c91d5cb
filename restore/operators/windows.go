package operators

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// Windows says which windows a record belongs to (Flink: WindowAssigner). One of the three is set; all are in time since 1970, UTC.
type Windows struct {
	Tumbling time.Duration
	Sliding  time.Duration // size of windows that begin every Slide
	Slide    time.Duration
	Session  time.Duration // gap
	Offset   time.Duration // of the beginnings of Tumbling and Sliding
}

// span is a window: [start, end) in milliseconds since 1970 (Flink: TimeWindow).
type span struct{ start, end int64 }

// last is the highest time within.
func (w span) last() int64 { return w.end - 1 }

// append encodes the window as Flink's TimeWindow.Serializer does.
func (w span) append(dst []byte) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, uint64(w.start)), uint64(w.end))
}

const spanLen = 16

func decodeSpan(b []byte) (span, error) {
	if len(b) != spanLen {
		return span{}, fmt.Errorf("a window of %d bytes, not %d", len(b), spanLen)
	}
	return span{int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:]))}, nil
}

// millis are whole milliseconds, which is what windows count in.
func millis(d time.Duration, what string) (int64, error) {
	if d%time.Millisecond != 0 {
		return 0, fmt.Errorf("%s of %s: want whole milliseconds", what, d)
	}
	return d.Milliseconds(), nil
}

// assigner is Windows, checked.
type assigner struct {
	size, slide, offset, gap int64
}

func (w *Windows) assigner() (a assigner, err error) {
	set := 0
	for _, d := range []time.Duration{w.Tumbling, w.Sliding, w.Session} {
		if d != 0 {
			set++
		}
		if d < 0 {
			return a, fmt.Errorf("windows of %s", d)
		}
	}
	switch {
	case set != 1:
		return a, fmt.Errorf("want one of tumbling, sliding and session windows")
	case (w.Sliding != 0) != (w.Slide != 0) || w.Slide < 0:
		return a, fmt.Errorf("sliding windows need a size and a slide above 0")
	case w.Session != 0 && w.Offset != 0:
		return a, fmt.Errorf("sessions have no offset")
	}
	for _, f := range []struct {
		to   *int64
		d    time.Duration
		what string
	}{{&a.size, w.Tumbling + w.Sliding, "windows"}, {&a.slide, w.Tumbling + w.Slide, "a slide"}, {&a.gap, w.Session, "a gap"}, {&a.offset, w.Offset, "an offset"}} {
		if *f.to, err = millis(f.d, f.what); err != nil {
			return a, err
		}
	}
	if a.gap == 0 && (a.offset <= -a.slide || a.offset >= a.slide) {
		return a, fmt.Errorf("an offset of %s: want less than the windows' distance", w.Offset)
	}
	if a.gap == 0 && a.size/a.slide > maxWindows {
		return a, fmt.Errorf("each record would be in %d windows: at most %d", a.size/a.slide, maxWindows)
	}
	return a, nil
}

// maxWindows is how many windows a record may belong to.
const maxWindows = 100000

// timeBound keeps sums of times within an int64.
const timeBound = math.MaxInt64 / 4

// assign appends the windows of a time, the latest first.
func (a *assigner) assign(dst []span, ts int64) ([]span, error) {
	if ts < -timeBound || ts > timeBound {
		return nil, fmt.Errorf("a time of %d ms since 1970 is no time for a window", ts)
	}
	if a.gap > 0 {
		return append(dst, span{ts, ts + a.gap}), nil
	}
	shift := (ts - a.offset) % a.slide
	if shift < 0 {
		shift += a.slide
	}
	for start := ts - shift; start > ts-a.size; start -= a.slide {
		dst = append(dst, span{start, start + a.size})
	}
	return dst, nil
}
