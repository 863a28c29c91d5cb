package faults_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/faults"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/google/go-cmp/cmp"
)

// tree is a bucket with four files.
func tree(t *testing.T) storage.Registry {
	t.Helper()
	m := new(storage.Memory)
	for _, key := range []string{"a", "b", "c", "dir/d"} {
		m.Put("b", key, []byte(key))
	}
	return storage.Registry{m.Driver()}
}

// found is what lies in the bucket, in one line.
func found(t *testing.T, s layout.Store) string {
	t.Helper()
	var all []string
	for o, err := range s.List(t.Context(), "") {
		if err != nil {
			return err.Error()
		}
		all = append(all, fmt.Sprint(o.Key, ":", o.Size))
	}
	return strings.Join(all, " ")
}

// program deletes two files, and then creates, copies, replaces and removes: six changes.
func program(ctx context.Context, s layout.MutableStore) (errs []error) {
	files := make([]layout.Object, 2)
	for i, key := range []string{"a", "b"} {
		o, err := s.Stat(ctx, key)
		if err != nil {
			return append(errs, err)
		}
		files[i] = o
	}
	c, err := s.Stat(ctx, "c")
	if err != nil {
		return append(errs, err)
	}
	s.Delete(ctx, files, func(_ int, err error) { errs = append(errs, err) })
	_, err = s.Create(ctx, "new", strings.NewReader("12"), 2)
	errs = append(errs, err)
	_, err = s.CopyFrom(ctx, s, c, "copy")
	return append(errs, err, s.Replace(ctx, "c", []byte("123")), s.RemoveDir(ctx, "nothing"))
}

// TestCrashes kills the program at each of its operations.
func TestCrashes(t *testing.T) {
	states := []string{ // after so many changes
		"a:1 b:1 c:1 dir/d:5", "b:1 c:1 dir/d:5", "c:1 dir/d:5", "c:1 dir/d:5 new:2", "c:1 copy:1 dir/d:5 new:2", "c:3 copy:1 dir/d:5 new:2", "c:3 copy:1 dir/d:5 new:2",
	}
	for _, mode := range []faults.Mode{faults.CrashBefore, faults.CrashAfter} {
		for n := 1; n <= 7; n++ {
			drivers, plan := tree(t), &faults.Plan{ChangeAt: int64(n), Mode: mode}
			s, err := plan.WrapMutable(drivers.OpenMutable)(t.Context(), "mem://b/")
			if err != nil {
				t.Fatal(err)
			}
			errs := program(t.Context(), s)
			for i, err := range errs {
				if crashed := i+1 >= n; crashed != errors.Is(err, faults.ErrCrashed) || !crashed && err != nil {
					t.Errorf("%d, mode %d: change %d: %v", n, mode, i+1, err)
				}
			}
			left := n - 1
			if mode == faults.CrashAfter && n <= 6 {
				left = n
			}
			plain, err := drivers.Open(t.Context(), "mem://b/")
			if err != nil {
				t.Fatal(err)
			}
			if got := found(t, plain); got != states[left] || plan.Crashed() != (n <= 6) || len(errs) != 6 {
				t.Errorf("%d, mode %d: %s, want %s; %v", n, mode, got, states[left], errs)
			}
			_, err = plan.Wrap(drivers.Open)(t.Context(), "mem://b/")
			if wanted := n <= 6; errors.Is(err, faults.ErrCrashed) != wanted || strings.Contains(found(t, s), "killed") != wanted {
				t.Errorf("%d: alive after the crash: %v", n, err)
			}
		}
	}
}

