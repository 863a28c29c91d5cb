package operators_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/restore/engine"
	"github.com/ckpt-tool/ckpt/restore/operators"
	"pgregory.net/rapid"
)

// clicks are the records of windows: the columns of the source are at, side, key, n.
var clicks = engine.NewSchema(engine.Column{Name: "key", Kind: engine.String}, engine.Column{Name: "n", Kind: engine.Long})

// sums are the aggregates of windows: a sum and a count.
var sums = []operators.Aggregation{{Name: "sum", Func: operators.Sum, Expr: column{3, engine.Long}}, {Name: "count", Func: operators.Count}}

func windowTrial(o operators.WindowOptions, steps []step) *trial {
	o.Key, o.Aggregates = []string{"key"}, sums
	return &trial{schema: clicks, steps: steps, noTime: o.ProcessingTime, build: func(src *engine.Stream, p *probe) (*engine.Stream, error) {
		out, create, err := operators.Window(src.Schema(), o)
		if err != nil {
			return nil, err
		}
		return src.KeyBy("key").Process("window", out, p.watch(create)), nil
	}}
}

// at is steps of one record each, of one key, at these times in milliseconds.
func at(times ...int64) (steps []step) {
	for _, ts := range times {
		steps = append(steps, click(ts, "a", 1))
	}
	return steps
}

func click(ts int64, key string, n int64) step {
	return step{rows: []row{{at: ts, values: []any{key, n}}}}
}

