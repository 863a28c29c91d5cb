package rocksdb

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
)

const fuzzMemory = 1 << 20

// seedTables gives one table of each database to f.
func seedTables(f *testing.F, use func(*Table, []byte)) {
	f.Helper()
	seeds := 0
	for _, o := range oracles(f) {
		db, files, err := openDir(f, filepath.Join(tablesDir(f), o.name))
		if err != nil {
			if _, kind, _ := strings.Cut(o.name, "-"); refused[kind] == "" {
				f.Fatal(err)
			}
			continue
		}
		for _, t := range db.families[o.family].tables[:1] {
			table, err := t.acquire()
			if err != nil {
				f.Fatal(err)
			}
			use(table, files.data[t.Name()])
			seeds++
		}
	}
	if seeds < 150 {
		f.Fatalf("only %d seeds", seeds)
	}
}

// blockOf is a block of a table, uncompressed.
func blockOf(f *testing.F, t *Table, h handle) []byte {
	f.Helper()
	var w window
	w.open(t.src, t.size, 0)
	b, err := t.block(&w, h, nil, true)
	if err != nil {
		f.Fatal(err)
	}
	return bytes.Clone(b)
}

// FuzzTable reads all that a table has, in order and by keys. Those without checksums are read furthest.
func FuzzTable(f *testing.F) {
	seedTables(f, func(_ *Table, data []byte) { f.Add(data) })
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := OpenTable(blobOf("fuzzed", data), &TableOptions{Memory: fuzzMemory})
		if err != nil {
			return
		}
		bad := false
		if _, err := table.Verify(context.Background(), func(*backends.Error) { bad = true }); err != nil {
			t.Fatal(err)
		}
		var keys [][]byte
		it := table.Iterator(0)
		for it.Next() && len(keys) < 100 {
			keys = append(keys, bytes.Clone(it.UserKey()))
		}
		if it.Err() != nil && !bad {
			t.Fatalf("found while reading only: %v", it.Err())
		}
		for i, k := range keys {
			it.Seek(k)
			if found := it.Next(); !bad && (!found || !bytes.Equal(it.UserKey(), k)) {
				t.Fatalf("key %d, %x, is not found: %v", i, k, it.Err())
			}
		}
	})
}

func FuzzBlock(f *testing.F) {
	seedTables(f, func(t *Table, _ []byte) {
		b, err := t.readIndex()
		if err != nil {
			f.Fatal(err)
		}
		var h handles
		if h.reset(b, t.props.format); h.next() {
			f.Add(blockOf(f, t, h.handle), []byte("user"))
		}
		f.Add(b, []byte("user"))
	})
	f.Fuzz(func(t *testing.T, b, key []byte) {
		var e entries
		n := 0
		for e.reset(b, false); e.next(); n++ {
		}
		if n > len(b)/3+1 {
			t.Fatalf("%d entries in %d bytes", n, len(b))
		}
		e.restartsFit()
		e.reset(b, false)
		e.seek(userLess(key))
		e.next()
	})
}

func FuzzIndex(f *testing.F) {
	seedTables(f, func(t *Table, _ []byte) {
		b, err := t.readIndex()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, t.props.format.delta, t.props.format.userKeys, t.props.format.firstKey, []byte("user"))
	})
	f.Fuzz(func(t *testing.T, b []byte, delta, userKeys, firstKey bool, key []byte) {
		var h handles
		format := indexFormat{delta, userKeys, firstKey}
		for h.reset(b, format); h.next(); {
			if h.handle.offset < 0 || h.handle.size < 0 || h.handle.end() < 0 {
				t.Fatalf("a handle of %d, %d", h.handle.offset, h.handle.size)
			}
		}
		h.reset(b, format)
		h.seek(key)
	})
}

func FuzzFooter(f *testing.F) {
	seedTables(f, func(_ *Table, data []byte) { f.Add(data[len(data)-footerSize:], int64(len(data))) })
	f.Fuzz(func(t *testing.T, tail []byte, size int64) {
		size = max(size&(maxFile-1), int64(len(tail)))
		foot, err := parseFooter(tail, size)
		if err == nil && (foot.metaIndex.offset < 0 || foot.metaIndex.end() > size) {
			t.Fatalf("a meta index at %d with %d bytes of %d", foot.metaIndex.offset, foot.metaIndex.size, size)
		}
	})
}

func FuzzProperties(f *testing.F) {
	seedTables(f, func(t *Table, _ []byte) { f.Add(blockOf(f, t, t.meta[metaProperties])) })
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parseProperties(b)
		if err == nil && p.ingested && p.globalSeqAt+8 > int64(len(b)) {
			t.Fatalf("a sequence number at %d of %d bytes", p.globalSeqAt, len(b))
		}
	})
}

func FuzzManifest(f *testing.F) {
	for _, o := range oracles(f) {
		files, _ := loadDir(f, filepath.Join(tablesDir(f), o.name))
		for name, data := range files.data {
			if strings.HasPrefix(name, "MANIFEST") {
				f.Add(data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		// Checksums keep a fuzzer out, so the records are also read without.
		m, err := ParseManifest(b)
		if err == nil && len(m.Families) == 0 {
			t.Fatal("no column family")
		}
		e := &edit{m: &Manifest{open: map[uint32]*building{0: newBuilding(0, "default")}}, b: b}
		if e.apply() == nil {
			e.m.finish()
		}
	})
}

func FuzzCodec(f *testing.F) {
	seedTables(f, func(t *Table, data []byte) {
		b, err := t.readIndex()
		if err != nil {
			f.Fatal(err)
		}
		var h handles
		if h.reset(b, t.props.format); h.next() {
			raw := data[h.handle.offset : h.handle.end()-trailerSize]
			f.Add(raw, data[h.handle.end()-trailerSize], t.foot.version, t.codecs.dictionary)
		}
	})
	f.Fuzz(func(t *testing.T, b []byte, c byte, version uint32, dict []byte) {
		d := decompressor{version: version, dictionary: dict, limit: fuzzMemory}
		out, err := d.decode(nil, b, codec(c), true)
		if err == nil && len(out) > fuzzMemory {
			t.Fatalf("%d bytes", len(out))
		}
	})
}
