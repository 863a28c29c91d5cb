package metadata

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// Finding is something that Flink would load, though it never writes it so, or that
// it trips over later: when it uses a path, unpacks channel offsets, or meets
// properties that are not its own.
type Finding struct {
	Code     string // one of the Find constants
	Operator OperatorID
	Subtask  int32 // -1 where it concerns the operator as a whole or the file
	Message  string
}

// The codes of findings.
const (
	FindDuplicateOperator = "duplicate-operator" // Flink keeps the last one
	FindDuplicateState    = "duplicate-state"    // likewise
	FindParallelism       = "parallelism"        // none, or a max parallelism above 32768
	FindKeyGroups         = "key-groups"         // outside the operator's, or not those of the sub-task
	FindString            = "non-canonical-utf8" // over-long or a bare NUL
	FindSize              = "negative-size"
	FindPath              = "escaping-path"   // a relative path that leaves the checkpoint's directory
	FindChannels          = "channel-offsets" // serialized offsets that Flink cannot restore
	FindMaterialized      = "null-handle"     // Flink skips it with a warning
	FindUnused            = "unused-field"    // a flag or an unused field that Flink does not write so
	FindProperties        = "checkpoint-properties"
)

// maxFindings is where a list of findings stops: each code is listed so often, then counted.
const maxFindings = 100

// Findings examines all of c.
func (c *Checkpoint) Findings() []Finding {
	var k Checker
	for i := range c.Operators {
		o := &c.Operators[i]
		k.Operator(o)
		for j := range o.Subtasks {
			k.Subtask(o, &o.Subtasks[j])
		}
	}
	return k.Finish(c)
}

// Checker examines a checkpoint in parts, for those who Scan it. Its zero value is ready.
type Checker struct {
	found []Finding
	count map[string]int
	seen  map[OperatorID]struct{}
	op    *OperatorState
	sub   int32
	own   KeyGroupRange // of sub
	plain bool          // the strings of sub were looked at when it was read
}

// Operator examines o without its sub-tasks.
func (k *Checker) Operator(o *OperatorState) {
	if k.seen == nil {
		k.seen = map[OperatorID]struct{}{}
	}
	k.op, k.sub, k.plain = o, -1, false
	if _, dup := k.seen[o.ID]; dup {
		k.add(FindDuplicateOperator, "operator id %s occurs more than once", o.ID)
	}
	k.seen[o.ID] = struct{}{}
	if o.Parallelism == 0 || o.MaxParallelism > 1<<15 {
		k.add(FindParallelism, "parallelism %d, max parallelism %d: Flink allows 1 to 32768", o.Parallelism, o.MaxParallelism)
	}
	if o.chainLength != 0 || o.finished != 0 {
		k.add(FindUnused, "chain length or number of sub-tasks is not what Flink writes")
	}
	k.utf(o.Name)
	k.utf(o.UID)
	if o.Coordinator != nil {
		k.utf(o.Coordinator.Name)
	}
}

// Subtask examines s, a sub-task of o.
func (k *Checker) Subtask(o *OperatorState, s *SubtaskState) {
	k.Begin(o, s)
	for p, h := range o.WalkSubtask(s) {
		k.Handle(p, h)
	}
}

// Begin is Subtask without its handles, for those who walk them anyhow and show each
// to Handle.
func (k *Checker) Begin(o *OperatorState, s *SubtaskState) {
	k.op, k.sub = o, s.Index
	k.own, k.plain = RangeOf(o.MaxParallelism, o.Parallelism, s.Index), s.plain
	if s.odd != nil {
		k.add(FindUnused, "a presence flag or an unused field is not what Flink writes")
	}
}

// Handle examines h, of the sub-task that Begin was called with, but not what h refers to.
func (k *Checker) Handle(p Place, h Handle) {
	k.utf(p.Name)
	switch h := h.(type) {
	case *FileHandle:
		k.utf(h.Path)
		k.size(h, h.Size)
	case *RelativeFileHandle:
		k.utf(h.Path)
		k.size(h, h.Size)
		if !Inside(h.Path.String()) {
			k.add(FindPath, "relative path %q is absolute, a URL, or leaves the checkpoint's directory", h.Path.String())
		}
	case *InlineHandle:
		k.utf(h.Name)
	case *SegmentHandle:
		k.utf(h.Path)
		k.utf(h.LogicalFile)
		k.size(h, h.Size)
		k.size(h, h.Start)
	case *OperatorStateHandle:
		k.operatorState(h)
	case *SingleChannelHandle:
		k.size(h, h.Size)
	case *MergedChannelHandle:
		k.size(h, h.Size)
		if _, err := h.Unmerge(); err != nil {
			k.add(FindChannels, "%v", err)
		}
	case KeyedHandle:
		k.keyed(p, h)
	}
}

