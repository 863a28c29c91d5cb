// Package operator reads operator state, and keeps that of a running job: lists, unions and broadcast maps.
//
//	Reader   what one handle holds, as entries
//	Live     the state of a running sub-task (Open), which writes its snapshots
//
// All numbers are big-endian. A header (package schema) begins the stream; the handle knows, by the name of the
// state, where its elements begin.
//
//	list, union  of each element an offset; there its value
//	broadcast    one offset; there i32 count, that many of key, value
//
// The elements lie side by side up to the end of the stream, so each ends where another begins, of whichever
// state.
//
// With compression, one framed stream (package stream) follows the header. The offsets are those of chunks in it: each
// element has chunks of its own, and the identifier before the first belongs to none.
//
// Sources: Flink's DefaultOperatorStateBackendSnapshotStrategy, PartitionableListState, HeapBroadcastState,
// OperatorStateRestoreOperation.
package operator
