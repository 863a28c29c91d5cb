package entrydiff

import (
	"bytes"
	"context"
	"errors"
	"hash/maphash"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
)

// seed is that of the hashes that shares and tables go by.
var seed = maphash.MakeSeed()

// errLarge says that a unit is too large to be held.
var errLarge = errors.New("too large")

// held is the entries of the first side of one unit.
type held struct {
	arena []byte
	items []item
	index map[uint64]int32 // by hash of the identity, the last item
}

// item is one entry, or several elements that are equal.
type item struct {
	id             stateID
	state          *backends.State
	keyGroup       int32
	joined, null   bool
	at, split, end int   // in the arena: the identity, then the bytes of the value
	left           int32 // how many of them were not met
	next           int32 // the next item with the same hash, -1 for none
}

func (h *held) identity(i *item) []byte { return h.arena[i.at:i.split] }

// entry is what is left of the entry of an item: all that its content needs.
func (h *held) entry(i *item) *backends.Entry {
	return &backends.Entry{State: i.state, KeyGroup: i.keyGroup, Joined: i.joined, Null: i.null, Value: h.arena[i.split:i.end]}
}

// size is about how many bytes are held.
func (h *held) size() int64 { return int64(len(h.arena)) + 160*int64(len(h.items)) }

// find is the item of an identity, nil if there is none.
func (h *held) find(e *entry) *item {
	i, ok := h.index[e.hash]
	for ok && i >= 0 {
		it := &h.items[i]
		if it.id == e.id && bytes.Equal(h.identity(it), e.identity) {
			return it
		}
		i = it.next
	}
	return nil
}

func (h *held) add(e *entry) {
	next, ok := h.index[e.hash]
	if !ok {
		next = -1
	}
	at := len(h.arena)
	h.arena = append(append(h.arena, e.identity...), e.raw.Value...)
	h.index[e.hash] = int32(len(h.items))
	h.items = append(h.items, item{
		id: e.id, state: e.raw.State, keyGroup: e.raw.KeyGroup, joined: e.raw.Joined, null: e.raw.Null,
		at: at, split: at + len(e.identity), end: len(h.arena), left: 1, next: next,
	})
}

// unit compares one unit, in several goes if it is large.
func (c *comparison) unit(ctx context.Context, u *unit) error {
	h := &held{index: map[uint64]int32{}}
	var lost [2]losses
	err := c.read(ctx, u, 0, &lost[0], func(e *entry) error {
		if it := h.find(e); it != nil {
			it.left++
			return nil
		}
		if h.size() > c.budget && len(h.items) > 1 {
			return errLarge
		}
		h.add(e)
		return nil
	})
	if errors.Is(err, errLarge) {
		for _, half := range u.halves() {
			if err := c.unit(ctx, half); err != nil {
				return err
			}
		}
		return nil
	}
	m := &meeting{comparison: c, held: h, lost: &lost, tally: map[stateID]*Count{}, old: c.sides[0].Printer(), new: c.sides[1].Printer()}
	if err == nil {
		err = c.read(ctx, u, 1, &lost[1], m.meet)
	}
	if err == nil {
		err = m.leave()
	}
	c.add(m.tally)
	return err
}

// meeting is the second side of a unit met with what is held of the first.
type meeting struct {
	*comparison
	*held
	lost     *[2]losses // of either side
	tally    map[stateID]*Count
	old, new *snapshot.Printer
	a, b     []byte
}

// meet compares an entry of the second side with what is held.
func (m *meeting) meet(e *entry) error {
	n := countOf(m.tally, e.id)
	change := &Change{Operator: e.id.operator, State: e.id.name, Kind: e.id.kind, KeyGroup: e.raw.KeyGroup, Identity: e.identity}
	var err error
	it := m.find(e)
	if it == nil || it.left == 0 {
		if m.lost[0].has(e.id) {
			n.Unread++
			return nil
		}
		n.Added++
		change.What = Added
		if change.New, err = m.content(1, e.raw, &m.b); err != nil {
			return err
		}
		return m.tell(change)
	}
	it.left--
	same, err := m.same(m.entry(it), e.raw)
	switch {
	case err != nil:
		return err
	case same:
		n.Same++
		return nil
	}
	n.Changed++
	change.What, change.Old, change.New = Changed, m.a, m.b
	return m.tell(change)
}

// same tells whether two entries have the same value; if not, a and b are their contents.
func (m *meeting) same(a, b *backends.Entry) (bool, error) {
	if a.Null == b.Null && a.Joined == b.Joined && alike(a.State.Value, b.State.Value) && bytes.Equal(a.Value, b.Value) {
		return true, nil
	}
	x, err := m.content(0, a, &m.a)
	if err != nil {
		return false, err
	}
	y, err := m.content(1, b, &m.b)
	if err != nil {
		return false, err
	}
	return bytes.Equal(x, y) || sameLetters(x, y) && sameSettled(a, b), nil
}

// alike tells whether equal bytes of two types mean the same.
func alike(a, b backends.Type) bool {
	return a == b || a != nil && b != nil && a.Class() == b.Class() && a.String() == b.String()
}

// content is the content of e as text. What does not decode is shown by a text of its own, so that it differs from
// all that does.
func (m *meeting) content(side int, e *backends.Entry, buf *[]byte) ([]byte, error) {
	p := m.old
	if side == 1 {
		p = m.new
	}
	text, err := p.AppendContent((*buf)[:0], e)
	*buf = text
	if err != nil && !m.passes(side, err) {
		return nil, err
	}
	return text, nil
}

// leave reports what the second side has not.
func (m *meeting) leave() error {
	for i := range m.items {
		it := &m.items[i]
		for range it.left {
			n := countOf(m.tally, it.id)
			if m.lost[1].has(it.id) {
				n.Unread++
				continue
			}
			n.Removed++
			old, err := m.content(0, m.entry(it), &m.a)
			if err != nil {
				return err
			}
			err = m.tell(&Change{What: Removed, Operator: it.id.operator, State: it.id.name, Kind: it.id.kind, KeyGroup: it.keyGroup,
				Identity: m.identity(it), Old: old})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func countOf(tally map[stateID]*Count, id stateID) *Count {
	n := tally[id]
	if n == nil {
		n = &Count{Operator: id.operator, State: id.name, Kind: id.kind}
		tally[id] = n
	}
	return n
}

func (c *comparison) tell(change *Change) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.report(change)
}

// add adds the tally of a unit.
func (c *comparison) add(tally map[stateID]*Count) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, n := range tally {
		sum := countOf(c.counts, id)
		sum.Same += n.Same
		sum.Added += n.Added
		sum.Removed += n.Removed
		sum.Changed += n.Changed
		sum.Unread += n.Unread
	}
}
