package snapshot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ckpt-tool/ckpt/metadata"
)

// someParts are n parts that can be told apart by their key groups.
func someParts(n int) []*Part {
	parts := make([]*Part, n)
	for i := range parts {
		parts[i] = &Part{KeyGroups: metadata.KeyGroupRange{First: int32(i), Last: int32(i)}}
	}
	return parts
}

// TestStream: the output is in the order of the parts, however many goroutines make it.
func TestStream(t *testing.T) {
	var want strings.Builder
	emitAll := func(p *Part, emit func(string) error) error {
		for j := range 3000 {
			if err := emit(fmt.Sprintf("part %d line %d of some length\n", p.KeyGroups.First, j)); err != nil {
				return err
			}
		}
		return nil
	}
	parts := someParts(17)
	for _, p := range parts {
		if err := emitAll(p, func(s string) error { want.WriteString(s); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	for _, workers := range []int{0, 1, 2, 8, 64} {
		var got bytes.Buffer
		err := Stream(t.Context(), parts, workers, func(_ context.Context, p *Part, emit Emit) error {
			return emitAll(p, func(s string) error { return emit([]byte(s)) })
		}, func(b []byte) error { got.Write(b); return nil })
		if err != nil || got.String() != want.String() {
			t.Errorf("%d workers: %d bytes, not %d: %v", workers, got.Len(), want.Len(), err)
		}
	}
}

// TestStreamEnds: what came before an error is written, and nothing goes on behind it.
func TestStreamEnds(t *testing.T) {
	broken, full := errors.New("broken"), errors.New("no space left")
	var running atomic.Int32
	read := func(ctx context.Context, p *Part, emit Emit) error {
		running.Add(1)
		defer running.Add(-1)
		if err := emit(fmt.Append(nil, p.KeyGroups.First, ";")); err != nil {
			return err
		}
		if p.KeyGroups.First == 3 {
			return broken
		}
		for p.KeyGroups.First > 3 { // until it is told to end
			if err := emit(make([]byte, chunkSize)); err != nil {
				return err
			}
		}
		return nil
	}
	var got bytes.Buffer
	err := Stream(t.Context(), someParts(9), 4, read, func(b []byte) error { got.Write(b); return nil })
	if !errors.Is(err, broken) || got.String() != "0;1;2;3;" || running.Load() != 0 {
		t.Errorf("%v, %q, %d still run", err, got.String(), running.Load())
	}
	err = Stream(t.Context(), someParts(9), 4, read, func([]byte) error { return full })
	if !errors.Is(err, full) || running.Load() != 0 {
		t.Errorf("%v, %d still run", err, running.Load())
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = Stream(ctx, someParts(9), 4, func(ctx context.Context, p *Part, emit Emit) error {
		cancel()
		return read(ctx, p, emit)
	}, func([]byte) error { return nil })
	if err == nil || running.Load() != 0 {
		t.Errorf("%v, %d still run", err, running.Load())
	}
}

// TestFold: each part is read once, and the first error is given.
func TestFold(t *testing.T) {
	var seen [20]atomic.Int32
	parts := someParts(len(seen))
	if err := Fold(t.Context(), parts, 3, func(_ context.Context, i int, p *Part) error {
		seen[p.KeyGroups.First].Add(int32(i) + 1)
		return nil
	}); err != nil {
		t.Error(err)
	}
	for i := range seen {
		if seen[i].Load() != int32(i)+1 {
			t.Errorf("part %d: %d", i, seen[i].Load())
		}
	}
	broken := errors.New("broken")
	if err := Fold(t.Context(), parts, 3, func(context.Context, int, *Part) error { return broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
}

// TestSplit: parts cover the key groups of a handle, each once.
func TestSplit(t *testing.T) {
	for _, groups := range []int{0, 1, 2, 7, 128} {
		for _, n := range []int{0, 1, 2, 5, 200} {
			h := &Handle{Slot: metadata.ManagedKeyed, KeyGroups: metadata.KeyGroupRange{First: 10, Last: 10 + int32(groups) - 1}}
			next, parts := h.KeyGroups.First, h.Split(n)
			for _, p := range parts {
				if p.KeyGroups.First != next {
					t.Errorf("%d of %d: %v", n, groups, p.KeyGroups)
				}
				next = p.KeyGroups.Last + 1
			}
			if next != h.KeyGroups.Last+1 || len(parts) > max(1, n) {
				t.Errorf("%d of %d: up to %d in %d parts", n, groups, next, len(parts))
			}
		}
	}
}

// TestSpareChunks: a buffer that one large piece made grow is not kept.
func TestSpareChunks(t *testing.T) {
	large := func(_ context.Context, _ *Part, emit Emit) error { return emit(make([]byte, 16*chunkSize)) }
	if err := Stream(t.Context(), someParts(64), 4, large, func([]byte) error { return nil }); err != nil {
		t.Fatal(err)
	}
	for range cap(spare) + 1 {
		if c := newChunk(); cap(c) > spareSize {
			t.Fatalf("a spare buffer of %d bytes", cap(c))
		}
	}
}
