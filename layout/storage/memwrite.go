package storage

import (
	"context"
	"errors"
	"io/fs"

	"github.com/ckpt-tool/ckpt/layout"
)

// batch implements writer.
func (b inMemory) batch() int { return 1000 }

// remove implements writer.
func (b inMemory) remove(ctx context.Context, items []item) []error {
	b.memory.mu.Lock()
	defer b.memory.mu.Unlock()
	errs := make([]error, len(items))
	for n, i := range items {
		if found, ok := b.memory.buckets[b.name][i.key]; ok && !i.is(found.item(i.key)) {
			errs[n] = layout.ErrChanged
		} else {
			delete(b.memory.buckets[b.name], i.key)
		}
	}
	return errs
}

// create implements writer.
func (b inMemory) create(_ context.Context, key string, r *exact) (item, error) {
	data, err := r.all()
	if err != nil {
		return item{}, err
	}
	b.memory.mu.Lock()
	defer b.memory.mu.Unlock()
	if _, ok := b.memory.buckets[b.name][key]; ok {
		return item{}, fs.ErrExist
	}
	return b.memory.put(b.name, key, data).item(key), nil
}

// replace implements writer.
func (b inMemory) replace(_ context.Context, key string, data []byte) error {
	b.memory.Put(b.name, key, data)
	return nil
}

// copy implements writer.
func (b inMemory) copy(_ context.Context, from service, src item, key string) (item, error) {
	other, ok := from.(inMemory)
	if !ok || other.memory != b.memory {
		return item{}, errors.ErrUnsupported
	}
	b.memory.mu.Lock()
	defer b.memory.mu.Unlock()
	found, ok := b.memory.buckets[other.name][src.key]
	if !ok {
		return item{}, fs.ErrNotExist
	}
	if !src.is(found.item(src.key)) {
		return item{}, layout.ErrChanged
	}
	if _, ok := b.memory.buckets[b.name][key]; ok {
		return item{}, fs.ErrExist
	}
	return b.memory.put(b.name, key, found.data).item(key), nil
}
