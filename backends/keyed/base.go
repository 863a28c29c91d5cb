package keyed

import (
	"errors"
	"fmt"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/backends/types"
)

var (
	// errNoNamespace says that a state of windows was used before it was told of which.
	errNoNamespace = errors.New("no current namespace")
	// errChanged ends an iteration in whose midst something was changed: some entries might come twice, and others never.
	errChanged = errors.New("what was being iterated over was changed, which it may be only after the iteration")
)

// base is what all states have: a table, and the composite key in it of the current key and namespace.
type base struct {
	backend   *Backend
	meta      *backends.Meta
	table     backends.Table
	form      backends.KeyForm
	value     backends.Type // without TTL
	width     int           // of value
	ttl       *ttl          // nil where values live for ever
	sweep     *sweep        // nil where nothing is looked for that has expired
	changes   uint64        // counts what was written and deleted
	namespace []byte        // encoded; nil before it is set
	epoch     uint64        // of the key that composite was built of
	composite []byte
	out       []byte // what is being written
}

func (b *Backend) base(d *backends.Descriptor, m *backends.Meta, t backends.Table) base {
	s := base{
		backend: b, meta: m, table: t, value: d.Value, width: d.Value.Width(),
		form: backends.NewKeyForm(b.prefix, b.config.Key, m.Namespace, false),
	}
	if d.TTL != nil {
		s.ttl = newTTL(d.TTL, b.config.Now)
	}
	if types.IsVoid(m.Namespace) {
		s.namespace = make([]byte, m.Namespace.Width(), max(1, m.Namespace.Width()))
	}
	return s
}

func (s *base) part() *base { return s }

// at is the key group and the composite key of the current key and namespace.
func (s *base) at() (int32, []byte, error) {
	b := s.backend
	if s.epoch == b.epoch && s.epoch > 0 {
		return b.keyGroup, s.composite, nil
	}
	if b.keyGroup < 0 {
		return 0, nil, s.failed(backends.ErrNoKey)
	}
	if s.namespace == nil {
		return 0, nil, s.failed(errNoNamespace)
	}
	s.composite = s.compose(s.composite[:0], s.namespace)
	s.epoch = b.epoch
	return b.keyGroup, s.composite, nil
}

// compose appends the composite key of the current key in a namespace.
func (s *base) compose(dst, namespace []byte) []byte {
	b := s.backend
	return s.form.Append(keygroups.AppendPrefix(dst, b.keyGroup, b.prefix), backends.KeyParts{Key: b.key, Namespace: namespace})
}

// SetNamespace implements backends.KeyedState.
func (s *base) SetNamespace(namespace any) error {
	encoded, err := s.meta.Namespace.Encode(s.namespace[:0], namespace)
	if err != nil {
		s.forget()
		return s.failed(fmt.Errorf("the namespace: %w", err))
	}
	s.setNamespace(encoded)
	return nil
}

// SetNamespaceBytes implements backends.KeyedState.
func (s *base) SetNamespaceBytes(namespace []byte) error {
	if err := fits(s.meta.Namespace, namespace); err != nil {
		s.forget()
		return s.failed(fmt.Errorf("the namespace: %w", err))
	}
	s.setNamespace(append(s.namespace[:0], namespace...))
	return nil
}

// setNamespace takes over encoded, which is not nil, though it may be empty.
func (s *base) setNamespace(encoded []byte) {
	if encoded == nil {
		encoded = []byte{}
	}
	s.namespace, s.epoch = encoded, 0
}

// forget leaves a state whose namespace is wrong without any, rather than with that of before.
func (s *base) forget() { s.namespace, s.epoch = nil, 0 }

// Clear implements backends.KeyedState.
func (s *base) Clear() error {
	kg, key, err := s.at()
	if err != nil {
		return err
	}
	return s.erase(kg, key, nil)
}

// get is the value of the current key.
func (s *base) get() ([]byte, bool, error) {
	kg, key, err := s.at()
	if err != nil {
		return nil, false, err
	}
	b, ok, err := s.table.Get(kg, key, nil)
	if err != nil {
		return nil, false, s.failed(err)
	}
	return b, ok, nil
}

// put writes the value of the current key.
func (s *base) put(b []byte) error {
	kg, key, err := s.at()
	if err != nil {
		return err
	}
	return s.store(kg, key, nil, b)
}

// store writes a value, of the current key or another one. All writing but appending goes through it.
func (s *base) store(kg int32, key, sub, b []byte) error {
	s.changes++
	if err := s.table.Put(kg, key, sub, b); err != nil {
		return s.failed(err)
	}
	return s.written(1)
}

// erase deletes a value, of the current key or another one.
func (s *base) erase(kg int32, key, sub []byte) error {
	s.changes++
	return s.failed(s.table.Delete(kg, key, sub))
}

// encode is v with what its time to live needs before it, in the buffer of the state.
func (s *base) encode(v any) ([]byte, error) {
	b, err := s.appendValue(s.out[:0], v)
	if err != nil {
		return nil, err
	}
	s.out = b
	return b, nil
}

// appendValue appends v, behind the time of now if it has a time to live.
func (s *base) appendValue(dst []byte, v any) ([]byte, error) {
	b, err := s.value.Encode(s.appendTime(dst), v)
	if err != nil {
		return dst, s.failed(err)
	}
	return b, nil
}

func (s *base) appendTime(dst []byte) []byte {
	if s.ttl != nil {
		return appendTime(dst, s.ttl.now())
	}
	return dst
}

// stamped is an encoded value with what its time to live needs before it. It aliases v, or the buffer of the state.
func (s *base) stamped(v []byte) ([]byte, error) {
	if s.width >= 0 && len(v) != s.width {
		return nil, s.failed(fmt.Errorf("%d bytes are no %s", len(v), s.value))
	}
	if s.ttl == nil {
		return v, nil
	}
	if len(v) > maxBytes {
		return nil, s.failed(backends.ErrTooLarge)
	}
	s.out = append(s.appendTime(s.out[:0]), v...)
	return s.out, nil
}

// decode is the one value in b.
func (s *base) decode(b []byte) (any, error) {
	v, err := whole(s.value, b)
	if err != nil {
		return nil, s.failed(err)
	}
	return v, nil
}

// failed names the state in an error.
func (s *base) failed(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("state %q: %w", s.meta.Name, err)
}

// maxBytes is how many bytes Flink's formats can count.
const maxBytes = 1<<31 - 1
