package engine

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// The script: "w0:5" watermark 5 of input 0, "i0" idle, "a0" active. What the valve gives out is "5" for a watermark, "idle", "active".
func playValve(t *testing.T, inputs int, script string) string {
	t.Helper()
	v := newValve(inputs)
	var out []string
	for _, step := range strings.Fields(script) {
		var input int
		var ts int64
		if _, err := fmt.Sscanf(step[1:]+":0", "%d:%d", &input, &ts); err != nil {
			t.Fatal(err)
		}
		said := ""
		if step[0] == 'w' {
			if v.watermark(input, ts) {
				said = fmt.Sprint(v.out)
			}
		} else {
			risen, changed := v.status(input, step[0] == 'i')
			if risen {
				said = fmt.Sprint(v.out)
			}
			if changed {
				said += map[bool]string{true: "idle", false: "active"}[v.idle]
			}
		}
		if said == "" {
			said = "-"
		}
		out = append(out, said)
	}
	return strings.Join(out, " ")
}

func TestValve(t *testing.T) {
	for _, c := range []struct {
		name   string
		inputs int
		script string
		want   string
	}{
		{"one", 1, "w0:1 w0:3 w0:2", "1 3 -"},
		{"the least of two", 2, "w0:5 w1:3 w1:7 w0:6", "- 3 5 6"},
		{"an idle input holds nobody up", 2, "w0:5 i1 w0:6", "- 5 6"},
		{"active again, behind", 2, "w0:5 i1 a1 w1:2 w0:6 w1:6 w0:8 w1:7", "- 5 - - 6 - - 7"},
		{"all idle: what was held up may pass", 2, "w0:5 w1:3 i1 i0", "- 3 5 idle"},
		{"all idle: the least goes last", 2, "w0:5 w1:3 i0 i1", "- 3 - 5idle"},
		{"a watermark of an idle input does not count", 2, "i0 w0:9 w1:4 a0 w0:9", "- - 4 - -"},
		{"idle and active", 1, "i0 i0 a0 w0:1", "idle - active 1"},
		{"the end", 2, "w0:9223372036854775807 w1:3 w1:9223372036854775807", "- 3 9223372036854775807"},
	} {
		if got := playValve(t, c.inputs, c.script); got != c.want {
			t.Errorf("%s: %s\n got %s\nwant %s", c.name, c.script, got, c.want)
		}
	}
}

