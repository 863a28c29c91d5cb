package metadata

import (
	"encoding/binary"
	"errors"
)

// channels reads one list of channel state: i32 count, then the handles. Below
// version 6 all are single; from 6 on a byte says 1 (input), 2 (output), 3 (merged
// input) or 4 (merged output).
func (r *reader) channels(d Direction) []ChannelHandle {
	n := r.count("channel handles", 25)
	if n == 0 {
		return nil
	}
	out := make([]ChannelHandle, 0, n)
	for i := 0; i < n && r.err == nil; i++ {
		out = append(out, r.channel(d))
	}
	return out
}

func (r *reader) channel(d Direction) ChannelHandle {
	if r.version < Version6 {
		return r.singleChannel(d)
	}
	at := r.offset()
	single, merged := channelTags(d)
	switch t := r.u8("type of channel handle"); Tag(t) {
	case single:
		return r.singleChannel(d)
	case merged:
		return r.mergedChannel(d)
	default:
		r.unknown(at, "type %d of channel handle has no place in this list, which takes %d and %d", t, single, merged)
		return nil
	}
}

func channelTags(d Direction) (single, merged Tag) {
	if d == Input {
		return tagInputChannel, tagMergedInput
	}
	return tagResultSubpartition, tagMergedResult
}

func (w *writer) channels(d Direction, handles []ChannelHandle) {
	w.count(len(handles))
	single, merged := channelTags(d)
	for _, h := range handles {
		if w.typedNil(h) {
			return
		}
		switch h := h.(type) {
		case *SingleChannelHandle:
			if w.version >= Version6 {
				w.tag(single)
			}
			w.singleChannel(h)
			d = h.Direction
		case *MergedChannelHandle:
			if w.version < Version6 {
				w.fail("version %d has no merged channel handles", w.version)
			}
			w.tag(merged)
			w.mergedChannel(h)
			d = h.Direction
		default:
			w.fail("unknown channel handle %T", h)
		}
		if s, _ := channelTags(d); s != single {
			w.fail("a channel handle stands in the list of the other direction")
		}
	}
}

// singleChannel is i32 sub-task, two i32 that name the channel, i32 count and i64
// offsets, i64 size, stream.
func (r *reader) singleChannel(d Direction) *SingleChannelHandle {
	h := &SingleChannelHandle{Direction: d, Subtask: r.i32("sub-task that wrote it")}
	if d == Input {
		h.Info = ChannelInfo{r.i32("gate"), r.i32("channel")}
	} else {
		h.Info = ChannelInfo{r.i32("partition"), r.i32("sub-partition")}
	}
	h.Offsets = r.offsets(r.count("offsets", 8), "offset")
	h.Size = r.i64("size")
	h.Delegate = r.delegate("stream of the channel")
	return h
}

func (w *writer) singleChannel(h *SingleChannelHandle) {
	w.i32(h.Subtask)
	w.i32(h.Info.A)
	w.i32(h.Info.B)
	w.count(len(h.Offsets))
	w.offsets(h.Offsets)
	w.i64(h.Size)
	w.delegate(h.Delegate, "the stream of a channel")
}

// mergedChannel is i32 sub-task, i64 size, stream, i32 length and the serialized offsets.
func (r *reader) mergedChannel(d Direction) *MergedChannelHandle {
	return &MergedChannelHandle{
		Direction: d,
		Subtask:   r.i32("sub-task that wrote it"),
		Size:      r.i64("size"),
		Delegate:  r.delegate("stream of the channels"),
		Offsets:   r.blob("serialized channel offsets"),
	}
}

func (w *writer) mergedChannel(h *MergedChannelHandle) {
	w.i32(h.Subtask)
	w.i64(h.Size)
	w.delegate(h.Delegate, "the stream of merged channels")
	w.blob(h.Offsets)
}

// errMerged is what Flink, too, notices only when it restores.
var errMerged = errors.New("the serialized channel offsets are broken")

// Unmerge gives the handle of each channel, as Flink does when it restores
// (AbstractMergedChannelStateHandle.getUnmergedHandles). The serialized form is
// i32 count, then two i32 that name the channel, i64 size, i32 count and i64 offsets of each.
func (h *MergedChannelHandle) Unmerge() ([]*SingleChannelHandle, error) {
	r := newReader(h.Offsets)
	n := r.count("channels", 20)
	out := make([]*SingleChannelHandle, 0, n)
	for i := 0; i < n && r.err == nil; i++ {
		s := &SingleChannelHandle{Direction: h.Direction, Subtask: h.Subtask, Delegate: h.Delegate}
		s.Info = ChannelInfo{r.i32("gate or partition"), r.i32("channel or sub-partition")}
		s.Size = r.i64("size")
		s.Offsets = r.offsets(r.count("offsets", 8), "offset")
		out = append(out, s)
	}
	if r.err != nil || r.left() != 0 {
		return nil, errMerged
	}
	return out, nil
}

// Merge is the opposite of Unmerge. All handles must share direction, sub-task
// and stream, and there must be one at least.
func Merge(handles []*SingleChannelHandle) (*MergedChannelHandle, error) {
	if len(handles) == 0 {
		return nil, errors.New("no channel handles to merge")
	}
	first := handles[0]
	m := &MergedChannelHandle{Direction: first.Direction, Subtask: first.Subtask, Delegate: first.Delegate}
	be := binary.BigEndian
	m.Offsets = be.AppendUint32(m.Offsets, uint32(len(handles)))
	for _, h := range handles {
		if h.Direction != first.Direction || h.Subtask != first.Subtask || h.Delegate != first.Delegate {
			return nil, errors.New("channel handles of different direction, sub-task or stream cannot be merged")
		}
		m.Size += h.Size
		m.Offsets = be.AppendUint32(m.Offsets, uint32(h.Info.A))
		m.Offsets = be.AppendUint32(m.Offsets, uint32(h.Info.B))
		m.Offsets = be.AppendUint64(m.Offsets, uint64(h.Size))
		m.Offsets = be.AppendUint32(m.Offsets, uint32(len(h.Offsets)))
		for _, o := range h.Offsets {
			m.Offsets = be.AppendUint64(m.Offsets, uint64(o))
		}
	}
	return m, nil
}
