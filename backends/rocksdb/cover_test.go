package rocksdb

import "testing"

func ikey(user string, seq uint64, kind Kind) InternalKey {
	return InternalKey{[]byte(user), seq<<8 | uint64(kind)}
}

// TestTombstoneBounds holds that a range deletion counts within the bounds of its file only.
func TestTombstoneBounds(t *testing.T) {
	for _, c := range []struct {
		name              string
		smallest, largest InternalKey
		covered, free     []InternalKey
	}{
		{"inside", ikey("a", 90, Put), ikey("z", 90, Put), []InternalKey{ikey("d", 9, Put), ikey("e", 1, Put), ikey("kz", 1, Put)}, []InternalKey{ikey("c", 1, Put), ikey("d", 10, Put), ikey("m", 1, Put)}},
		{"from the smallest key", ikey("f", 5, Put), ikey("z", 90, Put), []InternalKey{ikey("f", 5, Put), ikey("g", 5, Put)}, []InternalKey{ikey("e", 1, Put), ikey("f", 6, Put)}},
		{"up to the largest key", ikey("a", 90, Put), ikey("h", 5, Put), []InternalKey{ikey("g", 1, Put), ikey("h", 7, Put), ikey("h", 5, Put)}, []InternalKey{ikey("h", 4, Put), ikey("i", 1, Put)}},
		{"up to another range deletion", ikey("a", 90, Put), ikey("h", maxSeq, RangeDeletion), []InternalKey{ikey("g", 1, Put)}, []InternalKey{ikey("h", 7, Put), ikey("m", 1, Put)}},
		{"up to a key of sequence number 0", ikey("a", 90, Put), ikey("h", 0, Put), []InternalKey{ikey("g", 0, Put)}, []InternalKey{ikey("i", 0, Put)}},
	} {
		table := &Table{file: &TableFile{Smallest: c.smallest, Largest: c.largest}}
		table.addTombstone(ikey("d", 10, RangeDeletion), []byte("m"))
		for _, k := range c.covered {
			if !deletes(table, k) {
				t.Errorf("%s: %s at %d is not deleted", c.name, k.User, k.Seq())
			}
		}
		for _, k := range c.free {
			if deletes(table, k) {
				t.Errorf("%s: %s at %d is deleted", c.name, k.User, k.Seq())
			}
		}
	}
}

func deletes(table *Table, k InternalKey) bool {
	var c covers
	c.add(table.tombstones)
	return c.ever && c.deletes(k)
}

// TestCovers asks for keys in their order, while range deletions begin and end, one in another.
func TestCovers(t *testing.T) {
	span := func(from, to string, seq uint64) tombstone {
		return tombstone{ikey(from, maxSeq, 0xff), ikey(to, maxSeq, 0xff), seq}
	}
	var c covers
	c.add([]tombstone{span("b", "h", 10), span("d", "f", 20)})
	asked := func(user string, seq uint64, want bool) {
		t.Helper()
		if got := c.deletes(ikey(user, seq, Put)); got != want {
			t.Errorf("%s at %d: %v", user, seq, got)
		}
	}
	asked("a", 1, false)
	asked("b", 10, false)
	asked("b", 9, true)
	asked("d", 20, false)
	asked("d", 19, true)
	asked("f", 19, false)
	asked("f", 9, true)
	c.add([]tombstone{span("g", "z", 30)})
	asked("g", 29, true)
	asked("h", 29, true)
	asked("z", 1, false)
	if c.ever || len(c.active) != 0 || c.seq != 0 {
		t.Errorf("at the end there are still %+v", c)
	}
}
