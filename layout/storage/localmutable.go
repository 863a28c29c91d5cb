package storage

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// mutableLocal is a directory that can be changed, and that need not be there yet.
type mutableLocal struct {
	url   string
	width int

	mu   sync.Mutex
	tree *local // nil as long as there is none
}

func (s Settings) openMutableLocal(ctx context.Context, place layout.Place) (layout.MutableStore, error) {
	found, err := openLocal(ctx, place)
	if err == nil {
		l := found.(*local)
		return &mutableLocal{url: l.url, tree: l, width: s.concurrency()}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	dir, err := filepath.Abs(place.Path)
	if err != nil {
		return nil, err
	}
	if _, err := ancestor(dir); err != nil {
		return nil, withPath(err, dir)
	}
	return &mutableLocal{url: dir, width: s.concurrency()}, nil
}

// ancestor is the nearest directory above dir that exists.
func ancestor(dir string) (string, error) {
	for {
		above := filepath.Dir(dir)
		info, err := os.Stat(above)
		switch {
		case err == nil && info.IsDir():
			return above, nil
		case err == nil || errors.Is(err, syscall.ENOTDIR):
			return "", layout.ErrNotDirectory
		case !errors.Is(err, fs.ErrNotExist) || above == dir:
			return "", err
		}
		dir = above
	}
}

// open is the tree, as it is read.
func (m *mutableLocal) open() (*local, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tree == nil {
		root, err := os.OpenRoot(m.url)
		if err != nil {
			return nil, withPath(err, m.url)
		}
		m.tree = &local{root: root, url: m.url}
	}
	return m.tree, nil
}

// make is the tree, whose directory it makes.
func (m *mutableLocal) make() (*local, error) {
	tree, err := m.open()
	if !errors.Is(err, fs.ErrNotExist) {
		return tree, err
	}
	above, err := ancestor(m.url)
	if err != nil {
		return nil, withPath(err, m.url)
	}
	rest, err := filepath.Rel(above, m.url)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(above)
	if err != nil {
		return nil, withPath(err, above)
	}
	defer root.Close()
	sub, err := enter(root, filepath.ToSlash(rest), true)
	if err != nil {
		return nil, withPath(err, m.url)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tree != nil { // another was faster
		return m.tree, sub.Close()
	}
	m.tree = &local{root: sub, url: m.url}
	return m.tree, nil
}

// MakePrivate makes a directory that only its owner may enter, and those above it with the
// usual rights. One that is there stays as it is.
func (m *mutableLocal) MakePrivate(_ context.Context, dir string) error {
	dir, err := newKey(dir)
	if err != nil {
		return err
	}
	tree, err := m.make()
	if err != nil {
		return err
	}
	above, err := enter(tree.root, path.Dir(dir), true)
	if err != nil {
		return m.fail("make", bareFile(err), dir)
	}
	defer above.Close()
	if err = above.Mkdir(path.Base(dir), 0o700); err == nil {
		err = syncDir(above)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return m.fail("make", bareFile(err), dir)
}

// URL implements layout.Store.
func (m *mutableLocal) URL() string { return m.url }

// Close implements layout.Store.
func (m *mutableLocal) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tree == nil {
		return nil
	}
	return m.tree.Close()
}

// Stat implements layout.Opener.
func (m *mutableLocal) Stat(ctx context.Context, key string) (layout.Object, error) {
	tree, err := m.at(key)
	if err != nil {
		return layout.Object{}, err
	}
	return tree.Stat(ctx, key)
}

// Open implements layout.Opener.
func (m *mutableLocal) Open(ctx context.Context, key string) (*layout.Content, error) {
	tree, err := m.at(key)
	if err != nil {
		return nil, err
	}
	return tree.Open(ctx, key)
}

// OpenRange implements layout.Opener.
func (m *mutableLocal) OpenRange(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	tree, err := m.at(key)
	if err != nil {
		return nil, err
	}
	return tree.OpenRange(ctx, key, offset, length)
}

// at is the tree, with errors of the key where there is none.
func (m *mutableLocal) at(key string) (*local, error) {
	clean, err := layout.CleanKey(key)
	if err != nil {
		return nil, err
	}
	tree, err := m.open()
	if err != nil {
		return nil, withPath(err, filepath.Join(m.url, clean))
	}
	return tree, nil
}

// List implements layout.Lister.
func (m *mutableLocal) List(ctx context.Context, dir string) iter.Seq2[layout.Object, error] {
	return m.list(ctx, dir, (*local).List)
}

// Children implements layout.Lister.
func (m *mutableLocal) Children(ctx context.Context, dir string) iter.Seq2[layout.Object, error] {
	return m.list(ctx, dir, (*local).Children)
}

type localListing func(l *local, ctx context.Context, dir string) iter.Seq2[layout.Object, error]

func (m *mutableLocal) list(ctx context.Context, dir string, by localListing) iter.Seq2[layout.Object, error] {
	tree, err := m.at(dir)
	if err != nil {
		return func(yield func(layout.Object, error) bool) { yield(layout.Object{Key: dir}, err) }
	}
	return by(tree, ctx, dir)
}

// Now implements layout.Clock.
func (m *mutableLocal) Now(context.Context) (time.Time, error) {
	return time.Time{}, errors.ErrUnsupported
}

// Remarks implements layout.Inspector.
func (m *mutableLocal) Remarks(context.Context) (layout.Remarks, error) { return layout.Remarks{}, nil }

// Unfinished implements layout.Inspector.
func (m *mutableLocal) Unfinished(context.Context, string) (bool, error) { return false, nil }
