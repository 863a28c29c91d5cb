package pebble

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/metadata"
)

// Subs implements backends.Table.
func (t *table) Subs(kg int32, key []byte) iter.Seq2[backends.Row, error] {
	return func(yield func(backends.Row, error) bool) {
		lower := t.appendKey(nil, key, nil)
		row := backends.Row{KeyGroup: kg, Key: lower[2:]}
		for e, err := range t.s.scan(t, lower, successor(lower)) {
			row.Sub, row.Value = nil, nil
			if err == nil {
				row.Sub, row.Value = e.key[len(lower):], e.value
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// All implements backends.Table.
func (t *table) All(r metadata.KeyGroupRange) iter.Seq2[backends.Row, error] {
	return func(yield func(backends.Row, error) bool) {
		if r.Len() <= 0 {
			return
		}
		lower, upper := t.span(r)
		t.rows(lower, upper, yield)
	}
}

// From implements backends.Seeker.
func (t *table) From(kg int32, key []byte) iter.Seq2[backends.Row, error] {
	return func(yield func(backends.Row, error) bool) {
		_, upper := t.span(metadata.KeyGroupRange{First: kg, Last: kg})
		t.rows(t.appendKey(nil, key, nil), upper, yield)
	}
}

func (t *table) rows(lower, upper []byte, yield func(backends.Row, error) bool) {
	for e, err := range t.s.scan(t, lower, upper) {
		var row backends.Row
		if err == nil {
			row, err = t.row(e)
		}
		if !yield(row, err) || err != nil {
			return
		}
	}
}

// row takes a key of Pebble apart.
func (t *table) row(e entry) (backends.Row, error) {
	row := backends.Row{Key: e.key[2:], Value: e.value, KeyGroup: keygroups.Prefix(e.key[2:], t.s.prefix)}
	if t.meta.Kind != backends.Map {
		return row, nil
	}
	if t.form == nil {
		return row, fmt.Errorf("state %q: the type of its keys is not known", t.meta.Name)
	}
	p, err := t.form.Split(row.Key)
	if err != nil {
		return row, fmt.Errorf("state %q: key % x: %w", t.meta.Name, row.Key, err)
	}
	at := len(row.Key) - len(p.MapKey)
	row.Key, row.Sub = row.Key[:at:at], row.Key[at:]
	return row, nil
}

// successor is the first key behind all that begin with prefix; nil where there is none.
func successor(prefix []byte) []byte {
	b := bytes.Clone(prefix)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i]++; b[i] != 0 {
			return b[:i+1]
		}
	}
	return nil
}

// entry is a key of Pebble, and its value.
type entry struct{ key, value []byte }

// scan yields what cache and Pebble together have in [lower, upper), in order.
func (s *Store) scan(t *table, lower, upper []byte) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		if err := s.health(); err != nil {
			yield(entry{}, err)
			return
		}
		s.iterating++
		defer func() { s.iterating-- }()
		m := merge{s: s, cached: s.cachedIn(t, lower, upper)}
		defer m.close() // where the walk ends early
		if err := m.open(lower, upper); err != nil {
			yield(entry{}, err)
			return
		}
		for m.next() {
			if !yield(m.entry, nil) {
				return
			}
		}
		if err := m.close(); err != nil {
			yield(entry{}, err)
		}
	}
}

// cachedIn gives the records of the range one after the other, then 0.
func (s *Store) cachedIn(t *table, lower, upper []byte) func() ref {
	c := s.cache
	if o := c.orders[t.number]; o != nil {
		run, at := o.seek(lower)
		return func() ref {
			r := o.get(run, at)
			if r == 0 || upper != nil && compare(c.record(r).key(), upper) >= 0 {
				return 0
			}
			run, at = o.next(run, at)
			return r
		}
	}
	sorted := sortRefs(c.within(lower, upper), c.mems)
	return func() ref {
		if len(sorted) == 0 {
			return 0
		}
		r := sorted[0].ref
		sorted = sorted[1:]
		return r
	}
}

// within gives the records of the range, in no order.
func (c *cache) within(lower, upper []byte) (refs []ref) {
	for i := range c.mems {
		c.slots(i, func(r ref) {
			b := c.record(r)
			if b.kind() == 0 || b[atFlags]&retiredFlag != 0 {
				return
			}
			if key := b.key(); compare(key, lower) >= 0 && (upper == nil || compare(key, upper) < 0) {
				refs = append(refs, r)
			}
		})
	}
	return refs
}

// merge walks the records of the cache and the entries of Pebble. Where both have a key, the cache counts.
type merge struct {
	s       *Store
	cached  func() ref
	it      *pebble.Iterator // nil where the cache has everything
	written uint32           // as of it
	at      ref              // of the cache, the next
	below   bool             // whether it is at an entry
	keyBuf  []byte
	joined  []byte
	err     error
	entry
}

func (m *merge) open(lower, upper []byte) (err error) {
	m.at = m.cached()
	m.s.turn.RLock()
	defer m.s.turn.RUnlock()
	m.written = m.s.written.Load()
	if m.s.cache.complete {
		return nil
	}
	if m.it, err = m.s.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper}); err != nil {
		return err
	}
	m.below = m.it.First()
	return nil
}

// next goes to the next entry; false at the end, or after an error, which close tells.
func (m *merge) next() bool {
	for m.at != 0 || m.below {
		c := -1
		if m.at == 0 {
			c = 1
		} else if m.below {
			c = compare(m.s.cache.record(m.at).key(), m.it.Key())
		}
		if c > 0 {
			return m.pebbles()
		}
		if m.fromCache(c == 0) {
			return true
		}
	}
	return false
}

// pebbles takes the entry of Pebble. It is copied: to go on makes it invalid.
func (m *merge) pebbles() bool {
	v, err := m.it.ValueAndErr()
	if err != nil {
		return m.fail(err)
	}
	m.keyBuf = append(m.keyBuf[:0], m.it.Key()...)
	m.key = m.keyBuf
	m.joined = append(m.joined[:0], v...)
	m.value = m.joined
	m.below = m.it.Next()
	return true
}

// fromCache takes the record of the cache; both is whether Pebble has the key, too. It is false where there is no entry.
func (m *merge) fromCache(both bool) bool {
	b := m.s.cache.record(m.at)
	m.at = m.cached()
	m.key, m.value = slices.Clip(b.key()), b.value()
	if b.kind() == mergeKind && both {
		v, err := m.it.ValueAndErr()
		if err != nil {
			return m.fail(err)
		}
		m.joined = append(m.joined[:0], v...)
		if b.epoch() > m.written {
			m.joined = appendElement(m.joined, b.value())
		}
		m.value = m.joined
	}
	if both {
		m.below = m.it.Next()
	}
	return b.kind() != deleteKind
}

func (m *merge) fail(err error) bool {
	m.err, m.at, m.below = err, 0, false
	return false
}

// close tells of errors. It may be called twice.
func (m *merge) close() error {
	if m.it == nil {
		return nil
	}
	err := errors.Join(m.err, m.it.Error(), m.it.Close())
	m.it = nil
	if err != nil {
		m.s.fail(err)
		return m.s.health()
	}
	return nil
}
