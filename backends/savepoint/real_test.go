package savepoint

import (
	"context"
	"errors"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/handletest"
	"github.com/ckpt-tool/ckpt/backends/heap"
	"github.com/ckpt-tool/ckpt/backends/schema"
	"github.com/ckpt-tool/ckpt/metadata"
)

// open opens a handle in its format.
func open(h *handletest.Handle, files backends.Files) (r backends.Reader, canonical bool, err error) {
	opts := h.Options
	opts.Verify = true
	canonical, err = Is(context.Background(), files, h.Keyed, h.Origin, &opts)
	switch {
	case err != nil:
		return nil, false, err
	case canonical:
		r, err = Open(context.Background(), files, h.Keyed, h.Origin, &opts)
	default:
		r, err = heap.Open(context.Background(), files, h.Keyed, h.Origin, &opts)
	}
	return r, canonical, err
}

func managed(tb testing.TB) []handletest.Handle {
	var all []handletest.Handle
	for _, h := range handletest.All(tb) {
		if h.Slot == metadata.ManagedKeyed {
			all = append(all, h)
		}
	}
	return all
}

// TestReal reads every stream of key groups that Flink wrote, to its last byte. Nothing but values of
// unknown types may be in the way.
func TestReal(t *testing.T) {
	counts := map[string]int{}
	for _, h := range managed(t) {
		r, canonical, err := open(&h, h.Files())
		if err != nil {
			if !opaque(err) {
				t.Errorf("%s: %v", h.Name, err)
			}
			counts["unknown header"]++
			continue
		}
		format := map[bool]string{false: "heap", true: "canonical"}[canonical]
		if head, err := schema.LoadKeyed(h.Blob(), &h.Options); err == nil && head.Compressed {
			format += ", compressed"
		}
		counts[format]++
		unknown := false
		for e, err := range r.Entries(t.Context(), backends.Everything(h.Origin.Range)) {
			switch {
			case err != nil && !opaque(err):
				t.Errorf("%s: %v", h.Name, err)
			case err != nil:
				unknown = true
			default:
				counts["entries "+e.State.Kind.String()]++
				if !h.Origin.Range.Contains(e.KeyGroup) {
					t.Fatal(e.KeyGroup)
				}
			}
		}
		if unknown {
			counts[format+", values unknown"]++
		}
	}
	t.Log(counts)
	if counts["heap"] < 20 || counts["canonical"] < 10 || counts["heap, compressed"] == 0 || counts["entries map"] == 0 || counts["entries timer"] == 0 {
		t.Error("too few")
	}
}

func opaque(err error) bool {
	var o *backends.OpaqueError
	return errors.As(err, &o)
}

// TestIs: each stream of heap, and each canonical one, is told by any of its key groups alone.
func TestIs(t *testing.T) {
	parts, doubts := 0, 0
	for _, h := range managed(t) {
		want, err := Is(t.Context(), h.Files(), h.Keyed, h.Origin, &h.Options)
		if err != nil {
			t.Errorf("%s: %v", h.Name, err)
			continue
		}
		for i, o := range h.Keyed.Offsets {
			if o == noOffset {
				continue
			}
			kg := h.Keyed.Range.First + int32(i)
			one := &metadata.KeyGroupsHandle{Tag: metadata.TagKeyGroupsV2, Range: metadata.KeyGroupRange{First: kg, Last: kg}, Offsets: []int64{o}}
			got, err := Is(t.Context(), h.Files(), one, h.Origin, &h.Options)
			parts++
			if err != nil && opaqueHead(&h) {
				doubts++
			} else if err != nil || got != want {
				t.Errorf("%s, key group %d: canonical is %v, %v", h.Name, kg, got, err)
			}
		}
	}
	t.Logf("%d key groups, of which %d cannot tell", parts, doubts)
	if parts < 1000 {
		t.Error("too few")
	}
}

// opaqueHead tells whether a whole key group of h may be unreadable.
func opaqueHead(h *handletest.Handle) bool {
	head, err := schema.LoadKeyed(h.Blob(), &h.Options)
	if err != nil {
		return true
	}
	for _, m := range head.States {
		if _, err := m.Value.Size(make([]byte, 1<<10)); opaque(err) {
			return true
		}
	}
	_, err = head.Key.Size(make([]byte, 1<<10))
	return opaque(err)
}

// TestIsSynthetic: key group 0 looks the same in both formats, if the first state's first key is short.
func TestIsSynthetic(t *testing.T) {
	for _, compressed := range []bool{false, true} {
		m := newMaker(t, compressed, keyValue(t, "count", "VALUE", "Long"))
		m.group(run{0, []string{"\x02a\x00", "\x00\x00\x00\x00\x00\x00\x00\x07"}})
		w := &metadata.KeyGroupsHandle{Range: m.handle.Range, Offsets: m.handle.Offsets}
		blob := m.blob()
		got, err := isWith(t, m, blob, w)
		if err != nil || !got {
			t.Errorf("compressed %v: %v, %v", compressed, got, err)
		}
		bad := m.blob()
		bad.Data = append([]byte(nil), bad.Data...)
		copy(bad.Data[headSize:], "abcdefgh")
		if _, err := isWith(t, m, bad, w); err == nil {
			t.Error("neither format is one of them")
		}
	}
	if got, err := Is(t.Context(), handletest.Files{}, &metadata.KeyGroupsHandle{Tag: metadata.TagSavepointKeyGroups, Offsets: []int64{1}}, backends.Origin{}, nil); !got || err != nil {
		t.Error(got, err)
	}
	if got, err := Is(t.Context(), handletest.Files{}, &metadata.KeyGroupsHandle{Offsets: []int64{5, 0}}, backends.Origin{}, nil); !got || err != nil {
		t.Error(got, err)
	}
}

// isWith is Is, with a header that is not in the stream.
func isWith(t *testing.T, m *maker, blob *handletest.Blob, h *metadata.KeyGroupsHandle) (bool, error) {
	t.Helper()
	head := func() (*schema.Keyed, error) { return &m.head, nil }
	return is(t.Context(), blob, head, h, m.origin(), nil)
}
