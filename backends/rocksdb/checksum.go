package rocksdb

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"

	"github.com/cespare/xxhash/v2"
	"github.com/zeebo/xxh3"
)

// Checksum is the kind of checksum of a table's blocks (RocksDB: ChecksumType).
type Checksum byte

// The kinds.
const (
	NoChecksum Checksum = iota
	CRC32C
	XXHash
	XXHash64
	XXH3
)

var checksumNames = [...]string{"none", "CRC-32C", "xxHash", "xxHash64", "XXH3"}

// String is the name of the algorithm.
func (c Checksum) String() string {
	if int(c) < len(checksumNames) {
		return checksumNames[c]
	}
	return "unknown"
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maskCRC is what is stored in place of a CRC, so that a CRC of data with CRCs is still one.
func maskCRC(crc uint32) uint32 { return bits.RotateLeft32(crc, 17) + 0xa282ead8 }

// sum is the checksum of b, whose last byte is the codec of a block, or the end of a footer. It is 0
// with NoChecksum.
func (c Checksum) sum(b []byte) uint32 {
	switch c {
	case CRC32C:
		return maskCRC(crc32.Checksum(b, castagnoli))
	case XXHash:
		return xxHash32(b)
	case XXHash64:
		return uint32(xxhash.Sum64(b))
	case XXH3:
		last := len(b) - 1
		return uint32(xxh3.Hash(b[:last])) ^ uint32(b[last])*0x6b9083d9
	}
	return 0
}

// contextSum is what is added to the checksum of what lies at the offset, in a table of version 6.
func contextSum(context uint32, offset int64) uint32 {
	if context == 0 {
		return 0
	}
	return context ^ (uint32(offset) + uint32(offset>>32))
}

const (
	xxPrime1 = 2654435761
	xxPrime2 = 2246822519
	xxPrime3 = 3266489917
	xxPrime4 = 668265263
	xxPrime5 = 374761393
)

// xxHash32 is the 32-bit xxHash with seed 0.
func xxHash32(b []byte) uint32 {
	n, h := len(b), uint32(xxPrime5)
	if n >= 16 {
		h, b = xxLanes(b)
	}
	h += uint32(n)
	for ; len(b) >= 4; b = b[4:] {
		h = bits.RotateLeft32(h+binary.LittleEndian.Uint32(b)*xxPrime3, 17) * xxPrime4
	}
	for _, x := range b {
		h = bits.RotateLeft32(h+uint32(x)*xxPrime5, 11) * xxPrime1
	}
	h = (h ^ h>>15) * xxPrime2
	h = (h ^ h>>13) * xxPrime3
	return h ^ h>>16
}

// xxLanes takes the 16-byte stripes of b, and gives what is left of it.
func xxLanes(b []byte) (uint32, []byte) {
	v1, v2, v3, v4 := uint32(xxPrime1), uint32(xxPrime2), uint32(0), uint32(0)
	v1 += xxPrime2
	v4 -= xxPrime1
	for len(b) >= 16 {
		v1 = xxRound(v1, binary.LittleEndian.Uint32(b))
		v2 = xxRound(v2, binary.LittleEndian.Uint32(b[4:]))
		v3 = xxRound(v3, binary.LittleEndian.Uint32(b[8:]))
		v4 = xxRound(v4, binary.LittleEndian.Uint32(b[12:]))
		b = b[16:]
	}
	h := bits.RotateLeft32(v1, 1) + bits.RotateLeft32(v2, 7) + bits.RotateLeft32(v3, 12) + bits.RotateLeft32(v4, 18)
	return h, b
}

func xxRound(v, x uint32) uint32 { return bits.RotateLeft32(v+x*xxPrime2, 13) * xxPrime1 }
