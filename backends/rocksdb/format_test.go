package rocksdb

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
)

// TestMatrix holds that the tables at hand have everything that is claimed to be read.
func TestMatrix(t *testing.T) {
	seen := map[string]int{}
	for _, o := range oracles(t) {
		db, _, err := openDir(t, filepath.Join(tablesDir(t), o.name))
		if err != nil {
			continue // of those refused, see TestTables
		}
		for _, f := range db.families[o.family].tables {
			table, err := f.acquire()
			if err != nil {
				t.Fatal(err)
			}
			for _, feature := range featuresOf(t, table) {
				seen[feature]++
			}
		}
		db.close()
	}
	var want []string
	for v := range newestVersion + 1 {
		want = append(want, fmt.Sprint("version ", v))
	}
	for c := range XXH3 + 1 {
		want = append(want, "checksum "+c.String())
	}
	for _, c := range []codec{codecNone, codecSnappy, codecDeflate, codecBzip2, codecLZ4, codecLZ4HC, codecZstd} {
		want = append(want, fmt.Sprint("codec ", c), fmt.Sprint("codec ", c, " before version 2"))
	}
	for _, c := range []codec{codecDeflate, codecLZ4, codecLZ4HC, codecZstd} {
		want = append(want, fmt.Sprint("dictionary of codec ", c))
	}
	want = append(want, "index 0", "index 1", "index 2", "index 3", "index of user keys", "index of internal keys", "delta-encoded index", "index with whole handles",
		"context", "range deletions", "ingested with a number", "ingested without", "hash index in blocks", "partitioned filter", "full filter", "trained dictionary")
	for _, feature := range want {
		if seen[feature] == 0 {
			t.Errorf("no table has: %s", feature)
		}
	}
	t.Log(seen)
}

// featuresOf are what a table has of the things that tables may have.
func featuresOf(t *testing.T, table *Table) []string {
	t.Helper()
	p := table.props
	all := []string{fmt.Sprint("version ", table.FormatVersion()), "checksum " + table.Checksum().String(), fmt.Sprint("index ", int(p.IndexType))}
	add := func(yes bool, feature, otherwise string) {
		if yes {
			all = append(all, feature)
		} else if otherwise != "" {
			all = append(all, otherwise)
		}
	}
	add(p.format.userKeys, "index of user keys", "index of internal keys")
	add(p.format.delta, "delta-encoded index", "index with whole handles")
	add(table.foot.context != 0, "context", "")
	add(len(table.tombstones) > 0, "range deletions", "")
	add(p.ingested && p.globalSeq != 0, "ingested with a number", "")
	add(p.ingested && p.globalSeq == 0, "ingested without", "")
	add(len(table.codecs.dictionary) > 4 && binary.LittleEndian.Uint32(table.codecs.dictionary) == zstdDictMagic, "trained dictionary", "")
	for name := range table.meta {
		add(strings.HasPrefix(name, metaPartitioned), "partitioned filter", "")
		add(strings.HasPrefix(name, "fullfilter."), "full filter", "")
	}
	return append(all, blockFeatures(t, table)...)
}

func blockFeatures(t *testing.T, table *Table) (all []string) {
	t.Helper()
	it := table.Iterator(0)
	last := handle{offset: -1}
	for it.Next() {
		if it.at == last {
			continue
		}
		last = it.at
		raw, err := it.win.get(last.offset, int(last.size)+trailerSize)
		if err != nil {
			t.Fatal(err)
		}
		c := codec(raw[last.size])
		all = append(all, fmt.Sprint("codec ", c))
		if table.foot.version < sizedVersion {
			all = append(all, fmt.Sprint("codec ", c, " before version 2"))
		}
		if len(table.codecs.dictionary) > 0 {
			all = append(all, fmt.Sprint("dictionary of codec ", c))
		}
		var w window
		w.open(table.src, table.size, 0)
		if b, err := table.block(&w, last, nil, true); err != nil || binary.LittleEndian.Uint32(b[len(b)-4:])&hashIndexBit != 0 {
			all = append(all, "hash index in blocks")
		}
	}
	if it.Err() != nil {
		t.Fatal(it.Err())
	}
	return all
}

