package rocksdb

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
)

// memFiles are files in memory by path. It counts what is read.
type memFiles struct {
	data            map[string][]byte
	requests, bytes atomic.Int64
	open            atomic.Int64
}

type memBlob struct {
	files *memFiles
	name  string
	data  []byte
}

func (f *memFiles) Open(_ context.Context, h metadata.StreamHandle) (backends.Blob, error) {
	path := string(h.(*metadata.FileHandle).Path)
	data, ok := f.data[path]
	if !ok {
		return nil, fmt.Errorf("opening %s: %w", path, fs.ErrNotExist)
	}
	f.open.Add(1)
	return &memBlob{f, path, data}, nil
}

func (b *memBlob) ReadAt(p []byte, off int64) (int, error) {
	b.files.requests.Add(1)
	if off > int64(len(b.data)) {
		return 0, io.EOF
	}
	n := copy(p, b.data[off:])
	b.files.bytes.Add(int64(n))
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (b *memBlob) Size() int64   { return int64(len(b.data)) }
func (b *memBlob) Name() string  { return b.name }
func (b *memBlob) Offset() int64 { return 0 }
func (b *memBlob) Close() error {
	b.files.open.Add(-1)
	return nil
}

func blobOf(name string, data []byte) *memBlob { return &memBlob{new(memFiles), name, data} }

// loadDir reads a directory of a database, and makes a handle of it.
func loadDir(tb testing.TB, dir string) (*memFiles, *metadata.IncrementalHandle) {
	tb.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		tb.Fatal(err)
	}
	files, h := &memFiles{data: map[string][]byte{}}, &metadata.IncrementalHandle{Range: metadata.KeyGroupRange{Last: 1<<15 - 1}}
	for _, e := range list {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			tb.Fatal(err)
		}
		files.data[e.Name()] = data
		h.Shared = append(h.Shared, metadata.NamedFile{Name: metadata.UTF(e.Name()), File: &metadata.FileHandle{Path: metadata.UTF(e.Name()), Size: int64(len(data))}})
	}
	return files, h
}

// tablesDir is where the databases of many options lie.
func tablesDir(tb testing.TB) string { return filepath.Join(testdata.Root(tb), "rocksdb") }

// oracle is what RocksDB's iterator reads from a database.
type oracle struct {
	name, family, keys, sum string
}

// oracles are all of them.
func oracles(tb testing.TB) []oracle {
	tb.Helper()
	lists, err := filepath.Glob(filepath.Join(tablesDir(tb), "*.tsv"))
	if err != nil || len(lists) != 2 {
		tb.Fatalf("lists of databases: %v, %v", lists, err)
	}
	var all []oracle
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			tb.Fatal(err)
		}
		version := strings.TrimSuffix(filepath.Base(list), ".tsv")
		for line := range strings.Lines(string(text)) {
			f := strings.Split(strings.TrimSpace(line), "\t")
			all = append(all, oracle{version + "-" + f[0], f[1], f[2], f[3]})
		}
	}
	if len(all) < 150 {
		tb.Fatalf("only %d databases", len(all))
	}
	return all
}

// digest is the number of keys of a merger, and the sum of all keys and values.
func digest(m *merger) (string, string, error) {
	sum, n := sha256.New(), 0
	for ; m.next(); n++ {
		var sizes [8]byte
		binary.BigEndian.PutUint32(sizes[:], uint32(len(m.key)))
		binary.BigEndian.PutUint32(sizes[4:], uint32(len(m.value)))
		sum.Write(sizes[:])
		sum.Write(m.key)
		sum.Write(m.value)
	}
	return fmt.Sprint(n), hex.EncodeToString(sum.Sum(nil)), m.err
}

func openDir(tb testing.TB, dir string) (*database, *memFiles, error) {
	tb.Helper()
	files, h := loadDir(tb, dir)
	db, err := openDatabase(context.Background(), files, h, &backends.Options{})
	return db, files, err
}

// verifyAll verifies all tables of a database.
func verifyAll(tb testing.TB, db *database) []*backends.Error {
	tb.Helper()
	var found []*backends.Error
	for _, f := range db.families {
		for _, t := range f.tables {
			if _, err := t.verify(context.Background(), f.Name, func(e *backends.Error) { found = append(found, e) }); err != nil {
				tb.Fatal(err)
			}
		}
	}
	return found
}
