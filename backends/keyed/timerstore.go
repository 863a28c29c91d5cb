package keyed

import (
	"bytes"
	"fmt"
	"iter"
	"slices"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/metadata"
)

// cached is how many timers of a key group are kept in memory (Flink: state.backend.rocksdb.timer-service.cache-size).
const cached = 128

// storeIndex is the first timers of each key group, and a binary heap of the key groups by their first timers (Flink:
// RocksDBCachingPriorityQueueSet in a KeyGroupPartitionedPriorityQueue). The other timers are in the table only, which has an
// order. A key group that has timers has some in memory, and those only are in the heap.
type storeIndex struct {
	table  backends.Table
	prefix int
	groups metadata.KeyGroupRange
	all    []timerGroup // by key group
	heap   binaryHeap[*timerGroup]
	spare  [][]byte
	out    []byte
}

// timerGroup is the timers of one key group.
type timerGroup struct {
	keyGroup int32
	prefix   int      // bytes of a key that are its key group
	place    int      // in the heap, -1 if it is not there
	keys     [][]byte // the first, in order
	// whole is whether these are all.
	whole bool
	// from is the last of keys that there was: those in the table only are behind it. nil where there was none.
	from []byte
}

// before compares the first timers: by time, then by all their bytes.
func (g *timerGroup) before(o *timerGroup) bool {
	a, b := g.keys[0], o.keys[0]
	if c := bytes.Compare(a[g.prefix:g.prefix+timeLen], b[o.prefix:o.prefix+timeLen]); c != 0 {
		return c < 0
	}
	return bytes.Compare(a, b) < 0
}

func (g *timerGroup) moved(place int) { g.place = place }

func newStoreIndex(t backends.Table, prefix int, groups metadata.KeyGroupRange) *storeIndex {
	x := &storeIndex{table: t, prefix: prefix, groups: groups, all: make([]timerGroup, groups.Len())}
	for i := range x.all {
		x.all[i] = timerGroup{keyGroup: groups.First + int32(i), prefix: prefix, place: -1, whole: true}
	}
	return x
}

func keyGroupOf(key []byte, prefix int) int32 { return keygroups.Prefix(key, prefix) }

func (x *storeIndex) group(kg int32) *timerGroup { return &x.all[kg-x.groups.First] }

// load reads the first timers of each key group that has any: it begins anew behind a key group that has more.
func (x *storeIndex) load() error {
	for next := x.groups.First; next <= x.groups.Last; {
		last, err := x.loadFrom(next)
		if err != nil {
			return err
		}
		next = last + 1
	}
	for i := range x.all {
		x.fix(&x.all[i])
	}
	return nil
}

// loadFrom gives the last key group that it has read.
func (x *storeIndex) loadFrom(kg int32) (int32, error) {
	for row, err := range x.table.All(metadata.KeyGroupRange{First: kg, Last: x.groups.Last}) {
		if err != nil {
			return 0, err
		}
		g := x.group(row.KeyGroup)
		if more, err := x.keep(g, row.Key); err != nil || !more {
			return g.keyGroup, err
		}
	}
	return x.groups.Last, nil
}

// keep appends a timer to those in memory, unless there are enough.
func (x *storeIndex) keep(g *timerGroup, key []byte) (bool, error) {
	if len(key) < x.prefix+timeLen {
		return false, fmt.Errorf("a timer of %d bytes: %w", len(key), backends.ErrKey)
	}
	if len(g.keys) == cached {
		g.whole = false
		return false, nil
	}
	g.keys = append(g.keys, x.clone(key))
	return true, nil
}

// fill reads on where none of a key group is in memory and there may be more.
func (x *storeIndex) fill(g *timerGroup) error {
	if len(g.keys) > 0 || g.whole {
		return nil
	}
	g.whole = true
	for row, err := range x.rest(g) {
		if err != nil {
			return err
		}
		if more, err := x.keep(g, row.Key); err != nil || !more {
			return err
		}
	}
	return nil
}

// rest yields the timers of a key group. A table that can begin behind what was removed does so: to read over that may
// take long.
func (x *storeIndex) rest(g *timerGroup) iter.Seq2[backends.Row, error] {
	if t, ok := x.table.(backends.Seeker); ok && g.from != nil {
		return t.From(g.keyGroup, g.from)
	}
	return x.table.All(metadata.KeyGroupRange{First: g.keyGroup, Last: g.keyGroup})
}

func (x *storeIndex) add(kg int32, key []byte) (bool, error) {
	g := x.group(kg)
	at, there := slices.BinarySearchFunc(g.keys, key, bytes.Compare)
	if there {
		return false, nil
	}
	if err := x.table.Put(kg, key, nil, nil); err != nil {
		return false, err
	}
	if at == len(g.keys) && !g.whole { // behind those in memory
		return false, nil
	}
	g.keys = slices.Insert(g.keys, at, x.clone(key))
	if len(g.keys) > cached {
		g.whole = false
		x.free(g.keys[cached])
		g.keys = g.keys[:cached]
	}
	x.fix(g)
	return at == 0 && g.place == 0, nil
}

func (x *storeIndex) remove(kg int32, key []byte) (bool, error) {
	g := x.group(kg)
	at, there := slices.BinarySearchFunc(g.keys, key, bytes.Compare)
	if !there && g.whole {
		return false, nil
	}
	if err := x.table.Delete(kg, key, nil); err != nil || !there {
		return false, err
	}
	first := at == 0 && g.place == 0
	return first, x.drop(g, at)
}

// drop takes a timer out of memory that is no more in the table.
func (x *storeIndex) drop(g *timerGroup, at int) error {
	if len(g.keys) == 1 {
		g.from = append(g.from[:0], g.keys[0]...)
	}
	x.free(g.keys[at])
	g.keys = slices.Delete(g.keys, at, at+1)
	err := x.fill(g)
	x.fix(g)
	return err
}

func (x *storeIndex) first() ([]byte, bool) {
	if len(x.heap) == 0 {
		return nil, false
	}
	return x.heap[0].keys[0], true
}

func (x *storeIndex) poll() ([]byte, bool, error) {
	if len(x.heap) == 0 {
		return nil, false, nil
	}
	g := x.heap[0]
	x.out = append(x.out[:0], g.keys[0]...)
	if err := x.table.Delete(g.keyGroup, x.out, nil); err != nil {
		return nil, false, err
	}
	return x.out, true, x.drop(g, 0)
}

func (x *storeIndex) len() (int, error) {
	n := 0
	for _, err := range x.table.All(x.groups) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

func (x *storeIndex) memory() int64 {
	var n int64
	for i := range x.all {
		for _, k := range x.all[i].keys {
			n += int64(cap(k)) + sliceHeader
		}
	}
	return n + int64(len(x.all))*groupOverhead
}

const (
	sliceHeader   = 24
	groupOverhead = 88
)

func (x *storeIndex) clone(key []byte) []byte {
	var b []byte
	if n := len(x.spare); n > 0 {
		b, x.spare = x.spare[n-1][:0], x.spare[:n-1]
	}
	return append(b, key...)
}

func (x *storeIndex) free(b []byte) {
	if len(x.spare) < maxSpare {
		x.spare = append(x.spare, b)
	}
}

// fix brings a key group to its place in the heap, or out of it.
func (x *storeIndex) fix(g *timerGroup) {
	switch {
	case len(g.keys) == 0 && g.place >= 0:
		x.heap.drop(g.place)
	case len(g.keys) > 0 && g.place < 0:
		x.heap.push(g)
	case g.place >= 0:
		x.heap.sift(g.place)
	}
}
