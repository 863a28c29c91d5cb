package types

import (
	"encoding/binary"
	"math/bits"
)

// hashWords is the MurmurHash3 of words of 4 bytes, with Flink's seed 42 (Flink: MurmurHashUtils.hashBytesByWords).
// A last word that is not whole is left out; rows have none.
func hashWords(b []byte) int32 {
	h := uint32(42)
	for w := b; len(w) >= 4; w = w[4:] {
		h ^= bits.RotateLeft32(binary.LittleEndian.Uint32(w)*0xcc9e2d51, 15) * 0x1b873593
		h = bits.RotateLeft32(h, 13)*5 + 0xe6546b64
	}
	h ^= uint32(len(b))
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	return int32(h ^ h>>16)
}
