package prune_test

import (
	"context"
	"path"
	"slices"
	"testing"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/prune"
)

// TestSnapshotsFind: a snapshot is known by its place, and by an end of it that nothing
// else has.
func TestSnapshotsFind(t *testing.T) {
	y := newYard(t)
	y.plant()
	found := prune.NewSnapshots(y.graph(y.reg.Open))
	for url, want := range map[string]bool{
		yardRoot + "/" + jobA + "/chk-2":           true,
		yardRoot + "/" + jobA + "/chk-2/":          true,
		yardRoot + "/" + jobA + "/chk-2/_metadata": true,
		"s3a://other/" + jobA + "/chk-2":           true,
		yardRoot + "/" + jobA + "/chk-22":          false,
		yardRoot + "/" + jobC + "/chk-2":           false,
		"/mnt/flink/chk-2":                         false,
		"chk-2":                                    false,
		"":                                         false,
	} {
		if got := len(found.Find(url)) == 1; got != want || found.Known(url) != want {
			t.Errorf("%q: %v", url, found.Find(url))
		}
	}
}

// TestNewJobElsewhere: a job of which nobody knew when the plan was made, and whose
// snapshot nobody has read, may need anything.
func TestNewJobElsewhere(t *testing.T) {
	job := func(id string) layout.JobID {
		j, err := layout.ParseJobID(id)
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	elsewhere := "mem://bucket/other/" + jobC + "/chk-1"
	for name, c := range map[string]struct {
		claim prune.Claim
		adopt bool
		guard prune.Name
	}{
		"new":           {claim: prune.Claim{URL: elsewhere, Snapshot: true, Job: job(jobC), HasJob: true}, guard: prune.GuardUnsaved},
		"known to live": {claim: prune.Claim{URL: elsewhere, Snapshot: true, Job: job(jobB), HasJob: true}, guard: prune.GuardUnsaved},
		"a file":        {claim: prune.Claim{URL: elsewhere, Job: job(jobC), HasJob: true}},
		"the user's":    {claim: prune.Claim{URL: elsewhere, Snapshot: true}},
		"known":         {claim: prune.Claim{URL: yardRoot + "/" + jobA + "/chk-3", Snapshot: true, Job: job(jobC), HasJob: true}},
		"read before":   {claim: prune.Claim{URL: elsewhere, Snapshot: true, Job: job(jobC), HasJob: true}, adopt: true},
		"needed":        {claim: prune.Claim{URL: elsewhere, Snapshot: true, Job: job(jobB), HasJob: true, Needed: true}, guard: prune.GuardUnsaved},
		"needed, read":  {claim: prune.Claim{URL: elsewhere, Snapshot: true, Job: job(jobB), HasJob: true, Needed: true}, adopt: true},
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			y.plant()
			y.checkpoint("../other/"+jobC, 1, shared(jobA, "s1"))
			k := y.crook()
			g := y.graph(k.opener)
			if c.adopt {
				target, err := layout.Find(t.Context(), y.reg.Open, elsewhere, layout.FindOptions{})
				if err == nil {
					err = g.Adopt(t.Context(), target)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			e := y.execution(k, false)
			e.World = func(context.Context) (*prune.World, error) { w := known(c.claim); return &w, nil }
			out, err := y.plan(g, nil, garbage()...).Execute(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			checkGuard(t, out.Stopped, c.guard)
			if left := slices.Contains(y.keys(), shared(jobA, "s1")); left != (c.adopt || c.guard != "") {
				t.Errorf("%s is there: %v", path.Base(shared(jobA, "s1")), left)
			}
		})
	}
}

// TestAdoptedIsNeeded: a job that needs a snapshot which lies in no root is no reason to
// stop, once that was read.
func TestAdoptedIsNeeded(t *testing.T) {
	for _, adopt := range []bool{false, true} {
		y := newYard(t)
		y.plant()
		y.checkpoint("../other/"+jobC, 1, shared(jobA, "s1"))
		g := y.graph(y.reg.Open)
		url := "mem://bucket/other/" + jobC + "/chk-1"
		if adopt {
			target, err := layout.Find(t.Context(), y.reg.Open, url, layout.FindOptions{})
			if err == nil {
				err = g.Adopt(t.Context(), target)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		in := prune.Input{Now: y.now(), Graph: g, World: known(prune.Claim{URL: url, Snapshot: true, Needed: true})}
		if p := prune.Make(in); p.Stopped() == adopt {
			t.Errorf("adopted: %v; %v", adopt, tripped(p))
		}
	}
}

// TestApart: what holds for all other jobs does not hold for one whose id several bear.
func TestApart(t *testing.T) {
	id := layout.JobID{1}
	y := newYard(t)
	now := y.now()
	w := prune.World{Others: prune.JobState{Life: prune.Ended}}
	w.Add(id, prune.JobState{Timeout: 5})
	if got := w.Of(id, true, now, now); got.Life != prune.Ended || got.Timeout != 5 {
		t.Errorf("%+v", got)
	}
	w.Jobs[id] = prune.JobState{Apart: true, Timeout: 5}
	if got := w.Of(id, true, now, now); got.Life != prune.Unknown || got.Timeout != 5 {
		t.Errorf("apart: %+v", got)
	}
	w.AssumeEndedAfter = 1
	if got := w.Of(id, true, now.Add(-2), now); got.Life != prune.Ended {
		t.Errorf("idle: %+v", got)
	}
}
