package operators_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/restore/engine"
	"github.com/ckpt-tool/ckpt/restore/operators"
	"pgregory.net/rapid"
)

func deduplicateTrial(o operators.DeduplicateOptions, steps []step) *trial {
	o.Key = []string{"key"}
	return &trial{schema: clicks, steps: steps, build: func(src *engine.Stream, p *probe) (*engine.Stream, error) {
		out, create, err := operators.Deduplicate(src.Schema(), o)
		if err != nil {
			return nil, err
		}
		return src.KeyBy("key").Process("deduplicate", out, p.watch(create)), nil
	}}
}

// text is a record of the source as the sink has it.
func (r row) text() string {
	at, time := "<nil>", "-"
	if r.at != nil {
		at, time = fmt.Sprint(r.at), fmt.Sprint(r.at)
	}
	text := fmt.Sprint(time, " ", at, " ", r.side)
	for _, v := range r.values {
		text += fmt.Sprint(" ", v)
	}
	return text
}

func modelDeduplicate(last bool, steps []step) (out []string) {
	seen := map[any]int64{}
	for _, s := range steps {
		for _, r := range s.rows {
			key, ts := r.values[0], r.at.(int64)
			if before, ok := seen[key]; ok && (!last || ts < before) {
				continue
			}
			seen[key] = ts
			out = append(out, r.text())
		}
	}
	return out
}

func TestDeduplicate(t *testing.T) {
	gen := rapid.Custom(func(r *rapid.T) []step { return clickSteps(r, 40) })
	for seed := range 30 {
		steps := gen.Example(seed)
		for _, last := range []bool{false, true} {
			tr := deduplicateTrial(operators.DeduplicateOptions{KeepLast: last}, steps)
			tr.parallelism, tr.pebble = 1+seed%3, seed%10 == 9
			got := tr.run(t)
			same(t, got.rows, modelDeduplicate(last, steps))
			if len(steps) > 1 {
				got = tr.twice(t, 1+seed%(len(steps)-1), 1+seed%4)
				same(t, got.rows, modelDeduplicate(last, steps))
			}
		}
	}
}