// TestForeign holds what is said of files that are tables of another kind, or none.
func TestForeign(t *testing.T) {
	table := writeTable([]rec{{"a", 1, Put, "x"}}, nil)
	for _, c := range []struct {
		name   string
		change func([]byte) []byte
		want   string
	}{
		{"nothing", func([]byte) []byte { return nil }, "0 bytes has no footer"},
		{"short", func(b []byte) []byte { return b[len(b)-50:] }, "50 bytes has no footer"},
		{"text", func(b []byte) []byte { return append(b, "some text at the end"...) }, "ends with the magic number"},
		{"Pebble", withMagic(0xb3aa9ff0b3aa9ff0), "Pebble's own format"},
		{"PlainTable", withMagic(0x8242229663bf9564), "PlainTable"},
		{"a newer one", withByte(versionAt, 7), "format version 7; 0 to 6 are known"},
		{"another checksum", withByte(0, 5), "checksums of type 5"},
		{"no checksum", withByte(0, 0), "has checksum 00000000, not"},
		{"reverse", func([]byte) []byte {
			return writeTable(nil, map[string]string{"rocksdb.comparator": "rocksdb.ReverseBytewiseComparator"})
		}, "ordered by rocksdb.ReverseBytewiseComparator"},
		{"timestamps", func([]byte) []byte {
			return writeTable(nil, map[string]string{"rocksdb.comparator": bytewise + ".u64ts"})
		}, ".u64ts"},
		{"an unknown index", func([]byte) []byte {
			return writeTable(nil, map[string]string{"rocksdb.block.based.table.index.type": "\x09\x00\x00\x00"})
		}, "unknown type, 9"},
		{"ingested by a newer version", func([]byte) []byte {
			return writeTable(nil, map[string]string{"rocksdb.external_sst_file.version": "\x03\x00\x00\x00"})
		}, "ingested table of unknown version"},
		{"ingested, without its number", func([]byte) []byte {
			return writeTable(nil, map[string]string{"rocksdb.external_sst_file.version": "\x02\x00\x00\x00"})
		}, "sequence number of 0 bytes"},
	} {
		data := c.change(append([]byte(nil), table...))
		_, err := OpenTable(blobOf("foreign.sst", data), &TableOptions{})
		says(t, c.name, "opening", err, c.want)
		if e, ok := err.(*backends.Error); !ok || e.Path != "foreign.sst" {
			t.Errorf("%s: %T of no path", c.name, err)
		}
	}
}

func withMagic(magic uint64) func([]byte) []byte {
	return func(b []byte) []byte {
		binary.LittleEndian.PutUint64(b[len(b)-8:], magic)
		return b
	}
}

// withByte changes a byte of the footer.
func withByte(at int, x byte) func([]byte) []byte {
	return func(b []byte) []byte {
		b[len(b)-footerSize+at] = x
		return b
	}
}

// TestIngested holds where the sequence number of an ingested table comes from, and what must not be.
func TestIngested(t *testing.T) {
	file := func(seq uint64) *TableFile {
		return &TableFile{Smallest: ikey("a", seq, Put), Largest: ikey("a", seq, Put), SmallestSeq: seq, LargestSeq: seq}
	}
	ingested := func(seq byte, records ...rec) []byte {
		return writeTable(records, map[string]string{"rocksdb.external_sst_file.version": "\x02\x00\x00\x00", "rocksdb.external_sst_file.global_seqno": string(seq) + "\x00\x00\x00\x00\x00\x00\x00"})
	}
	for _, c := range []struct {
		name string
		data []byte
		file *TableFile
		seq  uint64
		want string
	}{
		{"of the MANIFEST", ingested(0, rec{"a", 0, Put, ""}), file(9), 9, ""},
		{"of the table", ingested(7, rec{"a", 0, Put, ""}), nil, 7, ""},
		{"of both", ingested(9, rec{"a", 0, Put, ""}), file(9), 9, ""},
		{"of both, and not the same", ingested(8, rec{"a", 0, Put, ""}), file(9), 0, "sequence number 8, and 9 in the MANIFEST"},
		{"of the record", ingested(9, rec{"a", 3, Put, ""}), file(9), 0, "has a sequence number, 3"},
	} {
		table, err := OpenTable(blobOf("ingested", c.data), &TableOptions{File: c.file})
		var seq uint64
		if err == nil {
			it := table.Iterator(0)
			if it.Next() {
				seq = it.Seq()
			}
			err = it.Err()
		}
		says(t, c.name, "reading", err, c.want)
		if seq != c.seq {
			t.Errorf("%s: sequence number %d", c.name, seq)
		}
	}
}

// TestXXHash32 holds the hash that no library at hand has.
func TestXXHash32(t *testing.T) {
	for text, want := range map[string]uint32{
		"": 0x02cc5d05, "a": 0x550d7456, "abc": 0x32d153ff,
		"Nobody inspects the spammish repetition": 0xe2293b2f,
	} {
		if got := xxHash32([]byte(text)); got != want {
			t.Errorf("%q: %08x, not %08x", text, got, want)
		}
	}
}
