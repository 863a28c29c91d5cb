package usage

import (
	"cmp"
	"io"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
)

// Size is how many bytes a part of a snapshot takes.
type Size struct {
	Recorded int64  // Flink's state size: what several handles name counts several times
	Inline   int64  // of state within _metadata
	Files    Amount // each file, or each used part of a merged one, once
	Unique   int64  // bytes of Files that no other snapshot uses
}

// Operator is one operator of a snapshot.
type Operator struct {
	ID        metadata.OperatorID
	Name, UID string // "" where _metadata has none
	Size
	Slots    []Slot // in the order of metadata.Slot
	Subtasks []Subtask
}

// Slot is one kind of state of an operator.
type Slot struct {
	Slot  metadata.Slot
	Class string // of the handle that stands there, in Flink
	Size
	States []*State // of operator state, the biggest first; the rest of its bytes are serializers

	byName map[stateKey]*State
}

type stateKey struct {
	name string
	mode metadata.DistributionMode
}

// State is an operator state. Of keyed state, the names of its parts stand in its
// files.
type State struct {
	Name     string
	Mode     metadata.DistributionMode
	Elements int
	Bytes    int64
}

// Subtask is one sub-task of an operator.
type Subtask struct {
	Index int32
	Size
}

// Detail reads a _metadata of size bytes for what stands in it alone, and gives the
// operators, the biggest first. o has observed the making of g.
func (o *Observer) Detail(src io.Reader, size int64, g *layout.Graph) ([]Operator, error) {
	d := &detail{}
	if _, err := metadata.Scan(src, size, metadata.Visitor{Operator: d.operator, Subtask: d.subtask}); err != nil {
		return nil, err
	}
	whole := o.files(g, func(p *part) { p.subtask, p.slot = anyone, anyone })
	slots := o.files(g, func(p *part) { p.subtask = anyone })
	subtasks := o.files(g, func(p *part) { p.slot = anyone })
	for i := range d.operators {
		op := &d.operators[i]
		op.take(whole[part{op.ID, anyone, anyone}])
		for j := range op.Slots {
			slot := &op.Slots[j]
			slot.take(slots[part{op.ID, anyone, int32(slot.Slot)}])
			slices.SortStableFunc(slot.States, func(a, b *State) int { return cmp.Compare(b.Bytes, a.Bytes) })
		}
		for j := range op.Subtasks {
			op.Subtasks[j].take(subtasks[part{op.ID, op.Subtasks[j].Index, anyone}])
		}
	}
	slices.SortStableFunc(d.operators, func(a, b Operator) int { return cmp.Compare(b.Recorded, a.Recorded) })
	return d.operators, nil
}

func (s *Size) take(f fileSize) { s.Files, s.Unique = f.Amount, f.unique }

func (s *Size) record(recorded, inline int64) {
	s.Recorded += recorded
	s.Inline += inline
}

// detail gathers what a _metadata records.
type detail struct {
	operators []Operator
}

func (d *detail) operator(o *metadata.OperatorState) error {
	op := Operator{ID: o.ID, Name: strings.Clone(o.Name.String()), UID: strings.Clone(o.UID.String())}
	if o.Coordinator != nil {
		n := o.Coordinator.StateSize()
		op.slot(metadata.Coordinator, o.Coordinator).record(n, n)
		op.record(n, n)
	}
	d.operators = append(d.operators, op)
	return nil
}

func (d *detail) subtask(o *metadata.OperatorState, s *metadata.SubtaskState) error {
	op := &d.operators[len(d.operators)-1]
	sum := Subtask{Index: s.Index}
	var slot *Slot
	for p, h := range o.WalkSubtask(s) {
		if p.Role == metadata.Top {
			slot = op.slot(p.Slot, h)
			slot.record(h.StateSize(), 0)
			sum.record(h.StateSize(), 0)
		}
		inline := int64(0)
		switch h := h.(type) {
		case *metadata.InlineHandle, *metadata.ChangelogInlineHandle:
			inline = h.StateSize()
		case *metadata.OperatorStateHandle:
			slot.count(h)
		}
		slot.record(0, inline)
		sum.record(0, inline)
	}
	op.record(sum.Recorded, sum.Inline)
	op.Subtasks = append(op.Subtasks, sum)
	return nil
}

// slot is the entry for a slot, with h as an example of what stands there.
func (o *Operator) slot(s metadata.Slot, h metadata.Handle) *Slot {
	i, ok := slices.BinarySearchFunc(o.Slots, s, func(e Slot, s metadata.Slot) int { return cmp.Compare(e.Slot, s) })
	if !ok {
		o.Slots = slices.Insert(o.Slots, i, Slot{Slot: s, Class: h.Class()})
	}
	return &o.Slots[i]
}

// element is one of an operator state.
type element struct {
	at    int64
	state *State
}

// count adds the states of h: an element ends where the next one of any state begins.
func (s *Slot) count(h *metadata.OperatorStateHandle) {
	end := max(0, h.StateSize())
	var elements []element
	for i := range h.States {
		state := s.state(&h.States[i])
		state.Elements += len(h.States[i].Offsets)
		for _, at := range h.States[i].Offsets {
			elements = append(elements, element{min(max(0, at), end), state})
		}
	}
	slices.SortStableFunc(elements, func(a, b element) int { return cmp.Compare(a.at, b.at) })
	for i, e := range elements {
		next := end
		if i+1 < len(elements) {
			next = elements[i+1].at
		}
		e.state.Bytes += next - e.at
	}
}

// state is the entry for a state of that name and mode.
func (s *Slot) state(m *metadata.OperatorStateMeta) *State {
	key := stateKey{m.Name.String(), m.Mode}
	if state := s.byName[key]; state != nil {
		return state
	}
	if s.byName == nil {
		s.byName = map[stateKey]*State{}
	}
	key.name = strings.Clone(key.name)
	state := &State{Name: key.name, Mode: key.mode}
	s.byName[key] = state
	s.States = append(s.States, state)
	return state
}
