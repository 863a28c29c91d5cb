package storage

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"github.com/ckpt-tool/ckpt/layout"
)

// readers is how many directories are read at a time. A network file system answers each
// call late, but many at once.
const readers = 16

// walk lists one tree.
type walk struct {
	*local
	ctx    context.Context
	top    string
	listed chan part // of the directories that are being read
	ended  chan struct{}
}

// part is what a directory, or the next batch of it, holds.
type part struct {
	entries []entry
	last    bool // of its directory
}

// entry is an object, or why there is none.
type entry struct {
	layout.Object
	err error
}

// run yields the top and everything below it. A directory is read after it was yielded.
func (w *walk) run(deep bool, yield func(layout.Object, error) bool) {
	defer close(w.ended)
	if info, err := w.root.Stat(name(w.top)); deep && err == nil && info.IsDir() && w.ctx.Err() == nil {
		if !yield(object(w.top, info), nil) {
			return
		}
	}
	pending, active := []string{w.top}, 0
	for len(pending) > 0 || active > 0 {
		for ; len(pending) > 0 && active < readers; active++ {
			go w.read(pending[len(pending)-1])
			pending = pending[:len(pending)-1]
		}
		var p part
		select {
		case p = <-w.listed:
		case <-w.ctx.Done():
		}
		if err := w.ctx.Err(); err != nil {
			yield(layout.Object{Key: w.top}, err)
			return
		}
		for _, e := range p.entries {
			if !yield(e.Object, e.err) {
				return
			}
			if deep && e.Type == layout.TypeDir && e.err == nil {
				pending = append(pending, e.Key)
			}
		}
		if p.last {
			active--
		}
	}
}

// read lists one directory, part by part.
func (w *walk) read(key string) {
	f, err := w.root.Open(name(key))
	if err != nil {
		w.send(part{w.failed(key, err), true})
		return
	}
	defer f.Close()
	d := newDirents(f, key)
	defer d.close()
	for {
		entries, err := d.next(w.fail)
		if err != nil && err != io.EOF {
			entries = append(entries, w.failed(key, err)...)
		}
		last := err != nil
		if !w.send(part{entries, last}) || last {
			return
		}
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

// failed reports a directory that cannot be read, unless it has gone meanwhile.
func (w *walk) failed(key string, err error) []entry {
	if key != w.top && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return []entry{{layout.Object{Key: key, Type: layout.TypeDir}, w.fail(err, key)}}
}