// What is emitted, in its order: the time, the key, start and end of the window, sum and count.
func TestWindows(t *testing.T) {
	ms := time.Millisecond
	tumbling := operators.Windows{Tumbling: 10 * ms}
	for _, c := range []struct {
		name  string
		o     operators.WindowOptions
		steps []step
		want  string
	}{
		{"a window ends when the watermark is at its last millisecond", operators.WindowOptions{Windows: tumbling}, at(1, 9, 10), "9 a 0 10 2 2; 19 a 10 20 1 1"},
		{"before 1970", operators.WindowOptions{Windows: tumbling}, at(-1, -10, -11), "-1 a -10 0 2 2"},
		{"an offset", operators.WindowOptions{Windows: operators.Windows{Tumbling: 10 * ms, Offset: 3 * ms}}, at(2, 3), "2 a -7 3 1 1; 12 a 3 13 1 1"},
		{"an offset below zero", operators.WindowOptions{Windows: operators.Windows{Tumbling: 10 * ms, Offset: -3 * ms}}, at(6, 7), "6 a -3 7 1 1; 16 a 7 17 1 1"},
		{"late records are dropped", operators.WindowOptions{Windows: tumbling}, at(5, 30, 6, 25), "9 a 0 10 1 1; 39 a 30 40 1 1"},
		{"and not those of a window that is open", operators.WindowOptions{Windows: tumbling}, at(5, 17, 11), "9 a 0 10 1 1; 19 a 10 20 2 2"},
		{"lateness: each late record emits, until the clean-up", operators.WindowOptions{Windows: tumbling, Lateness: 10 * ms}, at(5, 12, 6, 7, 19, 8, 20, 9),
			"9 a 0 10 1 1; 9 a 0 10 2 2; 9 a 0 10 3 3; 9 a 0 10 4 4; 19 a 10 20 2 2; 29 a 20 30 1 1"},
		{"lateness: the first record of a window that has ended", operators.WindowOptions{Windows: tumbling, Lateness: 10 * ms}, at(12, 6, 7), "9 a 0 10 1 1; 9 a 0 10 2 2; 19 a 10 20 1 1"},
		{"sliding", operators.WindowOptions{Windows: operators.Windows{Sliding: 10 * ms, Slide: 5 * ms}}, at(7, 12), "9 a 0 10 1 1; 14 a 5 15 2 2; 19 a 10 20 1 1"},
		{"sliding, with gaps", operators.WindowOptions{Windows: operators.Windows{Sliding: 2 * ms, Slide: 5 * ms}}, at(0, 1, 2, 3, 4, 5), "1 a 0 2 2 2; 6 a 5 7 1 1"},
		{"sliding: late for one of two", operators.WindowOptions{Windows: operators.Windows{Sliding: 10 * ms, Slide: 5 * ms}}, at(11, 7), "14 a 5 15 2 2; 19 a 10 20 1 1"},
		{"every", operators.WindowOptions{Windows: tumbling, Trigger: operators.Trigger{Every: 3 * ms}}, at(0, 2, 5, 8, 20),
			"9 a 0 10 3 3; 9 a 0 10 4 4; 9 a 0 10 4 4; 29 a 20 30 1 1"},
		{"count", operators.WindowOptions{Windows: tumbling, Trigger: operators.Trigger{Count: 2}}, at(0, 1, 2, 3, 4), "9 a 0 10 2 2; 9 a 0 10 4 4; 9 a 0 10 5 5"},
		{"count since the last time", operators.WindowOptions{Windows: tumbling, Trigger: operators.Trigger{Count: 3, Every: 4 * ms}}, at(0, 1, 5, 6, 7),
			"9 a 0 10 3 3; 9 a 0 10 3 3; 9 a 0 10 5 5"},
		{"sessions", operators.WindowOptions{Windows: operators.Windows{Session: 5 * ms}}, at(0, 4, 9, 15, 30), "13 a 0 14 3 3; 19 a 15 20 1 1; 34 a 30 35 1 1"},
		{"sessions that touch are one", operators.WindowOptions{Windows: operators.Windows{Session: 5 * ms}}, at(0, 5), "9 a 0 10 2 2"},
		{"a late record of no session", operators.WindowOptions{Windows: operators.Windows{Session: 5 * ms}}, at(0, 20, 7, 15, 16), "4 a 0 5 1 1; 24 a 15 25 3 3"},
		{"a late record brings a session back", operators.WindowOptions{Windows: operators.Windows{Session: 5 * ms}, Lateness: 20 * ms}, at(0, 20, 3), "4 a 0 5 1 1; 7 a 0 8 2 2; 24 a 20 25 1 1"},
	} {
		tr := windowTrial(c.o, c.steps)
		got := tr.run(t)
		if text := strings.Join(got.rows, "; "); text != c.want || got.err != nil {
			t.Errorf("%s:\nhave %s\nwant %s (%v)", c.name, text, c.want, got.err)
		}
	}
}

// A record between two sessions makes one of them.
func TestSessionsMerge(t *testing.T) {
	steps := []step{click(0, "a", 1), click(100, "b", 7), click(108, "a", 2), click(104, "a", 4), click(300, "a", 8)}
	tr := windowTrial(operators.WindowOptions{Windows: operators.Windows{Session: 5 * time.Millisecond}}, steps)
	tr.delay = 50 * time.Millisecond
	got := tr.run(t)
	same(t, got.rows, []string{"4 a 0 5 1 1", "104 b 100 105 7 1", "112 a 104 113 6 2", "304 a 300 305 8 1"})
}

// A session that grows leaves nothing of what it was; one that has ended leaves nothing at all.
func TestSessionsLeaveNothing(t *testing.T) {
	o := operators.WindowOptions{Windows: operators.Windows{Session: 5 * time.Millisecond}, Lateness: 9 * time.Millisecond, Trigger: operators.Trigger{Every: 4 * time.Millisecond}}
	tr := windowTrial(o, append(at(1, 3, 6, 8), click(60, "b", 1), click(61, "b", 1)))
	tr.pause = 4 // of a: the end at 12, the clean-up at 21, and 8, the next to emit early
	n := stateEntries(t, tr.run(t).checkpoint)
	if n["window-contents"] != 1 || n["merging-window-set"] != 1 || n["_timer_state/event_window-timers"] != 3 {
		t.Error(n)
	}
	tr.pause = 5 // of b the same, and a is gone
	n = stateEntries(t, tr.run(t).checkpoint)
	if n["window-contents"] != 1 || n["merging-window-set"] != 1 || n["_timer_state/event_window-timers"] != 2 {
		t.Error(n)
	}
}

