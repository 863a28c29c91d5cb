package changelog

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/schema"
	"github.com/ckpt-tool/ckpt/metadata/javaobj"
)

// The versions of a meta in a log (Flink: CURRENT_STATE_META_INFO_SNAPSHOT_VERSION). Their bytes are the same.
const (
	metaVersion  = 6
	metaVersion2 = 7
)

// metadata reads a change of metadata. A state whose serializers are not known is one without State: the number is
// at the end of the change, wherever that is.
func (r *Reader) metadata(change []byte, path string, offset int64) (*logged, error) {
	fail := func(at int, format string, args ...any) (*logged, error) {
		return nil, &backends.Error{Path: path, Offset: offset + int64(at), KeyGroup: -1, Message: fmt.Sprintf(format, args...)}
	}
	const head, tail = 5, 3
	if len(change) < head+tail || change[0] != opMetadata {
		return fail(0, "a change of metadata that is none")
	}
	if v := binary.BigEndian.Uint32(change[1:]); v != metaVersion && v != metaVersion2 {
		return fail(1, "metadata of version %d, which is not known", v)
	}
	rest, end := change[head:len(change)-tail], change[len(change)-tail:]
	l := &logged{number: int16(binary.BigEndian.Uint16(end))}
	m, n, err := schema.ReadMeta(rest, r.opts)
	var e *backends.Error
	var opaque *backends.OpaqueError
	switch {
	case errors.As(err, &opaque) && errors.As(err, &e):
		e.Path, e.Offset = path, e.Offset+offset+head
		l.err, l.slot = e, r.slotOf(e.State)
		return r.introduce(l), nil
	case errors.As(err, &e):
		return fail(head+int(e.Offset), "%s", e.Message)
	}
	if m.Type != schema.KeyValue && m.Type != schema.PriorityQueue {
		return fail(head, "a state of type %s in a log of changes", m.Type)
	}
	if byte(m.Type) != end[2] {
		return fail(len(change)-1, "state %q is of type %s, but its change of metadata is of type %d", m.Name, m.Type, end[2])
	}
	if m.Type == schema.KeyValue {
		used, err := afterMeta(m, rest[n:])
		if err != nil {
			return fail(head+n, "the metadata of state %q: %v", m.Name, err)
		}
		n += used
	}
	if n != len(rest) {
		return fail(head+n, "%d bytes are left over in the metadata of state %q", len(rest)-n, m.Name)
	}
	l.meta, l.raw, l.slot = m, append([]byte(nil), change...), r.slotOf(m.Name)
	l.state = m.State(r.o, nil)
	return r.introduce(l), nil
}

// afterMeta is how long the configuration of TTL and the default value are.
func afterMeta(m *schema.Meta, b []byte) (int, error) {
	at := 0
	flag := func(what string) (bool, error) {
		if at >= len(b) || b[at] > 1 {
			return false, fmt.Errorf("no flag tells whether it has %s", what)
		}
		at++
		return b[at-1] == 1, nil
	}
	ttl, err := flag("a TTL")
	if err != nil {
		return 0, err
	}
	if ttl {
		_, n, err := javaobj.Parse(b[at:])
		if err != nil {
			return 0, fmt.Errorf("its TTL: %w", err)
		}
		at += n
	}
	value, err := flag("a default value")
	if err != nil || !value {
		return at, err
	}
	n, err := m.Value.Size(b[at:])
	var opaque *backends.OpaqueError
	if errors.As(err, &opaque) {
		return len(b), nil // it is the last
	}
	return at + n, err
}
