package stream

import (
	"sort"

	"github.com/ckpt-tool/ckpt/metadata"
)

// KeyGroup is where the bytes of a key group lie.
type KeyGroup struct {
	ID       int32
	From, To int64 // positions in the stream
	// Open is whether To is not the end of the key group but of the stream, since the handle does not say that
	// it is the last: restoring a changelog at another parallelism narrows handles, and
	// the stream stays as it is.
	Open bool
}

// KeyGroups are those of a handle over a stream of size bytes that have an offset, in ascending order. none is
// the offset of those that have no bytes, as the format has it.
//
// A key group ends where the next one in the stream begins. An offset that cannot be gives a key group whose From is behind its
// To.
func KeyGroups(h *metadata.KeyGroupsHandle, size, none int64) []KeyGroup {
	begins := make([]int64, 0, len(h.Offsets))
	for _, o := range h.Offsets {
		if o != none {
			begins = append(begins, o)
		}
	}
	sort.Slice(begins, func(i, j int) bool { return begins[i] < begins[j] })
	groups := make([]KeyGroup, 0, len(begins))
	for i, o := range h.Offsets {
		if o == none {
			continue
		}
		g := KeyGroup{ID: h.Range.First + int32(i), From: o, To: size}
		next := sort.Search(len(begins), func(i int) bool { return begins[i] > o })
		if g.Open = next == len(begins); !g.Open {
			g.To = min(begins[next], size)
		}
		groups = append(groups, g)
	}
	return groups
}

// Within are the groups that are in all of the ranges.
func Within(groups []KeyGroup, ranges ...metadata.KeyGroupRange) []KeyGroup {
	for _, r := range ranges {
		from := sort.Search(len(groups), func(i int) bool { return groups[i].ID >= r.First })
		to := sort.Search(len(groups), func(i int) bool { return groups[i].ID > r.Last })
		groups = groups[min(from, to):to]
	}
	return groups
}
