package keyed

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/types"
)

// TimerPrefix begins the names of the states of timers (Flink: InternalTimeServiceManagerImpl.TIMER_STATE_PREFIX).
const TimerPrefix = "_timer_state/"

// keyedState is a state of this package.
type keyedState interface {
	backends.KeyedState
	part() *base
}

// State implements backends.Keyed.
func (b *Backend) State(d *backends.Descriptor) (backends.KeyedState, error) {
	s, err := b.state(d)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (b *Backend) state(d *backends.Descriptor) (keyedState, error) {
	want := b.meta(d)
	if s := b.states[d.Name]; s != nil {
		return s, check(s.part().meta, want)
	}
	if err := usable(d); err != nil {
		return nil, fmt.Errorf("state %q: %w", d.Name, err)
	}
	table, err := b.table(want)
	if err != nil {
		return nil, err
	}
	s := newState(d, b.base(d, want, table))
	b.states[d.Name] = s
	return s, nil
}

// PartitionedState implements backends.Keyed.
func (b *Backend) PartitionedState(namespace any, d *backends.Descriptor) (backends.KeyedState, error) {
	s, err := b.state(d)
	if err != nil {
		return nil, err
	}
	if err := s.SetNamespace(namespace); err != nil {
		return nil, err
	}
	return s, nil
}

// usable tells what a descriptor lacks.
func usable(d *backends.Descriptor) error {
	switch {
	case d.Name == "" || d.Name == "default": // RocksDB has a column family of that name
		return errors.New("no state may have this name")
	case strings.HasPrefix(d.Name, TimerPrefix):
		return errors.New("names that begin so are those of timers")
	case d.Kind < backends.Value || d.Kind > backends.Aggregating:
		return fmt.Errorf("a keyed state is not of kind %s", d.Kind)
	case d.Value == nil:
		return errors.New("it has no type of values")
	case (d.Kind == backends.Map) != (d.MapKey != nil):
		return errors.New("a type of keys within is for maps, and they need it")
	case d.Kind == backends.Reducing && d.Reduce == nil:
		return errors.New("it has no function that reduces")
	case d.Kind == backends.Aggregating && d.Aggregate == nil:
		return errors.New("it has no function that aggregates")
	case d.TTL != nil && d.TTL.TTL.Milliseconds() <= 0:
		return fmt.Errorf("a time to live of %v is below a millisecond", d.TTL.TTL)
	}
	return nil
}

// meta is what a store is told of a state.
func (b *Backend) meta(d *backends.Descriptor) *backends.Meta {
	m := &backends.Meta{Name: d.Name, Kind: d.Kind, Namespace: d.Namespace, MapKey: d.MapKey, Value: d.Value}
	if m.Namespace == nil {
		m.Namespace = b.void
	}
	if d.TTL != nil && d.Value != nil {
		m.Value, m.TTL = types.NewTTL(d.Value, ""), true
	}
	return m
}

// table is that of a new state, or of a restored one that m may be. The meta of that is carried on as it was.
func (b *Backend) table(m *backends.Meta) (backends.Table, error) {
	if b.closed {
		return nil, errClosed
	}
	for _, was := range b.store.Metas() {
		if was.Name != m.Name {
			continue
		}
		if err := check(was, m); err != nil {
			return nil, err
		}
		m.Raw = was.Raw
		break
	}
	t, err := b.store.Table(m)
	if err != nil {
		return nil, fmt.Errorf("state %q: %w", m.Name, err)
	}
	return t, nil
}

func newState(d *backends.Descriptor, b base) keyedState {
	switch d.Kind {
	case backends.List:
		s := &listState{base: b}
		s.sweeping(s.left)
		return s
	case backends.Map:
		s := newMapState(d, b)
		s.sweeping(s.left)
		return s
	case backends.Reducing:
		return newAppendingState(b, reducing{d.Reduce})
	case backends.Aggregating:
		return newAppendingState(b, aggregating{d.Aggregate})
	}
	s := &valueState{base: b}
	s.sweeping(s.left)
	return s
}
