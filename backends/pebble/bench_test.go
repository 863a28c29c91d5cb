package pebble

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/handletest"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/metadata"
)

// discarding is a storage that keeps nothing but counts.
type discarding struct{ *storage }

func (d discarding) Upload(_ context.Context, scope metadata.Scope, path string) (metadata.StreamHandle, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	d.uploaded += info.Size()
	d.mu.Unlock()
	return &metadata.FileHandle{Path: metadata.NewUTF(path), Size: info.Size()}, nil
}

// counter counts records by key in one store, as a keyed count does, and takes a checkpoint every interval.
type counter struct {
	s      *Store
	table  backends.Table
	keys   [][]byte
	value  []byte
	serial int64
	st     backends.Streams
	random *rand.ChaCha8
	// longest is how long a record took since it was set to 0.
	longest time.Duration
}

func newCounter(tb testing.TB, b *Backend, st *storage, groups metadata.KeyGroupRange, keys int, value int) *counter {
	c := testConfig(tb, st, groups)
	c.MaxParallelism = 128
	c.Key = handletest.Type(tb, "String")
	s := openStore(tb, b, c)
	t, err := s.Table(&backends.Meta{Name: "count", Kind: backends.Value, Namespace: handletest.Type(tb, "VoidNamespace"), Value: handletest.Type(tb, "Long")})
	if err != nil {
		tb.Fatal(err)
	}
	n := &counter{s: s, table: t, value: make([]byte, value), st: discarding{st}, random: rand.NewChaCha8([32]byte{})}
	for i := 0; len(n.keys) < keys; i++ {
		key := fmt.Sprintf("key-%08d", i)
		var h int32
		for _, c := range []byte(key) {
			h = 31*h + int32(c)
		}
		if kg := keygroups.Of(h, 128); groups.Contains(kg) {
			n.keys = append(n.keys, append(append([]byte{byte(kg), byte(len(key) + 1)}, key...), 0))
		}
	}
	return n
}

func (n *counter) count(tb testing.TB, key []byte) {
	v, ok, err := n.table.Get(int32(key[0]), key, nil)
	if err != nil {
		tb.Error(err)
	}
	if ok {
		binary.BigEndian.PutUint64(n.value, binary.BigEndian.Uint64(v)+1)
	} else {
		binary.BigEndian.PutUint64(n.value, 1)
	}
	if err := n.table.Put(int32(key[0]), key, nil, n.value); err != nil {
		tb.Error(err)
	}
}

// checkpoint takes one; wait tells when it is complete.
func (n *counter) checkpoint(tb testing.TB) (wait func() *metadata.IncrementalHandle) {
	n.serial++
	id := n.serial
	f, err := n.s.Snapshot(&backends.SnapshotRequest{Checkpoint: id, Streams: n.st})
	if err != nil {
		tb.Fatal(err)
	}
	done := make(chan *metadata.IncrementalHandle, 1)
	go func() {
		res, err := f(context.Background())
		if err != nil {
			tb.Error(err)
			done <- nil
			return
		}
		done <- res.JobManagerOwned.(*metadata.IncrementalHandle)
	}()
	return func() *metadata.IncrementalHandle {
		h := <-done
		n.s.CheckpointCompleted(id)
		return h
	}
}

// BenchmarkCount is a keyed count over 500,000 keys in two stores, with a checkpoint each second.
func BenchmarkCount(b *testing.B) {
	backend := testBackend(b, 1<<30)
	var all []*counter
	for _, r := range []metadata.KeyGroupRange{{First: 0, Last: 63}, {First: 64, Last: 127}} {
		all = append(all, newCounter(b, backend, newStorage(), r, 250_000, 8))
	}
	b.ResetTimer()
	start := time.Now()
	var wg sync.WaitGroup
	for _, n := range all {
		wg.Go(func() {
			next := time.Now().Add(time.Second)
			var wait func() *metadata.IncrementalHandle
			for i := range b.N / 2 {
				n.count(b, n.keys[i%len(n.keys)])
				if i%256 == 0 && time.Now().After(next) {
					if wait != nil {
						wait()
					}
					wait = n.checkpoint(b)
					next = time.Now().Add(time.Second)
				}
			}
			if wait != nil {
				wait()
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "records/s")
	b.ReportMetric(float64(all[0].serial), "checkpoints")
}

// BenchmarkRestore is 1 GB of state from local files.
func BenchmarkRestore(b *testing.B) {
	const keys, size = 1_000_000, 1000
	backend := testBackend(b, 512<<20)
	st := newStorage()
	n := newCounter(b, backend, st, metadata.KeyGroupRange{First: 0, Last: 127}, keys, size)
	for _, k := range n.keys {
		n.random.Read(n.value)
		n.count(b, k)
	}
	n.st = st
	h := n.checkpoint(b)()
	b.ResetTimer()
	for range b.N {
		c := *n.s.config
		c.Dir += "-again"
		c.Restored = []backends.RestoredHandle{{Handle: h}}
		s, err := backend.OpenStore(context.Background(), &c)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		s.Close()
		b.StartTimer()
	}
	b.SetBytes(h.StateSize())
}

// BenchmarkIncremental is 1 GB of state of which 1 % changes between checkpoints.
func BenchmarkIncremental(b *testing.B) {
	const keys, size = 1_000_000, 1000
	backend := testBackend(b, 512<<20)
	st := newStorage()
	n := newCounter(b, backend, st, metadata.KeyGroupRange{First: 0, Last: 127}, keys, size)
	r := rand.New(rand.NewPCG(1, 2))
	start := time.Now()
	for _, k := range n.keys {
		n.random.Read(n.value)
		n.count(b, k)
	}
	n.checkpoint(b)()
	b.Logf("loaded in %v", time.Since(start))
	full := st.uploaded
	for n.s.db.Metrics().Compact.NumInProgress > 0 {
		time.Sleep(100 * time.Millisecond)
	}
	b.Logf("settled after %v", time.Since(start))
	var uploaded []int64
	var stalls []time.Duration
	b.ResetTimer()
	for range b.N {
		n.longest = 0
		for range keys / 100 {
			n.step(b, r.IntN(keys))
		}
		wait := n.checkpoint(b)
		for stop := time.Now().Add(time.Second); time.Now().Before(stop); {
			n.step(b, r.IntN(keys/1000)) // goes on
		}
		uploaded = append(uploaded, wait().CheckpointedSize())
		stalls = append(stalls, n.longest)
	}
	slices.Sort(stalls)
	slices.Sort(uploaded)
	b.ReportMetric(float64(stalls[len(stalls)/2].Microseconds()), "µs-stall")
	b.ReportMetric(float64(stalls[len(stalls)-1].Microseconds()), "µs-most")
	b.ReportMetric(100*float64(uploaded[len(uploaded)/2])/float64(full), "%uploaded")
	b.ReportMetric(100*float64(uploaded[len(uploaded)-1])/float64(full), "%most")
}

// step counts a record whose value does not compress, and notes how long that took.
func (n *counter) step(tb testing.TB, i int) {
	n.random.Read(n.value)
	start := time.Now()
	n.count(tb, n.keys[i])
	n.longest = max(n.longest, time.Since(start))
}
