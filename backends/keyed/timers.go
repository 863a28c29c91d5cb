package keyed

import (
	"fmt"
	"iter"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/metadata"
)

// timerQueue is the timers of one service. Each is an entry of the table as soon as it is added; the index knows which
// comes first.
type timerQueue struct {
	backend   *Backend
	meta      *backends.Meta
	namespace backends.Type
	table     backends.Table
	form      backends.KeyForm
	index     timerIndex
	composite []byte
	changes   uint64 // counts what may have changed the table
}

var _ backends.TimerQueue = (*timerQueue)(nil)

// timerIndex is the order of timers: by time, and where that is the same by their bytes. A timer is its key in the table.
type timerIndex interface {
	// load begins with what the table has.
	load() error
	// add and remove change the table too. They tell whether the first timer is another then.
	add(kg int32, key []byte) (bool, error)
	remove(kg int32, key []byte) (bool, error)
	// first is valid until the next call.
	first() (key []byte, ok bool)
	// poll removes the first, which it gives; valid until the next call.
	poll() (key []byte, ok bool, err error)
	len() (int, error)
	memory() int64
}

// Timers implements backends.Keyed. Timers that were restored are there.
func (b *Backend) Timers(name string, namespace backends.Type) (backends.TimerQueue, error) {
	if namespace == nil {
		namespace = b.void
	}
	want := &backends.Meta{Name: TimerPrefix + name, Kind: backends.Timer, Namespace: namespace}
	if q := b.timers[name]; q != nil {
		if err := check(q.meta, want); err != nil {
			return nil, err
		}
		return q, nil
	}
	table, err := b.table(want)
	if err != nil {
		return nil, err
	}
	q := &timerQueue{backend: b, meta: want, namespace: namespace, table: table, form: backends.NewTimerForm(b.prefix, b.config.Key, namespace)}
	if b.service == InStore {
		q.index = newStoreIndex(table, b.prefix, b.config.KeyGroups)
	} else {
		q.index = newHeapIndex(table, b.prefix, b.config.KeyGroups)
	}
	if err := q.index.load(); err != nil {
		return nil, q.failed(err)
	}
	b.timers[name] = q
	return q, nil
}

// compose is the key of a timer in the table, in the buffer of the queue.
func (q *timerQueue) compose(t *backends.TimerEntry) ([]byte, error) {
	b := q.backend
	if !b.config.KeyGroups.Contains(t.KeyGroup) {
		return nil, q.failed(fmt.Errorf("a timer of key group %d, and this sub-task has %s", t.KeyGroup, b.config.KeyGroups))
	}
	if b.width >= 0 && len(t.Key) != b.width {
		return nil, q.failed(fmt.Errorf("a key of %d bytes is no %s", len(t.Key), b.config.Key))
	}
	namespace := t.Namespace
	if len(namespace) == 0 && q.namespace == b.void {
		namespace = voidNamespace
	}
	if err := fits(q.namespace, namespace); err != nil {
		return nil, q.failed(fmt.Errorf("the namespace: %w", err))
	}
	q.composite = backends.AppendTimerTime(keygroups.AppendPrefix(q.composite[:0], t.KeyGroup, b.prefix), t.Time)
	q.composite = q.form.Append(q.composite, backends.KeyParts{Key: t.Key, Namespace: namespace})
	return q.composite, nil
}

// voidNamespace is the one value of VoidNamespace.
var voidNamespace = []byte{0}

// entry takes a key of the table apart.
func (q *timerQueue) entry(key []byte) (backends.TimerEntry, error) {
	p, err := q.form.Split(key)
	if err != nil {
		return backends.TimerEntry{}, q.failed(err)
	}
	prefix := q.backend.prefix
	return backends.TimerEntry{Time: backends.TimerTime(key[prefix:]), Key: p.Key, Namespace: p.Namespace, KeyGroup: keygroups.Prefix(key, prefix)}, nil
}

// Add implements backends.TimerQueue.
func (q *timerQueue) Add(t backends.TimerEntry) (bool, error) {
	key, err := q.compose(&t)
	if err != nil {
		return false, err
	}
	q.changes++
	first, err := q.index.add(t.KeyGroup, key)
	return first, q.failed(err)
}

// Remove implements backends.TimerQueue. It tells whether the first timer is another now. What is not there need not be.
func (q *timerQueue) Remove(t backends.TimerEntry) (bool, error) {
	key, err := q.compose(&t)
	if err != nil {
		return false, err
	}
	q.changes++
	first, err := q.index.remove(t.KeyGroup, key)
	return first, q.failed(err)
}

// Peek implements backends.TimerQueue. Of timers of one time the first is that whose bytes are.
func (q *timerQueue) Peek() (backends.TimerEntry, bool, error) {
	key, ok := q.index.first()
	if !ok {
		return backends.TimerEntry{}, false, nil
	}
	t, err := q.entry(key)
	return t, err == nil, err
}

// Poll implements backends.TimerQueue.
func (q *timerQueue) Poll() (backends.TimerEntry, bool, error) {
	q.changes++
	key, ok, err := q.index.poll()
	if !ok || err != nil {
		return backends.TimerEntry{}, false, q.failed(err)
	}
	t, err := q.entry(key)
	return t, err == nil, err
}

// Len implements backends.TimerQueue. With InStore it reads them all.
func (q *timerQueue) Len() (int, error) {
	n, err := q.index.len()
	return n, q.failed(err)
}

// All implements backends.TimerQueue.
func (q *timerQueue) All(r metadata.KeyGroupRange) iter.Seq2[backends.TimerEntry, error] {
	return func(yield func(backends.TimerEntry, error) bool) {
		changes := q.changes
		for row, err := range q.table.All(r) {
			var t backends.TimerEntry
			if err == nil {
				t, err = q.entry(row.Key)
			}
			if !yield(t, err) || err != nil {
				return
			}
			if q.changes != changes {
				yield(backends.TimerEntry{}, q.failed(errChanged))
				return
			}
		}
	}
}

func (q *timerQueue) failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("timers %q: %w", q.meta.Name, err)
}
