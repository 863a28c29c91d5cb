package bytetable

import (
	"bytes"
	"encoding/binary"
	"slices"
	"unsafe"
)

const (
	tagBits    = 12
	offsetBits = 32 - tagBits
	offsetMask = 1<<offsetBits - 1

	softBlock = 64 << 10         // beyond it a segment is split
	hardBlock = offsetMask - 1   // beyond it none can grow
	softSlots = 4 << 10          // as many
	minSlots  = 8                //
	growStep  = 8 << 10          // of large blocks
	pageBlock = softBlock / 2    // from which on they are large
	minShrink = 4 << 10          // bytes that must be dead for a segment to be made smaller
	segCost   = segmentSize + 16 // what a segment takes besides
)

const segmentSize = int(unsafe.Sizeof(segment{}))

// segment is the entries whose hashes begin with the same bits.
type segment struct {
	slots []uint32
	block []byte
	apart []apart
	free  []uint32 // of apart
	count int
	dead  int   // bytes of block
	depth uint8 // how many bits of the hash
	epoch uint64
}

// apart is key and value of an entry that do not lie in a block.
type apart struct {
	key, value []byte
	epoch      uint64 // in which the array of value was made
}

const apartCost = int(unsafe.Sizeof(apart{}))

func newSegment(depth uint8, epoch uint64, slots, block int) *segment {
	return &segment{slots: make([]uint32, slots), block: make([]byte, 0, block), depth: depth, epoch: epoch}
}

// clone copies all but what lies apart.
func (s *segment) clone(epoch uint64) *segment {
	c := *s
	c.slots, c.block = slices.Clone(s.slots), slices.Clone(s.block)
	c.apart, c.free = slices.Clone(s.apart), slices.Clone(s.free)
	c.epoch = epoch
	return &c
}

// memory is about how many bytes the segment takes, without what lies apart.
func (s *segment) memory() int {
	return segCost + cap(s.block) + 4*len(s.slots)
}

// home is where to look first for a tag.
func (s *segment) home(tag uint32) uint32 { return tag * uint32(len(s.slots)) >> tagBits }

// find gives the slot of a key, or the one where it would be.
func (s *segment) find(tag uint32, key []byte) (slot int, found bool) {
	slots := s.slots
	mask := uint32(len(slots) - 1)
	for i := s.home(tag); ; i++ {
		v := slots[i&mask]
		if v == 0 {
			return int(i & mask), false
		}
		if v>>offsetBits == tag && s.keyIs(v, key) {
			return int(i & mask), true
		}
	}
}

// at is the block from the entry of a slot on.
func (s *segment) at(v uint32) []byte { return s.block[v&offsetMask-1:] }

func (s *segment) keyIs(v uint32, key []byte) bool {
	b := s.at(v)
	if n := int(b[1]); n != longMark {
		return n == len(key) && string(b[shortHead:shortHead+n]) == string(key)
	}
	p := parse(b)
	if p.apart >= 0 {
		return bytes.Equal(s.apart[p.apart].key, key)
	}
	return bytes.Equal(b[p.key:p.keyEnd], key)
}

// value is that of a slot, nil where it is absent.
func (s *segment) value(v uint32) []byte {
	b := s.at(v)
	p := parse(b)
	if p.apart >= 0 {
		return s.apart[p.apart].value
	}
	if p.valueLen < 0 {
		return nil
	}
	end := p.keyEnd + p.valueLen
	return b[p.keyEnd:end:end]
}

// walk calls do with the entries, in the order in which they were added; it tells whether more are wanted.
func (s *segment) walk(do func(b []byte, p *place) bool) bool {
	for at := 0; at < len(s.block); {
		b := s.block[at:]
		p := parse(b)
		at += p.size()
		if p.dead == 0 && !do(b, &p) {
			return false
		}
	}
	return true
}

// entry is what lies at the beginning of b, which p takes apart.
func (s *segment) entry(b []byte, p *place) Entry {
	if p.apart >= 0 {
		a := &s.apart[p.apart]
		return Entry{Key: a.key, Value: a.value, Flags: b[0]}
	}
	e := Entry{Key: b[p.key:p.keyEnd:p.keyEnd], Flags: b[0]}
	if p.valueLen >= 0 {
		end := p.keyEnd + p.valueLen
		e.Value = b[p.keyEnd:end:end]
	}
	return e
}

