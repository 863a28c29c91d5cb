package prune_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/prune"
)

// content is what lies outside of the directory that is ckpt's own.
func (y *yard) content() []string {
	return slices.DeleteFunc(y.keys(), func(key string) bool { return strings.HasPrefix(key, "flink/.ckpt/") })
}

// trashed executes the plan of most tests with a trash.
func trashed(t *testing.T) (y *yard, all []string) {
	y = newYard(t)
	y.plant()
	all = y.keys()
	c := y.crook()
	out := y.execute(t.Context(), c, y.execution(c, true), garbage()...)
	if out.Stopped != nil || out.Failed > 0 {
		t.Fatalf("%+v", out)
	}
	return y, all
}

func (y *yard) restoration(c *crook) (*prune.Trash, prune.Restoration) {
	return &prune.Trash{Store: c, Dir: ".ckpt/trash"}, prune.Restoration{Open: c.openMutable, Now: y.now()}
}

// TestTrash: what goes to the trash looks like nothing of Flink's, and comes back with
// each _metadata last.
func TestTrash(t *testing.T) {
	for _, streamed := range []bool{false, true} {
		y := newYard(t)
		y.plant()
		all := y.keys()
		c := y.crook()
		c.none = streamed
		out := y.execute(t.Context(), c, y.execution(c, true), garbage()...)
		if diff := cmp.Diff(planted(), y.content()); diff != "" || out.Objects != 8 {
			t.Errorf("%+v\n%s", out, diff)
		}
		dir := "flink/.ckpt/trash/" + out.Run + "/"
		want := []string{"0", "1", "2", "3", "4", "5", "6", "7", "end", "manifest-0.jsonl", "manifest-1.jsonl"}
		if got := strings.Split(strings.ReplaceAll(strings.Join(y.below(dir), "\n"), dir, ""), "\n"); !slices.Equal(got, want) {
			t.Errorf("the trash holds %s", got)
		}
		trash, r := y.restoration(c)
		runs, err := trash.Runs(t.Context())
		if err != nil || len(runs) != 1 || runs[0].Run != out.Run || !runs[0].Ended || runs[0].Files != 8 || len(runs[0].Snapshots) != 2 {
			t.Fatalf("%v %+v", err, runs)
		}
		var order []string
		r.Observe = func(e prune.Event) { order = append(order, e.URL[strings.LastIndexByte(e.URL, '/')+1:]) }
		got, err := trash.Restore(t.Context(), r)
		if err != nil || *got != (prune.Restored{Objects: 8, Bytes: out.Bytes, Snapshots: 2}) {
			t.Errorf("%v %+v", err, got)
		}
		if n := len(order); n != 8 || order[6] != "_metadata" || order[7] != "_metadata" {
			t.Errorf("in the order %s", order)
		}
		if diff := cmp.Diff(all, y.keys()); diff != "" {
			t.Error(diff)
		}
		y.checkWhole()
	}
}

// TestRestoreKilled kills a restoration at each change. No checkpoint that is there lacks
// a file, and another restoration ends it.
func TestRestoreKilled(t *testing.T) {
	for _, late := range []bool{false, true} {
		for after := 0; ; after++ {
			y, all := trashed(t)
			c := y.crook()
			n := killer(c, after, late)
			trash, r := y.restoration(c)
			_, err := trash.Restore(t.Context(), r)
			y.checkWhole()
			if *n <= after {
				if err != nil || after < 16 {
					t.Errorf("%d changes: %v", after, err)
				}
				break
			}
			c = y.crook()
			trash, r = y.restoration(c)
			if out, err := trash.Restore(t.Context(), r); err != nil || out.Failed > 0 {
				t.Errorf("again after %d: %v %+v", after, err, out)
			}
			if diff := cmp.Diff(all, y.keys()); diff != "" {
				t.Fatalf("late %t, killed after %d: %s", late, after, diff)
			}
		}
	}
}

// TestRestoreAfterKill: what several runs have moved, because one was killed, comes back
// together.
func TestRestoreAfterKill(t *testing.T) {
	for after := range 14 {
		y := newYard(t)
		y.plant()
		all := y.keys()
		c := y.crook()
		killer(c, after, false)
		y.execute(t.Context(), c, y.execution(c, true), garbage()...)
		y.pass(2 * time.Hour)
		c = y.crook()
		y.execute(t.Context(), c, y.execution(c, true), garbage()...)
		trash, r := y.restoration(c)
		r.Snapshots = []string{yardRoot + "/" + jobA + "/chk-1/_metadata"}
		out, err := trash.Restore(t.Context(), r)
		if err != nil || out.Failed > 0 {
			t.Errorf("after %d: %v %+v", after, err, out)
		}
		y.checkWhole()
		for _, key := range []string{meta(jobA, 1), own(jobA, 1, "a1"), shared(jobA, "s1"), shared(jobA, "s12")} {
			if !slices.Contains(y.keys(), key) {
				t.Errorf("after %d: %s did not come back", after, key)
			}
		}
		r.Snapshots = nil
		if out, err = trash.Restore(t.Context(), r); err != nil || out.Failed > 0 {
			t.Errorf("after %d: %v %+v", after, err, out)
		}
		if diff := cmp.Diff(all, y.keys()); diff != "" {
			t.Errorf("after %d: %s", after, diff)
		}
	}
}

