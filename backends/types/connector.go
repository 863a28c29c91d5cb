package types

import "github.com/ckpt-tool/ckpt/backends"

// connectorBodies are the serializers of connectors, whose snapshots have no body. FlinkKafkaProducer was a part of Flink
// until 1.16, and its state is in savepoints since.
//
//	transaction  bool whether it has a transactional id, utf id, i64 producer, i16 epoch
//	context      i32 count, utf transactional id of each
//	hint         i64 next free transactional id, i32 last parallelism
var connectorBodies = map[string]bodyReader{
	"FlinkKafkaProducer$TransactionStateSerializer$TransactionStateSerializerSnapshot": bodiless(func(class string) backends.Type {
		return object("KafkaTransaction", class, part{name: "transactionalId", t: newOption(utfType, "")},
			part{name: "producerId", t: longType}, part{name: "epoch", t: shortType})
	}),
	"FlinkKafkaProducer$ContextStateSerializer$ContextStateSerializerSnapshot": bodiless(func(class string) backends.Type {
		return NewList(utfType, class)
	}),
	"FlinkKafkaProducer$NextTransactionalIdHintSerializer$NextTransactionalIdHintSerializerSnapshot": bodiless(func(class string) backends.Type {
		return object("NextTransactionalIdHint", class, part{name: "nextFreeTransactionalId", t: longType}, part{name: "lastParallelism", t: intType})
	}),
}

// bodiless reads a SimpleTypeSerializerSnapshot of a type that is made for its class.
func bodiless(of func(class string) backends.Type) bodyReader {
	return func(s *snapshots, class string, version int32) backends.Type {
		s.empty(class, version)
		return of(class)
	}
}
