package pebble

import (
	"bytes"
	"sync/atomic"
)

// cache is the records that lie before Pebble: all changes that Pebble does not have yet, and what was read of it. Its
// goroutine is that of the store; what it freezes another one reads.
//
// Changes belong to epochs. The current one is written in place. Freezing ends it: its records stay as they are until they are in
// Pebble; who changes one meanwhile gets a copy, and the old one is retired. When the epoch is written, its records are clean.
type cache struct {
	*arena
	index *index
	// orders has an order for each state that is walked in order, else nil; by the state's number.
	orders []*order
	epoch  uint32
	// written is the last epoch whose changes are in Pebble.
	written *atomic.Uint32
	// dirty are the records of the current epoch; 0 where one has gone, which gaps counts.
	dirty      []ref
	dirtyBytes int64
	gaps       int
	retired    []retiredRef
	retiredAt  int // of retired, the first that is not released yet
	// complete is whether the cache has all there is: what it does not have, nobody has.
	complete bool
	last     ref // the record found last
	hand     int // the chunk that was looked at last for what may go
	futile   int // how many chunks in a row had nothing, as of
	futileAt uint32
}

type retiredRef struct {
	ref   ref
	epoch uint32
}

// frozen are the changes of one epoch.
type frozen struct {
	epoch uint32
	refs  []ref
	mems  [][]byte
}

func newCache(written *atomic.Uint32) *cache {
	return &cache{arena: newArena(), index: newIndex(), epoch: 1, written: written, complete: true}
}

func (c *cache) record(r ref) record { return record(c.slot(r)) }

// memory is how many bytes the cache holds, load how many of them records and what leads to them need.
func (c *cache) memory() int64 { return c.held + c.index.bytes + int64(4*cap(c.dirty)) }
func (c *cache) load() int64   { return c.used + c.index.bytes + int64(4*cap(c.dirty)) }

// find gives the record of a key, or 0.
func (c *cache) find(key []byte) ref {
	if c.last != 0 && bytes.Equal(c.record(c.last).key(), key) {
		return c.last
	}
	r := c.index.find(c.index.hash(key), key, c.arena)
	if r != 0 {
		c.last = r
		c.slot(r)[atUsed] = 1
	}
	return r
}

// clean tells whether Pebble has what the record says.
func (c *cache) clean(b record) bool { return b.epoch() <= c.written.Load() }

// orderOf is the order that a record with the key is in, or nil.
func (c *cache) orderOf(key []byte) *order {
	return c.orders[int(key[0])<<8|int(key[1])]
}

// insert makes a record for a key that has none.
func (c *cache) insert(key []byte, k kind, value []byte, epoch uint32) ref {
	r := c.alloc(headerLen + len(key) + len(value))
	b := c.record(r)
	clear(b[:headerLen])
	b.setKey(key)
	b.setValue(k, value)
	b.setEpoch(epoch)
	b[atUsed] = 1
	c.index.add(c.index.hash(key), r)
	if o := c.orderOf(key); o != nil {
		o.add(r)
	}
	c.last = r
	return r
}

// insertDirty makes a record of a change.
func (c *cache) insertDirty(key []byte, k kind, value []byte) ref {
	r := c.insert(key, k, value, 0)
	b := c.record(r)
	if c.complete {
		b[atFlags] = freshFlag
	}
	c.mark(r, b)
	return r
}

// mark notes that the record changes in this epoch, in which it has not before.
func (c *cache) mark(r ref, b record) {
	if len(c.dirty) == cap(c.dirty) && 2*c.gaps > len(c.dirty) {
		c.closeGaps()
	}
	b.setEpoch(c.epoch)
	b.setPlace(uint32(len(c.dirty)))
	c.dirty = append(c.dirty, r)
	c.dirtyBytes += int64(c.capacity(r))
}

// closeGaps moves the records of the epoch together.
func (c *cache) closeGaps() {
	kept := c.dirty[:0]
	for _, r := range c.dirty {
		if r != 0 {
			c.record(r).setPlace(uint32(len(kept)))
			kept = append(kept, r)
		}
	}
	c.dirty, c.gaps = kept, 0
}

// change makes the record say something else, as of now. It gives the record, which may be another.
func (c *cache) change(r ref, k kind, value []byte) ref {
	r, b := c.writable(r, len(value))
	b.setValue(k, value)
	return r
}

