package content

import (
	"errors"
	"hash/crc32"
	"io"

	"github.com/ckpt-tool/ckpt/backends/stream"
)

// identifier is the chunk that begins a framed stream.
const identifier = stream.Identifier

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errFrame   = errors.New("a broken chunk, which has been told")
)

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
		f.fail("%s", stream.ErrIdentifier)
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
	head := c.take(stream.ChunkHead)
	if head == nil {
		f.fail("the stream ends within a snappy chunk")
		return nil
	}
	chunk, err := stream.ReadChunk(head)
	if f.begun = chunk.Type == stream.ChunkIdentifier; f.begun {
		f.identifier(chunk)
		return nil
	}
	if err != nil {
		f.fail("%s", err)
		return nil
	}
	data := c.take(chunk.Size)
	if data == nil {
		f.fail("a snappy chunk of %d bytes does not end where it should", chunk.Size)
		return nil
	}
	block, err := chunk.Decode(f.k.buffers.block[:], data)
	if err != nil {
		f.fail("%s", err)
		return nil
	}
	return block
}

func (f *frames) identifier(chunk stream.Chunk) {
	const size = len(identifier) - stream.ChunkHead
	body := f.k.c.take(min(chunk.Size, size))
	if chunk.Size != size || string(body) != identifier[stream.ChunkHead:] {
		f.fail("%s", stream.ErrIdentifier)
	}
}

// readAll checks all chunks that are left.
func (f *frames) readAll() {
	for f.err == nil {
		f.next()
	}
}