// TestRestoreDamage: what lies there by now is not overwritten, and a checkpoint that
// lacks a file does not come back.
func TestRestoreDamage(t *testing.T) {
	for name, c := range map[string]struct {
		change func(y *yard, run string)
		failed int
		gone   []string
	}{
		"the same file": {change: func(y *yard, _ string) { y.put(shared(jobA, "s1")) }},
		"another file": {
			change: func(y *yard, _ string) { y.mem.Put("bucket", shared(jobA, "s12"), []byte("another")) },
			failed: 3, gone: []string{meta(jobA, 1), meta(jobA, 2)},
		},
		"another file of the same size": {
			change: func(y *yard, _ string) { y.mem.Put("bucket", shared(jobA, "s12"), []byte("atad")) },
			failed: 3, gone: []string{meta(jobA, 1), meta(jobA, 2)},
		},
		"another _metadata of the same size": {
			change: func(y *yard, _ string) {
				y.checkpoint(jobA, 2, own(jobA, 2, "aX"), shared(jobA, "s12"), shared(jobA, "s23"))
			},
			failed: 1,
		},
		"a lost file": {
			change: func(y *yard, run string) { y.remove("flink/.ckpt/trash/" + run + "/1") },
			failed: 2, gone: []string{meta(jobA, 1), own(jobA, 1, "a1")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			y, all := trashed(t)
			k := y.crook()
			trash, r := y.restoration(k)
			runs, err := trash.Runs(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			c.change(y, runs[0].Run)
			out, err := trash.Restore(t.Context(), r)
			if err != nil || out.Failed != c.failed {
				t.Errorf("%v %+v", err, out)
			}
			want := slices.DeleteFunc(slices.Clone(all), func(key string) bool { return slices.Contains(c.gone, key) })
			if diff := cmp.Diff(want, y.content()); diff != "" {
				t.Error(diff)
			}
			if left, err := trash.Runs(t.Context()); err != nil || len(left) != min(c.failed, 1) {
				t.Errorf("%v %+v", err, left)
			}
		})
	}
}

// TestRestoreRefused: what is not there, may be at work, or would lead elsewhere.
func TestRestoreRefused(t *testing.T) {
	y, _ := trashed(t)
	c := y.crook()
	trash, r := y.restoration(c)
	r.Runs = []string{"none"}
	if _, err := trash.Restore(t.Context(), r); !errors.As(err, new(*layout.NotFoundError)) {
		t.Error(err)
	}
	r.Runs, r.Snapshots = nil, []string{yardRoot + "/" + jobA + "/chk-7"}
	if _, err := trash.Restore(t.Context(), r); !errors.As(err, new(*layout.NotFoundError)) {
		t.Error(err)
	}
	runs, err := trash.Runs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	y.remove("flink/.ckpt/trash/" + runs[0].Run + "/end")
	r.Snapshots = nil
	if _, err := trash.Restore(t.Context(), r); !errors.As(err, new(*prune.PlaceError)) {
		t.Error(err)
	}
	y.mem.Put("bucket", "flink/.ckpt/trash/evil/manifest-0.jsonl", []byte(fmt.Sprintf(
		`{"schema":"ckpt.trash/v1","run":"evil","roots":[%q],"files":3}
{"n":0,"url":"mem://bucket/elsewhere/x","size":4}
{"n":1,"url":%q,"size":4}
{"n":2,"url":%q,"size":4}
`, yardRoot, yardRoot+"/../x", yardRoot)))
	y.put("flink/.ckpt/trash/evil/0", "flink/.ckpt/trash/evil/1", "flink/.ckpt/trash/evil/2")
	before := y.content()
	r.Runs = []string{"evil"}
	if out, err := trash.Restore(t.Context(), r); err != nil || out.Failed != 3 || out.Objects > 0 {
		t.Errorf("%v %+v", err, out)
	}
	if diff := cmp.Diff(before, y.content()); diff != "" {
		t.Error(diff)
	}
}

// TestEmpty: only what is old goes for good, wherever the last attempt was killed.
func TestEmpty(t *testing.T) {
	for _, late := range []bool{false, true} {
		for after := 0; ; after++ {
			y, _ := trashed(t)
			y.pass(3 * time.Hour)
			c := y.crook()
			trash, _ := y.restoration(c)
			if out, err := trash.Empty(t.Context(), 4*time.Hour, y.now(), nil); err != nil || out.Runs > 0 || len(out.Left) != 1 {
				t.Fatalf("%v %+v", err, out)
			}
			n := killer(c, after, late)
			events := 0
			out, err := trash.Empty(t.Context(), 2*time.Hour, y.now(), func(prune.Event) { events++ })
			if *n <= after {
				if err != nil || out.Runs != 1 || out.Objects != 8 || events != 8 || after < 10 {
					t.Errorf("%v %+v, %d events", err, out, events)
				}
				break
			}
			c = y.crook()
			trash, _ = y.restoration(c)
			if out, err := trash.Empty(t.Context(), 2*time.Hour, y.now(), nil); err != nil || out.Failed > 0 {
				t.Errorf("%v %+v", err, out)
			}
			if diff := cmp.Diff(planted(), y.keys()); diff != "" {
				t.Fatalf("late %t, killed after %d: %s", late, after, diff)
			}
		}
	}
}

// TestEmptyLeaves: runs at work and those that nobody can read, and files that are no
// run's.
func TestEmptyLeaves(t *testing.T) {
	y, _ := trashed(t)
	c := y.crook()
	trash, _ := y.restoration(c)
	runs, err := trash.Runs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dir := "flink/.ckpt/trash/" + runs[0].Run + "/"
	y.remove(dir + "end")
	before := y.keys()
	if out, err := trash.Empty(t.Context(), 0, y.now(), nil); err != nil || len(out.Left) != 1 {
		t.Errorf("%v %+v", err, out)
	}
	if diff := cmp.Diff(before, y.keys()); diff != "" {
		t.Error(diff)
	}
	y.put(dir+"99", dir+"notes", "flink/.ckpt/trash/torn/0", "flink/.ckpt/trash/torn/manifest-0.jsonl", "flink/.ckpt/trash/bare/0")
	y.pass(2 * time.Hour)
	out, err := trash.Empty(t.Context(), 0, y.now(), nil)
	if err != nil || out.Runs != 1 || len(out.Left) != 1 || out.Left[0].Err == nil {
		t.Errorf("%v %+v", err, out)
	}
	want := append(planted(), dir+"99", dir+"notes", "flink/.ckpt/trash/torn/0", "flink/.ckpt/trash/torn/manifest-0.jsonl", "flink/.ckpt/trash/bare/0")
	slices.Sort(want)
	if diff := cmp.Diff(want, y.keys()); diff != "" {
		t.Error(diff)
	}
}

// TestTrashFails: what could not be copied stays where it is.
func TestTrashFails(t *testing.T) {
	y := newYard(t)
	y.plant()
	before := y.keys()
	c := y.crook()
	c.before = func(op, key string) error {
		if op == "copy" {
			return errors.New("full")
		}
		return nil
	}
	out := y.execute(t.Context(), c, y.execution(c, true), garbage()...)
	if out.Stopped != nil || out.Failed != 4 || out.Objects > 0 {
		t.Errorf("%+v", out)
	}
	if diff := cmp.Diff(before, y.content()); diff != "" {
		t.Error(diff)
	}
	c.before = func(op, key string) error {
		if strings.Contains(key, "manifest") {
			return errors.New("full")
		}
		return nil
	}
	out = y.execute(t.Context(), c, y.execution(c, true), garbage()...)
	checkGuard(t, out.Stopped, prune.GuardPlan)
	if diff := cmp.Diff(before, y.content()); diff != "" {
		t.Error(diff)
	}
}

func TestTrashPlace(t *testing.T) {
	for url, ok := range map[string]bool{
		"s3://b/flink/.ckpt":          true,
		"s3a://b/flink/.ckpt/trash/":  true,
		"s3://b/other":                true,
		"s3://b/flink2":               true,
		"s3://b/flink":                false,
		"s3://b/flink/trash":          false,
		"s3://b/flink/.ckpts":         false,
		"s3://b/flink/a/.ckpt":        false,
		"s3://b":                      false,
		"/local/x/../root/.ckpt":      true,
		"file:///local/root/.ckpt/..": false,
	} {
		err := prune.TrashPlace(url, []string{"s3://b/flink", "/local/root"})
		if (err == nil) != ok {
			t.Errorf("%s: %v", url, err)
		}
		var place *prune.PlaceError
		if err != nil && (!errors.As(err, &place) || place.ErrHint() == "") {
			t.Errorf("%s: no hint", url)
		}
	}
}
