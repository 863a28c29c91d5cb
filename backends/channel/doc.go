// Package channel reads the in-flight data of unaligned checkpoints: network buffers, by channel.
//
//	file    i32 version 0, buffers
//	buffer  i32 length, bytes
//
// All numbers are big-endian. A file holds buffers of many channels, those of input and output, of several sub-tasks. A
// handle names those of one channel by their offsets, in their order. Where the data is within `_metadata`, each
// handle has a version and one buffer of its own, all of its buffers in one. The size of a handle is that of its
// buffers with their lengths; within `_metadata`, with the version too.
//
// # Records
//
// What the buffers of a channel hold is a piece of the stream of records from one sub-task to another:
//
//	record   i32 length, element
//	element  u8 tag, then
//	         0 record with time: i64 time, value     1 record: value
//	         2 watermark: i64 time                   3 latency marker: i64 time, 2 i64 operator, i32 sub-task
//	         4 watermark status: i32                 5 attributes of records: u8 backlog
//	         6 watermark of a sub-partition: i32 sub-partition, i64 time
//
// The buffers of an input begin with a record, but may end within one. Those of the output that feeds it go
// on from there, and end with a record: see [Records].
//
// Sources: Flink's ChannelStateSerializerImpl, ChannelStateCheckpointWriter, SpanningRecordSerializer, StreamElementSerializer.
package channel
