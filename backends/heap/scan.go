package heap

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/schema"
	"github.com/ckpt-tool/ckpt/backends/stream"
	"github.com/ckpt-tool/ckpt/backends/verify"
)

// scan is one iteration.
type scan struct {
	blob     backends.Blob
	head     *schema.Keyed
	forms    []form
	key      []byte // the only one wanted, or nil
	yield    func(backends.Entry, error) bool
	wanted   []bool // by state
	verifier *verify.Checker

	w    *stream.Window
	g    stream.KeyGroup
	form form  // of the state at hand, and what it measured
	at   *form // that one, or nil
	seen []bool

	entry backends.Entry
	// held is namespace and key of the map whose entries are being read.
	held []byte
}

// newScan makes a scan of groups, none of which is selected by key or state but as sel says.
func newScan(blob backends.Blob, groups []stream.KeyGroup, forms []form, sel backends.Selection, yield func(backends.Entry, error) bool) *scan {
	var ahead int64
	if len(groups) > 0 {
		ahead = groups[len(groups)-1].To
	}
	s := &scan{
		blob: blob, forms: forms, key: sel.Key, yield: yield, w: stream.New(blob, ahead),
		wanted: make([]bool, len(forms)), seen: make([]bool, len(forms)),
	}
	for i := range forms {
		s.wanted[i] = sel.Wants(forms[i].state)
	}
	return s
}

// verify makes the scan check what it yields, if opts say so.
func (s *scan) verify(o backends.Origin, opts *backends.Options) {
	if opts != nil && opts.Verify {
		s.verifier = verify.New(o)
	}
}

// all reads groups, each by read.
func (s *scan) all(ctx context.Context, groups []stream.KeyGroup, read func() error) {
	for _, g := range groups {
		s.g, s.at = g, nil
		err := ctx.Err()
		if err == nil {
			err = read()
		}
		if !s.passed(err) {
			return
		}
	}
}

// passed yields err, if the iteration can go on with the next key group then.
func (s *scan) passed(err error) bool {
	var st *backends.State
	if s.at != nil {
		st = s.at.state
	}
	return backends.Pass(s.yield, err, st, s.g.ID)
}

// readGroup reads one key group.
func (s *scan) readGroup() error {
	g, from := s.g, s.g.From
	if from < int64(s.head.Size) || from >= g.To {
		return s.errorAt(from, "key group %d is said to begin here, which cannot be", g.ID)
	}
	s.w.Go(stream.AsIs, from, g.To)
	if id := s.w.I32(); s.w.Err() != nil {
		return s.told(s.w.Err())
	} else if id != g.ID {
		return s.errorAt(from, "key group %d begins here, not %d", id, g.ID)
	}
	clear(s.seen)
	if s.head.Compressed {
		return s.framed(from + 4)
	}
	for range s.seen {
		if err := s.state(); err != nil {
			return s.told(err)
		}
	}
	s.at = nil
	return s.over(s.w.Physical())
}

// framed reads states, each a framed stream. What cannot be read of one does not keep from reading the next, while its chunks
// are whole.
func (s *scan) framed(from int64) error {
	s.w.Go(stream.SnappyOne, from, s.g.To)
	var err error
	for i := range s.seen {
		if i > 0 {
			more, err := s.w.NextStream()
			if err == nil && !more {
				err = s.w.Errorf("the key group ends behind %d of %d states", i, len(s.seen))
			}
			if err != nil {
				return s.told(err)
			}
		}
		if err = s.state(); err == nil {
			err = s.streamOver()
		}
		var broken *backends.Error
		if errors.As(s.w.Err(), &broken) {
			return err
		}
		if err != nil && !s.passed(s.told(err)) {
			return backends.ErrStop
		}
		s.at = nil
	}
	if err != nil {
		return nil
	}
	return s.over(s.w.Physical())
}

// streamOver holds that a framed stream ends with the state. Its last chunk was read then.
func (s *scan) streamOver() error {
	if rest, err := s.w.Peek(0); err != nil || len(rest) > 0 {
		return s.w.Errorf("the state goes on behind its last entry")
	}
	return nil
}

// over holds that the key group ends at a position: with the stream, or where another begins.
func (s *scan) over(at int64) error {
	if at == s.g.To {
		return nil
	}
	s.w.Go(stream.AsIs, at, s.g.To)
	if s.g.Open {
		if id := s.w.I32(); s.w.Err() == nil && id == s.g.ID+1 {
			return nil
		}
		s.w.Go(stream.AsIs, at, s.g.To)
	}
	return s.w.Errorf("key group %d goes on behind its last state", s.g.ID)
}

// told is err as a *backends.Error, where it tells of the bytes; nil where it keeps from nothing that is wanted.
func (s *scan) told(err error) error {
	var opaque *backends.OpaqueError
	var wrong *backends.TypeError
	switch {
	case errors.As(err, &opaque) && !s.misses():
		return nil
	case errors.As(err, &opaque):
		lost := "key group"
		if s.head.Compressed {
			lost = "state in this key group"
		}
		e := s.w.Errorf("the rest of the %s cannot be read: nothing tells where a value of %s ends", lost, opaque.Class)
		e.Hint, e.Err = opaque.Hint, err
		return e
	case errors.As(err, &wrong):
		e := s.w.Errorf("%s", wrong.Error())
		e.Err = err
		return e
	case errors.Is(err, io.ErrUnexpectedEOF):
		return s.w.Errorf("key group %d ends within an entry", s.g.ID)
	}
	return err
}

