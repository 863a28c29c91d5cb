package heap

import (
	"encoding/binary"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/schema"
)

// form is how the entries of one state lie.
type form struct {
	state *backends.State
	lies  lies
	// entry is of values: namespace, key and value; of maps: namespace, key and count.
	entry parts
	pair  pair // of maps
	timer timer
}

// lies is what the entries of a state are made of.
type lies uint8

const (
	values   lies = iota // namespace, key, value
	maps                 // namespace, key, count, pairs
	timers               // time, key, namespace
	elements             // of a queue that does not hold Flink's timers
	unknown              // what heap does not write
)

func newForm(st *backends.State, m *schema.Meta, key backends.Type) form {
	f := form{state: st}
	switch {
	case m.Type == schema.PriorityQueue && st.Value == nil:
		f.lies = timers
		f.timer = timer{key: fieldOf(st.Key), namespace: fieldOf(st.Namespace)}
	case m.Type == schema.PriorityQueue:
		f.lies = elements
		f.entry = parts{value: fieldOf(st.Value)}
	case m.Type != schema.KeyValue:
		f.lies = unknown
	case st.Kind == backends.Map:
		f.lies = maps
		f.entry = parts{namespace: fieldOf(m.Namespace), key: fieldOf(key), value: field{width: 4}}
		f.pair = pair{key: fieldOf(st.MapKey), value: fieldOf(st.Value)}
	default:
		f.entry = parts{namespace: fieldOf(m.Namespace), key: fieldOf(key), value: fieldOf(m.Value)}
	}
	return f
}

// field is a part of an entry. Its width spares a call where it does not vary.
type field struct {
	t     backends.Type
	width int
}

func fieldOf(t backends.Type) field { return field{t: t, width: t.Width()} }

func (f *field) size(b []byte) (int, error) {
	if f.width < 0 {
		return f.t.Size(b)
	}
	if len(b) < f.width {
		return 0, backends.ErrShort
	}
	return f.width, nil
}

// parts takes the parts of an entry for one value, so that a window shows them at once.
type parts struct {
	backends.Type // nil: of a type that nobody asks for more than Size

	namespace, key, value field
	n, k                  int // how long namespace and key were
}

func (p *parts) Size(b []byte) (int, error) {
	n, err := p.namespace.size(b)
	if err != nil {
		return 0, err
	}
	k, err := p.key.size(b[n:])
	if err != nil {
		return 0, err
	}
	v, err := p.value.size(b[n+k:])
	p.n, p.k = n, k
	return n + k + v, err
}

// pair is an entry within a map: key, u8 whether null, value.
type pair struct {
	backends.Type

	key, value field
	k          int
	null       bool
}

func (p *pair) Size(b []byte) (int, error) {
	k, err := p.key.size(b)
	if err != nil {
		return 0, err
	}
	if k == len(b) {
		return 0, backends.ErrShort
	}
	p.k, p.null = k, b[k] == 1
	switch {
	case p.null:
		return k + 1, nil
	case b[k] != 0:
		return 0, &backends.TypeError{Type: "Boolean", Offset: k, Message: "the flag of a null in a map is neither 0 nor 1"}
	}
	v, err := p.value.size(b[k+1:])
	return k + 1 + v, err
}

// timer is one as TimerSerializer writes it.
type timer struct {
	backends.Type

	key, namespace field
	k              int
	raw            bool // the time is the last, and not flipped
}

const timeLen = 8

func (t *timer) Size(b []byte) (int, error) {
	rest := b
	if !t.raw {
		rest = b[min(timeLen, len(b)):]
	}
	k, err := t.key.size(rest)
	if err != nil {
		return 0, err
	}
	t.k = k
	n, err := t.namespace.size(rest[k:])
	if err != nil {
		return 0, err
	}
	if len(b) < timeLen+k+n {
		return 0, backends.ErrShort
	}
	return timeLen + k + n, nil
}

// cut gives the parts of a timer that Size has just measured.
func (t *timer) cut(b []byte, e *backends.Entry) {
	at := len(b) - timeLen
	if t.raw {
		e.Time = int64(binary.BigEndian.Uint64(b[at:]))
	} else {
		e.Time = backends.TimerTime(b)
		b = b[timeLen:]
	}
	e.Key, e.Namespace = b[:t.k:t.k], b[t.k:at:at]
}
