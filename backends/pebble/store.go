package pebble

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/metadata"
)

// ErrClosed says that a store was closed.
var ErrClosed = errors.New("the state on Pebble is closed")

// Store is the keyed state of one sub-task on Pebble (Flink: RocksDBKeyedStateBackend). See backends.Store for who may use it.
type Store struct {
	backend *Backend
	config  *backends.StoreConfig
	prefix  int // bytes of the key group in a key
	id      string
	db      *pebble.DB
	options *pebble.Options
	cache   *cache
	written atomic.Uint32 // see cache
	// turn is held while a table of changes comes into Pebble and written is set. Who needs both to agree takes it for reading.
	turn      sync.RWMutex
	queue     queue
	metas     []*backends.Meta
	tables    []*table
	iterating int // iterations under way: the cache stays as it is
	keyBuf    []byte
	valueBuf  []byte

	broken atomic.Bool
	cause  atomic.Pointer[error] // why it is broken
	failed chan struct{}         // closed with the cause

	uploads uploads
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	live    liveSnapshots
	serial  atomic.Int64 // of directories
	closed  bool
}

var _ backends.Store = (*Store)(nil)

// open makes a store; b has counted it already.
func open(ctx context.Context, b *Backend, c *backends.StoreConfig) (s *Store, err error) {
	if c.Dir == "" {
		b.leave()
		return nil, errors.New("state on Pebble needs a local directory")
	}
	if err := makeDir(c.Dir); err != nil { // whatever lies there already is not this store's, neither to open nor to delete
		b.leave()
		return nil, err
	}
	s = &Store{backend: b, config: c, prefix: keygroups.PrefixLen(c.MaxParallelism), id: metadata.NewUUID(), failed: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.cache = newCache(&s.written)
	s.options = b.options(s.fail)
	s.queue.init()
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
			s = nil
		}
	}()
	go s.work()
	return s, s.restore(ctx)
}

// openDB opens the database in its directory, whatever is in there.
func (s *Store) openDB() error {
	db, err := openAt(s.path("db"), s.options)
	if err != nil {
		return err
	}
	s.db = db
	// A checkpoint of a database that has just been opened would have an empty MANIFEST: the next one is begun with the first change.
	flushed, err := db.AsyncFlush()
	if err != nil {
		return err
	}
	select {
	case <-flushed:
	case <-s.failed:
	}
	return s.health()
}

// openAt is pebble.Open, whose panics on damage are errors.
func openAt(dir string, o *pebble.Options) (db *pebble.DB, err error) {
	defer func() {
		if p := recover(); p != nil {
			db, err = nil, fmt.Errorf("opening the Pebble database %s: %v", dir, p)
		}
	}()
	if db, err = pebble.Open(dir, o); err != nil {
		return nil, fmt.Errorf("opening the Pebble database %s: %w", dir, err)
	}
	return db, nil
}

// closeDB is Close, whose panics are errors.
func closeDB(db *pebble.DB) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("closing the Pebble database: %v", p)
		}
	}()
	return db.Close()
}

func (s *Store) path(name string) string { return filepath.Join(s.config.Dir, name) }

// fail makes the store unusable. The first reason stays.
func (s *Store) fail(err error) {
	if err != ErrClosed {
		err = fmt.Errorf("the Pebble database %s: %w", s.path("db"), err)
	}
	if s.cause.CompareAndSwap(nil, &err) {
		close(s.failed)
	}
	s.broken.Store(true)
	s.queue.wake()
}

// health is why the store is unusable, or nil.
func (s *Store) health() error {
	if !s.broken.Load() {
		return nil
	}
	return *s.cause.Load()
}

// Table implements backends.Store.
func (s *Store) Table(m *backends.Meta) (backends.Table, error) {
	if t := s.table(m.Name); t != nil {
		if t.meta.Kind != m.Kind {
			return nil, &backends.IncompatibleError{State: m.Name, Was: t.meta.Kind.String(), Want: m.Kind.String()}
		}
		t.meta, s.metas[t.number] = m, m
		t.form = s.form(m)
		return t, nil
	}
	if len(s.tables) >= maxStates {
		return nil, fmt.Errorf("state %q is one of more than %d of an operator", m.Name, maxStates)
	}
	return s.addTable(m), nil
}

const maxStates = 1<<15 - 1 // a header counts them as i16

