package channel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
)

// Tag says what an Element is (Flink: StreamElementSerializer).
type Tag uint8

// The tags.
const (
	TimedRecord       Tag = iota // a record with a time
	Record                       // a record without
	Watermark                    // no earlier records will come
	LatencyMarker                // Value: id of an operator, i32 sub-task
	WatermarkStatus              // Value: i32, 0 active, -1 idle
	RecordAttributes             // Value: u8, whether there is a backlog
	InternalWatermark            // Value: i32 sub-partition
)

// Element is what one sub-task sent to another at once.
type Element struct {
	Tag  Tag
	Time int64 // of those that have one, in milliseconds since 1970
	// Value is the record, as the serializer of its type wrote it, or what else the tag says. It is valid until
	// the iteration goes on.
	Value []byte
}

// Records cuts the elements out of the bytes of a channel: of its buffers in their order, then of those of the output
// that feeds it. The first must begin with a record, as inputs do; an output alone does so only if its input
// ended with one. The error ends the iteration. It tells of a record that cannot be, or that the bytes
// end within one.
func Records(parts ...[]byte) iter.Seq2[Element, error] {
	return func(yield func(Element, error) bool) {
		c := &cutter{parts: slices.Clone(parts)}
		for at := 0; ; at += c.taken {
			c.taken = 0
			if c.atEnd() {
				return
			}
			e, err := c.element()
			if err != nil {
				yield(Element{}, fmt.Errorf("the record at byte %d of the channel: %w", at, err))
				return
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// cutter takes bytes from parts as if they were one.
type cutter struct {
	parts [][]byte
	room  []byte // for what lies in more than one
	taken int
}

func (c *cutter) atEnd() bool {
	for len(c.parts) > 0 && len(c.parts[0]) == 0 {
		c.parts = c.parts[1:]
	}
	return len(c.parts) == 0
}

// take gives n bytes, or nil where there are fewer.
func (c *cutter) take(n int) []byte {
	if c.atEnd() {
		return nil
	}
	if n <= len(c.parts[0]) {
		b := c.parts[0][:n:n]
		c.parts[0], c.taken = c.parts[0][n:], c.taken+n
		return b
	}
	b := c.room[:0]
	for len(b) < n && !c.atEnd() {
		m := min(n-len(b), len(c.parts[0]))
		b = append(b, c.parts[0][:m]...)
		c.parts[0] = c.parts[0][m:]
	}
	c.room, c.taken = b, c.taken+len(b)
	if len(b) < n {
		return nil
	}
	return b
}

// shapes are, by tag, where the time is and how long all is behind the tag, -1 where that varies.
var shapes = [...]struct{ time, size int }{
	TimedRecord: {0, -1}, Record: {-1, -1}, Watermark: {0, 8}, LatencyMarker: {0, 28},
	WatermarkStatus: {-1, 4}, RecordAttributes: {-1, 1}, InternalWatermark: {4, 12},
}

func (c *cutter) element() (Element, error) {
	head := c.take(4)
	if head == nil {
		return Element{}, errors.New("the channel ends within its length")
	}
	n := binary.BigEndian.Uint32(head)
	if n == 0 || n > math.MaxInt32 {
		return Element{}, fmt.Errorf("it has a length of %d bytes", int32(n))
	}
	b := c.take(int(n))
	if b == nil {
		return Element{}, fmt.Errorf("it has %d bytes, but the channel ends before them", n)
	}
	if int(b[0]) >= len(shapes) {
		return Element{}, fmt.Errorf("it has tag %d, which is none of Flink's", b[0])
	}
	e, shape := Element{Tag: Tag(b[0]), Value: b[1:]}, shapes[b[0]]
	if shape.size >= 0 && len(e.Value) != shape.size || shape.time >= 0 && len(e.Value) < shape.time+8 {
		return Element{}, fmt.Errorf("it has tag %d and %d bytes", e.Tag, len(b))
	}
	switch shape.time {
	case 0:
		e.Time, e.Value = int64(binary.BigEndian.Uint64(e.Value)), e.Value[8:]
	case 4:
		e.Time, e.Value = int64(binary.BigEndian.Uint64(e.Value[4:])), e.Value[:4]
	}
	return e, nil
}
