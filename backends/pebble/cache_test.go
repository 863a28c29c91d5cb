package pebble

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/ckpt-tool/ckpt/backends"
)

// TestSortRefs: any keys are sorted, those that end in zeros too.
func TestSortRefs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfDistinct(rapid.SliceOfN(rapid.SampledFrom([]byte{0, 0, 1, 0xff}), 2, 28), func(b []byte) string { return string(b) }).Draw(t, "keys")
		c := newCache(new(atomic.Uint32))
		c.orders = make([]*order, 1<<16)
		refs := []ref{0}
		for _, k := range keys {
			refs = append(refs, c.insert(k, putKind, nil, 0), 0)
		}
		slices.SortFunc(keys, bytes.Compare)
		sorted := sortRefs(refs, c.mems)
		if len(sorted) != len(keys) {
			t.Fatalf("%d of %d", len(sorted), len(keys))
		}
		for i, v := range sorted {
			if !bytes.Equal(c.record(v.ref).key(), keys[i]) {
				t.Fatalf("%d is %x, not %x", i, c.record(v.ref).key(), keys[i])
			}
		}
	})
}

// TestArena: slots do not overlap, and what is given back is used again.
func TestArena(t *testing.T) {
	a := newArena()
	r := rand.New(rand.NewPCG(1, 2))
	type slot struct {
		ref  ref
		n    int
		mark byte
	}
	var live []slot
	var most int64
	for i := range 200_000 {
		if len(live) > 3000 || len(live) > 0 && r.IntN(3) == 0 {
			k := r.IntN(len(live))
			s := live[k]
			for _, b := range a.slot(s.ref)[:s.n] {
				if b != s.mark {
					t.Fatalf("slot %x of %d bytes has %d, not %d", s.ref, s.n, b, s.mark)
				}
			}
			a.release(s.ref)
			live[k] = live[len(live)-1]
			live = live[:len(live)-1]
			continue
		}
		s := slot{n: 20 + r.IntN(1<<r.IntN(14)), mark: byte(i)}
		s.ref = a.alloc(s.n)
		if s.ref == 0 || a.capacity(s.ref) < s.n {
			t.Fatalf("%x for %d bytes has %d", s.ref, s.n, a.capacity(s.ref))
		}
		for j := range s.n {
			a.slot(s.ref)[j] = s.mark
		}
		live = append(live, s)
		most = max(most, a.held)
	}
	var want int64
	for _, s := range live {
		want += int64(a.capacity(s.ref))
	}
	if a.used != want {
		t.Errorf("%d bytes are in use, not %d", a.used, want)
	}
	for _, s := range live {
		a.release(s.ref)
	}
	if a.used != 0 || a.held != 0 {
		t.Errorf("%d bytes are in use and %d held of nothing", a.used, a.held)
	}
	if a.trim(0); slices.ContainsFunc(a.mems, func(b []byte) bool { return b != nil }) {
		t.Error("memory is left")
	}
}

// TestMemory: a store with many times its memory stays within it, and has all.
func TestMemory(t *testing.T) {
	const limit, keys = 4 << 20, 40_000
	b := testBackend(t, limit)
	s := openStore(t, b, testConfig(t, newStorage(), testGroups))
	tables := openTables(t, s)
	value := func(i, round int) []byte {
		return bytes.Repeat(fmt.Append(nil, i, round, " "), 1+i*7%90)
	}
	var most int64
	for round := range 3 {
		for i := range keys {
			kg := int32(i % testParallelism)
			if err := tables["value"].Put(kg, testKey(kg, uint64(i)), nil, value(i, round)); err != nil {
				t.Fatal(err)
			}
			most = max(most, s.cache.memory())
		}
	}
	for i := range keys {
		kg := int32(i % testParallelism)
		v, ok, err := tables["value"].Get(kg, testKey(kg, uint64(i)), nil)
		if err != nil || !ok || !bytes.Equal(v, value(i, 2)) {
			t.Fatalf("%d is %.50q, %t, %v", i, v, ok, err)
		}
		most = max(most, s.cache.memory())
	}
	if most > limit*3/2 || s.cache.complete {
		t.Errorf("%d bytes were held, of %d", most, limit)
	}
	if share := b.share(); s.MemoryUse() > share*3/2 {
		t.Errorf("%d bytes are held, of %d", s.MemoryUse(), share)
	}
}

