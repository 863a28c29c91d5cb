package keyed

import (
	"bytes"
	"fmt"
	"iter"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
)

// scans is in how many parts at most the key groups are read, each at once: its keys are gathered before they are given out.
const scans = 64

// Keys implements backends.Keyed. A key comes once; that of a list, an aggregate or a map as well.
func (b *Backend) Keys(state string, namespace any) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		for k, err := range b.keys(state, namespace) {
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

// ApplyToAllKeys implements backends.Keyed. The namespace of the state is then the one given.
func (b *Backend) ApplyToAllKeys(namespace any, d *backends.Descriptor, f func(key any, s backends.KeyedState) error) error {
	s, err := b.PartitionedState(namespace, d)
	if err != nil {
		return err
	}
	was, keyGroup := bytes.Clone(b.key), b.keyGroup
	defer func() {
		b.drop()
		b.key, b.keyGroup = append(b.key[:0], was...), keyGroup
	}()
	for k, err := range b.keys(d.Name, namespace) {
		var key any
		if err == nil {
			key, err = whole(b.config.Key, k.bytes)
		}
		if err == nil {
			err = b.SetCurrentKeyBytes(k.bytes, k.keyGroup)
		}
		if err == nil {
			err = s.SetNamespace(namespace)
		}
		if err == nil {
			err = f(key, s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// keys yields the keys of a state in one namespace. State may be changed meanwhile.
func (b *Backend) keys(state string, namespace any) iter.Seq2[groupKey, error] {
	return func(yield func(groupKey, error) bool) {
		s, err := b.scan(state, namespace)
		if err != nil {
			yield(groupKey{}, err)
			return
		}
		r := b.config.KeyGroups
		for first, n := r.First, int32((r.Len()+scans-1)/scans); first <= r.Last; first += n {
			all, err := s.gather(metadata.KeyGroupRange{First: first, Last: min(first+n-1, r.Last)})
			if err != nil {
				yield(groupKey{}, err)
				return
			}
			for _, k := range all {
				if !yield(k, nil) {
					return
				}
			}
		}
	}
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

// gather gives each key of the namespace in some key groups once.
func (s *scan) gather(r metadata.KeyGroupRange) ([]groupKey, error) {
	var all []groupKey
	seen := newSeen(s.state.meta.Kind == backends.Map, s.ordered)
	for row, err := range s.state.table.All(r) {
		var p backends.KeyParts
		if err == nil {
			p, err = s.state.form.Split(row.Key)
		}
		if err != nil {
			return nil, s.state.failed(err)
		}
		if bytes.Equal(p.Namespace, s.namespace) && !seen.before(row.KeyGroup, p.Key) {
			all = append(all, groupKey{row.KeyGroup, bytes.Clone(p.Key)})
		}
	}
	return all, nil
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
