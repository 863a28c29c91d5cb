package metadata

import "io"

// Visitor is told what Scan meets, in the file's order. A nil function is not called;
// an error of one ends the scan and is returned as it is.
type Visitor struct {
	// Header is told of the checkpoint before its operators: version, id and master states.
	Header func(*Checkpoint) error
	// Operator is told of each operator before its sub-tasks are read; Subtasks is empty.
	Operator func(*OperatorState) error
	// Subtask is told of each sub-task of the operator last told of. The next one is read
	// into the same place: who keeps it, copies it. Its handles may be kept as they are.
	Subtask func(*OperatorState, *SubtaskState) error
}

// Decode reads a whole `_metadata` file. The checkpoint's strings and bytes alias
// data, which must not be changed afterwards. The error is an *Error.
//
// Encode gives the same bytes again. What Flink would load but never writes is no
// error here; see Findings.
func Decode(data []byte) (*Checkpoint, error) {
	return decode(newReader(data))
}

// decode builds the model out of what a scan meets.
func decode(r *reader) (*Checkpoint, error) {
	var operators []OperatorState
	v := Visitor{
		Operator: func(o *OperatorState) error {
			operators = append(operators, *o)
			return nil
		},
		Subtask: func(_ *OperatorState, s *SubtaskState) error {
			o := &operators[len(operators)-1]
			if o.Subtasks == nil {
				o.Subtasks = make([]SubtaskState, 0, r.subtasks)
			}
			o.Subtasks = append(o.Subtasks, *s)
			return nil
		},
	}
	c, err := scan(r, v)
	if err != nil {
		return nil, err
	}
	c.Operators = operators
	return c, nil
}

// Scan reads a `_metadata` file of size bytes from src and holds no more of it than
// one sub-task at a time, besides what the visitor keeps. The checkpoint that it
// returns has no operators. The error is an *Error, one of the visitor's, or src's.
func Scan(src io.Reader, size int64, v Visitor) (*Checkpoint, error) {
	return scan(newStreamReader(src, size), v)
}

// scan reads
//
//	i32 magic, i32 version
//	i64 checkpoint id
//	i32 count, master states
//	i32 count, operator states
//	[4+] checkpoint properties
func scan(r *reader, v Visitor) (*Checkpoint, error) {
	c := &Checkpoint{}
	r.header(c)
	at := r.offset()
	c.ID = r.i64("checkpoint id")
	if c.ID < 0 {
		r.fail(at, "impossible checkpoint id %d", c.ID)
	}
	n := r.count("master states", 18)
	for i := 0; i < n && r.err == nil; i++ {
		c.MasterStates = append(c.MasterStates, r.masterState())
	}
	if r.err == nil && v.Header != nil {
		if err := v.Header(c); err != nil {
			r.stop(err)
		}
	}
	n = r.count("operators", 29)
	for i := 0; i < n && r.err == nil; i++ {
		r.operator, r.subtask = i, -1
		r.operatorState(v)
	}
	r.operator, r.subtask = -1, -1
	if c.Version >= Version4 && r.err == nil {
		c.Properties = r.properties()
	}
	if left := r.left(); r.err == nil && left > 0 {
		r.fail(r.offset(), "%d bytes follow the end of the checkpoint", left)
	}
	if r.err != nil {
		return nil, r.err
	}
	return c, nil
}

func (r *reader) header(c *Checkpoint) {
	if r.size == 0 {
		r.stop(&Error{Kind: NotMetadata, Message: "the file is empty",
			Hint: "a _metadata that was never completed; the checkpoint cannot be restored"})
		return
	}
	r.section("header")
	begin := int32(0)
	if r.size >= 4 {
		begin = r.i32("magic number")
	}
	if uint32(begin) != magic {
		r.stop(&Error{Kind: NotMetadata, Message: "not a Flink _metadata file: it does not begin with 49 60 67 2d", Parquet: begin == parquet})
		return
	}
	c.Version = r.i32("version")
	r.version = c.Version
	if r.err == nil && (c.Version < MinVersion || c.Version > MaxVersion) {
		r.stop(unsupported(c.Version))
	}
}

// masterState is i32 magic, i32 length, and in that length i32 version, utf name,
// i32 length and payload.
func (r *reader) masterState() MasterState {
	r.section("master state")
	at := r.offset()
	if uint32(r.i32("magic number of the master state")) != masterMagic {
		r.fail(at, "a master state does not begin with c9 6b 16 96")
	}
	at = r.offset()
	n := r.i32("length of the master state")
	start := r.offset()
	m := MasterState{Version: r.i32("version of the hook"), Name: r.utf("name of the hook"), Data: r.blob("state of the hook")}
	if used := r.offset() - start; r.err == nil && used != int64(n) {
		r.fail(at, "a master state has %d bytes, though its length says %d", used, n)
	}
	return m
}

const masterMagic = 0xC96B1696

