package inventory

import (
	"context"
	"fmt"
	"iter"
	"path"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// store lists its root by a report where that is enough. All else is the live store's.
type store struct {
	layout.Store
	report *report
	prefix string // of keys in the bucket that lie below the root
}

// Open reads the manifest at manifestURL and gives a store that is live but for List of
// its root, which takes the files of shared/, taskowned/ and dstl/ from the report. The
// time is when S3 began to look: no file of the report is younger. The report must be of
// the bucket in which the root of live lies. Closing the store closes live.
func Open(ctx context.Context, open layout.OpenStore, manifestURL string, live layout.Store) (layout.Store, time.Time, error) {
	place := layout.ParsePlace(live.URL())
	if place.Scheme != "s3" && place.Scheme != "mem" || place.Authority == "" {
		return nil, time.Time{}, &Error{Path: live.URL(), Message: "it does not lie in S3", Hint: "leave --inventory away", Err: ErrOtherTree}
	}
	r, err := openReport(ctx, open, manifestURL)
	if err != nil {
		return nil, time.Time{}, err
	}
	if r.SourceBucket != place.Authority {
		r.close()
		return nil, time.Time{}, &Error{Path: manifestURL, Hint: "name the manifest.json of a report of that bucket", Err: ErrOtherTree,
			Message: fmt.Sprintf("it is of the bucket %s, and the tree lies in %s", r.SourceBucket, place.Authority)}
	}
	s := &store{Store: live, report: r}
	if s.prefix = strings.Trim(place.Path, "/"); s.prefix != "" {
		s.prefix += "/"
	}
	return s, r.created, nil
}

// Close implements layout.Store.
func (s *store) Close() error {
	err := s.report.close()
	if liveErr := s.Store.Close(); liveErr != nil {
		return liveErr
	}
	return err
}

// List implements layout.Lister. What lies below a directory other than the root is
// listed as it is now, since a part of the tree is asked for to know it exactly.
func (s *store) List(ctx context.Context, dir string) iter.Seq2[layout.Object, error] {
	if clean, err := layout.CleanKey(dir); err != nil || clean != "" {
		return s.Store.List(ctx, dir)
	}
	return func(yield func(layout.Object, error) bool) {
		w := newWalk(ctx, s.Store)
		if !w.run(yield) {
			return
		}
		if err := s.aged(ctx, w.aged, yield); err != nil && err != errStop {
			yield(layout.Object{}, err)
		}
	}
}

// aged yields the files of the report that lie in dirs.
func (s *store) aged(ctx context.Context, dirs map[string]bool, yield func(layout.Object, error) bool) error {
	if len(dirs) == 0 {
		return nil
	}
	a := &area{dirs: dirs, store: s, told: map[string]bool{}}
	return s.report.rows(ctx, func(r row) error {
		key, below := strings.CutPrefix(r.key, s.prefix)
		if !below || r.modified.After(s.report.created) {
			return nil
		}
		o, err := a.object(key, r)
		if err == nil && o.Key == "" || yield(o, err) {
			return nil
		}
		return errStop
	})
}

// area is the directories that the report is asked for.
type area struct {
	dirs  map[string]bool
	store *store
	told  map[string]bool // that they hold what they should not

	last   string // directory of the last row, as rows come by key
	within string // the one of dirs around it, "" for none
	odd    bool   // it looks like that of a checkpoint
}

// object is what a listing would have of the row, the zero Object for nothing.
func (a *area) object(key string, r row) (layout.Object, error) {
	dir, name := path.Split(key)
	if dir != a.last {
		a.enter(dir)
	}
	switch {
	case a.within == "" || name == "" && r.size == 0: // elsewhere, or the marker of a directory
		return layout.Object{}, nil
	case a.odd || name == layout.MetadataName:
		if a.told[a.within] {
			return layout.Object{}, nil
		}
		a.told[a.within] = true
		return layout.Object{Key: a.within, Type: layout.TypeDir}, &Error{
			Path: layout.Join(a.store.URL(), key), Message: "a checkpoint within " + path.Base(a.within) + ", where the report may be behind",
			Hint: "leave --inventory away",
		}
	}
	o := layout.Object{Key: key, Size: r.size, Modified: r.modified, Tag: r.tag()}
	if clean, err := layout.CleanKey(key); err != nil || clean != key {
		o.Type = layout.TypeSpecial
	}
	return o, nil
}

// enter learns what to think of the rows in dir, which ends in a slash or is "".
func (a *area) enter(dir string) {
	a.last, a.within, a.odd = dir, "", false
	for at := strings.TrimSuffix(dir, "/"); at != ""; at = parent(at) {
		name := path.Base(at)
		if a.dirs[at] {
			a.within = at
			return
		}
		_, checkpoint := layout.ParseCheckpointDir(name)
		_, savepoint := layout.ParseSavepointName(name)
		a.odd = a.odd || checkpoint || savepoint
	}
}

// parent is the directory of a key.
func parent(key string) string {
	return key[:max(strings.LastIndexByte(key, '/'), 0)]
}
