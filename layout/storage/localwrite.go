package storage

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
)

// Create implements layout.Putter.
func (m *mutableLocal) Create(ctx context.Context, key string, r io.Reader, size int64) (layout.Object, error) {
	if size < 0 {
		return layout.Object{}, m.fail("write", fs.ErrInvalid, key)
	}
	from := newExact(r, size)
	o, err := m.write(key, renameNew, func(f *os.File) error {
		_, err := io.Copy(f, withContext{ctx, from})
		return err
	})
	if from.failed != nil {
		return o, m.fail("write", from.failed, key)
	}
	return o, m.fail("write", bareFile(err), key)
}

// Replace implements layout.Putter.
func (m *mutableLocal) Replace(ctx context.Context, key string, data []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := m.write(key, (*os.Root).Rename, func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
	return m.fail("write", bareFile(err), key)
}

// write fills a temporary file beside the key and gives it its name.
func (m *mutableLocal) write(key string, rename func(dir *os.Root, from, to string) error, fill func(*os.File) error) (layout.Object, error) {
	key, err := newKey(key)
	if err != nil {
		return layout.Object{}, err
	}
	tree, err := m.make()
	if err != nil {
		return layout.Object{}, err
	}
	return writeFile(tree.root, key, rename, fill)
}

// fail gives an error the full path. What the user has cancelled is no fault of a path.
func (m *mutableLocal) fail(op string, err error, key string) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &fs.PathError{Op: op, Path: filepath.Join(m.url, key), Err: err}
}

// bareFile takes the paths off an error of the file system.
func bareFile(err error) error {
	if p := new(fs.PathError); errors.As(err, &p) {
		return p.Err
	}
	if l := new(os.LinkError); errors.As(err, &l) {
		return l.Err
	}
	return err
}

func writeFile(root *os.Root, key string, rename func(dir *os.Root, from, to string) error, fill func(*os.File) error) (o layout.Object, err error) {
	dir, err := enter(root, path.Dir(key), true)
	if err != nil {
		return o, err
	}
	defer dir.Close()
	name := path.Base(key)
	if info, err := dir.Lstat(name); err == nil && info.IsDir() {
		return o, fs.ErrExist
	}
	part := ".ckpt-" + strings.ToLower(rand.Text()) + ".part"
	f, err := dir.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return o, err
	}
	err = errors.Join(fill(f), f.Sync(), f.Close())
	if err == nil {
		err = rename(dir, part, name)
	}
	if err != nil {
		return o, errors.Join(err, dir.Remove(part))
	}
	if err := syncDir(dir); err != nil {
		return o, err
	}
	info, err := dir.Lstat(name)
	if err != nil {
		return o, err
	}
	return object(key, info), nil
}

// linkNew gives a file its name unless there is one of that name, where it cannot be done
// by renaming.
func linkNew(dir *os.Root, from, to string) error {
	err := dir.Link(from, to)
	switch {
	case err == nil:
		return dir.Remove(from)
	case errors.Is(err, fs.ErrExist):
		return fs.ErrExist
	}
	return fmt.Errorf("the file system can neither rename without replacing nor link: %w", err)
}

// withContext is a reader that ends with its context.
type withContext struct {
	ctx context.Context
	io.Reader
}

// Read implements io.Reader.
func (r withContext) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
