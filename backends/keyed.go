package backends

import (
	"errors"
	"iter"
	"time"

	"github.com/ckpt-tool/ckpt/metadata"
)

// ErrTooLarge says that a key or a value has more bytes than Flink's formats can count (2^31-1).
var ErrTooLarge = errors.New("larger than 2^31-1 bytes")

// ErrNoKey says that keyed state was asked for where no record is being processed.
var ErrNoKey = errors.New("no current key")

// IncompatibleError tells that a job's state cannot begin with what a checkpoint holds.
type IncompatibleError struct {
	State     string
	Was, Want string // kinds and types
}

// Error implements error.
func (e *IncompatibleError) Error() string {
	return "state " + e.State + " was " + e.Was + ", and the job wants " + e.Want
}

// Descriptor names a keyed state of a job and says of what it is (Flink: StateDescriptor).
type Descriptor struct {
	Name string
	Kind Kind // Value, List, Map, Reducing or Aggregating
	// Namespace is nil for states outside of windows: Flink's VoidNamespace.
	Namespace Type
	MapKey    Type // of Map
	Value     Type // of a value, an element, a value in a map, an accumulator; without TTL
	TTL       *TTLConfig
	// Reduce combines two values, of Reducing.
	Reduce func(a, b any) (any, error)
	// Aggregate is of Aggregating.
	Aggregate Aggregate
}

// Aggregate builds a result in an accumulator (Flink: AggregateFunction).
type Aggregate interface {
	Create() any
	Add(acc, value any) (any, error)
	Merge(a, b any) (any, error)
	Result(acc any) (any, error)
}

// TTLConfig is how long values live (Flink: StateTtlConfig). Time is processing time.
type TTLConfig struct {
	TTL time.Duration
	// OnRead is whether reading prolongs a value's life, besides writing (OnReadAndWrite).
	OnRead bool
	// ReturnExpired is whether a value that has expired is seen until it is cleaned up (ReturnExpiredIfNotCleanedUp).
	ReturnExpired bool
}

// Keyed is the keyed state of one sub-task of an operator (Flink: KeyedStateBackend). One goroutine at a time uses it.
type Keyed interface {
	// SetCurrentKey makes key, a value as Type.Decode gives it, the one that states are of.
	SetCurrentKey(key any) error
	// SetCurrentKeyBytes is SetCurrentKey of a key that is encoded already. The bytes are copied.
	SetCurrentKeyBytes(key []byte, keyGroup int32) error
	CurrentKey() (any, error)
	// CurrentKeyBytes is nil where there is no current key.
	CurrentKeyBytes() []byte
	CurrentKeyGroup() int32
	KeyType() Type
	NumberOfKeyGroups() int32
	KeyGroups() metadata.KeyGroupRange

	// State creates a state, or gives that which is there by the name (Flink: getOrCreateKeyedState); it implements the
	// interface of its kind. The error is an *IncompatibleError where a restored or registered state is another.
	State(d *Descriptor) (KeyedState, error)
	// PartitionedState is State with the namespace set. nil is that of states outside of windows.
	PartitionedState(namespace any, d *Descriptor) (KeyedState, error)
	// Keys yields the keys that have an entry in the namespace. State may be changed meanwhile: whether a key comes that has an entry only
	// then, or no more, is open.
	Keys(state string, namespace any) iter.Seq2[any, error]
	// ApplyToAllKeys calls f with each of these keys as the current one. f may change the state. The current key is
	// then what it was.
	ApplyToAllKeys(namespace any, d *Descriptor, f func(key any, s KeyedState) error) error

	// Timers is a queue of timers, in its own state: _timer_state/ and name (Flink: KeyGroupedInternalPriorityQueue).
	Timers(name string, namespace Type) (TimerQueue, error)

	// ApproximateMemoryUse is in bytes.
	ApproximateMemoryUse() int64
	Snapshot(r *SnapshotRequest) (SnapshotFunc, error)
	CheckpointCompleted(id int64)
	CheckpointAborted(id int64)
	// Close disposes of it, local files included.
	Close() error
}

// KeyedState is state of the current key, in the current namespace. Values are as Type.Decode gives them. Those that
// take or give bytes do not decode: bytes are what Descriptor.Value encodes.
type KeyedState interface {
	SetNamespace(namespace any) error
	// SetNamespaceBytes is SetNamespace of an encoded one.
	SetNamespaceBytes(namespace []byte) error
	Clear() error
}

// ValueState is one value (Flink: ValueState).
type ValueState interface {
	KeyedState
	// Value is nil where there is none.
	Value() (any, error)
	Update(v any) error
	// Bytes is nil where there is none; valid until the next use of any state.
	Bytes() ([]byte, error)
	UpdateBytes(b []byte) error
}

// ListState is a list (Flink: ListState).
type ListState interface {
	KeyedState
	Get() ([]any, error)
	Add(v any) error
	AddAll(vs []any) error
	// Update replaces the list; by an empty one it is cleared.
	Update(vs []any) error
	AddBytes(b []byte) error
	// Elements yields the bytes of the elements.
	Elements() iter.Seq2[[]byte, error]
}

// MapState is a map (Flink: MapState). Its values may be nil.
type MapState interface {
	KeyedState
	Get(key any) (value any, ok bool, err error)
	Put(key, value any) error
	PutAll(seq iter.Seq2[any, any]) error
	Remove(key any) error
	Contains(key any) (bool, error)
	IsEmpty() (bool, error)
	// Entries yields keys and values. The state may be changed only after the iteration, whose last is an error otherwise; it may be
	// read meanwhile, of other keys too.
	Entries() iter.Seq2[MapEntry, error]
	GetBytes(key []byte) (value []byte, ok bool, err error)
	PutBytes(key, value []byte) error
}

// MapEntry is one entry of a map.
type MapEntry struct{ Key, Value any }

// AppendingState is what values are added to: of Reducing and Aggregating (Flink: ReducingState, AggregatingState).
type AppendingState interface {
	KeyedState
	Add(v any) error
	// Get is the result, nil where nothing was added.
	Get() (any, error)
	// Merge makes the union of the sources' values that of target, and deletes the sources (Flink: mergeNamespaces). It is of
	// the current key.
	Merge(target any, sources []any) error
}

// TimerEntry is one timer (Flink: TimerHeapInternalTimer).
type TimerEntry struct {
	Time           int64 // milliseconds since 1970
	Key, Namespace []byte
	KeyGroup       int32
}

// TimerQueue is the timers of one service, each but once (Flink: KeyGroupedInternalPriorityQueue).
type TimerQueue interface {
	// Add tells whether the first timer is another now.
	Add(t TimerEntry) (bool, error)
	Remove(t TimerEntry) (bool, error)
	// Peek is the first by time; false where there is none. Its bytes are valid until the next call.
	Peek() (TimerEntry, bool, error)
	Poll() (TimerEntry, bool, error)
	Len() (int, error)
	// All yields the timers of key groups, in no order. They may be changed only after the iteration, whose last is an error otherwise.
	All(r metadata.KeyGroupRange) iter.Seq2[TimerEntry, error]
}
