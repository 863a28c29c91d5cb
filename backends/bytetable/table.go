package bytetable

import (
	"iter"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/zeebo/xxh3"
)

// MaxLen is the greatest length of a value in bytes that Append makes.
const MaxLen = math.MaxInt32

// Table is a hash table. One goroutine at a time uses it; Views may be used by others meanwhile. Slices that it gives are
// valid until the next call, and must not be changed; it keeps nothing of what it is given.
type Table struct {
	dir    []*segment
	shift  uint8  // 64 less the bits of a hash that dir goes by
	dirAge uint64 // the epoch in which dir was made
	epoch  uint64
	frozen atomic.Uint64 // the last epoch that a View shares, or 0
	seed   uint64
	count  int
	memory int
	buf    []byte

	mu    sync.Mutex
	views []uint64 // epochs of those not released
}

// Entry is one entry.
type Entry struct {
	Key   []byte
	Value []byte // nil where it is absent
	Flags byte   // the user's
}

// New makes an empty table. It takes some 300 bytes.
func New() *Table {
	t := &Table{epoch: 1}
	t.Reset()
	return t
}

// Reset deletes all entries. Views keep theirs.
func (t *Table) Reset() {
	s := newSegment(0, t.epoch, minSlots, 0)
	t.dir, t.shift, t.dirAge = []*segment{s}, 64, t.epoch
	t.count, t.memory = 0, s.memory()
}

// Len is how many entries there are, those with absent values included.
func (t *Table) Len() int { return t.count }

// Memory is about how many bytes the table takes, without what only Views hold.
func (t *Table) Memory() int64 { return int64(t.memory + 8*len(t.dir)) }

// hash is that of a key. Its first bits tell the segment, its last ones are the tag.
func (t *Table) hash(key []byte) uint64 { return hash(key, t.seed) }

func hash(key []byte, seed uint64) uint64 { return xxh3.HashSeed(key, seed) }

func tagOf(h uint64) uint32 { return uint32(h) & (1<<tagBits - 1) }

// Get gives the value of a key, which is nil where it is absent; ok is whether there is an entry.
func (t *Table) Get(key []byte) (value []byte, flags byte, ok bool) {
	h := t.hash(key)
	return get(t.dir[h>>t.shift], tagOf(h), key)
}

func get(s *segment, tag uint32, key []byte) (value []byte, flags byte, ok bool) {
	i, found := s.find(tag, key)
	if !found {
		return nil, 0, false
	}
	v := s.slots[i]
	return s.value(v), s.at(v)[0], true
}

// Put sets value and flags of a key, and tells whether the key is new. A nil value is an absent one.
func (t *Table) Put(key, value []byte, flags byte) (added bool) {
	return t.put(t.hash(key), key, value, len(value), flags)
}

// put is Put, with room for values to come.
func (t *Table) put(h uint64, key, value []byte, room int, flags byte) bool {
	for {
		tag := tagOf(h)
		s := t.own(h)
		i, found := s.find(tag, key)
		if found {
			if t.overwrite(s, s.slots[i], value, flags) {
				return false
			}
			room = max(room, len(value)+len(value)/4)
		}
		if n := sizeOf(len(key), room); !s.takes(n, found) {
			t.makeRoom(s, h, n, found)
			h = t.hash(key) // another one, after a reseed
			continue
		}
		t.add(s, i, found, s.add(tag, key, value, room, flags))
		return !found
	}
}

// add notes an entry that was added to a block.
func (t *Table) add(s *segment, slot int, found bool, v uint32) {
	if p := parse(s.at(v)); p.apart >= 0 {
		t.memory += s.apart[p.apart].memory()
	}
	if found {
		t.memory -= s.kill(s.slots[slot])
	} else {
		s.count++
		t.count++
	}
	s.slots[slot] = v
}

// overwrite sets the value of an entry where it lies, if it can.
func (t *Table) overwrite(s *segment, v uint32, value []byte, flags byte) bool {
	b := s.at(v)
	p := parse(b)
	if p.apart >= 0 {
		return t.overwriteApart(b, &s.apart[p.apart], value, flags)
	}
	if len(value) > p.room {
		return false
	}
	b[0] = flags
	copy(b[p.keyEnd:], value)
	n := len(value)
	if value == nil {
		n = -1
	}
	if n != p.valueLen {
		setLength(b, n)
	}
	return true
}

