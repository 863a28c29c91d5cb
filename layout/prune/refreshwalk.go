package prune

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/ckpt-tool/ckpt/layout"
)

// skips are directories that a walk for new snapshots does not enter: those of snapshots
// that are known, which are asked for by themselves, and those of data, which Flink puts
// no snapshot in.
type skips struct {
	dirs  map[string]bool
	homes map[string]bool // directories of jobs: shared, taskowned and dstl in them are data
}

func newSkips(t *layout.Tree) *skips {
	s := &skips{dirs: map[string]bool{}, homes: map[string]bool{}}
	for i := range t.Snapshots {
		s.dirs[t.Snapshots[i].Dir] = true
	}
	for i := range t.JobDirs {
		d := &t.JobDirs[i]
		s.homes[d.Dir] = true
		if d.EntropyOf != "" {
			s.dirs[entropyPrefix(d.Dir, d.EntropyOf)] = true
		}
	}
	for i := range t.Snapshots {
		s.open(t.Snapshots[i].Dir)
	}
	for i := range t.JobDirs {
		if d := &t.JobDirs[i]; d.EntropyOf == "" {
			s.open(d.Dir)
			delete(s.dirs, d.Dir)
		}
	}
	delete(s.dirs, "")
	return s
}

// open lets a walk reach what lies at dir.
func (s *skips) open(dir string) {
	for dir != "" {
		dir = above(dir)
		delete(s.dirs, dir)
	}
}

// entropyPrefix is the directory with a random name that leads to dir, where there is
// none in the directory that it belongs to.
func entropyPrefix(dir, of string) string {
	at, other := strings.Split(dir, "/"), strings.Split(of, "/")
	for i := range at {
		if i >= len(other) || at[i] != other[i] {
			return strings.Join(at[:i+1], "/")
		}
	}
	return dir
}

// skip tells whether the directory dir/name is not entered.
func (s *skips) skip(dir, name string) bool {
	switch name {
	case layout.ToolDirName:
		return true
	case layout.SharedName, layout.TaskOwnedName, layout.ChangelogName:
		_, err := layout.ParseJobID(path.Base(dir))
		return err == nil || s.homes[dir]
	}
	return s.dirs[path.Join(dir, name)]
}

// walk finds the _metadata of a tree outside of the directories of known snapshots, level
// by level.
func (r *run) walk(ctx context.Context, t *layout.Tree) ([]layout.Object, error) {
	s := newSkips(t)
	var found []layout.Object
	for level := []string{""}; len(level) > 0; {
		var mu sync.Mutex
		var next []string
		group, within := errgroup.WithContext(ctx)
		group.SetLimit(requests)
		for _, dir := range level {
			group.Go(func() error {
				dirs, meta, err := s.visit(within, t, dir)
				mu.Lock()
				defer mu.Unlock()
				next = append(next, dirs...)
				if meta != nil {
					found = append(found, *meta)
				}
				if err != nil {
					return unlisted(ctx, layout.Join(t.Root, dir), err)
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			return nil, err
		}
		level = next
	}
	return found, nil
}

// visit lists one directory. One that has vanished holds nothing, unless it is the root.
func (s *skips) visit(ctx context.Context, t *layout.Tree, dir string) (dirs []string, meta *layout.Object, err error) {
	for o, err := range t.Store.Children(ctx, dir) {
		switch {
		case errors.Is(err, fs.ErrNotExist) && (dir != "" || o.Key != ""):
		case errors.Is(err, fs.ErrNotExist):
			return nil, nil, &StoppedError{Guard: GuardRoot, Path: t.Root, Message: "the root has vanished"}
		case err != nil:
			return nil, nil, err
		case o.Key == dir:
		case o.Type == layout.TypeDir && !s.skip(dir, o.Name()):
			dirs = append(dirs, o.Key)
		case o.Type != layout.TypeDir && o.Name() == layout.MetadataName:
			meta = &o
		}
	}
	return dirs, meta, nil
}
