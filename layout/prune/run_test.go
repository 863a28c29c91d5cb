package prune_test

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/prune"
)

func TestExecute(t *testing.T) {
	y := newYard(t)
	y.plant()
	c := y.crook()
	var mu sync.Mutex
	var changes []string
	c.after = func(op, key string) {
		mu.Lock()
		defer mu.Unlock()
		changes = append(changes, op+" "+key)
	}
	e := y.execution(c, false)
	events := 0
	e.Observe = func(prune.Event) { events++ }
	p := y.plan(y.graph(c.opener), nil, garbage()...)
	out, err := p.Execute(t.Context(), e)
	if err != nil || out.Stopped != nil {
		t.Fatal(err, out)
	}
	if diff := cmp.Diff(planted(), y.keys()); diff != "" {
		t.Error(diff)
	}
	if out.Objects != 8 || out.Dirs != 2 || out.Failed+out.Left != 0 || events != 10 {
		t.Errorf("%+v, %d events", out, events)
	}
	short := func(key string) string { return strings.TrimPrefix(key, "flink/") }
	want := []string{
		"create .ckpt/journal-" + out.Run + "-0.jsonl",
		"delete " + short(meta(jobA, 1)), "delete " + short(meta(jobA, 2)),
		"create .ckpt/journal-" + out.Run + "-0.done.jsonl",
		"delete " + short(own(jobA, 1, "a1")), "delete " + short(own(jobA, 2, "a2")),
		"rmdir", "rmdir",
		"delete " + short(shared(jobA, "s1")), "delete " + short(shared(jobA, "s12")),
		"delete " + short(shared(jobA, "orphan")),
		"delete .ckpt/journal-" + out.Run + "-0.done.jsonl",
		"delete .ckpt/journal-" + out.Run + "-0.jsonl",
		"delete " + short(shared(jobB, "orphan")),
	}
	for i, change := range changes {
		if strings.HasPrefix(change, "rmdir") { // at the same time
			changes[i] = "rmdir"
		}
	}
	if diff := cmp.Diff(want, changes); diff != "" {
		t.Error(diff)
	}
	if _, err := p.Execute(t.Context(), e); !errors.Is(err, prune.ErrExecuted) {
		t.Errorf("a second time: %v", err)
	}
}

var errDead = errors.New("killed")

// killer lets so many changes be made. The next one is not made any more or, where late,
// is made without an answer; and nothing is answered from then on.
func killer(c *crook, after int, late bool) (changes *int) {
	var mu sync.Mutex
	n := 0
	dead := func() bool { return n > after }
	c.before = func(string, string) error {
		mu.Lock()
		defer mu.Unlock()
		was := dead()
		n++
		if was || dead() && !late {
			return errDead
		}
		return nil
	}
	c.read = func(string, string) error {
		mu.Lock()
		defer mu.Unlock()
		if dead() {
			return errDead
		}
		return nil
	}
	return &n
}

// TestKilled kills a run at each change that it makes, before and after it. No checkpoint
// that is there lacks a file then, and another run brings about what the first one would
// have. Where that one was killed before it could say which _metadata it had deleted, their
// files are orphans, which go when they are old enough.
func TestKilled(t *testing.T) { testKilled(t, planted, garbage()) }

func testKilled(t *testing.T, want func() []string, garbage []string, plants ...func(*yard)) {
	for _, trash := range []bool{false, true} {
		for _, late := range []bool{false, true} {
			for after := 0; ; after++ {
				y := newYard(t)
				y.plant()
				for _, more := range plants {
					more(y)
				}
				c := y.crook()
				n := killer(c, after, late)
				y.execute(t.Context(), c, y.execution(c, trash), garbage...)
				if y.checkWhole(); t.Failed() {
					t.Fatalf("trash %t, late %t: killed at %d: there are\n%s", trash, late, after, strings.Join(y.keys(), "\n"))
				}
				if *n <= after {
					if after < 10 {
						t.Errorf("only %d changes", after)
					}
					break
				}
				goes := garbage
				if y.unsaid(garbage) {
					goes = slices.Concat(garbage, y.keys())
				}
				y.pass(2 * time.Hour)
				again := y.crook()
				out := y.execute(t.Context(), again, y.execution(again, trash), onlyOrphans(goes, garbage, want())...)
				rest := slices.DeleteFunc(y.keys(), func(key string) bool { return trash && strings.HasPrefix(key, "flink/.ckpt/trash/") })
				if diff := cmp.Diff(want(), rest); diff != "" || out.Failed > 0 || out.Stopped != nil {
					t.Fatalf("trash %t, late %t: killed at %d, and run again: %+v\n%s", trash, late, after, out, diff)
				}
			}
		}
	}
}

