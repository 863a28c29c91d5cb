package types

import "github.com/ckpt-tool/ckpt/backends"

// cepBodies are the snapshots of Flink's pattern matching (flink-cep): its events, the buffer they share, and how far
// each match has come.
//
//	EventId            i32 number among those of its time, i64 time
//	DeweyNumber        i32 count, i32 numbers
//	NodeId             a byte 1, EventId, String of the stage; or a byte 0 for null
//	SharedBufferEdge   NodeId of the target, DeweyNumber
//	Lockable           i32 references, the value
//	SharedBufferNode   i32 count, for each edge i32 references, SharedBufferEdge
//	NFAState           twice, for matches on their way and for complete ones: i32 count, for each
//	                   String state, NodeId, DeweyNumber, i64 start, from version 2 on i64 previous, a byte and EventId as in NodeId
var cepBodies = map[string]bodyReader{
	"EventId$EventIdSerializer$EventIdSerializerSnapshot": func(s *snapshots, class string, version int32) backends.Type {
		s.empty(class, version)
		return object("EventId", class, part{name: "id", t: intType}, part{name: "timestamp", t: longType})
	},
	"DeweyNumber$DeweyNumberSerializer$DeweyNumberSerializerSnapshot": func(s *snapshots, class string, version int32) backends.Type {
		s.empty(class, version)
		t := *intsType
		t.named = named{name: "DeweyNumber", class: class}
		return &t
	},
	"NodeId$NodeIdSerializer$NodeIdSerializerSnapshot": composed(1, func(class string, ts []backends.Type) backends.Type {
		node := object("NodeId", "", part{name: "eventId", t: ts[0]}, part{name: "page", t: stringType})
		return maybe("NodeId", node, class)
	}),
	"SharedBufferEdge$SharedBufferEdgeSerializer$SharedBufferEdgeSerializerSnapshot": composed(2, func(class string, ts []backends.Type) backends.Type {
		return object("SharedBufferEdge", class, part{name: "target", t: ts[0]}, part{name: "version", t: ts[1]})
	}),
	"LockableTypeSerializerSnapshot": composed(1, func(class string, ts []backends.Type) backends.Type {
		return lockable(ts[0], class)
	}),
	"SharedBufferNodeSerializerSnapshotV2": composed(1, func(class string, ts []backends.Type) backends.Type {
		return &sequence{named: named{name: "SharedBufferNode", class: class}, element: lockable(ts[0], ""), address: true}
	}),
	"NFAStateSerializerSnapshot": nfaBody,
}

// maybe is a type with a byte before it that is 0 for null.
func maybe(name string, t backends.Type, class string) *nullable {
	return &nullable{named: named{name: name, class: class}, inner: t, flag: present}
}

func lockable(t backends.Type, class string) *product {
	p := object("Lockable<"+t.String()+">", class, part{name: "references", t: intType}, part{name: "element", t: t})
	p.width = -1 // to Flink, whatever is locked
	return p
}

func nfaBody(s *snapshots, class string, version int32) backends.Type {
	previous := false
	ts := s.exactly(3, s.composite(class, version, func(outer int32) {
		previous = outer >= 2 && s.bool()
	}))
	parts := []part{{name: "state", t: stringType}, {name: "node", t: ts[1]}, {name: "version", t: ts[0]}, {name: "start", t: longType}}
	if previous {
		parts = append(parts, part{name: "previous", t: longType})
	}
	match := object("Match", "", append(parts, part{name: "startEvent", t: maybe("EventId", ts[2], "")})...)
	return object("NFAState", class, part{name: "partial", t: NewList(match, "")}, part{name: "complete", t: NewList(match, "")})
}
