package hashmap

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/handletest"
)

const benchKeys = 500_000

// benchmark is a store with a count for each key, and the keys.
type benchmark struct {
	files  *handletest.Streams
	store  backends.Store
	table  backends.Table
	keys   []byte // each of 16 bytes
	groups []int32
	n      [8]byte
}

func newBenchmark(b *testing.B) *benchmark {
	j, files := newJob(b, 128), inMemory()
	s, tables := j.open(b, j.config(files, j.groups))
	m := &benchmark{files: files, store: s, table: tables[0]}
	for i := range benchKeys {
		key, kg := j.keyOf(j.states[0], fmt.Sprintf("key-%08d", i), nil, 0)
		m.keys, m.groups = append(append(m.keys, key...), 0), append(m.groups, kg)
	}
	for i := range benchKeys {
		m.count(b, i)
	}
	return m
}

// count counts one record.
func (m *benchmark) count(b *testing.B, i int) {
	key, kg := m.keys[16*i:16*i+15], m.groups[i]
	clear(m.n[:])
	v, ok, err := m.table.Get(kg, key, nil)
	if err != nil {
		b.Fatal(err)
	}
	if ok {
		binary.BigEndian.PutUint64(m.n[:], binary.BigEndian.Uint64(v)+1)
	}
	if err := m.table.Put(kg, key, nil, m.n[:]); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkCount is a running count of 500,000 keys, in their order.
func BenchmarkCount(b *testing.B) {
	m := newBenchmark(b)
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		i = (i + 1) % benchKeys
		m.count(b, i)
	}
	b.ReportMetric(float64(m.store.MemoryUse())/benchKeys, "B/key")
}

// BenchmarkCountSnapshots is BenchmarkCount with a snapshot each 200 ms that is written meanwhile. freeze-µs is the longest
// synchronous part, worst-µs what the longest 100 records took.
func BenchmarkCountSnapshots(b *testing.B) {
	m := newBenchmark(b)
	done := make(chan error, 1)
	done <- nil
	var freeze, worst time.Duration
	last, n, i := time.Now(), 0, 0
	for b.Loop() {
		begin := time.Now()
		if begin.Sub(last) > 200*time.Millisecond && len(done) > 0 {
			if err := <-done; err != nil {
				b.Fatal(err)
			}
			write, err := m.store.Snapshot(&backends.SnapshotRequest{Streams: m.files})
			if err != nil {
				b.Fatal(err)
			}
			freeze, last, n = max(freeze, time.Since(begin)), begin, n+1
			go func() {
				_, err := write(b.Context())
				done <- err
			}()
		}
		for range 100 {
			i = (i + 1) % benchKeys
			m.count(b, i)
		}
		worst = max(worst, time.Since(begin))
	}
	<-done
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/record")
	b.ReportMetric(float64(freeze.Microseconds()), "freeze-µs")
	b.ReportMetric(float64(worst.Microseconds()), "worst-µs")
	b.ReportMetric(float64(n), "snapshots")
}

// BenchmarkSnapshot is how fast snapshots are written, and restored.
func BenchmarkSnapshot(b *testing.B) {
	m := newBenchmark(b)
	for name, form := range map[string]backends.SnapshotForm{"native": backends.NativeForm, "canonical": backends.CanonicalForm} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.SetBytes(take(b, m.store, m.files, form).StateSize())
			}
		})
	}
	b.Run("restore", func(b *testing.B) {
		j := newJob(b, 128)
		h := take(b, m.store, m.files, backends.NativeForm)
		b.SetBytes(h.StateSize())
		for b.Loop() {
			j.open(b, j.config(m.files, j.groups, h))
		}
	})
}

// BenchmarkMap sets values in maps of some sizes.
func BenchmarkMap(b *testing.B) {
	for _, n := range []int{1, 10, 1000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			j, files := newJob(b, 128), inMemory()
			_, tables := j.open(b, j.config(files, j.groups))
			key, kg := j.keyOf(j.states[2], "key", nil, 0)
			var sub, value [9]byte
			put := func(i int) {
				binary.BigEndian.PutUint64(sub[:], uint64(i))
				binary.BigEndian.PutUint64(value[1:], binary.BigEndian.Uint64(value[1:])+1)
				if err := tables[2].Put(kg, key, sub[:], value[:]); err != nil {
					b.Fatal(err)
				}
			}
			for i := range n {
				put(i)
			}
			i := 0
			for b.Loop() {
				i = (i + 7919) % n
				put(i)
			}
		})
	}
}

// BenchmarkAppend appends to lists.
func BenchmarkAppend(b *testing.B) {
	j, files := newJob(b, 128), inMemory()
	_, tables := j.open(b, j.config(files, j.groups))
	key, kg := j.keyOf(j.states[1], "key", nil, 0)
	element := []byte{9, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'}
	for b.Loop() {
		if err := tables[1].Append(kg, key, element); err != nil {
			b.Fatal(err)
		}
	}
}
