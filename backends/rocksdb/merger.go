package rocksdb

import (
	"bytes"
	"context"
	"fmt"

	"github.com/ckpt-tool/ckpt/backends"
)

// merger walks what the user keys of a column family are worth, in their order: those that have a
// value.
type merger struct {
	ctx    context.Context
	family *family
	merge  mergeOperator
	lo, hi []byte
	runs   []*run // a heap by the internal key that each is at
	covers covers
	taken  bool // whether the record of runs[0] has been used
	begun  bool // whether there is a key
	count  int

	key, value []byte
	operands   []byte // of a merge, newest first
	ends       []int  // of each of operands
	joined     []byte
	err        error
}

// scan begins to read the user keys in [lo, hi); nil is no bound. ahead is how many bytes each run may read at once.
func (f *family) scan(ctx context.Context, lo, hi []byte, ahead int) *merger {
	m := &merger{ctx: ctx, family: f, merge: f.merge, lo: lo, hi: hi}
	for _, tables := range runsOf(f.tables, lo, hi) {
		m.runs = append(m.runs, &run{m: m, tables: tables, it: Iterator{ahead: ahead}})
	}
	live := m.runs[:0]
	for _, r := range m.runs {
		if r.next() {
			live = append(live, r)
			continue
		}
		r.leave()
		if m.err == nil {
			m.err = r.err
		}
	}
	m.drop(live)
	for i := len(m.runs)/2 - 1; i >= 0; i-- {
		m.sift(i)
	}
	return m
}

// drop lets the runs go that are not in live, which is the beginning of runs.
func (m *merger) drop(live []*run) {
	clear(m.runs[len(live):])
	m.runs = live
}

// close gives back the tables.
func (m *merger) close() {
	for _, r := range m.runs {
		r.leave()
	}
	m.runs = nil
}

func before(a, b *run) bool {
	if c := bytes.Compare(a.it.user, b.it.user); c != 0 {
		return c < 0
	}
	return a.it.trailer > b.it.trailer
}

func (m *merger) sift(i int) {
	for {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(m.runs); c++ {
			if before(m.runs[c], m.runs[least]) {
				least = c
			}
		}
		if least == i {
			return
		}
		m.runs[i], m.runs[least] = m.runs[least], m.runs[i]
		i = least
	}
}

const contextEvery = 4096 // records

// record goes to the next record of all runs, which is that of runs[0].
func (m *merger) record() bool {
	if m.taken {
		m.taken = false
		r := m.runs[0]
		if !r.next() {
			if m.err = r.err; m.err != nil {
				return false
			}
			last := len(m.runs) - 1
			m.runs[0] = m.runs[last]
			m.drop(m.runs[:last])
		}
		if len(m.runs) > 1 {
			m.sift(0)
		}
		if m.count++; m.count%contextEvery == 0 {
			m.err = m.ctx.Err()
		}
	}
	return m.err == nil && len(m.runs) > 0
}

// next goes to the next key that has a value. It is false at the end, and after an error.
func (m *merger) next() bool {
	for m.record() {
		it := &m.runs[0].it
		c := 1
		if m.begun {
			c = bytes.Compare(it.user, m.key)
		}
		switch {
		case c < 0:
			return m.fail(it, "a key comes after a larger one")
		case c == 0: // older than what the key is worth
			m.taken = true
			continue
		case m.hi != nil && bytes.Compare(it.user, m.hi) >= 0:
			return false
		}
		m.key, m.begun = append(m.key[:0], it.user...), true
		if m.worth(it) {
			return true
		}
		if m.err != nil {
			return false
		}
	}
	return false
}

func (m *merger) fail(it *Iterator, format string, args ...any) bool {
	it.bad(format, args...)
	m.err = it.err
	return false
}

// deleted tells whether the record does not count because of a range deletion.
func (m *merger) deleted(it *Iterator) bool {
	return m.covers.ever && m.covers.deletes(InternalKey{it.user, it.trailer})
}

// worth reads what the newest record says of its key; false where there is no value.
func (m *merger) worth(it *Iterator) bool {
	m.taken = true
	if m.deleted(it) {
		return false
	}
	switch k := it.Kind(); k {
	case Put:
		m.value = it.block.value
		return true
	case Deletion, SingleDeletion:
		return false
	case Merge:
		return m.gather()
	default:
		return m.fail(it, "%s", k.problem())
	}
}

// gather joins the merges of the key with what lies below them.
func (m *merger) gather() bool {
	if err := m.mergeable(); err != nil {
		m.err = err
		return false
	}
	m.operands, m.ends = m.operands[:0], m.ends[:0]
	m.operand(m.runs[0].it.block.value)
	for more := true; more && m.record(); {
		it := &m.runs[0].it
		if !bytes.Equal(it.user, m.key) {
			break
		}
		m.taken, more = true, false
		if m.deleted(it) {
			break
		}
		switch k := it.Kind(); k {
		case Merge:
			m.operand(it.block.value)
			more = true
		case Put:
			m.operand(it.block.value)
		case Deletion, SingleDeletion:
		default:
			return m.fail(it, "%s", k.problem())
		}
	}
	m.join()
	return m.err == nil
}

func (m *merger) operand(b []byte) {
	m.operands = append(m.operands, b...)
	m.ends = append(m.ends, len(m.operands))
}

// join puts the operands together, the oldest first.
func (m *merger) join() {
	m.joined = m.joined[:0]
	for i := len(m.ends) - 1; i >= 0; i-- {
		start := 0
		if i > 0 {
			start = m.ends[i-1]
		}
		m.joined = append(m.joined, m.operands[start:m.ends[i]]...)
		if i > 0 {
			m.joined = append(m.joined, m.merge.delimiter...)
		}
	}
	m.value = m.joined
}

// learn takes the merge operator off a table, where OPTIONS does not tell it.
func (m *merger) learn(t *Table) {
	if m.merge.name == "" && t.props.MergeOperator != noMergeOperator {
		m.merge = mergeOperator{t.props.MergeOperator, defaultDelimiter}
	}
}

// mergeable tells whether merges are joined as Flink has it.
func (m *merger) mergeable() error {
	if m.merge.name == appendTest {
		return nil
	}
	return &backends.Error{
		Path: m.family.db.place, KeyGroup: -1, State: m.family.Name,
		Message: fmt.Sprintf("merges are joined by %q", m.merge.name), Hint: "only " + appendTest + " is read here, which is Flink's",
	}
}