// windowOptions draws options. Times in milliseconds are small, so that all edges are met.
func windowOptions(t *rapid.T) (o operators.WindowOptions) {
	ms := func(from, to int, what string) time.Duration {
		return time.Duration(rapid.IntRange(from, to).Draw(t, what)) * time.Millisecond
	}
	switch rapid.IntRange(0, 2).Draw(t, "windows") {
	case 0:
		o.Windows.Tumbling = ms(1, 20, "tumbling")
		o.Windows.Offset = ms(1-int(o.Windows.Tumbling.Milliseconds()), int(o.Windows.Tumbling.Milliseconds())-1, "offset")
	case 1:
		o.Windows.Sliding, o.Windows.Slide = ms(1, 20, "sliding"), ms(1, 20, "slide")
		o.Windows.Offset = ms(1-int(o.Windows.Slide.Milliseconds()), int(o.Windows.Slide.Milliseconds())-1, "offset")
	default:
		o.Windows.Session = ms(1, 15, "session")
	}
	if rapid.Bool().Draw(t, "late") {
		o.Lateness = ms(1, 20, "lateness")
	}
	if rapid.Bool().Draw(t, "counting") {
		o.Trigger.Count = rapid.Int64Range(1, 5).Draw(t, "count")
	}
	if rapid.Bool().Draw(t, "early") {
		o.Trigger.Every = ms(1, 12, "every")
	}
	return o
}

var someKeys = rapid.SampledFrom([]string{"a", "b", "c", "ä", ""})

// clickSteps draws steps of records whose times go up, and back by at most disorder.
func clickSteps(t *rapid.T, disorder int64) (steps []step) {
	now := int64(-50)
	for range rapid.IntRange(0, 25).Draw(t, "steps") {
		var s step
		for range rapid.IntRange(1, 5).Draw(t, "records") {
			now += rapid.Int64Range(0, 8).Draw(t, "after")
			ts := now - rapid.Int64Range(0, disorder).Draw(t, "back")
			s.rows = append(s.rows, row{at: ts, values: []any{someKeys.Draw(t, "key"), rapid.Int64Range(-5, 5).Draw(t, "n")}})
		}
		steps = append(steps, s)
	}
	return steps
}

// Windows of event time do what the model does, late records included.
func TestWindowsLikeModel(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		o, steps := windowOptions(r), clickSteps(r, 40)
		delay := time.Duration(rapid.IntRange(0, 20).Draw(r, "delay")) * time.Millisecond
		model := modelWindows(o, steps, delay)
		tr := windowTrial(o, steps)
		log := &warnings{}
		tr.delay, tr.parallelism, tr.log = delay, rapid.IntRange(1, 3).Draw(r, "parallelism"), log.logger()
		got := tr.run(t)
		if got.err != nil {
			r.Fatal(got.err)
		}
		same(r, got.rows, model.out)
		if n := log.sum("late records were dropped"); n != int64(model.late) {
			r.Errorf("%d late records; the model has %d", n, model.late)
		}
	})
}

// The same on Pebble, with timers there.
func TestWindowsOnPebble(t *testing.T) {
	gen := rapid.Custom(func(r *rapid.T) *trial {
		o := windowOptions(r)
		tr := windowTrial(o, clickSteps(r, 40))
		tr.delay, tr.parallelism, tr.pebble = 10*time.Millisecond, 2, true
		want := modelWindows(o, tr.steps, tr.delay).out
		tr.check = func(got outcome) { same(t, got.rows, want) }
		return tr
	})
	for seed := range 12 {
		tr := gen.Example(seed)
		tr.check(tr.run(t))
	}
}

