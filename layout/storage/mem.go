package storage

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// Memory is buckets within this process, by name. They vanish with it: they are for
// tests, and for programs that use these packages.
type Memory struct {
	// Now is the time at which objects are stored, and then the clock of the stores, too;
	// time.Now where it is nil. It must not change while a store is in use.
	Now func() time.Time

	mu      sync.Mutex
	buckets map[string]memoryBucket
	puts    uint64
}

// Driver serves the URLs mem://{bucket}/{path}.
func (m *Memory) Driver() Driver {
	return Driver{
		Schemes: []string{"mem"},
		Open: func(_ context.Context, place layout.Place) (layout.Store, error) {
			return m.open(place), nil
		},
		OpenMutable: func(_ context.Context, place layout.Place) (layout.MutableStore, error) {
			return &mutableBucket{m.open(place), inMemory{m, place.Authority}}, nil
		},
	}
}

func (m *Memory) open(place layout.Place) *bucket {
	b := Settings{}.newBucket(inMemory{m, place.Authority}, place, func() {})
	if m.Now != nil {
		b.now = func(context.Context) (time.Time, error) { return m.Now(), nil }
	}
	return b
}

// Put stores an object, and replaces the one that was there.
func (m *Memory) Put(bucket, key string, data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(bucket, key, bytes.Clone(data))
}

// put stores an object, and keeps its data.
func (m *Memory) put(bucket, key string, data []byte) memoryObject {
	if m.buckets == nil {
		m.buckets = map[string]memoryBucket{}
	}
	if m.buckets[bucket] == nil {
		m.buckets[bucket] = memoryBucket{}
	}
	now := time.Now
	if m.Now != nil {
		now = m.Now
	}
	m.puts++
	o := memoryObject{data, now(), m.puts}
	m.buckets[bucket][key] = o
	return o
}

type memoryBucket map[string]memoryObject

type memoryObject struct {
	data     []byte
	modified time.Time
	put      uint64 // the how manieth it was
}

func (o memoryObject) item(key string) item {
	return item{key: key, size: int64(len(o.data)), modified: o.modified, tag: strconv.FormatUint(o.put, 10)}
}

// inMemory is one bucket, which is there from the first time on.
type inMemory struct {
	memory *Memory
	name   string
}

// list implements service, in one page.
func (b inMemory) list(_ context.Context, q query) (page, error) {
	b.memory.mu.Lock()
	defer b.memory.mu.Unlock()
	p := page{ordered: true}
	found := b.memory.buckets[b.name]
	for _, key := range slices.Sorted(maps.Keys(found)) {
		rest, ok := strings.CutPrefix(key, q.prefix)
		if !ok || key <= q.after {
			continue
		}
		i := found[key].item(key)
		if at := strings.Index(rest, q.delimiter); q.delimiter != "" && at >= 0 {
			i = item{key: q.prefix + rest[:at+1], dir: true}
		}
		if n := len(p.items); n == 0 || p.items[n-1].key != i.key {
			p.items = append(p.items, i)
		}
	}
	return p, nil
}

// get implements service.
func (b inMemory) get(_ context.Context, key string, offset, length int64, tag string) (stream, error) {
	o, err := b.find(key)
	found := o.item(key)
	switch {
	case err != nil:
		return stream{}, err
	case tag != "" && tag != found.tag:
		return stream{}, errChanged
	case offset > 0 && offset >= found.size:
		return stream{}, errBeyond
	}
	data := o.data[offset:]
	if length >= 0 {
		data = data[:min(length, int64(len(data)))]
	}
	return stream{io.NopCloser(bytes.NewReader(data)), found, int64(len(data))}, nil
}

// head implements service.
func (b inMemory) head(_ context.Context, key string) (item, error) {
	o, err := b.find(key)
	return o.item(key), err
}

func (b inMemory) find(key string) (memoryObject, error) {
	b.memory.mu.Lock()
	defer b.memory.mu.Unlock()
	o, ok := b.memory.buckets[b.name][key]
	if !ok {
		return o, fs.ErrNotExist
	}
	return o, nil
}
