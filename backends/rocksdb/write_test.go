package rocksdb

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"

	"github.com/ckpt-tool/ckpt/metadata"
)

// rec is a record to write.
type rec struct {
	user  string
	seq   uint64
	kind  Kind
	value string
}

func (r rec) key() []byte {
	return binary.LittleEndian.AppendUint64([]byte(r.user), r.seq<<8|uint64(r.kind))
}

// tableWriter writes tables of version 5 with CRC-32C, without compression.
type tableWriter struct {
	out    []byte
	block  []byte
	places []uint32
	index  []byte
	starts []uint32
	last   []byte
}

const writtenBlock = 4096

func entry(dst, key, value []byte) []byte {
	dst = append(dst, 0)
	dst = binary.AppendUvarint(dst, uint64(len(key)))
	dst = binary.AppendUvarint(dst, uint64(len(value)))
	return append(append(dst, key...), value...)
}

func (w *tableWriter) add(key, value []byte) {
	if len(w.block) >= writtenBlock {
		w.flush()
	}
	w.places = append(w.places, uint32(len(w.block)))
	w.block = entry(w.block, key, value)
	w.last = append(w.last[:0], key...)
}

func (w *tableWriter) flush() {
	if len(w.block) == 0 {
		return
	}
	h := w.write(w.block, w.places)
	w.starts = append(w.starts, uint32(len(w.index)))
	w.index = entry(w.index, w.last, h)
	w.block, w.places = w.block[:0], w.places[:0]
}

// write puts a block into the table, and gives its handle.
func (w *tableWriter) write(block []byte, restarts []uint32) []byte {
	at := len(w.out)
	w.out = append(w.out, block...)
	for _, r := range append(slices.Clone(restarts), uint32(len(restarts))) {
		w.out = binary.LittleEndian.AppendUint32(w.out, r)
	}
	size := len(w.out) - at
	w.out = append(w.out, byte(codecNone))
	w.out = binary.LittleEndian.AppendUint32(w.out, maskCRC(crc32.Checksum(w.out[at:], castagnoli)))
	return binary.AppendUvarint(binary.AppendUvarint(nil, uint64(at)), uint64(size))
}

// list writes a block of names and values.
func (w *tableWriter) list(values map[string]string) []byte {
	var b []byte
	var starts []uint32
	for _, name := range slices.Sorted(maps.Keys(values)) {
		starts = append(starts, uint32(len(b)))
		b = entry(b, []byte(name), []byte(values[name]))
	}
	return w.write(b, starts)
}

// writeTable gives a table of the records, which come in order, with more properties.
func writeTable(records []rec, more map[string]string) []byte {
	w := &tableWriter{}
	for _, r := range records {
		w.add(r.key(), []byte(r.value))
	}
	w.flush()
	index := w.write(w.index, w.starts)
	properties := map[string]string{
		"rocksdb.num.entries": string(binary.AppendUvarint(nil, uint64(len(records)))), "rocksdb.comparator": bytewise, "rocksdb.merge.operator": appendTest,
	}
	maps.Copy(properties, more)
	meta := w.list(map[string]string{metaProperties: string(w.list(properties))})
	footer := append([]byte{byte(CRC32C)}, meta...)
	footer = append(footer, index...)
	footer = append(footer, make([]byte, versionAt-len(footer))...)
	footer = binary.LittleEndian.AppendUint32(footer, 5)
	w.out = append(w.out, footer...)
	return binary.LittleEndian.AppendUint64(w.out, magicBlockBased)
}

// writtenTable is a table for a written database.
type writtenTable struct {
	level   int
	records []rec
}

// writeDatabase gives the files of a database with one column family, "state".
func writeDatabase(tables ...writtenTable) (*memFiles, *metadata.IncrementalHandle) {
	files, h := &memFiles{data: map[string][]byte{}}, &metadata.IncrementalHandle{}
	str := func(b []byte, s []byte) []byte { return append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	edits := []string{"\x01" + string(str(nil, []byte(bytewise))), "\xc8\x01\x01\xc9\x01\x05state"}
	for i, t := range tables {
		number := uint64(i + 10)
		data := writeTable(t.records, nil)
		files.data[fmt.Sprintf("%06d.sst", number)] = data
		e := []byte("\xc8\x01\x01\x67")
		e = binary.AppendUvarint(append(e, byte(t.level)), number)
		e = binary.AppendUvarint(e, uint64(len(data)))
		e = str(str(e, t.records[0].key()), t.records[len(t.records)-1].key())
		lo, hi := uint64(maxSeq), uint64(0)
		for _, r := range t.records {
			lo, hi = min(lo, r.seq), max(hi, r.seq)
		}
		e = binary.AppendUvarint(binary.AppendUvarint(e, lo), hi)
		edits = append(edits, string(append(e, 1)))
	}
	files.data["MANIFEST-000001"] = logOf(false, edits...)
	files.data["CURRENT"] = []byte("MANIFEST-000001\n")
	for name, data := range files.data {
		h.Shared = append(h.Shared, metadata.NamedFile{Name: metadata.UTF(name), File: &metadata.FileHandle{Path: metadata.UTF(name), Size: int64(len(data))}})
	}
	return files, h
}

// ordered sorts records as a table has them.
func ordered(records []rec) []rec {
	slices.SortFunc(records, func(a, b rec) int {
		x, _ := parseKey(a.key())
		y, _ := parseKey(b.key())
		return x.Compare(y)
	})
	return records
}
