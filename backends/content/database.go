package content

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"regexp"

	"github.com/ckpt-tool/ckpt/backends/rocksdb"
	"github.com/ckpt-tool/ckpt/backends/stream"
	"github.com/ckpt-tool/ckpt/metadata"
)

// Files of a RocksDB or ForSt database. Their numbers are little-endian.

var currentLine = regexp.MustCompile(`^MANIFEST-\d+\n$`)

// current is the name of a MANIFEST and a line feed; the handle must have that file.
func (k *checker) current() {
	at, line := k.c.at, k.c.peek(fileBuffer)
	switch {
	case k.c.err != nil && int64(len(line)) < min(k.c.left(), fileBuffer):
	case !currentLine.Match(line):
		k.problem(nil, at, "CURRENT is %.40q, which names no MANIFEST", line)
	default:
		k.listed(metadata.UTF(bytes.TrimSuffix(line, []byte("\n"))))
	}
}

func (k *checker) listed(name metadata.UTF) {
	for _, p := range k.parts {
		h := p.Place.Parent.(*metadata.IncrementalHandle)
		if !lists(h.Private, name) && !lists(h.Shared, name) {
			k.problem(p, k.start, "CURRENT names %s, which the handle does not have", name)
		}
	}
}

func lists(files []metadata.NamedFile, name metadata.UTF) bool {
	for _, f := range files {
		if f.Name == name {
			return true
		}
	}
	return false
}

// options is text that begins with a comment; that of Pebble with a section.
func (k *checker) options() {
	want := "#"
	if k.ofPebble() {
		want = "["
	}
	if b := k.c.take(1); string(b) != want && !k.c.cut() {
		k.problem(nil, k.start, "OPTIONS begins with %q, not with %q", b, want)
		return
	}
	for k.c.left() > 0 && !k.c.short {
		at, b := k.c.at, k.c.peek(fileBuffer)
		if i := bytes.IndexFunc(b, isControl); i >= 0 {
			k.problem(nil, at+int64(i), "OPTIONS is no text: byte %#02x", b[i])
			return
		}
		k.c.skip(int64(max(len(b), 1)))
	}
}

// ofPebble tells whether the file belongs to a database of Pebble.
func (k *checker) ofPebble() bool {
	for _, p := range k.parts {
		h, ok := p.Place.Parent.(*metadata.IncrementalHandle)
		if ok && lists(h.Private, rocksdb.PebbleMarker) {
			return true
		}
	}
	return false
}

func isControl(r rune) bool { return r < ' ' && r != '\n' && r != '\t' && r != '\r' || r == 0x7f }

// RocksDB's log format.
const (
	logBlock      = 32 << 10
	logHeader     = 7  // u32 checksum, u16 length, u8 type
	recycleHeader = 11 // and u32 number of the log
)

// The types of a record, or of a fragment of one; those of recycled logs are four more.
const (
	logFull = 1 + iota
	logFirst
	logMiddle
	logLast
	mostLogType = 2 * logLast
)

// manifest is records of the log format, each with a checksum, in blocks of 32 KiB, of
// which a record that does not fit the rest has fragments in several.
func (k *checker) manifest() {
	inside, records := false, 0
	for k.c.left() > 0 && !k.c.cut() {
		room := logBlock - (k.c.at-k.start)%logBlock
		if room < logHeader {
			k.c.skip(min(room, k.c.left()))
			continue
		}
		at := k.c.at
		kind := k.record(room)
		if kind == 0 {
			return
		}
		if (kind == logFull || kind == logFirst) == inside {
			k.problem(nil, at, "a record of the MANIFEST that is in pieces lacks one")
		}
		inside = kind == logFirst || kind == logMiddle
		records++
	}
	if (inside || records == 0) && !k.c.cut() {
		k.problem(nil, k.c.at, "the MANIFEST ends before a record does")
	}
}

// record checks one record, or fragment, and gives its type, as if the log were not
// recycled; 0 where nothing can follow.
func (k *checker) record(room int64) byte {
	at, head := k.c.at, k.c.peek(logHeader)
	if len(head) < logHeader {
		k.c.short = true
		k.ends(nil, "a record of the MANIFEST")
		return 0
	}
	sum, kind := binary.LittleEndian.Uint32(head), head[6]
	size := logHeader + int(binary.LittleEndian.Uint16(head[4:]))
	if kind > logLast && kind <= mostLogType {
		size += recycleHeader - logHeader
	}
	data := k.c.take(size)
	switch {
	case data == nil && k.c.cut():
		return 0
	case data == nil || int64(size) > room || stream.Mask(crc32.Checksum(data[6:], castagnoli)) != sum:
		k.problem(nil, at, "a record of the MANIFEST does not have its checksum")
		return 0
	case kind == 0 || kind > mostLogType:
		return 0
	}
	return (kind-1)%logLast + 1
}
