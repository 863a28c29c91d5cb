package content

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/s2"
)

// The chunks of Snappy's framing format that Flink writes, by their type.
const (
	chunkCompressed   = 0x00
	chunkUncompressed = 0x01
	chunkIdentifier   = 0xff
)

// identifier is the chunk that begins a framed stream.
const identifier = "\xff\x06\x00\x00sNaPpY"

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errFrame   = errors.New("a broken chunk, which has been told")
)

// mask is what Snappy's framing format and RocksDB's logs both do to a checksum.
func mask(crc uint32) uint32 { return crc>>15 | crc<<17 + 0xa282ead8 }

// maxChunk is the longest that a chunk can be: 64 KiB, which do not compress.
var maxChunk = 4 + s2.MaxEncodedLen(blockSize)

// frames reads chunks of the framing format from the checker's cursor, up to its end,
// and as an io.Reader gives what they hold.
type frames struct {
	k     *checker
	part  *Part
	at    int64 // where the latest chunk begins
	rest  []byte
	begun bool // the latest chunk was an identifier
	err   error
}

// frames begins a framed stream, which must begin with an identifier.
func (k *checker) frames(p *Part) *frames {
	f := &frames{k: k, part: p, at: k.c.at}
	if b := k.c.peek(len(identifier)); string(b) != identifier {
		k.c.short = len(b) < len(identifier)
		f.fail("no identifier of a snappy stream")
	}
	return f
}

// fail tells what is wrong with the chunk at hand, unless the file ends within it.
func (f *frames) fail(format string, args ...any) {
	f.err = errFrame
	if !f.k.c.cut() {
		f.k.problem(f.part, f.at, format, args...)
	}
}

// Read implements io.Reader. Its error is io.EOF at the end of the stream.
func (f *frames) Read(p []byte) (int, error) {
	for len(f.rest) == 0 && f.err == nil {
		f.rest = f.next()
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	if n > 0 {
		return n, nil
	}
	return 0, f.err
}

// next reads a chunk, checks it, and gives what it holds until the next call; nothing
// for an identifier.
func (f *frames) next() []byte {
	c := f.k.c
	f.at, f.begun = c.at, false
	if c.left() == 0 || f.err != nil {
		f.err = io.EOF
		return nil
	}
	head := c.take(4)
	if head == nil {
		f.fail("the stream ends within a snappy chunk")
		return nil
	}
	kind, size := head[0], int(head[1])|int(head[2])<<8|int(head[3])<<16
	if kind == chunkIdentifier {
		return f.identifier(size)
	}
	if kind > chunkUncompressed || size < 4 || size > maxChunk {
		f.fail("a snappy chunk of type %#02x and %d bytes", kind, size)
		return nil
	}
	data := c.take(size)
	if data == nil {
		f.fail("a snappy chunk of %d bytes does not end where it should", size)
		return nil
	}
	return f.block(kind, data[4:], binary.LittleEndian.Uint32(data))
}

func (f *frames) identifier(size int) []byte {
	f.begun = true
	if body := f.k.c.take(min(size, len(identifier)-4)); size != len(identifier)-4 || string(body) != identifier[4:] {
		f.fail("no identifier of a snappy stream")
	}
	return nil
}

// block checks one chunk's data against its checksum.
func (f *frames) block(kind byte, data []byte, want uint32) []byte {
	if kind == chunkCompressed {
		n, err := s2.DecodedLen(data)
		if err != nil || n > blockSize {
			f.fail("a snappy chunk of %d uncompressed bytes", n)
			return nil
		}
		if data, err = s2.Decode(f.k.buffers.block[:n], data); err != nil {
			f.fail("a snappy chunk does not decompress")
			return nil
		}
	}
	if len(data) > blockSize || mask(crc32.Checksum(data, castagnoli)) != want {
		f.fail("a snappy chunk does not have its checksum")
		return nil
	}
	return data
}

// readAll checks all chunks that are left.
func (f *frames) readAll() {
	for f.err == nil {
		f.next()
	}
}