// A job that is stopped and resumed at another parallelism emits what one does that is not. Event time begins anew with it,
// so no record is late here, and none emits by the time.
func TestWindowsResume(t *testing.T) {
	gen := rapid.Custom(func(r *rapid.T) *trial {
		o := windowOptions(r)
		o.Trigger.Every = 0
		tr := windowTrial(o, clickSteps(r, 30))
		tr.delay, tr.parallelism = 30*time.Millisecond, rapid.IntRange(1, 3).Draw(r, "parallelism")
		want := modelWindows(o, tr.steps, tr.delay).out
		tr.check = func(got outcome) { same(t, got.rows, want) }
		return tr
	})
	for seed := range 40 {
		tr := gen.Example(seed)
		if len(tr.steps) < 2 {
			continue
		}
		tr.pebble = seed%8 == 0
		tr.check(tr.twice(t, 1+seed%(len(tr.steps)-1), 1+seed%4))
	}
}

// A window that has ended, and gets one more record after a restart, before event time is there again, emits it.
func TestWindowEndsAgain(t *testing.T) {
	o := operators.WindowOptions{Windows: operators.Windows{Tumbling: 10 * time.Millisecond}, Lateness: 100 * time.Millisecond}
	got := windowTrial(o, at(5, 30, 6, 40)).twice(t, 2, 1)
	want := []string{"9 a 0 10 1 1", "9 a 0 10 2 2", "39 a 30 40 1 1", "49 a 40 50 1 1"}
	same(t, got.rows, want)
}

// A job that resumes with another lateness leaves no window behind that began with the old one.
func TestLatenessChanges(t *testing.T) {
	for _, c := range []struct{ before, after time.Duration }{{0, 10}, {10, 20}, {20, 10}, {10, 5}, {10, 0}} {
		for _, pause := range []int{1, 2} { // the window 0 to 10 is open; it has ended, and is there for late records
			o := operators.WindowOptions{Windows: operators.Windows{Tumbling: 10 * time.Millisecond}, Lateness: c.before * time.Millisecond}
			first := windowTrial(o, at(5, 13, 60, 61))
			first.pause = pause
			one := first.run(t)
			o.Lateness = c.after * time.Millisecond
			second := windowTrial(o, first.steps)
			second.pause, second.restore = 4, restoreOf(t, one.checkpoint)
			two := second.run(t)
			if n := stateEntries(t, two.checkpoint); n["window-contents"] != 1 {
				t.Errorf("lateness %d, then %d, from step %d: %v", c.before, c.after, pause, n)
			}
			same(t, append(one.rows, two.rows...), []string{"9 a 0 10 1 1", "19 a 10 20 1 1"})
		}
	}
}

// Windows of processing time, by a clock that stands until it is set.
func TestProcessingTime(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		o := windowOptions(r)
		o.ProcessingTime, o.Lateness = true, 0
		clock := newFakeClock()
		m := &windowModel{o: o, now: clock.now.UnixMilli(), windows: map[string]map[[2]int64]*modelWindow{}}
		var steps []step
		for range rapid.IntRange(0, 15).Draw(r, "steps") {
			if rapid.Bool().Draw(r, "forward") {
				d := rapid.Int64Range(1, 30).Draw(r, "ms")
				// A record of no account, so that the timers have fired before the next.
				steps = append(steps, step{forward: time.Duration(d) * time.Millisecond, rows: []row{{at: int64(0), values: []any{"sync", int64(0)}}}})
				m.advanceClock(m.now + d)
			}
			var s step
			for range rapid.IntRange(1, 4).Draw(r, "records") {
				key, n := someKeys.Draw(r, "key"), rapid.Int64Range(-5, 5).Draw(r, "n")
				s.rows = append(s.rows, row{at: int64(0), values: []any{key, n}})
				m.add(key, m.now, n)
			}
			steps = append(steps, s)
		}
		tr := windowTrial(o, steps)
		tr.clock = clock
		got := tr.run(t)
		rows := slices.DeleteFunc(got.rows, func(s string) bool { return strings.Contains(s, " sync ") })
		if got.err != nil {
			r.Fatal(got.err)
		}
		same(r, rows, m.out)
	})
}