// put puts a slot where the key's tag wants it. There is room.
func (s *segment) put(v uint32) {
	mask := uint32(len(s.slots) - 1)
	i := s.home(v >> offsetBits)
	for s.slots[i&mask] != 0 {
		i++
	}
	s.slots[i&mask] = v
}

// drop takes a slot out, and moves those behind it that would not be found else.
func (s *segment) drop(slot int) {
	mask := uint32(len(s.slots) - 1)
	hole := uint32(slot)
	for i := (hole + 1) & mask; s.slots[i] != 0; i = (i + 1) & mask {
		home := s.home(s.slots[i] >> offsetBits)
		if (i-home)&mask >= (i-hole)&mask {
			s.slots[hole], hole = s.slots[i], i
		}
	}
	s.slots[hole] = 0
}

// growSlots doubles the slots.
func (s *segment) growSlots() {
	old := s.slots
	s.slots = make([]uint32, 2*len(old))
	for _, v := range old {
		if v != 0 {
			s.put(v)
		}
	}
}

// growBlock makes room for n bytes more.
func (s *segment) growBlock(n int) {
	want := len(s.block) + n
	c := cap(s.block) + max(cap(s.block)/2, 32)
	if cap(s.block) >= pageBlock {
		c = cap(s.block) + growStep
	}
	most := hardBlock
	if want <= softBlock {
		most = softBlock
	}
	b := make([]byte, len(s.block), max(min(c, most), want))
	copy(b, s.block)
	s.block = b
}

// takes tells whether an entry of n bytes fits, whose key is new or not.
func (s *segment) takes(n int, found bool) bool {
	return len(s.block)+n <= min(cap(s.block), hardBlock) && (found || s.slotsFor(1))
}

// slotsFor tells whether there are slots for n more.
func (s *segment) slotsFor(n int) bool { return (s.count+n)*4 <= len(s.slots)*3 }

// add appends an entry to the block, and gives its slot.
func (s *segment) add(tag uint32, key, value []byte, room int, flags byte) uint32 {
	v := tag<<offsetBits | uint32(len(s.block)+1)
	if !isApart(len(key), room) {
		s.block = appendEntry(s.block, key, value, room, flags)
		return v
	}
	a := apart{key: bytes.Clone(key), epoch: s.epoch}
	if value != nil {
		a.value = append(make([]byte, 0, room), value...)
	}
	s.addApart(a, flags)
	return v
}

// addApart appends an entry whose key and value are a.
func (s *segment) addApart(a apart, flags byte) {
	var i uint32
	if n := len(s.free); n > 0 {
		i, s.free = s.free[n-1], s.free[:n-1]
		s.apart[i] = a
	} else {
		i, s.apart = uint32(len(s.apart)), append(s.apart, a)
	}
	s.block = append(s.block, flags, longMark, formApart, 0)
	s.block = binary.LittleEndian.AppendUint32(s.block, i)
}

// kill gives up the entry of a slot, and tells how many bytes it had apart.
func (s *segment) kill(v uint32) int {
	b := s.at(v)
	p := parse(b)
	s.dead += p.size()
	bury(b, p.size())
	if p.apart < 0 {
		return 0
	}
	n := s.apart[p.apart].memory()
	s.apart[p.apart] = apart{}
	s.free = append(s.free, uint32(p.apart))
	return n
}

// memory is about how many bytes it takes.
func (a *apart) memory() int { return apartCost + cap(a.key) + cap(a.value) }

// carry takes over an entry of another segment as it is.
func (s *segment) carry(from *segment, b []byte, p *place, tag uint32) {
	v := tag<<offsetBits | uint32(len(s.block)+1)
	if p.apart >= 0 {
		s.addApart(from.apart[p.apart], b[0])
	} else {
		s.block = append(s.block, b[:p.size()]...)
	}
	s.put(v)
	s.count++
}
