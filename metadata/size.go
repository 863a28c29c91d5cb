package metadata

// Class and StateSize of every handle, as Flink has them.

// Class implements Handle.
func (*FileHandle) Class() string { return "FileStateHandle" }

// Class implements Handle.
func (*RelativeFileHandle) Class() string { return "RelativeFileStateHandle" }

// Class implements Handle.
func (*InlineHandle) Class() string { return "ByteStreamStateHandle" }

// Class implements Handle.
func (*SegmentHandle) Class() string { return "SegmentFileStateHandle" }

// Class implements Handle.
func (*EmptySegmentHandle) Class() string { return "EmptySegmentFileStateHandle" }

// Class implements Handle.
func (h *KeyGroupsHandle) Class() string {
	if h.Tag == TagSavepointKeyGroups {
		return "KeyGroupsSavepointStateHandle"
	}
	return "KeyGroupsStateHandle"
}

// Class implements Handle.
func (*IncrementalHandle) Class() string { return "IncrementalRemoteKeyedStateHandle" }

// Class implements Handle.
func (*ChangelogHandle) Class() string { return "ChangelogStateBackendHandleImpl" }

// Class implements Handle.
func (*ChangelogInlineHandle) Class() string { return "InMemoryChangelogStateHandle" }

// Class implements Handle.
func (*ChangelogFileHandle) Class() string { return "ChangelogStateHandleStreamImpl" }

// Class implements Handle.
func (h *OperatorStateHandle) Class() string {
	switch {
	case h.Merging == nil:
		return "OperatorStreamStateHandle"
	case h.Merging.Empty:
		return "EmptyFileMergingOperatorStreamStateHandle"
	}
	return "FileMergingOperatorStreamStateHandle"
}

// Class implements Handle.
func (h *SingleChannelHandle) Class() string {
	if h.Direction == Input {
		return "InputChannelStateHandle"
	}
	return "ResultSubpartitionStateHandle"
}

// Class implements Handle.
func (h *MergedChannelHandle) Class() string {
	if h.Direction == Input {
		return "MergedInputChannelStateHandle"
	}
	return "MergedResultSubpartitionStateHandle"
}

// StateSize implements Handle.
func (h *FileHandle) StateSize() int64 { return h.Size }

// StateSize implements Handle.
func (h *RelativeFileHandle) StateSize() int64 { return h.Size }

// StateSize implements Handle.
func (h *InlineHandle) StateSize() int64 { return int64(len(h.Data)) }

// StateSize implements Handle.
func (h *SegmentHandle) StateSize() int64 { return h.Size }

// StateSize implements Handle.
func (h *EmptySegmentHandle) StateSize() int64 { return 0 }

// StateSize implements Handle.
func (h *KeyGroupsHandle) StateSize() int64 { return sizeOf(h.Delegate) }

// StateSize implements Handle.
func (h *IncrementalHandle) StateSize() int64 {
	n := sizeOf(h.Meta)
	for i := range h.Shared {
		n += sizeOf(h.Shared[i].File)
	}
	for i := range h.Private {
		n += sizeOf(h.Private[i].File)
	}
	return n
}

// StateSize implements Handle.
func (h *ChangelogHandle) StateSize() int64 {
	var n int64
	for _, m := range h.Materialized {
		if m != nil {
			n += m.StateSize()
		}
	}
	for _, d := range h.NonMaterialized {
		if d != nil {
			n += d.StateSize()
		}
	}
	return n
}

// sizeOf is the size of h, 0 where there is none.
func sizeOf(h StreamHandle) int64 {
	if h == nil {
		return 0
	}
	return h.StateSize()
}

// StateSize implements Handle.
func (h *ChangelogInlineHandle) StateSize() int64 {
	var n int64
	for i := range h.Changes {
		n += int64(len(h.Changes[i].Data))
	}
	return n
}

// StateSize implements Handle.
func (h *ChangelogFileHandle) StateSize() int64 { return h.Size }