func (s *Store) table(name string) *table {
	for _, t := range s.tables {
		if t.meta.Name == name {
			return t
		}
	}
	return nil
}

func (s *Store) addTable(m *backends.Meta) *table {
	t := &table{s: s, meta: m, number: len(s.tables), form: s.form(m)}
	s.metas, s.tables = append(s.metas, m), append(s.tables, t)
	var o *order
	if m.Kind == backends.Map || m.Kind == backends.Timer {
		o = &order{key: func(r ref) []byte { return s.cache.record(r).key() }}
	}
	s.cache.orders = append(s.cache.orders, o)
	return t
}

// form is how keys of a map end, of which the keys within are cut off.
func (s *Store) form(m *backends.Meta) *backends.KeyForm {
	if m.Kind != backends.Map || s.config.Key == nil || m.Namespace == nil {
		return nil
	}
	f := backends.NewKeyForm(s.prefix, s.config.Key, m.Namespace, true)
	return &f
}

// Metas implements backends.Store.
func (s *Store) Metas() []*backends.Meta { return s.metas }

// Ordered implements backends.Store.
func (s *Store) Ordered() bool { return true }

// MemoryUse implements backends.Store.
func (s *Store) MemoryUse() int64 { return s.cache.memory() }

// CheckpointCompleted implements backends.Store.
func (s *Store) CheckpointCompleted(id int64) { s.uploads.completed(id) }

// CheckpointAborted implements backends.Store.
func (s *Store) CheckpointAborted(id int64) { s.uploads.aborted(id) }

// Close implements backends.Store.
func (s *Store) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	s.cancel()
	s.fail(ErrClosed)
	s.queue.close()
	err := s.live.close()
	if s.db != nil {
		err = errors.Join(err, closeDB(s.db))
		s.db = nil
	}
	s.backend.leave()
	s.cache = newCache(&s.written)
	return errors.Join(err, os.RemoveAll(s.config.Dir))
}

// room keeps the cache within its share of memory, before a record comes to it.
func (s *Store) room() error {
	c := s.cache
	c.releaseRetired(2)
	limit := s.backend.share()
	if c.load() <= limit-limit/8 && c.memory() <= limit && c.dirtyBytes <= limit/3 || s.iterating > 0 {
		return nil
	}
	return s.makeRoom(limit)
}

// makeRoom writes changes away, and lets clean records go. While it can do so behind the scenes, it does little at once.
func (s *Store) makeRoom(limit int64) error {
	c := s.cache
	if c.dirtyBytes > limit/3 && s.queue.idle() {
		s.freeze(nil)
	}
	for n := 0; n < 2 && c.load() > limit-limit/8; n++ {
		c.evict(false)
	}
	if c.memory() <= limit+limit/4 {
		return nil
	}
	if c.dirtyBytes > 0 {
		s.freeze(nil)
	}
	if err := s.queue.wait(s); err != nil {
		return err
	}
	c.releaseRetired(len(c.retired))
	for n := len(c.mems); n > 0 && c.memory() > limit-limit/4; n-- {
		c.evict(true)
	}
	c.trim(int(limit / 4 / chunkSize))
	return nil
}

// shrink is for a store that may have nothing else to do: others may have come since, and its share be less.
func (s *Store) shrink() error {
	if err := s.room(); err != nil {
		return err
	}
	limit := s.backend.share()
	s.cache.trim(int(max(limit+limit/4-s.cache.memory(), limit/4) / chunkSize))
	return nil
}

// freeze ends the epoch, and has it written. The snapshot, if any, is of the state as it is now.
func (s *Store) freeze(snap *snapshot) {
	s.queue.add(job{frozen: s.cache.freeze(), snapshot: snap})
}

// appendKey is the key in Pebble: the number of the state, then Flink's.
func (t *table) appendKey(dst, key, sub []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(t.number))
	return append(append(dst, key...), sub...)
}

// span is the keys in Pebble of key groups of a state.
func (t *table) span(r metadata.KeyGroupRange) (lower, upper []byte) {
	lower = keygroups.AppendPrefix(t.appendKey(nil, nil, nil), r.First, t.s.prefix)
	if int64(r.Last)+1 < 1<<(8*t.s.prefix) {
		return lower, keygroups.AppendPrefix(t.appendKey(nil, nil, nil), r.Last+1, t.s.prefix)
	}
	return lower, binary.BigEndian.AppendUint16(nil, uint16(t.number)+1)
}