// TestFailOne lets one operation fail, and no other.
func TestFailOne(t *testing.T) {
	for n := 1; n <= 6; n++ {
		plan := &faults.Plan{ChangeAt: int64(n), Mode: faults.FailOne, Err: fs.ErrPermission}
		s, err := plan.WrapMutable(tree(t).OpenMutable)(t.Context(), "mem://b/")
		if err != nil {
			t.Fatal(err)
		}
		for i, err := range program(t.Context(), s) {
			if failed := i+1 == n; failed != errors.Is(err, fs.ErrPermission) || !failed && err != nil {
				t.Errorf("%d: change %d: %v", n, i+1, err)
			}
		}
		if plan.Changes.Load() != 6 || plan.Reads.Load() != 3 {
			t.Errorf("%d changes, %d reads", plan.Changes.Load(), plan.Reads.Load())
		}
	}
}

// TestReadCrash kills a program in the midst of reading, bodies as well.
func TestReadCrash(t *testing.T) {
	plan := &faults.Plan{ReadAt: 2}
	s, err := plan.WrapMutable(tree(t).OpenMutable)(t.Context(), "mem://b/")
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Open(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if errs := program(t.Context(), s); len(errs) != 1 || !errors.Is(errs[0], faults.ErrCrashed) || plan.Changes.Load() != 0 {
		t.Error(errs)
	}
	if _, err := io.ReadAll(c); !errors.Is(err, faults.ErrCrashed) {
		t.Errorf("read on: %v", err)
	}
	if _, err := s.Now(t.Context()); !errors.Is(err, faults.ErrCrashed) {
		t.Error(err)
	}
}

// TestChangeErr lets single files fail, in whatever order they go.
func TestChangeErr(t *testing.T) {
	orders := map[string]bool{}
	for seed := range uint64(20) {
		var order string
		plan := &faults.Plan{Shuffle: seed, ChangeErr: func(op, key string) error {
			order += op + " " + key + " "
			if key == "c" {
				return fs.ErrPermission
			}
			return nil
		}}
		s, err := plan.WrapMutable(tree(t).OpenMutable)(t.Context(), "mem://b/")
		if err != nil {
			t.Fatal(err)
		}
		var files []layout.Object
		for o, err := range s.List(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, o)
		}
		s.Delete(t.Context(), files, func(i int, err error) {
			if (files[i].Key == "c") != errors.Is(err, fs.ErrPermission) {
				t.Errorf("%s: %v", files[i].Key, err)
			}
		})
		if got := found(t, s); got != "c:1" {
			t.Error(got)
		}
		orders[order] = true
	}
	if len(orders) < 5 {
		t.Errorf("orders: %v", orders)
	}
}

