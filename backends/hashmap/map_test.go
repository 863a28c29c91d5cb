package hashmap

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/ckpt-tool/ckpt/backends/bytetable"
)

// TestMapGrows: a map grows to many entries and shrinks to none, and holds what it should at any time; its neighbour stays as it is.
func TestMapGrows(t *testing.T) {
	for _, size := range []int{9, 3000} {
		g := bytetable.New()
		w := (&table{}).mapOf(g)
		key, other := []byte("key"), []byte("ke")
		if !w.put(other, []byte("x"), []byte("y")) {
			t.Fatal("a map that was there")
		}
		model := map[uint64]byte{}
		r := rand.New(rand.NewPCG(uint64(size), 1))
		sub := make([]byte, 8)
		value := make([]byte, size)
		n := uint64(200_000 / size)
		for step, phase := range []struct {
			times  uint64
			remove uint64 // of 10
		}{{2 * n, 1}, {4 * n, 8}, {n, 0}, {0, 0}} {
			for range phase.times {
				k := r.Uint64N(n)
				binary.BigEndian.PutUint64(sub, k)
				if r.Uint64N(10) < phase.remove {
					w.remove(key, sub)
					delete(model, k)
					continue
				}
				value[0] = byte(r.Uint64())
				part := value[:size-int(k%3)]
				if w.put(key, sub, part) != (len(model) == 0) {
					t.Fatal("whether the map is new")
				}
				model[k] = value[0]
			}
			checkGrown(t, w, key, model)
			h, _ := w.base(key)
			if len(model) > 40 && h.buckets < uint32(len(model))/80 || step == 1 && int(h.buckets) > len(model)+100 {
				t.Errorf("%d entries in %d buckets", len(model), h.buckets)
			}
		}
		for k := range n {
			binary.BigEndian.PutUint64(sub, k)
			_, had := model[k]
			delete(model, k)
			if last := w.remove(key, sub); last != (had && len(model) == 0) {
				t.Fatalf("last is %v with %d entries left", last, len(model))
			}
			if len(model) == 20 || len(model) == 2 {
				checkGrown(t, w, key, model)
			}
		}
		if g.Len() != 1 || w.clear(key) || !w.clear(other) || g.Len() != 0 {
			t.Errorf("%d parts are left", g.Len())
		}
	}
}

// checkGrown compares all entries, and what the header says of them.
func checkGrown(t *testing.T, w *mapWriter, key []byte, model map[uint64]byte) {
	t.Helper()
	n, size := 0, 0
	for sub, value := range w.all(key) {
		if v, ok := model[binary.BigEndian.Uint64(sub)]; !ok || v != value[0] {
			t.Fatalf("%x: %d, not %d", sub, value[0], v)
		}
		n++
		size += len(appendPair(nil, sub, value))
	}
	h, _ := w.base(key)
	if n != len(model) || h.len() != n || h.buckets > 0 && h.bytes != uint64(size) {
		t.Fatalf("%d entries, not %d; %+v", n, len(model), h)
	}
	for k, v := range model {
		got, ok := w.get(key, binary.BigEndian.AppendUint64(nil, k))
		if !ok || got[0] != v {
			t.Fatalf("%x is lost", k)
		}
	}
	if _, ok := w.get(key, bytes.Repeat([]byte{9}, 8)); ok {
		t.Fatal("what was never put")
	}
}
