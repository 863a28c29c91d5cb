package handletest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
)

// Op is what Streams is about to do.
type Op string

// The operations. Write and End are of a stream, by its name.
const (
	Create  Op = "create"
	Write   Op = "write"
	End     Op = "end"
	Upload  Op = "upload"
	Discard Op = "discard"
	Open    Op = "open"
)

// Streams is files in memory: the backends.Streams of any number of checkpoints, and the backends.Files that reads them. Files
// get names of their own ("memory:/1"), and are there once their streams have ended. It is safe for concurrent use, and its zero value ready.
type Streams struct {
	// Inline is up to how many bytes the handle itself holds (Flink: state.storage.fs.memory-threshold). Set it before use.
	Inline int

	mu      sync.Mutex
	fault   func(op Op, name string) error
	files   map[string]file
	unended map[*stream]struct{}
}

type file struct {
	data  []byte
	scope metadata.Scope
}

var (
	_ backends.Streams = (*Streams)(nil)
	_ backends.Files   = (*Streams)(nil)
)

// SetFault has f asked before each operation, by many goroutines at once; it may fail it, or block. nil for none.
func (s *Streams) SetFault(f func(op Op, name string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

func (s *Streams) before(ctx context.Context, op Op, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	f := s.fault
	s.mu.Unlock()
	if f == nil {
		return nil
	}
	if err := f(op, name); err != nil {
		return fmt.Errorf("%s %s: %w", op, name, err)
	}
	return ctx.Err()
}

// named counts the names of all Streams: to Flink inline handles of one name are the same.
var named atomic.Int64

func newName() string { return fmt.Sprintf("memory:/%d", named.Add(1)) }

// Create implements backends.Streams.
func (s *Streams) Create(ctx context.Context, scope metadata.Scope) (backends.StateStream, error) {
	name := newName()
	if err := s.before(ctx, Create, name); err != nil {
		return nil, err
	}
	st := &stream{streams: s, name: name, scope: scope}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unended == nil {
		s.unended = map[*stream]struct{}{}
	}
	s.unended[st] = struct{}{}
	return st, nil
}

// Upload implements backends.Streams.
func (s *Streams) Upload(ctx context.Context, scope metadata.Scope, path string) (metadata.StreamHandle, error) {
	name := newName()
	if err := s.before(ctx, Upload, path); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return s.keep(name, file{data, scope}), nil
}

func (s *Streams) keep(name string, f file) metadata.StreamHandle {
	if len(f.data) <= s.Inline {
		return &metadata.InlineHandle{Name: metadata.UTF(name), Data: f.data}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files == nil {
		s.files = map[string]file{}
	}
	s.files[name] = f
	return &metadata.FileHandle{Path: metadata.UTF(name), Size: int64(len(f.data))}
}

// Discard implements backends.Streams. To discard what is not there is an error, so that tests see who discards twice.
func (s *Streams) Discard(ctx context.Context, h metadata.StreamHandle) error {
	f, ok := h.(*metadata.FileHandle)
	if !ok {
		return nil
	}
	name := f.Path.String()
	if err := s.before(ctx, Discard, name); err != nil {
		return err
	}
	return s.Remove(name)
}

// Remove deletes a file.
func (s *Streams) Remove(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.files[name]; !ok {
		return fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	delete(s.files, name)
	return nil
}

// Names are the files that are there, sorted.
func (s *Streams) Names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.files))
}

// Scope is that of a file which is there.
func (s *Streams) Scope(name string) metadata.Scope {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.files[name].scope
}

// Data is the bytes of a file, nil if it is not there. They must not be changed.
func (s *Streams) Data(name string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.files[name].data
}

// Unended is how many streams were neither ended nor closed.
func (s *Streams) Unended() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.unended)
}

// Open implements backends.Files, of files and inline handles.
func (s *Streams) Open(ctx context.Context, h metadata.StreamHandle) (backends.Blob, error) {
	switch h := h.(type) {
	case *metadata.InlineHandle:
		return &Blob{Data: h.Data, Path: h.Name.String()}, nil
	case *metadata.FileHandle:
		name := h.Path.String()
		if err := s.before(ctx, Open, name); err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		f, ok := s.files[name]
		if !ok {
			return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
		}
		if h.Size >= 0 && h.Size != int64(len(f.data)) {
			return nil, fmt.Errorf("%s has %d bytes, and its handle says %d", name, len(f.data), h.Size)
		}
		return &Blob{Data: f.data, Path: name}, nil
	}
	return nil, fmt.Errorf("a handle of class %s", h.Class())
}

// stream is a file that is written.
type stream struct {
	streams *Streams
	name    string
	scope   metadata.Scope
	data    []byte
	done    bool
}

var errDone = errors.New("the stream has ended")

// Write implements backends.StateStream.
func (s *stream) Write(b []byte) (int, error) {
	if s.done {
		return 0, errDone
	}
	if err := s.streams.before(context.Background(), Write, s.name); err != nil {
		return 0, err
	}
	s.data = append(s.data, b...)
	return len(b), nil
}

// Pos implements backends.StateStream.
func (s *stream) Pos() int64 { return int64(len(s.data)) }

// CloseAndHandle implements backends.StateStream.
func (s *stream) CloseAndHandle() (metadata.StreamHandle, error) {
	if s.done {
		return nil, errDone
	}
	if err := s.streams.before(context.Background(), End, s.name); err != nil {
		return nil, err
	}
	s.end()
	if len(s.data) == 0 {
		return nil, nil
	}
	return s.streams.keep(s.name, file{s.data, s.scope}), nil
}

// Close implements backends.StateStream.
func (s *stream) Close() error {
	s.end()
	return nil
}

func (s *stream) end() {
	s.done = true
	s.streams.mu.Lock()
	defer s.streams.mu.Unlock()
	delete(s.streams.unended, s)
}
