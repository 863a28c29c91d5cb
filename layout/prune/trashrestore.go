package prune

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ckpt-tool/ckpt/layout"
)

// Restoration says what to bring back from the trash.
type Restoration struct {
	Runs      []string // their names; all where empty
	Snapshots []string // URLs of directories; all, and what was of none, where empty
	// Open opens the roots in which the files lay.
	Open layout.OpenMutable
	Now  time.Time
	// Unended lets young runs be restored that have not ended: it is known that none of
	// them is still at work.
	Unended bool
	Observe func(Event) // may be nil
}

// Restored is the outcome of a restoration.
type Restored struct {
	Objects   int // that are in their places again
	Bytes     int64
	Snapshots int
	Failed    int
}

// Restore brings files back to their places, and never over others. All data of all
// snapshots comes first. Then comes the _metadata of each snapshot that has all its files
// again; and only then do the copies in the trash go, so that a restoration that was killed
// can be taken up. What is restored has the time of its restoration.
func (t *Trash) Restore(ctx context.Context, r Restoration) (*Restored, error) {
	s := &restoration{Restoration: r, trash: t, stores: map[string]layout.MutableStore{}, broken: map[string]string{}, failed: map[trashFile]bool{}}
	defer s.close()
	if err := s.choose(ctx); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{s.collect, s.data, s.absent, s.metadata, s.clean} {
		if err := step(ctx); err != nil {
			return &s.out, err
		}
	}
	return &s.out, nil
}

// restoration is one on its way.
type restoration struct {
	Restoration
	trash *Trash
	runs  []TrashRun
	out   Restored
	urls  map[string]bool // of the files that are wanted, nil for all

	mu     sync.Mutex
	stores map[string]layout.MutableStore // by root
	broken map[string]string              // snapshots that lack a file, and which
	failed map[trashFile]bool
}

// trashFile names a file in the trash.
type trashFile struct {
	run string
	n   int
}

func (s *restoration) close() {
	for _, store := range s.stores {
		store.Close()
	}
}

// choose finds the runs.
func (s *restoration) choose(ctx context.Context) error {
	for i, url := range s.Snapshots {
		s.Snapshots[i] = claimed(Claim{URL: url})
	}
	all, err := s.trash.Runs(ctx)
	if err != nil {
		return err
	}
	at := layout.Join(s.trash.Store.URL(), s.trash.Dir)
	for _, name := range s.Runs {
		if !slices.ContainsFunc(all, func(r TrashRun) bool { return r.Run == name }) {
			return &layout.NotFoundError{Path: at, Message: "the trash has no run " + name}
		}
	}
	for _, r := range all {
		switch {
		case len(s.Runs) > 0 && !slices.Contains(s.Runs, r.Run):
		case r.Err != nil:
			return r.Err
		case !r.Ended && !s.Unended && s.Now.Sub(r.Created) < atWork:
			return &PlaceError{Path: layout.Join(at, r.Run), Message: "this run may still be at work", Hint: "wait until it has ended, or for an hour"}
		default:
			s.runs = append(s.runs, r)
		}
	}
	for _, url := range s.Snapshots {
		if !slices.ContainsFunc(s.runs, func(r TrashRun) bool { return slices.Contains(r.Snapshots, url) }) {
			return &layout.NotFoundError{Path: url, Message: "the trash has no such checkpoint"}
		}
	}
	return nil
}

// item is a file that is to be restored.
type item struct {
	trashLine
	head *trashHeader
	run  *TrashRun
	copy layout.Object
	kept bool // the copy is there
}

func (i *item) file() trashFile { return trashFile{i.run.Run, i.N} }

// snapshots are those that need the file.
func (i *item) snapshots() (urls []string) {
	for _, n := range i.Of {
		if n >= 0 && n < len(i.head.Snapshots) {
			urls = append(urls, i.head.Snapshots[n])
		}
	}
	return urls
}

// each calls do for all files that are wanted, several at a time.
func (s *restoration) each(ctx context.Context, want func(*item) bool, do func(*item)) error {
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(requests)
	for r := range s.runs {
		run := &s.runs[r]
		for m := range run.manifests {
			head := &trashHeader{}
			err := readLines(ctx, s.trash.Store, run.manifests[m].object.Key, head, func(line []byte) error {
				i := &item{head: head, run: run}
				if err := json.Unmarshal(line, &i.trashLine); err != nil {
					return err
				}
				if i.copy, i.kept = run.files[i.N]; s.wanted(i) && want(i) {
					group.Go(func() error { do(i); return within.Err() })
				}
				return within.Err()
			})
			if err != nil {
				return errors.Join(err, group.Wait())
			}
		}
	}
	return errors.Join(group.Wait(), ctx.Err())
}