func TestDeduplicateTTL(t *testing.T) {
	first := deduplicateTrial(operators.DeduplicateOptions{TTL: time.Second}, []step{click(1, "a", 1), {forward: 600 * time.Millisecond, rows: click(2, "a", 2).rows},
		{forward: 600 * time.Millisecond, rows: click(3, "a", 3).rows}})
	first.clock = newFakeClock() // the second does not prolong the life of the first
	if got := first.run(t); !slices.Equal(got.rows, []string{"1 1 0 a 1", "3 3 0 a 3"}) {
		t.Error(got)
	}
	last := deduplicateTrial(operators.DeduplicateOptions{TTL: time.Second, KeepLast: true}, []step{click(5, "a", 1), {forward: 600 * time.Millisecond, rows: click(6, "a", 2).rows},
		{forward: 600 * time.Millisecond, rows: click(4, "a", 3).rows}, {forward: 500 * time.Millisecond, rows: click(3, "a", 4).rows}})
	last.clock = newFakeClock() // an update does; what is older and dropped does not
	if got := last.run(t); !slices.Equal(got.rows, []string{"5 5 0 a 1", "6 6 0 a 2", "3 3 0 a 4"}) {
		t.Error(got)
	}
	none := deduplicateTrial(operators.DeduplicateOptions{KeepLast: true}, []step{{rows: []row{{values: []any{"a", int64(1)}}}}})
	if got := none.run(t); got.err == nil || !strings.Contains(got.err.Error(), "without an event time") {
		t.Error(got)
	}
	for want, o := range map[string]operators.DeduplicateOptions{"no key": {}, "no column": {Key: []string{"k"}}, "to live": {Key: []string{"key"}, TTL: -1}} {
		if _, _, err := operators.Deduplicate(clicks, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
	}
}

// things have a key, a text that may be null, and bytes.
var things = engine.NewSchema(engine.Column{Name: "key", Kind: engine.Long}, engine.Column{Name: "text", Kind: engine.String}, engine.Column{Name: "b", Kind: engine.Bytes},
	engine.Column{Name: "x", Kind: engine.Double}, engine.Column{Name: "p", Kind: engine.Boolean})

func drawThing(r *rapid.T) []any {
	values := []any{rapid.Int64Range(0, 2).Draw(r, "key"), any(rapid.StringN(0, 5, -1).Draw(r, "text")), []byte(rapid.StringN(0, 3, -1).Draw(r, "bytes")),
		float64(rapid.IntRange(0, 9).Draw(r, "x")), rapid.Bool().Draw(r, "p")}
	for i := range 4 {
		if rapid.IntRange(0, 4).Draw(r, "null") == 0 {
			values[i+1] = nil
		}
	}
	return values
}

// thingSteps draws records of two sides.
func thingSteps(r *rapid.T, disorder int64) (steps []step) {
	now := int64(0)
	for range rapid.IntRange(2, 20).Draw(r, "steps") {
		var s step
		for range rapid.IntRange(1, 6).Draw(r, "records") {
			now += rapid.Int64Range(0, 6).Draw(r, "after")
			ts := now - rapid.Int64Range(0, disorder).Draw(r, "back")
			s.rows = append(s.rows, row{at: ts, side: rapid.Int64Range(0, 1).Draw(r, "side"), values: drawThing(r)})
		}
		steps = append(steps, s)
	}
	return steps
}

func joinTrial(lower, upper time.Duration, steps []step) *trial {
	return &trial{schema: things, steps: steps, build: func(src *engine.Stream, p *probe) (*engine.Stream, error) {
		o := operators.IntervalJoinOptions{LeftKey: []string{"key"}, RightKey: []string{"key"}, LeftPrefix: "l_", Lower: lower, Upper: upper}
		left, right := side(src, 0), side(src, 1)
		left.Node().Parallelism, right.Node().Parallelism = 1, 1
		out, create, err := operators.IntervalJoin(left.Schema(), right.Schema(), o)
		if err != nil {
			return nil, err
		}
		return p.job.Process("join", out, p.watch(create), left.KeyBy("key"), right.KeyBy("key")), nil
	}}
}

// modelJoin is all pairs of those that are not late. Of a side late is what is below the watermark behind the step before.
func modelJoin(lower, upper int64, delay int64, steps []step) (out []string, late int64) {
	var sides [2][]row
	highest := int64(engine.NoTime + 1000)
	for _, s := range steps {
		mark := highest - delay - 1
		for _, r := range s.rows {
			if r.at.(int64) < mark {
				late++
				continue
			}
			sides[r.side] = append(sides[r.side], r)
		}
		for _, r := range s.rows {
			highest = max(highest, r.at.(int64))
		}
	}
	for _, l := range sides[0] {
		for _, r := range sides[1] {
			d := r.at.(int64) - l.at.(int64)
			if l.values[0] == r.values[0] && lower <= d && d <= upper {
				out = append(out, fmt.Sprint(max(l.at.(int64), r.at.(int64)), columnsOf(l), columnsOf(r)))
			}
		}
	}
	return out, late
}

// columnsOf are the values of a record of the source.
func columnsOf(r row) string {
	_, columns, _ := strings.Cut(r.text(), " ")
	return " " + columns
}

func TestIntervalJoinLikeModel(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		a, b := rapid.Int64Range(-20, 20).Draw(r, "a"), rapid.Int64Range(-20, 20).Draw(r, "b")
		lower, upper, delay := min(a, b), max(a, b), rapid.Int64Range(0, 20).Draw(r, "delay")
		steps := thingSteps(r, 30)
		tr := joinTrial(time.Duration(lower)*time.Millisecond, time.Duration(upper)*time.Millisecond, steps)
		log := &warnings{}
		tr.delay, tr.parallelism, tr.log = time.Duration(delay)*time.Millisecond, rapid.IntRange(1, 3).Draw(r, "parallelism"), log.logger()
		want, late := modelJoin(lower, upper, delay, steps)
		got := tr.run(t)
		if got.err != nil {
			r.Fatal(got.err)
		}
		same(r, got.rows, want)
		if n := log.sum("late records were dropped"); n != late {
			r.Errorf("%d late records; the model has %d", n, late)
		}
	})
}

