package operator

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keyed"
	"github.com/ckpt-tool/ckpt/metadata"
)

// ErrClosed tells that operator state is used behind its Close.
var ErrClosed = errors.New("the operator state is closed")

// Live is the operator state of a running sub-task (Flink: DefaultOperatorStateBackend). It is a backends.Operator.
//
// All is kept as bytes, as snapshots have it, beside the values: bytes are never changed once they are there, so that
// a snapshot only notes which there are. A value that was handed in or out must not be changed; a changed one is to be
// handed in anew. What was restored and nobody asks for goes into each snapshot as it came; but of a union list, of which each
// sub-task has all elements, they go into that of the first one only: with every restore there would be more of them.
type Live struct {
	subtask    int32
	lists      registry[*list]
	broadcasts registry[*broadcast]
	closed     bool
}

var _ backends.Operator = (*Live)(nil)

// Open begins with what is restored. Its errors are those of the files and of what is wrong with them; nothing
// of a state is ever left out.
func Open(ctx context.Context, c *backends.OperatorConfig) (backends.Operator, error) {
	l := &Live{subtask: c.Subtask}
	for i, h := range c.Restored {
		if Empty(h) {
			continue
		}
		var whole *metadata.OperatorStateHandle
		if i < len(c.Whole) {
			whole = c.Whole[i]
		}
		if err := l.restore(ctx, c, h, whole); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// registry is states by their names, in the order in which they came.
type registry[S any] struct {
	names []string
	all   map[string]S
}

func (r *registry[S]) add(name string, s S) {
	if r.all == nil {
		r.all = map[string]S{}
	}
	r.names = append(r.names, name)
	r.all[name] = s
}

// each are the states in their order.
func (r *registry[S]) each(yield func(S) bool) {
	for _, name := range r.names {
		if !yield(r.all[name]) {
			return
		}
	}
}

// state is what lists and maps have in common.
type state struct {
	meta backends.Meta
	name metadata.UTF // as it was restored
	// asked is whether the job has asked for the state, so that the types of meta are the job's.
	asked bool
}

// newState is a state that the job begins.
func newState(m *backends.Meta) state {
	return state{meta: *m, name: metadata.NewUTF(m.Name), asked: true}
}

// ask holds that the state is what the job wants.
func (s *state) ask(want *backends.Meta) error {
	if same(&s.meta, want) {
		return nil
	}
	e := &backends.IncompatibleError{State: want.Name, Was: describe(&s.meta), Want: describe(want)}
	if e.Was == e.Want { // the names are the same, the classes or schemas are not
		e.Want += " of another serializer"
	}
	return e
}

// same tells whether the bytes of both mean the same.
func same(a, b *backends.Meta) bool {
	return a.Kind == b.Kind && keyed.Same(a.MapKey, b.MapKey) && keyed.Same(a.Value, b.Value)
}

// wrong is what is wrong with a value for the state.
func (s *state) wrong(err error) error {
	return fmt.Errorf("operator state %q: %w", s.meta.Name, err)
}

// readable holds that an element, or an entry of a map, is not of more bytes than a reader takes in one piece.
func readable(n int) error {
	if n > math.MaxInt32 {
		return backends.ErrTooLarge
	}
	return nil
}

// describe names kind and types of a state.
func describe(m *backends.Meta) string {
	kind := "a list that is dealt out"
	switch m.Kind {
	case backends.Union:
		kind = "a union list"
	case backends.Broadcast:
		return fmt.Sprintf("a broadcast map from %v to %v", m.MapKey, m.Value)
	}
	return fmt.Sprintf("%s of %v", kind, m.Value)
}

// List implements backends.Operator.
func (l *Live) List(d *backends.OperatorDescriptor) (backends.OperatorListState, error) {
	return l.list(backends.OperatorList, d)
}

// Union implements backends.Operator.
func (l *Live) Union(d *backends.OperatorDescriptor) (backends.OperatorListState, error) {
	return l.list(backends.Union, d)
}

func (l *Live) list(kind backends.Kind, d *backends.OperatorDescriptor) (backends.OperatorListState, error) {
	if err := l.usable(d.Name, d.Value); err != nil {
		return nil, err
	}
	want := &backends.Meta{Name: d.Name, Kind: kind, Value: d.Value}
	if err := l.fits(want); err != nil {
		return nil, err
	}
	s, ok := l.lists.all[d.Name]
	if !ok {
		s = &list{state: newState(want)}
		l.lists.add(d.Name, s)
	}
	return s, s.decode(d)
}

// Broadcast implements backends.Operator.
func (l *Live) Broadcast(d *backends.OperatorDescriptor) (backends.BroadcastState, error) {
	if err := l.usable(d.Name, d.MapKey, d.Value); err != nil {
		return nil, err
	}
	want := &backends.Meta{Name: d.Name, Kind: backends.Broadcast, MapKey: d.MapKey, Value: d.Value}
	if err := l.fits(want); err != nil {
		return nil, err
	}
	s, ok := l.broadcasts.all[d.Name]
	if !ok {
		s = &broadcast{state: newState(want)}
		l.broadcasts.add(d.Name, s)
	}
	return s, s.decode(d)
}

// fits holds that the state of a name is what is wanted, where there is one. Lists and maps share their names: a handle tells states
// by nothing else.
func (l *Live) fits(want *backends.Meta) error {
	if s, ok := l.lists.all[want.Name]; ok {
		return s.ask(want)
	}
	if s, ok := l.broadcasts.all[want.Name]; ok {
		return s.ask(want)
	}
	return nil
}

// usable holds that a state of these types can be had.
func (l *Live) usable(name string, ts ...backends.Type) error {
	if l.closed {
		return ErrClosed
	}
	for _, t := range ts {
		if t == nil {
			return fmt.Errorf("operator state %q has no type", name)
		}
	}
	return nil
}

// Names implements backends.Operator.
func (l *Live) Names() []string { return slices.Clone(l.lists.names) }

// BroadcastNames implements backends.Operator.
func (l *Live) BroadcastNames() []string { return slices.Clone(l.broadcasts.names) }

// Close implements backends.Operator.
func (l *Live) Close() error {
	*l = Live{closed: true}
	return nil
}