// unsaid tells whether a _metadata is gone that no record speaks of.
func (y *yard) unsaid(garbage []string) bool {
	y.t.Helper()
	var said string
	for _, key := range y.below("flink/.ckpt/") {
		if strings.HasSuffix(key, ".done.jsonl") {
			said += string(y.bytes(key))
		}
	}
	keys := y.keys()
	return slices.ContainsFunc(garbage, func(key string) bool {
		return path.Base(key) == "_metadata" && !slices.Contains(keys, key) && !strings.Contains(said, "/"+key+`"`)
	})
}

// onlyOrphans are what may be named to a plan: what the test means to go, and files that
// are no _metadata, and are not to stay.
func onlyOrphans(keys, garbage, stay []string) []string {
	return slices.DeleteFunc(slices.Clone(keys), func(key string) bool {
		named := slices.Contains(garbage, key)
		return !named && (path.Base(key) == "_metadata" || slices.Contains(stay, key) || strings.Contains(key, "/.ckpt/"))
	})
}

// restored is a job that was restored from job A, and uses files of it.
func restored(y *yard) {
	y.put(own(jobC, 5, "c5"))
	y.checkpoint(jobC, 5, own(jobC, 5, "c5"), shared(jobA, "s1"), own(jobA, 2, "a2"), shared(jobA, "s3"))
	y.pass(48 * time.Hour)
}

// TestAcrossJobs: what snapshots of several jobs use goes with the last of them.
func TestAcrossJobs(t *testing.T) {
	goes := append(garbage(), meta(jobC, 5))
	testKilled(t, planted, goes, restored)
	y := newYard(t)
	y.plant()
	restored(y)
	c := y.crook()
	out := y.execute(t.Context(), c, y.execution(c, false), goes...)
	if diff := cmp.Diff(planted(), y.keys()); diff != "" || out.Objects != 10 || out.Dirs != 3 || out.Left+out.Failed > 0 {
		t.Errorf("%+v %s", out, diff)
	}
	y = newYard(t)
	y.plant()
	restored(y)
	c = y.crook()
	c.before = func(op, key string) error {
		if op == "delete" && "flink/"+key == meta(jobC, 5) {
			return errors.New("denied")
		}
		return nil
	}
	out = y.execute(t.Context(), c, y.execution(c, false), goes...)
	want := append(planted(), meta(jobC, 5), own(jobC, 5, "c5"), shared(jobA, "s1"), own(jobA, 2, "a2"))
	slices.Sort(want)
	if diff := cmp.Diff(want, y.keys()); diff != "" || out.Failed != 1 || out.Left != 5 {
		t.Errorf("%+v %s", out, diff)
	}
}

