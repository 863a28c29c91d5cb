package metadata

// operatorHandle reads an OperatorStateHandle: a tag, then
//
//	0  null
//	4  i32 count, then utf name, i8 mode, i32 count and i64 offsets of each state; stream
//	17 as 4 up to the states, utf task-owned directory, utf shared directory,
//	   bool empty, stream (tag 15 or 16)
//
// It is nil for tag 0.
func (r *reader) operatorHandle(what string) *OperatorStateHandle {
	at := r.offset()
	t := r.tag(what)
	switch t {
	case TagNull:
		return nil
	case TagPartitionable, TagSegmentPartitionable:
	default:
		r.unknown(at, "%s has tag %d, which is no operator state handle", what, t)
		return nil
	}
	h := &OperatorStateHandle{States: r.operatorStates()}
	if t == TagPartitionable {
		h.Delegate = r.delegate("stream of the operator state")
		return h
	}
	h.Merging = r.mergingDirs()
	at = r.offset()
	h.Delegate = r.delegate("segment of the operator state")
	switch h.Delegate.(type) {
	case *SegmentHandle, *EmptySegmentHandle:
	default:
		r.fail(at, "the stream of a file-merging operator state is no segment")
	}
	return h
}

func (r *reader) operatorStates() []OperatorStateMeta {
	n := r.count("operator states", 7)
	out := make([]OperatorStateMeta, 0, n)
	for i := 0; i < n && r.err == nil; i++ {
		s := OperatorStateMeta{Name: r.utf("state name")}
		at := r.offset()
		s.Mode = DistributionMode(r.u8("distribution mode"))
		if s.Mode < SplitDistribute || s.Mode > Broadcast {
			r.fail(at, "distribution mode %d is none of 0, 1 and 2", s.Mode)
		}
		s.Offsets = r.offsets(r.count("offsets", 8), "offset")
		out = append(out, s)
	}
	return out
}

func (r *reader) mergingDirs() *MergingDirs {
	d := &MergingDirs{TaskOwned: r.path("task-owned directory"), Shared: r.path("shared directory")}
	b := r.u8("is empty")
	d.Empty = b != 0
	if b > 1 {
		d.emptyByte = b
	}
	return d
}

func (w *writer) operatorHandle(h *OperatorStateHandle) {
	switch {
	case h == nil:
		w.tag(TagNull)
		return
	case h.Merging == nil:
		w.tag(TagPartitionable)
	default:
		w.tag(TagSegmentPartitionable)
	}
	w.count(len(h.States))
	for _, s := range h.States {
		w.utf(s.Name)
		if s.Mode < SplitDistribute || s.Mode > Broadcast {
			w.fail("distribution mode %d is none of Flink's", s.Mode)
		}
		w.u8(byte(s.Mode))
		w.count(len(s.Offsets))
		w.offsets(s.Offsets)
	}
	if d := h.Merging; d != nil {
		switch h.Delegate.(type) {
		case *SegmentHandle, *EmptySegmentHandle:
		default:
			w.fail("the stream of a file-merging operator state is a %T, no segment", h.Delegate)
		}
		w.path(d.TaskOwned)
		w.path(d.Shared)
		switch {
		case !d.Empty:
			w.u8(0)
		default:
			w.u8(max(d.emptyByte, 1))
		}
	}
	w.delegate(h.Delegate, "the stream of an operator state")
}
