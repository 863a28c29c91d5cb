package bytetable

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// alike are n keys whose hashes begin with the same bits, as one who knows the hash could send them.
func alike(n, bits int) [][]byte {
	var keys [][]byte
	for i := uint64(0); len(keys) < n; i++ {
		k := binary.BigEndian.AppendUint64(nil, i)
		if hash(k, 0)>>(64-bits) == 0 {
			keys = append(keys, k)
		}
	}
	return keys
}

// TestAlike: keys that the hash does not tell apart make neither a directory without end nor a segment that cannot grow.
func TestAlike(t *testing.T) {
	table := New()
	value := bytes.Repeat([]byte{1}, 1900)
	keys := alike(1500, 12)
	var before *View
	most := 0
	for i, k := range keys {
		if i == 400 {
			before = table.Freeze()
		}
		if !table.Put(k, value, 5) {
			t.Fatalf("key %d is not new", i)
		}
		if _, _, ok := table.Get(k); !ok {
			t.Fatalf("key %d is lost at once", i)
		}
		most = max(most, len(table.dir))
	}
	if table.seed == 0 {
		t.Error("the hashes are the same still")
	}
	if most > len(keys) {
		t.Errorf("a directory of %d places for %d keys", most, len(keys))
	}
	for i, k := range keys {
		if v, flags, ok := table.Get(k); !ok || flags != 5 || !bytes.Equal(v, value) {
			t.Fatalf("key %d is lost", i)
		}
		if _, _, ok := before.Get(k); ok != (i < 400) {
			t.Fatalf("key %d of the view: %v", i, ok)
		}
	}
	if table.Len() != len(keys) || table.Memory() != table.measure() {
		t.Errorf("%d keys, %d bytes, not %d", table.Len(), table.Memory(), table.measure())
	}
}

// TestMemory: an entry takes some 16 bytes more than its key and its value, and deleting gives the memory back.
func TestMemory(t *testing.T) {
	table := New()
	if m := table.Memory(); m > 400 {
		t.Errorf("an empty table takes %d bytes", m)
	}
	var k benchKey
	var value [8]byte
	const n = 200_000
	for i := range n {
		table.Put(k.set(i), value[:], 0)
	}
	if over := float64(table.Memory())/n - 24; over > 20 {
		t.Errorf("%.1f bytes more than key and value", over)
	}
	for i := range n { // others in their place, for long
		table.Delete(k.set(i))
		table.Put(k.set(n+i), value[:], 0)
	}
	if over := float64(table.Memory())/n - 24; over > 32 {
		t.Errorf("%.1f bytes more than key and value, after changes", over)
	}
	view, most := table.Freeze(), table.Memory()
	for i := range n {
		if i%100 != 7 {
			table.Delete(k.set(n + i))
		}
	}
	if m := table.Memory(); m > most/10 || m != table.measure() {
		t.Errorf("%d bytes of %d for a hundredth of the entries; %d", m, most, table.measure())
	}
	for i := range n {
		if _, _, ok := table.Get(k.set(n + i)); ok != (i%100 == 7) {
			t.Fatalf("key %d: %v", i, ok)
		}
		if _, _, ok := view.Get(k.set(n + i)); !ok {
			t.Fatalf("key %d is lost to the view", i)
		}
	}
	view.Release()
}

// TestAppend: a list grows without being copied each time, also while it is frozen.
func TestAppend(t *testing.T) {
	table := New()
	key := []byte("key")
	element := bytes.Repeat([]byte{7}, 99)
	const n = 20_000
	var views []*View
	for i := range n {
		if i%1000 == 0 {
			views = append(views, table.Freeze())
		}
		table.Append(key, []byte{','}, element, 0)
	}
	v, _, _ := table.Get(key)
	if len(v) != 100*n-1 || bytes.Count(v, []byte{','}) != n-1 {
		t.Errorf("%d bytes", len(v))
	}
	for i, view := range views {
		v, _, ok := view.Get(key)
		if want := max(0, 100*1000*i-1); len(v) != want || ok != (i > 0) {
			t.Errorf("view %d: %d bytes, not %d", i, len(v), want)
		}
		view.Release()
	}
	if m := table.Memory(); m > 4*100*n {
		t.Errorf("%d bytes of memory", m)
	}
}

// TestEdit: a value is changed where it lies, and views keep theirs.
func TestEdit(t *testing.T) {
	for _, n := range []int{8, 300, 5000} {
		table := New()
		key := []byte("key")
		table.Put(key, make([]byte, n), 0)
		view := table.Freeze()
		table.Edit(key)[n-1] = 1
		old, _, _ := view.Get(key)
		v, _, _ := table.Get(key)
		if old[n-1] != 0 || v[n-1] != 1 || len(v) != n || table.Memory() != table.measure() {
			t.Errorf("%d bytes: %d, %d", n, old[n-1], v[n-1])
		}
		view.Release()
		if table.Edit([]byte("none")) != nil {
			t.Error("a value of nothing")
		}
	}
}

// TestNothingAllocated: overwriting and reading take nothing of the heap.
func TestNothingAllocated(t *testing.T) {
	table := filled(10_000)
	var k benchKey
	value := make([]byte, 8)
	i := 0
	n := testing.AllocsPerRun(5000, func() {
		i++
		table.Get(k.set(i))
		table.Put(k.set(i), value, 1)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestApartAgain: the place of what lay apart is used again.
func TestApartAgain(t *testing.T) {
	table := New()
	for range 100 {
		table.Put([]byte("a"), make([]byte, 5000), 0)
		if !table.Delete([]byte("a")) || table.Delete([]byte("a")) {
			t.Fatal("deleted once")
		}
	}
	if n := len(table.dir[0].apart); n != 1 {
		t.Errorf("%d places", n)
	}
	if table.Memory() != table.measure() || table.Memory() > 1000 {
		t.Errorf("%d bytes, not %d", table.Memory(), table.measure())
	}
}

// TestPart: who goes round part by part meets each entry that is there all the time once, while the table grows to many times its
// size and entries go.
func TestPart(t *testing.T) {
	const n = 30_000
	table, value, added := New(), make([]byte, 8), 0
	var k benchKey
	for i := range n {
		table.Put(k.set(i), value, 0)
	}
	for round := range 3 {
		met := map[uint64]int{}
		before, parts := len(table.dir), 0
		for from, again := uint64(0), true; again; again = from != 0 {
			part, next := table.Part(from)
			for e := range part {
				met[binary.BigEndian.Uint64(e.Key[8:])]++
			}
			from = next
			parts++
			for ; added < 3000*parts && added < 3*n; added++ {
				table.Put(k.set(1_000_000+added), value, 0)
				table.Delete(k.set(2 * (added % (n / 2)))) // what is even goes
			}
		}
		for i := range uint64(n / 2) {
			if met[2*i+1] != 1 || met[2*i] > 1 {
				t.Fatalf("round %d: %d is met %d times, and %d %d times", round, 2*i+1, met[2*i+1], 2*i, met[2*i])
			}
		}
		if parts < before/2 || round == 0 && len(table.dir) < 2*before {
			t.Errorf("round %d: %d parts, %d places, and then %d", round, parts, before, len(table.dir))
		}
	}
	part, next := New().Part(0)
	for range part {
		t.Error("an entry of an empty table")
	}
	if next != 0 {
		t.Errorf("part %d of an empty table", next)
	}
}
