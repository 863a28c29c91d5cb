package backends

import (
	"context"
	"iter"

	"github.com/ckpt-tool/ckpt/metadata"
)

// Kryo says which Kryo wrote a checkpoint. Their bytes differ, and nothing in a file tells them apart but
// the Flink that wrote it.
type Kryo uint8

// The versions.
const (
	Kryo2 Kryo = iota // 2.24: Flink 1.x
	Kryo5             // 5.6: Flink 2.x
)

// KryoOf is that of the Flink that wrote a `_metadata` of this version: Flink 2.0 has both newer.
func KryoOf(version int32) Kryo {
	if version >= metadata.Version5 {
		return Kryo5
	}
	return Kryo2
}

// Options are what a reader of state cannot know from the files.
type Options struct {
	Kryo Kryo
	// Hints give the layouts of serializers that nobody knows but the job, by the Java class of the
	// value or of the snapshot, in the words of types.ParseSpec (`--type`).
	Hints map[string]string
	// Memory is how many bytes a reader may hold beyond what one entry needs; 0 stands for
	// DefaultMemory. What needs more is refused.
	Memory int64
	// Verify is whether to check all there is to check, also what an entry does not need:
	// every checksum, that keys belong to their key groups, that nothing is left over.
	Verify bool
}

// DefaultMemory is the budget of a reader that was told none.
const DefaultMemory = 256 << 20

// Budget is Memory, or its default.
func (o *Options) Budget() int64 {
	if o.Memory > 0 {
		return o.Memory
	}
	return DefaultMemory
}

// Origin is whose state a handle holds.
type Origin struct {
	Operator       metadata.OperatorID
	Subtask        int32
	MaxParallelism int32
	// Range is the key groups that count. A handle may hold others, which do not: those of
	// a sub-task that others share since a rescale.
	Range metadata.KeyGroupRange
	// Key finds the type of the keys where a handle does not tell it, in other sub-tasks of the operator: nil
	// where none does. It may be nil.
	Key func(ctx context.Context) Type
}

// Selection is which entries to read. Its zero value stands for none; see Everything.
type Selection struct {
	KeyGroups metadata.KeyGroupRange
	States    func(*State) bool // nil: all
	// Key, where not nil, is the bytes of the one key wanted. KeyGroups is its key group then.
	Key []byte
}

// Wants tells whether the state is selected.
func (s *Selection) Wants(st *State) bool { return s.States == nil || s.States(st) }

// Everything selects all of a range of key groups.
func Everything(r metadata.KeyGroupRange) Selection { return Selection{KeyGroups: r} }

// Reader reads what one handle holds. It may be used by many goroutines.
type Reader interface {
	// States are the states of the handle, those without entries included.
	States() []*State
	// Entries yields the selected entries by ascending key group. Within one, entries of a state follow
	// each other; a Map yields its entries one by one. Each entry occurs once. The order of states
	// and of keys is that of the format.
	Entries(ctx context.Context, sel Selection) iter.Seq2[Entry, error]
	Close() error
}
