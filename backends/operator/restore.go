package operator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"

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
	begin, _ := slices.BinarySearchFunc(all, offset, func(e element, at int64) int { return cmp.Compare(e.from, at) })
	end := begin + sort.Search(len(all)-begin, func(i int) bool { return all[begin+i].from > offset })
	if !slices.ContainsFunc(all[begin:end], func(e element) bool { return e.state == state }) {
		return in.errorf("byte %d is none where an element of the state begins", offset)
	}
	e := all[end-1]
	if n := end - begin; n > 1 && e.from != e.to {
		return in.errorf("%d elements begin at byte %d, and nothing tells which of them has the bytes there", n, offset)
	}
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
	made := restoredState(st, m)
	if err := l.agree(&made.meta); err != nil {
		return nil, err
	}
	s, ok := l.lists.all[st.Name]
	if !ok {
		s = &list{state: made}
		l.lists.add(st.Name, s)
	}
	return s, nil
}

func restoredState(st *backends.State, m metadata.OperatorStateMeta) state {
	return state{meta: backends.Meta{Name: st.Name, Kind: st.Kind, MapKey: st.MapKey, Value: st.Value, Raw: st.Raw}, name: m.Name}
}

// agree holds that two handles say the same of a state: one snapshot cannot hold both.
func (l *Live) agree(m *backends.Meta) error {
	err := l.fits(m)
	var e *backends.IncompatibleError
	if errors.As(err, &e) {
		e.Was, e.Want = e.Was+" to one sub-task and "+e.Want+" to another", "one of both"
	}
	return err
}

// broadcast restores a map. Each handle has all of it.
func (in *restorer) broadcast(i int, st *backends.State, m metadata.OperatorStateMeta) error {
	made := restoredState(st, m)
	if err := in.live.agree(&made.meta); err != nil {
		return err
	}
	s, ok := in.live.broadcasts.all[st.Name]
	if !ok {
		s = &broadcast{state: made}
		in.live.broadcasts.add(st.Name, s)
	}
	for _, o := range m.Offsets {
		if s.opaque != nil {
			return nil
		}
		if err := in.find(i, o); err != nil {
			return err
		}
		none := len(s.entries) == 0
		err := in.entries(s, st)
		var opaque *backends.OpaqueError
		if errors.As(err, &opaque) && in.ended && none {
			err = in.whole(s, i, o)
		}
		if err != nil {
			return fmt.Errorf("the map at byte %d: %w", o, err)
		}
	}
	return nil
}

// entries reads the map at hand.
func (in *restorer) entries(s *broadcast, st *backends.State) error {
	n := in.w.I32()
	if err := in.w.Err(); err != nil {
		return err
	}
	if n < 0 {
		return fmt.Errorf("a map of %d entries", n)
	}
	p := pair{key: st.MapKey, value: st.Value}
	for range n {
		b, err := in.w.Value(&p)
		if err != nil {
			return err
		}
		if len(b) == 0 {
			return errors.New("an entry without bytes")
		}
		s.put(&pairBytes{data: slices.Clone(b), k: p.k})
	}
	if !in.ended {
		return nil
	}
	end, err := in.w.AtEnd()
	if err == nil && !end {
		err = errors.New("bytes are left over")
	}
	return err
}

// whole keeps a map as it is, whose entries cannot be told apart.
func (in *restorer) whole(s *broadcast, state int, offset int64) error {
	if err := in.find(state, offset); err != nil {
		return err
	}
	all, err := in.w.Rest()
	s.place, s.entries, s.opaque = nil, nil, slices.Clone(all)
	return err
}