func TestWatermarker(t *testing.T) {
	s := NewSchema(Column{"at", Timestamp})
	n := &Node{Output: s, Watermarks: &Watermarks{Column: "at", Delay: 10 * time.Millisecond, Idleness: time.Second}}
	w := newWatermarker(n, &Config{WatermarkInterval: 200 * time.Millisecond})
	now := time.Unix(1000, 0)
	a, b := &splitRun{mark: newSplitMark(now)}, &splitRun{mark: newSplitMark(now)}
	splits := []*splitRun{a, b}
	give := func(sp *splitRun, times ...int64) {
		batch := NewBatch(s, 4)
		for _, ts := range times {
			batch.Append(NoTime, ts)
		}
		w.stamp(batch, &sp.mark, now)
		if batch.Time(0) != times[0] {
			t.Fatalf("the event time is %d", batch.Time(0))
		}
		sp.empty = false
	}
	text := func(es []element) string {
		s := ""
		for _, e := range es {
			switch e.kind {
			case watermark:
				s += fmt.Sprint(e.ts, " ")
			case idle:
				s += "idle "
			case active:
				s += "active "
			}
		}
		return strings.TrimSpace(s)
	}
	step := func(name string, after time.Duration, want string) {
		t.Helper()
		now = now.Add(after)
		if got := text(w.next(splits, now, false)); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	give(a, 100, 300, 200)
	step("a split has none yet", 0, "")
	give(b, 150)
	step("too soon", 100*time.Millisecond, "")
	step("the least, less the delay and one", 100*time.Millisecond, "139")
	give(b, 500)
	step("the other is the least now", time.Second, "289")
	a.empty = true
	step("a is idle", time.Second, "489")
	give(a, 310)
	step("a is behind: event time does not go back", time.Second, "")
	a.empty, b.empty = true, true
	step("all are idle", 2*time.Second, "idle")
	step("still", 2*time.Second, "")
	if !w.due(now).IsZero() {
		t.Error("an idle source is waked for watermarks")
	}
	if !w.resume() || w.resume() {
		t.Error("resume")
	}
	a.finished, b.finished = true, true
	if got := text(w.next(splits, now, true)); got != "9223372036854775807" {
		t.Errorf("the end: %s", got)
	}
}

// Without a strategy, event time ends with the source, and that is all.
func TestNoWatermarks(t *testing.T) {
	w := newWatermarker(&Node{Output: NewSchema()}, &Config{WatermarkInterval: 1})
	if es := w.next(nil, time.Unix(1, 0), false); es != nil {
		t.Errorf("%v", es)
	}
	if es := w.next(nil, time.Unix(1, 0), true); len(es) != 1 || es[0].ts != MaxWatermark {
		t.Errorf("%v", es)
	}
}

func TestRestartStrategies(t *testing.T) {
	at := func(seconds float64) time.Time {
		return time.Unix(1000, 0).Add(time.Duration(seconds * float64(time.Second)))
	}
	exponential := func() *ExponentialDelay {
		s := NewExponentialDelay()
		s.Jitter = 0
		return s
	}
	limited := exponential()
	limited.Attempts = 2
	for _, c := range []struct {
		name     string
		strategy RestartStrategy
		failures []float64
		want     string
	}{
		{"none", NoRestart{}, []float64{0}, "fail"},
		{"fixed", &FixedDelay{Attempts: 2, Delay: time.Second}, []float64{0, 9, 99}, "1s 1s fail"},
		{"rate", &FailureRate{Max: 2, Interval: time.Minute, Delay: time.Second}, []float64{0, 50, 61, 70}, "1s 1s 1s fail"},
		{"rate, quiet", &FailureRate{Max: 1, Interval: time.Minute}, []float64{0, 61, 200, 210}, "0s 0s 0s fail"},
		{"exponential", exponential(), []float64{0, 2, 4, 7, 11, 17}, "1s 1.5s 2.25s 3.375s 5.0625s 7.59375s"},
		{"exponential, at most", &ExponentialDelay{Initial: time.Second, Max: 3 * time.Second, Multiplier: 2, Reset: time.Hour}, []float64{0, 1, 2, 3}, "1s 2s 3s 3s"},
		{"exponential, reset", exponential(), []float64{0, 2, 3605, 3700}, "1s 1.5s 1s 1.5s"},
		{"exponential, attempts", limited, []float64{0, 2, 4}, "1s 1.5s fail"},
	} {
		var got []string
		for _, f := range c.failures {
			d, again := c.strategy.Failed(at(f), errors.New("x"))
			if again {
				got = append(got, d.String())
			} else {
				got = append(got, "fail")
			}
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: %s, want %s", c.name, s, c.want)
		}
		if c.strategy.String() == "" {
			t.Errorf("%s has no name", c.name)
		}
	}
}

func TestJitter(t *testing.T) {
	for random, want := range map[float64]time.Duration{0: 9 * time.Second, 0.5: 10 * time.Second, 0.75: 10500 * time.Millisecond} {
		s := &ExponentialDelay{Initial: time.Second, Max: time.Minute, Multiplier: 10, Reset: time.Hour, Jitter: 0.1, Random: func() float64 { return random }}
		s.Failed(time.Unix(0, 0), nil)
		if d, _ := s.Failed(time.Unix(2, 0), nil); d != want {
			t.Errorf("%v: %s, want %s", random, d, want)
		}
	}
}
