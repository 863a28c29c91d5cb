package operator

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/stream"
	"github.com/ckpt-tool/ckpt/metadata"
)

// restore takes over what h holds: of lists the elements at its offsets, of maps all. whole has all the offsets of the
// stream, or is nil.
func (l *Live) restore(ctx context.Context, c *backends.OperatorConfig, h, whole *metadata.OperatorStateHandle) error {
	ends := whole
	if ends == nil {
		ends = h
	}
	r, err := OpenReader(ctx, c.Files, ends, backends.Origin{Subtask: c.Subtask}, &c.Options)
	if err != nil {
		return fmt.Errorf("restoring operator state: %w", err)
	}
	in := &restorer{live: l, r: r, w: stream.New(r.blob, r.blob.Size()), form: stream.AsIs, ended: whole != nil}
	if r.head.Compressed {
		in.form = stream.SnappyWithin
	}
	for _, m := range h.States {
		if err = ctx.Err(); err == nil {
			err = in.state(m)
		}
		if err != nil {
			err = fmt.Errorf("restoring operator state %q: %w", m.Name, err)
			break
		}
	}
	return errors.Join(err, r.Close())
}

// restorer reads one handle.
type restorer struct {
	live  *Live
	r     *Reader
	w     *stream.Window
	form  stream.Form
	ended bool // where elements end is known
}

// state restores one state.
func (in *restorer) state(m metadata.OperatorStateMeta) error {
	i := in.r.find(m)
	if i < 0 {
		return in.errorf("the header does not describe the state")
	}
	st := in.r.states[i]
	if m.Mode == metadata.Broadcast {
		return in.broadcast(i, st, m)
	}
	s, err := in.live.restoredList(st, m)
	if err != nil {
		return err
	}
	for _, o := range m.Offsets {
		b, err := in.bytes(i, o, st.Value)
		if err != nil {
			return err
		}
		s.elements.add(b)
	}
	return nil
}

func (in *restorer) errorf(format string, args ...any) error {
	in.w.Go(stream.AsIs, 0, 0)
	return in.w.Errorf(format, args...)
}

// find makes the stretch of a state at an offset the one to be read.
func (in *restorer) find(state int, offset int64) error {
	all := in.r.elements
	i, _ := slices.BinarySearchFunc(all, offset, func(e element, at int64) int { return cmp.Compare(e.from, at) })
	for i < len(all) && all[i].from == offset && all[i].state != state {
		i++
	}
	if i == len(all) || all[i].from != offset {
		return in.errorf("byte %d is none where an element of the state begins", offset)
	}
	e := all[i]
	if e.from < int64(in.r.head.Size) || e.from > e.to {
		return in.errorf("an element is said to begin at byte %d, which cannot be", e.from)
	}
	in.w.Go(in.form, e.from, e.to)
	return nil
}

// bytes are those of the element at an offset. They are valid until the next is read.
func (in *restorer) bytes(state int, offset int64, t backends.Type) ([]byte, error) {
	if err := in.find(state, offset); err != nil {
		return nil, err
	}
	if in.ended {
		return in.w.Rest()
	}
	b, err := in.w.Value(t)
	if err != nil {
		return nil, fmt.Errorf("the element at byte %d: %w", offset, err)
	}
	return b, nil
}

// restoredList is the list of what st describes, which other handles may have begun.
func (l *Live) restoredList(st *backends.State, m metadata.OperatorStateMeta) (*list, error) {
	s, ok := l.lists.all[st.Name]
	if !ok {
		s = &list{state: restoredState(st, m)}
		l.lists.add(st.Name, s)
		return s, nil
	}
	return s, s.agree(st)
}

func restoredState(st *backends.State, m metadata.OperatorStateMeta) state {
	return state{meta: backends.Meta{Name: st.Name, Kind: st.Kind, MapKey: st.MapKey, Value: st.Value, Raw: st.Raw}, name: m.Name}
}

// agree holds that two handles say the same of a state: one snapshot cannot hold both.
func (s *state) agree(st *backends.State) error {
	also := backends.Meta{Kind: st.Kind, MapKey: st.MapKey, Value: st.Value}
	if a, b := describe(&s.meta), describe(&also); a != b {
		return &backends.IncompatibleError{State: st.Name, Was: a + " to one sub-task and " + b + " to another", Want: "one of both"}
	}
	return nil
}

// broadcast restores a map. Each handle has all of it.
func (in *restorer) broadcast(i int, st *backends.State, m metadata.OperatorStateMeta) error {
	s, ok := in.live.broadcasts.all[st.Name]
	if !ok {
		s = &broadcast{state: restoredState(st, m)}
		in.live.broadcasts.add(st.Name, s)
	} else if err := s.agree(st); err != nil {
		return err
	}
	for _, o := range m.Offsets {
		if err := in.find(i, o); err != nil {
			return err
		}
		if err := in.entries(s, st); err != nil {
			return fmt.Errorf("the map at byte %d: %w", o, err)
		}
	}
	return nil
}

// entries reads the map at hand. If its entries cannot be told apart, it is kept as a whole.
func (in *restorer) entries(s *broadcast, st *backends.State) error {
	if !in.ended {
		n := in.w.I32()
		return in.pairs(n, func(p *pair) ([]byte, error) { return in.w.Value(p) }, s, st)
	}
	all, err := in.w.Rest()
	if err != nil || s.opaque != nil {
		return err
	}
	if len(all) < 4 {
		return backends.ErrShort
	}
	rest := all[4:]
	was := *s
	err = in.pairs(int32(binary.BigEndian.Uint32(all)), func(p *pair) ([]byte, error) {
		n, err := p.Size(rest)
		if err != nil {
			return nil, err
		}
		b := rest[:n]
		rest = rest[n:]
		return b, nil
	}, s, st)
	var opaque *backends.OpaqueError
	switch {
	case errors.As(err, &opaque) && len(was.entries) == 0:
		*s = was
		s.place, s.entries, s.opaque = nil, nil, slices.Clone(all)
		return nil
	case err == nil && len(rest) > 0:
		return fmt.Errorf("%d bytes are left over", len(rest))
	}
	return err
}

// pairs puts n entries that next gives.
func (in *restorer) pairs(n int32, next func(*pair) ([]byte, error), s *broadcast, st *backends.State) error {
	if err := in.w.Err(); err != nil {
		return err
	}
	if n < 0 {
		return fmt.Errorf("a map of %d entries", n)
	}
	p := pair{key: st.MapKey, value: st.Value}
	for range n {
		b, err := next(&p)
		if err != nil {
			return err
		}
		if len(b) == 0 {
			return errors.New("an entry without bytes")
		}
		s.put(&pairBytes{data: slices.Clone(b), k: p.k})
	}
	return nil
}
