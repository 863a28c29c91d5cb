package prune_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ckpt-tool/ckpt/layout/prune"
)

// saved is the plan of most tests in a file.
func (y *yard) saved(goes ...string) []byte {
	y.t.Helper()
	var file bytes.Buffer
	p := y.plan(y.graph(y.reg.Open), nil, goes...)
	if err := prune.Save(&file, p, prune.SaveOptions{Version: "1.0", Now: y.now(), Options: json.RawMessage(`{"keepLast":1}`)}); err != nil {
		y.t.Fatal(err)
	}
	return file.Bytes()
}

func loadPlan(t *testing.T, file []byte) *prune.Saved {
	t.Helper()
	s, err := prune.Load(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// files are those that a plan deletes, in order.
func (y *yard) files(p *prune.Plan) []string {
	keys := []string{}
	add := func(items []prune.Item) {
		for _, it := range items {
			keys = append(keys, strings.TrimPrefix(p.Graph.URL(it.Object), "mem://bucket/"))
		}
	}
	for _, b := range p.Batches {
		for _, s := range b.Snapshots {
			add(s.Files)
		}
		add(b.Shared)
		add(b.Orphans)
	}
	slices.Sort(keys)
	return keys
}

func TestPlanFile(t *testing.T) {
	y := newYard(t)
	y.plant()
	s := loadPlan(t, y.saved(garbage()...))
	if s.Version != "1.0" || string(s.Options) != `{"keepLast":1}` || s.Files != 8 || len(s.Roots) != 1 || s.Roots[0].Files != 15 {
		t.Errorf("%+v", s)
	}
	if got := s.Expires.Sub(s.Created); got != time.Hour {
		t.Errorf("it expires after %s", got)
	}
	c := y.crook()
	fresh := y.plan(y.graph(c.opener), nil, garbage()...)
	if changed := s.Changed(fresh.Graph); changed != nil {
		t.Error(changed)
	}
	p, problems, err := s.Check(fresh, "1.0", y.now())
	if err != nil || problems != nil {
		t.Fatal(err, problems)
	}
	if diff := cmp.Diff(y.files(fresh), y.files(p)); diff != "" {
		t.Error(diff)
	}
	if p.Totals.DeleteObjects != 8 || p.Totals.DeleteDirs != 2 || p.Totals.Snapshots != 2 || p.Totals.DeleteBytes != s.Bytes {
		t.Errorf("%+v", p.Totals)
	}
	if out, err := p.Execute(t.Context(), y.execution(c, false)); err != nil || out.Stopped != nil {
		t.Error(err, out)
	}
	if diff := cmp.Diff(planted(), y.keys()); diff != "" {
		t.Error(diff)
	}
	if changed := s.Changed(y.graph(c.opener)); len(changed) != 1 {
		t.Errorf("%q", changed)
	}
}

// TestPlanFileRestricts: only what both the file and the new plan delete goes.
func TestPlanFileRestricts(t *testing.T) {
	for name, c := range map[string]struct {
		saved, fresh []string
		change       func(y *yard)
		want         []string
		problems     int
	}{
		"less was saved": {saved: garbage()[:1], fresh: garbage(), want: []string{meta(jobA, 1), own(jobA, 1, "a1"), shared(jobA, "s1")}},
		"less is left": {saved: garbage(), fresh: garbage()[:1], problems: 5,
			want: []string{meta(jobA, 1), own(jobA, 1, "a1"), shared(jobA, "s1")}},
		"a file is another": {saved: garbage(), fresh: garbage(), change: func(y *yard) { y.put(shared(jobA, "s1")) }, problems: 1,
			want: []string{meta(jobA, 1), own(jobA, 1, "a1"), meta(jobA, 2), own(jobA, 2, "a2"), shared(jobA, "s12"), shared(jobA, "orphan"), shared(jobB, "orphan")}},
		"nothing in common": {saved: garbage()[3:], fresh: garbage()[:1], problems: 1},
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			y.plant()
			s := loadPlan(t, y.saved(c.saved...))
			if c.change != nil {
				c.change(y)
			}
			p, problems, err := s.Check(y.plan(y.graph(y.reg.Open), nil, c.fresh...), "1.0", y.now())
			if err != nil || len(problems) != c.problems {
				t.Fatal(err, problems)
			}
			slices.Sort(c.want)
			if diff := cmp.Diff(c.want, y.files(p), cmpEmpty); diff != "" {
				t.Error(diff)
			}
			if !cmp.Equal(p.Totals.DeleteObjects, len(c.want)) {
				t.Errorf("%+v", p.Totals)
			}
		})
	}
}

