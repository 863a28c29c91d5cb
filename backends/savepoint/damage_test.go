package savepoint

import (
	"context"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/handletest"
	"github.com/ckpt-tool/ckpt/backends/heap"
	"github.com/ckpt-tool/ckpt/backends/schema"
	"github.com/ckpt-tool/ckpt/metadata"
)

// small is the shortest of the handles with some entries in one of the forms.
func small(tb testing.TB, canonical, compressed bool) (*handletest.Handle, *schema.Keyed) {
	tb.Helper()
	var best *handletest.Handle
	var head *schema.Keyed
	for _, h := range managed(tb) {
		if best != nil && len(h.Data) >= len(best.Data) {
			continue
		}
		k, err := schema.LoadKeyed(h.Blob(), &h.Options)
		if err != nil || k.Compressed != compressed {
			continue
		}
		r, is, err := open(&h, h.Files())
		if err != nil || is != canonical {
			continue
		}
		if lines, errs := handletest.Lines(r.Entries(tb.Context(), backends.Everything(h.Origin.Range))); len(lines) > 5 && len(errs) == 0 {
			best, head = &h, k
		}
	}
	if best == nil {
		tb.Fatal("none")
	}
	return best, head
}

// TestFlips changes each byte of a stream once. Under a checksum no value changes. Some changes of what is compressed are of
// no consequence: a copy of the same bytes from elsewhere.
func TestFlips(t *testing.T) {
	for _, c := range []struct {
		name                  string
		canonical, compressed bool
	}{{"heap", false, false}, {"heap, compressed", false, true}, {"canonical", true, false}, {"canonical, compressed", true, true}} {
		h, head := small(t, c.canonical, c.compressed)
		opts := h.Options
		opts.Verify = true
		read := func(f handletest.Files) (r backends.Reader, err error) {
			if c.canonical {
				r, err = Open(context.Background(), f, h.Keyed, h.Origin, &opts)
			} else {
				r, err = heap.Open(context.Background(), f, h.Keyed, h.Origin, &opts)
			}
			if err != nil {
				return nil, err
			}
			return r, nil
		}
		size := int64(len(h.Data))
		regions := []handletest.Region{{Name: "header", From: 0, To: int64(head.Size)}, {Name: "key groups", From: int64(head.Size), To: min(size, int64(head.Size)+4096)}}
		counts := handletest.Flips(t, h, regions, read)
		t.Logf("%s, %d bytes: %v", c.name, size, counts)
		if groups := counts["key groups"]; c.compressed && !strings.Contains(groups, ", 0 change values") {
			t.Errorf("%s: what is under a checksum: %s", c.name, groups)
		}
	}
}

func FuzzEntries(f *testing.F) {
	for _, canonical := range []bool{false, true} {
		for _, compressed := range []bool{false, true} {
			h, _ := small(f, canonical, compressed)
			if len(h.Data) > 1<<16 {
				continue
			}
			var at []int64
			for _, o := range h.Keyed.Offsets {
				if o != noOffset {
					at = append(at, o)
				}
			}
			f.Add(h.Data, h.Keyed.Range.First, at[0], at[len(at)-1], canonical)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, first int32, a, b int64, canonical bool) {
		if first < 0 || first > 1<<15 {
			return
		}
		h := &metadata.KeyGroupsHandle{Range: metadata.KeyGroupRange{First: first, Last: first + 1}, Offsets: []int64{a, b}}
		files := handletest.Files{Blob: &handletest.Blob{Data: data}}
		o := backends.Origin{Range: h.Range, MaxParallelism: 128}
		var r backends.Reader
		var err error
		if canonical {
			r, err = Open(t.Context(), files, h, o, &backends.Options{Verify: true})
		} else {
			r, err = heap.Open(t.Context(), files, h, o, &backends.Options{Verify: true})
		}
		_, _ = Is(t.Context(), files, h, o, nil)
		if err != nil {
			return
		}
		n := 0
		for range r.Entries(t.Context(), backends.Everything(h.Range)) {
			if n++; n > 64*len(data)+64 && len(data) < 1000 {
				t.Fatalf("%d entries in %d bytes", n, len(data))
			}
		}
	})
}
