package schema

import (
	"fmt"

	"github.com/ckpt-tool/ckpt/backends"
)

// MetaType is what a state is to its backend (Flink: BackendStateType, by its ordinals).
type MetaType int32

// The types.
const (
	KeyValue       MetaType = 0
	OperatorState  MetaType = 1
	BroadcastState MetaType = 2
	PriorityQueue  MetaType = 3 // timers
	KeyValueV2     MetaType = 4 // of Flink's State V2
)

// String is Flink's word.
func (t MetaType) String() string {
	names := [...]string{"KEY_VALUE", "OPERATOR", "BROADCAST", "PRIORITY_QUEUE", "KEY_VALUE_V2"}
	if t >= 0 && int(t) < len(names) {
		return names[t]
	}
	return fmt.Sprintf("MetaType(%d)", int32(t))
}

// keyed tells whether states of the type are in keyed headers, and not in those of operators.
func (t MetaType) keyed() bool { return t == KeyValue || t == PriorityQueue || t == KeyValueV2 }

// The keys of a Meta's options (Flink: CommonOptionsKeys), and of its serializers (CommonSerializerKeys).
const (
	OptionStateType        = "KEYED_STATE_TYPE"
	OptionDistributionMode = "OPERATOR_STATE_DISTRIBUTION_MODE"

	keySerializer       = "KEY_SERIALIZER"
	namespaceSerializer = "NAMESPACE_SERIALIZER"
	valueSerializer     = "VALUE_SERIALIZER"
	userKeySerializer   = "USER_KEY_SERIALIZER"
)

// Meta is what a header tells of one state (Flink: StateMetaInfoSnapshot).
type Meta struct {
	Name    string
	Type    MetaType
	Options map[string]string // see OptionStateType, OptionDistributionMode

	// The types as the header has them, nil where it has none: Key of broadcast state only, UserKey of
	// maps of State V2 only. Value is of the whole: that of a list is a *types.List.
	Key, Namespace, Value, UserKey backends.Type

	// Raw is the meta as it was read, byte for byte.
	Raw []byte
}

// ReadMeta reads the meta at the beginning of b, and how many bytes it takes. Its errors are those of
// ReadKeyed.
func ReadMeta(b []byte, opts *backends.Options) (*Meta, int, error) {
	r := newReader(b, opts)
	m := r.meta()
	if err := r.done(); err != nil {
		return nil, 0, err
	}
	return &m, r.at, nil
}

func (r *reader) meta() Meta {
	r.state = ""
	from := r.at
	m := Meta{Name: r.utf("the name of a state")}
	r.state = m.Name
	at := r.at
	m.Type = MetaType(r.i32("the type of the state"))
	if r.err == nil && (m.Type < KeyValue || m.Type > KeyValueV2) {
		r.fail(at, "the state is of type %d, which is none of Flink's", int32(m.Type))
	}
	for n := r.count(4, "the number of options"); n > 0 && r.err == nil; n-- {
		if m.Options == nil {
			m.Options = map[string]string{}
		}
		key := r.utf("an option")
		m.Options[key] = r.utf("option " + key)
	}
	for n := r.count(4, "the number of serializers"); n > 0 && r.err == nil; n-- {
		r.serializer(&m)
	}
	r.complete(&m)
	m.Raw = r.since(from)
	return m
}

// serializer reads one of m's, by its name.
func (r *reader) serializer(m *Meta) {
	at := r.at
	key := r.utf("the name of a serializer")
	var to *backends.Type
	switch key {
	case keySerializer:
		to = &m.Key
	case namespaceSerializer:
		to = &m.Namespace
	case valueSerializer:
		to = &m.Value
	case userKeySerializer:
		to = &m.UserKey
	default:
		r.fail(at, "serializer %q is none of Flink's", key)
		return
	}
	if t := r.snapshot(key); r.err == nil {
		*to = t
	}
}

// complete tells what m lacks: entries could not be cut without it.
func (r *reader) complete(m *Meta) {
	if r.err != nil {
		return
	}
	if m.Value == nil {
		r.fail(r.at, "the state has no %s", valueSerializer)
	}
	if m.Type == BroadcastState && m.Key == nil {
		r.fail(r.at, "the broadcast state has no %s", keySerializer)
	}
	if (m.Type == KeyValue || m.Type == KeyValueV2) && m.Namespace == nil {
		r.fail(r.at, "the state has no %s", namespaceSerializer)
	}
	r.state = ""
}
