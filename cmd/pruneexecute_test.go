package cmd

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ckpt-tool/ckpt/layout"
)

// stubborn is a store in which some files cannot be deleted.
type stubborn struct {
	layout.MutableStore
	refuses func(key string) error
}

// Delete implements layout.Deleter.
func (s stubborn) Delete(ctx context.Context, files []layout.Object, done func(int, error)) {
	for i, o := range files {
		if err := s.refuses(o.Key); err != nil {
			done(i, &fs.PathError{Op: "remove", Path: o.Key, Err: err})
			continue
		}
		s.MutableStore.Delete(ctx, []layout.Object{o}, func(_ int, err error) { done(i, err) })
	}
}

// removeWith runs a command line where refuses decides what can be deleted.
func removeWith(t *testing.T, c call, refuses func(key string) error, args ...string) result {
	t.Helper()
	c.now = pruneNow
	var out, errs strings.Builder
	env := c.world(args)
	env.Out, env.Err = &out, &errs
	open := env.OpenMutable
	env.OpenMutable = func(ctx context.Context, url string) (layout.MutableStore, error) {
		s, err := open(ctx, url)
		return stubborn{s, refuses}, err
	}
	if c.ctx == nil {
		c.ctx = t.Context()
	}
	return result{Run(c.ctx, env), out.String(), errs.String()}
}

// TestPruneFailures: what cannot be deleted is listed, and the rest goes.
func TestPruneFailures(t *testing.T) {
	refuses := func(key string) error {
		if strings.HasSuffix(key, "chk-1/_metadata") {
			return fs.ErrPermission
		}
		return nil
	}
	args := func() (string, []string) {
		root := old(t, "2.2.0/savepoint-and-checkpoints", threeDays)
		return root, append([]string{"prune", root, "--keep-last", "1", "--apply"}, evidence...)
	}
	root, line := args()
	r := removeWith(t, call{}, refuses, append(line, "-o", "json")...).want(t, Findings)
	doc := &pruneDocument{}
	r.decode(t, doc)
	x := doc.Results
	if x.Failed != 1 || x.Objects+x.Failed+x.Left < len(doc.Delete) || len(x.Failures) == 0 || !strings.HasSuffix(x.Failures[0].Path, "chk-1/_metadata") || x.Failures[0].Left {
		t.Errorf("%+v", x)
	}
	if e := r.decodeError(t); !strings.Contains(e.Message, "permission denied") || !strings.HasSuffix(e.Path, "chk-1/_metadata") {
		t.Errorf("%+v", e)
	}
	if out := ckpt(t, "verify", root).want(t, OK).out; !strings.Contains(out, "/chk-1\tok") || strings.Contains(out, "/chk-3\t") {
		t.Errorf("chk-1 must stay whole, chk-3 go:\n%s", out)
	}
	for _, form := range [][]string{{"-q"}, {"-o", "table"}, {"--log-format", "json"}, {}} {
		_, line := args()
		r := removeWith(t, call{}, refuses, append(line, form...)...).want(t, Findings)
		if !strings.Contains(r.out+r.err, "not deleted") || !strings.Contains(r.err, "permission denied") {
			t.Errorf("%v: %s\n%s", form, r.out, r.err)
		}
	}
}

// TestPruneInterrupted: what has been done is said, and the next run ends it.
func TestPruneInterrupted(t *testing.T) {
	root := old(t, "2.2.0/savepoint-and-checkpoints", threeDays)
	args := append([]string{"prune", root, "--keep-last", "1", "--apply", "-o", "json"}, evidence...)
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupt := func(key string) error {
		if strings.HasSuffix(key, "chk-3/_metadata") {
			cancel(&signalError{syscall.SIGINT})
			return context.Canceled
		}
		return nil
	}
	doc := &pruneDocument{}
	r := removeWith(t, call{ctx: ctx}, interrupt, args...).want(t, Interrupted)
	if e := r.decodeError(t); e.Message != "interrupted" || e.Hint != "the next run ends what was begun" {
		t.Errorf("%+v", e)
	}
	if r.decode(t, doc); doc.Results == nil || doc.Results.Stopped == nil || doc.Results.Objects == 0 {
		t.Errorf("%+v", doc.Results)
	}
	ckpt(t, "verify", root).want(t, OK)
	remove(t, args...).want(t, OK)
	if left := filesBelow(t, root); left != 102 {
		t.Errorf("%d files are left, want 102", left)
	}
	if journals, err := filepath.Glob(filepath.Join(root, ".ckpt", "*")); err != nil || len(journals) != 0 {
		t.Errorf("left: %v, %v", journals, err)
	}
}

// TestReadOnly: a plan is made with stores that change nothing, whatever asks them.
func TestReadOnly(t *testing.T) {
	root := old(t, "2.2.0/savepoint-and-checkpoints", threeDays)
	before := filesBelow(t, root)
	store, err := call{}.world(nil).OpenStore(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	s := readOnly{store}
	key := savedJob + "/chk-1/_metadata"
	o, err := s.Stat(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	var failed []error
	s.Delete(t.Context(), []layout.Object{o}, func(_ int, err error) { failed = append(failed, err) })
	_, err = s.Create(t.Context(), "new", strings.NewReader("x"), 1)
	failed = append(failed, err, s.RemoveDir(t.Context(), savedJob+"/chk-1"), s.Replace(t.Context(), key, nil))
	_, err = s.CopyFrom(t.Context(), s, o, "new")
	for _, err := range append(failed, err) {
		if !errors.Is(err, errReadOnly) {
			t.Error(err)
		}
	}
	if len(failed) != 4 || filesBelow(t, root) != before {
		t.Errorf("%v; %d of %d files", failed, filesBelow(t, root), before)
	}
}
