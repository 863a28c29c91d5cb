package compare

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"io"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
)

// Side is one of the two snapshots, as far as it is compared.
type Side struct {
	Version      int32
	ID           int64
	Properties   *metadata.Properties // nil below version 4
	MasterStates []string             // their names, each with a digest of its data
	Operators    []Operator           // by id
	Sizes        metadata.Sizes
	Inline       int64 // bytes of state within _metadata

	byID map[metadata.OperatorID]int
}

// Operator is what one operator holds.
type Operator struct {
	ID                          metadata.OperatorID
	Name, UID                   string // "" where _metadata has none
	Parallelism, MaxParallelism int32
	FullyFinished               bool
	Finished                    []int32                  // sub-tasks that had finished
	Handles                     []string                 // the slots that hold anything, and the classes of the handles, sorted
	States                      []State                  // operator states, sorted
	KeyGroups                   []metadata.KeyGroupRange // of each sub-task with keyed state
	Sizes                       metadata.Sizes
	Inline                      int64
	Files                       map[string]File // by what Compare knows them by

	digest [sha256.Size]byte // of the inline state
}

// State is one named operator state.
type State struct {
	Name     string
	Slot     metadata.Slot
	Mode     metadata.DistributionMode
	Elements int // of all sub-tasks together
}

// File is a file that a snapshot refers to.
type File struct {
	URL     string // where it lies, or should
	Size    int64  // of the file where it was seen, else as recorded
	Missing bool
}

// Read sums up a _metadata of size bytes. Its errors are those of metadata.Scan.
func Read(src io.Reader, size int64) (*Side, error) {
	s := &Side{byID: map[metadata.OperatorID]int{}}
	c, err := metadata.Scan(src, size, metadata.Visitor{Operator: s.operator, Subtask: s.subtask})
	if err != nil {
		return nil, err
	}
	s.Version, s.ID, s.Properties = c.Version, c.ID, c.Properties
	for _, m := range c.MasterStates {
		sum := sha256.Sum256(m.Data)
		s.MasterStates = append(s.MasterStates, m.Name.String()+" "+short(sum[:]))
	}
	s.finish()
	return s, nil
}

// short is enough of a digest to tell two apart.
func short(digest []byte) string { return hex.EncodeToString(digest[:8]) }

func (s *Side) operator(o *metadata.OperatorState) error {
	i, known := s.byID[o.ID]
	if !known {
		i = len(s.Operators)
		s.byID[o.ID] = i
		s.Operators = append(s.Operators, Operator{ID: o.ID, Files: map[string]File{}})
	}
	op := &s.Operators[i]
	op.Name, op.UID = strings.Clone(o.Name.String()), strings.Clone(o.UID.String())
	op.Parallelism, op.MaxParallelism, op.FullyFinished = o.Parallelism, o.MaxParallelism, o.FullyFinished
	if c := o.Coordinator; c != nil {
		h := newDigest(-1)
		h.add(metadata.Place{Slot: metadata.Coordinator}, c.Data)
		op.take(h)
		op.hold(metadata.Coordinator, c)
		op.Sizes.Add(metadata.Sizes{State: c.StateSize(), Checkpointed: c.StateSize()})
	}
	return nil
}

func (s *Side) subtask(o *metadata.OperatorState, t *metadata.SubtaskState) error {
	op := &s.Operators[s.byID[o.ID]]
	op.Sizes.Add(t.Sizes())
	if t.Finished {
		op.Finished = append(op.Finished, t.Index)
	}
	if t.ManagedKeyed != nil {
		op.KeyGroups = append(op.KeyGroups, t.ManagedKeyed.KeyGroups())
	}
	d := newDigest(t.Index)
	for p, h := range o.WalkSubtask(t) {
		if p.Role == metadata.Top {
			op.hold(p.Slot, h)
		}
		switch h := h.(type) {
		case *metadata.OperatorStateHandle:
			op.states(p.Slot, h)
		case *metadata.InlineHandle:
			d.add(p, h.Data)
		case *metadata.ChangelogInlineHandle:
			for _, c := range h.Changes {
				d.add(p, c.Data)
			}
		}
	}
	op.take(d)
	return nil
}

