package engine

import (
	"errors"
	"fmt"
	"slices"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/restore"
)

// SplitsState is the name of the state of sources: a union list of what is known of each split, as Tuple<String id, position, Long index,
// Boolean finished>. Splits that are finished stay in it, so that they are not read again, but for what is new in them.
const SplitsState = "splits"

func splitType(position backends.Type) (backends.Type, error) {
	if position == nil {
		return nil, errors.New("the source has no type of positions")
	}
	return types.ParseSpec(fmt.Sprintf("Tuple<String, %s, Long, Boolean>", position))
}

// open makes the state of the source, takes over what was restored, and asks for splits.
func (s *sourceRun) open(a *restore.SubtaskAssignment) error {
	t := s.t
	element, err := splitType(s.node.Source.Position())
	if err != nil {
		return err
	}
	if s.state, err = t.openOperator(a); err != nil {
		return t.attempt.beginning(err)
	}
	if s.list, err = s.state.Union(&backends.OperatorDescriptor{Name: SplitsState, Value: element}); err != nil {
		return err
	}
	if err := s.ownState(a); err != nil {
		return err
	}
	for _, v := range s.list.Get() {
		if err := s.restore(v); err != nil {
			return t.attempt.beginning(err)
		}
	}
	return s.find(t.now())
}

// ownState refuses to begin anew where the checkpoint has positions that only another source can read.
func (s *sourceRun) ownState(a *restore.SubtaskAssignment) error {
	for _, h := range a.Operator {
		for _, st := range h.States {
			if name := st.Name.String(); name != SplitsState {
				return &backends.IncompatibleError{State: name, Was: "of another source", Want: SplitsState + ", the positions of its own"}
			}
		}
	}
	return nil
}

func (s *sourceRun) restore(v any) error {
	fields, ok := v.([]any)
	if !ok || len(fields) != 4 {
		return fmt.Errorf("the restored state of splits has an element %v", v)
	}
	id, isString := fields[0].(string)
	index, isLong := fields[2].(int64)
	finished, isBool := fields[3].(bool)
	if !isString || !isLong || !isBool {
		return fmt.Errorf("the restored state of splits has an element %v", v)
	}
	split := Split{ID: id, Index: index}
	if c, ok := s.node.Source.(SplitChecker); ok {
		if err := c.CheckSplit(split); err != nil {
			return err
		}
	}
	if r, ok := s.node.Source.(SplitReopener); ok && finished {
		var err error
		if finished, err = r.Ended(split, fields[1]); err != nil {
			return err
		}
	}
	return s.take(&splitRun{Split: split, position: fields[1], finished: finished})
}

// snapshot brings the positions into the state. A split that was not begun is left out: it begins at its start again.
func (s *sourceRun) snapshot() error {
	elements := make([]any, 0, len(s.splits))
	for _, sp := range s.splits {
		position := sp.position
		if sp.reader != nil {
			position = sp.reader.Position()
		}
		switch {
		case position != nil:
		case sp.begun || sp.position != nil:
			return fmt.Errorf("split %s: the reader has no position", sp.ID)
		default:
			continue
		}
		elements = append(elements, []any{sp.ID, position, sp.Index, sp.finished})
	}
	return s.list.Update(slices.Clip(elements))
}
