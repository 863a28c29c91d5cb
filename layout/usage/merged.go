package usage

import (
	"cmp"
	"slices"

	"github.com/ckpt-tool/ckpt/layout"
)

// Merged are files that hold the state of many sub-tasks (Flink:
// FileMergingSnapshotManager). They stay as long as any part of them is used.
type Merged struct {
	Amount
	Live int64 // bytes of the parts that snapshots use
}

// joinAfter is how many segments are gathered before those that overlap are joined:
// checkpoints mostly repeat those of the one before.
const joinAfter = 1 << 16

// countMerged adds up the merged files of each tree.
func countMerged(u *Usage) {
	var all []layout.Segment
	limit := joinAfter
	for i := range u.Graph.Nodes {
		all = append(all, u.Graph.Nodes[i].Segments...)
		if len(all) > limit {
			all = join(all)
			limit = max(joinAfter, 2*len(all))
		}
	}
	last, tree := layout.NoObject, 0
	for _, s := range join(all) {
		if s.Object != last {
			in, file := u.Graph.Object(s.Object)
			last, tree = s.Object, slices.Index(u.Graph.Trees, in)
			u.Roots[tree].Merged.add(in.Files.Size(file))
		}
		u.Roots[tree].Merged.Live += s.End - s.Start
	}
}

// join sorts segments, and makes one of those that overlap or touch. It overwrites
// its argument.
func join(all []layout.Segment) []layout.Segment {
	slices.SortFunc(all, func(a, b layout.Segment) int {
		return cmp.Or(cmp.Compare(a.Object, b.Object), cmp.Compare(a.Start, b.Start))
	})
	joined := all[:0]
	for _, s := range all {
		if n := len(joined); n > 0 && joined[n-1].Object == s.Object && s.Start <= joined[n-1].End {
			joined[n-1].End = max(joined[n-1].End, s.End)
			continue
		}
		joined = append(joined, s)
	}
	return joined
}
