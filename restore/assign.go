package restore

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/metadata"
)

// Assign gives each sub-task of ops what is its own of the checkpoint. allowNonRestored leaves behind the state that
// no operator takes, and lists it as Left. The error is an *IncompatibleError.
func Assign(c *metadata.Checkpoint, ops []Operator, allowNonRestored bool) (*Assignment, error) {
	a := &assigner{result: &Assignment{Operators: map[metadata.OperatorID]*OperatorAssignment{}}}
	byID := map[metadata.OperatorID]*metadata.OperatorState{}
	for i := range c.Operators {
		if byID[c.Operators[i].ID] != nil {
			a.refuse(unmapped(&c.Operators[i]), "the checkpoint has the operator twice")
		}
		byID[c.Operators[i].ID] = &c.Operators[i]
	}
	wanted := map[metadata.OperatorID]bool{}
	for i := range ops {
		wanted[ops[i].ID] = true
		a.result.Operators[ops[i].ID] = a.operator(&ops[i], byID[ops[i].ID])
	}
	for i := range c.Operators {
		if state := &c.Operators[i]; !wanted[state.ID] && holdsState(state) {
			a.leave(state, allowNonRestored)
		}
	}
	if len(a.problems) > 0 {
		return nil, &IncompatibleError{Problems: a.problems}
	}
	return a.result, nil
}

// assigner gathers everything that is wrong before it gives up.
type assigner struct {
	result   *Assignment
	problems []Problem
}

func (a *assigner) refuse(who Unmapped, format string, args ...any) {
	a.problems = append(a.problems, Problem{Unmapped: who, Message: fmt.Sprintf(format, args...)})
}

// leave tells of state that no operator takes.
func (a *assigner) leave(state *metadata.OperatorState, allowed bool) {
	who := unmapped(state)
	if allowed {
		a.result.Left = append(a.result.Left, who)
		return
	}
	a.problems = append(a.problems, Problem{Unmapped: who, Missing: true, Message: "the checkpoint holds state of it, and the job has no such operator"})
}

// operator assigns one operator's state; state is nil where there is none.
func (a *assigner) operator(op *Operator, state *metadata.OperatorState) *OperatorAssignment {
	r := &OperatorAssignment{MaxParallelism: op.MaxParallelism}
	fits := state != nil && a.fits(op, state)
	if fits && (r.MaxParallelism == 0 || holdsKeyed(state)) {
		r.MaxParallelism = state.MaxParallelism
	}
	if r.MaxParallelism == 0 {
		r.MaxParallelism = DefaultMaxParallelism(op.Parallelism)
	}
	if op.Parallelism > r.MaxParallelism {
		a.refuse(op.identity(), "a parallelism of %d is above the max parallelism of %d", op.Parallelism, r.MaxParallelism)
		return r
	}
	r.Subtasks = make([]SubtaskAssignment, op.Parallelism)
	for i := range r.Subtasks {
		r.Subtasks[i].KeyGroups = metadata.RangeOf(r.MaxParallelism, op.Parallelism, int32(i))
	}
	if fits {
		assignKeyed(r, state)
		assignOperator(r, state)
	}
	return r
}

// fits looks at what can be restored of an operator at all.
func (a *assigner) fits(op *Operator, state *metadata.OperatorState) bool {
	n, who := len(a.problems), op.identity()
	if m := state.MaxParallelism; m < 1 || m > keygroups.MaxParallelism {
		a.refuse(who, "a max parallelism of %d in the checkpoint", m)
	} else if op.MaxParallelism != 0 && op.MaxParallelism != m && holdsKeyed(state) {
		a.refuse(who, "its keyed state has a max parallelism of %d, and the job asks for %d: the number of key groups is settled for good", m, op.MaxParallelism)
	}
	if state.FullyFinished {
		a.refuse(who, "all its sub-tasks had finished: it would begin anew")
	}
	if state.Coordinator != nil {
		a.refuse(who, "the checkpoint holds state of its coordinator, which only the connector that wrote it can read")
	}
	seen := map[int32]bool{}
	modes := map[metadata.UTF]metadata.DistributionMode{}
	for i := range state.Subtasks {
		s := &state.Subtasks[i]
		if s.Index < 0 || s.Index >= state.Parallelism {
			a.refuse(who, "the checkpoint has a sub-task %d of %d", s.Index, state.Parallelism)
		}
		if seen[s.Index] {
			a.refuse(who, "the checkpoint has sub-task %d twice", s.Index)
		}
		seen[s.Index] = true
		if s.Finished {
			a.refuse(who, "its sub-task %d had finished: it would begin anew", s.Index)
		}
		if len(s.InputChannels)+len(s.OutputChannels) > 0 {
			a.refuse(who, "the checkpoint is an unaligned one with records in flight to sub-task %d: take an aligned one, or a savepoint", s.Index)
		}
		a.fitsKeyed(who, s, state.MaxParallelism)
		a.fitsOperator(who, s, modes)
	}
	return len(a.problems) == n
}

