// Package heap reads keyed state as Flink's heap backend (hashmap) writes it to checkpoints and native
// savepoints.
//
// All numbers are big-endian. A header (package schema) begins the stream; the handle knows where the key
// groups begin behind it. They follow each other in ascending order, up to the end of the stream.
//
//	key group   i32 its number, then each state of the header once, in any order
//	state       i16 its place in the header, i32 count, that many entries
//	entry       namespace, key, value; of timers the timer
//	timer       i64 time in milliseconds with its sign bit flipped, key, namespace
//
// Lists are behind their i32 count. So are maps, whose entries are key, u8 whether null, value. There are no other
// lengths: what follows a value is found by knowing its type. Behind a value of an unknown type
// the rest of the key group is lost.
//
// With compression each state is a framed stream of its own (package stream); the number of the key group
// stays as it is.
//
// # Raw timers
//
// RocksDB with timers on the heap writes them to raw keyed state. There is no header; a key group has offset
// -1 where it has no bytes.
//
//	key group   F1 CD 85 9F, i32 version 2, i32 count, that many services
//	service     utf name, versioned snapshots of the serializers of key and namespace,
//	            timers of event time, timers of processing time
//	timers      i32 count, of each: key, namespace, i64 time, not flipped
//
// Old writers left out the mark and the version.
//
// Sources: Flink's HeapSnapshotStrategy, CopyOnWriteStateMapSnapshot, HeapPriorityQueueStateSnapshot,
// TimerSerializer, InternalTimerServiceSerializationProxy, InternalTimersSnapshotReaderWriters.
package heap