// extend appends to a value.
func (c *cache) extend(r ref, more ...[]byte) ref {
	old := c.record(r)
	n := old.valueLen()
	want := n
	for _, m := range more {
		want += len(m)
	}
	if headerLen+old.keyLen()+want > c.capacity(r) {
		want += want / 2 // lists grow on
	}
	r, b := c.writable(r, want)
	at := headerLen + b.keyLen() + n
	for _, m := range more {
		at += copy(b[at:], m)
	}
	b.setValueLen(at - headerLen - b.keyLen())
	return r
}

// writable gives the record of the same key that may be written to in this epoch, with room for a value of so many bytes. It
// still says what the old one does.
func (c *cache) writable(r ref, room int) (ref, record) {
	b := c.record(r)
	current := b.epoch() == c.epoch
	pending := !current && !c.clean(b)
	if need := headerLen + b.keyLen() + room; pending || need > c.capacity(r) {
		r, b = c.relocate(r, need, pending)
	}
	if !current {
		b[atFlags] &^= freshFlag
		c.mark(r, b)
	}
	return r, b
}

// relocate copies a record to a place of at least size bytes.
func (c *cache) relocate(from ref, size int, pending bool) (ref, record) {
	old := c.record(from)
	size = max(size, old.size())
	to := c.alloc(size)
	b := c.record(to)
	copy(b, old[:old.size()])
	c.index.move(c.index.hash(b.key()), from, to)
	if o := c.orderOf(b.key()); o != nil {
		o.move(from, to)
	}
	if b.epoch() == c.epoch {
		c.dirty[b.place()] = to
		c.dirtyBytes += int64(c.capacity(to) - c.capacity(from))
	}
	if c.last == from {
		c.last = to
	}
	if pending {
		c.retire(from, old.epoch())
	} else {
		c.free(from)
	}
	return to, b
}

// free gives the memory of a record back that nothing leads to.
func (c *cache) free(r ref) {
	c.slot(r)[atKind] = 0
	c.release(r)
}

// retire keeps a record until its epoch is written.
func (c *cache) retire(r ref, epoch uint32) {
	c.slot(r)[atFlags] |= retiredFlag
	c.retired = append(c.retired, retiredRef{r, epoch})
}

// releaseRetired frees some of those that are written.
func (c *cache) releaseRetired(most int) {
	written := c.written.Load()
	for ; most > 0 && c.retiredAt < len(c.retired) && c.retired[c.retiredAt].epoch <= written; most-- {
		c.free(c.retired[c.retiredAt].ref)
		c.retiredAt++
	}
	if c.retiredAt == len(c.retired) {
		c.retired, c.retiredAt = c.retired[:0], 0
	}
}

// drop forgets a record, which must not be pending.
func (c *cache) drop(r ref) {
	b := c.record(r)
	key := b.key()
	if b.epoch() == c.epoch {
		c.dirty[b.place()] = 0
		c.gaps++
		c.dirtyBytes -= int64(c.capacity(r))
	}
	if o := c.orderOf(key); o != nil {
		o.remove(r)
	}
	c.index.remove(c.index.hash(key), r)
	if c.last == r {
		c.last = 0
	}
	c.free(r)
}

// freeze ends the epoch.
func (c *cache) freeze() frozen {
	f := frozen{epoch: c.epoch, refs: c.dirty, mems: c.mems}
	c.dirty, c.dirtyBytes, c.gaps = make([]ref, 0, len(c.dirty)-c.gaps), 0, 0
	c.epoch++
	return f
}

// evict lets clean records of the next chunk go: those that were not used since it was here last, or all. Where two rounds
// found none, it waits for another epoch to be written.
func (c *cache) evict(all bool) {
	if len(c.mems) == 0 {
		return
	}
	if written := c.written.Load(); c.futile > 2*len(c.mems) && !all {
		if written == c.futileAt {
			return
		}
		c.futile, c.futileAt = 0, written
	}
	c.hand = (c.hand + 1) % len(c.mems)
	before := c.used
	c.slots(c.hand, func(r ref) {
		b := c.record(r)
		switch {
		case b.kind() == 0 || b[atFlags]&retiredFlag != 0 || !c.clean(b):
		case !all && b[atUsed] != 0:
			b[atUsed] = 0
		default:
			if b.kind() != deleteKind {
				c.complete = false
			}
			c.drop(r)
		}
	})
	if c.futile++; c.used < before {
		c.futile = 0
	}
}
