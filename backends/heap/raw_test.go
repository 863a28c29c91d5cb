package heap

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/handletest"
	"github.com/ckpt-tool/ckpt/metadata"
)

// raw are the handles of raw keyed state that Flink wrote.
func raw(tb testing.TB) []handletest.Handle {
	all := handletest.All(tb)
	return slices.DeleteFunc(all, func(h handletest.Handle) bool { return h.Slot != metadata.RawKeyed })
}

func timersOf(tb testing.TB, h *handletest.Handle, f handletest.Files) (*RawTimers, error) {
	opts := h.Options
	opts.Verify = true
	return OpenRawTimers(tb.Context(), f, h.Keyed, h.Origin, &opts)
}

// TestRawTimers reads all raw keyed state. Each timer's key belongs to its key group.
func TestRawTimers(t *testing.T) {
	streams, event, processing, other := 0, 0, 0, 0
	for _, h := range raw(t) {
		r, err := timersOf(t, &h, h.Files())
		if errors.Is(err, ErrNotTimers) {
			other++
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", h.Name, err)
			continue
		}
		streams++
		for e, err := range r.Entries(t.Context(), backends.Everything(h.Origin.Range)) {
			switch {
			case err != nil:
				t.Errorf("%s: %v", h.Name, err)
			case strings.HasPrefix(e.State.Name, eventTimers):
				event++
			case strings.HasPrefix(e.State.Name, processingTimers):
				processing++
			}
		}
	}
	t.Logf("%d streams, %d and %d timers; %d are no timers", streams, event, processing, other)
	if streams == 0 || event == 0 || processing == 0 {
		t.Error("too few")
	}
}

// withTimers is one handle that has some.
func withTimers(tb testing.TB) handletest.Handle {
	for _, h := range raw(tb) {
		if r, err := timersOf(tb, &h, h.Files()); err == nil {
			if lines, _ := handletest.Lines(r.Entries(tb.Context(), backends.Everything(h.Origin.Range))); len(lines) > 3 {
				return h
			}
		}
	}
	tb.Fatal("none")
	return handletest.Handle{}
}

func TestRawNotTimers(t *testing.T) {
	o := backends.Origin{MaxParallelism: 128, Range: metadata.KeyGroupRange{First: 0, Last: 1}}
	for _, data := range []string{"", "own", "\x00\x00\x00\x00", "\x00\x00\x00\x01\x00\x01x", "\x00\x00\x00\x05hello and more", "\x7f\xff\xff\xff"} {
		h := &metadata.KeyGroupsHandle{Range: o.Range, Offsets: []int64{0, noGroup}}
		if _, err := OpenRawTimers(t.Context(), handletest.Files{Blob: &handletest.Blob{Data: []byte(data)}}, h, o, nil); !errors.Is(err, ErrNotTimers) {
			t.Errorf("%q: %v", data, err)
		}
	}
	h := &metadata.KeyGroupsHandle{Range: o.Range, Offsets: []int64{noGroup, noGroup}}
	r, err := OpenRawTimers(t.Context(), handletest.Files{Blob: &handletest.Blob{}}, h, o, nil)
	if err != nil || len(r.States()) != 0 || r.Close() != nil {
		t.Error(err)
	}
}

func TestRawFlips(t *testing.T) {
	h := withTimers(t)
	counts := handletest.Flips(t, &h, []handletest.Region{{Name: "raw timers", From: 0, To: min(int64(len(h.Data)), 4096)}}, func(f handletest.Files) (backends.Reader, error) {
		r, err := timersOf(t, &h, f)
		if err != nil {
			return nil, err
		}
		return r, nil
	})
	t.Log(counts)
}

func TestRawOld(t *testing.T) {
	h := withTimers(t)
	first := h.Keyed.Offsets[slices.IndexFunc(h.Keyed.Offsets, func(o int64) bool { return o != noGroup })]
	end := int64(len(h.Data))
	for _, o := range h.Keyed.Offsets {
		if o > first {
			end = min(end, o)
		}
	}
	kg := h.Keyed.Range.First + int32(slices.Index(h.Keyed.Offsets, first))
	one := h
	one.Keyed = &metadata.KeyGroupsHandle{Range: metadata.KeyGroupRange{First: kg, Last: kg}, Offsets: []int64{0}}
	one.Origin.Range = one.Keyed.Range
	var want []string
	for _, cut := range []int64{0, 8} { // without the mark and the version
		one.Data = h.Data[first+cut : end]
		r, err := timersOf(t, &one, one.Files())
		if err != nil {
			t.Fatal(err)
		}
		lines, errs := handletest.Lines(r.Entries(t.Context(), backends.Everything(one.Origin.Range)))
		if len(errs) > 0 || cut > 0 && !slices.Equal(lines, want) {
			t.Errorf("%q, %v", lines, errs)
		}
		want = lines
	}
}

func FuzzRawTimers(f *testing.F) {
	h := withTimers(f)
	f.Add(h.Data, h.Keyed.Offsets[0], h.Keyed.Offsets[1])
	f.Add([]byte("\x00\x00\x00\x01\x00\x01x"), int64(0), int64(noGroup))
	f.Fuzz(func(t *testing.T, data []byte, a, b int64) {
		h := handletest.Handle{Keyed: &metadata.KeyGroupsHandle{Range: metadata.KeyGroupRange{First: 0, Last: 1}, Offsets: []int64{a, b}}}
		h.Origin = backends.Origin{Range: h.Keyed.Range, MaxParallelism: 128}
		r, err := timersOf(t, &h, handletest.Files{Blob: &handletest.Blob{Data: data}})
		if err != nil {
			return
		}
		n := 0
		for range r.Entries(t.Context(), backends.Everything(h.Origin.Range)) {
			if n++; n > 2*len(data)+2 {
				t.Fatalf("%d timers in %d bytes", n, len(data))
			}
		}
	})
}
