package usage

import (
	"cmp"
	"slices"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
)

// Observer keeps which part of one snapshot uses which files, while the graph is made.
type Observer struct{ uses []use }

// use is the use of a file, or of a part of it.
type use struct {
	part
	object     layout.ObjectID
	start, end int64
}

// part is a slot of a sub-task of an operator.
type part struct {
	operator      metadata.OperatorID
	subtask, slot int32
}

// anyone stands for all sub-tasks or all slots.
const anyone = -1

// Observe notes what r refers to, if it lies in a tree.
func (o *Observer) Observe(r *layout.Reference) {
	if r.Found.Object == layout.NoObject {
		return
	}
	u := use{part{r.Place.Operator.ID, anyone, int32(r.Place.Slot)}, r.Found.Object, 0, r.Found.Size}
	if r.Place.Subtask != nil {
		u.subtask = r.Place.Subtask.Index
	}
	if s, ok := r.Handle.(*metadata.SegmentHandle); ok && r.Fault == layout.NoFault {
		u.start, u.end = s.Start, s.Start+s.Size
	}
	o.uses = append(o.uses, u)
}

// fileSize is what the files of a part take.
type fileSize struct {
	Amount
	unique int64
}

// files adds up the files of each part, after merge has made several parts one.
func (o *Observer) files(g *layout.Graph, merge func(*part)) map[part]fileSize {
	all := slices.Clone(o.uses)
	for i := range all {
		merge(&all[i].part)
	}
	slices.SortFunc(all, compareUses)
	sizes := map[part]fileSize{}
	for _, u := range slices.Compact(all) {
		s := sizes[u.part]
		s.add(u.end - u.start)
		if g.Users(u.object) == 1 {
			s.unique += u.end - u.start
		}
		sizes[u.part] = s
	}
	return sizes
}

func compareUses(a, b use) int {
	return cmp.Or(slices.Compare(a.operator[:], b.operator[:]), cmp.Compare(a.subtask, b.subtask), cmp.Compare(a.slot, b.slot),
		cmp.Compare(a.object, b.object), cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end))
}
