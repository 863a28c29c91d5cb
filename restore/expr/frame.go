package expr

import (
	"unsafe"

	"github.com/ckpt-tool/ckpt/restore/engine"
)

// node computes one column for the batch of a frame.
type node func(f *frame) *column

// column is the values of a part of the expression. Where bail is true the interpreter must be asked, and the value means
// nothing. Both bail and Nulls are nil where they would be false throughout.
type column struct {
	engine.Vector
	bail         []bool
	nulls, bails []bool // memory for them
	constant     int    // how many values of a constant are there
}

// frame is the memory of one evaluation: a column for each part.
type frame struct {
	b     *engine.Batch
	n     int
	slots []column
	// texts is append-only: the strings that lie in it are passed on.
	texts []byte
}

const textChunk = 32 << 10

func newFrame(slots int) *frame { return &frame{slots: make([]column, slots)} }

func (f *frame) begin(b *engine.Batch) { f.b, f.n = b, b.N }

func (f *frame) end() { f.b = nil }

// slot is the column of a part, empty.
func (f *frame) slot(i int) *column {
	c := &f.slots[i]
	c.bail, c.Nulls = nil, nil
	return c
}

// truths is the column of a part that is true or false, with room for all records.
func (f *frame) truths(i int) (c *column, to []bool) {
	c = f.slot(i)
	c.size(engine.Boolean, f.n)
	return c, c.Bools
}

// text is what was appended since start.
func text(b []byte, start int) string {
	if len(b) == start {
		return ""
	}
	return unsafe.String(&b[start], len(b)-start)
}

func sized[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, max(n, 64))
	}
	return s[:n]
}

// size gives the slice of a kind n values.
func (c *column) size(k engine.Kind, n int) {
	switch k {
	case engine.Boolean:
		c.Bools = sized(c.Bools, n)
	case engine.Double:
		c.Doubles = sized(c.Doubles, n)
	case engine.String, engine.Bytes:
		c.Strings = sized(c.Strings, n)
	default:
		c.Longs = sized(c.Longs, n)
	}
}

// fail asks the interpreter for a record.
func (c *column) fail(i, n int) {
	if c.bail == nil {
		c.bails = sized(c.bails, n)
		clear(c.bails)
		c.bail = c.bails
	}
	c.bail[i] = true
}

// null makes a value null.
func (c *column) null(i, n int) {
	if c.Nulls == nil {
		c.nulls = sized(c.nulls, n)
		clear(c.nulls)
		c.Nulls = c.nulls
	}
	c.Nulls[i] = true
}

// strict asks the interpreter for each record for which an argument is null or asks.
func (c *column) strict(arg *column, n int) {
	for i := range n {
		if !arg.known(i) {
			c.fail(i, n)
		}
	}
}

// known is whether there is a value.
func (c *column) known(i int) bool {
	return !c.asks(i) && !c.Null(i)
}

// plain is whether all values are there.
func (c *column) plain() bool { return c.bail == nil && c.Nulls == nil }

// asks is whether the interpreter must be asked.
func (c *column) asks(i int) bool { return c.bail != nil && c.bail[i] }
