// Package compare tells what differs between two checkpoints or savepoints: of one job
// or of two, of different versions of the format, wherever they lie.
//
// It compares what _metadata says: the snapshot's own fields, its operators by their
// ids, and the files that they refer to. Of state within _metadata it compares the
// bytes; of state in files, which files it is. Flink never changes a file once it is
// written and names it at random, so a file of the same name is the same file, also in
// a copy of the tree.
//
// [Read] sums up one side, to which [Side.Refer] adds the files; [Compare] is pure.
// Compare(a, b) is Compare(b, a) with the sides exchanged.
package compare

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"github.com/ckpt-tool/ckpt/metadata"
)

// Diff is what differs between the sides A and B.
type Diff struct {
	A, B      *Side
	Changes   []Change       // of the snapshot itself
	Operators []OperatorDiff // all of both sides, by uid, name and id
	Files     Files          // of all operators together
}

// Change is one field with different values. A value is nil where the side has none.
type Change struct {
	Field string
	A, B  any
}

// Status is how an operator fares from A to B.
type Status string

// The statuses.
const (
	Same    Status = "same"
	Changed Status = "changed"
	Added   Status = "added"   // only in B
	Removed Status = "removed" // only in A
)

// OperatorDiff is one operator in both.
type OperatorDiff struct {
	ID      metadata.OperatorID
	Status  Status
	A, B    *Operator // nil where the side has none
	Changes []Change  // of its fields, where both have it
	Files   Files
	// Alike are the operators of the other side alone that have the same uid or name:
	// probably this one, under another id.
	Alike []metadata.OperatorID
}

// Compare tells what differs.
func Compare(a, b *Side) *Diff {
	d := &Diff{A: a, B: b, Changes: snapshotChanges(a, b), Files: compareFiles(a.files(), b.files())}
	for i := range a.Operators {
		d.Operators = append(d.Operators, compareOperators(a, b, &a.Operators[i], b.find(a.Operators[i].ID)))
	}
	for i := range b.Operators {
		if op := &b.Operators[i]; a.find(op.ID) == nil {
			d.Operators = append(d.Operators, compareOperators(a, b, nil, op))
		}
	}
	d.relate()
	slices.SortFunc(d.Operators, func(x, y OperatorDiff) int {
		return cmp.Or(cmp.Compare(x.UID(), y.UID()), cmp.Compare(x.Name(), y.Name()), bytes.Compare(x.ID[:], y.ID[:]))
	})
	return d
}

// Empty tells whether nothing differs.
func (d *Diff) Empty() bool {
	return len(d.Changes) == 0 && !slices.ContainsFunc(d.Operators, func(o OperatorDiff) bool { return o.Status != Same })
}

// UID of the operator, "" where neither side tells it.
func (o *OperatorDiff) UID() string { return o.either(func(op *Operator) string { return op.UID }) }

// Name of the operator, "" where neither side tells it.
func (o *OperatorDiff) Name() string { return o.either(func(op *Operator) string { return op.Name }) }

// either prefers no side, so that exchanging them changes nothing.
func (o *OperatorDiff) either(of func(*Operator) string) string {
	found := ""
	for _, op := range []*Operator{o.A, o.B} {
		if op != nil {
			found = max(found, of(op))
		}
	}
	return found
}

func (s *Side) find(id metadata.OperatorID) *Operator {
	if i, ok := s.byID[id]; ok {
		return &s.Operators[i]
	}
	return nil
}

func compareOperators(a, b *Side, x, y *Operator) OperatorDiff {
	switch {
	case y == nil:
		return OperatorDiff{ID: x.ID, Status: Removed, A: x, Files: compareFiles(x.Files, nil)}
	case x == nil:
		return OperatorDiff{ID: y.ID, Status: Added, B: y, Files: compareFiles(nil, y.Files)}
	}
	d := OperatorDiff{ID: x.ID, Status: Same, A: x, B: y, Files: compareFiles(x.Files, y.Files)}
	named := a.Version >= metadata.Version5 && b.Version >= metadata.Version5
	d.Changes = operatorChanges(x, y, named)
	if len(d.Changes) > 0 || d.Files.Added.Files+d.Files.Dropped.Files > 0 {
		d.Status = Changed
	}
	return d
}

// relate finds operators that are probably the same under another id.
func (d *Diff) relate() {
	for i := range d.Operators {
		for j := range d.Operators {
			x, y := &d.Operators[i], &d.Operators[j]
			if x.A != nil && x.B == nil && y.A == nil && (x.UID() != "" && x.UID() == y.UID() || x.Name() != "" && x.Name() == y.Name()) {
				x.Alike = append(x.Alike, y.ID)
				y.Alike = append(y.Alike, x.ID)
			}
		}
	}
	for i := range d.Operators {
		slices.SortFunc(d.Operators[i].Alike, func(x, y metadata.OperatorID) int { return bytes.Compare(x[:], y[:]) })
	}
}

// files are those of all operators, each once.
func (s *Side) files() map[string]File {
	all := map[string]File{}
	for i := range s.Operators {
		maps.Copy(all, s.Operators[i].Files)
	}
	return all
}
