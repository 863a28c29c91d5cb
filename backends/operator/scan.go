package operator

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/stream"
	"github.com/ckpt-tool/ckpt/backends/verify"
)

// scan is one iteration.
type scan struct {
	reader   *Reader
	yield    func(backends.Entry, error) bool
	verifier *verify.Checker
	form     stream.Form
	w        *stream.Window
	state    *backends.State // at hand, or nil
	entry    backends.Entry
}

// all reads the elements of each selected state. Those of one follow each other in all that Flink writes, but
// nothing says that they have to.
func (s *scan) all(ctx context.Context, sel backends.Selection) {
	elements := s.reader.elements
	done := make([]bool, len(s.reader.states))
	for i, first := range elements {
		if first.state < 0 || done[first.state] {
			continue
		}
		done[first.state] = true
		if s.state = s.reader.states[first.state]; !sel.Wants(s.state) {
			continue
		}
		for left := elements[i:]; len(left) > 0; left = left[1:] {
			if left[0].state != first.state {
				continue
			}
			err := ctx.Err()
			if err == nil {
				err = s.element(left[0])
			}
			if !s.passed(err) {
				return
			}
		}
	}
}

// passed yields err, if the iteration can go on with the next element then.
func (s *scan) passed(err error) bool { return backends.Pass(s.yield, err, s.state, -1) }

// described holds that the header describes all states of the handle.
func (s *scan) described() error {
	for _, name := range s.reader.missing {
		e := s.errorAt(0, "the header does not describe the state")
		if e.State = name; !s.passed(e) {
			return backends.ErrStop
		}
	}
	return nil
}

// begins holds that nothing lies between the header and the first element, if all is to be verified.
func (s *scan) begins() error {
	at, elements := int64(s.reader.head.Size), s.reader.elements
	if s.verifier == nil || len(elements) == 0 {
		return nil
	}
	if s.form == stream.AsIs {
		if elements[0].from != at {
			return s.errorAt(at, "the first element begins at byte %d, not behind the header", elements[0].from)
		}
		return nil
	}
	s.w.Go(stream.Snappy, at, max(at, elements[0].from))
	rest, err := s.w.Rest()
	if err == nil && (len(rest) > 0 || elements[0].from != at+int64(len(stream.Identifier))) {
		return s.errorAt(at, "the first element does not begin behind the identifier of the stream")
	}
	return err
}

// errorAt is an error at a position.
func (s *scan) errorAt(at int64, format string, args ...any) *backends.Error {
	s.w.Go(stream.AsIs, 0, 0)
	e := s.w.Errorf(format, args...)
	e.Offset = s.reader.blob.Offset() + at
	return e
}

// element reads one element, or a broadcast map.
func (s *scan) element(e element) error {
	if e.from < int64(s.reader.head.Size) || e.from > e.to {
		return s.errorAt(e.from, "an element is said to begin here, which cannot be")
	}
	s.w.Go(s.form, e.from, e.to)
	s.entry = backends.Entry{State: s.state, KeyGroup: -1}
	if s.state.Kind == backends.Broadcast {
		return s.told(s.pairs())
	}
	b, err := s.w.Value(s.state.Value)
	var opaque *backends.OpaqueError
	if errors.As(err, &opaque) {
		b, err = s.w.Rest()
	}
	if err != nil {
		return s.told(err)
	}
	if rest, err := s.w.Peek(0); err != nil || len(rest) > 0 || s.w.Physical() != e.to {
		b = bytes.Clone(b) // it must last while the end is looked for
		if err := s.left(); err != nil {
			return err
		}
	}
	s.entry.Value = b
	return s.give()
}

// left tells of what is behind the last value, where something is.
func (s *scan) left() error {
	if err := s.w.Err(); err != nil {
		return s.told(err)
	}
	if end, err := s.w.AtEnd(); err != nil {
		return s.told(err)
	} else if end {
		return nil
	}
	return s.w.Errorf("the element goes on behind its end")
}

// told is err as a *backends.Error, where it tells of the bytes.
func (s *scan) told(err error) error {
	var opaque *backends.OpaqueError
	var wrong *backends.TypeError
	switch {
	case errors.As(err, &opaque):
		e := s.w.Errorf("the rest of the state cannot be read: nothing tells where a value of %s ends", opaque.Class)
		e.Hint, e.Err = opaque.Hint, err
		return e
	case errors.As(err, &wrong):
		e := s.w.Errorf("%s", wrong.Error())
		e.Err = err
		return e
	case errors.Is(err, io.ErrUnexpectedEOF):
		return s.w.Errorf("the element ends too early")
	}
	return err
}

// pair is an entry of a broadcast map.
type pair struct {
	backends.Type // nil: of a type that nobody asks for more than Size

	key, value backends.Type
	k          int
}

// Size measures key and value.
func (p *pair) Size(b []byte) (int, error) {
	k, err := p.key.Size(b)
	if err != nil {
		return 0, err
	}
	v, err := p.value.Size(b[k:])
	p.k = k
	return k + v, err
}

// pairs reads a broadcast map. It is all of its stretch.
func (s *scan) pairs() error {
	n := s.w.I32()
	if err := s.w.Err(); err != nil {
		return err
	}
	if n < 0 {
		return s.w.Errorf("a map of %d entries", n)
	}
	p := pair{key: s.state.MapKey, value: s.state.Value}
	for range n {
		b, err := s.w.Value(&p)
		var opaque *backends.OpaqueError
		if errors.As(err, &opaque) && n == 1 {
			b, err = s.only(&p)
		}
		if err == nil && len(b) == 0 {
			err = s.w.Errorf("an entry without bytes")
		}
		if err != nil {
			return err
		}
		s.entry.MapKey, s.entry.Value = b[:p.k:p.k], b[p.k:]
		if err := s.give(); err != nil {
			return err
		}
	}
	return s.left()
}

// only is the only pair of a map, whose value ends with the stretch.
func (s *scan) only(p *pair) ([]byte, error) {
	b, err := s.w.Rest()
	if err == nil {
		p.k, err = p.key.Size(b)
	}
	return b, err
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
	e.Err = err
	if !s.passed(e) {
		return backends.ErrStop
	}
	return nil
}