// TestNoAllocation: a count of known keys takes no memory for each record.
func TestNoAllocation(t *testing.T) {
	b := testBackend(t, 64<<20)
	s := openStore(t, b, testConfig(t, newStorage(), testGroups))
	tables := openTables(t, s)
	key := testKey(1, 1)
	value := make([]byte, 8)
	if n := testing.AllocsPerRun(1000, func() {
		if _, _, err := tables["value"].Get(1, key, nil); err != nil {
			t.Fatal(err)
		}
		if err := tables["value"].Put(1, key, nil, value); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestSeek: a walk may begin within a key group, and ends with it.
func TestSeek(t *testing.T) {
	b := testBackend(t, 8<<20)
	s := openStore(t, b, testConfig(t, newStorage(), testGroups))
	_, tables := fill(t, s, 1)
	for range 2 {
		timers := tables["_timer_state/event"].(backends.Seeker)
		n := 0
		for row, err := range timers.From(3, lengthen("_timer_state/event", testKey(3, 100))) {
			if err != nil || row.KeyGroup != 3 || bytes.Compare(row.Key, testKey(3, 100)) < 0 {
				t.Fatal(row, err)
			}
			n++
		}
		if n != 6 { // of 3, 19 … 195: those from 115 on
			t.Errorf("%d timers", n)
		}
		evictAll(t, s)
	}
}

// TestSortDeep: keys that differ behind a megabyte are sorted without a stack that is as deep.
func TestSortDeep(t *testing.T) {
	defer debug.SetMaxStack(debug.SetMaxStack(1 << 20))
	c := newCache(new(atomic.Uint32))
	c.orders = make([]*order, 1<<16)
	var refs []ref
	for _, end := range []byte("cab") {
		refs = append(refs, c.insert(append(make([]byte, 1<<20), end), putKind, nil, 0))
	}
	sorted := sortRefs(refs, c.mems)
	if len(sorted) != 3 || sorted[0].ref != refs[1] || sorted[1].ref != refs[2] || sorted[2].ref != refs[0] {
		t.Errorf("%v are sorted %v", refs, sorted)
	}
}

// TestSpareMemory: the memory of small records that went does not stay beside that of large ones.
func TestSpareMemory(t *testing.T) {
	const limit = 4 << 20
	b := testBackend(t, limit)
	s := openStore(t, b, testConfig(t, newStorage(), testGroups))
	values := openTables(t, s)["value"]
	var most int64
	put := func(from, to, size int) {
		for i := from; i < to; i++ {
			kg := int32(i % testParallelism)
			if err := values.Put(kg, testKey(kg, uint64(i)), nil, make([]byte, size)); err != nil {
				t.Fatal(err)
			}
			most = max(most, memsOf(s))
		}
	}
	for round := range 3 {
		put(round*50_000, round*50_000+40_000, 100)
		put(round*50_000+40_000, round*50_000+41_000, 20_000)
	}
	if most > limit*3/2 {
		t.Errorf("%d bytes were held, of %d", most, limit)
	}
}

// TestShare: whatever the memory, there are numbers for all records that it has room for.
func TestShare(t *testing.T) {
	b := testBackend(t, 1<<20)
	b.memory = 1 << 40
	if n := b.share(); (n+n/4)/largest > maxChunks || n < 4<<30 {
		t.Errorf("%d bytes", n)
	}
}

// TestIndexShrinks: the memory of an index goes with its records.
func TestIndexShrinks(t *testing.T) {
	c := newCache(new(atomic.Uint32))
	c.orders = make([]*order, 1<<16)
	key := func(i int) []byte { return binary.BigEndian.AppendUint64([]byte{0, 0}, uint64(i)) }
	const n = 100_000
	for i := range n {
		c.insert(key(i), putKind, nil, 0)
	}
	full := c.index.bytes
	for i := range n - 100 {
		c.drop(c.find(key(i)))
	}
	if c.index.bytes > full/8 {
		t.Errorf("%d bytes for 100 records, and %d for %d", c.index.bytes, full, n)
	}
	for i := range n {
		if r := c.find(key(i)); (r != 0) != (i >= n-100) {
			t.Fatalf("%d is %x", i, r)
		}
	}
}

// TestPassing: records that come and go within an epoch leave nothing.
func TestPassing(t *testing.T) {
	b := testBackend(t, 64<<20)
	s := openStore(t, b, testConfig(t, newStorage(), testGroups))
	values := openTables(t, s)["value"]
	var want []string
	for i := range 200_000 {
		key := testKey(1, uint64(i))
		err := values.Put(1, key, nil, []byte("x"))
		if i%1000 == 0 {
			want = append(want, string(key))
		} else {
			err = errors.Join(err, values.Delete(1, key, nil))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := cap(s.cache.dirty); n > 4096 {
		t.Errorf("room for %d changes", n)
	}
	evictAll(t, s)
	var have []string
	for row, err := range values.All(testGroups) {
		if err != nil {
			t.Fatal(err)
		}
		have = append(have, string(row.Key))
	}
	if !slices.Equal(want, have) {
		t.Errorf("%d records, not %d", len(have), len(want))
	}
}

// TestIdle: a store that nobody uses gives memory to others with its next snapshot.
func TestIdle(t *testing.T) {
	const limit = 16 << 20
	b := testBackend(t, limit)
	b.least = 1 << 20
	st := newStorage()
	for _, emptied := range []bool{false, true} {
		idle := openStore(t, b, testConfig(t, st, testGroups))
		values := openTables(t, idle)["value"]
		for i := range 20_000 {
			kg := int32(i % testParallelism)
			if err := values.Put(kg, testKey(kg, uint64(i)), nil, make([]byte, 400)); err != nil {
				t.Fatal(err)
			}
		}
		if emptied {
			evictAll(t, idle)
		}
		var others []*Store
		for range 3 {
			others = append(others, openStore(t, b, testConfig(t, st, testGroups)))
		}
		if held, share := memsOf(idle), b.share(); held < 2*share {
			t.Fatalf("emptied %t: %d bytes are held, and the share is %d", emptied, held, share)
		}
		take(t, idle, &backends.SnapshotRequest{Checkpoint: 1, Streams: st})
		if held, share := memsOf(idle), b.share(); held > share*3/2 {
			t.Errorf("emptied %t: %d bytes are held, of %d", emptied, held, share)
		}
		for _, s := range append(others, idle) {
			s.Close()
		}
	}
}

// evictAll makes a store keep nothing in memory.
func evictAll(t *testing.T, s *Store) {
	t.Helper()
	s.freeze(nil)
	if err := s.queue.wait(s); err != nil {
		t.Fatal(err)
	}
	for range s.cache.mems {
		s.cache.evict(true)
	}
}

// memsOf is how many bytes a cache has for records, used or not.
func memsOf(s *Store) (n int64) {
	for _, m := range s.cache.mems {
		n += int64(len(m))
	}
	return n
}

// TestManyStates: no more states than a header can have.
func TestManyStates(t *testing.T) {
	b := testBackend(t, 8<<20)
	s := openStore(t, b, testConfig(t, newStorage(), testGroups))
	openTables(t, s)
	s.tables = slices.Repeat(s.tables[:1], maxStates)
	if _, err := s.Table(&backends.Meta{Name: "one more", Kind: backends.Value}); err == nil {
		t.Errorf("state %d", len(s.tables))
	}
}
