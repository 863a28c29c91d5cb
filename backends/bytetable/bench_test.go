package bytetable

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"runtime"
	"testing"
	"time"

	"github.com/zeebo/xxh3"
)

const benchKeys = 500_000

type benchKey [16]byte

// set makes the key of i.
func (k *benchKey) set(i int) []byte {
	binary.BigEndian.PutUint64(k[8:], uint64(i))
	return k[:]
}

func filled(n int) *Table {
	t := New()
	var k benchKey
	var value [8]byte
	for i := range n {
		t.Put(k.set(i), value[:], 0)
	}
	return t
}

// stride is between two keys of BenchmarkGetPut that follow each other: 1 is in the order in which they were added.
const stride = 7919

func BenchmarkGetPut(b *testing.B) {
	for _, n := range []int{4_000, benchKeys} {
		for _, step := range []int{1, stride} {
			b.Run(fmt.Sprintf("%d/stride=%d", n, step), func(b *testing.B) { getPut(b, n, step) })
		}
	}
}

func getPut(b *testing.B, n, step int) {
	t := filled(n)
	var k benchKey
	var buf [8]byte
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i = (i + step) % n
		key := k.set(i)
		v, _, _ := t.Get(key)
		binary.BigEndian.PutUint64(buf[:], binary.BigEndian.Uint64(v)+1)
		t.Put(key, buf[:], 0)
	}
}

// BenchmarkMap is GetPut of Go's own map, to compare.
func BenchmarkMap(b *testing.B) {
	m := map[benchKey][8]byte{}
	var k benchKey
	for i := range benchKeys {
		k.set(i)
		m[k] = [8]byte{}
	}
	i := 0
	for b.Loop() {
		i = (i + stride) % benchKeys
		k.set(i)
		v := m[k]
		binary.BigEndian.PutUint64(v[:], binary.BigEndian.Uint64(v[:])+1)
		m[k] = v
	}
}

// BenchmarkFrozen is GetPut while a view is taken each 100 ms, and the longest that one operation takes.
func BenchmarkFrozen(b *testing.B) {
	t := filled(benchKeys)
	var k benchKey
	var buf [8]byte
	var worst time.Duration
	last := time.Now()
	var v *View
	i := 0
	for b.Loop() {
		i = (i + stride) % benchKeys
		begin := time.Now()
		if begin.Sub(last) > 100*time.Millisecond {
			if v != nil {
				v.Release()
			}
			v, last = t.Freeze(), begin
		}
		t.Put(k.set(i), buf[:], 0)
		worst = max(worst, time.Since(begin))
	}
	b.ReportMetric(float64(worst.Microseconds()), "worst-µs")
}

func BenchmarkInsert(b *testing.B) {
	b.ReportAllocs()
	var value [8]byte
	var key [16]byte
	t := New()
	i := uint64(0)
	for b.Loop() {
		i++
		binary.BigEndian.PutUint64(key[4:], i*0x9e3779b97f4a7c15)
		t.Put(key[:], value[:], 0)
	}
	b.ReportMetric(float64(t.Memory())/float64(t.Len())-24, "overhead-B/entry")
}

func BenchmarkHash(b *testing.B) {
	key := []byte("key-000000001234")
	seed := maphash.MakeSeed()
	b.Run("xxh3", func(b *testing.B) {
		for b.Loop() {
			xxh3.HashSeed(key, 7)
		}
	})
	b.Run("maphash", func(b *testing.B) {
		for b.Loop() {
			maphash.Bytes(seed, key)
		}
	})
}

// BenchmarkAll iterates, as snapshots do.
func BenchmarkAll(b *testing.B) {
	t := filled(benchKeys)
	for b.Loop() {
		n := 0
		for e := range t.All() {
			n += len(e.Value)
		}
		if n != 8*benchKeys {
			b.Fatal(n)
		}
	}
	runtime.KeepAlive(t)
}