func TestIntervalJoinResumes(t *testing.T) {
	gen := rapid.Custom(func(r *rapid.T) []step { return thingSteps(r, 30) })
	for seed := range 16 {
		steps := gen.Example(seed)
		tr := joinTrial(-9*time.Millisecond, 12*time.Millisecond, steps)
		tr.delay, tr.parallelism, tr.pebble = 40*time.Millisecond, 1+seed%3, seed%4 == 0
		want, late := modelJoin(-9, 12, 40, steps)
		if late > 0 {
			t.Fatal("event time begins anew in the second part, so none may be late")
		}
		same(t, tr.twice(t, 1+seed%(len(steps)-1), 1+seed%4).rows, want)
	}
}

// What no record can belong to any more that is not late leaves the state.
func TestIntervalJoinForgets(t *testing.T) {
	thing := func(ts, side int64) step {
		return step{rows: []row{{at: ts, side: side, values: []any{int64(1), "x", nil, nil, nil}}}}
	}
	tr := joinTrial(-5*time.Millisecond, 10*time.Millisecond, []step{thing(0, 0), thing(2, 1), thing(8, 1), thing(13, 0), thing(14, 0), thing(15, 0)})
	tr.pause = 3 // the watermark is 7: the right at 2 could only meet lefts up to 7
	before := tr.run(t)
	tr.pause = 5 // 13: the left at 0 is gone, as is the right at 2; the right at 8 may meet a left at 13
	after := tr.run(t)
	n, m := stateEntries(t, before.checkpoint), stateEntries(t, after.checkpoint)
	if n["left-buffer"] != 1 || n["right-buffer"] != 2 || m["left-buffer"] != 2 || m["right-buffer"] != 1 {
		t.Error(n, m)
	}
}

func TestIntervalJoinMistakes(t *testing.T) {
	key := []string{"key"}
	for _, c := range []struct {
		o    operators.IntervalJoinOptions
		want string
	}{
		{operators.IntervalJoinOptions{}, "left: no key"},
		{operators.IntervalJoinOptions{LeftKey: key}, "right: no key"},
		{operators.IntervalJoinOptions{LeftKey: key, RightKey: []string{"text"}}, "the column key is BIGINT, and text, which it is to equal, STRING"},
		{operators.IntervalJoinOptions{LeftKey: key, RightKey: []string{"key", "text"}}, "keys of 1 and of 2 columns"},
		{operators.IntervalJoinOptions{LeftKey: key, RightKey: key}, `two columns "key": a prefix`},
		{operators.IntervalJoinOptions{LeftKey: key, RightKey: key, LeftPrefix: "l", Lower: 2, Upper: 1}, "whole milliseconds"},
		{operators.IntervalJoinOptions{LeftKey: key, RightKey: key, LeftPrefix: "l", Lower: time.Second}, "the lower bound 1s is above the upper bound 0s"},
	} {
		if _, _, err := operators.IntervalJoin(things, things, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v; want %s", c.o, err, c.want)
		}
	}
	none := joinTrial(0, 0, []step{{rows: []row{{values: []any{int64(1), nil, nil, nil, nil}}}}})
	if got := none.run(t); got.err == nil || !strings.Contains(got.err.Error(), "without an event time") {
		t.Error(got)
	}
}

// enrichTrial has the input on side 0 and the table on side 1.
func enrichTrial(key []string, drop bool, steps []step) *trial {
	tr := &trial{schema: things, steps: steps, copies: func(side int64, parallelism int) int {
		if side == 1 {
			return parallelism
		}
		return 1
	}}
	tr.build = func(src *engine.Stream, p *probe) (*engine.Stream, error) {
		in, table := side(src, 0), side(src, 1)
		in.Node().Parallelism, table.Node().Parallelism = 1, 1
		out, create, err := operators.Enrich(in.Schema(), table.Schema(), operators.EnrichOptions{By: key, Key: key, Prefix: "t_", DropMissing: drop})
		if err != nil {
			return nil, err
		}
		return p.job.Process("enrich", out, p.watch(create), in, table.Broadcast()), nil
	}
	return tr
}

