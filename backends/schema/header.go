package schema

import (
	"github.com/ckpt-tool/ckpt/backends"
)

// Keyed is the header of keyed state (Flink: KeyedBackendSerializationProxy).
type Keyed struct {
	Version    int32
	Compressed bool // the key groups are Snappy framed
	Key        backends.Type
	KeyRaw     []byte // the snapshot of Key's serializer, byte for byte
	States     []Meta // the place of a state is its number in the stream (kvStateId)
	Size       int    // of the header, in bytes
}

// Operator is the header of operator state (Flink: OperatorBackendSerializationProxy).
type Operator struct {
	Version    int32
	Compressed bool // what follows is one Snappy framed stream
	List       []Meta
	Broadcast  []Meta
	Size       int // of the header, in bytes
}

const (
	keyedVersion    = 6 // since Flink 1.7, and still in 2.2
	operatorVersion = 5 // since Flink 1.7
	flagVersion     = 6 // since Flink 1.18: with a flag of compression
)

// ReadKeyed reads the header at the beginning of b, which may hold more. The error is a
// *backends.Error without a path, whose Offset is in b. It is backends.ErrShort (errors.Is) where b ends too early, and
// a *backends.OpaqueError (errors.As) where nobody knows a serializer. With the latter comes what
// was read until then: of the states those before it, and no Size.
func ReadKeyed(b []byte, opts *backends.Options) (*Keyed, error) {
	r := newReader(b, opts)
	h := &Keyed{Version: r.version("keyed state", keyedVersion)}
	h.Compressed = r.flag("the flag of compression")
	at := r.at
	h.Key = r.snapshot("the key serializer")
	h.KeyRaw = r.since(at)
	h.States = r.metas(MetaType.keyed)
	h.Size = r.size()
	return h, r.done()
}

// ReadOperator reads the header at the beginning of b, as ReadKeyed does.
func ReadOperator(b []byte, opts *backends.Options) (*Operator, error) {
	r := newReader(b, opts)
	h := &Operator{Version: r.version("operator state", operatorVersion, flagVersion)}
	if h.Version >= flagVersion {
		h.Compressed = r.flag("the flag of compression")
	}
	h.List = r.metas(func(t MetaType) bool { return t == OperatorState })
	h.Broadcast = r.metas(func(t MetaType) bool { return t == BroadcastState })
	h.Size = r.size()
	return h, r.done()
}

// State is the state of a number as readers give it.
func (h *Keyed) State(i int, o backends.Origin) *backends.State {
	st := h.States[i].State(o, h.Key)
	st.KeyRaw = h.KeyRaw
	return st
}

// size is how much was read, if all was.
func (r *reader) size() int {
	if r.err != nil {
		return 0
	}
	return r.at
}

// version reads that of a header. Before those known, Flink wrote its serializers as Java
// objects.
func (r *reader) version(of string, known ...int32) int32 {
	v := r.i32("the version")
	if r.err != nil {
		return 0
	}
	for _, k := range known {
		if v == k {
			return v
		}
	}
	if v > 0 && v < known[0] {
		r.fail(0, "a header of %s of version %d, as Flink before 1.7 wrote it, which Flink reads until 1.16", of, v)
		r.err.Hint = "take a savepoint with a later Flink, from 1.7 to 1.16"
		return 0
	}
	r.fail(0, "a header of %s of version %d, which is not known", of, v)
	return 0
}

// metas reads how many there are, and each.
func (r *reader) metas(may func(MetaType) bool) []Meta {
	n := r.count(2, "the number of states")
	var metas []Meta
	for ; n > 0 && r.err == nil; n-- {
		at := r.at
		m := r.meta()
		if r.err != nil {
			break
		}
		if !may(m.Type) {
			r.state = m.Name
			r.fail(at, "a state of type %s, which does not belong here", m.Type)
			break
		}
		metas = append(metas, m)
	}
	return metas
}
