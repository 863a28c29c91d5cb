package snapshot

import (
	"context"
	"errors"
	"fmt"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/changelog"
	"github.com/ckpt-tool/ckpt/backends/channel"
	"github.com/ckpt-tool/ckpt/backends/heap"
	"github.com/ckpt-tool/ckpt/backends/operator"
	"github.com/ckpt-tool/ckpt/backends/rocksdb"
	"github.com/ckpt-tool/ckpt/backends/savepoint"
	"github.com/ckpt-tool/ckpt/metadata"
)

// handlesOf are the handles of one sub-task. seen are the broadcast states that an earlier sub-task has.
func handlesOf(o *metadata.OperatorState, s *metadata.SubtaskState, seen map[string]bool, files backends.Files, opts *backends.Options) []*Handle {
	op := newOpener(o, s, files, opts)
	op.siblings = func(ctx context.Context) backends.Type { return siblingKey(ctx, o, s, files, opts) }
	var handles []*Handle
	add := func(slot metadata.Slot, r metadata.KeyGroupRange, open func(context.Context) (backends.Reader, error)) *Handle {
		h := &Handle{Operator: o, Subtask: s, Slot: slot, KeyGroups: r, open: open}
		handles = append(handles, h)
		return h
	}
	none := metadata.KeyGroupRange{First: 0, Last: -1}
	if m := s.ManagedOperator; !operator.Empty(m) {
		h := add(metadata.ManagedOperator, none, func(ctx context.Context) (backends.Reader, error) {
			return orNil(operator.OpenReader(ctx, files, m, op.origin(none), opts))
		})
		h.skip = broadcasts(m, seen)
	}
	if k := s.ManagedKeyed; k != nil {
		r := inJob(o, k.KeyGroups())
		add(metadata.ManagedKeyed, r, func(ctx context.Context) (backends.Reader, error) { return op.keyed(ctx, k, r) })
	}
	if k := s.RawKeyed; k != nil {
		r := inJob(o, k.KeyGroups())
		add(metadata.RawKeyed, r, func(ctx context.Context) (backends.Reader, error) { return op.raw(ctx, k, r) })
	}
	if len(s.InputChannels) > 0 {
		add(metadata.InputChannel, none, op.channels(s.InputChannels))
	}
	if len(s.OutputChannels) > 0 {
		add(metadata.ResultSubpartition, none, op.channels(s.OutputChannels))
	}
	return handles
}

// broadcasts are the broadcast states of h that were seen before, and notes the others.
func broadcasts(h *metadata.OperatorStateHandle, seen map[string]bool) map[string]bool {
	skip := map[string]bool{}
	for _, st := range h.States {
		if st.Mode != metadata.Broadcast {
			continue
		}
		name := st.Name.String()
		if seen[name] {
			skip[name] = true
		}
		seen[name] = true
	}
	return skip
}

// OpenKeyed opens a handle of managed keyed state, whatever wrote it. Only the key groups that are both the handle's and
// o.Range count. The errors are those of the room that reads it; the Reader is then nil.
func OpenKeyed(ctx context.Context, files backends.Files, h metadata.KeyedHandle, o backends.Origin, opts backends.Options) (backends.Reader, error) {
	op := &opener{of: o, siblings: o.Key, files: files, opts: &opts}
	return op.keyed(ctx, h, h.KeyGroups().Intersection(o.Range))
}

// opener opens what one sub-task holds.
type opener struct {
	of    backends.Origin // without Range and Key
	files backends.Files
	opts  *backends.Options
	// siblings finds the type of keys in other sub-tasks; nil where they are not to be asked.
	siblings func(ctx context.Context) backends.Type
}

func newOpener(o *metadata.OperatorState, s *metadata.SubtaskState, files backends.Files, opts *backends.Options) *opener {
	return &opener{of: backends.Origin{Operator: o.ID, Subtask: s.Index, MaxParallelism: o.MaxParallelism}, files: files, opts: opts}
}

// origin is what the readers of the sub-task need to know.
func (op *opener) origin(r metadata.KeyGroupRange) backends.Origin {
	o := op.of
	o.Range, o.Key = r, nil
	return o
}

