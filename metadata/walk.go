package metadata

import "iter"

// Place says where in a checkpoint a handle stands.
type Place struct {
	Operator *OperatorState
	Subtask  *SubtaskState // nil for coordinator state
	Slot     Slot
	Role     Role
	Name     UTF    // of a file of an IncrementalHandle, to restore it under
	Parent   Handle // the handle that refers to it, nil at the top
}

// Slot is one kind of state of a sub-task or operator.
type Slot uint8

// The slots, in the order in which Walk visits them.
const (
	Coordinator Slot = iota
	ManagedOperator
	RawOperator
	ManagedKeyed
	RawKeyed
	InputChannel
	ResultSubpartition
)

var slotNames = [...]string{"coordinatorState", "managedOperator", "rawOperator", "managedKeyed", "rawKeyed", "inputChannel", "resultSubpartition"}

// String is the name that the slot has in ckpt's JSON.
func (s Slot) String() string { return slotNames[s] }

// Role is what a handle is to its parent.
type Role uint8

// The roles.
const (
	Top             Role = iota // it has no parent
	Delegate                    // the stream that holds the data
	MetaState                   // the meta data of an IncrementalHandle
	SharedFile                  // of an IncrementalHandle; other checkpoints may use it
	PrivateFile                 // of an IncrementalHandle; belongs to its checkpoint
	Materialized                // part of a ChangelogHandle
	NonMaterialized             // likewise
	ChangelogLog                // a file of a ChangelogFileHandle
)

var roleNames = [...]string{"", "delegate", "meta", "shared", "private", "materialized", "nonMaterialized", "changelog"}

// String is a word for the role, "" for Top.
func (r Role) String() string { return roleNames[r] }

// Walk visits every handle of c, each before those that it refers to. Null handles
// are passed over.
func (c *Checkpoint) Walk() iter.Seq2[Place, Handle] {
	return func(yield func(Place, Handle) bool) {
		for i := range c.Operators {
			if !c.Operators[i].walk(yield) {
				return
			}
		}
	}
}

// Walk visits every handle of o.
func (o *OperatorState) Walk() iter.Seq2[Place, Handle] {
	return func(yield func(Place, Handle) bool) { o.walk(yield) }
}

// WalkSubtask visits every handle of s, a sub-task of o.
func (o *OperatorState) WalkSubtask(s *SubtaskState) iter.Seq2[Place, Handle] {
	return func(yield func(Place, Handle) bool) { o.walkSubtask(s, yield) }
}

func (o *OperatorState) walk(yield func(Place, Handle) bool) bool {
	if o.Coordinator != nil && !yield(Place{Operator: o, Slot: Coordinator}, o.Coordinator) {
		return false
	}
	for i := range o.Subtasks {
		if !o.walkSubtask(&o.Subtasks[i], yield) {
			return false
		}
	}
	return true
}

func (o *OperatorState) walkSubtask(s *SubtaskState, yield func(Place, Handle) bool) bool {
	w := walker{yield: yield, place: Place{Operator: o, Subtask: s}}
	w.operator(ManagedOperator, s.ManagedOperator)
	w.operator(RawOperator, s.RawOperator)
	w.top(ManagedKeyed, s.ManagedKeyed)
	w.top(RawKeyed, s.RawKeyed)
	for _, h := range s.InputChannels {
		w.top(InputChannel, h)
	}
	for _, h := range s.OutputChannels {
		w.top(ResultSubpartition, h)
	}
	return !w.done
}

// walker visits the handles of one sub-task.
type walker struct {
	yield func(Place, Handle) bool
	place Place
	done  bool
}

func (w *walker) operator(slot Slot, h *OperatorStateHandle) {
	if h != nil {
		w.top(slot, h)
	}
}

func (w *walker) top(slot Slot, h Handle) {
	w.place.Slot = slot
	w.visit(Top, nil, "", h)
}

func (w *walker) visit(role Role, parent Handle, name UTF, h Handle) {
	if w.done || h == nil {
		return
	}
	w.place.Role, w.place.Parent, w.place.Name = role, parent, name
	if !w.yield(w.place, h) {
		w.done = true
		return
	}
	switch h := h.(type) {
	case *KeyGroupsHandle:
		w.visit(Delegate, h, "", h.Delegate)
	case *OperatorStateHandle:
		w.visit(Delegate, h, "", h.Delegate)
	case *SingleChannelHandle:
		w.visit(Delegate, h, "", h.Delegate)
	case *MergedChannelHandle:
		w.visit(Delegate, h, "", h.Delegate)
	case *IncrementalHandle:
		w.visit(MetaState, h, "", h.Meta)
		w.files(SharedFile, h, h.Shared)
		w.files(PrivateFile, h, h.Private)
	case *ChangelogHandle:
		for _, m := range h.Materialized {
			w.visit(Materialized, h, "", m)
		}
		for _, d := range h.NonMaterialized {
			w.visit(NonMaterialized, h, "", d)
		}
	case *ChangelogFileHandle:
		for i := range h.Parts {
			w.visit(ChangelogLog, h, "", h.Parts[i].File)
		}
	}
}

func (w *walker) files(role Role, parent Handle, files []NamedFile) {
	for i := range files {
		w.visit(role, parent, files[i].Name, files[i].File)
	}
}
