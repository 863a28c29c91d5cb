package metadata

import "io"

// Summary is what can be said of a `_metadata` file without holding it.
type Summary struct {
	Version    int32
	ID         int64 // of the checkpoint
	Properties *Properties

	Operators int
	Subtasks  int // entries of sub-tasks, finished ones included
	Sizes     Sizes
	Inline    int64 // bytes of state within the file itself
	Canonical bool  // it holds keyed state of a canonical savepoint
}

// Summarize reads a `_metadata` file of size bytes to its end, a sub-task at a time,
// and shows it to v as Scan does. Its errors are those of Scan.
func Summarize(src io.Reader, size int64, v Visitor) (*Summary, error) {
	s := &Summary{}
	c, err := Scan(src, size, Visitor{
		Header: v.Header,
		Operator: func(o *OperatorState) error {
			s.Operators++
			s.Sizes.Add(o.coordinatorSizes())
			s.Inline += o.coordinatorSizes().State
			if v.Operator != nil {
				return v.Operator(o)
			}
			return nil
		},
		Subtask: func(o *OperatorState, t *SubtaskState) error {
			s.Subtasks++
			s.Sizes.Add(t.Sizes())
			for _, h := range o.WalkSubtask(t) {
				switch h := h.(type) {
				case *InlineHandle:
					s.Inline += int64(len(h.Data))
				case *ChangelogInlineHandle:
					s.Inline += h.StateSize()
				case *KeyGroupsHandle:
					s.Canonical = s.Canonical || h.Tag == TagSavepointKeyGroups
				}
			}
			if v.Subtask != nil {
				return v.Subtask(o, t)
			}
			return nil
		},
	})
	if err != nil {
		return nil, err
	}
	s.Version, s.ID, s.Properties = c.Version, c.ID, c.Properties
	return s, nil
}

// IsSavepoint tells whether the file says that it is one. Below version 4 it says
// nothing, unless by keyed state in the form of canonical savepoints (Flink 1.13 and up).
func (s *Summary) IsSavepoint() (is, known bool) {
	switch {
	case s.Properties != nil && s.Properties.Type.Class != "":
		return s.Properties.Type.IsSavepoint(), true
	case s.Canonical:
		return true, true
	}
	return false, false
}
