//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/ckpt-tool/ckpt/backends/rocksdb"
)

// content is what is in a table, as a check that both sides read the same.
type content struct{ entries, bytes int64 }

// tables compares walking one RocksDB table with RocksDB's own iterator.
func (s *states) tables() error {
	keys := s.of(5_000_000)
	file := filepath.Join(s.cache, fmt.Sprintf("text-%d.sst", keys))
	if _, err := os.Stat(file); err != nil {
		if _, err := s.run("table", file+".part", strconv.Itoa(keys)); err != nil {
			return err
		}
		if err := os.Rename(file+".part", file); err != nil {
			return err
		}
	}
	theirs, want, err := s.rocksdb(file)
	if err != nil {
		return err
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	var ours spread
	for i := range rounds + 1 {
		start := time.Now()
		got, err := walk(file)
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("RocksDB reads %+v, ckpt %+v: %s", want, got, file)
		}
		if i > 0 {
			ours = append(ours, time.Since(start).Seconds())
		}
	}
	slices.Sort(ours)
	fmt.Printf("\nOne table of %d entries of text with Snappy, %.0f MB, %.0f MB unpacked, written by RocksDB 8.10; one thread, checksums verified:\n",
		want.entries, float64(info.Size())/1e6, float64(want.bytes)/1e6)
	fmt.Println("\n| what | ckpt | RocksDB's Java iterator | ratio |\n|---|--:|--:|--:|")
	row("keys and values as byte[]", ours, theirs["arrays"])
	row("into direct buffers", ours, theirs["direct"])
	return nil
}

// rocksdb gives the seconds of RocksDB's iterator for each way to get at an entry, without the rounds in which the JVM compiles.
func (s *states) rocksdb(file string) (map[string]spread, content, error) {
	var c content
	lines, err := s.run("iterate", file, strconv.Itoa(rounds+2))
	if err != nil {
		return nil, c, err
	}
	all := map[string]spread{}
	for i, line := range lines {
		var way string
		var got content
		var seconds float64
		if _, err := fmt.Sscanf(line, "%s entries %d bytes %d seconds %g", &way, &got.entries, &got.bytes, &seconds); err != nil {
			return nil, c, fmt.Errorf("state.sh iterate says %q: %w", line, err)
		}
		if i > 0 && got != c {
			return nil, c, fmt.Errorf("RocksDB reads %+v, then %+v: %s", c, got, file)
		}
		c = got
		all[way] = append(all[way], seconds)
	}
	for _, way := range []string{"arrays", "direct"} {
		if len(all[way]) != rounds+2 {
			return nil, c, fmt.Errorf("%d rounds of %d: %s", len(all[way]), rounds+2, way)
		}
		all[way] = all[way][2:]
		slices.Sort(all[way])
	}
	return all, c, nil
}

// walk touches each key and each value of a table.
func walk(file string) (content, error) {
	var c content
	b, err := openBlob(file)
	if err != nil {
		return c, err
	}
	defer b.Close()
	t, err := rocksdb.OpenTable(b, &rocksdb.TableOptions{})
	if err != nil {
		return c, err
	}
	it := t.Iterator(0)
	for it.Next() {
		c.entries++
		c.bytes += int64(len(it.UserKey()) + len(it.Value()))
	}
	return c, it.Err()
}

// blob is a local file as backends read it.
type blob struct {
	*os.File
	size int64
}

func openBlob(file string) (*blob, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return &blob{File: f, size: info.Size()}, nil
}

// Size implements backends.Blob.
func (b *blob) Size() int64 { return b.size }

// Offset implements backends.Blob.
func (b *blob) Offset() int64 { return 0 }
