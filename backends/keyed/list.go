package keyed

import (
	"fmt"
	"iter"

	"github.com/ckpt-tool/ckpt/backends"
)

// separator stands between the elements of a list (Flink: StringAppendTESTOperator).
const separator = ','

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
	return s.append(b)
}

// AddBytes implements backends.ListState.
func (s *listState) AddBytes(b []byte) error {
	b, err := s.stamped(b)
	if err != nil {
		return err
	}
	return s.append(b)
}

func (s *listState) append(b []byte) error {
	kg, key, err := s.at()
	if err != nil {
		return err
	}
	if err := s.table.Append(kg, key, b); err != nil {
		return s.failed(err)
	}
	return nil
}

// AddAll implements backends.ListState: all of them, or none where one cannot be written.
func (s *listState) AddAll(vs []any) error {
	b, err := s.join(vs)
	if len(vs) == 0 || err != nil {
		return err
	}
	return s.append(b)
}

// Update implements backends.ListState.
func (s *listState) Update(vs []any) error {
	if len(vs) == 0 {
		return s.Clear()
	}
	b, err := s.join(vs)
	if err != nil {
		return err
	}
	return s.put(b)
}

// join is the elements as they lie in a list, in the buffer of the state. Joined, they may be appended as if they were one.
func (s *listState) join(vs []any) ([]byte, error) {
	b := s.out[:0]
	for i, v := range vs {
		if i > 0 {
			b = append(b, separator)
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

// elements cuts a list, which is not empty: at least one element is in it, perhaps without bytes.
func (s *listState) elements(b []byte) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for at := 0; ; {
			n, err := s.size(b[at:])
			if err != nil {
				yield(nil, s.failed(fmt.Errorf("the list, at byte %d: %w", at, err)))
				return
			}
			if !yield(b[at:at+n:at+n], nil) {
				return
			}
			at += n
			if at == len(b) {
				return
			}
			if b[at] != separator {
				yield(nil, s.failed(fmt.Errorf("the list, at byte %d: 0x%02x stands where its elements are parted by 0x%02x", at, b[at], separator)))
				return
			}
			at++
		}
	}
}

// size is the length of the element at the beginning of b, with its time.
func (s *listState) size(b []byte) (int, error) {
	before := 0
	if s.ttl != nil {
		if before = timeLen; len(b) < before {
			return 0, backends.ErrShort
		}
	}
	n, err := s.value.Size(b[before:])
	if err == nil && n > len(b)-before {
		err = backends.ErrShort
	}
	return before + n, err
}

// aged yields the elements that have not expired. A list of which all have is cleared at the end; one that reading renews is
// written first, without those that have (Flink: TtlListState).
func (s *listState) aged(in []byte, yield func([]byte, error) bool) {
	if s.ttl.onRead {
		if err := s.renew(in); err != nil {
			yield(nil, err)
			return
		}
	}
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
	if lives {
		return
	}
	if err := s.Clear(); err != nil {
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
			b = append(b, separator)
		}
		b = append(s.appendTime(b), v.value...)
	}
	s.out = b
	if len(b) == 0 {
		return nil
	}
	return s.put(b)
}
