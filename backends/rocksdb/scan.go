package rocksdb

import (
	"bytes"
	"context"
	"errors"
	"runtime"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/metadata"
)

// scan is one reading of entries: a cursor for each state.
type scan struct {
	groups  metadata.KeyGroupRange
	cursors []*cursor
}

// cursor is where the reading of one state is.
type cursor struct {
	cutter
	m     *merger
	reads *Reader
	want  []byte // the one key wanted; nil: all
	head  int    // how many bytes come before the key group
	begun bool
	more  bool  // whether m is at a key
	at    int32 // the key group of that key
}

// scan begins to read. Key groups count that are selected, of the handle, and of its owner.
func (r *Reader) scan(ctx context.Context, sel backends.Selection) *scan {
	s := &scan{groups: sel.KeyGroups.Intersection(r.origin.Range).Intersection(r.handle.Range)}
	if s.groups.First > s.groups.Last {
		return s
	}
	var wanted []*backends.State
	runs := 0
	for _, st := range r.states {
		if sel.Wants(st) {
			wanted = append(wanted, st)
			f := r.db.families[st.Name]
			lo, hi := r.between(f, s.groups)
			runs += len(runsOf(f.tables, lo, hi))
		}
	}
	ahead := r.ahead(runs)
	for _, st := range wanted {
		f := r.db.families[st.Name]
		c := &cursor{cutter: newCutter(st, len(f.head)+r.prefix), reads: r, want: sel.Key, head: len(f.head)}
		lo, hi := r.between(f, s.groups)
		if sel.Key != nil && st.Kind != backends.Timer && s.groups.First == s.groups.Last {
			lo = append(bytes.Clone(lo), sel.Key...)
			hi = successor(lo)
		}
		c.m = f.scan(ctx, lo, hi, ahead)
		if c.m.err == nil && !r.db.pebble {
			c.m.err = f.outside(r.between(f, r.handle.Range))
		}
		s.cursors = append(s.cursors, c)
	}
	return s
}

// between are the bounds of the keys of a family in key groups.
func (r *Reader) between(f *family, groups metadata.KeyGroupRange) (lo, hi []byte) {
	lo = keygroups.AppendPrefix(bytes.Clone(f.head), groups.First, r.prefix)
	return lo, successor(keygroups.AppendPrefix(bytes.Clone(f.head), groups.Last, r.prefix))
}

const leastRead = 16 << 10

// ahead is how much each of so many runs may read at once, when as many scans go on as there are processors.
func (r *Reader) ahead(runs int) int {
	share := r.opts.Budget() / 2 / int64(runtime.GOMAXPROCS(0)) / int64(max(runs, 1))
	return int(min(max(share, leastRead), mostRead))
}

// successor is the least key that does not begin with b; nil where there is none.
func successor(b []byte) []byte {
	next := bytes.Clone(b)
	for i := len(next) - 1; i >= 0; i-- {
		if next[i]++; next[i] != 0 {
			return next[:i+1]
		}
	}
	return nil
}

func (s *scan) close() {
	for _, c := range s.cursors {
		c.m.close()
	}
}

// group yields the entries of a key group. It is false where the iteration is to end.
func (c *cursor) group(kg int32, yield func(backends.Entry, error) bool) bool {
	if !c.begun {
		c.begun = true
		if !c.advance(kg, yield) {
			return false
		}
	}
	e := backends.Entry{State: c.state, KeyGroup: kg}
	for c.more && c.at == kg {
		if !c.entry(&e, yield) || !c.advance(kg, yield) {
			return false
		}
	}
	return true
}

// entry yields the entry that m is at.
func (c *cursor) entry(e *backends.Entry, yield func(backends.Entry, error) bool) bool {
	err := c.cut(e, c.m.key, c.m.value)
	if err == nil && c.want != nil && !bytes.Equal(e.Key, c.want) {
		return true
	}
	if err == nil && c.reads.opts.Verify {
		err = c.check(e, c.reads.origin.MaxParallelism)
	}
	if err != nil {
		return yield(backends.Entry{}, c.m.misfit(err, c.state.Name, e.KeyGroup))
	}
	return yield(*e, nil)
}

// advance goes to the next key. An error of the bytes ends this state, others the iteration.
func (c *cursor) advance(kg int32, yield func(backends.Entry, error) bool) bool {
	for c.more = c.m.next(); c.more; c.more = c.m.next() {
		if c.at = c.keyGroup(); c.at >= 0 {
			return true
		}
		if !yield(backends.Entry{}, c.m.misfit(errShortKey, c.state.Name, kg)) {
			return false
		}
	}
	if c.m.err == nil {
		return true
	}
	err := c.m.err
	var e *backends.Error
	if !errors.As(err, &e) {
		yield(backends.Entry{}, err)
		return false
	}
	passed := *e
	passed.State, passed.KeyGroup, passed.Passed, passed.Rest = c.state.Name, kg, true, true
	return yield(backends.Entry{}, &passed)
}

// keyGroup is that of the key that m is at, -1 where it is too short.
func (c *cursor) keyGroup() int32 {
	if len(c.m.key) < c.head {
		return -1
	}
	return keygroups.Prefix(c.m.key[c.head:], c.prefix-c.head)
}

// misfit is the error of a record that is not as its state has it. Others follow.
func (m *merger) misfit(err error, state string, kg int32) error {
	e := &backends.Error{Path: m.family.db.place, State: state, KeyGroup: kg, Message: err.Error(), Passed: true, Err: err}
	var opaque *backends.OpaqueError
	if errors.As(err, &opaque) {
		e.Hint = opaque.Hint
	}
	if len(m.runs) > 0 && m.runs[0].it.t != nil {
		it := &m.runs[0].it
		e.Path, e.Offset = it.t.blob.Name(), it.t.blob.Offset()+it.at.offset
	}
	return e
}
