// Package schema reads and writes the headers that say which states a stream holds, and of which types.
//
// All numbers are big-endian; utf is as DataOutput.writeUTF has it; a snapshot is that of a
// serializer, which package types reads.
//
//	keyed     i32 version 6, u8 compressed, snapshot of the key serializer,
//	          i16 count, that many metas
//	operator  i32 version 5 or 6, from 6 on u8 compressed,
//	          i16 count, that many metas of list states,
//	          i16 count, that many metas of broadcast states
//	meta      utf name, i32 type,
//	          i32 count of options, of each utf key, utf value,
//	          i32 count of serializers, of each utf key, snapshot
//
// The keyed header begins what a heap backend wrote and canonical savepoints, and is all of the file
// of metadata of a RocksDB handle. The place of a meta in its list is the number that
// the stream's entries call the state by. Compression is of what follows the header, never of itself.
//
// Nothing in a header tells its length, nor that of a snapshot. A serializer that nobody knows
// blocks what follows it: see [ReadKeyed]. What is carried on from a header is written as it was read, byte by byte; what a job made
// anew has the snapshots that types.AppendSnapshot writes, and is then equal to what Flink 2.2 writes.
//
// Sources: Flink's KeyedBackendSerializationProxy, OperatorBackendSerializationProxy,
// StateMetaInfoSnapshot, StateMetaInfoSnapshotReadersWriters.
package schema
