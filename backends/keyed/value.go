package keyed

import "github.com/ckpt-tool/ckpt/backends"

// valueState is one value (Flink: RocksDBValueState, TtlValueState).
type valueState struct {
	base
	in []byte // a value with a time to live that is given out
}

var _ backends.ValueState = (*valueState)(nil)

// Value implements backends.ValueState.
func (s *valueState) Value() (any, error) {
	b, err := s.Bytes()
	if b == nil || err != nil {
		return nil, err
	}
	return s.decode(b)
}

// Update implements backends.ValueState. By nil the state is cleared, as Flink does it.
func (s *valueState) Update(v any) error {
	if v == nil {
		return s.Clear()
	}
	b, err := s.encode(v)
	if err != nil {
		return err
	}
	return s.put(b)
}

// Bytes implements backends.ValueState.
func (s *valueState) Bytes() ([]byte, error) {
	b, ok, err := s.get()
	if !ok || err != nil {
		return nil, err
	}
	if s.ttl != nil {
		return s.aged(b)
	}
	if b == nil {
		b = []byte{}
	}
	return b, nil
}

// UpdateBytes implements backends.ValueState.
func (s *valueState) UpdateBytes(b []byte) error {
	b, err := s.stamped(b)
	if err != nil {
		return err
	}
	return s.put(b)
}

// aged is what reading gives of a value with a time to live, and means for it.
func (s *valueState) aged(b []byte) ([]byte, error) {
	v, ok, err := s.read(b, &s.in)
	if !ok || err != nil {
		return nil, err
	}
	return v, nil
}

// read is what reading gives of b, the value of the current key and namespace with its time, and means for it. The
// value is kept in buf where the state changes by it.
func (s *base) read(b []byte, buf *[]byte) ([]byte, bool, error) {
	v, err := s.ttl.read(b)
	if err != nil {
		return nil, false, s.failed(err)
	}
	if v.remove || v.renew {
		*buf = append((*buf)[:0], v.value...)
		v.value = *buf
	}
	switch {
	case v.remove:
		err = s.Clear()
	case v.renew:
		s.out = append(s.appendTime(s.out[:0]), v.value...)
		err = s.put(s.out)
	}
	return v.value, v.seen, err
}