// fitsKeyed refuses key groups that no sub-task would get.
func (a *assigner) fitsKeyed(who Unmapped, s *metadata.SubtaskState, maxParallelism int32) {
	for _, h := range []metadata.KeyedHandle{s.ManagedKeyed, s.RawKeyed} {
		if h == nil {
			continue
		}
		if r := h.KeyGroups(); r.Len() > 0 && (r.First < 0 || r.Last >= maxParallelism) {
			a.refuse(who, "its sub-task %d has key groups %s, and the max parallelism is %d", s.Index, r, maxParallelism)
		}
	}
}

// fitsOperator refuses raw operator state, which nobody here reads, and a state that some sub-tasks deal out otherwise than others.
func (a *assigner) fitsOperator(who Unmapped, s *metadata.SubtaskState, modes map[metadata.UTF]metadata.DistributionMode) {
	if s.RawOperator != nil && len(s.RawOperator.States) > 0 {
		a.refuse(who, "its sub-task %d has raw operator state, which only the operator that wrote it can read", s.Index)
	}
	if s.ManagedOperator == nil {
		return
	}
	for _, st := range s.ManagedOperator.States {
		if was, ok := modes[st.Name]; ok && was != st.Mode {
			a.refuse(who, "state %s is dealt out by %s in sub-task %d, and by %s in an earlier one", st.Name, st.Mode, s.Index, was)
		}
		modes[st.Name] = st.Mode
	}
}

// assignKeyed gives every sub-task the handles that meet its key groups, in the order of the checkpoint's sub-tasks.
func assignKeyed(r *OperatorAssignment, state *metadata.OperatorState) {
	for _, old := range subtasks(state) {
		for i := range r.Subtasks {
			s := &r.Subtasks[i]
			if meets(old.ManagedKeyed, s.KeyGroups) {
				s.Keyed = append(s.Keyed, KeyedPart{old.ManagedKeyed, old.Index})
			}
			if meets(old.RawKeyed, s.KeyGroups) {
				s.Raw = append(s.Raw, KeyedPart{old.RawKeyed, old.Index})
			}
		}
	}
}

// meets tells whether a handle holds any of the key groups.
func meets(h metadata.KeyedHandle, r metadata.KeyGroupRange) bool {
	if h == nil {
		return false
	}
	in := h.KeyGroups().Intersection(r)
	return in.Len() > 0
}

// DefaultMaxParallelism is the max parallelism of operators that do not say (Flink: KeyGroupRangeAssignment.computeDefaultMaxParallelism).
func DefaultMaxParallelism(parallelism int32) int32 {
	n := int32(1)
	for n < parallelism+parallelism/2 && n < keygroups.MaxParallelism {
		n *= 2
	}
	return max(n, 128)
}

// subtasks are those of the checkpoint by their index, as Flink goes through them.
func subtasks(state *metadata.OperatorState) []*metadata.SubtaskState {
	all := make([]*metadata.SubtaskState, len(state.Subtasks))
	for i := range state.Subtasks {
		all[i] = &state.Subtasks[i]
	}
	slices.SortStableFunc(all, func(a, b *metadata.SubtaskState) int { return cmp.Compare(a.Index, b.Index) })
	return all
}

func holdsKeyed(state *metadata.OperatorState) bool {
	return slices.ContainsFunc(state.Subtasks, func(s metadata.SubtaskState) bool { return s.ManagedKeyed != nil || s.RawKeyed != nil })
}

// holdsState is whether leaving the operator out would lose anything.
func holdsState(state *metadata.OperatorState) bool {
	return state.Coordinator != nil || state.FullyFinished || holdsKeyed(state) || slices.ContainsFunc(state.Subtasks, func(s metadata.SubtaskState) bool {
		return s.ManagedOperator != nil || s.RawOperator != nil || s.Finished || len(s.InputChannels)+len(s.OutputChannels) > 0
	})
}

func (op *Operator) identity() Unmapped { return Unmapped{ID: op.ID, UID: op.UID, Name: op.Name} }

func unmapped(state *metadata.OperatorState) Unmapped {
	return Unmapped{ID: state.ID, UID: state.UID.String(), Name: state.Name.String()}
}