// operatorState is
//
//	[5+] utf name, utf uid
//	16 bytes id, i32 parallelism, i32 max parallelism
//	[2]  i32 chain length
//	[3+] coordinator state (stream handle of tag 0 or 1)
//	i32 count, negative for a fully finished operator of version 3 and up
//	sub-task states
func (r *reader) operatorState(v Visitor) {
	r.section("operator")
	o := &OperatorState{}
	if r.version >= Version5 {
		o.Name, o.UID = r.utf("operator name"), r.utf("operator uid")
	}
	copy(o.ID[:], r.bytes(len(o.ID), "operator id"))
	at := r.offset()
	o.Parallelism, o.MaxParallelism = r.i32("parallelism"), r.i32("max parallelism")
	if o.Parallelism < 0 || o.Parallelism > o.MaxParallelism {
		r.fail(at, "impossible parallelism %d with a max parallelism of %d", o.Parallelism, o.MaxParallelism)
	}
	if r.version == Version2 {
		o.chainLength = r.i32("chain length (unused)") - 1
	} else {
		o.Coordinator = r.coordinator()
	}
	at = r.offset()
	if r.need(4, "number of sub-tasks") && r.version > Version2 && int8(r.buf[r.pos]) < 0 {
		o.FullyFinished, o.finished = true, r.i32("number of sub-tasks (negative: fully finished)")+1
		if o.Coordinator != nil {
			r.fail(at, "a fully finished operator has coordinator state")
		}
		r.subtasks = 0
	} else {
		r.subtasks = r.count("sub-tasks", r.leastSubtask())
	}
	if r.err == nil && v.Operator != nil {
		if err := v.Operator(o); err != nil {
			r.stop(err)
		}
	}
	r.subtaskStates(o, v)
}

func (r *reader) coordinator() *InlineHandle {
	at := r.offset()
	switch h := r.stream("coordinator state").(type) {
	case nil:
	case *InlineHandle:
		return h
	default:
		r.fail(at, "coordinator state is a %s, not inline", h.Class())
	}
	return nil
}

// leastSubtask is the size of the smallest sub-task entry: a finished one where there are any.
func (r *reader) leastSubtask() int64 {
	if r.version == Version2 {
		return 26
	}
	return 4
}

func (r *reader) subtaskStates(o *OperatorState, v Visitor) {
	n := r.subtasks
	seen := indexSet{expected: n}
	s := new(SubtaskState)
	for i := 0; i < n && r.err == nil; i++ {
		r.subtask = i
		r.section("sub-task")
		at := r.offset()
		*s = SubtaskState{Index: r.i32("sub-task index")}
		if s.Index < 0 && r.version > Version2 {
			s.Index, s.Finished = -(s.Index + 1), true
		}
		switch {
		case r.err != nil:
			return
		case s.Index < 0 || s.Index >= o.Parallelism:
			r.fail(at, "sub-task %d of an operator with parallelism %d", s.Index, o.Parallelism)
		case !seen.add(s.Index):
			r.fail(at, "sub-task %d occurs twice", s.Index)
		case !s.Finished:
			r.odd = false
			r.subtaskState(s)
			s.plain = !r.odd
		}
		if r.err == nil && v.Subtask != nil {
			if err := v.Subtask(o, s); err != nil {
				r.stop(err)
			}
		}
	}
}

// subtaskState is
//
//	[2]  i64 duration, i32 count of legacy states
//	i32 flag, [if not 0] managed operator state handle
//	i32 flag, [if not 0] raw operator state handle
//	managed keyed state handle, raw keyed state handle
//	[3+] i32 count, input channel handles; i32 count, output channel handles
func (r *reader) subtaskState(s *SubtaskState) {
	odd := oddSubtask{duration: -1}
	if r.version == Version2 {
		odd.duration = r.i64("duration (unused)")
		at := r.offset()
		if odd.legacyStates = r.i32("number of legacy states"); odd.legacyStates > 0 {
			r.fail(at, "state of Flink 1.1 or older, which no later Flink reads")
		}
	}
	if odd.managedFlag = r.i32("has managed operator state"); odd.managedFlag != 0 {
		s.ManagedOperator = r.operatorHandle("managed operator state")
	}
	if odd.rawFlag = r.i32("has raw operator state"); odd.rawFlag != 0 {
		s.RawOperator = r.operatorHandle("raw operator state")
	}
	s.ManagedKeyed = r.keyed("managed keyed state")
	s.RawKeyed = r.keyed("raw keyed state")
	if r.version > Version2 {
		s.InputChannels = r.channels(Input)
		s.OutputChannels = r.channels(Output)
	}
	if odd != usualSubtask(s) {
		s.odd = &odd
	}
}

// usualSubtask is what Flink writes where oddSubtask has a say.
func usualSubtask(s *SubtaskState) oddSubtask {
	odd := oddSubtask{duration: -1}
	if s.ManagedOperator != nil {
		odd.managedFlag = 1
	}
	if s.RawOperator != nil {
		odd.rawFlag = 1
	}
	return odd
}

// indexSet notices a number that occurs twice. Flink's own files count upwards,
// which costs nothing.
type indexSet struct {
	next     int32 // all below were seen, until rest is used
	rest     map[int32]struct{}
	expected int // how many there will be
}

func (s *indexSet) add(i int32) bool {
	if s.rest == nil && i >= s.next {
		if i == s.next {
			s.next++
			return true
		}
		s.rest = make(map[int32]struct{}, s.expected)
	}
	if i < s.next {
		return false
	}
	if _, dup := s.rest[i]; dup {
		return false
	}
	if s.rest == nil {
		s.rest = make(map[int32]struct{}, s.expected)
	}
	s.rest[i] = struct{}{}
	return true
}
