//go:build unix

package rocksdb

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/metadata"
)

// BenchmarkScan reads the databases below CKPT_ROCKSDB_BENCH, each by its column families: all keys through
// the merge, and all records of the tables alone. Without it, it reads a small table many times.
func BenchmarkScan(b *testing.B) {
	dirs, _ := filepath.Glob(filepath.Join(os.Getenv("CKPT_ROCKSDB_BENCH"), "*.chk"))
	if len(dirs) == 0 {
		dirs = []string{filepath.Join(tablesDir(b), "8.10.0-fv5-none"), filepath.Join(tablesDir(b), "8.10.0-fv5-snappy")}
	}
	for _, dir := range dirs {
		db, files, err := openDir(b, dir)
		if err != nil {
			b.Fatal(err)
		}
		for _, f := range db.families {
			if len(f.tables) == 0 {
				continue
			}
			b.Run(filepath.Base(dir)+"/"+f.Name+"/merged", func(b *testing.B) { benchMerge(b, f) })
			b.Run(filepath.Base(dir)+"/"+f.Name+"/tables", func(b *testing.B) { benchTables(b, f, files) })
		}
	}
}

func benchMerge(b *testing.B, f *family) {
	keys, size := 0, int64(0)
	b.ReportAllocs()
	start := cpu(b)
	for b.Loop() {
		m := f.scan(context.Background(), nil, nil, 0)
		for m.next() {
			keys++
			size += int64(len(m.key) + len(m.value))
		}
		m.close()
		if m.err != nil {
			b.Fatal(m.err)
		}
	}
	report(b, keys, size, cpu(b)-start)
}

func benchTables(b *testing.B, f *family, files *memFiles) {
	records, size := 0, int64(0)
	b.ReportAllocs()
	start := cpu(b)
	for b.Loop() {
		for _, t := range f.tables {
			table, err := OpenTable(blobOf(t.Name(), files.data[t.Name()]), &TableOptions{})
			if err != nil {
				b.Fatal(err)
			}
			it := table.Iterator(0)
			for it.Next() {
				records++
				size += int64(len(it.UserKey()) + len(it.Value()))
			}
			if it.Err() != nil {
				b.Fatal(it.Err())
			}
		}
	}
	report(b, records, size, cpu(b)-start)
}

// cpu is the time that processors spent for this process.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func report(b *testing.B, n int, size int64, spent time.Duration) {
	b.ReportMetric(float64(spent)/float64(max(n, 1)), "cpu-ns/key")
	b.ReportMetric(float64(n)/b.Elapsed().Seconds()/1e6, "Mkeys/s")
	b.ReportMetric(float64(size)/b.Elapsed().Seconds()/1e6, "MB/s")
	b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(max(n, 1)), "ns/key")
}

// BenchmarkEntries reads the state of a database of BenchmarkScan, which has keys of String, from four ranges of key
// groups at once.
func BenchmarkEntries(b *testing.B) {
	dirs, _ := filepath.Glob(filepath.Join(os.Getenv("CKPT_ROCKSDB_BENCH"), "*.chk"))
	name := "value-state"
	if len(dirs) == 0 {
		dirs, name = []string{filepath.Join(tablesDir(b), "8.10.0-fv5-none")}, "state"
	}
	str, err := types.ParseSpec("String")
	if err != nil {
		b.Fatal(err)
	}
	void, err := types.ParseSpec("VoidNamespace")
	if err != nil {
		b.Fatal(err)
	}
	for _, dir := range dirs {
		db, _, err := openDir(b, dir)
		if err != nil {
			b.Fatal(err)
		}
		all := metadata.KeyGroupRange{Last: 255}
		st := &backends.State{Name: name, Kind: backends.Value, Key: str, Namespace: void}
		r := &Reader{db: db, handle: &metadata.IncrementalHandle{Range: all}, origin: backends.Origin{Range: all, MaxParallelism: 256}, states: []*backends.State{st}, prefix: 2}
		b.Run(filepath.Base(dir), func(b *testing.B) {
			var entries, size atomic.Int64
			start := cpu(b)
			for b.Loop() {
				var wg sync.WaitGroup
				for i := range int32(4) {
					wg.Go(func() {
						n, bytes := 0, 0
						for e, err := range r.Entries(context.Background(), backends.Everything(metadata.KeyGroupRange{First: i * 64, Last: i*64 + 63})) {
							if err != nil {
								b.Error(err)
								return
							}
							n++
							bytes += len(e.Key) + len(e.Value)
						}
						entries.Add(int64(n))
						size.Add(int64(bytes))
					})
				}
				wg.Wait()
			}
			report(b, int(entries.Load()), size.Load(), cpu(b)-start)
		})
	}
}
