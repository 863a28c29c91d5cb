package keyed

import (
	"bytes"
	"fmt"
	"iter"
	"slices"

	"github.com/ckpt-tool/ckpt/backends"
)

// What stands before a value in a map.
const (
	present = 0
	null    = 1
)

// mapState is a map (Flink: RocksDBMapState, TtlMapState). A value of null with a time to live is one that its type can write.
type mapState struct {
	base
	key backends.Type
	sub []byte // the key within that is asked for
	in  []byte // a value with a time to live that is given out

	iterating int          // how many iterations are under way
	due       []settlement // what they, and who read in their midst, have found to do
}

var _ backends.MapState = (*mapState)(nil)

func newMapState(d *backends.Descriptor, b base) *mapState { return &mapState{base: b, key: d.MapKey} }

// encodeKey is the key within, in a buffer of its own.
func (s *mapState) encodeKey(key any) ([]byte, error) {
	b, err := s.key.Encode(s.sub[:0], key)
	if err != nil {
		return nil, s.failed(fmt.Errorf("the key within the map: %w", err))
	}
	if b == nil {
		b = []byte{}
	}
	s.sub = b
	return b, nil
}

// Get implements backends.MapState.
func (s *mapState) Get(key any) (any, bool, error) {
	sub, err := s.encodeKey(key)
	if err != nil {
		return nil, false, err
	}
	b, ok, err := s.GetBytes(sub)
	if b == nil || !ok || err != nil {
		return nil, ok, err
	}
	v, err := s.decode(b)
	return v, err == nil, err
}

// GetBytes implements backends.MapState. The value is nil where it is null, and valid until the next use of any state.
func (s *mapState) GetBytes(key []byte) ([]byte, bool, error) {
	kg, composite, err := s.at()
	if err != nil {
		return nil, false, err
	}
	b, ok, err := s.table.Get(kg, composite, key)
	if err != nil {
		return nil, false, s.failed(err)
	}
	if !ok {
		return nil, false, nil
	}
	b, err = s.unflag(b)
	if err != nil || s.ttl == nil {
		return b, err == nil, err
	}
	return s.aged(key, b)
}

// unflag is the value behind its flag, nil if it is null.
func (s *mapState) unflag(b []byte) ([]byte, error) {
	b, err := unflag(b)
	return b, s.failed(err)
}

func unflag(b []byte) ([]byte, error) {
	switch {
	case len(b) == 0:
		return nil, backends.ErrShort
	case b[0] == null:
		return nil, nil
	case b[0] != present:
		return nil, fmt.Errorf("the flag of null of a value in a map is %d, neither 0 nor 1", b[0])
	}
	return b[1:len(b):len(b)], nil
}

// aged is what reading gives of a value with its time, and means for it.
func (s *mapState) aged(key, b []byte) ([]byte, bool, error) {
	if b == nil { // Flink takes it for none: what is null has no time
		return nil, false, nil
	}
	v, err := s.ttl.read(b)
	if err != nil {
		return nil, false, s.failed(err)
	}
	if !v.remove && !v.renew {
		return v.value, true, nil
	}
	s.in = append(s.in[:0], v.value...)
	if s.iterating > 0 {
		err = s.defers(key, b, v.remove)
	} else if v.remove {
		err = s.remove(key)
	} else {
		err = s.PutBytes(key, s.in)
	}
	if err != nil || !v.seen {
		return nil, false, err
	}
	return s.in[:len(s.in):len(s.in)], true, nil
}

// Put implements backends.MapState.
func (s *mapState) Put(key, value any) error {
	sub, err := s.encodeKey(key)
	if err != nil {
		return err
	}
	if value == nil && s.ttl == nil {
		return s.put(sub, append(s.out[:0], null))
	}
	b, err := s.appendValue(append(s.out[:0], present), value)
	if err != nil {
		return err
	}
	return s.put(sub, b)
}

// PutBytes implements backends.MapState. nil is null.
func (s *mapState) PutBytes(key, value []byte) error {
	if value == nil {
		if s.ttl != nil {
			return s.failed(fmt.Errorf("a null has no bytes to stand behind the time to live"))
		}
		return s.put(key, append(s.out[:0], null))
	}
	if s.width >= 0 && len(value) != s.width {
		return s.failed(fmt.Errorf("%d bytes are no %s", len(value), s.value))
	}
	if len(value) > maxBytes {
		return s.failed(backends.ErrTooLarge)
	}
	return s.put(key, append(s.appendTime(append(s.out[:0], present)), value...))
}

// put writes b, which is in the buffer of the state.
func (s *mapState) put(sub, b []byte) error {
	s.out = b
	kg, key, err := s.at()
	if err != nil {
		return err
	}
	return s.store(kg, key, sub, b)
}