func TestPlanFileRefused(t *testing.T) {
	for name, c := range map[string]struct {
		version string
		change  func(y *yard, s *prune.Saved)
		want    string
	}{
		"expired":         {change: func(y *yard, _ *prune.Saved) { y.pass(time.Hour) }, want: "expired"},
		"of the future":   {change: func(y *yard, _ *prune.Saved) { y.pass(-time.Hour) }, want: "future"},
		"another version": {version: "1.1", want: "1.1"},
		"another root":    {change: func(_ *yard, s *prune.Saved) { s.Roots[0].URL += "x" }, want: "other roots"},
		"another place":   {change: func(_ *yard, s *prune.Saved) { s.Places = []prune.Place{{URL: yardRoot}} }, want: "other places"},
		"another _metadata": {
			change: func(y *yard, _ *prune.Saved) { y.checkpoint(jobA, 2, own(jobA, 2, "a2")) }, want: "_metadata is another",
		},
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			y.plant()
			s := loadPlan(t, y.saved(garbage()...))
			if c.version == "" {
				c.version = "1.0"
			}
			if c.change != nil {
				c.change(y, s)
			}
			_, _, err := s.Check(y.plan(y.graph(y.reg.Open), nil, garbage()...), c.version, y.now())
			checkGuard(t, err, prune.GuardPlan)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Error(err)
			}
		})
	}
}

// TestPlanFileTorn: whatever is cut off or changed, no half of a plan is read.
func TestPlanFileTorn(t *testing.T) {
	y := newYard(t)
	y.plant()
	file := y.saved(garbage()...)
	for n := range file {
		if _, err := prune.Load(bytes.NewReader(file[:n])); err == nil {
			t.Fatalf("read as a plan when cut off at %d of %d", n, len(file))
		}
	}
	lines := bytes.SplitAfter(file, []byte("\n"))
	for i := range lines[:len(lines)-1] {
		if _, err := prune.Load(bytes.NewReader(bytes.Join(slices.Delete(slices.Clone(lines), i, i+1), nil))); err == nil {
			t.Errorf("read without line %d", i+1)
		}
	}
	for _, more := range []string{"{}\n", "x\n", `{"dir":"x"}` + "\n"} {
		if _, err := prune.Load(strings.NewReader(string(file) + more)); err == nil {
			t.Errorf("read with %s", more)
		}
	}
}

// TestJournals: what is no journal authorises nothing, and is not deleted.
func TestJournals(t *testing.T) {
	y := newYard(t)
	y.plant()
	c := y.crook()
	killer(c, 4, false)
	y.execute(t.Context(), c, y.execution(c, false), garbage()...)
	journals := y.below("flink/.ckpt/")
	if len(journals) != 2 {
		t.Fatal(journals)
	}
	place := []prune.Journal{{Store: y.crook(), Dir: ".ckpt"}, {Store: y.crook(), Dir: "none"}}
	read := func() prune.JournalFile {
		t.Helper()
		files, err := prune.ReadJournals(t.Context(), place)
		if err != nil || len(files) != 1 {
			t.Fatal(err, files)
		}
		return files[0]
	}
	g := y.graph(y.reg.Open)
	f := read()
	if f.Err != nil || len(f.Entries) != 6 || f.Run == "" || !slices.Equal(f.Roots, []string{yardRoot}) {
		t.Fatalf("%+v", f)
	}
	var got []string
	for _, a := range prune.Authorise(t.Context(), []prune.JournalFile{f}, g) {
		got = append(got, path.Base(a.URL))
	}
	slices.Sort(got)
	var want []string
	for _, name := range []string{"a1", "a2", "s1", "s12"} {
		want = append(want, flinkName(name))
	}
	slices.Sort(want)
	if diff := cmp.Diff(append(want, "_metadata", "_metadata"), got); diff != "" {
		t.Error(diff)
	}
	y.checkpoint(jobA, 1)
	if n := len(prune.Authorise(t.Context(), []prune.JournalFile{f}, g)); n != 2 {
		t.Errorf("%d files are authorised by a _metadata that is there again", n)
	}
	y.pass(2 * time.Hour)
	retire := func(f prune.JournalFile, want int) {
		t.Helper()
		n, err := prune.RetireJournals(t.Context(), []prune.JournalFile{f}, y.graph(y.reg.Open), y.now())
		if err != nil || n != want {
			t.Errorf("%d retired, %v", n, err)
		}
	}
	retire(f, 0)
	for _, c := range []struct{ key, text string }{
		{journals[0], ""}, {journals[0], "x"}, {journals[0], `{"schema":"ckpt.journal/v1"}` + "\n"},
		{journals[0], `{"schema":"ckpt.journal.done/v1","files":2}` + "\n{}\n"},
		{journals[1], ""}, {journals[1], "x"}, {journals[1], `{"schema":"ckpt.journal/v2"}` + "\n"},
		{journals[1], `{"schema":"ckpt.journal/v1","files":2}` + "\n{}\n"}, {journals[1], `{"schema":"ckpt.journal/v1","files":1}` + "\n" + `{"of":[0]}` + "\n"},
	} {
		whole, broken := y.bytes(c.key), c.text
		y.mem.Put("bucket", c.key, []byte(broken))
		f := read()
		if !errors.As(f.Err, new(*prune.JournalError)) || len(f.Entries) > 0 {
			t.Errorf("%q: %+v", broken, f)
		}
		retire(f, 0)
		y.mem.Put("bucket", c.key, whole)
	}
}

