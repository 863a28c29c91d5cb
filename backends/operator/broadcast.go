package operator

import (
	"fmt"
	"iter"
	"slices"

	"github.com/ckpt-tool/ckpt/backends"
)

// pairBytes is one entry of a map: the bytes of key and value one after the other, and, once the job has asked for the
// state, the values. It does not change.
type pairBytes struct {
	data       []byte
	k          int // the length of the key
	key, value any
}

// broadcast is a backends.BroadcastState.
type broadcast struct {
	state
	place   map[string]int // of a key's bytes in entries
	entries []*pairBytes
	// opaque is all of a restored map whose entries nobody can tell apart; nil where entries are all.
	opaque []byte
	room   []byte // for the key that is looked for
}

// put sets an entry by its bytes.
func (b *broadcast) put(e *pairBytes) {
	if b.place == nil {
		b.place = map[string]int{}
	}
	key := e.data[:e.k]
	if i, ok := b.place[string(key)]; ok {
		b.entries[i] = e
		return
	}
	b.place[string(key)] = len(b.entries)
	b.entries = append(b.entries, e)
}

// decode makes values of what was restored, for a job that asks for the state.
func (b *broadcast) decode(d *backends.OperatorDescriptor) error {
	if b.asked {
		return nil
	}
	if b.opaque != nil {
		return fmt.Errorf("operator state %q: nothing tells where its entries end, of %v and %v", d.Name, d.MapKey, d.Value)
	}
	entries := make([]*pairBytes, len(b.entries))
	for i, e := range b.entries {
		var err error
		if entries[i], err = e.decode(d); err != nil {
			return fmt.Errorf("operator state %q, entry %d: %w", d.Name, i, err)
		}
	}
	b.entries, b.asked, b.meta.MapKey, b.meta.Value = entries, true, d.MapKey, d.Value
	return nil
}

func (e *pairBytes) decode(d *backends.OperatorDescriptor) (*pairBytes, error) {
	key, n, err := d.MapKey.Decode(e.data[:e.k])
	if err != nil || n != e.k {
		return nil, fmt.Errorf("its key is no %v: %w", d.MapKey, orLeft(err))
	}
	value, n, err := d.Value.Decode(e.data[e.k:])
	if err != nil || n != len(e.data)-e.k {
		return nil, fmt.Errorf("its value is no %v: %w", d.Value, orLeft(err))
	}
	return &pairBytes{e.data, e.k, key, value}, nil
}

// orLeft is err, or that bytes are left over.
func orLeft(err error) error {
	if err != nil {
		return err
	}
	return fmt.Errorf("bytes are left over")
}

// find is the place of a key, -1 where it has none.
func (b *broadcast) find(key any) (int, error) {
	var err error
	if b.room, err = b.meta.MapKey.Encode(b.room[:0], key); err != nil {
		return -1, b.wrong(err)
	}
	if i, ok := b.place[string(b.room)]; ok {
		return i, nil
	}
	return -1, nil
}

// Get implements backends.BroadcastState.
func (b *broadcast) Get(key any) (any, bool, error) {
	i, err := b.find(key)
	if i < 0 || err != nil {
		return nil, false, err
	}
	return b.entries[i].value, true, nil
}

// Contains implements backends.BroadcastState.
func (b *broadcast) Contains(key any) (bool, error) {
	i, err := b.find(key)
	return i >= 0, err
}

// Put implements backends.BroadcastState.
func (b *broadcast) Put(key, value any) error {
	data, err := b.meta.MapKey.Encode(nil, key)
	if err != nil {
		return b.wrong(err)
	}
	k := len(data)
	if data, err = b.meta.Value.Encode(data, value); err == nil {
		err = readable(len(data))
	}
	if err != nil {
		return b.wrong(err)
	}
	b.put(&pairBytes{data, k, key, value})
	return nil
}

// Remove implements backends.BroadcastState. The last entry takes the place of the one removed.
func (b *broadcast) Remove(key any) error {
	i, err := b.find(key)
	if i < 0 || err != nil {
		return err
	}
	delete(b.place, string(b.room))
	last := len(b.entries) - 1
	if i < last {
		b.entries[i] = b.entries[last]
		b.place[string(b.entries[i].data[:b.entries[i].k])] = i
	}
	b.entries[last] = nil
	b.entries = b.entries[:last]
	return nil
}

// Entries implements backends.BroadcastState. What is changed meanwhile is not seen.
func (b *broadcast) Entries() iter.Seq2[backends.MapEntry, error] {
	entries := slices.Clone(b.entries)
	return func(yield func(backends.MapEntry, error) bool) {
		for _, e := range entries {
			if !yield(backends.MapEntry{Key: e.key, Value: e.value}, nil) {
				return
			}
		}
	}
}

// Clear implements backends.BroadcastState.
func (b *broadcast) Clear() { b.place, b.entries = nil, nil }