// PutAll implements backends.MapState.
func (s *mapState) PutAll(seq iter.Seq2[any, any]) error {
	for k, v := range seq {
		if err := s.Put(k, v); err != nil {
			return err
		}
	}
	return nil
}

// Remove implements backends.MapState.
func (s *mapState) Remove(key any) error {
	sub, err := s.encodeKey(key)
	if err != nil {
		return err
	}
	return s.remove(sub)
}

func (s *mapState) remove(sub []byte) error {
	kg, key, err := s.at()
	if err != nil {
		return err
	}
	return s.erase(kg, key, sub)
}

// Contains implements backends.MapState.
func (s *mapState) Contains(key any) (bool, error) {
	sub, err := s.encodeKey(key)
	if err != nil {
		return false, err
	}
	_, ok, err := s.GetBytes(sub)
	return ok, err
}

// IsEmpty implements backends.MapState. What has expired and was not yet met counts, as with Flink.
func (s *mapState) IsEmpty() (bool, error) {
	kg, key, err := s.at()
	if err != nil {
		return false, err
	}
	for _, err := range s.table.Subs(kg, key) {
		return false, s.failed(err)
	}
	return true, nil
}

// Clear implements backends.KeyedState.
func (s *mapState) Clear() error {
	kg, key, err := s.at()
	if err != nil {
		return err
	}
	s.changes++
	return s.failed(s.table.Clear(kg, key))
}

// Entries implements backends.MapState. What its time to live asks for is done when the iteration ends.
func (s *mapState) Entries() iter.Seq2[backends.MapEntry, error] {
	return func(yield func(backends.MapEntry, error) bool) {
		kg, key, err := s.at()
		if err != nil {
			yield(backends.MapEntry{}, err)
			return
		}
		s.iterating++
		more, err := s.each(kg, slices.Clone(key), yield) // the current key may be another one before the end
		if s.iterating--; s.iterating == 0 {
			due := s.due
			if s.due = nil; err == nil {
				err = s.settle(due)
			}
		}
		if err != nil && more {
			yield(backends.MapEntry{}, err)
		}
	}
}

// each yields the entries of a key, and tells whether more are wanted.
func (s *mapState) each(kg int32, key []byte, yield func(backends.MapEntry, error) bool) (bool, error) {
	changes := s.changes
	for row, err := range s.table.Subs(kg, key) {
		if err != nil {
			return true, s.failed(err)
		}
		row.KeyGroup, row.Key = kg, key
		e, seen, err := s.entry(row)
		if err != nil {
			return true, err
		}
		if seen && !yield(e, nil) {
			return false, nil
		}
		if s.changes != changes {
			return true, s.failed(errChanged)
		}
	}
	return true, nil
}

// settlement is what is to become of an entry once nobody iterates any more: it is removed, or its life begins again.
type settlement struct {
	row    backends.Row // as it was read
	remove bool
}

// defers notes what is to become of an entry of the current key.
func (s *mapState) defers(sub, b []byte, remove bool) error {
	kg, key, err := s.at()
	if err != nil {
		return err
	}
	row := backends.Row{KeyGroup: kg, Key: slices.Clone(key), Sub: slices.Clone(sub), Value: append([]byte{present}, b...)}
	s.due = append(s.due, settlement{row, remove})
	return nil
}

// entry decodes a row, and notes what is to become of it.
func (s *mapState) entry(row backends.Row) (e backends.MapEntry, seen bool, err error) {
	b, err := s.unflag(row.Value)
	if err != nil {
		return e, false, err
	}
	if s.ttl != nil {
		if b == nil {
			return e, false, nil
		}
		v, err := s.ttl.read(b)
		if err != nil {
			return e, false, s.failed(err)
		}
		if v.remove || v.renew {
			noted := row
			noted.Sub, noted.Value = slices.Clone(row.Sub), slices.Clone(row.Value)
			s.due = append(s.due, settlement{noted, v.remove})
		}
		if !v.seen {
			return e, false, nil
		}
		b = v.value
	}
	if e.Key, err = whole(s.key, row.Sub); err != nil {
		return e, false, s.failed(err)
	}
	if b != nil {
		e.Value, err = s.decode(b)
	}
	return e, err == nil, err
}

// settle does what was found to do with those entries that are still what they were.
func (s *mapState) settle(due []settlement) error {
	for _, d := range due {
		r := &d.row
		is, ok, err := s.table.Get(r.KeyGroup, r.Key, r.Sub)
		if err != nil {
			return s.failed(err)
		}
		if !ok || !bytes.Equal(is, r.Value) {
			continue
		}
		if d.remove {
			err = s.erase(r.KeyGroup, r.Key, r.Sub)
		} else {
			s.out = append(s.appendTime(append(s.out[:0], present)), r.Value[1+timeLen:]...)
			err = s.store(r.KeyGroup, r.Key, r.Sub, s.out)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
