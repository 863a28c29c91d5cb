package keyed

import (
	"errors"
	"fmt"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/metadata"
)

// TimerService is where the order of timers is kept. The timers themselves are in the store either way.
type TimerService uint8

// The services, by the words of Flink's state.backend.rocksdb.timer-service.factory.
const (
	// InMemory keeps all timers in memory, in one binary heap (HEAP).
	InMemory TimerService = iota
	// InStore reads them from the store in order, and caches the first of each key group (ROCKSDB). The store must be ordered.
	InStore
)

// Option is a choice of New.
type Option func(*Backend)

// WithTimerService chooses where the order of timers is kept: InMemory if nothing is chosen.
func WithTimerService(s TimerService) Option { return func(b *Backend) { b.service = s } }

// Backend is the keyed state of one sub-task upon a store (Flink: AbstractKeyedStateBackend). It is a backends.Keyed.
type Backend struct {
	store   backends.Store
	config  *backends.StoreConfig
	service TimerService
	prefix  int // bytes of a key group in a key
	width   int // of keys, -1 where it varies
	void    backends.Type

	key      []byte // the current one
	keyGroup int32  // -1 where there is no current key
	epoch    uint64 // counts the changes of the current key; 0 before the first
	states   map[string]keyedState
	closed   bool
	timers   map[string]*timerQueue
}

// New makes a backend of a store, which must have been opened with c. The error is an *backends.IncompatibleError where the
// keys were of another type than c says.
func New(s backends.Store, c *backends.StoreConfig, options ...Option) (backends.Keyed, error) {
	if c.Key == nil {
		return nil, errors.New("keyed state without a type of keys")
	}
	if c.MaxParallelism < 1 || c.MaxParallelism > keygroups.MaxParallelism {
		return nil, fmt.Errorf("a max parallelism of %d is not within 1 and %d", c.MaxParallelism, keygroups.MaxParallelism)
	}
	if err := checkKey(c); err != nil {
		return nil, err
	}
	void, err := types.ParseSpec("VoidNamespace")
	if err != nil {
		return nil, err
	}
	b := &Backend{
		store: s, config: c, void: void, keyGroup: -1, width: c.Key.Width(), prefix: keygroups.PrefixLen(c.MaxParallelism),
		states: map[string]keyedState{}, timers: map[string]*timerQueue{},
	}
	for _, choose := range options {
		choose(b)
	}
	if b.service == InStore && !s.Ordered() {
		return nil, errors.New("timers can be read in order only from a store that keeps its keys in order: this state backend needs them in memory")
	}
	return b, nil
}

// SetCurrentKey implements backends.Keyed.
func (b *Backend) SetCurrentKey(key any) error {
	b.drop()
	code, ok := b.config.Key.Hash(key)
	if !ok {
		return fmt.Errorf("a %T has no Java hash code as a key of type %s, which decides its key group", key, b.config.Key)
	}
	encoded, err := b.config.Key.Encode(b.key[:0], key)
	if err != nil {
		return fmt.Errorf("the key: %w", err)
	}
	b.key = encoded
	return b.enter(keygroups.Of(code, b.config.MaxParallelism))
}

// SetCurrentKeyBytes implements backends.Keyed.
func (b *Backend) SetCurrentKeyBytes(key []byte, keyGroup int32) error {
	b.drop()
	if b.width >= 0 && len(key) != b.width {
		return fmt.Errorf("a key of %d bytes is no %s", len(key), b.config.Key)
	}
	b.key = append(b.key[:0], key...)
	return b.enter(keyGroup)
}

// drop ends that there is a current key: should what follows fail, there is none.
func (b *Backend) drop() {
	b.keyGroup = -1
	b.epoch++
}

func (b *Backend) enter(keyGroup int32) error {
	if b.closed {
		return errClosed
	}
	if !b.config.KeyGroups.Contains(keyGroup) {
		return fmt.Errorf("the key belongs to key group %d, and this sub-task has %s", keyGroup, b.config.KeyGroups)
	}
	b.keyGroup = keyGroup
	return nil
}

// CurrentKey implements backends.Keyed.
func (b *Backend) CurrentKey() (any, error) {
	if b.keyGroup < 0 {
		return nil, backends.ErrNoKey
	}
	return whole(b.config.Key, b.key)
}

// CurrentKeyBytes implements backends.Keyed. They are valid until the current key changes.
func (b *Backend) CurrentKeyBytes() []byte {
	if b.keyGroup < 0 {
		return nil
	}
	return b.key[:len(b.key):len(b.key)]
}

// CurrentKeyGroup implements backends.Keyed. It is -1 where there is no current key.
func (b *Backend) CurrentKeyGroup() int32 { return b.keyGroup }

// KeyType implements backends.Keyed.
func (b *Backend) KeyType() backends.Type { return b.config.Key }

// NumberOfKeyGroups implements backends.Keyed: those of the job, its max parallelism.
func (b *Backend) NumberOfKeyGroups() int32 { return b.config.MaxParallelism }

// KeyGroups implements backends.Keyed: those of the sub-task.
func (b *Backend) KeyGroups() metadata.KeyGroupRange { return b.config.KeyGroups }

// ApproximateMemoryUse implements backends.Keyed: that of the store and of the order of timers.
func (b *Backend) ApproximateMemoryUse() int64 {
	use := b.store.MemoryUse()
	for _, q := range b.timers {
		use += q.index.memory()
	}
	return use
}

// Snapshot implements backends.Keyed. All is in the store already.
func (b *Backend) Snapshot(r *backends.SnapshotRequest) (backends.SnapshotFunc, error) {
	if b.closed {
		return nil, errClosed
	}
	return b.store.Snapshot(r)
}

// CheckpointCompleted implements backends.Keyed.
func (b *Backend) CheckpointCompleted(id int64) { b.store.CheckpointCompleted(id) }

// CheckpointAborted implements backends.Keyed.
func (b *Backend) CheckpointAborted(id int64) { b.store.CheckpointAborted(id) }

var errClosed = errors.New("the keyed state is closed")

// Close implements backends.Keyed. No state can be used afterwards.
func (b *Backend) Close() error {
	if b.closed {
		return nil
	}
	b.closed = true
	b.drop()
	b.states, b.timers = map[string]keyedState{}, map[string]*timerQueue{}
	return b.store.Close()
}

// whole decodes b, which must be one value and nothing else.
func whole(t backends.Type, b []byte) (any, error) {
	v, n, err := t.Decode(b)
	if err != nil {
		return nil, err
	}
	if n != len(b) {
		return nil, &backends.TypeError{Type: t.String(), Offset: n, Message: fmt.Sprintf("%d bytes follow the value", len(b)-n)}
	}
	return v, nil
}

// fits tells of bytes that are not one value of t.
func fits(t backends.Type, b []byte) error {
	n := t.Width()
	if n < 0 {
		var err error
		if n, err = t.Size(b); err != nil {
			return err
		}
	}
	if n != len(b) {
		return &backends.TypeError{Type: t.String(), Message: fmt.Sprintf("%d bytes are no value of it", len(b))}
	}
	return nil
}
