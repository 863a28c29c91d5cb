package prune

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// trashNumber reads the name of a file in the trash.
func trashNumber(name string) (int, bool) {
	n, err := strconv.Atoi(name)
	return n, err == nil && n >= 0 && strconv.Itoa(n) == name
}

func sortRuns(runs []TrashRun) {
	slices.SortFunc(runs, func(a, b TrashRun) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.Run, b.Run))
	})
}

// sum adds up the manifests of a run. Only numbers that a manifest has are the run's.
func (r *TrashRun) sum() {
	own := map[int]layout.Object{}
	for i := range r.manifests {
		m := &r.manifests[i]
		if r.Created.IsZero() || m.Created.Before(r.Created) {
			r.Created = m.Created
		}
		for _, root := range m.Roots {
			if !slices.Contains(r.Roots, root) {
				r.Roots = append(r.Roots, root)
			}
		}
		r.Snapshots = append(r.Snapshots, m.Snapshots...)
		for n, o := range r.files {
			if n >= m.First && n-m.First < m.Files {
				own[n] = o
			}
		}
	}
	slices.Sort(r.Snapshots)
	r.Snapshots = slices.Compact(r.Snapshots)
	r.files, r.Files = own, len(own)
	for _, o := range own {
		r.Bytes += o.Size
	}
}

// Emptied is the outcome of emptying the trash.
type Emptied struct {
	Runs    int
	Objects int
	Bytes   int64
	Failed  int
	Left    []TrashRun // too young, perhaps still at work, or not to be read
}

// Empty deletes for good what older runs have moved to the trash: file by file, and the
// manifests last, so that it can be ended by another call.
func (t *Trash) Empty(ctx context.Context, olderThan time.Duration, now time.Time, observe func(Event)) (*Emptied, error) {
	runs, err := t.Runs(ctx)
	if err != nil {
		return nil, err
	}
	out := &Emptied{}
	for i := range runs {
		r := &runs[i]
		age := now.Sub(r.Created)
		if r.Err != nil || age < olderThan || !r.Ended && age < atWork {
			out.Left = append(out.Left, *r)
			continue
		}
		if t.emptyRun(ctx, r, out, observe) {
			out.Runs++
		}
		if err := ctx.Err(); err != nil {
			return out, err
		}
	}
	return out, nil
}

// emptyRun deletes all of a run. It tells whether nothing is left.
func (t *Trash) emptyRun(ctx context.Context, r *TrashRun, out *Emptied, observe func(Event)) bool {
	files := make([]layout.Object, 0, len(r.files))
	for _, o := range r.files {
		files = append(files, o)
	}
	failed := out.Failed
	tell := func(o layout.Object, err error) {
		if err == nil {
			out.Objects++
			out.Bytes += o.Size
		} else {
			out.Failed++
		}
		if observe != nil {
			observe(Event{URL: layout.Join(t.Store.URL(), o.Key), Bytes: o.Size, Err: err})
		}
	}
	t.Store.Delete(ctx, files, func(i int, err error) { tell(files[i], err) })
	if out.Failed > failed {
		return false
	}
	return t.forget(ctx, r) == nil
}

// forget deletes what a run has beside its files: the manifests, and then what tells that
// it has ended.
func (t *Trash) forget(ctx context.Context, r *TrashRun) error {
	var manifests []layout.Object
	for i := range r.manifests {
		manifests = append(manifests, r.manifests[i].object)
	}
	for _, some := range [][]layout.Object{manifests, r.others} {
		var failed error
		t.Store.Delete(ctx, some, func(_ int, err error) { failed = cmp.Or(failed, err) })
		if failed != nil {
			return failed
		}
	}
	if err := t.Store.RemoveDir(ctx, r.dir); !errors.Is(err, layout.ErrNotEmpty) {
		return err
	}
	return nil
}