// TestManaged: what lies in a directory of merged files stays as long as a snapshot has
// the directory.
func TestManaged(t *testing.T) {
	dir := path.Dir(shared(jobA, "")) + "/job_" + jobA + "_op_" + jobB + "_0_1"
	merged, segment := dir+"/"+flinkName("merged"), dir+"/"+flinkName("segment")
	for name, c := range map[string]struct {
		news func(y *yard)
		want []string
	}{
		"of one that goes": {news: func(*yard) {}},
		"of a new one":     {news: func(y *yard) { y.managing(jobC, 1, dir) }, want: []string{merged, segment, meta(jobC, 1)}},
	} {
		y := newYard(t)
		y.plant()
		y.put(merged, segment)
		y.managing(jobA, 2, dir, own(jobA, 2, "a2"), shared(jobA, "s12"), shared(jobA, "s23"))
		y.pass(48 * time.Hour)
		k := y.crook()
		p := y.plan(y.graph(k.opener), nil, append(garbage(), merged)...)
		c.news(y)
		if out, err := p.Execute(t.Context(), y.execution(k, false)); err != nil || out.Stopped != nil {
			t.Error(err, out)
		}
		want := append(planted(), c.want...)
		slices.Sort(want)
		if diff := cmp.Diff(want, y.keys()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestEntropy: new snapshots are looked for beside the directories of entropy, and not in
// them.
func TestEntropy(t *testing.T) {
	y := newYard(t)
	y.plant()
	y.put("flink/xK2f/"+jobA+"/chk-3/"+flinkName("far"), "flink/xK2f/"+jobA+"/shared/"+flinkName("far"))
	c := y.crook()
	p := y.plan(y.graph(c.opener), nil, garbage()...)
	var mu sync.Mutex
	asked := map[string]int{}
	c.read = func(op, key string) error {
		mu.Lock()
		defer mu.Unlock()
		if op == "children" {
			asked[strings.Split(key, "/")[0]]++
		}
		return nil
	}
	y.checkpoint(jobC, 1, shared(jobA, "s1"))
	if out, err := p.Execute(t.Context(), y.execution(c, false)); err != nil || out.Stopped != nil || out.Left != 1 {
		t.Error(err, out)
	}
	if asked["xK2f"] > 0 || asked[jobC] == 0 {
		t.Errorf("asked %v", asked)
	}
}

// TestMetadataFails: what a checkpoint uses stays where its _metadata could not be deleted.
func TestMetadataFails(t *testing.T) {
	y := newYard(t)
	y.plant()
	c := y.crook()
	c.before = func(op, key string) error {
		if op == "delete" && key == jobA+"/chk-2/_metadata" {
			return errors.New("denied")
		}
		return nil
	}
	out := y.execute(t.Context(), c, y.execution(c, false), garbage()...)
	want := append(planted(), meta(jobA, 2), own(jobA, 2, "a2"), shared(jobA, "s12"))
	slices.Sort(want)
	if diff := cmp.Diff(want, y.keys()); diff != "" {
		t.Error(diff)
	}
	if out.Failed != 1 || out.Left != 3 || out.Stopped != nil {
		t.Errorf("%+v", out)
	}
	y.checkWhole()
}

// TestErrors: what could not be deleted is told, and the next run knows of it.
func TestErrors(t *testing.T) {
	for _, name := range []string{own(jobA, 1, "a1"), shared(jobA, "s1"), shared(jobA, "orphan")} {
		y := newYard(t)
		y.plant()
		c := y.crook()
		c.before = func(op, key string) error {
			if op == "delete" && "flink/"+key == name {
				return errors.New("denied")
			}
			return nil
		}
		e := y.execution(c, false)
		var failed []string
		e.Observe = func(e prune.Event) {
			if e.Err != nil && !e.Left {
				failed = append(failed, strings.TrimPrefix(e.URL, "mem://bucket/"))
			}
		}
		if out := y.execute(t.Context(), c, e, garbage()...); out.Failed != 1 || !slices.Equal(failed, []string{name}) {
			t.Errorf("%+v, %s", out, failed)
		}
		c.before = nil
		y.pass(2 * time.Hour)
		y.execute(t.Context(), c, y.execution(c, false), garbage()...)
		if diff := cmp.Diff(planted(), y.keys()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestNews: what comes between the plan and its execution.
func TestNews(t *testing.T) {
	all := func() []string {
		return append(garbage(), own(jobA, 1, "a1"), own(jobA, 2, "a2"), shared(jobA, "s1"), shared(jobA, "s12"))
	}
	for name, c := range map[string]struct {
		news  func(y *yard)
		stays []string // of what the plan deletes
		guard prune.Name
	}{
		"another job uses a file": {
			news:  func(y *yard) { y.checkpoint(jobC, 1, shared(jobA, "s1"), own(jobA, 2, "a2")) },
			stays: []string{shared(jobA, "s1"), own(jobA, 2, "a2")},
		},
		"a checkpoint uses an orphan": {
			news:  func(y *yard) { y.checkpoint(jobB, 10, shared(jobB, "orphan")) },
			stays: []string{shared(jobB, "orphan")},
		},
		"a directory without _metadata has got one": {
			news:  func(y *yard) { y.checkpoint(jobB, 11, shared(jobB, "orphan")) },
			stays: []string{shared(jobB, "orphan")},
		},
		"a live job goes on": {news: func(y *yard) { y.checkpoint(jobB, 12); y.put(shared(jobB, "new")) }},
		"the job lives": {
			news:  func(y *yard) { y.put(own(jobA, 4, "a4")); y.checkpoint(jobA, 4, own(jobA, 4, "a4")) },
			stays: append(all()[:3], all()[4:]...),
		},
		"a savepoint of the job": {
			news: func(y *yard) {
				y.checkpoint(jobA, 4)
				y.rename(meta(jobA, 4), "flink/sp/savepoint-aaaaaa-0123456789ab/_metadata")
			},
			stays: append(all()[:3], all()[4:]...),
		},
		"a new file of the job": {
			news:  func(y *yard) { y.put(shared(jobA, "new")) },
			stays: append(all()[:3], all()[4:]...),
		},
		"a checkpoint that goes is another": {
			news:  func(y *yard) { y.checkpoint(jobA, 2, own(jobA, 2, "a2"), shared(jobA, "s12")) },
			stays: append(all()[:3], all()[4:]...),
		},
		"one that stays has lost a file": {
			news:  func(y *yard) { y.remove(shared(jobA, "s3")) },
			stays: append(all()[:3], all()[4:]...),
		},
		"one that stays has gone": {
			news:  func(y *yard) { y.remove(meta(jobA, 3)) },
			stays: append(all()[:3], all()[4:]...),
		},
		"a file is another": {
			news:  func(y *yard) { y.put(shared(jobA, "s1")) },
			stays: []string{shared(jobA, "s1")},
		},
		"a file has gone":      {news: func(y *yard) { y.remove(own(jobA, 1, "a1")) }},
		"a checkpoint is gone": {news: func(y *yard) { y.remove(meta(jobA, 1)) }},
		"a _metadata that cannot be read": {
			news: func(y *yard) { y.put(meta(jobC, 1)) }, stays: all(), guard: prune.GuardMetadata,
		},
		"a _metadata with files elsewhere": {
			news: func(y *yard) { y.checkpoint(jobC, 1, "other/"+flinkName("x")) }, stays: all(), guard: prune.GuardReference,
		},
		"a file in a foreign place": {news: func(y *yard) { y.put("flink/notes.txt") }},
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			y.plant()
			y.put(own(jobB, 11, "b11"))
			k := y.crook()
			p := y.plan(y.graph(k.opener), nil, garbage()...)
			before := y.keys()
			c.news(y)
			out, err := p.Execute(t.Context(), y.execution(k, false))
			if err != nil {
				t.Fatal(err)
			}
			checkGuard(t, out.Stopped, c.guard)
			now := y.keys()
			var stays []string
			for _, key := range before {
				if slices.Contains(all(), key) && slices.Contains(now, key) {
					stays = append(stays, key)
				}
			}
			slices.Sort(c.stays)
			if diff := cmp.Diff(c.stays, stays, cmpEmpty); diff != "" {
				t.Error(diff)
			}
			for _, key := range planted() {
				if !slices.Contains(now, key) && !strings.Contains(name, "stays has") {
					t.Errorf("%s is gone", key)
				}
			}
			if slices.ContainsFunc(now, func(key string) bool { return strings.Contains(key, "journal") }) {
				t.Error("a journal is left")
			}
		})
	}
}

var cmpEmpty = cmp.FilterValues(func(a, b []string) bool { return len(a)+len(b) == 0 }, cmp.Ignore())

func checkGuard(t *testing.T, err error, want prune.Name) {
	t.Helper()
	var stopped *prune.StoppedError
	switch {
	case want == "":
		if err != nil {
			t.Error(err)
		}
	case !errors.As(err, &stopped) || stopped.Guard != want:
		t.Errorf("stopped by %v, not by %s", err, want)
	}
}

func (y *yard) remove(key string) {
	y.t.Helper()
	store, err := y.reg.OpenMutable(y.t.Context(), "mem://bucket")
	if err != nil {
		y.t.Fatal(err)
	}
	o, err := store.Stat(y.t.Context(), key)
	if err != nil {
		y.t.Fatal(err)
	}
	store.Delete(y.t.Context(), []layout.Object{o}, func(_ int, err error) {
		if err != nil {
			y.t.Error(err)
		}
	})
}

func (y *yard) rename(from, to string) {
	y.t.Helper()
	store, err := y.reg.OpenMutable(y.t.Context(), "mem://bucket")
	if err != nil {
		y.t.Fatal(err)
	}
	o, err := store.Stat(y.t.Context(), from)
	if err == nil {
		_, err = store.CopyFrom(y.t.Context(), store, o, to)
	}
	if err != nil {
		y.t.Fatal(err)
	}
	y.remove(from)
}

// TestWorld: what is known of the jobs when a batch begins.
func TestWorld(t *testing.T) {
	a, err := layout.ParseJobID(jobA)
	if err != nil {
		t.Fatal(err)
	}
	state := func(life prune.Life) *prune.World {
		w := known()
		w.Jobs[a] = prune.JobState{Life: life, Source: "somebody"}
		return &w
	}
	claim := func(url string) *prune.World {
		w := known(prune.Claim{URL: url, By: "somebody"})
		return &w
	}
	whole := []string{meta(jobA, 2), own(jobA, 2, "a2"), shared(jobA, "s12")}
	jobAll := append([]string{meta(jobA, 1), own(jobA, 1, "a1"), shared(jobA, "s1"), shared(jobA, "orphan")}, whole...)
	for name, c := range map[string]struct {
		world *prune.World
		err   error
		stays []string
		guard prune.Name
	}{
		"nothing":        {},
		"ended":          {world: state(prune.Ended)},
		"live":           {world: state(prune.Live), stays: jobAll},
		"unknown":        {world: state(prune.Unknown), stays: jobAll},
		"a directory":    {world: claim(yardRoot + "/" + jobA + "/chk-2/"), stays: whole},
		"its _metadata":  {world: claim(yardRoot + "/" + jobA + "/chk-2/_metadata"), stays: whole},
		"at the source":  {world: claim("s3://other/" + jobA + "/chk-2"), stays: whole},
		"a file of it":   {world: claim("mem://bucket/" + own(jobA, 2, "a2")), stays: whole},
		"that elsewhere": {world: claim("s3://other/" + own(jobA, 2, "a2")), stays: whole},
		"a shared file":  {world: claim("mem:/bucket/" + shared(jobA, "s1")), stays: []string{shared(jobA, "s1")}},
		"a copy of that": {world: claim("s3://other/" + shared(jobA, "s1")), stays: []string{shared(jobA, "s1")}},
		"its directory":  {world: claim(yardRoot + "/" + jobA + "/shared"), stays: []string{shared(jobA, "s1"), shared(jobA, "s12"), shared(jobA, "orphan")}},
		"a stop": {world: &prune.World{Stops: []prune.Stop{{Guard: prune.GuardHA, Message: "no"}}},
			stays: append(jobAll, shared(jobB, "orphan")), guard: prune.GuardHA},
		"no answer": {err: errors.New("refused"), stays: append(jobAll, shared(jobB, "orphan")), guard: prune.GuardCluster},
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			y.plant()
			k := y.crook()
			e := y.execution(k, false)
			asked := 0
			e.World = func(context.Context) (*prune.World, error) { asked++; return c.world, c.err }
			out := y.execute(t.Context(), k, e, garbage()...)
			checkGuard(t, out.Stopped, c.guard)
			want := append(planted(), c.stays...)
			slices.Sort(want)
			if diff := cmp.Diff(want, y.keys()); diff != "" {
				t.Error(diff)
			}
			times := 3 // before each of two batches, and once a _metadata is gone
			if name == "live" || name == "unknown" {
				times = 2
			}
			if c.guard == "" && asked != times {
				t.Errorf("asked %d times", asked)
			}
		})
	}
}

// TestNoJournal: without a journal no checkpoint goes.
func TestNoJournal(t *testing.T) {
	for name, c := range map[string]struct {
		before func(op, key string) error
		skew   time.Duration
		guard  prune.Name
	}{
		"denied": {before: func(op, _ string) error {
			if op == "create" {
				return errors.New("denied")
			}
			return nil
		}, guard: prune.GuardPlan},
		"slow clock":  {skew: -6 * time.Minute, guard: prune.GuardClock},
		"fast clock":  {skew: 6 * time.Minute, guard: prune.GuardClock},
		"other clock": {skew: 4 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			for _, mute := range []bool{false, true} {
				y := newYard(t)
				y.plant()
				k := y.crook()
				k.before = c.before
				before := y.keys()
				e := y.execution(k, false)
				e.Now = func() time.Time { return y.now().Add(c.skew) }
				guard := c.guard
				if mute {
					e.Stores[yardRoot] = clockless{k}
					if guard == prune.GuardPlan { // nor can the clock be asked
						guard = prune.GuardClock
					}
				}
				out := y.execute(t.Context(), k, e, garbage()...)
				checkGuard(t, out.Stopped, guard)
				if c.guard == "" {
					before = planted()
				}
				if diff := cmp.Diff(before, y.keys()); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// clockless has no clock but the times of its objects.
type clockless struct{ *crook }

func (clockless) Now(context.Context) (time.Time, error) { return time.Time{}, errors.ErrUnsupported }

// TestCancel: what is not begun is left without many words, and the next run ends it.
func TestCancel(t *testing.T) {
	for n := range 9 {
		y := newYard(t)
		y.plant()
		c := y.crook()
		ctx, cancel := context.WithCancel(t.Context())
		e := y.execution(c, false)
		seen := 0
		e.Observe = func(e prune.Event) {
			if e.Err != nil {
				t.Errorf("after %d: %+v", n, e)
			}
			if seen++; seen > n {
				cancel()
			}
		}
		out := y.execute(ctx, c, e, garbage()...)
		cancel()
		if !errors.Is(out.Stopped, context.Canceled) && out.Untried > 0 || seen+out.Untried != 10 || out.Objects+out.Dirs != seen {
			t.Errorf("after %d: %d events, %+v", n, seen, out)
		}
		y.checkWhole()
		y.pass(2 * time.Hour)
		y.execute(t.Context(), c, y.execution(c, false), garbage()...)
		if diff := cmp.Diff(planted(), y.keys()); diff != "" {
			t.Errorf("after %d: %s", n, diff)
		}
	}
}

// TestTwoAtOnce: two runs with the same plan do what one of them would have.
func TestTwoAtOnce(t *testing.T) {
	for i := range 20 {
		y := newYard(t)
		y.plant()
		var wg sync.WaitGroup
		for range 2 {
			c := y.crook()
			p := y.plan(y.graph(c.opener), nil, garbage()...)
			wg.Go(func() {
				out, err := p.Execute(t.Context(), y.execution(c, i%2 == 1))
				if err != nil || out.Failed > 0 || out.Stopped != nil {
					t.Errorf("%v %+v", err, out)
				}
			})
		}
		wg.Wait()
		rest := slices.DeleteFunc(y.keys(), func(key string) bool { return strings.HasPrefix(key, "flink/.ckpt/trash/") })
		if diff := cmp.Diff(planted(), rest); diff != "" {
			t.Error(diff)
		}
	}
}

// TestListing: what cannot be looked at once more stops all; what lags behind costs nothing
// but the deletion.
func TestListing(t *testing.T) {
	for _, dir := range []string{"", jobB, jobA + "/shared", jobA + "/chk-1"} {
		y := newYard(t)
		y.plant()
		c := y.crook()
		p := y.plan(y.graph(c.opener), nil, garbage()...)
		before := y.keys()
		c.read = func(op, key string) error {
			if op == "children" && key == dir {
				return errors.New("denied")
			}
			return nil
		}
		out, err := p.Execute(t.Context(), y.execution(c, false))
		if err != nil {
			t.Fatal(err)
		}
		c.read = nil
		checkGuard(t, out.Stopped, prune.GuardListing)
		if diff := cmp.Diff(before, y.keys()); diff != "" {
			t.Errorf("%q: %s", dir, diff)
		}
	}
}

// TestEndlessNews: a tree in which new checkpoints come faster than they are read.
func TestEndlessNews(t *testing.T) {
	y := newYard(t)
	y.plant()
	c := y.crook()
	p := y.plan(y.graph(c.opener), nil, garbage()...)
	n := 100
	c.read = func(op, key string) error {
		if op == "children" && key == jobB {
			n++
			y.checkpoint(jobB, n)
		}
		return nil
	}
	out, err := p.Execute(t.Context(), y.execution(c, false))
	if err != nil {
		t.Fatal(err)
	}
	checkGuard(t, out.Stopped, prune.GuardMetadata)
	if out.Objects > 0 || n > 150 {
		t.Errorf("%+v after %d", out, n)
	}
}

// TestUnfinished: files that are being written stay.
func TestUnfinished(t *testing.T) {
	y := newYard(t)
	y.plant()
	c := y.crook()
	c.open = func(key string) bool { return "flink/"+key == shared(jobB, "orphan") }
	out := y.execute(t.Context(), c, y.execution(c, false), garbage()...)
	want := append(planted(), shared(jobB, "orphan"))
	slices.Sort(want)
	if diff := cmp.Diff(want, y.keys()); diff != "" || out.Held != 1 || out.Left != 0 {
		t.Errorf("%+v %s", out, diff)
	}
}

// TestStoppedPlan: guards that stop all stop the execution, too.
func TestStoppedPlan(t *testing.T) {
	y := newYard(t)
	y.plant()
	c := y.crook()
	before := y.keys()
	p := y.plan(y.graph(c.opener), nil, garbage()...)
	p.Guards = []prune.Result{{Guard: prune.Guard{Name: prune.GuardHA}, Outcome: prune.StopAll, Message: "no"}}
	out, err := p.Execute(t.Context(), y.execution(c, false))
	if err != nil {
		t.Fatal(err)
	}
	checkGuard(t, out.Stopped, prune.GuardHA)
	p = y.plan(y.graph(c.opener), nil, garbage()...)
	for _, e := range []prune.Execution{{}, {Journal: prune.Journal{Store: c}}} {
		if _, err := p.Execute(t.Context(), e); err == nil {
			t.Error("executed without stores")
		}
		p = y.plan(y.graph(c.opener), nil, garbage()...)
	}
	if diff := cmp.Diff(before, y.keys()); diff != "" {
		t.Error(diff)
	}
	if got := fmt.Sprint(out.Stopped); !strings.Contains(got, "no") {
		t.Error(got)
	}
}

// TestRestoredMeanwhile: a job that has read a _metadata right before it went needs the
// files that it names, also in what comes after.
func TestRestoredMeanwhile(t *testing.T) {
	for name, c := range map[string]struct {
		claim prune.Claim
		guard prune.Name
	}{
		"known":   {claim: prune.Claim{URL: yardRoot + "/" + jobA + "/chk-2", By: "a new job", Needed: true}},
		"unknown": {claim: prune.Claim{URL: "s3://other/savepoint-x", By: "a new job", Needed: true}, guard: prune.GuardUnsaved},
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			y.plant()
			k := y.crook()
			e := y.execution(k, false)
			e.World = func(context.Context) (*prune.World, error) {
				w := prune.World{Others: prune.JobState{Life: prune.Ended}}
				if !slices.Contains(y.keys(), "flink/"+jobA+"/chk-2/_metadata") {
					w.Claims = []prune.Claim{c.claim}
				}
				return &w, nil
			}
			out := y.execute(t.Context(), k, e, garbage()...)
			checkGuard(t, out.Stopped, c.guard)
			for _, key := range []string{own(jobA, 2, "a2"), shared(jobA, "s12")} {
				if !slices.Contains(y.keys(), "flink/"+strings.TrimPrefix(key, "flink/")) {
					t.Errorf("%s is gone", key)
				}
			}
			if slices.Contains(y.keys(), "flink/"+jobA+"/chk-2/_metadata") {
				t.Error("the test tests nothing: the _metadata is still there")
			}
		})
	}
}
