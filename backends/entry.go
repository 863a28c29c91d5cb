package backends

import (
	"github.com/ckpt-tool/ckpt/metadata"
)

// Kind is what a state is to the job that holds it.
type Kind uint8

// The kinds. Those from OperatorList on are of operators, not of keys.
const (
	UnknownKind Kind = iota // keyed, of a kind that its header does not tell (until Flink 1.6)
	Value
	List
	Map
	Reducing
	Aggregating
	Timer
	OperatorList // dealt out element by element (Flink: SPLIT_DISTRIBUTE)
	Union
	Broadcast
	Channel // buffers of an unaligned checkpoint
)

var kindNames = [...]string{"unknown", "value", "list", "map", "reducing", "aggregating", "timer", "list", "union", "broadcast", "channel"}

// String is the word of `ckpt state cat`. List and OperatorList share theirs.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return kindNames[UnknownKind]
}

// Keyed tells whether entries of the kind belong to a key.
func (k Kind) Keyed() bool { return k < OperatorList }

// State is one named state of an operator, as one stream describes it. Other sub-tasks
// have States of their own, with types of their own: after an upgrade they may differ.
type State struct {
	Operator metadata.OperatorID
	Subtask  int32
	Name     string // Flink's, as in the header; of timers with its prefix _timer_state/
	Kind     Kind

	// The types of an entry's bytes; nil where entries of the kind have none. Of lists Value is
	// the type of an element, of maps that of a value within, of broadcast state
	// MapKey and Value are those of its map.
	Key, Namespace, MapKey, Value Type
	// TTL is whether Value begins with the time of the last access (Flink: TtlSerializer).
	TTL bool
	// V2 is whether it is of Flink's State V2 (KEY_VALUE_V2).
	V2 bool

	// Raw is the meta of the state and KeyRaw the snapshot of its key's serializer, byte for byte as the
	// header has them (package schema); nil where the format has none.
	Raw, KeyRaw []byte
}

// Entry is one entry of a State. Its slices are valid until the iteration goes on, and
// must not be changed.
type Entry struct {
	State    *State
	KeyGroup int32 // -1 where there is none: operator and channel state

	Key       []byte
	Namespace []byte // nil where the format has none
	MapKey    []byte // of Map and Broadcast
	// Value is nothing for timers. Of List it is all elements: see Joined.
	Value []byte

	// Joined is how the elements of a List lie in Value: one after the other with a "," between
	// (Flink: StringAppendTESTOperator), or behind their i32 count (ListSerializer).
	Joined bool
	// Null is whether the value of a Map is null. Value is empty then.
	Null bool
	// Time is when a Timer fires, in milliseconds since 1970.
	Time int64
	// Channel is set for Channel state.
	Channel *metadata.SingleChannelHandle
}
