package rocksdb

import "sort"

// covers are the range deletions of all tables of a merge. Keys are asked for in their order.
type covers struct {
	coming []tombstone // by start, the last one first
	active []tombstone
	seq    uint64 // the highest of active
	// change is where active changes next; ever is whether it does.
	change InternalKey
	ever   bool
}

// add takes tombstones of which no key has been asked for yet.
func (c *covers) add(more []tombstone) {
	if len(more) == 0 {
		return
	}
	c.coming = append(c.coming, more...)
	sort.Slice(c.coming, func(i, j int) bool { return c.coming[i].start.Compare(c.coming[j].start) > 0 })
	c.plan()
}

// plan finds where active changes next.
func (c *covers) plan() {
	c.ever = false
	if n := len(c.coming); n > 0 {
		c.change, c.ever = c.coming[n-1].start, true
	}
	for _, t := range c.active {
		if !c.ever || t.end.Compare(c.change) < 0 {
			c.change, c.ever = t.end, true
		}
	}
}

// deletes tells whether a record of the key is deleted by a range deletion.
func (c *covers) deletes(k InternalKey) bool {
	if c.ever && k.Compare(c.change) >= 0 {
		c.move(k)
	}
	return k.Seq() < c.seq
}

func (c *covers) move(k InternalKey) {
	for n := len(c.coming); n > 0 && c.coming[n-1].start.Compare(k) <= 0; n-- {
		c.active = append(c.active, c.coming[n-1])
		c.coming = c.coming[:n-1]
	}
	c.seq = 0
	kept := c.active[:0]
	for _, t := range c.active {
		if t.end.Compare(k) > 0 {
			kept = append(kept, t)
			c.seq = max(c.seq, t.seq)
		}
	}
	c.active = kept
	c.plan()
}
