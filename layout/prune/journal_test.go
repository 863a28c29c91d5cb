package prune_test

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/prune"
)

// TestAuthorised: only what went with a _metadata that the run itself has deleted may go
// because of its journal. Flink deletes _metadata, too, of which it goes on to use the files.
func TestAuthorised(t *testing.T) {
	one, two := own(jobA, 1, "a1"), own(jobA, 2, "a2")
	s1, both := shared(jobA, "s1"), shared(jobA, "s12")
	for name, c := range map[string]struct {
		kill   int                     // behind which change
		denied string                  // what cannot be deleted
		before func(y *yard)           // between plan and execution
		flink  []string                // what Flink deletes
		root   string                  // of the next run, where it is another one
		want   []string                // data files that may go
		change func(y *yard, c *crook) // before the next run
	}{
		"all":                      {kill: 4, want: []string{one, two, s1, both}},
		"none is gone":             {kill: 1},
		"Flink's":                  {kill: 1, flink: []string{meta(jobA, 1), meta(jobA, 2)}},
		"killed before the record": {kill: 3},
		"killed between them":      {kill: 2, flink: []string{meta(jobA, 2)}},
		"one could not be deleted": {kill: 4, denied: meta(jobA, 2), want: []string{one, s1}},
		"and Flink has":            {kill: 4, denied: meta(jobA, 2), flink: []string{meta(jobA, 2)}, want: []string{one, s1}},
		"somebody was faster":      {kill: 3, before: func(y *yard) { y.remove(meta(jobA, 2)) }, want: []string{one, s1}},
		"of other roots":           {kill: 4, root: "mem://bucket"},
		"of the record of a stranger": {kill: 4, change: func(y *yard, _ *crook) {
			key := y.below("flink/.ckpt/")[0]
			y.mem.Put("bucket", key, []byte(strings.Replace(string(y.bytes(key)), `"run":"2`, `"run":"3`, 1)))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			y.plant()
			k := y.crook()
			p := y.plan(y.graph(k.opener), nil, garbage()...)
			if c.before != nil {
				c.before(y)
			}
			changes := killer(k, c.kill, false)
			kill := k.before
			k.before = func(op, key string) error {
				if err := kill(op, key); err != nil || op != "delete" || "flink/"+key != c.denied {
					return err
				}
				return errors.New("denied")
			}
			if _, err := p.Execute(t.Context(), y.execution(k, false)); err != nil || *changes <= c.kill {
				t.Fatal(err, *changes)
			}
			for _, key := range c.flink {
				y.remove(key)
			}
			if c.change != nil {
				c.change(y, k)
			}
			files, err := prune.ReadJournals(t.Context(), []prune.Journal{{Store: y.crook(), Dir: ".ckpt"}})
			if err != nil || len(files) != 1 || files[0].Err != nil {
				t.Fatalf("%v %+v", err, files)
			}
			g := y.graph(func(ctx context.Context, url string) (layout.Store, error) {
				if c.root != "" {
					url = c.root
				}
				return y.reg.Open(ctx, url)
			})
			var got []string
			for _, a := range prune.Authorise(t.Context(), files, g) {
				if key := strings.TrimPrefix(a.URL, "mem://bucket/"); path.Base(key) != "_metadata" {
					got = append(got, key)
				}
			}
			slices.Sort(got)
			slices.Sort(c.want)
			if diff := cmp.Diff(c.want, got, cmpEmpty); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestRecordFails: where it cannot be said what has been deleted, nothing more is.
func TestRecordFails(t *testing.T) {
	y := newYard(t)
	y.plant()
	all := y.keys()
	c := y.crook()
	c.before = func(_, key string) error {
		if strings.Contains(key, ".done") {
			return errors.New("full")
		}
		return nil
	}
	out := y.execute(t.Context(), c, y.execution(c, false), garbage()...)
	checkGuard(t, out.Stopped, prune.GuardPlan)
	want := slices.DeleteFunc(all, func(key string) bool { return key == meta(jobA, 1) || key == meta(jobA, 2) })
	if diff := cmp.Diff(want, y.content()); diff != "" || out.Objects != 2 || out.Untried != 8 || out.Left+out.Failed != 0 {
		t.Errorf("%+v %s", out, diff)
	}
}

// TestResume: what an earlier run was allowed to delete goes, however young it is, as long
// as all that allowed it holds.
func TestResume(t *testing.T) {
	for name, c := range map[string]struct {
		dir    string
		change func(s *site, in *prune.Input, a *prune.Authorised)
		stays  bool
		note   bool
	}{
		"as it was":    {},
		"of yesterday": {change: func(_ *site, in *prune.Input, a *prune.Authorised) { a.Created = in.Now.Add(-24 * time.Hour) }},
		"older than a week": {stays: true, note: true, change: func(_ *site, in *prune.Input, a *prune.Authorised) {
			a.Created = in.Now.Add(-prune.JournalValid - time.Second)
		}},
		"of the future": {stays: true, note: true, change: func(_ *site, in *prune.Input, a *prune.Authorised) { a.Created = in.Now.Add(time.Hour) }},
		"another file":  {stays: true, change: func(_ *site, _ *prune.Input, a *prune.Authorised) { a.Size++ }},
		"a live job": {stays: true, change: func(s *site, in *prune.Input, _ *prune.Authorised) {
			in.World.Others.Life = prune.Live
		}},
		"an unknown job": {stays: true, change: func(s *site, in *prune.Input, _ *prune.Authorised) {
			in.World.Others.Life = prune.Unknown
		}},
		"other roots": {stays: true, change: func(_ *site, in *prune.Input, _ *prune.Authorised) { in.OtherRoots = false }},
		"other jobs are asked for": {stays: true, change: func(_ *site, in *prune.Input, _ *prune.Authorised) {
			in.Policy.Jobs = []layout.JobID{{1}}
		}},
		"its job is asked for": {change: func(s *site, in *prune.Input, _ *prune.Authorised) {
			in.Policy.Jobs = []layout.JobID{s.job.id}
		}},
		"one that used it is claimed": {stays: true, change: func(s *site, in *prune.Input, a *prune.Authorised) {
			a.Also = []string{url(s.job.home + "/chk-7/_metadata")}
			in.World.Claims = []prune.Claim{{URL: url(s.job.home + "/chk-7"), By: "somebody", Snapshot: true}}
		}},
		"a ForSt database": {dir: "op_x_1_1__uuid/db", stays: true},
		"a copy": {stays: true, change: func(s *site, _ *prune.Input, _ *prune.Authorised) {
			s.put(s.job.home+"/"+layout.CopyMarkerName, 2, []byte("{}"))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.later()
			young := s.names(path.Join(s.job.home, "shared", c.dir), 1)[0]
			s.write(young)
			f := s.files[young]
			p, done := s.prune(func(in *prune.Input) {
				in.Policy = prune.Policy{}
				a := prune.Authorised{URL: url(young), Size: f.size, Modified: f.modified, Metadata: url(s.job.home + "/chk-0/_metadata"), Created: in.Now}
				if c.change != nil {
					c.change(s, in, &a)
				}
				in.Authorised = []prune.Authorised{a}
			})
			if done.Stopped != nil {
				t.Fatal(done.Stopped)
			}
			if stays := s.files[young] != nil; stays != c.stays {
				t.Errorf("it stays: %t", stays)
			}
			if noted := slices.ContainsFunc(p.Notes, func(n string) bool { return strings.Contains(n, "journal") }); noted != c.note {
				t.Error(p.Notes)
			}
		})
	}
}
