package pebble

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/metadata"
)

// translate puts what a handle of another state backend has of the key groups.
func (s *Store) translate(ctx context.Context, r *backends.RestoredHandle, groups metadata.KeyGroupRange) (err error) {
	reader, err := r.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	loaders := map[*backends.State]*loader{}
	for _, st := range reader.States() {
		if loaders[st], err = s.loader(st); err != nil {
			return err
		}
	}
	n := 0
	for e, err := range reader.Entries(ctx, backends.Everything(groups)) {
		if err != nil {
			return err
		}
		l := loaders[e.State]
		if l == nil || !groups.Contains(e.KeyGroup) {
			return fmt.Errorf("an entry of key group %d and state %q, which was not asked for", e.KeyGroup, e.State.Name)
		}
		if err := l.put(&e); err != nil {
			return fmt.Errorf("state %q, key group %d: %w", e.State.Name, e.KeyGroup, err)
		}
		if n++; n%contextEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// loader puts the entries of one state as a reader gives them.
type loader struct {
	t          *table
	form       backends.KeyForm
	whole      bool // timers that are not Flink's: the value is the element
	key, value []byte
}

func (s *Store) loader(st *backends.State) (*loader, error) {
	m, err := metaOf(st)
	if err != nil {
		return nil, err
	}
	l := &loader{}
	if l.t, err = s.restored(m); err != nil {
		return nil, err
	}
	switch {
	case st.Kind == backends.Timer && st.Key == nil:
		l.whole = true
	case st.Key == nil || st.Namespace == nil:
		return nil, fmt.Errorf("state %q: the types of its keys and namespaces are not known", st.Name)
	case st.Kind == backends.Timer:
		l.form = backends.NewTimerForm(s.prefix, st.Key, st.Namespace)
	default:
		l.form = backends.NewKeyForm(s.prefix, st.Key, st.Namespace, st.Kind == backends.Map)
	}
	return l, nil
}

func (l *loader) put(e *backends.Entry) error {
	l.key = keygroups.AppendPrefix(l.key[:0], e.KeyGroup, l.t.s.prefix)
	parts := backends.KeyParts{Key: e.Key, Namespace: e.Namespace, MapKey: e.MapKey}
	value := e.Value
	switch {
	case l.whole:
		l.key, value = append(l.key, e.Value...), nil
		return l.t.Put(e.KeyGroup, l.key, nil, nil)
	case e.State.Kind == backends.Timer:
		l.key, value = backends.AppendTimerTime(l.key, e.Time), nil
	case e.State.Kind == backends.Map:
		l.value = append(l.value[:0], 0)
		if e.Null {
			l.value[0] = 1
		}
		l.value = append(l.value, e.Value...)
		value = l.value
	case e.State.Kind == backends.List && !e.Joined:
		if n, err := l.join(e); err != nil || n == 0 {
			return err // RocksDB has no empty lists
		}
		value = l.value
	}
	l.key = l.form.Append(l.key, parts)
	return l.t.Put(e.KeyGroup, l.key, nil, value)
}

// join puts the elements behind a count as RocksDB has them, and tells how many they are.
func (l *loader) join(e *backends.Entry) (int32, error) {
	l.value = l.value[:0]
	if len(e.Value) < 4 {
		return 0, backends.ErrShort
	}
	n := int32(binary.BigEndian.Uint32(e.Value))
	rest := e.Value[4:]
	for i := range n {
		size, err := e.State.Value.Size(rest)
		if err != nil {
			return 0, err
		}
		if i > 0 {
			l.value = append(l.value, delimiter)
		}
		l.value = append(l.value, rest[:size]...)
		rest = rest[size:]
	}
	if len(rest) > 0 || n < 0 {
		return 0, errors.New("the list does not end where its elements do")
	}
	return n, nil
}
