package bytetable

import (
	"iter"
	"slices"
)

// View is the entries that a Table had when it was frozen. Many goroutines may use it, while the table changes.
type View struct {
	t     *Table
	epoch uint64
	dir   []*segment
	shift uint8
	seed  uint64
	count int
}

// Freeze gives the entries as they are now. It takes constant time; as long as the View is not released, the table copies
// what it changes, once.
func (t *Table) Freeze() *View {
	v := &View{t: t, epoch: t.epoch, dir: t.dir, shift: t.shift, seed: t.seed, count: t.count}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.views = append(t.views, v.epoch)
	t.frozen.Store(v.epoch)
	t.epoch++
	return v
}

// Release ends the use of a View, by whichever goroutine. It must not be used by any then. A second call does nothing.
func (v *View) Release() {
	t := v.t
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.Index(t.views, v.epoch)
	if i < 0 {
		return
	}
	t.views = slices.Delete(t.views, i, i+1)
	last := uint64(0)
	for _, e := range t.views {
		last = max(last, e)
	}
	t.frozen.Store(last)
	v.dir = nil
}

// Len is how many entries there are.
func (v *View) Len() int { return v.count }

// Get is Table.Get. What it gives is valid until Release.
func (v *View) Get(key []byte) (value []byte, flags byte, ok bool) {
	h := hash(key, v.seed)
	return get(v.dir[h>>v.shift], tagOf(h), key)
}

// All yields the entries in no order.
func (v *View) All() iter.Seq[Entry] { return all(v.dir) }
