package storage

import (
	"context"
	"sync"

	"github.com/ckpt-tool/ckpt/layout"
	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"
)

// Memory is buckets within this process, by name. They vanish with it: they are for
// tests, and for programs that use these packages.
type Memory struct {
	mu      sync.Mutex
	buckets map[string]*blob.Bucket
}

// Driver serves the URLs mem://{bucket}/{path}.
func (m *Memory) Driver() Driver {
	return Driver{Schemes: []string{"mem"}, Open: func(_ context.Context, place layout.Place) (layout.Store, error) {
		return newBucket(m.Bucket(place.Authority), place, func() error { return nil }), nil
	}}
}

// Bucket is the bucket of that name, which is there from the first time on.
func (m *Memory) Bucket(name string) *blob.Bucket {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.buckets == nil {
		m.buckets = map[string]*blob.Bucket{}
	}
	if m.buckets[name] == nil {
		m.buckets[name] = memblob.OpenBucket(nil)
	}
	return m.buckets[name]
}