// TestLies: listings show what is not there, and not as it is.
func TestLies(t *testing.T) {
	plan := &faults.Plan{
		Hidden:   func(key string) bool { return key == "b" },
		Phantoms: []layout.Object{{Key: "z"}, {Key: "dir/z"}},
		Stale: func(o layout.Object) layout.Object {
			o.Size += 7
			return o
		},
	}
	s, err := plan.Wrap(tree(t).Open)(t.Context(), "mem://b/")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("a:8 c:8 dir/d:12 z:0 dir/z:0", found(t, s)); diff != "" {
		t.Error(diff)
	}
	var children []string
	for o := range s.Children(t.Context(), "dir") {
		children = append(children, o.Key)
	}
	if diff := cmp.Diff([]string{"dir/d", "dir/z"}, children); diff != "" {
		t.Error(diff)
	}
	if _, err := s.Stat(t.Context(), "z"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// TestOutcomes: a change comes to what the plan says, and the plan keeps where.
func TestOutcomes(t *testing.T) {
	for outcome, want := range map[faults.Outcome]string{
		faults.Done:    "c:3 copy:1 dir/d:5 new:2",
		faults.Refused: "a:1 b:1 c:1 dir/d:5",
		faults.Lost:    "c:3 copy:1 dir/d:5 new:2",
		faults.Half:    "a:1 b:1 c:1 dir/d:5 new:1",
		faults.Lied:    "a:1 b:1 c:1 dir/d:5",
	} {
		drivers := tree(t)
		var asked []string
		plan := &faults.Plan{Err: fs.ErrPermission, Outcome: func(op, url string) faults.Outcome {
			asked = append(asked, op+" "+url)
			return outcome
		}}
		s, err := plan.WrapMutable(drivers.OpenMutable)(t.Context(), "mem://b/")
		if err != nil {
			t.Fatal(err)
		}
		told := outcome == faults.Refused || outcome == faults.Lost || outcome == faults.Half
		for i, err := range program(t.Context(), s) {
			if errors.Is(err, fs.ErrPermission) != told || !told && err != nil {
				t.Errorf("outcome %d, change %d: %v", outcome, i, err)
			}
		}
		spoiled := 6
		if outcome == faults.Done {
			spoiled = 0
		}
		if got := plan.Spoiled(); len(got) != spoiled {
			t.Errorf("outcome %d: %v", outcome, got)
		}
		if len(asked) != 6 || asked[2] != "create mem://b/new" {
			t.Errorf("asked for %v", asked)
		}
		plain, err := drivers.Open(t.Context(), "mem://b/")
		if err != nil {
			t.Fatal(err)
		}
		if got := found(t, plain); got != want {
			t.Errorf("outcome %d: %s, want %s", outcome, got, want)
		}
	}
}

// TestWeather: of many calls about as many fail as it says, and the dice of a seed are always the same.
func TestWeather(t *testing.T) {
	w := faults.Weather{Refused: 100, Lost: 100, Half: 100, Lied: 100, Unread: 200, Short: 100, Silent: 100, Late: 100, Lateness: 1000,
		Spare: func(op, _ string, o faults.Outcome) bool { return op == "copy" && o == faults.Lied }}
	throw := func(seed uint64) (n [5]int, unread, short, silent, late int) {
		p := w.Plan(seed)
		count := func(n *int, yes bool) {
			if yes {
				*n++
			}
		}
		for range 2000 {
			n[p.Outcome("create", "u")]++
			if p.Outcome("copy", "u") == faults.Lied {
				t.Fatal("spared, and it happened")
			}
			count(&unread, p.StatErr("k") != nil)
			count(&short, p.ReadAfter("k") >= 0)
			count(&silent, p.SilentAfter("k") >= 0)
			count(&late, p.DelayOf() > 0)
		}
		return n, unread, short, silent, late
	}
	n, unread, short, silent, late := throw(1)
	again, _, _, _, _ := throw(1)
	if n != again {
		t.Errorf("%v and %v of one seed", n, again)
	}
	for _, have := range []int{n[faults.Refused], n[faults.Lost], n[faults.Half], n[faults.Lied], unread / 2, short, silent, late} {
		if have < 120 || have > 300 {
			t.Errorf("%v outcomes, %d unread, %d short, %d silent, %d late of 2000", n, unread, short, silent, late)
			break
		}
	}
}

// TestReadWeather: bodies end early, listings fail.
func TestReadWeather(t *testing.T) {
	plan := &faults.Plan{SilentAfter: func(key string) int64 {
		if key == "dir/d" {
			return 2
		}
		return -1
	}, ListErrOf: func(dir string) error {
		if dir == "dir" {
			return fs.ErrPermission
		}
		return nil
	}}
	s, err := plan.WrapMutable(tree(t).OpenMutable)(t.Context(), "mem://b/")
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"dir/d": "di", "a": "a"} {
		c, err := s.Open(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(c); string(got) != want || err != nil {
			t.Errorf("%s: %q, %v", key, got, err)
		}
	}
	if got := found(t, s); got != "a:1 b:1 c:1 dir/d:5" {
		t.Error(got)
	}
	for _, err := range s.List(t.Context(), "dir") {
		if !errors.Is(err, fs.ErrPermission) {
			t.Error(err)
		}
	}
	if diff := cmp.Diff([]faults.Fault{{Op: "open", URL: "mem://b/dir"}}, plan.Spoiled()); diff != "" {
		t.Error(diff)
	}
}
