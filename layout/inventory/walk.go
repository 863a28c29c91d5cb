package inventory

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/ckpt-tool/ckpt/layout"
)

const (
	// walkers is how many directories are listed at a time.
	walkers = 16
	// batch is how many entries are handed over at a time.
	batch = 1000
	// mostDirectories is how many a walk enters. Checkpoints have a directory each; only
	// where files have one each (entropy in their paths) there are more.
	mostDirectories = 200_000
)

// walk lists all of a tree as it is now, except what lies in the shared/, taskowned/ and
// dstl/ of a job. It does not enter these.
type walk struct {
	store   layout.Store
	aged    map[string]bool // the directories that it did not enter
	limit   int
	pending []string
	active  int
	entered int
	listed  chan part
	ended   chan struct{}
	ctx     context.Context

	requests context.Context // ends with the walk
}

// part is some of what lies in a directory.
type part struct {
	dir     string
	entries []entry
	last    bool // of the directory: the entries are its directories
	home    bool // checkpoints lie in it
}

type entry struct {
	layout.Object
	err error
}

func newWalk(ctx context.Context, store layout.Store) *walk {
	return &walk{store: store, aged: map[string]bool{}, limit: mostDirectories, pending: []string{""}, listed: make(chan part, walkers), ended: make(chan struct{}), ctx: ctx}
}

// run tells whether more is wanted at the end. Directories come before what is in them.
func (w *walk) run(yield func(layout.Object, error) bool) bool {
	var cancel context.CancelFunc
	w.requests, cancel = context.WithCancel(w.ctx)
	defer cancel()
	defer close(w.ended)
	for len(w.pending) > 0 || w.active > 0 {
		if !w.start(yield) {
			return false
		}
		var p part
		select {
		case p = <-w.listed:
		case <-w.ctx.Done():
			yield(layout.Object{}, w.ctx.Err())
			return false
		}
		for _, e := range p.entries {
			if !yield(e.Object, e.err) || e.err != nil && e.Key == "" {
				return false
			}
		}
		if p.last {
			w.active--
			w.descend(p)
		}
	}
	return true
}

// start begins to list as many directories as there is room for.
func (w *walk) start(yield func(layout.Object, error) bool) bool {
	for ; len(w.pending) > 0 && w.active < walkers; w.active++ {
		if w.entered++; w.entered > w.limit {
			yield(layout.Object{}, &Error{Path: w.store.URL(), Message: fmt.Sprintf("there are more than %d directories beside shared/, taskowned/ and dstl/", w.limit),
				Hint: "name the directories of single jobs, or leave --inventory away"})
			return false
		}
		go w.list(w.pending[len(w.pending)-1])
		w.pending = w.pending[:len(w.pending)-1]
	}
	return true
}

// descend decides which directories to enter. Names such as shared mean something only
// beside checkpoints: anywhere else a directory of that name may hold some.
func (w *walk) descend(p part) {
	home := p.home || isJob(w.store.URL(), p.dir)
	for _, e := range p.entries {
		name := path.Base(e.Key)
		switch {
		case e.err != nil:
		case home && (name == layout.SharedName || name == layout.TaskOwnedName || name == layout.ChangelogName):
			w.aged[e.Key] = true
		default:
			w.pending = append(w.pending, e.Key)
		}
	}
}

// isJob tells whether the directory is named by a job id.
func isJob(root, dir string) bool {
	_, err := layout.ParseJobID(path.Base(layout.ParsePlace(layout.Join(root, dir)).Path))
	return err == nil
}

// list lists one directory, its own directories last.
func (w *walk) list(dir string) {
	var files, dirs []entry
	home := false
	for o, err := range w.store.Children(w.requests, dir) {
		switch {
		case err != nil && o.Key == dir && dir != "" && errors.Is(err, fs.ErrNotExist):
			continue // it has gone meanwhile
		case err == nil && o.Type == layout.TypeDir:
			_, checkpoint := layout.ParseCheckpointDir(o.Name())
			home = home || checkpoint
			dirs = append(dirs, entry{o, nil})
			continue
		}
		files = append(files, entry{o, err})
		if len(files) == batch {
			if !w.send(part{dir: dir, entries: files}) {
				return
			}
			files = nil
		}
	}
	if w.send(part{dir: dir, entries: files}) {
		w.send(part{dir: dir, entries: dirs, last: true, home: home})
	}
}

// send hands a part over, unless nobody waits for it any more.
func (w *walk) send(p part) bool {
	select {
	case w.listed <- p:
		return true
	case <-w.ended:
		return false
	}
}
