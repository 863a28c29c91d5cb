package stream

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/klauspost/compress/s2"
)

// The chunks that Flink writes, by their type.
const (
	ChunkCompressed   = 0x00
	ChunkUncompressed = 0x01
	ChunkIdentifier   = 0xff
)

const (
	// Identifier is the chunk that begins a framed stream.
	Identifier = "\xff\x06\x00\x00sNaPpY"
	// ChunkHead is the length of what says a chunk's type and size, in bytes.
	ChunkHead = 4
	// BlockSize is how many bytes a chunk holds at most, uncompressed.
	BlockSize = 64 << 10
)

// MaxChunk is the longest that a chunk can be behind its head, in bytes: a checksum, and a block that does not
// compress.
var MaxChunk = 4 + s2.MaxEncodedLen(BlockSize)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrIdentifier tells that no identifier is where one has to be.
var ErrIdentifier = errors.New("no identifier of a snappy stream")

// Mask is what Snappy's framing format and RocksDB both do to a CRC-32C that lies beside its bytes.
func Mask(crc uint32) uint32 { return crc>>15 | crc<<17 + 0xa282ead8 }

// Chunk is the head of a chunk.
type Chunk struct {
	Type byte
	Size int // of what follows, in bytes
}

// ReadChunk reads the head of a chunk, which is ChunkHead bytes long. There are no others than the three
// types, none that is longer than MaxChunk, and an identifier has its own length.
func ReadChunk(head []byte) (Chunk, error) {
	c := Chunk{Type: head[0], Size: int(head[1]) | int(head[2])<<8 | int(head[3])<<16}
	switch {
	case c.Type == ChunkIdentifier && c.Size != len(Identifier)-ChunkHead:
		return c, ErrIdentifier
	case c.Type == ChunkIdentifier:
		return c, nil
	case c.Type > ChunkUncompressed || c.Size < 4 || c.Size > MaxChunk:
		return c, fmt.Errorf("a snappy chunk of type %#02x and %d bytes", c.Type, c.Size)
	}
	return c, nil
}

// Decode gives what the chunk's Size bytes hold, nothing for an identifier. It is in dst, which is BlockSize bytes
// long, or in data.
func (c Chunk) Decode(dst, data []byte) ([]byte, error) {
	if c.Type == ChunkIdentifier {
		if string(data) != Identifier[ChunkHead:] {
			return nil, ErrIdentifier
		}
		return nil, nil
	}
	want, block := binary.LittleEndian.Uint32(data), data[4:]
	if c.Type == ChunkCompressed {
		n, err := s2.DecodedLen(block)
		if err != nil || n > BlockSize {
			return nil, fmt.Errorf("a snappy chunk of %d uncompressed bytes", n)
		}
		if block, err = s2.Decode(dst[:n], block); err != nil {
			return nil, errors.New("a snappy chunk does not decompress")
		}
	}
	if len(block) > BlockSize || Mask(crc32.Checksum(block, castagnoli)) != want {
		return nil, errors.New("a snappy chunk does not have its checksum")
	}
	return block, nil
}
