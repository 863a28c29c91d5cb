package types

import (
	"fmt"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
)

// composed reads a CompositeTypeSerializerSnapshot of n nested serializers that adds nothing of its own.
func composed(n int, make func(class string, ts []backends.Type) backends.Type) bodyReader {
	return func(s *snapshots, class string, version int32) backends.Type {
		return make(class, s.exactly(n, s.composite(class, version, nil)))
	}
}

// compositeBodies are the snapshots of types that hold others.
var compositeBodies = map[string]bodyReader{
	"ListSerializerSnapshot":      composed(1, listOf),
	"ArrayListSerializerSnapshot": composed(1, listOf),
	"SetSerializerSnapshot": composed(1, func(class string, ts []backends.Type) backends.Type {
		return newSet(ts[0], class)
	}),
	"MapSerializerSnapshot": composed(2, func(class string, ts []backends.Type) backends.Type {
		return NewMap(ts[0], ts[1], class)
	}),
	"GenericArraySerializerSnapshot": genericArrayBody,

	"EitherSerializerSnapshot":      composed(2, eitherOf),
	"JavaEitherSerializerSnapshot":  composed(2, eitherOf),
	"ScalaEitherSerializerSnapshot": composed(2, eitherOf),
	"ScalaOptionSerializerSnapshot": composed(1, func(class string, ts []backends.Type) backends.Type {
		return newOption(ts[0], class)
	}),
	"ScalaTrySerializerSnapshot": composed(2, func(class string, ts []backends.Type) backends.Type {
		return newTry(ts[0], ts[1], class)
	}),
	"TraversableSerializerSnapshot": traversableBody,

	"CoGroupedStreams$UnionSerializerSnapshot": composed(2, func(class string, ts []backends.Type) backends.Type {
		return newUnion(ts[0], ts[1], class)
	}),
	"IntervalJoinOperator$BufferEntrySerializerSnapshot": composed(1, bufferEntryOf),
	"StreamElementSerializer$StreamElementSerializerSnapshot": composed(1, func(class string, ts []backends.Type) backends.Type {
		return newStreamElement(ts[0], class)
	}),
	"TimerSerializerSnapshot": composed(2, func(class string, ts []backends.Type) backends.Type {
		return NewTimer(ts[0], ts[1], class)
	}),
	"TtlStateFactory$TtlSerializerSnapshot":         ttlBody,
	"TtlAwareSerializerSnapshot":                    ttlAwareBody,
	"NullableSerializer$NullableSerializerSnapshot": nullableBody,

	"TwoPhaseCommitSinkFunction$StateSerializerSnapshot": commitBody,
}

// objectBodies are the snapshots of what has fields.
var objectBodies = map[string]bodyReader{
	"TupleSerializerSnapshot":             tupleBody,
	"ScalaCaseClassSerializerSnapshot":    tupleBody,
	"Tuple2CaseClassSerializerSnapshot":   tupleBody,
	"RowSerializer$RowSerializerSnapshot": rowBody,
	"PojoSerializerSnapshot":              pojoBody,
}

func listOf(class string, ts []backends.Type) backends.Type { return NewList(ts[0], class) }

func eitherOf(class string, ts []backends.Type) backends.Type { return newEither(ts[0], ts[1], class) }

func bufferEntryOf(class string, ts []backends.Type) backends.Type {
	t := object("BufferEntry<"+ts[0].String()+">", class, part{name: "joined", t: booleanType}, part{name: "element", t: ts[0]})
	t.width = -1
	return t
}

func genericArrayBody(s *snapshots, class string, version int32) backends.Type {
	ts := s.composite(class, version, func(int32) { s.utf() })
	return newArray(s.exactly(1, ts)[0], class)
}

// traversableBody reads the snapshot of a Scala collection. What its outer part says is Scala source that makes one.
func traversableBody(s *snapshots, class string, version int32) backends.Type {
	ts := s.composite(class, version, func(int32) { s.utf() })
	return newTraversable(s.exactly(1, ts)[0], class)
}

func ttlBody(s *snapshots, class string, version int32) backends.Type {
	ts := s.exactly(2, s.composite(class, version, nil))
	if ts[0].Width() != 8 && s.err == nil {
		s.fail("the time of a TTL is a %s", ts[0])
	}
	return NewTTL(ts[1], class)
}

// ttlAwareBody reads the snapshot of State V2 that tells whether the one within is of a TTL. The bytes are those of the
// one within.
func ttlAwareBody(s *snapshots, class string, version int32) backends.Type {
	s.known(class, version, 1, 1)
	on := s.bool()
	t := s.versioned()
	if _, ok := t.(*TTL); ok != on && s.err == nil {
		s.fail("the snapshot says that TTL is %t, its type is %s", on, t)
	}
	return t
}

func nullableBody(s *snapshots, class string, version int32) backends.Type {
	padding := int32(0)
	ts := s.composite(class, version, func(int32) { padding = s.i32() })
	inner := s.exactly(1, ts)[0]
	if w := flinkLength(inner); padding < 0 || padding > 0 && int(padding) != w {
		s.fail("%d bytes stand for a null %s, of %d bytes", padding, inner, w)
	}
	return newNullable(inner, int(padding), class)
}

// commitBody reads the snapshot of the state of a TwoPhaseCommitSinkFunction: the transaction that is open, those that
// are to be committed, and a context of the job's own. From version 4 on it says whether there may be none open.
func commitBody(s *snapshots, class string, version int32) backends.Type {
	nulls := false
	ts := s.exactly(2, s.composite(class, version, func(outer int32) {
		if outer > 3 {
			nulls = s.bool()
		}
	}))
	held := object("Transaction", "", part{name: "transaction", t: ts[0]}, part{name: "started", t: longType})
	pending := backends.Type(held)
	if nulls {
		pending = maybe("Pending", held, "")
	}
	t := object(fmt.Sprintf("CommitState<%s, %s>", ts[0], ts[1]), class, part{name: "pending", t: pending},
		part{name: "commits", t: NewList(held, "")}, part{name: "context", t: maybe("Context", ts[1], "")})
	t.width = -1
	return t
}

// tupleBody reads the snapshot of a tuple or a case class. The names of its fields are not in it.
func tupleBody(s *snapshots, class string, version int32) backends.Type {
	of := ""
	ts := s.composite(class, version, func(int32) { of = s.utf() })
	switch {
	case strings.HasPrefix(of, "org.apache.flink.api.java.tuple.Tuple"):
		return newTuple(ts, class)
	case strings.HasPrefix(of, "scala.Tuple"):
		t := newTuple(ts, class)
		t.hash = nil
		return t
	}
	return newCaseClass(of, ts, class)
}

// newCaseClass makes the type of a class whose fields are _1, _2 and so on, as Scala calls those of any product.
func newCaseClass(of string, ts []backends.Type, class string) *product {
	parts := unnamed(ts)
	for i := range parts {
		parts[i].name = fmt.Sprintf("_%d", i+1)
	}
	t := object("Case("+of+")"+typeArgs(ts), class, parts...)
	t.of = of
	return t
}

func rowBody(s *snapshots, class string, version int32) backends.Type {
	kinds := false
	ts := s.composite(class, version, func(outer int32) {
		kinds = outer >= 3
		if outer > 3 {
			kinds = s.bool()
		}
	})
	return newRow(ts, kinds, class)
}
