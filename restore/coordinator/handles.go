package coordinator

import "github.com/ckpt-tool/ckpt/metadata"

// Intersection is the part of a handle that holds key groups of r, nil where there is none (Flink:
// KeyedStateHandle.getIntersection). Files are not cut: readers pass over what lies outside. Of incremental handles the whole is given, as there.
func Intersection(h metadata.KeyedHandle, r metadata.KeyGroupRange) metadata.KeyedHandle {
	if h == nil {
		return nil
	}
	common := h.KeyGroups().Intersection(r)
	if common.Len() <= 0 {
		return nil
	}
	switch h := h.(type) {
	case *metadata.KeyGroupsHandle:
		c := *h
		from := int(common.First - h.Range.First)
		if c.Range = common; from+common.Len() <= len(h.Offsets) {
			c.Offsets = h.Offsets[from : from+common.Len()]
		}
		return &c
	case *metadata.ChangelogHandle:
		c := *h
		c.Range = common
		c.Materialized, c.NonMaterialized = intersections(h.Materialized, r), intersections(h.NonMaterialized, r)
		return &c
	case *metadata.ChangelogInlineHandle:
		c := *h
		c.Range = common
		return &c
	case *metadata.ChangelogFileHandle:
		c := *h
		c.Range = common
		return &c
	}
	return h
}

func intersections(handles []metadata.KeyedHandle, r metadata.KeyGroupRange) []metadata.KeyedHandle {
	var out []metadata.KeyedHandle
	for _, h := range handles {
		if p := Intersection(h, r); p != nil {
			out = append(out, p)
		}
	}
	return out
}

// StateSize is the bytes of all state of the operators (Flink: OperatorState.getStateSize).
func StateSize(operators []metadata.OperatorState) int64 {
	return sum(operators, func(h metadata.Handle) int64 { return h.StateSize() })
}

// CheckpointedSize is how many of them their checkpoint had to write anew (Flink: OperatorState.getCheckpointedSize).
func CheckpointedSize(operators []metadata.OperatorState) int64 {
	return sum(operators, func(h metadata.Handle) int64 {
		if k, ok := h.(metadata.KeyedHandle); ok {
			return max(k.CheckpointedSize(), 0)
		}
		return h.StateSize()
	})
}

// sum adds up the handles at the top.
func sum(operators []metadata.OperatorState, size func(metadata.Handle) int64) int64 {
	var n int64
	for i := range operators {
		for place, h := range operators[i].Walk() {
			if place.Role == metadata.Top {
				n += size(h)
			}
		}
	}
	return n
}
