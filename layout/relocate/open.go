package relocate

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/ckpt-tool/ckpt/layout"
)

// sources opens files wherever they lie.
type sources struct {
	main  layout.Store
	opens layout.OpenStore
	mu    sync.Mutex
	other map[string]layout.Store // by directory
}

func newSources(main layout.Store, open layout.OpenStore) *sources {
	return &sources{main: main, opens: open, other: map[string]layout.Store{}}
}

// of is the store in which a file lies, and its key there.
func (s *sources) of(ctx context.Context, url string) (layout.Store, string, error) {
	if key, ok := layout.Below(s.main.URL(), url); ok {
		return s.main, key, nil
	}
	i := strings.LastIndexByte(url, '/')
	dir, name := url[:max(i, 0)], url[i+1:]
	s.mu.Lock()
	defer s.mu.Unlock()
	if store := s.other[dir]; store != nil {
		return store, name, nil
	}
	store, err := s.opens(ctx, dir)
	if err != nil {
		return nil, "", err
	}
	s.other[dir] = store
	return store, name, nil
}

// open opens what becomes a file of the copy. Where that ends early, reading fails.
func (s *sources) open(ctx context.Context, f *File) (io.ReadCloser, error) {
	store, key, err := s.of(ctx, f.Source)
	if err != nil {
		return nil, err
	}
	if !f.Whole {
		r, err := store.OpenRange(ctx, key, f.Offset, f.Size)
		if err != nil {
			return nil, err
		}
		return &exactly{ReadCloser: r, file: f, left: f.Size}, nil
	}
	content, err := store.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	if content.Size != f.Size {
		content.Close()
		return nil, changed(f, content.Size)
	}
	return &exactly{ReadCloser: content, file: f, left: f.Size}, nil
}

func (s *sources) close() {
	for _, store := range s.other {
		store.Close()
	}
}

// exactly is a body that must have all the bytes of its file, and no more.
type exactly struct {
	io.ReadCloser
	file *File
	left int64
}

// Read implements io.Reader.
func (e *exactly) Read(p []byte) (int, error) {
	n, err := e.ReadCloser.Read(p)
	e.left -= int64(n)
	switch {
	case e.left < 0:
		return n, changed(e.file, e.file.Size-e.left)
	case err == io.EOF && e.left > 0:
		return n, fmt.Errorf("reading %s: %w: %d of %d bytes are missing", e.file.Source, io.ErrUnexpectedEOF, e.left, e.file.Size)
	case err != nil && err != io.EOF:
		return n, fmt.Errorf("reading %s: %w", e.file.Source, err)
	}
	return n, err
}
