package bytetable

import (
	"math/bits"
	"slices"
)

// own is the segment of a hash, ready to be changed.
func (t *Table) own(h uint64) *segment {
	s := t.dir[h>>t.shift]
	if s.epoch > t.frozen.Load() {
		return s
	}
	c := s.clone(t.epoch)
	t.replace(h, s, c, c)
	return c
}

// replace puts two segments in the place of one of the hash h: the lower half of its places is low's. They are the same where
// it was not split.
func (t *Table) replace(h uint64, s, low, high *segment) {
	if t.dirAge <= t.frozen.Load() {
		t.dir, t.dirAge = slices.Clone(t.dir), t.epoch
	}
	span := len(t.dir) >> s.depth
	first := int(h>>t.shift) &^ (span - 1)
	for i := range span {
		if i < span/2 {
			t.dir[first+i] = low
		} else {
			t.dir[first+i] = high
		}
	}
	t.memory -= s.memory()
	t.memory += low.memory()
	if high != low {
		t.memory += high.memory()
	}
}

// makeRoom does one thing more for an entry of n bytes to fit.
func (t *Table) makeRoom(s *segment, h uint64, n int, found bool) {
	before := s.memory()
	slots := found || s.slotsFor(1)
	size := len(s.block) + n
	small := size <= softBlock && (slots || len(s.slots) < softSlots)
	switch {
	case s.dead*4 > len(s.block):
		t.compact(s, h)
		return
	case !small && t.canSplit(s):
		t.split(s, h)
		return
	case !slots && len(s.slots) < 1<<offsetBits:
		s.growSlots()
	case size <= hardBlock:
		s.growBlock(n)
	default:
		t.reseed()
		return
	}
	t.memory += s.memory() - before
}

// compact moves what lives to a new segment.
func (t *Table) compact(s *segment, h uint64) {
	c := newSegment(s.depth, t.epoch, len(s.slots), len(s.block)-s.dead)
	s.walk(func(b []byte, p *place) bool {
		c.carry(s, b, p, tagOf(t.hash(s.entry(b, p).Key)))
		return true
	})
	t.replace(h, s, c, c)
}

// shrink gives the memory back of a segment of which most is dead.
func (t *Table) shrink(s *segment, h uint64) {
	t.compact(s, h)
	c := t.dir[h>>t.shift]
	t.memory -= c.memory()
	c.fit()
	t.memory += c.memory()
}

// canSplit tells whether a segment may be split, which keeps the directory from growing beyond the entries: where many keys have
// nearly the same hash, it would.
func (t *Table) canSplit(s *segment) bool {
	return s.count > 1 && (len(t.dir)>>s.depth > 1 || len(t.dir) <= t.count/2)
}

// split makes two segments of one, by the next bit of the hashes.
func (t *Table) split(s *segment, h uint64) {
	if len(t.dir)>>s.depth == 1 {
		dir := make([]*segment, 0, 2*len(t.dir))
		for _, s := range t.dir {
			dir = append(dir, s, s)
		}
		t.dir, t.dirAge = dir, t.epoch
		t.shift--
	}
	low := newSegment(s.depth+1, t.epoch, len(s.slots), (len(s.block)-s.dead)*5/8)
	high := newSegment(s.depth+1, t.epoch, len(s.slots), (len(s.block)-s.dead)*5/8)
	s.walk(func(b []byte, p *place) bool {
		to := low
		hash := t.hash(s.entry(b, p).Key)
		if hash<<s.depth>>63 == 1 {
			to = high
		}
		to.carry(s, b, p, tagOf(hash))
		return true
	})
	low.fit()
	high.fit()
	t.replace(h, s, low, high)
}

// fit halves slots that are too many.
func (s *segment) fit() {
	n := max(minSlots, 1<<bits.Len(uint(s.count*4/3)))
	if n >= len(s.slots) {
		return
	}
	old := s.slots
	s.slots = make([]uint32, n)
	for _, v := range old {
		if v != 0 {
			s.put(v)
		}
	}
}

// reseed makes the table anew by other hashes. It comes to that where far too many keys have nearly the same one.
func (t *Table) reseed() {
	old := t.dir
	t.seed = t.seed*0x9e3779b97f4a7c15 + 0xbf58476d1ce4e5b9
	t.Reset()
	for e := range all(old) {
		t.Put(e.Key, e.Value, e.Flags)
	}
}
