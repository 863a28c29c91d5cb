package pebble

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/handletest"
	"github.com/ckpt-tool/ckpt/metadata"
)

// storage is a storage of checkpoints in memory.
type storage struct {
	mu       sync.Mutex
	files    map[string][]byte
	serial   int
	uploaded int64              // bytes
	fail     func(string) error // before a call: create, write, close, upload, discard
}

func newStorage() *storage { return &storage{files: map[string][]byte{}} }

func (s *storage) failing(call string) error {
	s.mu.Lock()
	f := s.fail
	s.mu.Unlock()
	if f == nil {
		return nil
	}
	return f(call)
}

func (s *storage) put(scope metadata.Scope, b []byte) metadata.StreamHandle {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serial++
	path := fmt.Sprintf("mem:/%s/%d", scope, s.serial)
	s.files[path] = b
	s.uploaded += int64(len(b))
	return &metadata.FileHandle{Path: metadata.NewUTF(path), Size: int64(len(b))}
}

func (s *storage) Create(_ context.Context, scope metadata.Scope) (backends.StateStream, error) {
	return &stream{s: s, scope: scope}, s.failing("create")
}

func (s *storage) Upload(ctx context.Context, scope metadata.Scope, path string) (metadata.StreamHandle, error) {
	if err := errors.Join(ctx.Err(), s.failing("upload")); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return s.put(scope, b), nil
}

func (s *storage) Discard(_ context.Context, h metadata.StreamHandle) error {
	if f, ok := h.(*metadata.FileHandle); ok {
		s.mu.Lock()
		delete(s.files, f.Path.String())
		s.mu.Unlock()
	}
	return s.failing("discard")
}

func (s *storage) Open(_ context.Context, h metadata.StreamHandle) (backends.Blob, error) {
	switch h := h.(type) {
	case *metadata.InlineHandle:
		return &handletest.Blob{Data: h.Data, Path: "inline"}, nil
	case *metadata.FileHandle:
		s.mu.Lock()
		defer s.mu.Unlock()
		b, ok := s.files[h.Path.String()]
		if !ok {
			if b, err := os.ReadFile(h.Path.String()); err == nil {
				return &handletest.Blob{Data: b, Path: h.Path.String()}, nil
			}
			return nil, fmt.Errorf("%s: %w", h.Path, fs.ErrNotExist)
		}
		return &handletest.Blob{Data: b, Path: h.Path.String()}, nil
	}
	return nil, fmt.Errorf("a %s", h.Class())
}

type stream struct {
	s     *storage
	scope metadata.Scope
	buf   bytes.Buffer
}

func (w *stream) Write(p []byte) (int, error) {
	if err := w.s.failing("write"); err != nil {
		return 0, err
	}
	return w.buf.Write(p)
}

func (w *stream) Pos() int64   { return int64(w.buf.Len()) }
func (w *stream) Close() error { return nil }

func (w *stream) CloseAndHandle() (metadata.StreamHandle, error) {
	if err := w.s.failing("close"); err != nil {
		return nil, err
	}
	return w.s.put(w.scope, bytes.Clone(w.buf.Bytes())), nil
}

// testMetas are states of each kind.
func testMetas(tb testing.TB) []*backends.Meta {
	void, str := handletest.Type(tb, "VoidNamespace"), handletest.Type(tb, "String")
	return []*backends.Meta{
		{Name: "value", Kind: backends.Value, Namespace: void, Value: str},
		{Name: "list", Kind: backends.List, Namespace: void, Value: str},
		{Name: "map", Kind: backends.Map, Namespace: void, MapKey: str, Value: str},
		{Name: "_timer_state/event", Kind: backends.Timer, Namespace: void},
	}
}

const testParallelism = 16 // key groups

var testGroups = metadata.KeyGroupRange{First: 0, Last: testParallelism - 1}

func testConfig(tb testing.TB, st *storage, groups metadata.KeyGroupRange) *backends.StoreConfig {
	dir, err := os.MkdirTemp("", "pebble")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	return &backends.StoreConfig{
		MaxParallelism: testParallelism, KeyGroups: groups, Key: handletest.Type(tb, "Long"), Files: st,
		Dir: filepath.Join(dir, "store"),
	}
}

func testBackend(tb testing.TB, memory int64) *Backend {
	b := New(Options{Memory: memory})
	b.least = memory
	tb.Cleanup(func() {
		if err := b.Close(); err != nil {
			tb.Error(err)
		}
	})
	return b
}

func openStore(tb testing.TB, b *Backend, c *backends.StoreConfig) *Store {
	tb.Helper()
	s, err := b.OpenStore(context.Background(), c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s.(*Store)
}

func openTables(tb testing.TB, s *Store) map[string]backends.Table {
	tb.Helper()
	tables := map[string]backends.Table{}
	for _, m := range testMetas(tb) {
		t, err := s.Table(m)
		if err != nil {
			tb.Fatal(err)
		}
		tables[m.Name] = t
	}
	return tables
}

// testKey is the composite key of a Long.
func testKey(kg int32, key uint64) []byte {
	return []byte{byte(kg), byte(key >> 56), byte(key >> 48), byte(key >> 40), byte(key >> 32), byte(key >> 24), byte(key >> 16), byte(key >> 8), byte(key), 0}
}

// take takes a snapshot at once.
func take(tb testing.TB, s *Store, r *backends.SnapshotRequest) metadata.KeyedHandle {
	tb.Helper()
	f, err := s.Snapshot(r)
	if err != nil {
		tb.Fatal(err)
	}
	res, err := f(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	return res.JobManagerOwned
}
