package pebble

import "math/bits"

// ref is where a record lies: 20 bits of chunk, 12 bits of unit within it. 0 is none: the first unit of chunk 0 is never given.
type ref uint32

const (
	unit       = 16
	unitBits   = 12
	chunkSize  = unit << unitBits
	largest    = chunkSize / 8 // what is larger has a chunk of its own
	maxChunks  = 1<<(32-unitBits) - 1
	noClass    = 0xff
	aloneClass = 0xfe
	noFree     = 0xffff
)

// classSizes are the sizes of slots: four to each doubling.
var classSizes = func() (sizes []int) {
	for size := 2 * unit; size <= largest; {
		sizes = append(sizes, size)
		size += max(unit, 1<<(bits.Len(uint(size))-1)/4)
	}
	return sizes
}()

// classOf is the class of each number of units.
var classOf = func() (classes [largest/unit + 1]uint8) {
	c := 0
	for n := range classes {
		if n*unit > classSizes[c] {
			c++
		}
		classes[n] = uint8(c)
	}
	return classes
}()

// chunk is what is known of a stretch of memory, whose slots are of one class.
type chunk struct {
	class uint8
	// listed is whether the chunk is among those of its class with room.
	listed     bool
	live, most uint16 // slots
	next       uint16 // the slot that was never given, by its number
	free       uint16 // the first of those given back, by its unit; the next one's unit stands in it
}

// arena is memory without pointers for the garbage collector, of records of all sizes. Chunks whose records
// are all gone serve any size again.
type arena struct {
	mems   [][]byte
	chunks []chunk
	open   [][]uint32 // of each class the chunks with room, and some that have none any more
	spare  []uint32   // chunks that are empty, with their memory
	gone   []uint32   // numbers of chunks without memory
	held   int64      // bytes of chunks in use
	used   int64      // bytes of records
}

func newArena() *arena { return &arena{open: make([][]uint32, len(classSizes))} }

// slot is the memory of the record at r.
func (a *arena) slot(r ref) []byte { return slotOf(a.mems, r) }

func slotOf(mems [][]byte, r ref) []byte {
	return mems[r>>unitBits][int(r&(1<<unitBits-1))*unit:]
}

// capacity is how many bytes the record at r may have.
func (a *arena) capacity(r ref) int {
	c := r >> unitBits
	if class := a.chunks[c].class; class < aloneClass {
		return classSizes[class]
	}
	return len(a.mems[c]) - unit
}

// alloc gives room for n bytes.
func (a *arena) alloc(n int) ref {
	if n > largest {
		return a.alone(n)
	}
	class := classOf[(n+unit-1)/unit]
	open := a.open[class]
	for len(open) > 0 {
		c := open[len(open)-1]
		k := &a.chunks[c]
		if k.class == class && k.live < k.most {
			a.open[class] = open
			return a.take(c, k)
		}
		if k.class == class {
			k.listed = false
		}
		open = open[:len(open)-1]
	}
	c := a.chunkFor(class)
	a.open[class] = append(open, c)
	return a.take(c, &a.chunks[c])
}

// take gives a slot of a chunk that has one.
func (a *arena) take(c uint32, k *chunk) ref {
	k.live++
	a.used += int64(classSizes[k.class])
	if k.free != noFree {
		r := ref(c<<unitBits | uint32(k.free))
		b := a.slot(r)
		k.free = uint16(b[0]) | uint16(b[1])<<8
		return r
	}
	at := 1 + int(k.next)*classSizes[k.class]/unit
	k.next++
	return ref(c<<unitBits | uint32(at))
}

// release takes a slot back. Its record must say that it is dead.
func (a *arena) release(r ref) {
	c := uint32(r >> unitBits)
	k := &a.chunks[c]
	k.live--
	a.used -= int64(a.capacity(r))
	if k.class == aloneClass {
		a.held -= int64(len(a.mems[c]))
		a.mems[c] = nil
		k.class = noClass
		a.gone = append(a.gone, c)
		return
	}
	if k.live == 0 {
		k.class, k.listed = noClass, false
		a.spare = append(a.spare, c)
		a.held -= chunkSize
		return
	}
	b := a.slot(r)
	b[0], b[1] = byte(k.free), byte(k.free>>8)
	k.free = uint16(r & (1<<unitBits - 1))
	if !k.listed {
		k.listed = true
		a.open[k.class] = append(a.open[k.class], c)
	}
}

// chunkFor is an empty chunk for slots of a class.
func (a *arena) chunkFor(class uint8) uint32 {
	var c uint32
	if n := len(a.spare); n > 0 {
		c, a.spare = a.spare[n-1], a.spare[:n-1]
		clear(a.mems[c])
	} else {
		c = a.number(make([]byte, chunkSize))
	}
	a.held += chunkSize
	a.chunks[c] = chunk{class: class, listed: true, most: uint16((chunkSize - unit) / classSizes[class]), free: noFree}
	return c
}

// alone gives a record a chunk of its own.
func (a *arena) alone(n int) ref {
	size := unit + (n+unit-1)/unit*unit
	a.trim(max(0, len(a.spare)-(size+chunkSize-1)/chunkSize)) // its memory comes out of theirs
	c := a.number(make([]byte, size))
	a.held += int64(len(a.mems[c]))
	a.used += int64(len(a.mems[c]) - unit)
	a.chunks[c] = chunk{class: aloneClass, live: 1, most: 1, next: 1, free: noFree}
	return ref(c<<unitBits | 1)
}

// number gives memory a number.
func (a *arena) number(mem []byte) uint32 {
	if n := len(a.gone); n > 0 {
		c := a.gone[n-1]
		a.gone = a.gone[:n-1]
		a.mems[c] = mem
		return c
	}
	if len(a.mems) == maxChunks {
		panic("too many chunks in one cache") // mostShare is far below
	}
	a.mems, a.chunks = append(a.mems, mem), append(a.chunks, chunk{})
	return uint32(len(a.mems) - 1)
}

// slots calls f with each slot of chunk c that was ever given. f may release it.
func (a *arena) slots(c int, f func(ref)) {
	k := a.chunks[c]
	if k.class == noClass {
		return
	}
	step := len(a.mems[c]) / unit
	if k.class < aloneClass {
		step = classSizes[k.class] / unit
	}
	for i := range int(k.next) {
		f(ref(c<<unitBits | (1 + i*step)))
		if a.chunks[c].class == noClass {
			return
		}
	}
}

// trim gives the memory of all spare chunks but some back.
func (a *arena) trim(keep int) {
	for len(a.spare) > keep {
		c := a.spare[len(a.spare)-1]
		a.spare = a.spare[:len(a.spare)-1]
		a.mems[c] = nil
		a.gone = append(a.gone, c)
	}
}
