package storage

import (
	"context"
	"errors"
	"io/fs"
	"sync"

	"github.com/ckpt-tool/ckpt/layout"
)

// hdfsWalk lists one tree, some directories at a time: the namenode has no call for a
// whole tree, and answers each page late, but many at once.
type hdfsWalk struct {
	*hdfs
	top    string
	listed chan hdfsPart
}

// hdfsPart is a page of a directory, or how it ended.
type hdfsPart struct {
	dir     string
	objects []layout.Object
	last    bool
	err     error // of the last
}

// run yields everything below the top. A directory is read after it was yielded.
func (w *hdfsWalk) run(parent context.Context, deep bool, yield func(layout.Object, error) bool) {
	ctx, cancel := context.WithCancel(parent)
	var readers sync.WaitGroup
	defer readers.Wait()
	defer cancel()
	pending, active := []string{w.top}, 0
	for len(pending) > 0 || active > 0 {
		for ; len(pending) > 0 && active < w.settings.concurrency(); active++ {
			dir := pending[len(pending)-1]
			pending = pending[:len(pending)-1]
			readers.Go(func() { w.read(ctx, dir) })
		}
		p, err := w.next(parent)
		if err != nil {
			yield(layout.Object{Key: w.top}, err)
			return
		}
		if p.last {
			active--
		}
		dirs, ok := w.hand(p, yield)
		if !ok {
			return
		}
		if deep {
			pending = append(pending, dirs...)
		}
	}
}

// next waits for a part.
func (w *hdfsWalk) next(ctx context.Context) (p hdfsPart, err error) {
	select {
	case p = <-w.listed:
	case <-ctx.Done():
	}
	return p, ctx.Err()
}

// hand yields a part and gives the directories in it.
func (w *hdfsWalk) hand(p hdfsPart, yield func(layout.Object, error) bool) (dirs []string, ok bool) {
	for _, o := range p.objects {
		if !yield(o, nil) {
			return nil, false
		}
		if o.Type == layout.TypeDir {
			dirs = append(dirs, o.Key)
		}
	}
	gone := p.dir != w.top && errors.Is(p.err, fs.ErrNotExist)
	if p.err == nil || gone {
		return dirs, true
	}
	return dirs, yield(layout.Object{Key: p.dir, Type: layout.TypeDir}, w.fail(p.err, p.dir))
}

// read lists one directory, part by part.
func (w *hdfsWalk) read(ctx context.Context, dir string) {
	err := w.peer.list(ctx, w.path(dir), func(page []layout.Object) bool {
		for i, o := range page {
			if o.Key == "" { // what was a directory is a file now
				page = nil
				break
			}
			page[i].Key = hdfsKey(dir, o.Key)
		}
		return w.send(ctx, hdfsPart{dir: dir, objects: page})
	})
	w.send(ctx, hdfsPart{dir: dir, err: err, last: true})
}

// send hands a part over, unless nobody waits for it any more.
func (w *hdfsWalk) send(ctx context.Context, p hdfsPart) bool {
	select {
	case w.listed <- p:
		return true
	case <-ctx.Done():
		return false
	}
}

// hdfsKey is the key of a name in dir.
func hdfsKey(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}
