package verify

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
)

// severities are those of what package metadata finds odd. What is not here is Info.
var severities = map[string]Severity{
	metadata.FindDuplicateOperator: Error,
	metadata.FindDuplicateState:    Error,
	metadata.FindParallelism:       Error,
	metadata.FindKeyGroups:         Error,
	metadata.FindSize:              Error,
	metadata.FindPath:              Error,
	metadata.FindChannels:          Error,
	metadata.FindMaterialized:      Warning,
	metadata.FindProperties:        Warning,
}

// metadata checks a _metadata by itself. It gives the model, nil where there is none.
func (r *Result) metadata(data []byte) *metadata.Checkpoint {
	c, err := metadata.Decode(data)
	if err != nil {
		f := Finding{Severity: Error, Reason: Encoding, URL: r.metadataURL(), Offset: -1, Message: err.Error()}
		if broken := new(metadata.Error); errors.As(err, &broken) {
			f.Offset, f.Hint = broken.Offset, broken.Hint
		}
		r.Verdict, r.Findings = Unreadable, append(r.Findings, f)
		return nil
	}
	r.encodes(c, data)
	for _, odd := range c.Findings() {
		r.odd(c, odd)
	}
	for i := range c.Operators {
		o := &c.Operators[i]
		r.keyGroups(o, metadata.ManagedKeyed, managedRanges(o))
		r.keyGroups(o, metadata.RawKeyed, rawRanges(o))
	}
	if r.Numbered && int64(r.Number) != c.ID {
		r.add(Finding{Severity: Warning, Reason: Encoding, URL: r.metadataURL(), Offset: -1,
			Message: fmt.Sprintf("the directory is named %s, but this is checkpoint %d", r.Name, c.ID)})
	}
	return c
}

// encodes makes sure that nothing was overlooked: what was read gives the same bytes.
func (r *Result) encodes(c *metadata.Checkpoint, data []byte) {
	again, err := c.AppendTo(make([]byte, 0, len(data)))
	if err == nil && bytes.Equal(again, data) {
		return
	}
	f := Finding{Severity: Error, Reason: Encoding, URL: r.metadataURL(), Offset: -1, Message: "it does not encode to the same bytes again"}
	if err != nil {
		f.Message += ": " + err.Error()
	} else {
		f.Offset = int64(firstDifference(again, data))
	}
	r.add(f)
}

func firstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// odd turns what package metadata finds into a finding.
func (r *Result) odd(c *metadata.Checkpoint, odd metadata.Finding) {
	severity, reason := severities[odd.Code], Encoding
	if severity == "" {
		severity = Info
	}
	switch odd.Code {
	case metadata.FindKeyGroups:
		reason = KeyGroups
	case metadata.FindPath:
		reason = Path
	}
	f := Finding{Severity: severity, Reason: reason, URL: r.metadataURL(), Offset: -1, Message: odd.Message}
	if i := slices.IndexFunc(c.Operators, func(o metadata.OperatorState) bool { return o.ID == odd.Operator }); i >= 0 {
		f.By = referrer(&c.Operators[i], odd.Subtask)
	}
	r.add(f)
}

// referrer is an operator or a sub-task of it.
func referrer(o *metadata.OperatorState, subtask int32) *layout.Referrer {
	return &layout.Referrer{Operator: o.ID, Name: o.Name.String(), UID: o.UID.String(), Subtask: subtask}
}

// owned is the key groups that one sub-task has.
type owned struct {
	metadata.KeyGroupRange
	subtask int32
}

func managedRanges(o *metadata.OperatorState) []owned {
	return ranges(o, func(s *metadata.SubtaskState) metadata.KeyedHandle { return s.ManagedKeyed })
}

func rawRanges(o *metadata.OperatorState) []owned {
	return ranges(o, func(s *metadata.SubtaskState) metadata.KeyedHandle { return s.RawKeyed })
}

// ranges are sorted by their first key group.
func ranges(o *metadata.OperatorState, of func(*metadata.SubtaskState) metadata.KeyedHandle) []owned {
	var all []owned
	for i := range o.Subtasks {
		s := &o.Subtasks[i]
		if h := of(s); h != nil && h.KeyGroups().Len() > 0 {
			all = append(all, owned{h.KeyGroups(), s.Index})
		}
	}
	slices.SortFunc(all, func(a, b owned) int { return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Last, b.Last)) })
	return all
}

// keyGroups looks for key groups that two sub-tasks have, of which Flink would restore
// both, and for such as none has: those have no state, which is no mistake.
func (r *Result) keyGroups(o *metadata.OperatorState, slot metadata.Slot, all []owned) {
	if len(all) == 0 {
		return
	}
	next := int32(0)
	widest := all[0] // reaches furthest of those before
	for i, k := range all {
		switch {
		case i > 0 && k.First < next:
			by := referrer(o, k.subtask)
			by.Slot = slot
			r.add(Finding{Severity: Error, Reason: KeyGroups, URL: r.metadataURL(), Offset: -1, By: by,
				Message: fmt.Sprintf("sub-tasks %d and %d both have key groups %d to %d (%s)", widest.subtask, k.subtask, k.First, min(k.Last, next-1), slot)})
		case k.First > next:
			r.gap(o, slot, next, k.First-1)
		}
		if k.Last+1 > next {
			next, widest = k.Last+1, k
		}
	}
	if next < o.MaxParallelism {
		r.gap(o, slot, next, o.MaxParallelism-1)
	}
}

func (r *Result) gap(o *metadata.OperatorState, slot metadata.Slot, first, last int32) {
	by := referrer(o, -1)
	by.Slot = slot
	r.add(Finding{Severity: Info, Reason: KeyGroups, URL: r.metadataURL(), Offset: -1, By: by,
		Message: fmt.Sprintf("no sub-task has state of key groups %d to %d (%s)", first, last, slot)})
}
