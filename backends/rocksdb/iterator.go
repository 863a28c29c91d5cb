package rocksdb

import (
	"bytes"
)

// Iterator walks the records of a table in the order of their internal keys. It is not safe for
// concurrent use. Keys and values are valid until the next call.
type Iterator struct {
	t     *Table
	block entries
	buf   []byte // of block, where it was compressed
	win   window
	ahead int // of the window, in bytes

	index     handles
	partition handles // of a two-level index
	partBuf   []byte
	partWin   window
	within    bool // whether there is a partition

	user    []byte
	trailer uint64
	from    []byte // records of smaller user keys are passed; nil: none
	at      handle // of block
	err     error

	// first and last are whether the first record to come, and the last one, are those of the table; sequence numbers
	// are from lowSeq on, up to seqs more.
	first, last  bool
	lowSeq, seqs uint64
}

// Iterator walks all records from the first on. ahead is how much it may read at once, in bytes; 0
// stands for 1 MiB.
func (t *Table) Iterator(ahead int) *Iterator {
	it := &Iterator{ahead: ahead}
	it.open(t, nil, nil)
	return it
}

// Seek goes before the first record of a user key of at least user.
func (it *Iterator) Seek(user []byte) { it.open(it.t, user, nil) }

// open begins to read user keys of t from lo on; those from hi on are not wanted, but come where they lie in
// the same block. nil is no bound.
func (it *Iterator) open(t *Table, lo, hi []byte) {
	if it.ahead <= 0 {
		it.ahead = mostRead
	}
	it.t, it.err, it.within = t, nil, false
	it.user, it.from = nil, lo
	it.block.reset(nothing, false)
	b, err := t.readIndex()
	if err != nil {
		it.err = err
		return
	}
	if it.bound(lo); it.err != nil {
		return
	}
	it.index.reset(b, t.props.format)
	it.win.open(t.src, it.end(hi), it.ahead)
	if lo != nil {
		it.seek(lo)
	}
}

// nothing is a block without entries.
var nothing = make([]byte, 4)

// end is up to where blocks of keys before hi may lie.
func (it *Iterator) end(hi []byte) int64 {
	whole := it.t.size - it.t.foot.size
	if n := it.t.props.DataSize; n > 0 && n < uint64(whole) {
		whole = int64(n)
	}
	if hi == nil {
		return whole
	}
	found := it.index.seek(hi)
	end := it.index.handle.end()
	err := it.index.err
	it.index.rewind()
	if !found || err != nil || it.t.props.IndexType == TwoLevel || end > whole {
		return whole
	}
	return end
}

// rewind goes back to the beginning of the block.
func (h *handles) rewind() {
	h.jump(0)
	h.handle, h.err = handle{}, nil
}

// seek goes to the block with the first record of a user key of at least lo.
func (it *Iterator) seek(lo []byte) {
	if !it.index.seek(lo) {
		it.err = it.damaged(it.index.err, it.t.index)
		return
	}
	if it.t.props.IndexType != TwoLevel {
		it.load(it.index.handle)
	} else if it.openPartition() && it.partition.seek(lo) {
		it.load(it.partition.handle)
	} else if it.err == nil {
		it.err = it.damaged(it.partition.err, it.index.handle)
	}
	if it.err == nil {
		it.block.seek(userLess(lo))
	}
}

// damaged is the error of a block, or nil.
func (it *Iterator) damaged(err error, h handle) error {
	if err == nil {
		return nil
	}
	return it.t.explain(atOffset(err, h.offset))
}

// Next goes to the next record. It is false at the end, and after an error: see Err.
func (it *Iterator) Next() bool {
	for {
		for !it.block.next() {
			if it.err != nil || !it.nextBlock() {
				return it.over()
			}
		}
		k := it.block.key
		n := len(k) - keyTrailer
		if n < 0 {
			return it.bad("a record has a key of %d bytes, fewer than the %d of its sequence number", len(k), keyTrailer)
		}
		it.user, it.trailer = k[:n:n], le64(k[n:])
		if it.from == nil {
			break
		}
		if bytes.Compare(it.user, it.from) >= 0 {
			it.from = nil
			break
		}
	}
	if it.t.props.ingested {
		var err error
		if it.trailer, err = it.t.globalTrailer(it.trailer); err != nil {
			it.err = it.t.explain(atOffset(err, it.at.offset))
			return false
		}
	}
	if it.first || it.trailer>>8-it.lowSeq > it.seqs {
		return it.fits()
	}
	return true
}

func le64(b []byte) uint64 {
	_ = b[7]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

func (it *Iterator) bad(format string, args ...any) bool {
	it.err = it.t.explain(badFormat(it.at.offset, format, args...))
	return false
}

// nextBlock loads the next block of data.
func (it *Iterator) nextBlock() bool {
	if it.err = it.damaged(it.block.err, it.at); it.err != nil {
		return false
	}
	if it.t.props.IndexType != TwoLevel {
		if !it.index.next() {
			it.err = it.damaged(it.index.err, it.t.index)
			return false
		}
		return it.load(it.index.handle)
	}
	for !it.within || !it.partition.next() {
		if it.within {
			if it.err = it.damaged(it.partition.err, it.index.handle); it.err != nil {
				return false
			}
		}
		if !it.index.next() {
			it.err = it.damaged(it.index.err, it.t.index)
			return false
		}
		if !it.openPartition() {
			return false
		}
	}
	return it.load(it.partition.handle)
}

// openPartition reads the block of the index that the top of it is at.
func (it *Iterator) openPartition() bool {
	if it.partWin.src != it.t.src || !it.within {
		it.partWin.open(it.t.src, it.t.size-it.t.foot.size, min(it.ahead, firstRead))
	}
	b, err := it.t.block(&it.partWin, it.index.handle, &it.partBuf, false)
	if err != nil {
		it.err = it.t.explain(err)
		return false
	}
	it.partition.reset(b, it.t.props.format)
	it.within = true
	return true
}

func (it *Iterator) load(h handle) bool {
	it.at = h
	b, err := it.t.block(&it.win, h, &it.buf, true)
	if err != nil {
		it.err = it.t.explain(err)
		return false
	}
	it.block.reset(b, false)
	return true
}

// UserKey is the key of the record, without sequence number and kind.
func (it *Iterator) UserKey() []byte { return it.user }

// Seq is the sequence number of the record.
func (it *Iterator) Seq() uint64 { return it.trailer >> 8 }

// Kind is the kind of the record; it may be one that is not known.
func (it *Iterator) Kind() Kind { return it.t.kind(it.trailer) }

// Value is the value of the record.
func (it *Iterator) Value() []byte { return it.block.value }

// Err is what ended the iteration before its end.
func (it *Iterator) Err() error { return it.err }
