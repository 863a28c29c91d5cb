package checkpoints

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
)

// stores are the trees that a job's files lie in.
type stores struct {
	open layout.OpenMutable

	mu    sync.Mutex
	roots []layout.MutableStore
}

// root opens the tree at a canonical URL, which need not be there yet.
func (s *stores) root(ctx context.Context, url string) (layout.MutableStore, error) {
	if s.open == nil {
		return nil, fmt.Errorf("%s: no storage of files", url)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.roots {
		if st.URL() == url {
			return st, nil
		}
	}
	st, err := s.open(context.WithoutCancel(ctx), url)
	if err != nil {
		return nil, err
	}
	s.roots = append(s.roots, st)
	return st, nil
}

// at tells in which tree a file or directory lies, and its key there. What lies in none of those that are open opens its directory.
func (s *stores) at(ctx context.Context, url string) (layout.MutableStore, string, error) {
	s.mu.Lock()
	for _, st := range s.roots {
		if key, ok := layout.Below(st.URL(), url); ok && key != "" {
			s.mu.Unlock()
			return st, key, nil
		}
	}
	s.mu.Unlock()
	dir, name, ok := cutLast(url)
	if !ok {
		return nil, "", fmt.Errorf("%q is neither a file nor a directory below another", url)
	}
	st, err := s.root(ctx, dir)
	return st, name, err
}

// create writes a new file, of a name that nobody else uses. Where that fails it may be there all the same, as when only the answer was lost: it is
// deleted then, as nobody would know of it. What becomes of that is not told: mostly the storage fails as it did before, and nothing is there.
func (s *stores) create(ctx context.Context, url string, r io.Reader, size int64) error {
	store, key, err := s.at(ctx, url)
	if err != nil {
		return err
	}
	if _, err = store.Create(ctx, key, r, size); err == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	_ = s.remove(ctx, url)
	return err
}

// undoTime is how long a storage that has just failed is asked to delete what it may hold.
const undoTime = 2 * time.Second

// remove deletes a file. One that is gone is no error.
func (s *stores) remove(ctx context.Context, url string) error {
	store, key, err := s.at(ctx, url)
	if err != nil {
		return err
	}
	o, err := store.Stat(ctx, key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	store.Delete(ctx, []layout.Object{o}, func(_ int, e error) { err = e })
	return err
}

func (s *stores) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, st := range s.roots {
		errs = append(errs, st.Close())
	}
	s.roots = nil
	return errors.Join(errs...)
}

// Files implements Access.
func (a *access) Files() backends.Files { return files{a} }

// files opens absolute handles.
type files struct{ a *access }

// Open implements backends.Files.
func (f files) Open(ctx context.Context, h metadata.StreamHandle) (backends.Blob, error) {
	var path metadata.UTF
	offset, size := int64(0), int64(0)
	switch h := h.(type) {
	case *metadata.InlineHandle:
		return layout.NewInlineBlob(h.Name.String(), h.Data), nil
	case *metadata.EmptySegmentHandle:
		return layout.NewInlineBlob("empty", nil), nil
	case *metadata.KeyGroupsHandle:
		return f.Open(ctx, h.Delegate)
	case *metadata.FileHandle:
		path, size = h.Path, h.Size
	case *metadata.SegmentHandle:
		path, offset, size = h.Path, h.Start, h.Size
	default:
		return nil, fmt.Errorf("a %s without the directory that it is relative to", h.Class())
	}
	url := layout.Canonical(path.String())
	store, key, err := f.a.stores.at(ctx, url)
	if err != nil {
		return nil, &layout.FileError{Path: url, Err: err}
	}
	return layout.NewFileBlob(ctx, store, key, url, offset, size), nil
}
