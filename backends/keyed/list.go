package keyed

import (
	"fmt"
	"iter"
	"slices"

	"github.com/ckpt-tool/ckpt/backends"
)

// listState is a list (Flink: RocksDBListState, TtlListState).
type listState struct {
	base
	in []byte // the elements being read
}

var _ backends.ListState = (*listState)(nil)

// Get implements backends.ListState. It is nil where there is no list.
func (s *listState) Get() ([]any, error) {
	var all []any
	for b, err := range s.Elements() {
		if err != nil {
			return nil, err
		}
		v, err := s.decode(b)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// Add implements backends.ListState.
func (s *listState) Add(v any) error {
	b, err := s.encode(v)
	if err != nil {
		return err
	}
	return s.append(b, 1)
}

// AddBytes implements backends.ListState.
func (s *listState) AddBytes(b []byte) error {
	b, err := s.stamped(b)
	if err != nil {
		return err
	}
	return s.append(b, 1)
}

// append appends n elements, which are joined.
func (s *listState) append(b []byte, n int) error {
	kg, key, err := s.at()
	if err != nil {
		return err
	}
	s.changes++
	if err := s.table.Append(kg, key, b); err != nil {
		return s.failed(err)
	}
	return s.written(n)
}

// AddAll implements backends.ListState: all of them, or none where one cannot be written.
func (s *listState) AddAll(vs []any) error {
	b, err := s.join(vs)
	if len(vs) == 0 || err != nil {
		return err
	}
	return s.append(b, len(vs))
}

// Update implements backends.ListState.
func (s *listState) Update(vs []any) error {
	if len(vs) == 0 {
		return s.Clear()
	}
	b, err := s.join(vs)
	if err == nil {
		err = s.put(b)
	}
	if err != nil {
		return err
	}
	return s.written(len(vs) - 1) // put has told of one
}

// join is the elements as they lie in a list, in the buffer of the state. Joined, they may be appended as if they were one.
func (s *listState) join(vs []any) ([]byte, error) {
	b := s.out[:0]
	for i, v := range vs {
		if i > 0 {
			b = append(b, backends.ListDelimiter)
		}
		var err error
		if b, err = s.appendValue(b, v); err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
	}
	s.out = b
	return b, nil
}

// Elements implements backends.ListState. The elements are valid until the iteration goes on, and are those of its beginning.
func (s *listState) Elements() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		b, ok, err := s.get()
		if err != nil {
			yield(nil, err)
		}
		if !ok || err != nil {
			return
		}
		in := append(s.in[:0], b...)
		s.in = nil // another iteration within this one takes another
		defer func() { s.in = in }()
		if s.ttl != nil {
			s.aged(in, yield)
			return
		}
		for e, err := range s.elements(in) {
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// elements cuts a list, which is not empty. With a time to live, elements begin with their times.
func (s *listState) elements(b []byte) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for e, err := range backends.JoinedElements(s.meta.Value, b) {
			if !yield(e, s.failed(err)) {
				return
			}
		}
	}
}

// aged yields the elements that have not expired. A list of which all have is cleared; one that reading renews is
// written first, without those that have (Flink: TtlListState).
func (s *listState) aged(in []byte, yield func([]byte, error) bool) {
	if s.ttl.onRead {
		if err := s.renew(in); err != nil {
			yield(nil, err)
			return
		}
	}
	kg, at, err := s.at()
	if err != nil {
		yield(nil, err)
		return
	}
	key, changes := slices.Clone(at), s.changes // the current key may be another one at the end
	lives := false
	for e, err := range s.elements(in) {
		var v verdict
		if err == nil {
			v, err = s.ttl.read(e)
		}
		if err != nil {
			yield(nil, err)
			return
		}
		lives = lives || !v.remove
		if v.seen && !yield(v.value, nil) {
			return
		}
	}
	if lives || s.changes != changes {
		return
	}
	if err := s.erase(kg, key, nil); err != nil {
		yield(nil, err)
	}
}

// renew writes those elements anew that have not expired, unless all have.
func (s *listState) renew(in []byte) error {
	b := s.out[:0]
	for e, err := range s.elements(in) {
		if err != nil {
			return err
		}
		v, err := s.ttl.read(e)
		if err != nil {
			return s.failed(err)
		}
		if v.remove {
			continue
		}
		if len(b) > 0 {
			b = append(b, backends.ListDelimiter)
		}
		b = append(s.appendTime(b), v.value...)
	}
	s.out = b
	if len(b) == 0 {
		return nil
	}
	return s.put(b)
}