func (t *Table) overwriteApart(b []byte, a *apart, value []byte, flags byte) bool {
	if !isApart(len(a.key), 2*len(value)) {
		return false // small now
	}
	t.memory -= a.memory()
	if a.epoch <= t.frozen.Load() || cap(a.value) < len(value) {
		a.value, a.epoch = nil, t.epoch
	}
	if value == nil {
		a.value = nil
	} else {
		a.value = append(a.value[:0], value...)
	}
	t.memory += a.memory()
	b[0] = flags
	return true
}

// Append appends to the value of a key, with sep before it where there is a value already that is not absent. It tells
// false, and does nothing, where the value would be longer than MaxLen. Appending takes amortised constant time.
func (t *Table) Append(key, sep, more []byte, flags byte) bool {
	h := t.hash(key)
	s := t.own(h)
	i, found := s.find(tagOf(h), key)
	var old []byte
	if found {
		old = s.value(s.slots[i])
	}
	n := len(more)
	if old != nil {
		n += len(old) + len(sep)
	}
	if n > MaxLen {
		return false
	}
	if old == nil {
		if more == nil {
			more = []byte{} // it is not absent
		}
		t.put(h, key, more, n, flags)
		return true
	}
	if t.extend(s, s.slots[i], sep, more, flags) {
		return true
	}
	t.buf = append(append(append(t.buf[:0], old...), sep...), more...)
	t.put(h, key, t.buf, 2*n, flags)
	return true
}

// extend appends to a value where it lies, if it can.
func (t *Table) extend(s *segment, v uint32, sep, more []byte, flags byte) bool {
	b := s.at(v)
	p := parse(b)
	if p.apart >= 0 {
		a := &s.apart[p.apart]
		t.memory -= a.memory()
		if cap(a.value)-len(a.value) < len(sep)+len(more) {
			a.epoch = t.epoch // of the array that append makes
		}
		a.value = append(append(a.value, sep...), more...)
		t.memory += a.memory()
		b[0] = flags
		return true
	}
	n := p.valueLen + len(sep) + len(more)
	if n > p.room {
		return false
	}
	to := b[p.keyEnd+p.valueLen:]
	copy(to[copy(to, sep):], more)
	setLength(b, n)
	b[0] = flags
	return true
}

// Delete deletes the entry of a key, and tells whether there was one.
func (t *Table) Delete(key []byte) bool {
	h := t.hash(key)
	i, found := t.dir[h>>t.shift].find(tagOf(h), key)
	if !found {
		return false
	}
	s := t.own(h)
	t.memory -= s.kill(s.slots[i])
	s.drop(i)
	s.count--
	t.count--
	if s.dead >= minShrink && s.dead*4 >= len(s.block)*3 {
		t.shrink(s, h)
	}
	return true
}

// All yields the entries in no order. Nothing may be changed meanwhile.
func (t *Table) All() iter.Seq[Entry] { return all(t.dir) }

// all yields the entries of a directory. Several of its places may be of one segment.
func all(dir []*segment) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		var last *segment
		for _, s := range dir {
			if s == last {
				continue
			}
			last = s
			if !s.walk(func(b []byte, p *place) bool { return yield(s.entry(b, p)) }) {
				return
			}
		}
	}
}

// Part yields the entries of one part of the table, that which a number lies in, and gives the number that the next part begins with, 0 behind
// the last one. Who begins with 0, and goes on with what it gives, meets each entry once, if entries are added and deleted between the
// calls too: those that are there all the time. Nothing may be changed while it yields. Once in a blue moon the table is made anew by
// other hashes, and a round misses some.
func (t *Table) Part(from uint64) (entries iter.Seq[Entry], next uint64) {
	i := int(from >> t.shift)
	s := t.dir[i]
	span := len(t.dir) >> s.depth
	if end := i&^(span-1) + span; end < len(t.dir) {
		next = uint64(end) << t.shift
	}
	return all(t.dir[i : i+1]), next
}

// Edit gives the value of a key to be changed where it lies, until the next call. It is nil where there is no entry, or its
// value is absent.
func (t *Table) Edit(key []byte) []byte {
	h := t.hash(key)
	s := t.own(h)
	i, found := s.find(tagOf(h), key)
	if !found {
		return nil
	}
	if p := parse(s.at(s.slots[i])); p.apart >= 0 {
		a := &s.apart[p.apart]
		if a.epoch <= t.frozen.Load() && a.value != nil {
			t.memory -= a.memory()
			a.value, a.epoch = slices.Clone(a.value), t.epoch
			t.memory += a.memory()
		}
	}
	return s.value(s.slots[i])
}
