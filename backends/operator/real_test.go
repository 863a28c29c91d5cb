package operator

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/handletest"
	"github.com/ckpt-tool/ckpt/backends/schema"
	"github.com/ckpt-tool/ckpt/metadata"
)

func managed(tb testing.TB) []handletest.Handle {
	all := handletest.All(tb)
	return slices.DeleteFunc(all, func(h handletest.Handle) bool { return h.Slot != metadata.ManagedOperator })
}

func opener(h *handletest.Handle) func(handletest.Files) (backends.Reader, error) {
	opts := h.Options
	opts.Verify = true
	return func(f handletest.Files) (backends.Reader, error) {
		r, err := OpenReader(context.Background(), f, h.Operator, h.Origin, &opts)
		if err != nil {
			return nil, err
		}
		return r, nil
	}
}

func opaque(err error) bool {
	var o *backends.OpaqueError
	return errors.As(err, &o)
}

// TestReal reads every stream of operator state that Flink wrote, to its last byte.
func TestReal(t *testing.T) {
	counts := map[string]int{}
	for _, h := range managed(t) {
		r, err := opener(&h)(h.Files())
		if err != nil {
			if !opaque(err) {
				t.Errorf("%s: %v", h.Name, err)
			}
			counts["unknown header"]++
			continue
		}
		form := "plain"
		if head, err := schema.LoadOperator(h.Blob(), &h.Options); err == nil && head.Compressed {
			form = "compressed"
		}
		counts[form]++
		for e, err := range r.Entries(t.Context(), backends.Selection{}) {
			switch {
			case err != nil && opaque(err):
				counts["unknown values"]++
			case err != nil:
				t.Errorf("%s: %v", h.Name, err)
			default:
				counts[form+" "+e.State.Kind.String()]++
			}
		}
	}
	t.Log(counts)
	if counts["plain"] < 50 || counts["compressed"] < 3 || counts["plain broadcast"] == 0 || counts["plain union"] == 0 {
		t.Error("too few")
	}
}

// small is the shortest of the handles with elements that fits.
func small(tb testing.TB, fits func(*handletest.Handle, *schema.Operator) bool) (*handletest.Handle, *schema.Operator) {
	tb.Helper()
	var best *handletest.Handle
	var head *schema.Operator
	for _, h := range managed(tb) {
		if best != nil && len(h.Data) >= len(best.Data) {
			continue
		}
		o, err := schema.LoadOperator(h.Blob(), &h.Options)
		if err == nil && fits(&h, o) {
			best, head = &h, o
		}
	}
	if best == nil {
		tb.Fatal("none")
	}
	return best, head
}

func elements(h *handletest.Handle) (n int) {
	for _, s := range h.Operator.States {
		n += len(s.Offsets)
	}
	return n
}

// TestFlips changes each byte of a stream once.
func TestFlips(t *testing.T) {
	for name, compressed := range map[string]bool{"plain": false, "compressed": true} {
		h, head := small(t, func(h *handletest.Handle, o *schema.Operator) bool {
			return o.Compressed == compressed && elements(h) > 1 && (compressed || len(o.List) > 0 && len(o.Broadcast) > 0)
		})
		regions := []handletest.Region{{Name: "header", From: 0, To: int64(head.Size)}, {Name: "elements", From: int64(head.Size), To: int64(len(h.Data))}}
		counts := handletest.Flips(t, h, regions, opener(h))
		t.Logf("%s: %v", name, counts)
		if all := counts["elements"]; compressed && !strings.Contains(all, ", 0 change values") {
			t.Errorf("what is under a checksum: %s", all)
		}
	}
}

func FuzzEntries(f *testing.F) {
	for _, compressed := range []bool{false, true} {
		h, head := small(f, func(h *handletest.Handle, o *schema.Operator) bool {
			return o.Compressed == compressed && elements(h) > 1
		})
		f.Add(h.Data, int64(head.Size), h.Operator.States[0].Offsets[0], h.Operator.States[0].Name.String(), false)
	}
	h, head := small(f, func(h *handletest.Handle, o *schema.Operator) bool { return len(o.Broadcast) > 0 })
	f.Add(h.Data, int64(head.Size), h.Operator.States[0].Offsets[0], h.Operator.States[0].Name.String(), true)
	f.Fuzz(func(t *testing.T, data []byte, a, b int64, name string, broadcast bool) {
		h := &metadata.OperatorStateHandle{States: []metadata.OperatorStateMeta{{Name: metadata.UTF(name), Offsets: []int64{a, b}}}}
		if broadcast {
			h.States[0].Mode = metadata.Broadcast
		}
		h.Delegate = &metadata.InlineHandle{Data: data}
		r, err := OpenReader(t.Context(), handletest.Files{Blob: &handletest.Blob{Data: data}}, h, backends.Origin{}, &backends.Options{Verify: true})
		if err != nil {
			return
		}
		n := 0
		for range r.Entries(t.Context(), backends.Selection{}) {
			if n++; n > 2*len(data)+8 {
				t.Fatalf("%d entries in %d bytes", n, len(data))
			}
		}
	})
}
