package hashmap

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
)

// restore takes over what lies within the store's key groups of one handle.
func (s *Store) restore(ctx context.Context, h *backends.RestoredHandle) error {
	reader, err := h.Open(ctx)
	if err != nil {
		return err
	}
	if err := s.restoreFrom(ctx, reader); err != nil {
		return errors.Join(err, reader.Close())
	}
	return reader.Close()
}

func (s *Store) restoreFrom(ctx context.Context, reader backends.Reader) error {
	states := map[*backends.State]*restored{}
	for _, st := range reader.States() {
		t, err := s.restoredTable(st)
		if err != nil {
			return err
		}
		states[st] = s.newRestored(t, st)
	}
	var last *restored
	for e, err := range reader.Entries(ctx, backends.Everything(s.config.KeyGroups)) {
		if err != nil {
			return err
		}
		if last == nil || last.state != e.State {
			if last = states[e.State]; last == nil {
				return fmt.Errorf("an entry of state %q, which the handle does not name", e.State.Name)
			}
		}
		if err := last.add(&e); err != nil {
			return fmt.Errorf("state %q, key group %d: %w", e.State.Name, e.KeyGroup, err)
		}
	}
	return nil
}

// restoredTable finds or adds the table of a restored state.
func (s *Store) restoredTable(st *backends.State) (*table, error) {
	s.takeKey(st)
	m := metaOf(st)
	t := s.byName[st.Name]
	if t == nil {
		return s.register(m), nil
	}
	if was, want := t.meta.Types(), m.Types(); was != want {
		return nil, &backends.IncompatibleError{State: st.Name, Was: was, Want: want}
	}
	return t, nil
}

// takeKey takes over the type of the keys and its snapshot, where the config does not tell them.
func (s *Store) takeKey(st *backends.State) {
	if s.config.Key == nil && st.Key != nil {
		s.config.Key, s.keyRestored = st.Key, true
	}
	if s.keyRestored && s.config.KeyRaw == nil {
		s.config.KeyRaw = st.KeyRaw
	}
}

// metaOf is what is known of a restored state. One of State V2 goes on as Flink's heap backend has states.
func metaOf(st *backends.State) *backends.Meta {
	m := &backends.Meta{Name: st.Name, Kind: st.Kind, Namespace: st.Namespace, MapKey: st.MapKey, Value: st.Value, TTL: st.TTL, Raw: st.Raw}
	if st.V2 {
		m.Raw = nil
	}
	return m
}

// restored is a state of one handle.
type restored struct {
	table      *table
	state      *backends.State
	form       backends.KeyForm
	prefix     int
	key, value []byte
}

func (s *Store) newRestored(t *table, st *backends.State) *restored {
	r := &restored{table: t, state: st, prefix: s.prefix}
	if st.Kind != backends.Timer && st.Key != nil {
		r.form = backends.NewKeyForm(s.prefix, st.Key, namespaceOf(st.Namespace), false)
	}
	return r
}

// add adds an entry to the table.
func (r *restored) add(e *backends.Entry) error {
	if r.state.Kind != backends.Timer && r.state.Key == nil {
		return errors.New("nothing tells of which type its keys are")
	}
	if err := r.measured(e); err != nil {
		return err
	}
	value, err := r.valueOf(e)
	if err != nil || value == nil {
		return err
	}
	r.key = keygroups.AppendPrefix(r.key[:0], e.KeyGroup, r.prefix)
	if r.state.Kind == backends.Timer {
		r.appendTimer(e)
	} else {
		namespace := e.Namespace
		if r.state.Namespace == nil {
			namespace = voidBytes
		}
		r.key = r.form.Append(r.key, backends.KeyParts{Key: e.Key, Namespace: namespace})
	}
	if _, twice, _ := r.table.Get(e.KeyGroup, r.key, e.MapKey); twice {
		return fmt.Errorf("the key %x is there twice", append(r.key, e.MapKey...))
	}
	return r.table.Put(e.KeyGroup, r.key, e.MapKey, value)
}

// measured refuses what only the job could find the end of. In the heap's form entries follow each other without lengths: nobody could
// restore the store's checkpoints.
func (r *restored) measured(e *backends.Entry) error {
	for _, part := range [...]struct {
		what  string
		typ   backends.Type
		bytes []byte
	}{{"key", r.state.Key, e.Key}, {"namespace", r.state.Namespace, e.Namespace}, {"key of a map", r.state.MapKey, e.MapKey}, {"value", r.state.Value, e.Value}} {
		if part.typ == nil || part.typ.Width() >= 0 || part.bytes == nil || part.what == "value" && (r.state.Kind == backends.List || e.Null) {
			continue
		}
		n, err := part.typ.Size(part.bytes)
		if err != nil {
			return unended(part.what, err)
		}
		if n != len(part.bytes) {
			return fmt.Errorf("a %s of %d bytes, of which %s takes %d", part.what, len(part.bytes), part.typ, n)
		}
	}
	return nil
}

var voidBytes = []byte{0}

// appendTimer appends a timer as TimerSerializer has it.
func (r *restored) appendTimer(e *backends.Entry) {
	if r.state.Value != nil { // of a queue of something else
		r.key = append(r.key, e.Value...)
		return
	}
	r.key = backends.AppendTimerTime(r.key, e.Time)
	r.key = append(append(r.key, e.Key...), e.Namespace...)
}

// valueOf is the value of an entry as a Table has it; nil where there is nothing to keep.
func (r *restored) valueOf(e *backends.Entry) ([]byte, error) {
	switch r.state.Kind {
	case backends.Timer:
		return []byte{}, nil
	case backends.List:
		return r.list(e)
	case backends.Map:
		r.value = append(r.value[:0], 0)
		if e.Null {
			r.value[0] = 1
			return r.value, nil
		}
		r.value = append(r.value, e.Value...)
		return r.value, nil
	case backends.UnknownKind:
		return nil, errors.New("the checkpoint does not tell of which kind the state is")
	}
	if e.Value == nil {
		return []byte{}, nil
	}
	return e.Value, nil
}

// list is the elements of a list, joined. That each of them ends where it should is checked: nothing can be written of a list
// whose elements nobody can tell apart.
func (r *restored) list(e *backends.Entry) ([]byte, error) {
	if e.Joined {
		for _, err := range backends.JoinedElements(r.state.Value, e.Value) {
			if err != nil {
				return nil, unended("element", err)
			}
		}
		return e.Value, nil
	}
	b := e.Value
	if len(b) < 4 {
		return nil, backends.ErrShort
	}
	n := int32(binary.BigEndian.Uint32(b))
	b = b[4:]
	r.value = r.value[:0]
	for i := range n {
		size, err := r.state.Value.Size(b)
		if err != nil {
			return nil, unended("element", err)
		}
		if i > 0 {
			r.value = append(r.value, backends.ListDelimiter)
		}
		r.value = append(r.value, b[:size]...)
		b = b[size:]
	}
	switch {
	case n < 0 || len(b) > 0:
		return nil, fmt.Errorf("a list of %d elements, behind which %d bytes are left", n, len(b))
	case n == 0:
		return nil, nil
	}
	return r.value, nil
}

// unended says what it means that nobody knows how long something is.
func unended(what string, err error) error {
	var opaque *backends.OpaqueError
	if errors.As(err, &opaque) {
		return fmt.Errorf("nothing tells where the %s of %s ends, which the heap's format needs: %w", what, opaque.Class, err)
	}
	return err
}
