package hashmap

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/bytetable"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/metadata"
)

// ErrClosed says that a store was used after its Close.
var ErrClosed = errors.New("the state is closed")

// Store keeps keyed state in memory (Flink: HeapKeyedStateBackend). It is a backends.Store.
type Store struct {
	config backends.StoreConfig
	prefix int // bytes of a key that are its key group
	tables []*table
	byName map[string]*table
	closed atomic.Bool

	keyRestored bool // the type of the keys is that of a restored state
}

var voidNamespace, _ = types.ParseSpec("VoidNamespace")

// OpenStore makes a store of what c restores. It is a backends.OpenLiveStore. What it cannot restore it refuses: the
// errors name operator and sub-task, and are those of the readers, *backends.IncompatibleError, and those about values that
// nothing tells the length of.
func OpenStore(ctx context.Context, c *backends.StoreConfig) (backends.Store, error) {
	s := &Store{config: *c, prefix: keygroups.PrefixLen(c.MaxParallelism), byName: map[string]*table{}}
	for i := range c.Restored {
		if err := s.restore(ctx, &c.Restored[i]); err != nil {
			return nil, fmt.Errorf("restoring the keyed state of operator %s, sub-task %d: %w", c.Operator, c.Subtask, err)
		}
	}
	return s, nil
}

// Table implements backends.Store.
func (s *Store) Table(m *backends.Meta) (backends.Table, error) {
	if s.closed.Load() {
		return nil, ErrClosed
	}
	if m.Kind < backends.Value || m.Kind > backends.Timer {
		return nil, fmt.Errorf("state %q: no keyed state is of kind %s", m.Name, m.Kind)
	}
	t := s.byName[m.Name]
	if t == nil {
		return s.register(m), nil
	}
	if t.meta.Kind == backends.UnknownKind { // it has no entries
		t.setKind(m.Kind)
	} else if t.meta.Kind != m.Kind {
		return nil, &backends.IncompatibleError{State: m.Name, Was: t.meta.Kind.String(), Want: m.Kind.String()}
	}
	meta := *m
	t.meta = &meta
	return t, nil
}

// register adds a state.
func (s *Store) register(m *backends.Meta) *table {
	meta := *m
	t := &table{store: s, meta: &meta, groups: make([]*bytetable.Table, s.config.KeyGroups.Len())}
	t.setKind(m.Kind)
	s.tables = append(s.tables, t)
	s.byName[m.Name] = t
	return t
}

// Metas implements backends.Store.
func (s *Store) Metas() []*backends.Meta {
	metas := make([]*backends.Meta, len(s.tables))
	for i, t := range s.tables {
		metas[i] = t.meta
	}
	return metas
}

// Ordered is false.
func (s *Store) Ordered() bool { return false }

// MemoryUse implements backends.Store.
func (s *Store) MemoryUse() int64 {
	var n int64
	for _, t := range s.tables {
		n += int64(8 * len(t.groups))
		for _, g := range t.groups {
			if g != nil {
				n += g.Memory()
			}
		}
	}
	return n
}

// CheckpointCompleted has nothing to do.
func (s *Store) CheckpointCompleted(int64) {}

// CheckpointAborted has nothing to do.
func (s *Store) CheckpointAborted(int64) {}

// Close lets go of all state.
func (s *Store) Close() error {
	s.closed.Store(true)
	for _, t := range s.tables {
		clear(t.groups)
		clear(t.maps)
	}
	return nil
}

// keyForm is how the keys of a state lie.
func (s *Store) keyForm(m *backends.Meta) backends.KeyForm {
	return backends.NewKeyForm(s.prefix, s.config.Key, namespaceOf(m.Namespace), false)
}

// namespaceOf is the type of a state's namespace; nil stands for Flink's VoidNamespace.
func namespaceOf(t backends.Type) backends.Type {
	if t == nil {
		return voidNamespace
	}
	return t
}

// table is one state. It is a backends.Table.
type table struct {
	store  *Store
	meta   *backends.Meta
	isMap  bool
	groups []*bytetable.Table // nil where a key group is empty
	maps   []int              // of Map: how many there are in each key group

	writer mapWriter
	swept  sweep
}

// setKind makes ready for entries of a kind.
func (t *table) setKind(k backends.Kind) {
	if t.isMap = k == backends.Map; t.isMap {
		t.maps = make([]int, len(t.groups))
	}
}

