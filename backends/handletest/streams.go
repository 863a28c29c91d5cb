package handletest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
)

// Streams keeps the files of a checkpoint in memory. It is backends.Streams, and backends.Files of the same handles and of
// inline ones. Its zero value is ready.
type Streams struct {
	// Inline is up to how many bytes a file lies within its handle.
	Inline int
	// Fail, where not nil, is asked before each write.
	Fail func(written int) error

	mu    sync.Mutex
	next  int
	files map[metadata.UTF][]byte
	scope map[metadata.UTF]metadata.Scope
}

// Create implements backends.Streams.
func (s *Streams) Create(ctx context.Context, scope metadata.Scope) (backends.StateStream, error) {
	return &memoryStream{streams: s, scope: scope}, ctx.Err()
}

// Upload implements backends.Streams.
func (s *Streams) Upload(_ context.Context, scope metadata.Scope, path string) (metadata.StreamHandle, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return s.store(scope, data), nil
}

func (s *Streams) store(scope metadata.Scope, data []byte) metadata.StreamHandle {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files == nil {
		s.files, s.scope = map[metadata.UTF][]byte{}, map[metadata.UTF]metadata.Scope{}
	}
	s.next++
	path := metadata.UTF(fmt.Sprintf("memory:/%d", s.next))
	s.files[path], s.scope[path] = data, scope
	return &metadata.FileHandle{Path: path, Size: int64(len(data))}
}

// Discard implements backends.Streams.
func (s *Streams) Discard(_ context.Context, h metadata.StreamHandle) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f, ok := h.(*metadata.FileHandle); ok {
		delete(s.files, f.Path)
	}
	return nil
}

// Open implements backends.Files.
func (s *Streams) Open(_ context.Context, h metadata.StreamHandle) (backends.Blob, error) {
	switch h := h.(type) {
	case *metadata.InlineHandle:
		return &Blob{Data: h.Data, Path: "inline"}, nil
	case *metadata.FileHandle:
		s.mu.Lock()
		defer s.mu.Unlock()
		if data, ok := s.files[h.Path]; ok {
			return &Blob{Data: data, Path: string(h.Path)}, nil
		}
		return nil, fmt.Errorf("%s: %w", h.Path, os.ErrNotExist)
	}
	return nil, fmt.Errorf("a handle %T", h)
}

// Paths are the files there are, with their scopes.
func (s *Streams) Paths() map[metadata.UTF]metadata.Scope {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[metadata.UTF]metadata.Scope{}
	for path := range s.files {
		all[path] = s.scope[path]
	}
	return all
}

// inline numbers inline handles: to Flink those of one name are the same.
var inline atomic.Int64

// memoryStream is a backends.StateStream.
type memoryStream struct {
	streams *Streams
	scope   metadata.Scope
	data    bytes.Buffer
	closed  bool
}

func (m *memoryStream) Write(p []byte) (int, error) {
	if m.closed {
		return 0, os.ErrClosed
	}
	if fail := m.streams.Fail; fail != nil {
		if err := fail(m.data.Len()); err != nil {
			return 0, err
		}
	}
	return m.data.Write(p)
}

func (m *memoryStream) Pos() int64 { return int64(m.data.Len()) }

func (m *memoryStream) CloseAndHandle() (metadata.StreamHandle, error) {
	if m.closed {
		return nil, os.ErrClosed
	}
	m.closed = true
	switch n := m.data.Len(); {
	case n == 0:
		return nil, nil
	case n <= m.streams.Inline:
		return &metadata.InlineHandle{Name: metadata.UTF(fmt.Sprintf("inline-%d", inline.Add(1))), Data: m.data.Bytes()}, nil
	}
	return m.streams.store(m.scope, m.data.Bytes()), nil
}

func (m *memoryStream) Close() error {
	m.closed = true
	return nil
}