// keyed opens managed keyed state.
func (op *opener) keyed(ctx context.Context, k metadata.KeyedHandle, r metadata.KeyGroupRange) (backends.Reader, error) {
	switch k := k.(type) {
	case *metadata.KeyGroupsHandle:
		return op.groups(ctx, k, r)
	case *metadata.IncrementalHandle:
		return orNil(rocksdb.Open(ctx, op.files, k, op.origin(r), op.opts))
	case *metadata.ChangelogHandle:
		return op.changelog(ctx, k, r)
	default:
		return nil, fmt.Errorf("a log of changes (%s) without the state that it changes", k.Class())
	}
}

// groups opens one stream of key groups, in either of its formats.
func (op *opener) groups(ctx context.Context, k *metadata.KeyGroupsHandle, r metadata.KeyGroupRange) (backends.Reader, error) {
	canonical, err := savepoint.Is(ctx, op.files, k, op.origin(r), op.opts)
	switch {
	case err != nil:
		return nil, err
	case canonical:
		return orNil(savepoint.Open(ctx, op.files, k, op.origin(r), op.opts))
	}
	return orNil(heap.Open(ctx, op.files, k, op.origin(r), op.opts))
}

// changelog opens what was materialized, and the log over it. After a rescale a nested handle may hold
// other key groups than the enclosing one: r is what counts.
func (op *opener) changelog(ctx context.Context, k *metadata.ChangelogHandle, r metadata.KeyGroupRange) (backends.Reader, error) {
	var under []backends.Reader
	fail := func(err error) (backends.Reader, error) {
		for _, u := range under {
			err = errors.Join(err, u.Close())
		}
		return nil, err
	}
	for _, m := range k.Materialized {
		if m == nil {
			continue
		}
		both := m.KeyGroups().Intersection(r)
		if both.Len() <= 0 {
			continue
		}
		u, err := op.keyed(ctx, m, both)
		if err != nil {
			return fail(err)
		}
		under = append(under, u)
	}
	o := op.origin(r)
	o.Key = op.siblings
	reader, err := changelog.Open(ctx, op.files, k, under, o, op.opts)
	if err != nil {
		return fail(err)
	}
	return reader, nil
}

// siblingKey is the type of keys as other sub-tasks tell it: the log of a sub-task without timers, and with nothing
// materialized yet, does not.
func siblingKey(ctx context.Context, o *metadata.OperatorState, of *metadata.SubtaskState, files backends.Files, opts *backends.Options) backends.Type {
	for i := range o.Subtasks {
		s := &o.Subtasks[i]
		if s == of || s.ManagedKeyed == nil {
			continue
		}
		reader, err := newOpener(o, s, files, opts).keyed(ctx, s.ManagedKeyed, inJob(o, s.ManagedKeyed.KeyGroups()))
		if err != nil {
			continue
		}
		key := keyOf(reader)
		if err := reader.Close(); err == nil && key != nil {
			return key
		}
	}
	return nil
}

// keyOf is the type of the keys that a reader tells.
func keyOf(r backends.Reader) backends.Type {
	for _, st := range r.States() {
		if st.Key != nil {
			return st.Key
		}
	}
	return nil
}

// raw opens raw keyed state: timers, as nothing else is known.
func (op *opener) raw(ctx context.Context, k metadata.KeyedHandle, r metadata.KeyGroupRange) (backends.Reader, error) {
	g, ok := k.(*metadata.KeyGroupsHandle)
	if !ok {
		return nil, fmt.Errorf("raw keyed state as %s", k.Class())
	}
	return orNil(heap.OpenRawTimers(ctx, op.files, g, op.origin(r), op.opts))
}

// channels opens in-flight data.
func (op *opener) channels(handles []metadata.ChannelHandle) func(context.Context) (backends.Reader, error) {
	return func(ctx context.Context) (backends.Reader, error) {
		return orNil(channel.Open(ctx, op.files, handles, op.origin(metadata.KeyGroupRange{First: 0, Last: -1}), op.opts))
	}
}

// orNil keeps a nil pointer from becoming a Reader that is not nil.
func orNil[R backends.Reader](r R, err error) (backends.Reader, error) {
	if err != nil {
		return nil, err
	}
	return r, nil
}
