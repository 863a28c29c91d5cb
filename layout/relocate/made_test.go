package relocate_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/backends/content"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/relocate"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/metadata"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// world is where a test copies: the stores, and what wraps those that are written.
type world struct {
	open    layout.OpenStore
	mutable layout.OpenMutable
	options relocate.Options
}

func newWorld() world {
	r := storage.New(storage.Settings{})
	return world{open: r.Open, mutable: r.OpenMutable}
}

// examine looks at a source.
func (w world) examine(ctx context.Context, src string) (*relocate.Source, error) {
	target, err := layout.Find(ctx, w.open, src, layout.FindOptions{})
	if err != nil {
		return nil, err
	}
	s, err := relocate.Examine(ctx, target, relocate.ExamineOptions{Open: w.open, Now: now, LogLength: content.LogLength})
	if err != nil {
		target.Store.Close()
	}
	return s, err
}

// copy copies src to dst.
func (w world) copy(ctx context.Context, src, dst string, form relocate.Form) (*relocate.Plan, *relocate.Report, error) {
	s, err := w.examine(ctx, src)
	if err != nil {
		return nil, nil, err
	}
	defer s.Store.Close()
	into, err := w.mutable(ctx, dst)
	if err != nil {
		return nil, nil, err
	}
	defer into.Close()
	plan, err := relocate.New(w.request(s, into.URL(), form))
	if err != nil {
		return nil, nil, err
	}
	opts := w.options
	opts.Source, opts.Open, opts.Identity, opts.LogLength = s.Store, w.open, s.Identity, content.LogLength
	opts.Now = func() time.Time { return now }
	report, err := plan.Execute(ctx, into, opts)
	return plan, report, err
}

func (w world) request(s *relocate.Source, dst string, form relocate.Form) relocate.Request {
	root := dst
	if strings.HasPrefix(dst, "/") {
		root = "file:" + dst
	}
	return relocate.Request{Form: form, Source: s.URL, Destination: dst, Root: root, Checkpoint: s.Checkpoint, Located: s.Located}
}

// decode reads the _metadata in a directory.
func decode(t *testing.T, dir string) *metadata.Checkpoint {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, layout.MetadataName))
	if err != nil {
		t.Fatal(err)
	}
	c, err := metadata.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// tree is the files below a directory with their digests and times.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		found[filepath.ToSlash(rel)] = fmt.Sprintf("%x", sha256.Sum256(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// states reads all that the handles of a checkpoint refer to, in the order of the
// metadata, as Flink would: at is where a handle's file lies.
func states(t *testing.T, c *metadata.Checkpoint, at func(h metadata.StreamHandle) string) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	for p, h := range c.Walk() {
		s, ok := h.(metadata.StreamHandle)
		if !ok {
			continue
		}
		var data []byte
		switch h := s.(type) {
		case *metadata.InlineHandle:
			data = h.Data
		case *metadata.FileHandle, *metadata.RelativeFileHandle, *metadata.SegmentHandle:
			var err error
			if data, err = os.ReadFile(at(s)); err != nil {
				t.Fatal(err)
			}
			if seg, ok := h.(*metadata.SegmentHandle); ok {
				data = data[seg.Start : seg.Start+seg.Size]
			}
		default:
			continue
		}
		// Lists of database files may be in another order: names tell them apart.
		key := fmt.Sprint(p.Operator.ID, p.Slot, " ", p.Name)
		if p.Subtask != nil {
			key += fmt.Sprint(" ", p.Subtask.Index)
		}
		if p.Name == "" {
			for n := 0; ; n++ {
				if _, taken := found[fmt.Sprint(key, "#", n)]; !taken {
					key = fmt.Sprint(key, "#", n)
					break
				}
			}
		}
		found[key] = data
	}
	return found
}

func sameStates(t *testing.T, want, have map[string][]byte) {
	t.Helper()
	if len(want) != len(have) {
		t.Errorf("%d states, and %d in the copy", len(want), len(have))
	}
	for key, data := range want {
		if other, ok := have[key]; !ok || !bytes.Equal(data, other) {
			t.Errorf("%s: %d bytes, and %d in the copy (%v)", key, len(data), len(other), ok)
		}
	}
}
