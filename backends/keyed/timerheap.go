package keyed

import (
	"fmt"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
)

// heapIndex is all timers in a binary heap, and a set of them, for a timer is there but once (Flink: HeapPriorityQueueSet).
type heapIndex struct {
	table  backends.Table
	prefix int
	groups metadata.KeyGroupRange
	heap   binaryHeap[*heapTimer]
	set    map[string]*heapTimer
	spare  []*heapTimer
	out    []byte // what is given out
	bytes  int64  // of keys
}

// heapTimer is one timer in the heap.
type heapTimer struct {
	time  int64
	key   string
	place int // in the heap
}

func (t *heapTimer) before(o *heapTimer) bool {
	if t.time != o.time {
		return t.time < o.time
	}
	return t.key < o.key
}

func (t *heapTimer) moved(place int) { t.place = place }

func newHeapIndex(t backends.Table, prefix int, groups metadata.KeyGroupRange) *heapIndex {
	return &heapIndex{table: t, prefix: prefix, groups: groups, set: map[string]*heapTimer{}}
}

func (x *heapIndex) load() error {
	for row, err := range x.table.All(x.groups) {
		if err != nil {
			return err
		}
		if len(row.Key) < x.prefix+timeLen {
			return fmt.Errorf("a timer of %d bytes: %w", len(row.Key), backends.ErrKey)
		}
		x.push(row.Key)
	}
	return nil
}

// push brings a timer into the heap that is not there.
func (x *heapIndex) push(key []byte) *heapTimer {
	t := &heapTimer{}
	if n := len(x.spare); n > 0 {
		t, x.spare = x.spare[n-1], x.spare[:n-1]
	}
	t.time, t.key = backends.TimerTime(key[x.prefix:]), string(key)
	x.heap.push(t)
	x.set[t.key] = t
	x.bytes += int64(len(key))
	return t
}

func (x *heapIndex) add(kg int32, key []byte) (bool, error) {
	if x.set[string(key)] != nil {
		return false, nil
	}
	if err := x.table.Put(kg, key, nil, nil); err != nil {
		return false, err
	}
	return x.push(key).place == 0, nil
}

func (x *heapIndex) remove(kg int32, key []byte) (bool, error) {
	t := x.set[string(key)]
	if t == nil {
		return false, nil
	}
	if err := x.table.Delete(kg, key, nil); err != nil {
		return false, err
	}
	first := t.place == 0
	x.drop(t)
	return first, nil
}

// drop takes a timer out of the heap.
func (x *heapIndex) drop(t *heapTimer) {
	x.heap.drop(t.place)
	delete(x.set, t.key)
	x.bytes -= int64(len(t.key))
	*t = heapTimer{}
	if len(x.spare) < maxSpare {
		x.spare = append(x.spare, t)
	}
}

// maxSpare is how many timers that are no more are kept for those to come.
const maxSpare = 1024

func (x *heapIndex) first() ([]byte, bool) {
	if len(x.heap) == 0 {
		return nil, false
	}
	x.out = append(x.out[:0], x.heap[0].key...)
	return x.out, true
}

func (x *heapIndex) poll() ([]byte, bool, error) {
	key, ok := x.first()
	if !ok {
		return nil, false, nil
	}
	if err := x.table.Delete(keyGroupOf(key, x.prefix), key, nil); err != nil {
		return nil, false, err
	}
	x.drop(x.heap[0])
	return key, true, nil
}

func (x *heapIndex) len() (int, error) { return len(x.heap), nil }

// memory counts the key, the timer, its pointer in the heap and its place in the set.
func (x *heapIndex) memory() int64 { return x.bytes + int64(len(x.heap))*timerOverhead }

const timerOverhead = 32 + 8 + 40
