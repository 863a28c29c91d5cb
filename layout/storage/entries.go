package storage

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// entries turns listed objects into what a tree would hold. Directories come last, in
// the order of their names, and only those that are not known by what they contain: so
// the answer is the same in whatever order the pages come.
type entries struct {
	bucket *bucket
	dir    string
	deep   bool
	any    bool
	marked map[string]time.Time // directories by their markers, or that a delimiter made
	filled map[string]bool      // directories that have files
	yield  func(layout.Object, error) bool
}

func (s *bucket) entries(ctx context.Context, dir, delimiter string) iter.Seq2[layout.Object, error] {
	return func(yield func(layout.Object, error) bool) {
		dir, err := layout.CleanKey(dir)
		if err != nil {
			yield(layout.Object{Key: dir}, err)
			return
		}
		e := &entries{bucket: s, dir: dir, deep: delimiter == "", marked: map[string]time.Time{}, filled: map[string]bool{}, yield: yield}
		c := newCrawl(s.service, query{prefix: s.dir(dir), delimiter: delimiter}, s.concurrency)
		if c.run(ctx, e) {
			e.end(ctx)
		}
	}
}

// take implements sink.
func (e *entries) take(i item) bool {
	e.any = true
	key := strings.TrimPrefix(i.key, e.bucket.prefix)
	dir, marker := i.marks(key)
	switch {
	case marker && isClean(dir) && (dir != "" || key == ""):
		e.mark(dir, i.modified)
		return true
	case marker || !isClean(key) || key == "": // "a//b" and "a/../b" are no paths
		return e.yield(layout.Object{Key: cmp.Or(key, "./"), Type: layout.TypeSpecial, Size: i.size, Modified: i.modified}, nil)
	}
	e.fill(key)
	return e.yield(i.object(key), nil)
}

// marks tells for which directory the item stands, if for any. What has bytes stands for
// none, since they must be counted.
func (i item) marks(key string) (dir string, ok bool) {
	if i.size > 0 && !i.dir {
		return "", false
	}
	if dir, ok = strings.CutSuffix(key, separator); ok || i.dir || key == "" {
		return dir, true
	}
	dir, ok = strings.CutSuffix(key, folderSuffix)
	return dir, ok && dir != "" && !strings.HasSuffix(dir, separator)
}

func isClean(key string) bool {
	clean, err := layout.CleanKey(key)
	return err == nil && clean == key
}

// mark notes a directory, with the latest time that is known of it.
func (e *entries) mark(dir string, modified time.Time) {
	if known, ok := e.marked[dir]; !ok || modified.After(known) {
		e.marked[dir] = modified
	}
}

// fill notes which directories a file makes known.
func (e *entries) fill(key string) {
	for key != "" {
		key = parent(key)
		if e.filled[key] {
			return
		}
		e.filled[key] = true
	}
}

// fail implements sink.
func (e *entries) fail(dir string, err error) bool {
	e.any = true // or not: that cannot be told
	key := e.dir
	if dir != e.bucket.dir(e.dir) {
		key = strings.TrimSuffix(strings.TrimPrefix(dir, e.bucket.prefix), separator)
	}
	return e.yield(layout.Object{Key: key, Type: layout.TypeDir}, e.bucket.failed("list", err, key))
}

// end yields the directories, and tells an empty one from one that is not there.
func (e *entries) end(ctx context.Context) {
	if !e.any && e.bucket.dir(e.dir) != "" {
		modified, err := e.bucket.emptyDirectory(ctx, e.bucket.dir(e.dir))
		if err != nil {
			e.yield(layout.Object{Key: e.dir}, e.bucket.fail(err, e.dir))
			return
		}
		e.mark(e.dir, modified)
	}
	for _, dir := range slices.Sorted(maps.Keys(e.marked)) {
		if e.deep && e.filled[dir] || !e.deep && dir == e.dir {
			continue
		}
		if !e.yield(layout.Object{Key: dir, Type: layout.TypeDir, Modified: e.marked[dir]}, nil) {
			return
		}
	}
}

// parent is the directory of a key.
func parent(key string) string {
	return key[:max(strings.LastIndexByte(key, '/'), 0)]
}
