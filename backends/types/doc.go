// Package types knows serializers: it reads their snapshots, as Flink writes them beside
// state, and makes a backends.Type of each, which reads and writes the serializer's values.
//
// # Snapshots
//
// All numbers are big-endian; utf is as DataOutput.writeUTF has it.
//
//	snapshot  i32 proxy version 2, then a versioned snapshot
//	versioned utf class of the snapshot, i32 version, body
//
// The body is the class's own affair, and there is no length: who does not know the class can
// read nothing of what follows. So the classes are told in tables, by their simple names, which
// Flink has kept while it moved them between packages; see bodyOf. What no table knows, the
// user can tell by hand; see ParseSpec. AppendSnapshot writes what ReadSnapshot reads. Types are made of few forms:
//
//	fixed     all values of one length: numbers, times, windows
//	sequence  i32 count, elements, each perhaps with a flag: List, Set, arrays
//	Map       i32 count, entries
//	product   fields one after the other: tuples, case classes, TTL, Timer
//	sum       a byte that says which of several follows: Either, Option, the unions
//	nullable  a flag, and the value unless it is null
//	Pojo Row  objects and rows, whose fields may be null
//
// # Values in Go
//
//	Boolean bool   Byte int8   Short int16   Integer int32   Long int64   Float float32   Double float64
//	Character      Char
//	String         string: UTF-8, but for halves of surrogate pairs, which keep their three bytes (WTF-8)
//	byte[]         []byte; other arrays, List and Set []any
//	BigInteger     *big.Int            BigDecimal  Decimal
//	Map            Pairs, in the order of the bytes
//	Tuple          []any
//	Row, RowData   *Record             POJO, case class, Avro record   *Object
//	Enum           Symbol              Either, unions, Option   Side
//	TimeWindow     Window              null        nil
//	dates, times   Date, Time, DateTime, Instant, Timestamp; those of java.util and java.sql Instant
//	Java's own serialization   what it is of these, else JavaObject
//
// Sources: Flink's TypeSerializerSnapshot and its implementations, TypeSerializerSnapshotSerializationUtil,
// CompositeTypeSerializerSnapshot, NestedSerializersSnapshotDelegate, LinkedOptionalMapSerializer, StringValue.
package types
