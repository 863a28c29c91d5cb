package storage

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"syscall"

	"github.com/ckpt-tool/ckpt/layout"
)

// localBatch is how many files one goroutine deletes before the next ones, most often in
// one directory.
const localBatch = 64

// Delete implements layout.Deleter.
func (m *mutableLocal) Delete(ctx context.Context, files []layout.Object, done func(int, error)) {
	d := deletion{
		remove: m.remove, batch: localBatch, width: m.width, done: done,
		failed: func(err error, key string) error { return m.fail("delete", bareFile(err), key) },
	}
	d.run(ctx, files)
}

// remove deletes files. Directories are opened once for those that follow one another.
func (m *mutableLocal) remove(ctx context.Context, files []layout.Object) []error {
	errs := make([]error, len(files))
	var at localDir
	defer at.close()
	for i, o := range files {
		if errs[i] = ctx.Err(); errs[i] != nil {
			continue
		}
		if errs[i] = m.enter(&at, path.Dir(o.Key)); errs[i] == nil {
			errs[i] = removeFile(at.root, o)
		}
		if errors.Is(errs[i], fs.ErrNotExist) {
			errs[i] = nil
		}
	}
	return errs
}

// localDir is the directory that was opened last.
type localDir struct {
	name string
	root *os.Root
}

func (d *localDir) close() {
	if d.root != nil {
		d.root.Close()
		d.root = nil
	}
}

// enter opens a directory of the tree, unless it is open.
func (m *mutableLocal) enter(at *localDir, dir string) error {
	if at.root != nil && at.name == dir {
		return nil
	}
	at.close()
	tree, err := m.open()
	if err != nil {
		return err
	}
	at.name = dir
	at.root, err = enter(tree.root, dir, false)
	return err
}

// removeFile deletes a file as long as it is what was listed.
func removeFile(dir *os.Root, listed layout.Object) error {
	info, err := dir.Lstat(listed.Name())
	if err != nil {
		return err
	}
	if now := object(listed.Key, info); now.Type != layout.TypeFile || !sameFile(listed, now) {
		return layout.ErrChanged
	}
	return dir.Remove(listed.Name())
}

// RemoveDir implements layout.Deleter.
func (m *mutableLocal) RemoveDir(ctx context.Context, dir string) error {
	dir, err := newKey(dir)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return err
	}
	var at localDir
	defer at.close()
	if err = m.enter(&at, path.Dir(dir)); err == nil {
		err = rmdir(at.root, path.Base(dir))
	}
	switch {
	case err == nil || errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, fs.ErrExist):
		err = layout.ErrNotEmpty
	case errors.Is(err, syscall.ENOTDIR):
		err = layout.ErrNotDirectory
	}
	return m.fail("delete", bareFile(err), dir)
}