// group is the place of a key group in groups.
func (t *table) group(kg int32) (int, error) {
	r := t.store.config.KeyGroups
	if kg < r.First || kg > r.Last {
		return 0, fmt.Errorf("state %q: key group %d is not one of %d to %d", t.meta.Name, kg, r.First, r.Last)
	}
	if t.store.closed.Load() {
		return 0, ErrClosed
	}
	return int(kg - r.First), nil
}

// at is the table of a key group, nil where it is empty.
func (t *table) at(kg int32) (*bytetable.Table, error) {
	i, err := t.group(kg)
	if err != nil {
		return nil, err
	}
	return t.groups[i], nil
}

// make is the table of a key group, which is made where there is none.
func (t *table) make(kg int32) (*bytetable.Table, error) {
	i, err := t.group(kg)
	if err != nil {
		return nil, err
	}
	if t.groups[i] == nil {
		t.groups[i] = bytetable.New()
	}
	return t.groups[i], nil
}

// Get implements backends.Table.
func (t *table) Get(kg int32, key, sub []byte) ([]byte, bool, error) {
	g, err := t.at(kg)
	if g == nil {
		return nil, false, err
	}
	if t.isMap {
		v, ok := t.mapOf(g).get(key, sub)
		return v, ok, nil
	}
	v, _, ok := g.Get(key)
	return v, ok, nil
}

// Put implements backends.Table.
func (t *table) Put(kg int32, key, sub, value []byte) error {
	if len(key)+len(sub) > bytetable.MaxLen || len(value) > bytetable.MaxLen {
		return backends.ErrTooLarge
	}
	g, err := t.make(kg)
	if err != nil {
		return err
	}
	if t.isMap {
		if t.mapOf(g).put(key, sub, value) {
			t.maps[kg-t.store.config.KeyGroups.First]++
		}
		return nil
	}
	if value == nil {
		value = []byte{}
	}
	g.Put(key, value, 0)
	return nil
}

// Delete implements backends.Table.
func (t *table) Delete(kg int32, key, sub []byte) error {
	g, err := t.at(kg)
	if g == nil {
		return err
	}
	if !t.isMap {
		g.Delete(key)
	} else if t.mapOf(g).remove(key, sub) {
		t.maps[kg-t.store.config.KeyGroups.First]--
	}
	return nil
}

var delimiter = []byte{backends.ListDelimiter}

// Append implements backends.Table.
func (t *table) Append(kg int32, key, element []byte) error {
	if t.meta.Kind != backends.List {
		return fmt.Errorf("state %q: no elements are appended to a %s", t.meta.Name, t.meta.Kind)
	}
	g, err := t.make(kg)
	if err != nil {
		return err
	}
	if len(key) > bytetable.MaxLen || !g.Append(key, delimiter, element, 0) {
		return backends.ErrTooLarge
	}
	return nil
}

// Subs implements backends.Table. Other entries, and other tables, may be read meanwhile.
func (t *table) Subs(kg int32, key []byte) iter.Seq2[backends.Row, error] {
	return func(yield func(backends.Row, error) bool) {
		g, err := t.at(kg)
		if err != nil {
			yield(backends.Row{}, err)
			return
		}
		if g == nil || !t.isMap {
			return
		}
		m := mapReader{from: g}
		for sub, value := range m.all(key) {
			if !yield(backends.Row{KeyGroup: kg, Key: key, Sub: sub, Value: value}, nil) {
				return
			}
		}
	}
}

// Clear implements backends.Table.
func (t *table) Clear(kg int32, key []byte) error {
	g, err := t.at(kg)
	if g == nil {
		return err
	}
	if !t.isMap {
		g.Delete(key)
	} else if t.mapOf(g).clear(key) {
		t.maps[kg-t.store.config.KeyGroups.First]--
	}
	return nil
}

// All implements backends.Table.
func (t *table) All(r metadata.KeyGroupRange) iter.Seq2[backends.Row, error] {
	return func(yield func(backends.Row, error) bool) {
		own := t.store.config.KeyGroups
		for kg := max(r.First, own.First); kg <= min(r.Last, own.Last); kg++ {
			g, err := t.at(kg)
			if err != nil {
				yield(backends.Row{}, err)
				return
			}
			if g != nil && !rows(g, t.isMap, kg, yield) {
				return
			}
		}
	}
}
