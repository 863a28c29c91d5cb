package storage

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
)

// hdfsChanger is a client of HDFS that can change it.
type hdfsChanger interface {
	hdfsPeer
	// remove deletes a file, or an empty directory. One that is not there is no error.
	remove(ctx context.Context, path string) error
	// put stores a file of size bytes, and replaces the one that is there.
	put(ctx context.Context, path string, r *exact) error
	// rename gives a file another name. Where there is one of that name that is
	// fs.ErrExist, unless it is to be replaced.
	rename(ctx context.Context, from, to string, replace bool) error
}

// mutableHDFS is a directory of a Hadoop file system that can be changed.
type mutableHDFS struct {
	*hdfs
	to hdfsChanger
}

// Delete implements layout.Deleter.
func (m *mutableHDFS) Delete(ctx context.Context, files []layout.Object, done func(int, error)) {
	d := deletion{
		batch: 1, width: m.settings.concurrency(), done: done,
		failed: func(err error, key string) error { return m.failed("delete", err, key) },
		remove: func(ctx context.Context, files []layout.Object) []error { return []error{m.removeOne(ctx, files[0])} },
	}
	d.run(ctx, files)
}

func (m *mutableHDFS) removeOne(ctx context.Context, listed layout.Object) error {
	now, err := m.to.stat(ctx, m.path(listed.Key))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case now.Type != layout.TypeFile || !sameFile(listed, now):
		return layout.ErrChanged
	}
	return m.to.remove(ctx, m.path(listed.Key))
}

// RemoveDir implements layout.Deleter.
func (m *mutableHDFS) RemoveDir(ctx context.Context, dir string) error {
	dir, err := newKey(dir)
	if err != nil {
		return err
	}
	now, err := m.to.stat(ctx, m.path(dir))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err == nil && now.Type != layout.TypeDir:
		err = layout.ErrNotDirectory
	case err == nil:
		err = m.to.remove(ctx, m.path(dir))
	}
	return m.failed("delete", err, dir)
}

// failed gives an error the full path.
func (m *mutableHDFS) failed(op string, err error, key string) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &fs.PathError{Op: op, Path: layout.Join(m.url, key), Err: err}
}

// Create implements layout.Putter.
func (m *mutableHDFS) Create(ctx context.Context, key string, r io.Reader, size int64) (layout.Object, error) {
	key, err := newKey(key)
	if err != nil {
		return layout.Object{}, err
	}
	if size < 0 {
		return layout.Object{}, m.failed("write", fs.ErrInvalid, key)
	}
	from := newExact(r, size)
	o, err := m.write(ctx, key, from, false)
	if from.failed != nil {
		err = from.failed
	}
	if err != nil {
		return layout.Object{}, m.failed("write", err, key)
	}
	o.Key = key
	return o, nil
}

// Replace implements layout.Putter. A gateway that cannot rename over a file shows none for
// a moment.
func (m *mutableHDFS) Replace(ctx context.Context, key string, data []byte) error {
	key, err := newKey(key)
	if err == nil {
		_, err = m.write(ctx, key, newExact(strings.NewReader(string(data)), int64(len(data))), true)
	}
	return m.failed("write", err, key)
}

// write stores a file under a name of its own beside the key, and renames it when it is
// whole.
func (m *mutableHDFS) write(ctx context.Context, key string, r *exact, replace bool) (layout.Object, error) {
	to := m.path(key)
	there, err := m.to.stat(ctx, to)
	switch {
	case err == nil && (!replace || there.Type != layout.TypeFile):
		return there, fs.ErrExist
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return there, err
	}
	part := path.Join(path.Dir(to), ".ckpt-"+strings.ToLower(rand.Text())+".part")
	made, err := m.fill(ctx, part, r)
	if err == nil {
		err = m.name(ctx, part, to, made, replace)
	}
	if err != nil {
		m.drop(ctx, part)
		return layout.Object{}, err
	}
	return m.to.stat(ctx, to)
}

// fill stores all bytes, and makes sure that they are there.
func (m *mutableHDFS) fill(ctx context.Context, part string, r *exact) (layout.Object, error) {
	if err := m.to.put(ctx, part, r); err != nil {
		return layout.Object{}, err
	}
	made, err := m.to.stat(ctx, part)
	if err == nil && made.Size != r.size {
		err = fmt.Errorf("the store has %d of %d bytes", made.Size, r.size)
	}
	return made, err
}

// name renames the file. Where an answer got lost, the next one says that there is no such
// file: it has its name already.
func (m *mutableHDFS) name(ctx context.Context, part, to string, made layout.Object, replace bool) error {
	err := m.to.rename(ctx, part, to, replace)
	if errors.Is(err, fs.ErrNotExist) {
		if now, statErr := m.to.stat(ctx, to); statErr == nil && sameFile(made, now) {
			return nil
		}
	}
	return err
}

// drop removes what has not become a file, also when the user has cancelled.
func (m *mutableHDFS) drop(ctx context.Context, part string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortLimit)
	defer cancel()
	if err := m.to.remove(ctx, part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		m.settings.log().Warn("a part of a file is left", "path", part, "because", err)
	}
}

// CopyFrom implements layout.Copier. HDFS cannot copy.
func (m *mutableHDFS) CopyFrom(_ context.Context, _ layout.Store, _ layout.Object, key string) (layout.Object, error) {
	key, err := newKey(key)
	if err == nil {
		err = errors.ErrUnsupported
	}
	return layout.Object{}, m.failed("copy", err, key)
}