func (k *Checker) keyed(p Place, h KeyedHandle) {
	if p.Role != Delegate {
		k.keyGroups(h.KeyGroups(), p.Role == Top && p.Slot == ManagedKeyed)
	}
	switch h := h.(type) {
	case *KeyGroupsHandle:
		k.utf(h.HandleID)
	case *IncrementalHandle:
		k.utf(h.BackendID)
		k.utf(h.HandleID)
	case *ChangelogHandle:
		k.utf(h.HandleID)
		for _, m := range h.Materialized {
			if m == nil {
				k.add(FindMaterialized, "a materialized handle is null")
			}
		}
	case *ChangelogInlineHandle:
		k.utf(h.HandleID)
	case *ChangelogFileHandle:
		k.utf(h.HandleID)
		k.utf(h.StorageID)
		k.size(h, h.Size)
	}
}

// Inside tells whether the path p of a RelativeFileHandle names a file below the
// checkpoint's directory, as those of Flink do: by no "..", and not by "a:b", which
// Flink takes for a URL.
func Inside(p string) bool {
	first, _, _ := strings.Cut(p, "/")
	return path.Clean(p) != "." && !path.IsAbs(p) && !strings.Contains(first, ":") && !strings.ContainsRune(p, 0) &&
		!slices.Contains(strings.Split(p, "/"), "..")
}

func (k *Checker) size(h Handle, n int64) {
	if n < -1 { // -1: the file system could not tell
		k.add(FindSize, "a %s has size or position %d", h.Class(), n)
	}
}

// Finish examines what is left, and gives all findings.
func (k *Checker) Finish(c *Checkpoint) []Finding {
	k.op, k.sub, k.plain = nil, -1, false
	for i := range c.MasterStates {
		k.utf(c.MasterStates[i].Name)
	}
	if c.Properties != nil && !c.Properties.Understood {
		k.add(FindProperties, "the checkpoint properties are not of a form that Flink 1.16 to 2.2 writes")
	}
	for _, code := range sortedKeys(k.count) {
		if n := k.count[code]; n > maxFindings {
			k.found = append(k.found, Finding{Code: code, Subtask: -1, Message: fmt.Sprintf("%d more of this kind", n-maxFindings)})
		}
	}
	return k.found
}

func (k *Checker) add(code, format string, args ...any) {
	if k.count == nil {
		k.count = map[string]int{}
	}
	if k.count[code]++; k.count[code] > maxFindings {
		return
	}
	f := Finding{Code: code, Subtask: k.sub, Message: fmt.Sprintf(format, args...)}
	if k.op != nil {
		f.Operator = k.op.ID
	}
	k.found = append(k.found, f)
}

func (k *Checker) utf(u UTF) {
	if !k.plain && !u.Canonical() {
		k.add(FindString, "string %q is not how Java writes it", u.String())
	}
}

// keyGroups checks that r is possible, and that it is the sub-task's own: what a
// ChangelogHandle holds may be those of an old sub-task.
func (k *Checker) keyGroups(r KeyGroupRange, mustOwn bool) {
	switch {
	case r.Len() == 0 && mustOwn:
		k.add(FindKeyGroups, "no key groups, though sub-task %d of %d has %s", k.sub, k.op.Parallelism, k.own)
	case r.Len() == 0:
	case r.Last >= k.op.MaxParallelism:
		k.add(FindKeyGroups, "key groups %s with a max parallelism of %d", r, k.op.MaxParallelism)
	case mustOwn && r != k.own:
		k.add(FindKeyGroups, "key groups %s, though sub-task %d of %d has %s", r, k.sub, k.op.Parallelism, k.own)
	}
}

func (k *Checker) operatorState(h *OperatorStateHandle) {
	names := make(map[UTF]struct{}, len(h.States))
	for i := range h.States {
		n := h.States[i].Name
		k.utf(n)
		if _, dup := names[n]; dup {
			k.add(FindDuplicateState, "operator state %q occurs more than once", n.String())
		}
		names[n] = struct{}{}
	}
	if h.Merging != nil {
		k.utf(h.Merging.TaskOwned)
		k.utf(h.Merging.Shared)
		if h.Merging.emptyByte != 0 {
			k.add(FindUnused, "a boolean is neither 0 nor 1")
		}
	}
}

// RangeOf is the key groups of sub-task index of parallelism sub-tasks (Flink:
// KeyGroupRangeAssignment.computeKeyGroupRangeForOperatorIndex).
func RangeOf(maxParallelism, parallelism, index int32) KeyGroupRange {
	if parallelism <= 0 {
		return KeyGroupRange{0, -1}
	}
	m, p, i := int64(maxParallelism), int64(parallelism), int64(index)
	return KeyGroupRange{First: int32((i*m + p - 1) / p), Last: int32(((i+1)*m - 1) / p)}
}

func sortedKeys(m map[string]int) []string {
	keys := slices.Collect(maps.Keys(m))
	slices.Sort(keys)
	return keys
}