// collect finds the files of the snapshots that are wanted. One that a later run has moved,
// to end what an earlier one began, may be said to be of others there.
func (s *restoration) collect(ctx context.Context) error {
	if len(s.Snapshots) == 0 {
		return nil
	}
	urls := map[string]bool{}
	err := s.each(ctx, func(i *item) bool {
		if slices.ContainsFunc(i.snapshots(), func(url string) bool { return slices.Contains(s.Snapshots, url) }) {
			urls[i.URL] = true
		}
		return false
	}, nil)
	s.urls = urls
	return err
}

// wanted tells whether a file is to be restored.
func (s *restoration) wanted(i *item) bool { return s.urls == nil || s.urls[i.URL] }

// data brings all files back but the _metadata.
func (s *restoration) data(ctx context.Context) error {
	return s.each(ctx, func(i *item) bool { return i.kept && !i.Metadata }, func(i *item) { s.put(ctx, i) })
}

// absent looks for the files that do not lie in the trash: they were not moved, or came
// back before.
func (s *restoration) absent(ctx context.Context) error {
	return s.each(ctx, func(i *item) bool { return !i.kept && !i.Metadata && len(i.Of) > 0 }, func(i *item) {
		if err := s.inPlace(ctx, i); err != nil {
			s.fail(i, err)
		}
	})
}

// metadata brings back the _metadata of snapshots that have all their files.
func (s *restoration) metadata(ctx context.Context) error {
	return s.each(ctx, func(i *item) bool { return i.kept && i.Metadata }, func(i *item) {
		if err := s.whole(i); err != nil {
			s.fail(i, err)
			return
		}
		if s.put(ctx, i) {
			s.mu.Lock()
			s.out.Snapshots++
			s.mu.Unlock()
		}
	})
}

// whole fails where the snapshot of a _metadata lacks a file.
func (s *restoration) whole(i *item) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, url := range i.snapshots() {
		if why, ok := s.broken[url]; ok {
			return fmt.Errorf("it is not restored: %s is missing", why)
		}
	}
	return nil
}

// clean deletes the copies of what is in its place, and forgets runs that have no more.
func (s *restoration) clean(ctx context.Context) error {
	gone := map[trashFile]bool{}
	err := s.each(ctx, func(i *item) bool { return i.kept }, func(i *item) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.failed[i.file()] {
			gone[i.file()] = true
		}
	})
	if err != nil {
		return err
	}
	for r := range s.runs {
		run := &s.runs[r]
		var files []layout.Object
		for n, o := range run.files {
			if gone[trashFile{run.Run, n}] {
				files = append(files, o)
			}
		}
		left := len(run.files) - len(files)
		var failed error
		s.trash.Store.Delete(ctx, files, func(_ int, err error) { failed = errors.Join(failed, err) })
		if failed == nil && left == 0 {
			failed = s.trash.forget(ctx, run)
		}
		if failed != nil {
			return failed
		}
	}
	return nil
}

// put brings one file back.
func (s *restoration) put(ctx context.Context, i *item) bool {
	store, key, err := s.place(ctx, i)
	if err == nil {
		err = copyFile(ctx, store, key, s.trash.Store, i.copy)
	}
	if errors.Is(err, fs.ErrExist) {
		err = fmt.Errorf("another file lies there by now: %w", err)
	}
	if err != nil {
		s.fail(i, err)
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.Objects++
	s.out.Bytes += i.copy.Size
	s.observe(Event{URL: i.URL, Bytes: i.copy.Size})
	return true
}

// inPlace fails where a file is not at its place.
func (s *restoration) inPlace(ctx context.Context, i *item) error {
	store, key, err := s.place(ctx, i)
	if err != nil {
		return err
	}
	o, err := store.Stat(ctx, key)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("it is neither in the trash nor at its place")
	case err == nil && o.Size != i.Size:
		return errors.New("another file lies there by now")
	}
	return err
}

// fail notes that a file could not be restored, and that its snapshots lack it.
func (s *restoration) fail(i *item, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed[i.file()] = true
	for _, url := range i.snapshots() {
		s.broken[url] = i.URL
	}
	s.out.Failed++
	s.observe(Event{URL: i.URL, Bytes: i.Size, Err: err})
}

func (s *restoration) observe(e Event) {
	if s.Observe != nil {
		s.Observe(e)
	}
}

// place is where a file lay. What lies in none of the roots that its manifest names is
// refused.
func (s *restoration) place(ctx context.Context, i *item) (layout.MutableStore, string, error) {
	root := ""
	for _, r := range i.head.Roots {
		if _, ok := layout.Below(r, i.URL); ok && len(r) > len(root) {
			root = r
		}
	}
	key, _ := layout.Below(root, i.URL)
	clean, err := layout.CleanKey(key)
	if root == "" || err != nil || clean != key || key == "" {
		return nil, "", &fs.PathError{Op: "restore", Path: i.URL, Err: layout.ErrKey}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	store := s.stores[root]
	if store == nil {
		if store, err = s.Open(ctx, root); err != nil {
			return nil, "", err
		}
		s.stores[root] = store
	}
	return store, key, nil
}
