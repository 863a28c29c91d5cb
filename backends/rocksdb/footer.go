package rocksdb

import (
	"encoding/binary"
	"fmt"
)

const (
	footerSize       = 53
	legacyFooterSize = 48 // version 0 has neither type of checksum nor version
	handlesSize      = 40 // of the two handles, padded
	versionAt        = 41
	trailerSize      = 5 // of a block: u8 codec, u32 checksum
	newestVersion    = 6
	contextVersion   = 6 // from which on the footer is another
	extendedMagic    = 0x007a003e

	magicBlockBased       = 0x88e241b785f4cff7
	magicBlockBasedLegacy = 0xdb4775248b80fb57
	magicPebble           = 0xb3aa9ff0b3aa9ff0

	newestPebble = 2 // of Pebble's formats, whose blocks are like RocksDB's
)

// foreignMagics are tables of other kinds, by the magic number that they end with.
var foreignMagics = map[uint64]string{
	0x8242229663bf9564: "a PlainTable",
	0x4f3418eb7a8f13b8: "a PlainTable",
	0x926789d0c5f17873: "a CuckooTable",
}

// handle is where a block lies: size is without its trailer.
type handle struct{ offset, size int64 }

func (h handle) end() int64 { return h.offset + h.size + trailerSize }

// footer is the end of a table.
type footer struct {
	version   uint32
	checksum  Checksum
	context   uint32 // 0 where checksums do not depend on it
	size      int64  // of the footer
	metaIndex handle
	index     handle // of size 0 from version 6 on: the meta index has it
	pebble    bool
}

// parseFooter reads the footer of a table of size bytes, of which tail is the end.
func parseFooter(tail []byte, size int64) (*footer, error) {
	if len(tail) < legacyFooterSize {
		return nil, badFormat(0, "a table of %d bytes has no footer", size)
	}
	switch magic := binary.LittleEndian.Uint64(tail[len(tail)-8:]); {
	case magic == magicBlockBasedLegacy:
		return legacyFooter(tail[len(tail)-legacyFooterSize:], size)
	case magic == magicPebble && len(tail) >= footerSize:
		return pebbleFooter(tail[len(tail)-footerSize:], size-footerSize)
	case magic != magicBlockBased:
		return nil, foreignTable(magic, size-8)
	case len(tail) < footerSize:
		return nil, badFormat(0, "a table of %d bytes has no footer", size)
	}
	b, at := tail[len(tail)-footerSize:], size-footerSize
	f := &footer{version: binary.LittleEndian.Uint32(b[versionAt:]), checksum: Checksum(b[0]), size: footerSize}
	switch {
	case f.version > newestVersion || f.version == 0:
		return nil, badFormat(at+versionAt, "a table of format version %d; 0 to %d are known", f.version, newestVersion)
	case f.checksum > XXH3:
		return nil, badFormat(at, "a table with checksums of type %d", f.checksum)
	case f.version >= contextVersion:
		return f, f.extended(b, at)
	}
	return f, f.handles(b[1:1+handlesSize], at+1, at)
}

// pebbleFooter reads a footer of Pebble, which lies at the offset at. It is that of RocksDB's version 2, as are the blocks.
func pebbleFooter(b []byte, at int64) (*footer, error) {
	f := &footer{version: 2, checksum: Checksum(b[0]), size: footerSize, pebble: true}
	switch v := binary.LittleEndian.Uint32(b[versionAt:]); {
	case v == 0 || v > newestPebble:
		return nil, &formatError{offset: at + versionAt, message: fmt.Sprintf("a table of Pebble's own format, of version %d", v), hint: "ckpt run writes versions up to 2, and only those are read here"}
	case f.checksum > XXH3:
		return nil, badFormat(at, "a table with checksums of type %d", f.checksum)
	}
	return f, f.handles(b[1:1+handlesSize], at+1, at)
}

func foreignTable(magic uint64, at int64) error {
	if name, ok := foreignMagics[magic]; ok {
		return &formatError{offset: at, message: "this is " + name, hint: "only RocksDB's block-based tables are read here, which Flink writes unless its options say otherwise"}
	}
	return badFormat(at, "no table of RocksDB ends with the magic number %016x", magic)
}

func legacyFooter(b []byte, size int64) (*footer, error) {
	f := &footer{checksum: CRC32C, size: legacyFooterSize}
	return f, f.handles(b[:handlesSize], size-legacyFooterSize, size-legacyFooterSize)
}

// handles reads both handles at the offset at; the footer begins at limit.
func (f *footer) handles(b []byte, at, limit int64) error {
	for _, h := range []*handle{&f.metaIndex, &f.index} {
		var n int
		if *h, n = readHandle(b); n == 0 || h.end() > limit {
			return badFormat(at, "the footer of a table names a block outside of it")
		}
		b = b[n:]
	}
	for _, x := range b {
		if x != 0 {
			return badFormat(at, "the footer of a table has bytes behind its handles")
		}
	}
	return nil
}

// extended reads a footer of version 6, which lies at the offset at.
func (f *footer) extended(b []byte, at int64) error {
	if binary.LittleEndian.Uint32(b[1:]) != extendedMagic {
		return badFormat(at+1, "the footer of a table lacks its second magic number")
	}
	sum := binary.LittleEndian.Uint32(b[5:])
	f.context = binary.LittleEndian.Uint32(b[9:])
	f.metaIndex.size = int64(binary.LittleEndian.Uint32(b[13:]))
	f.metaIndex.offset = at - trailerSize - f.metaIndex.size
	var zeroed [footerSize]byte
	copy(zeroed[:], b)
	clear(zeroed[5:9])
	if got := f.checksum.sum(zeroed[:]) + contextSum(f.context, at); got != sum {
		return badFormat(at, "the footer of a table has checksum %08x, not %08x", got, sum)
	}
	for i, x := range b[17:versionAt] {
		if x != 0 {
			return badFormat(at+17+int64(i), "the footer of a table has bytes behind its handles")
		}
	}
	if f.metaIndex.offset < 0 {
		return badFormat(at+13, "the footer of a table names a block outside of it")
	}
	return nil
}

// readHandle reads a handle, and how many bytes it takes; 0 if it is none.
func readHandle(b []byte) (handle, int) {
	offset, n := binary.Uvarint(b)
	if n <= 0 {
		return handle{}, 0
	}
	size, m := binary.Uvarint(b[n:])
	if m <= 0 || offset > maxFile || size > maxFile {
		return handle{}, 0
	}
	return handle{int64(offset), int64(size)}, n + m
}

// maxFile bounds offsets and sizes, so that sums of them do not overflow.
const maxFile = 1 << 56