// A record without an event time is an error, not a window of long ago.
func TestWindowNeedsTime(t *testing.T) {
	tr := windowTrial(operators.WindowOptions{Windows: operators.Windows{Tumbling: time.Second}}, []step{{rows: []row{{values: []any{"a", int64(1)}}}}})
	if got := tr.run(t); got.err == nil || !strings.Contains(got.err.Error(), "without an event time") {
		t.Error(got.err)
	}
	tr = windowTrial(operators.WindowOptions{Windows: operators.Windows{Tumbling: time.Second}}, at(math.MaxInt64-5))
	if got := tr.run(t); got.err == nil || !strings.Contains(got.err.Error(), "is no time for a window") {
		t.Error(got.err)
	}
}

func TestWindowMistakes(t *testing.T) {
	ms := time.Millisecond
	for _, c := range []struct {
		o    operators.WindowOptions
		want string
	}{
		{operators.WindowOptions{}, "want one of tumbling"},
		{operators.WindowOptions{Windows: operators.Windows{Tumbling: ms, Session: ms}}, "want one of tumbling"},
		{operators.WindowOptions{Windows: operators.Windows{Tumbling: -ms}}, "windows of -1ms"},
		{operators.WindowOptions{Windows: operators.Windows{Sliding: ms}}, "a size and a slide"},
		{operators.WindowOptions{Windows: operators.Windows{Tumbling: ms, Slide: ms}}, "a size and a slide"},
		{operators.WindowOptions{Windows: operators.Windows{Session: ms, Offset: ms}}, "sessions have no offset"},
		{operators.WindowOptions{Windows: operators.Windows{Tumbling: time.Microsecond}}, "whole milliseconds"},
		{operators.WindowOptions{Windows: operators.Windows{Tumbling: ms, Offset: ms}}, "an offset of 1ms"},
		{operators.WindowOptions{Windows: operators.Windows{Sliding: time.Hour, Slide: ms}}, "each record would be in 3600000 windows"},
		{operators.WindowOptions{Windows: operators.Windows{Tumbling: ms}, Lateness: -ms}, "below zero"},
		{operators.WindowOptions{Windows: operators.Windows{Tumbling: ms}, Lateness: ms, ProcessingTime: true}, "lateness is of event time"},
		{operators.WindowOptions{Windows: operators.Windows{Tumbling: ms}, Trigger: operators.Trigger{Count: -1}}, "below zero"},
		{operators.WindowOptions{Windows: operators.Windows{Tumbling: ms}, Trigger: operators.Trigger{Every: time.Nanosecond}}, "whole milliseconds"},
		{operators.WindowOptions{Windows: operators.Windows{Tumbling: ms}, Key: []string{"k"}}, `no column "k"`},
		{operators.WindowOptions{Windows: operators.Windows{Tumbling: ms}, Aggregates: []operators.Aggregation{{Name: "key", Func: operators.Count}}}, `two columns "key"`},
		{operators.WindowOptions{Windows: operators.Windows{Tumbling: ms}, Trigger: operators.Trigger{Count: 1}, Aggregates: counts(25)}, "at most 25"},
	} {
		if c.o.Key == nil {
			c.o.Key = []string{"key"}
		}
		if c.o.Aggregates == nil {
			c.o.Aggregates = counts(1)
		}
		if _, _, err := operators.Window(clicks, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v; want %s", c.o, err, c.want)
		}
	}
}

func counts(n int) (all []operators.Aggregation) {
	for i := range n {
		all = append(all, operators.Aggregation{Name: fmt.Sprint("c", i), Func: operators.Count})
	}
	return all
}
