package content

import (
	"github.com/ckpt-tool/ckpt/metadata"
)

// body is what stands in a stream, uncompressed.
type body struct {
	*cursor
	base   int64   // position at which it begins
	frames *frames // nil where it is not compressed
}

// body begins what is compressed at the cursor.
func (k *checker) body(f *frames) *body {
	return &body{cursor: &cursor{src: f, buf: k.buffers.inner[:], end: forever}, frames: f}
}

// offset is the position in the body.
func (b *body) offset() int64 { return b.at - b.base }

// place is the position in the file, as far as a chunk.
func (b *body) place() int64 {
	if b.frames != nil {
		return b.frames.at
	}
	return b.at
}

// over tells that nothing is left.
func (b *body) over() bool {
	if len(b.peek(1)) > 0 {
		return false
	}
	b.short = b.left() > 0
	return true
}

// broken tells that no more can be read, of which is told elsewhere.
func (b *body) broken() bool {
	if b.frames != nil {
		return b.frames.err == errFrame
	}
	return b.cut()
}

// compressedEntries is one framed stream of entries.
func (k *checker) compressedEntries(g keyGroup) {
	f := k.frames(g.part)
	b := k.body(f)
	k.entries(b, g)
	f.readAll()
}

const (
	metaFollows   = 0x80 // in a key's first byte: its entry is the last of a state
	endOfKeyGroup = 0xffff
	onePrefixByte = 128 // most key groups that one byte before each key can tell apart
)

// entries reads a key group as FullSnapshotAsyncWriter writes it: i16 state, then
// entries of i32 length, key, i32 length, value; a bit in the key says that the next
// state's number follows, or the end.
func (k *checker) entries(b *body, g keyGroup) {
	prefix := prefixLength(g.part.Place.Operator)
	b.u16()
	for more := true; more; {
		at := b.place()
		size, head := b.i32(), b.take(prefix)
		if !b.short && (int(size) < prefix || keyGroupOf(head) != g.id) {
			k.problem(g.part, at, "no key of %d bytes in key group %d begins with % x", size, g.id, head)
			return
		}
		last := len(head) > 0 && head[0]&metaFollows != 0
		b.skip(int64(size) - int64(prefix))
		b.skip(int64(b.i32()))
		if last {
			more = b.u16() != endOfKeyGroup
		}
		if b.short {
			if !b.broken() {
				k.problem(g.part, at, "an entry of key group %d does not end within it", g.id)
			}
			return
		}
	}
	if !g.open && !b.over() && !b.broken() {
		k.problem(g.part, b.place(), "key group %d goes on behind its end", g.id)
	}
}

// prefixLength is how many bytes before each key tell its key group (Flink:
// CompositeKeySerializationUtils.computeRequiredBytesInKeyGroupPrefix).
func prefixLength(o *metadata.OperatorState) int {
	if o.MaxParallelism > onePrefixByte {
		return 2
	}
	return 1
}

func keyGroupOf(prefix []byte) int32 {
	group := int32(prefix[0] &^ metaFollows)
	for _, b := range prefix[1:] {
		group = group<<8 | int32(b)
	}
	return group
}
