// Package snapshot reads the state of a whole checkpoint or savepoint as one, whatever wrote it: it knows
// which room reads which handle.
//
//	managed keyed    KeyGroupsHandle     heap, or savepoint: canonical form, as the bytes tell
//	                 IncrementalHandle   rocksdb
//	                 ChangelogHandle     changelog, over what it materialized
//	raw keyed        heap timers, where they are such
//	managed operator operator
//	channels         channel
//
// A Handle is what one slot of a sub-task holds. It is opened when its states or entries are asked for, once. A Part
// is some key groups of a Handle: what one goroutine reads. Broadcast state is read from the first sub-task that has
// it, as each has all of it.
package snapshot

import (
	"context"
	"errors"
	"iter"
	"sync"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/metadata"
)

// Snapshot is the state of one checkpoint.
type Snapshot struct {
	Checkpoint *metadata.Checkpoint
	// Handles are all that hold state, in the order of the file: by operator, sub-task, slot.
	Handles []*Handle

	names map[metadata.OperatorID]string
}

// New prepares to read c. Nothing is opened yet. uids are names to look for where the file has none.
func New(c *metadata.Checkpoint, files backends.Files, opts backends.Options, uids []string) *Snapshot {
	opts.Kryo = backends.KryoOf(c.Version)
	s := &Snapshot{Checkpoint: c, names: map[metadata.OperatorID]string{}}
	for _, uid := range uids {
		s.names[metadata.OperatorIDOf(uid)] = uid
	}
	for i := range c.Operators {
		o := &c.Operators[i]
		if name := nameOf(o); name != "" {
			s.names[o.ID] = name
		}
		seen := map[string]bool{} // broadcast states
		for j := range o.Subtasks {
			s.Handles = append(s.Handles, handlesOf(o, &o.Subtasks[j], seen, files, &opts)...)
		}
	}
	return s
}

// nameOf is what the job calls the operator: its uid, else its name.
func nameOf(o *metadata.OperatorState) string {
	if o.UID != "" {
		return o.UID.String()
	}
	return o.Name.String()
}

// Name is what people call the operator: its uid where it is known, else its name, else its id.
func (s *Snapshot) Name(id metadata.OperatorID) string {
	if n := s.names[id]; n != "" {
		return n
	}
	return id.String()
}

// Doubts are what is wrong with the handles in a way that costs entries, or counts some twice: key groups that are not those
// of their sub-task, and operators or operator states that occur twice. Whoever reads all the same must say so.
func (s *Snapshot) Doubts() []metadata.Finding {
	var doubts []metadata.Finding
	for _, f := range s.Checkpoint.Findings() {
		switch f.Code {
		case metadata.FindKeyGroups, metadata.FindParallelism, metadata.FindDuplicateOperator, metadata.FindDuplicateState:
			doubts = append(doubts, f)
		}
	}
	return doubts
}

// Close closes what was opened.
func (s *Snapshot) Close() error {
	var errs []error
	for _, h := range s.Handles {
		errs = append(errs, h.close())
	}
	return errors.Join(errs...)
}

// Handle is what one slot of a sub-task holds.
type Handle struct {
	Operator *metadata.OperatorState
	Subtask  *metadata.SubtaskState
	Slot     metadata.Slot
	// KeyGroups is the range of keyed state; nothing for any other.
	KeyGroups metadata.KeyGroupRange

	open   func(ctx context.Context) (backends.Reader, error)
	skip   map[string]bool // broadcast states that another sub-task's handle stands for
	mu     sync.Mutex
	tried  bool
	reader backends.Reader
	err    error
}

// Keyed tells whether the handle holds state by key.
func (h *Handle) Keyed() bool {
	return h.Slot == metadata.ManagedKeyed || h.Slot == metadata.RawKeyed
}

// Reader opens the handle. What fails for another reason than ctx fails for good.
func (h *Handle) Reader(ctx context.Context) (backends.Reader, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.tried {
		r, err := h.open(ctx)
		if err != nil && ctx.Err() != nil {
			return nil, err
		}
		h.tried, h.reader, h.err = true, r, err
	}
	return h.reader, h.err
}

func (h *Handle) close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.reader == nil {
		return nil
	}
	return h.reader.Close()
}

// States are the states of the handle, those without entries included.
func (h *Handle) States(ctx context.Context) ([]*backends.State, error) {
	r, err := h.Reader(ctx)
	if r == nil {
		return nil, err
	}
	var states []*backends.State
	for _, st := range r.States() {
		if h.counts(st) {
			states = append(states, st)
		}
	}
	return states, err
}

// counts tells whether the state is read from this handle.
func (h *Handle) counts(st *backends.State) bool {
	return st.Kind != backends.Broadcast || !h.skip[st.Name]
}

// Whole is the handle as one Part.
func (h *Handle) Whole() *Part { return &Part{Handle: h, KeyGroups: h.KeyGroups} }

// Split divides keyed state into at most n parts of some key groups each.
func (h *Handle) Split(n int) []*Part {
	groups := h.KeyGroups.Len()
	if !h.Keyed() || n <= 1 || groups <= 1 {
		return []*Part{h.Whole()}
	}
	n = min(n, groups)
	parts := make([]*Part, n)
	for i := range parts {
		first := h.KeyGroups.First + int32(i*groups/n)
		last := h.KeyGroups.First + int32((i+1)*groups/n) - 1
		parts[i] = &Part{Handle: h, KeyGroups: metadata.KeyGroupRange{First: first, Last: last}}
	}
	return parts
}

// Part is some key groups of a Handle.
type Part struct {
	*Handle
	KeyGroups metadata.KeyGroupRange
}

// Entries yields the entries of the states that are wanted; nil: of all.
func (p *Part) Entries(ctx context.Context, wanted func(*backends.State) bool) iter.Seq2[backends.Entry, error] {
	return p.entries(ctx, backends.Selection{KeyGroups: p.KeyGroups, States: p.wanted(wanted)})
}

// Lookup yields the entries with the bytes of one key, which is in the key group kg.
func (p *Part) Lookup(ctx context.Context, kg int32, key []byte, wanted func(*backends.State) bool) iter.Seq2[backends.Entry, error] {
	only := metadata.KeyGroupRange{First: kg, Last: kg}
	return p.entries(ctx, backends.Selection{KeyGroups: only, States: p.wanted(wanted), Key: key})
}

func (p *Part) entries(ctx context.Context, sel backends.Selection) iter.Seq2[backends.Entry, error] {
	return func(yield func(backends.Entry, error) bool) {
		r, err := p.Reader(ctx)
		if err != nil {
			yield(backends.Entry{}, err)
			return
		}
		r.Entries(ctx, sel)(yield)
	}
}

// wanted leaves out what another handle stands for.
func (p *Part) wanted(wanted func(*backends.State) bool) func(*backends.State) bool {
	if len(p.skip) == 0 {
		return wanted
	}
	return func(st *backends.State) bool { return p.counts(st) && (wanted == nil || wanted(st)) }
}

// inJob cuts a range to the key groups that the operator has.
func inJob(o *metadata.OperatorState, r metadata.KeyGroupRange) metadata.KeyGroupRange {
	return r.Intersection(keygroups.All(o.MaxParallelism))
}