// misses tells whether something is missed without the rest of the key group, or of the framed stream.
func (s *scan) misses() bool {
	if s.verifier != nil || s.at == nil || len(s.wanted) == 0 {
		return true
	}
	for i, wanted := range s.wanted {
		here := s.forms[i].state == s.at.state
		if wanted && (here || !s.seen[i] && !s.head.Compressed) {
			return true
		}
	}
	return false
}

// state reads one state.
func (s *scan) state() error {
	s.at = nil
	begin := s.w.Physical()
	id, n := int(s.w.I16()), s.w.I32()
	if err := s.w.Err(); err != nil {
		return err
	}
	switch {
	case id < 0 || id >= len(s.seen) || n < 0:
		return s.errorAt(begin, "%d entries of state %d, of which there are %d", n, id, len(s.seen))
	case s.seen[id]:
		return s.errorAt(begin, "state %d is twice in key group %d", id, s.g.ID)
	}
	s.seen[id] = true
	s.begin(&s.forms[id])
	return s.entries(int(n), s.wanted[id])
}

// begin makes ready for the entries of a state.
func (s *scan) begin(f *form) {
	s.form = *f
	s.at = &s.form
	s.entry = backends.Entry{State: f.state, KeyGroup: s.g.ID}
}

// errorAt is an error that is not at the next byte.
func (s *scan) errorAt(at int64, format string, args ...any) error {
	e := s.w.Errorf(format, args...)
	e.Offset = s.blob.Offset() + at
	return e
}

func (s *scan) entries(n int, wanted bool) error {
	switch s.at.lies {
	case values, elements:
		return s.values(n, wanted)
	case maps:
		return s.maps(n, wanted)
	case timers:
		return s.timers(n, wanted)
	}
	return s.w.Errorf("a state of Flink's State V2, which the heap backend does not write")
}

func (s *scan) values(n int, wanted bool) error {
	p, e := &s.at.entry, &s.entry
	for range n {
		b, err := s.take(p)
		if err != nil {
			return err
		}
		k := p.n + p.k
		e.Namespace, e.Key, e.Value = b[:p.n:p.n], b[p.n:k:k], b[k:]
		if wanted && (s.key == nil || bytes.Equal(e.Key, s.key)) {
			if err := s.give(); err != nil {
				return err
			}
		}
	}
	return nil
}

// take takes what has to be at least a byte, or damaged counts would go on for long.
func (s *scan) take(t backends.Type) ([]byte, error) {
	b, err := s.w.Value(t)
	if len(b) == 0 && err == nil {
		err = s.w.Errorf("an entry without bytes")
	}
	return b, err
}

func (s *scan) timers(n int, wanted bool) error {
	t, e := &s.at.timer, &s.entry
	for range n {
		b, err := s.take(t)
		if err != nil {
			return err
		}
		t.cut(b, e)
		if wanted && (s.key == nil || bytes.Equal(e.Key, s.key)) {
			if err := s.give(); err != nil {
				return err
			}
		}
	}
	return nil
}

// maps reads the maps of n keys.
func (s *scan) maps(n int, wanted bool) error {
	p, e := &s.at.entry, &s.entry
	for range n {
		b, err := s.take(p)
		if err != nil {
			return err
		}
		s.held = append(s.held[:0], b...)
		k := p.n + p.k
		e.Namespace, e.Key = s.held[:p.n:p.n], s.held[p.n:k:k]
		pairs := int32(binary.BigEndian.Uint32(s.held[k:]))
		if pairs < 0 {
			return s.w.Errorf("a map of %d entries", pairs)
		}
		if err := s.pairs(int(pairs), wanted && (s.key == nil || bytes.Equal(e.Key, s.key))); err != nil {
			return err
		}
	}
	return nil
}

// pairs reads the entries of one map.
func (s *scan) pairs(n int, wanted bool) error {
	p, e := &s.at.pair, &s.entry
	for range n {
		b, err := s.take(p)
		if err != nil {
			return err
		}
		if !wanted {
			continue
		}
		e.MapKey, e.Value, e.Null = b[:p.k:p.k], b[p.k+1:], p.null
		if err := s.give(); err != nil {
			return err
		}
	}
	return nil
}

// give yields the entry, or what is wrong with it.
func (s *scan) give() error {
	if s.verifier != nil {
		if err := s.verifier.Entry(&s.entry); err != nil {
			return s.refuse(err)
		}
	}
	if !s.yield(s.entry, nil) {
		return backends.ErrStop
	}
	return nil
}

// refuse yields what is wrong with an entry in its stead.
func (s *scan) refuse(err error) error {
	e := s.w.Errorf("%s", err)
	var wrong *backends.Error
	if errors.As(err, &wrong) {
		e.Message = wrong.Message
	} else {
		e.Err = err
	}
	if !s.passed(e) {
		return backends.ErrStop
	}
	return nil
}
