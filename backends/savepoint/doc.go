// Package savepoint reads and writes keyed state in the canonical form: that of canonical savepoints of any
// backend, and of full RocksDB checkpoints and savepoints until Flink 1.15.
//
// All numbers are big-endian. A header (package schema) begins the stream; the handle knows where the key
// groups begin behind it, and has offset 0 for the empty ones.
//
//	key group  i16 place of the first state in the header, then entries
//	entry      i32 length, key, i32 length, value; if the entry is the last of its state,
//	           i16 place of the next state, or FF FF at the end of the key group
//	key        as in RocksDB, see backends.KeyForm; the highest bit of its first byte tells whether
//	           the entry is the last of its state. Of timers: key group, then the timer
//	           as package heap has it
//	value      of a list its elements with a "," between, of an entry of a map u8 whether null, value;
//	           of timers nothing
//
// What follows the flag of a null varies with the writer, and means nothing.
// The entries of one state follow each other. With compression each key group is one framed stream (package stream).
//
// Sources: Flink's FullSnapshotAsyncWriter, FullSnapshotUtil, RocksDBFullSnapshotResources,
// HeapKeyValueStateIterator, ListDelimitedSerializer.
package savepoint