// bytes is what a file holds.
func (y *yard) bytes(key string) []byte {
	y.t.Helper()
	store, err := y.reg.Open(y.t.Context(), "mem://bucket")
	if err != nil {
		y.t.Fatal(err)
	}
	c, err := store.Open(y.t.Context(), key)
	if err != nil {
		y.t.Fatal(err)
	}
	defer c.Close()
	data, err := io.ReadAll(c)
	if err != nil {
		y.t.Fatal(err)
	}
	return data
}

// TestRetire: a journal goes when nothing is left for it to authorise.
func TestRetire(t *testing.T) {
	for name, c := range map[string]struct {
		change func(y *yard)
		age    time.Duration
		want   int
	}{
		"files left":          {age: 2 * time.Hour, change: func(*yard) {}},
		"all gone":            {change: func(y *yard) { y.sweep() }, want: 1},
		"all in use":          {age: 2 * time.Hour, change: func(y *yard) { y.checkpoint(jobC, 1, rest()...) }, want: 1},
		"in use by the young": {change: func(y *yard) { y.checkpoint(jobC, 1, rest()...) }},
		"other files":         {age: 2 * time.Hour, change: func(y *yard) { y.pass(time.Minute); y.put(rest()...) }, want: 1},
		"a week later":        {age: prune.JournalValid + time.Minute, change: func(*yard) {}, want: 1},
		"less than that":      {age: prune.JournalValid - time.Minute, change: func(*yard) {}},
		"no record":           {age: 2 * time.Hour, change: func(y *yard) { y.remove(y.below("flink/.ckpt/")[0]) }, want: 1},
		"no record, young":    {change: func(y *yard) { y.remove(y.below("flink/.ckpt/")[0]) }},
		"a record alone":      {age: 2 * time.Hour, change: func(y *yard) { y.remove(y.below("flink/.ckpt/")[1]) }, want: 1},
		"a probe":             {age: 2 * time.Hour, change: func(y *yard) { y.put("flink/.ckpt/probe-x") }, want: 1},
		"a probe, young":      {change: func(y *yard) { y.put("flink/.ckpt/probe-x") }},
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			y.plant()
			k := y.crook()
			killer(k, 4, false)
			y.execute(t.Context(), k, y.execution(k, false), garbage()...)
			c.change(y)
			y.pass(c.age)
			files, err := prune.ReadJournals(t.Context(), []prune.Journal{{Store: y.crook(), Dir: ".ckpt"}})
			if err != nil {
				t.Fatal(err)
			}
			before := len(y.below("flink/.ckpt/"))
			whole := before == 2 && c.want == 1
			if n, err := prune.RetireJournals(t.Context(), files, y.graph(y.reg.Open), y.now()); n != c.want || err != nil {
				t.Errorf("%d retired, %v", n, err)
			}
			left := y.below("flink/.ckpt/")
			if len(left) != before-c.want && !(whole && len(left) == 0) {
				t.Error(left)
			}
		})
	}
}

// rest is what a run that was killed behind its fourth change has left.
func rest() []string {
	return []string{own(jobA, 1, "a1"), own(jobA, 2, "a2"), shared(jobA, "s1"), shared(jobA, "s12")}
}

func (y *yard) sweep() {
	for _, key := range rest() {
		y.remove(key)
	}
}
