// Package handletest hands handles of real checkpoints, and what they refer to, to tests of the rooms that
// read them; and files in memory, with faults, to those that write.
package handletest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
)

// Blob is a stream in memory. It counts what is read of it.
type Blob struct {
	Data []byte
	Path string
	Read int64 // bytes asked for; to be looked at when nobody reads any more
}

// ReadAt implements io.ReaderAt.
func (b *Blob) ReadAt(p []byte, at int64) (int, error) {
	atomic.AddInt64(&b.Read, int64(len(p)))
	if at < 0 {
		return 0, fmt.Errorf("reading at %d", at)
	}
	return bytes.NewReader(b.Data).ReadAt(p, at)
}

// Size is that of Data.
func (b *Blob) Size() int64 { return int64(len(b.Data)) }

// Name is Path.
func (b *Blob) Name() string { return b.Path }

// Offset is 0.
func (b *Blob) Offset() int64 { return 0 }

// Close does nothing.
func (b *Blob) Close() error { return nil }

// Files opens one Blob, whatever it is asked for.
type Files struct{ Blob backends.Blob }

// Open implements backends.Files.
func (f Files) Open(context.Context, metadata.StreamHandle) (backends.Blob, error) {
	return f.Blob, nil
}

// Handle is one handle of a checkpoint, with the stream of its delegate.
type Handle struct {
	Name     string // for people
	Slot     metadata.Slot
	Origin   backends.Origin
	Options  backends.Options
	Keyed    *metadata.KeyGroupsHandle     // or nil
	Operator *metadata.OperatorStateHandle // or nil
	Data     []byte
}

// Blob is the stream of h.
func (h *Handle) Blob() *Blob { return &Blob{Data: h.Data, Path: h.Name} }

// Files opens the stream of h.
func (h *Handle) Files() Files { return Files{h.Blob()} }

// snapshot is one checkpoint while its handles are gathered.
type snapshot struct {
	tb        testing.TB
	dir, tree string
	kryo      backends.Kryo
	handles   []Handle
}

// All are the handles of key groups and of operator state of all checkpoints at hand, those below the handles of changelogs with
// them. Those whose file went when the checkpoint was claimed are left out.
func All(tb testing.TB) []Handle {
	tb.Helper()
	roots := []string{filepath.Join(testdata.Root(tb), "flink")}
	if dir := testdata.Fixtures(tb); dir != "" {
		for _, sub := range []string{"corpus", "flink", "jobs"} {
			roots = append(roots, filepath.Join(dir, sub))
		}
	}
	var all []Handle
	for _, root := range roots {
		for _, s := range testdata.Snapshots(tb, root) {
			all = append(all, handlesOf(tb, root, s)...)
		}
	}
	return all
}

func handlesOf(tb testing.TB, root string, from testdata.Snapshot) []Handle {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join(from.Dir, "_metadata"))
	if err != nil {
		tb.Fatal(err)
	}
	c, err := metadata.Decode(data)
	if err != nil {
		tb.Fatal(err)
	}
	first := strings.Split(from.Name, "/")
	tree := filepath.Join(root, filepath.Join(first[:min(2, len(first))]...))
	s := &snapshot{tb: tb, dir: from.Dir, tree: tree, kryo: backends.KryoOf(c.Version)}
	for i := range c.Operators {
		for j := range c.Operators[i].Subtasks {
			s.subtask(&c.Operators[i], &c.Operators[i].Subtasks[j])
		}
	}
	return s.handles
}

func (s *snapshot) subtask(o *metadata.OperatorState, t *metadata.SubtaskState) {
	h := Handle{
		Origin:  backends.Origin{Operator: o.ID, Subtask: t.Index, MaxParallelism: o.MaxParallelism},
		Options: backends.Options{Kryo: s.kryo},
	}
	if t.ManagedOperator != nil && t.ManagedOperator.Delegate != nil {
		h.Slot, h.Operator = metadata.ManagedOperator, t.ManagedOperator
		s.add(h, h.Operator.Delegate)
	}
	h.Operator = nil
	h.Slot = metadata.ManagedKeyed
	s.keyed(h, t.ManagedKeyed)
	h.Slot = metadata.RawKeyed
	s.keyed(h, t.RawKeyed)
}

func (s *snapshot) keyed(h Handle, k metadata.KeyedHandle) {
	switch k := k.(type) {
	case *metadata.KeyGroupsHandle:
		h.Keyed, h.Origin.Range = k, k.Range
		s.add(h, k.Delegate)
	case *metadata.ChangelogHandle:
		for _, m := range k.Materialized {
			s.keyed(h, m)
		}
	}
}

func (s *snapshot) add(h Handle, d metadata.StreamHandle) {
	data, ok := s.data(d)
	if !ok {
		return
	}
	h.Data = data
	h.Name = fmt.Sprintf("%s %s/%d %s", s.dir, h.Origin.Operator, h.Origin.Subtask, h.Slot)
	s.handles = append(s.handles, h)
}

// data is what d refers to, false if it is gone.
func (s *snapshot) data(d metadata.StreamHandle) ([]byte, bool) {
	switch d := d.(type) {
	case *metadata.InlineHandle:
		return d.Data, true
	case *metadata.RelativeFileHandle:
		return s.file(filepath.Join(s.dir, string(d.Path)))
	case *metadata.FileHandle:
		return s.file(s.locate(d.Path))
	case *metadata.SegmentHandle:
		data, ok := s.file(s.locate(d.Path))
		if !ok || d.Start+d.Size > int64(len(data)) {
			return nil, false
		}
		return data[d.Start : d.Start+d.Size], true
	}
	return nil, false
}

// writtenAt is how absolute paths begin in the trees.
var writtenAt = regexp.MustCompile(`^file:/flink/checkpoint/[^/]+/[^/]+/`)

func (s *snapshot) locate(path metadata.UTF) string {
	return filepath.Join(s.tree, filepath.FromSlash(writtenAt.ReplaceAllString(string(path), "")))
}

func (s *snapshot) file(path string) ([]byte, bool) {
	data, err := os.ReadFile(path)
	switch {
	case err == nil:
		return data, true
	case !os.IsNotExist(err):
		s.tb.Fatal(err)
	case !strings.Contains(s.dir, "claim"):
		s.tb.Errorf("%s: %s is gone", s.dir, path)
	}
	return nil, false
}
