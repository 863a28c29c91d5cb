package content

import (
	"bytes"
	"fmt"
)

const (
	keyedVersion    = 6 // of KeyedBackendSerializationProxy since Flink 1.7
	operatorVersion = 5 // of OperatorBackendSerializationProxy since Flink 1.8
	flagVersion     = 6 // of it since Flink 1.18: with a compression flag
	snapshotVersion = 2 // of TypeSerializerSnapshotSerializationProxy since Flink 1.7
	channelVersion  = 0 // of ChannelStateSerializerImpl
	mostVersion     = 99
)

// version reads the version at the head of a stream and tells whether it is known.
// Small numbers may be of Flinks of other times: they are noted only.
func (k *checker) version(what string, known ...int32) (int32, bool) {
	at := k.c.at
	v := k.c.i32()
	if k.c.short {
		k.ends(nil, "its header")
		return 0, false
	}
	for _, x := range known {
		if v == x {
			return v, true
		}
	}
	if v <= 0 || v > mostVersion {
		k.problem(nil, at, "%s of version %d, which no Flink writes", what, v)
	} else {
		k.tell(Problem{Offset: at, Severity: Unknown, Message: fmt.Sprintf("%s of version %d: what follows is not known", what, v)})
	}
	return v, false
}

// keyedHeader reads the begin of a KeyedBackendSerializationProxy, as far as it does
// not depend on serializers: version, compression, then the key serializer's snapshot.
func (k *checker) keyedHeader() (compressed, ok bool) {
	if _, ok := k.version("a keyed header", keyedVersion); !ok {
		return false, false
	}
	compressed = k.flag("compression")
	k.snapshot("the key serializer")
	return compressed, !k.c.short && k.told == 0
}

// flag reads a boolean.
func (k *checker) flag(what string) bool {
	at := k.c.at
	b := k.c.u8()
	if b > 1 {
		k.problem(nil, at, "%s flag %d is neither 0 nor 1", what, b)
	}
	return b == 1
}

// snapshot reads the begin of a TypeSerializerSnapshot: i32 version of the proxy, utf
// class, i32 version.
func (k *checker) snapshot(of string) {
	at := k.c.at
	v := k.c.i32()
	if v != snapshotVersion && !k.c.short {
		k.problem(nil, at, "the snapshot of %s has version %d, not %d", of, v, snapshotVersion)
		return
	}
	k.word("the class of the snapshot of " + of)
	k.c.i32()
	if k.c.short {
		k.ends(nil, "the snapshot of "+of)
	}
}

// word reads a utf that is a name: not empty, no spaces, no control characters.
func (k *checker) word(what string) []byte {
	at := k.c.at
	b := k.c.utf()
	odd := bytes.IndexFunc(b, func(r rune) bool { return r <= ' ' || r == 0x7f })
	if !k.c.short && (len(b) == 0 || odd >= 0) {
		k.problem(nil, at, "%s is %.40q, which is no name", what, b)
	}
	return b
}

// operatorHeader reads the begin of an OperatorBackendSerializationProxy: version,
// from 6 on compression, i16 count of list states and the begin of the first.
func (k *checker) operatorHeader() (compressed, ok bool) {
	v, ok := k.version("an operator header", operatorVersion, flagVersion)
	if !ok {
		return false, false
	}
	if v >= flagVersion {
		compressed = k.flag("compression")
	}
	k.firstState()
	return compressed, !k.c.short && k.told == 0
}

// stateTypes are the ordinals of StateMetaInfoSnapshot's BackendStateType in the two
// lists of operator state.
const (
	typeOperator  = 1
	typeBroadcast = 2
)

// firstState reads the begin of the first state: utf name, i32 type.
func (k *checker) firstState() {
	want := int32(typeOperator)
	at := k.c.at
	n := int16(k.c.u16())
	if n == 0 {
		want = typeBroadcast
		at = k.c.at
		n = int16(k.c.u16())
	}
	if n < 0 {
		k.problem(nil, at, "%d states", n)
	}
	if n > 0 && k.told == 0 {
		k.c.utf()
		at = k.c.at
		if v := k.c.i32(); v != want && !k.c.short {
			k.problem(nil, at, "the first state is of type %d, not %d", v, want)
		}
	}
	if k.c.short {
		k.ends(nil, "its header")
	}
}
