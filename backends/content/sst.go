package content

import (
	"encoding/binary"
)

// The footer of an SST (RocksDB: Footer): u8 type of checksum, two handles of varint64
// offset and size, of the meta index and of the index, zeros up to 41 bytes; u32 version,
// u64 magic. From version 6 on, what is before the version is something else.
const (
	footerSize    = 53
	legacyFooter  = 48 // version 0 has neither type nor version
	footerVersion = 41
	blockTrailer  = 5 // u8 compression, u32 checksum
	mostChecksum  = 4 // XXH3
	mostFooter    = 5 // version of which the handles are known

	magicBlockBased = 0x88e241b785f4cff7
	magicLegacy     = 0xdb4775248b80fb57
	magicPebble     = 0xb3aa9ff0b3aa9ff0 // with RocksDB's footer
)

// sst checks the footer. That blocks have their checksums is not looked at here.
func (k *checker) sst() {
	if k.c.left() < legacyFooter {
		k.problem(nil, k.c.at, "an SST of %d bytes has no footer", k.c.left())
		return
	}
	k.c.skip(k.c.left() - min(footerSize, k.c.left()))
	at := k.c.at
	footer := k.c.take(int(k.end - at))
	if footer == nil {
		return
	}
	magic := binary.LittleEndian.Uint64(footer[len(footer)-8:])
	switch {
	case magic == magicLegacy:
	case magic != magicBlockBased && magic != magicPebble:
		k.problem(nil, k.end-8, "an SST with magic number %016x", magic)
	case len(footer) < footerSize:
		k.problem(nil, at, "an SST of %d bytes has no footer", len(footer))
	default:
		k.footer(at, footer)
	}
}

func (k *checker) footer(at int64, footer []byte) {
	version := binary.LittleEndian.Uint32(footer[footerVersion:])
	switch {
	case version > mostVersion:
		k.problem(nil, at+footerVersion, "an SST of version %d", version)
	case version > mostFooter:
	case footer[0] > mostChecksum:
		k.problem(nil, at, "an SST with checksums of type %d", footer[0])
	default:
		k.blockHandles(at, footer[1:footerVersion])
	}
}

func (k *checker) blockHandles(at int64, b []byte) {
	for _, what := range []string{"meta index", "index"} {
		offset, n := binary.Uvarint(b)
		size, m := binary.Uvarint(b[max(n, 0):])
		limit := uint64(at - k.start)
		if n <= 0 || m <= 0 || offset > limit || size > limit || offset+size+blockTrailer > limit {
			k.problem(nil, at+1, "the %s of an SST lies at %d with %d bytes, not before its footer at %d", what, offset, size, limit)
			return
		}
		b = b[n+m:]
	}
	for _, x := range b {
		if x != 0 {
			k.problem(nil, at, "the footer of an SST has bytes behind its handles")
			return
		}
	}
}