// modelEnrich knows the table as it is when a record comes. Between the inputs there is no order within a step: its records are of one side.
func modelEnrich(key []int, drop bool, steps []step) (out []string) {
	table := map[string]row{}
	keyOf := func(r row) (text string, ok bool) {
		for _, k := range key {
			if r.values[k] == nil {
				return "", false
			}
			text += fmt.Sprintf("%q,", fmt.Sprint(r.values[k]))
		}
		return text, true
	}
	for _, s := range steps {
		for _, r := range s.rows {
			k, ok := keyOf(r)
			found, there := table[k]
			switch {
			case r.side == 1:
				if ok && (!there || r.at == nil || found.at == nil || r.at.(int64) >= found.at.(int64)) {
					table[k] = r
				}
				continue
			case !ok || !there:
				if drop {
					continue
				}
				found = row{values: make([]any, 5)}
			}
			text := r.text()
			if ok && there {
				text += fmt.Sprint(" ", orNil(found.at), " 1")
			} else {
				text += " <nil> <nil>"
			}
			for i, v := range found.values {
				if !slices.Contains(key, i) {
					text += fmt.Sprint(" ", v)
				}
			}
			out = append(out, text)
		}
	}
	return out
}

func orNil(v any) any {
	if v == nil {
		return "<nil>"
	}
	return v
}

func enrichSteps(r *rapid.T) (steps []step) {
	for range rapid.IntRange(2, 20).Draw(r, "steps") {
		var s step
		which := rapid.Int64Range(0, 1).Draw(r, "side")
		for range rapid.IntRange(1, 6).Draw(r, "records") {
			at := any(rapid.Int64Range(0, 9).Draw(r, "at"))
			if rapid.IntRange(0, 4).Draw(r, "no time") == 0 {
				at = nil
			}
			values := drawThing(r)
			if values[1] != nil {
				values[1] = []any{"", "a", "ä"}[rapid.IntRange(0, 2).Draw(r, "name")]
			}
			s.rows = append(s.rows, row{at: at, side: which, values: values})
		}
		steps = append(steps, s)
	}
	return steps
}

func TestEnrich(t *testing.T) {
	gen := rapid.Custom(enrichSteps)
	for seed := range 40 {
		steps := gen.Example(seed)
		names, places := []string{"key"}, []int{0}
		switch seed % 4 {
		case 1:
			names, places = []string{"text", "key"}, []int{1, 0}
		case 2:
			names, places = []string{"x"}, []int{3}
		case 3:
			names, places = []string{"p", "text"}, []int{4, 1}
		}
		drop := seed%3 == 0
		tr := enrichTrial(names, drop, steps)
		tr.parallelism = 1 + seed%3
		want := modelEnrich(places, drop, steps)
		got := tr.run(t)
		same(t, got.rows, want)
		same(t, tr.twice(t, 1+seed%(len(steps)-1), 1+(seed+1)%4).rows, want)
		if got.err != nil {
			t.Error(got.err)
		}
	}
}

func TestEnrichMistakes(t *testing.T) {
	for _, c := range []struct {
		o    operators.EnrichOptions
		want string
	}{
		{operators.EnrichOptions{}, "no key"},
		{operators.EnrichOptions{By: []string{"key"}}, "table: no key"},
		{operators.EnrichOptions{By: []string{"key"}, Key: []string{"x"}}, "which it is to equal, DOUBLE"},
		{operators.EnrichOptions{By: []string{"b"}, Key: []string{"b"}, Prefix: "t"}, "cannot be a key"},
		{operators.EnrichOptions{By: []string{"key"}, Key: []string{"key"}}, "a prefix of the table"},
	} {
		if _, _, err := operators.Enrich(things, things, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v; want %s", c.o, err, c.want)
		}
	}
}
