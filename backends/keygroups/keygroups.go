// Package keygroups says which key group a key belongs to, and which sub-task a key group.
//
//	key group = murmur(key.hashCode()) mod max parallelism
//
// Sources: Flink's KeyGroupRangeAssignment, MathUtils.murmurHash, CompositeKeySerializationUtils.
package keygroups

import (
	"math"
	"math/bits"

	"github.com/ckpt-tool/ckpt/metadata"
)

// MaxParallelism is the highest max parallelism of Flink.
const MaxParallelism = 1 << 15

// Of is the key group of a key with Java's hash code code.
func Of(code, maxParallelism int32) int32 { return murmur(code) % maxParallelism }

// murmur is the MurmurHash3 of 4 bytes, made positive (Flink: MathUtils.murmurHash).
func murmur(code int32) int32 {
	h := bits.RotateLeft32(uint32(code)*0xcc9e2d51, 15) * 0x1b873593
	h = bits.RotateLeft32(h, 13)*5 + 0xe6546b64
	h ^= 4
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	switch v := int32(h ^ h>>16); {
	case v >= 0:
		return v
	case v == math.MinInt32:
		return 0
	default:
		return -v
	}
}

// Subtask is which of parallelism sub-tasks a key group belongs to.
func Subtask(keyGroup, maxParallelism, parallelism int32) int32 {
	return int32(int64(keyGroup) * int64(parallelism) / int64(maxParallelism))
}

// PrefixLen is how many bytes of a key in RocksDB and in canonical savepoints hold its
// key group (Flink: computeRequiredBytesInKeyGroupPrefix).
func PrefixLen(maxParallelism int32) int {
	if maxParallelism > 128 {
		return 2
	}
	return 1
}

// AppendPrefix appends the key group as n bytes.
func AppendPrefix(dst []byte, keyGroup int32, n int) []byte {
	if n == 2 {
		dst = append(dst, byte(keyGroup>>8))
	}
	return append(dst, byte(keyGroup))
}

// Prefix reads the key group at the beginning of a key, whose first n bytes hold it. It is -1 where key is
// shorter.
func Prefix(key []byte, n int) int32 {
	switch {
	case len(key) < n:
		return -1
	case n == 2:
		return int32(key[0])<<8 | int32(key[1])
	}
	return int32(key[0])
}

// All are the key groups of a job.
func All(maxParallelism int32) metadata.KeyGroupRange {
	return metadata.KeyGroupRange{First: 0, Last: maxParallelism - 1}
}
