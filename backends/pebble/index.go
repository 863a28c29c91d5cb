package pebble

import (
	"bytes"
	"hash/maphash"
)

// index finds records by their keys. It is cut into shards, so that a new size of one takes a fraction of a millisecond.
type index struct {
	seed   maphash.Seed
	shards [shards]shard
	bytes  int64
}

const shards = 256

// shard is a table with open addressing. A slot is the lower half of the key's hash, and the ref.
type shard struct {
	slots []uint64
	count int
}

func newIndex() *index { return &index{seed: maphash.MakeSeed()} }

func (x *index) hash(key []byte) uint64 { return maphash.Bytes(x.seed, key) }

// find gives the record of a key with the hash h; 0 where there is none.
func (x *index) find(h uint64, key []byte, a *arena) ref {
	s := &x.shards[h>>56]
	if s.count == 0 {
		return 0
	}
	tag, mask := uint32(h), uint64(len(s.slots)-1)
	for i := h & mask; ; i = (i + 1) & mask {
		v := s.slots[i]
		if v == 0 {
			return 0
		}
		if uint32(v>>32) == tag && bytes.Equal(record(a.slot(ref(v))).key(), key) {
			return ref(v)
		}
	}
}

// add adds a ref that is not there.
func (x *index) add(h uint64, r ref) {
	s := &x.shards[h>>56]
	if s.count*4 >= len(s.slots)*3 {
		x.resize(s, max(leastSlots, 2*len(s.slots)))
	}
	s.put(uint64(uint32(h))<<32 | uint64(r))
	s.count++
}

func (s *shard) put(v uint64) {
	mask := uint64(len(s.slots) - 1)
	i := v >> 32 & mask
	for s.slots[i] != 0 {
		i = (i + 1) & mask
	}
	s.slots[i] = v
}

const leastSlots = 16 // of a shard that has any

func (x *index) resize(s *shard, slots int) {
	old := s.slots
	s.slots = make([]uint64, slots)
	x.bytes += int64(8 * (len(s.slots) - len(old)))
	for _, v := range old {
		if v != 0 {
			s.put(v)
		}
	}
}

// at is the place of a ref that is there.
func (s *shard) at(h uint64, r ref) uint64 {
	mask := uint64(len(s.slots) - 1)
	i := h & mask
	for ref(s.slots[i]) != r {
		i = (i + 1) & mask
	}
	return i
}

// move makes the key of one ref lead to another.
func (x *index) move(h uint64, from, to ref) {
	s := &x.shards[h>>56]
	s.slots[s.at(h, from)] = uint64(uint32(h))<<32 | uint64(to)
}

// remove takes out a ref that is there, and closes the gap.
func (x *index) remove(h uint64, r ref) {
	s := &x.shards[h>>56]
	mask := uint64(len(s.slots) - 1)
	gap := s.at(h, r)
	for i := gap; ; {
		i = (i + 1) & mask
		v := s.slots[i]
		if v == 0 {
			break
		}
		if home := v >> 32 & mask; (i-home)&mask >= (i-gap)&mask {
			s.slots[gap] = v
			gap = i
		}
	}
	s.slots[gap] = 0
	s.count--
	if s.count*8 < len(s.slots) && len(s.slots) > leastSlots {
		x.resize(s, len(s.slots)/2)
	}
}
