package metadata

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"math/bits"
	"strings"
	"unicode/utf8"
)

// NewUUID is a random UUID (version 4) in Java's spelling, as Flink names files of state and handles
// (Flink: UUID.randomUUID().toString()).
func NewUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0F|0x40, b[8]&0x3F|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// OperatorIDOf is the id that Flink gives to an operator with uid("...") set:
// MurmurHash3 x64 128 with seed 0 over the UTF-8 of the uid, both halves
// little-endian (Flink: StreamGraphHasherV2, Guava's Hashing.murmur3_128).
// Like Java, which holds strings in UTF-16, it hashes "?" for what is no
// character, such as half of a surrogate pair.
func OperatorIDOf(uid string) OperatorID {
	return murmur128([]byte(replaceInvalid(uid)))
}

// replaceInvalid puts a question mark for each surrogate without its partner,
// which is three bytes where somebody encoded it at all, and for each other byte
// that is not UTF-8.
func replaceInvalid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r != utf8.RuneError || n > 1:
			b.WriteString(s[i : i+n])
		case i+2 < len(s) && s[i] == 0xED && s[i+1]&0xE0 == 0xA0 && s[i+2]&0xC0 == 0x80:
			b.WriteByte('?')
			n = 3
		default:
			b.WriteByte('?')
		}
		i += n
	}
	return b.String()
}

// The constants of MurmurHash3 x64 128.
const (
	murmurC1 = 0x87c37b91114253d5
	murmurC2 = 0x4cf5ad432745937f
)

func murmur128(data []byte) OperatorID {
	var h1, h2 uint64
	length := uint64(len(data))
	for ; len(data) >= 16; data = data[16:] {
		h1 ^= murmurMix1(binary.LittleEndian.Uint64(data))
		h1 = (bits.RotateLeft64(h1, 27)+h2)*5 + 0x52dce729
		h2 ^= murmurMix2(binary.LittleEndian.Uint64(data[8:]))
		h2 = (bits.RotateLeft64(h2, 31)+h1)*5 + 0x38495ab5
	}
	var tail [16]byte // zeros change nothing: both mixes of 0 are 0
	copy(tail[:], data)
	h1 ^= murmurMix1(binary.LittleEndian.Uint64(tail[:])) ^ length
	h2 ^= murmurMix2(binary.LittleEndian.Uint64(tail[8:])) ^ length
	h1 += h2
	h2 += h1
	h1, h2 = murmurFinish(h1), murmurFinish(h2)
	h1 += h2
	h2 += h1
	var id OperatorID
	binary.LittleEndian.PutUint64(id[:], h1)
	binary.LittleEndian.PutUint64(id[8:], h2)
	return id
}

func murmurMix1(k uint64) uint64 { return bits.RotateLeft64(k*murmurC1, 31) * murmurC2 }

func murmurMix2(k uint64) uint64 { return bits.RotateLeft64(k*murmurC2, 33) * murmurC1 }

func murmurFinish(k uint64) uint64 {
	k = (k ^ k>>33) * 0xff51afd7ed558ccd
	k = (k ^ k>>33) * 0xc4ceb9fe1a85ec53
	return k ^ k>>33
}
