package metadata

// Encode is the `_metadata` file of c, in c.Version. Encoding what was decoded gives
// the same bytes. It fails where c holds what the version cannot express.
func Encode(c *Checkpoint) ([]byte, error) { return c.AppendTo(nil) }

// AppendTo is Encode behind the bytes of buf.
func (c *Checkpoint) AppendTo(buf []byte) ([]byte, error) {
	w := &writer{buf: buf, version: c.Version}
	w.checkpoint(c)
	if w.err != nil {
		return nil, w.err
	}
	return w.buf, nil
}

func (w *writer) checkpoint(c *Checkpoint) {
	if c.Version < MinVersion || c.Version > MaxVersion {
		w.fail("version %d is not between %d and %d", c.Version, MinVersion, MaxVersion)
		return
	}
	m := uint32(magic)
	w.i32(int32(m))
	w.i32(c.Version)
	if c.ID < 0 {
		w.fail("impossible checkpoint id %d", c.ID)
	}
	w.i64(c.ID)
	w.count(len(c.MasterStates))
	for i := range c.MasterStates {
		w.masterState(&c.MasterStates[i])
	}
	w.count(len(c.Operators))
	for i := range c.Operators {
		w.operatorState(&c.Operators[i])
	}
	switch {
	case c.Version >= Version4 && c.Properties == nil:
		w.fail("version %d needs checkpoint properties", c.Version)
	case c.Version >= Version4:
		w.properties(c.Properties)
	case c.Properties != nil:
		w.fail("version %d has no checkpoint properties", c.Version)
	}
}

func (w *writer) masterState(m *MasterState) {
	x := uint32(masterMagic)
	w.i32(int32(x))
	w.count(4 + 2 + len(m.Name) + 4 + len(m.Data))
	w.i32(m.Version)
	w.utf(m.Name)
	w.blob(m.Data)
}

func (w *writer) operatorState(o *OperatorState) {
	switch {
	case w.version >= Version5:
		w.utf(o.Name)
		w.utf(o.UID)
	case o.Name != "" || o.UID != "":
		w.fail("version %d has no operator names and uids", w.version)
	}
	w.bytes(o.ID[:])
	if o.Parallelism < 0 || o.Parallelism > o.MaxParallelism {
		w.fail("impossible parallelism %d with a max parallelism of %d", o.Parallelism, o.MaxParallelism)
	}
	w.i32(o.Parallelism)
	w.i32(o.MaxParallelism)
	if w.version == Version2 {
		w.i32(o.chainLength + 1)
		if o.Coordinator != nil || o.FullyFinished {
			w.fail("version 2 has neither coordinator state nor finished operators")
		}
	} else {
		w.coordinator(o.Coordinator)
	}
	if o.FullyFinished {
		if o.Coordinator != nil || len(o.Subtasks) > 0 {
			w.fail("a fully finished operator can hold no state")
		}
		w.i32(min(o.finished-1, -1))
		return
	}
	w.count(len(o.Subtasks))
	var seen indexSet
	for i := range o.Subtasks {
		s := &o.Subtasks[i]
		if s.Index < 0 || s.Index >= o.Parallelism || !seen.add(s.Index) {
			w.fail("sub-task %d occurs twice or has no place in parallelism %d", s.Index, o.Parallelism)
		}
		w.subtaskState(s)
	}
}

func (w *writer) coordinator(h *InlineHandle) {
	if h == nil {
		w.tag(TagNull)
		return
	}
	w.stream(h)
}

func (w *writer) subtaskState(s *SubtaskState) {
	if s.Finished {
		switch {
		case w.version == Version2:
			w.fail("version 2 has no finished sub-tasks")
		case s.ManagedOperator != nil || s.RawOperator != nil || s.ManagedKeyed != nil || s.RawKeyed != nil || len(s.InputChannels)+len(s.OutputChannels) > 0:
			w.fail("sub-task %d is finished, and so can hold no state", s.Index)
		}
		w.i32(-s.Index - 1)
		return
	}
	w.i32(s.Index)
	odd := usualSubtask(s)
	if s.odd != nil {
		odd = s.odd.over(odd)
	}
	if w.version == Version2 {
		w.i64(odd.duration)
		w.i32(odd.legacyStates)
	}
	if w.i32(odd.managedFlag); odd.managedFlag != 0 {
		w.operatorHandle(s.ManagedOperator)
	}
	if w.i32(odd.rawFlag); odd.rawFlag != 0 {
		w.operatorHandle(s.RawOperator)
	}
	w.keyed(s.ManagedKeyed)
	w.keyed(s.RawKeyed)
	switch {
	case w.version > Version2:
		w.channels(Input, s.InputChannels)
		w.channels(Output, s.OutputChannels)
	case len(s.InputChannels)+len(s.OutputChannels) > 0:
		w.fail("version 2 has no channel state")
	}
}

// over keeps what is odd about a sub-task unless it would hide a handle.
func (odd oddSubtask) over(usual oddSubtask) oddSubtask {
	if odd.managedFlag == 0 {
		odd.managedFlag = usual.managedFlag
	}
	if odd.rawFlag == 0 {
		odd.rawFlag = usual.rawFlag
	}
	return odd
}
