package keyed

import (
	"bytes"
	"fmt"
	"iter"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
)

// Keys implements backends.Keyed. A key comes once; that of a list, an aggregate or a map as well.
func (b *Backend) Keys(state string, namespace any) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		s, err := b.scan(state, namespace)
		if err != nil {
			yield(nil, err)
			return
		}
		for k, err := range s.keys(b.config.KeyGroups) {
			var key any
			if err == nil {
				key, err = whole(b.config.Key, k.bytes)
			}
			if !yield(key, err) || err != nil {
				return
			}
		}
	}
}

// ApplyToAllKeys implements backends.Keyed. The keys are gathered a key group at a time before f is called for them. The
// namespace of the state is then the one given.
func (b *Backend) ApplyToAllKeys(namespace any, d *backends.Descriptor, f func(key any, s backends.KeyedState) error) error {
	state, err := b.PartitionedState(namespace, d)
	if err != nil {
		return err
	}
	was, keyGroup := bytes.Clone(b.key), b.keyGroup
	defer func() {
		b.drop()
		b.key, b.keyGroup = append(b.key[:0], was...), keyGroup
	}()
	for kg := b.config.KeyGroups.First; kg <= b.config.KeyGroups.Last; kg++ {
		if err := b.applyToGroup(kg, namespace, d.Name, func(key any) error { return f(key, state) }, state); err != nil {
			return err
		}
	}
	return nil
}

func (b *Backend) applyToGroup(kg int32, namespace any, state string, f func(key any) error, s backends.KeyedState) error {
	scan, err := b.scan(state, namespace)
	if err != nil {
		return err
	}
	var all [][]byte
	for k, err := range scan.keys(metadata.KeyGroupRange{First: kg, Last: kg}) {
		if err != nil {
			return err
		}
		all = append(all, bytes.Clone(k.bytes))
	}
	for _, k := range all {
		key, err := whole(b.config.Key, k)
		if err != nil {
			return err
		}
		if err := b.SetCurrentKeyBytes(k, kg); err != nil {
			return err
		}
		if err := s.SetNamespace(namespace); err != nil {
			return err
		}
		if err := f(key); err != nil {
			return err
		}
	}
	return nil
}

// scan reads the keys of a state in one namespace.
type scan struct {
	state     *base
	namespace []byte
	ordered   bool
}

// groupKey is a key and its key group.
type groupKey struct {
	keyGroup int32
	bytes    []byte
}

// scan is of a state that the job has asked for: of others the types may not be known.
func (b *Backend) scan(state string, namespace any) (*scan, error) {
	s := b.states[state]
	if s == nil {
		return nil, fmt.Errorf("there is no state %q: a state must be created before its keys are asked for", state)
	}
	p := s.part()
	encoded, err := p.meta.Namespace.Encode(nil, namespace)
	if err != nil {
		return nil, p.failed(fmt.Errorf("the namespace: %w", err))
	}
	return &scan{p, encoded, b.store.Ordered()}, nil
}

// keys yields each key of the namespace once. Its bytes are valid until the iteration goes on.
func (s *scan) keys(r metadata.KeyGroupRange) iter.Seq2[groupKey, error] {
	return func(yield func(groupKey, error) bool) {
		seen := newSeen(s.state.meta.Kind == backends.Map, s.ordered)
		for row, err := range s.state.table.All(r) {
			var p backends.KeyParts
			if err == nil {
				p, err = s.state.form.Split(row.Key)
			}
			if err != nil {
				yield(groupKey{}, s.state.failed(err))
				return
			}
			if !bytes.Equal(p.Namespace, s.namespace) || seen.before(row.KeyGroup, p.Key) {
				continue
			}
			if !yield(groupKey{row.KeyGroup, p.Key}, nil) {
				return
			}
		}
	}
}

// seen tells keys that come again: those of maps do, in a store with an order one right after the other, else
// anywhere in their key group.
type seen struct {
	maps, ordered bool
	keyGroup      int32
	last          []byte
	any           bool
	all           map[string]struct{}
}

func newSeen(maps, ordered bool) *seen { return &seen{maps: maps, ordered: ordered, keyGroup: -1} }

func (s *seen) before(kg int32, key []byte) bool {
	if !s.maps {
		return false
	}
	if kg != s.keyGroup {
		s.keyGroup, s.any = kg, false
		s.all = map[string]struct{}{}
	}
	if s.ordered {
		again := s.any && bytes.Equal(key, s.last)
		s.last, s.any = append(s.last[:0], key...), true
		return again
	}
	if _, again := s.all[string(key)]; again {
		return true
	}
	s.all[string(key)] = struct{}{}
	return false
}
