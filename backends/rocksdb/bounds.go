package rocksdb

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/ckpt-tool/ckpt/backends"
)

// A table whose bytes are in order may still be another one than the MANIFEST means: of another sub-task, of another
// column family, or of another time. What tells is in this file. The smallest and the largest key of the MANIFEST are
// those of the first and the last record, to the sequence number, unless a range deletion goes further.

// identify holds that the table is of the column family that the MANIFEST has it in.
func (t *liveTable) identify(table *Table) error {
	name := table.props.ColumnFamily
	if name == "" || name == t.family || table.props.ingested {
		return nil
	}
	return &backends.Error{
		Path: table.blob.Name(), Offset: table.blob.Offset(), KeyGroup: -1, Err: errAnother,
		Message: fmt.Sprintf("the table is of column family %q, and %s of the MANIFEST is of %q", name, t.Name(), t.family),
	}
}

// begins tells whether k can be the first record of the table.
func (t *Table) begins(k InternalKey) bool { return t.meets(k, t.file.Smallest, 1) }

// ends tells whether k can be the last record of the table.
func (t *Table) ends(k InternalKey) bool { return t.meets(k, t.file.Largest, -1) }

// meets tells whether k is the bound, or lies on the given side of one that a range deletion makes. Those
// of ingested tables count by their user keys: not all versions write the same sequence number there.
func (t *Table) meets(k, bound InternalKey, side int) bool {
	c := k.Compare(bound)
	if t.props.ingested {
		c = bytes.Compare(k.User, bound.User)
	}
	return c == 0 || bound.Kind() == RangeDeletion && c == side
}

// errAnother tells that a table is whole, and another one.
var errAnother = errors.New("another table than the MANIFEST means")

// another is the error of a table whose first or last key is not that of the MANIFEST.
func (t *Table) another(offset int64, which string) *formatError {
	e := badFormat(offset, "the %s key is not the one that the MANIFEST has for table %s: this is another table", which, t.file.Name())
	e.cause = errAnother
	return e
}

func (it *Iterator) another(which string) bool {
	it.err = it.t.explain(it.t.another(it.at.offset, which))
	return false
}

// bound prepares for holding the records from lo on against the MANIFEST.
func (it *Iterator) bound(lo []byte) {
	it.first, it.last, it.lowSeq, it.seqs = false, false, 0, maxSeq
	f := it.t.file
	if f == nil {
		return
	}
	it.lowSeq, it.seqs = f.SmallestSeq, f.LargestSeq-f.SmallestSeq
	it.first = lo == nil || bytes.Compare(lo, f.Smallest.User) <= 0
	it.last = lo == nil || bytes.Compare(lo, f.Largest.User) <= 0
}

// checkLast holds the last key of the index against the MANIFEST, for those who read neither the first nor the last
// record. It is that of the last record, or the shortest key behind it.
func (t *Table) checkLast(index []byte) error {
	if t.file == nil {
		return nil
	}
	var h handles
	h.reset(index, t.props.format)
	h.jump(max(len(h.restarts)/4-1, 0))
	any := false
	for h.next() {
		any = true
	}
	if h.err != nil {
		return nil // told by who reads it
	}
	want, user := t.file.Largest, t.props.format.user(h.key)
	c := -1
	if any {
		c = bytes.Compare(user, want.User)
	}
	switch {
	case c == 0, c < 0 && want.Kind() == RangeDeletion, any && bytes.Equal(user, shortSuccessor(want.User)):
		return nil
	}
	return t.another(t.index.offset, "last")
}

// shortSuccessor is the shortest key that is not below the given one, as RocksDB makes it (BytewiseComparator).
func shortSuccessor(key []byte) []byte {
	for i, b := range key {
		if b != 0xff {
			return append(bytes.Clone(key[:i]), b+1)
		}
	}
	return key
}

// span is from where to where the range deletions of a table go.
type span struct{ start, end []byte }

func (s *span) add(start, end []byte) {
	if s.start == nil || bytes.Compare(start, s.start) < 0 {
		s.start = append([]byte{}, start...)
	}
	if s.end == nil || bytes.Compare(end, s.end) > 0 {
		s.end = append([]byte{}, end...)
	}
}

// spanned holds that range deletions go as far as bounds that they make. They may go further: see cut.
func (t *Table) spanned(s span) error {
	f := t.file
	switch {
	case f == nil:
	case f.Smallest.Kind() == RangeDeletion && (s.start == nil || bytes.Compare(s.start, f.Smallest.User) > 0):
		return t.another(t.size-t.foot.size, "first")
	case f.Largest.Kind() == RangeDeletion && bytes.Compare(s.end, f.Largest.User) < 0:
		return t.another(t.size-t.foot.size, "last")
	}
	return nil
}

// checkFirst reads the first record, once, and with it the index.
func (t *Table) checkFirst() error {
	t.mu.Lock()
	done := t.firstKnown
	t.mu.Unlock()
	if done {
		return nil
	}
	it := t.Iterator(1)
	if !it.Next() && it.err != nil {
		return it.err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.firstKnown = true
	return nil
}

// outside looks at tables that have nothing in [lo, hi) by the MANIFEST, where a handle has no other keys: after a
// rescale there may be some, but they may also be there because the MANIFEST is another one. That they cannot be read is
// nobody's concern.
func (f *family) outside(lo, hi []byte) error {
	for _, t := range f.tables {
		if bytes.Compare(t.Largest.User, lo) >= 0 && (hi == nil || bytes.Compare(t.Smallest.User, hi) < 0) {
			continue
		}
		table, err := t.acquire()
		if err == nil {
			err = table.checkFirst()
			t.release()
		}
		if errors.Is(err, errAnother) {
			return err
		}
	}
	return nil
}

// fits holds the record at hand against the MANIFEST.
func (it *Iterator) fits() bool {
	f := it.t.file
	if it.first && !it.t.begins(InternalKey{it.user, it.trailer}) {
		return it.another("first")
	}
	it.first = false
	if it.trailer>>8-it.lowSeq > it.seqs {
		return it.bad("a record has sequence number %d; the MANIFEST has %d to %d for table %s", it.trailer>>8, f.SmallestSeq, f.LargestSeq, f.Name())
	}
	return true
}

// over holds, where there are no more records, that they were all. It is always false.
func (it *Iterator) over() bool {
	if it.err != nil || it.t.file == nil {
		return false
	}
	f := it.t.file
	none := it.user == nil
	switch {
	case it.first && f.Smallest.Kind() != RangeDeletion:
		return it.another("first")
	case it.last && none && f.Largest.Kind() != RangeDeletion, it.last && !none && !it.t.ends(InternalKey{it.user, it.trailer}):
		return it.another("last")
	}
	return false
}