// hold notes that a slot holds a handle.
func (op *Operator) hold(slot metadata.Slot, h metadata.Handle) {
	what := slot.String() + " " + h.Class()
	if i, known := slices.BinarySearch(op.Handles, what); !known {
		op.Handles = slices.Insert(op.Handles, i, what)
	}
}

// states adds the elements of named states.
func (op *Operator) states(slot metadata.Slot, h *metadata.OperatorStateHandle) {
	for _, m := range h.States {
		i, known := slices.BinarySearchFunc(op.States, State{Name: m.Name.String(), Slot: slot}, compareStates)
		if !known {
			op.States = slices.Insert(op.States, i, State{Name: strings.Clone(m.Name.String()), Slot: slot, Mode: m.Mode})
		}
		op.States[i].Elements += len(m.Offsets)
	}
}

func compareStates(a, b State) int {
	return cmp.Or(cmp.Compare(a.Slot, b.Slot), cmp.Compare(a.Name, b.Name))
}

// digest is over the inline state of one sub-task.
type digest struct {
	hash  hash.Hash
	bytes int64
}

func newDigest(subtask int32) *digest {
	d := &digest{hash: sha256.New()}
	d.number(int64(subtask))
	return d
}

func (d *digest) number(n int64) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	d.hash.Write(b[:])
}

func (d *digest) add(p metadata.Place, data []byte) {
	d.number(int64(p.Slot))
	d.number(int64(p.Role))
	d.number(int64(len(data)))
	d.hash.Write(data)
	d.bytes += int64(len(data))
}

// take adds a digest in a way that does not depend on the order of sub-tasks, which is
// arbitrary in the file.
func (op *Operator) take(d *digest) {
	op.Inline += d.bytes
	if d.bytes > 0 {
		for i, b := range d.hash.Sum(nil) {
			op.digest[i] ^= b
		}
	}
}

// finish brings what came in the file's order into one that can be compared.
func (s *Side) finish() {
	slices.SortFunc(s.Operators, func(a, b Operator) int { return slices.Compare(a.ID[:], b.ID[:]) })
	slices.Sort(s.MasterStates)
	for i := range s.Operators {
		op := &s.Operators[i]
		s.byID[op.ID] = i
		slices.Sort(op.Finished)
		slices.SortFunc(op.KeyGroups, func(a, b metadata.KeyGroupRange) int {
			return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Last, b.Last))
		})
		s.Sizes.Add(op.Sizes)
		s.Inline += op.Inline
	}
}

// Refer adds a file. It is to be told of all references of the snapshot.
func (s *Side) Refer(r *layout.Reference) {
	i, known := s.byID[r.Place.Operator.ID]
	if !known {
		return // another _metadata than was read
	}
	f := File{URL: r.Found.URL, Size: sizeOf(r), Missing: r.Fault == layout.FaultAbsent || r.Fault == layout.FaultPath}
	files := s.Operators[i].Files
	key := identity(r)
	if seen, twice := files[key]; twice {
		f.Size = max(f.Size, seen.Size)
	}
	files[key] = f
}

// sizeOf is the size of a file. Of one that was not seen, a segment tells no more than
// that it reaches so far.
func sizeOf(r *layout.Reference) int64 {
	if r.Found.Seen == layout.Present {
		return r.Found.Size
	}
	if h, ok := r.Handle.(*metadata.SegmentHandle); ok {
		return max(0, h.Start+h.Size)
	}
	return max(0, r.Handle.StateSize())
}

// identity is what makes two references name one file, wherever the trees lie: the
// random name that Flink gave it, or else its path from the job's id on or below the
// snapshot's directory.
func identity(r *layout.Reference) string {
	name := r.Path[strings.LastIndexByte(r.Path, '/')+1:]
	if layout.IsDataFile(name) {
		return strings.Clone(name)
	}
	if r.Found.How == layout.Relative {
		return "./" + r.Path
	}
	if job, ok := layout.JobOf(r.Found.URL); ok {
		return r.Found.URL[strings.LastIndex(r.Found.URL, job.String()):]
	}
	return r.Found.URL
}
