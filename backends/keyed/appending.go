package keyed

import (
	"errors"
	"fmt"
	"slices"

	"github.com/ckpt-tool/ckpt/backends"
)

// rule is how values come together in one.
type rule interface {
	// add adds a value to what is there, which is nil for nothing.
	add(acc, v any) (any, error)
	merge(a, b any) (any, error)
	result(acc any) (any, error)
}

// reducing is the rule of Reducing (Flink: ReduceFunction).
type reducing struct {
	reduce func(a, b any) (any, error)
}

func (r reducing) add(acc, v any) (any, error) {
	if acc == nil {
		return v, nil
	}
	return r.reduce(acc, v)
}

func (r reducing) merge(a, b any) (any, error) { return r.reduce(a, b) }
func (r reducing) result(acc any) (any, error) { return acc, nil }

// aggregating is the rule of Aggregating (Flink: AggregateFunction).
type aggregating struct{ backends.Aggregate }

func (r aggregating) add(acc, v any) (any, error) {
	if acc == nil {
		acc = r.Create()
	}
	return r.Add(acc, v)
}

func (r aggregating) merge(a, b any) (any, error) { return r.Merge(a, b) }
func (r aggregating) result(acc any) (any, error) { return r.Result(acc) }

// appendingState is what values are added to (Flink: RocksDBReducingState, RocksDBAggregatingState; TtlReducingState,
// TtlAggregatingState with TtlReduceFunction, TtlAggregateFunction).
type appendingState struct {
	base
	rule rule
	in   []byte
}

var _ backends.AppendingState = (*appendingState)(nil)

func newAppendingState(b base, r rule) *appendingState {
	s := &appendingState{base: b, rule: r}
	s.sweeping(s.left)
	return s
}

// Add implements backends.AppendingState.
func (s *appendingState) Add(v any) error {
	acc, err := s.accumulator()
	if err != nil {
		return err
	}
	if acc, err = s.rule.add(acc, v); err != nil {
		return s.failed(err)
	}
	return s.write(acc)
}

// accumulator is what was added in the current namespace, nil where nothing was, or has expired.
func (s *appendingState) accumulator() (any, error) {
	b, ok, err := s.get()
	if err != nil || !ok {
		return nil, err
	}
	return s.decodeLive(b)
}

// decodeLive is the accumulator in b, nil where it has expired.
func (s *appendingState) decodeLive(b []byte) (any, error) {
	if s.ttl != nil {
		live, ok, err := s.ttl.live(b)
		if err != nil || !ok {
			return nil, s.failed(err)
		}
		b = live
	}
	return s.decode(b)
}

func (s *appendingState) write(acc any) error {
	b, err := s.encode(acc)
	if err != nil {
		return err
	}
	return s.put(b)
}

// Get implements backends.AppendingState.
func (s *appendingState) Get() (any, error) {
	b, ok, err := s.get()
	if err != nil || !ok {
		return nil, err
	}
	if s.ttl != nil {
		if b, ok, err = s.read(b, &s.in); err != nil || !ok {
			return nil, err
		}
	}
	acc, err := s.decode(b)
	if err != nil {
		return nil, err
	}
	v, err := s.rule.result(acc)
	if err != nil {
		return nil, s.failed(err)
	}
	return v, nil
}

// Merge implements backends.AppendingState. What target had comes last, as with Flink on RocksDB. What comes of one source alone keeps the
// time of its last access, as it does there. The current namespace is then what it was.
func (s *appendingState) Merge(target any, sources []any) error {
	was := slices.Clone(s.namespace)
	err := s.merge(target, sources)
	if was == nil {
		s.forget()
	} else {
		s.setNamespace(was)
	}
	return err
}

func (s *appendingState) merge(target any, sources []any) error {
	var all any
	var one []byte // the bytes of the last source that had some
	n := 0
	for i, source := range sources {
		if err := s.SetNamespace(source); err != nil {
			return fmt.Errorf("source %d: %w", i, err)
		}
		b, ok, err := s.get()
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		n, one = n+1, append(one[:0], b...)
		if all, err = s.unite(all, one); err != nil {
			return err
		}
		if err := s.Clear(); err != nil {
			return err
		}
	}
	if err := s.SetNamespace(target); err != nil || n == 0 {
		return err
	}
	b, ok, err := s.get()
	switch {
	case err != nil:
		return err
	case !ok && n == 1: // with the time of its own, as with Flink
		return s.put(one)
	case all == nil: // all have expired
		return nil
	case ok:
		if all, err = s.unite(all, b); err != nil {
			return err
		}
	}
	return s.write(all)
}

// unite merges an accumulator, nil for none, with one as it lies in the table, which may have expired.
func (s *appendingState) unite(all any, b []byte) (any, error) {
	acc, err := s.decodeLive(b)
	if err != nil {
		return nil, err
	}
	return s.union(all, acc)
}

// union merges two accumulators, each of which may be nothing.
func (s *appendingState) union(a, b any) (any, error) {
	if a == nil {
		return b, nil
	}
	if b == nil {
		return a, nil
	}
	v, err := s.rule.merge(a, b)
	if err == nil && v == nil {
		err = errors.New("merging two accumulators gave none")
	}
	return v, s.failed(err)
}
