package storage

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"

	"github.com/ckpt-tool/ckpt/layout"
)

// copyStep is how much is copied between looks at the context.
const copyStep = 64 << 20

// CopyFrom implements layout.Copier. The system copies, and shares the blocks where the
// file system can; never is it the same file by another name. The copy has the mode of the
// file and, where this user may give it, its owner.
func (m *mutableLocal) CopyFrom(ctx context.Context, from layout.Store, src layout.Object, key string) (layout.Object, error) {
	tree, err := localOf(from)
	if err != nil {
		return layout.Object{}, m.fail("copy", err, key)
	}
	if err := listedFile(src); err != nil {
		return layout.Object{}, &fs.PathError{Op: "copy", Path: tree.path(src.Key), Err: err}
	}
	f, err := openListed(tree, src)
	if err != nil {
		return layout.Object{}, &fs.PathError{Op: "copy", Path: tree.path(src.Key), Err: bareFile(err)}
	}
	defer f.Close()
	var changed error
	o, err := m.write(key, renameNew, func(to *os.File) error {
		if err := copyRights(to, f); err != nil { // before there is anything to read
			return err
		}
		err := copyFile(ctx, to, f, src.Size)
		changed = unchanged(f, src)
		return errors.Join(err, changed)
	})
	if changed != nil {
		return layout.Object{}, &fs.PathError{Op: "copy", Path: tree.path(src.Key), Err: changed}
	}
	return o, m.fail("copy", bareFile(err), key)
}

// localOf is the tree of a store in the file system.
func localOf(s layout.Store) (*local, error) {
	switch s := s.(type) {
	case *local:
		return s, nil
	case *mutableLocal:
		return s.open()
	}
	return nil, errors.ErrUnsupported
}

// chmod gives a file a mode, where the file system has any.
func chmod(f *os.File, mode fs.FileMode) error {
	err := f.Chmod(mode.Perm())
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}

// openListed opens a file as long as it is what was listed.
func openListed(tree *local, src layout.Object) (*os.File, error) {
	dir, err := enter(tree.root, path.Dir(src.Key), false)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	if info, err := dir.Lstat(src.Name()); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, layout.ErrChanged
	}
	f, err := dir.OpenFile(src.Name(), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if err := unchanged(f, src); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// unchanged fails where an open file is not what was listed.
func unchanged(f *os.File, src layout.Object) error {
	info, err := f.Stat()
	if err == nil && (!info.Mode().IsRegular() || !sameFile(src, object(src.Key, info))) {
		err = layout.ErrChanged
	}
	return err
}

// copyFile copies so many bytes.
func copyFile(ctx context.Context, to, from *os.File, size int64) error {
	for size > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.CopyN(to, from, min(size, copyStep))
		if size -= n; err != nil && err != io.EOF {
			return err
		}
		if n == 0 {
			return io.ErrUnexpectedEOF
		}
	}
	return nil
}
