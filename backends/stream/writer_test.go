package stream

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/metadata"
)

// sink is a StateStream in memory. It takes most bytes at a time, and then fails with err.
type sink struct {
	bytes.Buffer
	writes int
	most   int
	err    error
	empty  bool // it gives no handle
}

func (s *sink) Write(b []byte) (int, error) {
	s.writes++
	if s.most > 0 && len(b) > s.most {
		_, _ = s.Buffer.Write(b[:s.most])
		return s.most, s.err
	}
	return s.Buffer.Write(b)
}

func (s *sink) Pos() int64 { return int64(s.Len()) }

func (s *sink) CloseAndHandle() (metadata.StreamHandle, error) {
	if s.empty {
		return nil, nil
	}
	return &metadata.InlineHandle{Data: s.Bytes()}, nil
}

func (s *sink) Close() error { return nil }

// TestWriter: positions are those in the file, whatever was written before and whatever is not written yet.
func TestWriter(t *testing.T) {
	out := &sink{}
	out.WriteString("before")
	w := NewWriter(t.Context(), out, []byte("head"))
	want := []byte("beforehead")
	for i, part := range [][]byte{text(10), text(writeSize), {}, text(3*writeSize - 1), text(7)} {
		if w.Pos() != int64(len(want)) {
			t.Errorf("part %d at byte %d, not %d", i, w.Pos(), len(want))
		}
		w.Buf = append(w.Buf, part...)
		want = append(want, part...)
		if err := w.Room(); err != nil {
			t.Fatal(err)
		}
	}
	h, err := w.CloseAndHandle()
	if err != nil || !bytes.Equal(h.(*metadata.InlineHandle).Data, want) {
		t.Error(h, err)
	}
	if out.writes != 3 {
		t.Errorf("%d writes", out.writes)
	}
}

// TestWriterFails: what was not written to its end has no handle.
func TestWriterFails(t *testing.T) {
	full := errors.New("full")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for why, c := range map[string]struct {
		out *sink
		ctx context.Context
	}{
		"full":             {&sink{most: 3, err: full}, t.Context()},
		"took 3 of":        {&sink{most: 3}, t.Context()},
		"no handle":        {&sink{empty: true}, t.Context()},
		"context canceled": {&sink{}, ended},
	} {
		w := NewWriter(c.ctx, c.out, []byte("head"))
		if h, err := w.CloseAndHandle(); h != nil || err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v, %v", why, h, err)
		}
	}
	w := NewWriter(ended, &sink{}, text(writeSize))
	if err := w.Room(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