// StateSize implements Handle.
func (h *OperatorStateHandle) StateSize() int64 { return sizeOf(h.Delegate) }

// StateSize implements Handle.
func (h *SingleChannelHandle) StateSize() int64 { return h.Size }

// StateSize implements Handle.
func (h *MergedChannelHandle) StateSize() int64 { return h.Size }

// KeyGroups implements KeyedHandle.
func (h *KeyGroupsHandle) KeyGroups() KeyGroupRange { return h.Range }

// KeyGroups implements KeyedHandle.
func (h *IncrementalHandle) KeyGroups() KeyGroupRange { return h.Range }

// KeyGroups implements KeyedHandle.
func (h *ChangelogHandle) KeyGroups() KeyGroupRange { return h.Range }

// KeyGroups implements KeyedHandle.
func (h *ChangelogInlineHandle) KeyGroups() KeyGroupRange { return h.Range }

// KeyGroups implements KeyedHandle.
func (h *ChangelogFileHandle) KeyGroups() KeyGroupRange { return h.Range }

// CheckpointedSize implements KeyedHandle.
func (h *KeyGroupsHandle) CheckpointedSize() int64 { return h.StateSize() }

// CheckpointedSize implements KeyedHandle: the full size where it was not recorded.
func (h *IncrementalHandle) CheckpointedSize() int64 {
	if h.Checkpointed < 0 {
		return h.StateSize()
	}
	return h.Checkpointed
}

// CheckpointedSize implements KeyedHandle.
func (h *ChangelogHandle) CheckpointedSize() int64 { return h.Checkpointed }

// CheckpointedSize implements KeyedHandle.
func (h *ChangelogInlineHandle) CheckpointedSize() int64 { return h.StateSize() }

// CheckpointedSize implements KeyedHandle.
func (h *ChangelogFileHandle) CheckpointedSize() int64 { return h.Checkpointed }

// Sizes are the two figures that Flink's web page shows for a checkpoint: its full
// size, and what it wrote itself. What several handles name counts several times.
type Sizes struct{ State, Checkpointed int64 }

// Add adds o to s.
func (s *Sizes) Add(o Sizes) {
	s.State += o.State
	s.Checkpointed += o.Checkpointed
}

// Sizes of s (Flink: OperatorSubtaskState.getStateSize, getCheckpointedSize).
func (s *SubtaskState) Sizes() Sizes {
	var n Sizes
	for _, h := range [...]*OperatorStateHandle{s.ManagedOperator, s.RawOperator} {
		if h != nil {
			n.Add(Sizes{h.StateSize(), h.StateSize()})
		}
	}
	for _, h := range [...]KeyedHandle{s.ManagedKeyed, s.RawKeyed} {
		if h != nil {
			n.Add(Sizes{h.StateSize(), h.CheckpointedSize()})
		}
	}
	for _, list := range [...][]ChannelHandle{s.InputChannels, s.OutputChannels} {
		for _, h := range list {
			if h != nil {
				n.Add(Sizes{h.StateSize(), h.StateSize()})
			}
		}
	}
	return n
}

// Sizes of o, its coordinator state included (Flink: OperatorState.getStateSize, getCheckpointedSize).
func (o *OperatorState) Sizes() Sizes {
	n := o.coordinatorSizes()
	for i := range o.Subtasks {
		n.Add(o.Subtasks[i].Sizes())
	}
	return n
}

func (o *OperatorState) coordinatorSizes() Sizes {
	if o.Coordinator == nil {
		return Sizes{}
	}
	n := o.Coordinator.StateSize()
	return Sizes{n, n}
}

// Sizes of c, the sum over its operators (Flink: CompletedCheckpoint.getStateSize).
func (c *Checkpoint) Sizes() Sizes {
	var n Sizes
	for i := range c.Operators {
		n.Add(c.Operators[i].Sizes())
	}
	return n
}
