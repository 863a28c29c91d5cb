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
