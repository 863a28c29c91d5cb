package engine_test

import (
	"context"
	"fmt"
	"os"
	"sync"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore/checkpoints"
)

// memory is a storage that keeps the bytes of states in their handles, without a limit, and remembers the latest `_metadata`.
type memory struct {
	fault  func(what string) error // may fail what is done; nil for never
	mu     sync.Mutex
	latest *metadata.Checkpoint
	files  int // written and not deleted
}

func (s *memory) fail(what string) error {
	if s.fault == nil {
		return nil
	}
	return s.fault(what)
}

func (s *memory) Name() string                         { return "memory" }
func (s *memory) SupportsHighlyAvailableStorage() bool { return false }
func (s *memory) HasDefaultSavepointLocation() bool    { return true }
func (s *memory) Access(context.Context, layout.JobID) (checkpoints.Access, error) {
	return memoryAccess{s}, nil
}

func (s *memory) last() *metadata.Checkpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.latest
}

type memoryAccess struct{ s *memory }

func (a memoryAccess) Location(context.Context, int64) (checkpoints.Location, error) {
	return memoryLocation(a), a.s.fail("location")
}

func (a memoryAccess) SavepointLocation(context.Context, int64, string) (checkpoints.Location, error) {
	return memoryLocation(a), a.s.fail("location")
}

func (a memoryAccess) Files() backends.Files                                        { return inMemory{} }
func (a memoryAccess) Discard(context.Context, metadata.StreamHandle, string) error { return nil }
func (a memoryAccess) CheckAnswer(map[metadata.OperatorID]metadata.SubtaskState) error {
	return nil
}
func (a memoryAccess) DiscardMetadata(context.Context, string) error { return nil }
func (a memoryAccess) RemoveDir(context.Context, string) error       { return nil }
func (a memoryAccess) Close() error                                  { return nil }

type memoryLocation struct{ s *memory }

func (l memoryLocation) Streams() backends.Streams { return memoryStreams(l) }
func (l memoryLocation) Exclusive() string         { return "" }
func (l memoryLocation) Complete(_ context.Context, m *metadata.Checkpoint) (string, int64, error) {
	if err := l.s.fail("metadata"); err != nil {
		return "", 0, err
	}
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	if l.s.latest == nil || l.s.latest.ID < m.ID { // a savepoint may be complete after a later checkpoint
		l.s.latest = m
	}
	return fmt.Sprintf("memory:/chk-%d", m.ID), 1, nil
}
func (l memoryLocation) Dispose(context.Context) error { return nil }

type memoryStreams struct{ s *memory }

func (m memoryStreams) Create(context.Context, metadata.Scope) (backends.StateStream, error) {
	return &memoryStream{s: m.s}, m.s.fail("create")
}

func (m memoryStreams) Upload(_ context.Context, _ metadata.Scope, path string) (metadata.StreamHandle, error) {
	if err := m.s.fail("upload"); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m.s.mu.Lock()
	m.s.files++
	m.s.mu.Unlock()
	return &metadata.InlineHandle{Name: metadata.NewUTF(path), Data: data}, nil
}

func (m memoryStreams) Discard(context.Context, metadata.StreamHandle) error {
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	m.s.files--
	return nil
}

type memoryStream struct {
	s    *memory
	data []byte
}

func (s *memoryStream) Write(p []byte) (int, error) {
	s.data = append(s.data, p...)
	return len(p), s.s.fail("write")
}
func (s *memoryStream) Pos() int64 { return int64(len(s.data)) }
func (s *memoryStream) CloseAndHandle() (metadata.StreamHandle, error) {
	if err := s.s.fail("close"); err != nil || len(s.data) == 0 {
		return nil, err
	}
	s.s.mu.Lock()
	s.s.files++
	s.s.mu.Unlock()
	return &metadata.InlineHandle{Name: metadata.NewUTF("memory"), Data: s.data}, nil
}
func (s *memoryStream) Close() error { return nil }
