package pebble

import (
	"errors"
	"math"

	"github.com/cockroachdb/pebble/v2"

	"github.com/ckpt-tool/ckpt/backends"
)

// table is one state of a store.
type table struct {
	s      *Store
	meta   *backends.Meta
	number int
	form   *backends.KeyForm // of maps; nil where the types of key and namespace are not known
}

var (
	_ backends.Table  = (*table)(nil)
	_ backends.Seeker = (*table)(nil)
)

// key is the key in Pebble, valid until the next use of the store.
func (t *table) key(key, sub []byte) []byte {
	t.s.keyBuf = t.appendKey(t.s.keyBuf[:0], key, sub)
	return t.s.keyBuf
}

// Get implements backends.Table.
func (t *table) Get(_ int32, key, sub []byte) ([]byte, bool, error) {
	s := t.s
	if s.broken.Load() {
		return nil, false, s.health()
	}
	k := t.key(key, sub)
	r := s.cache.find(k)
	if r == 0 {
		if s.cache.complete {
			return nil, false, nil
		}
		return s.load(k)
	}
	b := s.cache.record(r)
	switch b.kind() {
	case deleteKind:
		return nil, false, nil
	case mergeKind:
		return s.join(r, k)
	}
	return b.value(), true, nil
}

// load reads what Pebble has of a key that the cache does not have, and keeps it.
func (s *Store) load(k []byte) ([]byte, bool, error) {
	v, ok, err := s.read(k)
	if !ok || err != nil || s.iterating > 0 {
		return v, ok, err
	}
	if err := s.room(); err != nil {
		return nil, false, err
	}
	r := s.cache.insert(k, putKind, v, 0)
	return s.cache.record(r).value(), true, nil
}

// read reads Pebble. The value is valid until the next use of the store.
func (s *Store) read(k []byte) ([]byte, bool, error) {
	v, closer, err := s.db.Get(k)
	if err != nil {
		if errors.Is(err, pebble.ErrNotFound) {
			return nil, false, nil
		}
		s.fail(err)
		return nil, false, s.health()
	}
	s.valueBuf = append(s.valueBuf[:0], v...)
	if err := closer.Close(); err != nil {
		return nil, false, err
	}
	return s.valueBuf, true, nil
}

// join gives the whole list of which the record has the last elements. Where no writer is at them, the list is then in the cache.
func (s *Store) join(r ref, k []byte) ([]byte, bool, error) {
	s.turn.RLock()
	base, ok, err := s.read(k)
	written := s.written.Load()
	s.turn.RUnlock()
	if err != nil {
		return nil, false, err
	}
	b := s.cache.record(r)
	list := s.valueBuf[:len(base)]
	if b.epoch() > written {
		if ok {
			list = append(list, delimiter)
		}
		list = append(list, b.value()...)
		s.valueBuf = list
	}
	if b.epoch() == s.cache.epoch && s.iterating == 0 {
		r = s.cache.change(r, putKind, list)
		return s.cache.record(r).value(), true, nil
	}
	return list, ok || b.epoch() > written, nil
}

// Put implements backends.Table.
func (t *table) Put(_ int32, key, sub, value []byte) error {
	if len(key)+len(sub) > math.MaxInt32 || len(value) > math.MaxInt32 {
		return backends.ErrTooLarge
	}
	s := t.s
	k := t.key(key, sub)
	r := s.cache.find(k)
	if r == 0 {
		return s.insert(k, putKind, value)
	}
	if s.broken.Load() {
		return s.health()
	}
	if b := s.cache.record(r); b.epoch() == s.cache.epoch && b.valueLen() == len(value) && b.kind() == putKind {
		copy(b.value(), value)
		return nil
	}
	if err := s.room(); err != nil {
		return err
	}
	if r = s.cache.find(k); r == 0 { // room let it go
		return s.insert(k, putKind, value)
	}
	s.cache.change(r, putKind, value)
	return nil
}

// insert makes a record of a change of a key that has none.
func (s *Store) insert(k []byte, kd kind, value []byte) error {
	if s.broken.Load() {
		return s.health()
	}
	if err := s.room(); err != nil {
		return err
	}
	s.cache.insertDirty(k, kd, value)
	return nil
}

// Delete implements backends.Table.
func (t *table) Delete(_ int32, key, sub []byte) error {
	return t.s.delete(t.key(key, sub))
}

func (s *Store) delete(k []byte) error {
	if s.broken.Load() {
		return s.health()
	}
	r := s.cache.find(k)
	if r == 0 {
		if s.cache.complete {
			return nil
		}
		return s.insert(k, deleteKind, nil)
	}
	b := s.cache.record(r)
	switch {
	case b.epoch() == s.cache.epoch && b[atFlags]&freshFlag != 0:
		s.cache.drop(r)
	case b.kind() != deleteKind:
		s.cache.change(r, deleteKind, nil)
	}
	return nil
}

// Append implements backends.Table.
func (t *table) Append(_ int32, key, element []byte) error {
	s := t.s
	if len(key) > math.MaxInt32 || len(element) > math.MaxInt32 {
		return backends.ErrTooLarge
	}
	if s.broken.Load() {
		return s.health()
	}
	if err := s.room(); err != nil {
		return err
	}
	k := t.key(key, nil)
	r := s.cache.find(k)
	if r == 0 {
		kd := mergeKind
		if s.cache.complete {
			kd = putKind
		}
		s.cache.insertDirty(k, kd, element)
		return nil
	}
	return s.extend(r, k, element)
}

// extend appends to a list of which the cache has something.
func (s *Store) extend(r ref, k, element []byte) error {
	b := s.cache.record(r)
	switch {
	case b.kind() == deleteKind:
		s.cache.change(r, putKind, element)
		return nil
	case b.kind() == mergeKind && s.cache.clean(b):
		s.cache.change(r, mergeKind, element)
		return nil
	case b.kind() == mergeKind && b.epoch() != s.cache.epoch:
		// Its writer has not come to an end: what was before must be known, or elements could be there twice.
		list, _, err := s.join(r, k)
		if err != nil {
			return err
		}
		if len(list)+1+len(element) > math.MaxInt32 {
			return backends.ErrTooLarge
		}
		list = appendElement(list, element)
		s.valueBuf = list
		s.cache.change(r, putKind, list)
		return nil
	}
	if b.valueLen()+1+len(element) > math.MaxInt32 {
		return backends.ErrTooLarge
	}
	s.cache.extend(r, []byte{delimiter}, element)
	return nil
}

// Clear implements backends.Table.
func (t *table) Clear(kg int32, key []byte) error {
	var subs []byte
	var ends []int
	for row, err := range t.Subs(kg, key) {
		if err != nil {
			return err
		}
		subs = append(subs, row.Sub...)
		ends = append(ends, len(subs))
	}
	from := 0
	for _, end := range ends {
		if err := t.s.room(); err != nil {
			return err
		}
		if err := t.Delete(kg, key, subs[from:end]); err != nil {
			return err
		}
		from = end
	}
	return nil
}
