package pebble

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/ckpt-tool/ckpt/backends"
)

// Options are of all stores of a process together.
type Options struct {
	// Memory is how many bytes the stores may hold (Flink: the managed memory of a slot, state.backend.rocksdb.memory.managed); 0
	// stands for DefaultMemory. A fifth of it is Pebble's block cache, and most of the rest the caches of changes. Of little memory
	// each store takes LeastMemory all the same, and of much none takes more than some 6 GB for its cache.
	Memory int64
}

// The memory of a process that was told none, and the least of a store, in bytes.
const (
	DefaultMemory = 256 << 20
	LeastMemory   = 2 << 20
)

// Backend is the stores of one process on Pebble, which share its memory (Flink: EmbeddedRocksDBStateBackend). It is safe for
// concurrent use.
type Backend struct {
	memory int64
	least  int64
	blocks *pebble.Cache
	fs     vfs.FS
	stores atomic.Int64
	mu     sync.Mutex
	closed bool
}

// New makes a state backend. Close it after its stores.
func New(o Options) *Backend {
	b := &Backend{memory: o.Memory, least: LeastMemory, fs: localFS{vfs.Default}}
	if b.memory <= 0 {
		b.memory = DefaultMemory
	}
	b.blocks = pebble.NewCache(max(b.memory/5, 1<<20))
	return b
}

// Close gives the memory back. It refuses while stores are open.
func (b *Backend) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := b.stores.Load(); n > 0 {
		return errors.New("state on Pebble is still open")
	}
	if !b.closed {
		b.closed = true
		b.blocks.Unref()
	}
	return nil
}

// OpenStore opens a store, and restores what it is to begin with. It is a backends.OpenLiveStore.
func (b *Backend) OpenStore(ctx context.Context, c *backends.StoreConfig) (backends.Store, error) {
	if err := b.enter(); err != nil {
		return nil, err
	}
	s, err := open(ctx, b, c)
	if err != nil {
		return nil, err // which has left
	}
	return s, nil
}

var _ backends.OpenLiveStore = (*Backend)(nil).OpenStore

func (b *Backend) enter() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return errors.New("the state backend on Pebble is closed")
	}
	b.stores.Add(1)
	return nil
}

func (b *Backend) leave() { b.stores.Add(-1) }

// share is how many bytes the cache of one store may hold now: of the memory less the block cache seven eighths, the rest being for tables that are
// written, indexes and filters.
func (b *Backend) share() int64 {
	n := max(b.stores.Load(), 1)
	return min(max((b.memory-b.memory/5)/8*7/n, b.least), mostShare)
}

// mostShare is how much a store takes of any memory: a cache may go beyond its share by a quarter, and has no more numbers for
// chunks where most of them are of one record just larger than slots are.
const mostShare = maxChunks * largest / 4 * 3

// runs is how many tables over each other there may be before they are compacted. Checkpoints have to upload what a compaction writes, so they
// are to be rare: of 1 GB, of which 1 % changes each time, 12 of 13 checkpoints upload that 1 %. Readers have filters.
const runs = 12

// options are those of one database. Problems go to report.
func (b *Backend) options(report func(error)) *pebble.Options {
	o := &pebble.Options{
		Cache:                       b.blocks,
		Comparer:                    pebble.DefaultComparer,
		DisableWAL:                  true,
		FormatMajorVersion:          pebble.FormatMinSupported,
		FS:                          b.fs,
		L0CompactionThreshold:       2 * runs,
		L0StopWritesThreshold:       1000,    // writes come as tables, which nothing stops
		LBaseMaxBytes:               2 << 30, // up to that all is in the lowest level
		MaxManifestFileSize:         1 << 20,
		MaxOpenFiles:                4096,
		MemTableSize:                64 << 10, // nothing is written to it
		MemTableStopWritesThreshold: 2,
		Merger:                      appendMerger,
		NoSyncOnClose:               true,
		NumPrevManifest:             0,
		Logger:                      logger{report},
		EventListener: &pebble.EventListener{
			BackgroundError: report,
			DataCorruption:  func(i pebble.DataCorruptionInfo) { report(i.Details) },
		},
	}
	o.Experimental.EnableColumnarBlocks = never
	o.Experimental.EnableValueBlocks = never
	o.Experimental.ReadSamplingMultiplier = -1 // no compaction because of reads: checkpoints would have to upload it
	for i := range o.Levels {
		l := &o.Levels[i]
		l.BlockSize, l.IndexBlockSize = 16<<10, 256<<10
		l.FilterPolicy = bloom.FilterPolicy(10)
		l.Compression = func() *sstable.CompressionProfile { return sstable.SnappyCompression }
	}
	o.TargetFileSizes[0] = 16 << 20
	for i := 1; i < len(o.TargetFileSizes); i++ {
		o.TargetFileSizes[i] = 32 << 20
	}
	o.EnsureDefaults()
	return o
}

func never() bool { return false }

// logger makes errors of what Pebble would end the process for.
type logger struct{ report func(error) }

// Infof implements pebble.Logger.
func (logger) Infof(string, ...any) {}

// Errorf implements pebble.Logger.
func (logger) Errorf(string, ...any) {}

// Fatalf implements pebble.Logger.
func (l logger) Fatalf(format string, args ...any) { l.report(fmt.Errorf(format, args...)) }
