// Package metadata reads and writes the `_metadata` file of Flink's checkpoints and
// savepoints, in all versions from 2 (Flink 1.3) to 6 (Flink 2.2), byte for byte.
//
// # The format
//
// All numbers are big-endian; utf is a u16 byte length and that many bytes of Java's
// modified UTF-8; nothing is compressed and there is no checksum. [n+] marks what
// versions from n on have.
//
//	file      i32 magic 49 60 67 2d, i32 version
//	          i64 checkpoint id
//	          i32 count, master states
//	          i32 count, operators, in no particular order
//	          [4+] checkpoint properties to the end of the file
//
//	master    i32 magic c9 6b 16 96, i32 length of the rest
//	          i32 version, utf name, i32 length, payload
//
//	operator  [5+] utf name, utf uid, empty where absent
//	          16 bytes id, i32 parallelism, i32 max parallelism
//	          [only 2] i32 chain length, unused
//	          [3+] coordinator state: a stream of tag 0 or 1
//	          i32 count, sub-tasks; [3+] a negative count says that the operator is
//	          fully finished, and nothing follows
//
//	sub-task  i32 index; [3+] where it is negative, sub-task -index-1 is finished, and
//	          nothing follows
//	          [only 2] i64 duration, i32 legacy states, unused
//	          i32 flag, [flag not 0] operator state; the same once more for raw state
//	          keyed state; raw keyed state
//	          [3+] i32 count, input channels; i32 count, output channels
//
//	stream    u8 tag, then
//	          0 null
//	          1 inline: utf name, i32 length, bytes
//	          2 file: i64 size, utf path
//	          3 key groups, as below
//	          6 relative file: utf path, i64 size
//	          15 segment: i64 start, i64 size, i32 scope, utf path, utf logical file id
//	          16 empty segment
//
//	keyed     u8 tag, then, with range = i32 first key group, i32 number of them
//	          0 null
//	          3, 7, 12 key groups: range, i64 offset of each, stream; 12: utf handle id
//	          5, 11 incremental: i64 checkpoint id, utf backend id, range, 11: i64
//	          checkpointed size; stream of meta data; shared files; private files; 11:
//	          utf handle id. Files: i32 count, then utf name and stream of each
//	          8, 14 changelog: range, i64 checkpointed size, i32 count and keyed
//	          states, i32 count and logs, i64 materialization id, 14: i64 checkpoint
//	          id; utf handle id
//	          9 log inline: range, i64 from, i64 to, i32 count, then i32 key group,
//	          i32 length and bytes of each change; utf handle id
//	          10, 13 log in files: range, i32 count, then i64 offset and stream of
//	          each; i64 size, i64 checkpointed size, utf handle id; 13: utf storage
//
//	operator state  u8 tag, then
//	          0 null
//	          4 i32 count, then utf name, u8 mode, i32 count and i64 offsets of each; stream
//	          17 as 4 up to the stream; utf task-owned directory, utf shared
//	          directory, bool empty, stream of tag 15 or 16
//
//	channel   [6+] u8 type: 1 input, 2 output, 3 merged input, 4 merged output
//	          single: i32 sub-task, i32 gate or partition, i32 channel or
//	          sub-partition, i32 count and i64 offsets, i64 size, stream
//	          merged: i32 sub-task, i64 size, stream, i32 length, and therein i32
//	          count, then i32, i32, i64 size, i32 count and i64 offsets of each
//
//	properties  one object of Java's ObjectOutputStream; see package javaobj
//
// Sources: Flink's MetadataV2V3SerializerBase, MetadataV2Serializer to
// MetadataV6Serializer, ChannelStateHandleSerializerV1 and V2, CheckpointProperties.
//
// # Rules
//
// Whatever Decode accepts, Encode gives back byte by byte; whatever Encode writes,
// Decode accepts. Decode refuses what Flink refuses, and besides: trailing bytes, a
// sub-task that occurs twice (of which Flink would drop one), negative counts (which
// Flink takes for none), and a changelog within a changelog. What Flink would load though
// it never writes it so, or trips over later, is accepted, and Findings tells of it. Memory is bounded by the input's size:
// no count and no length is believed before the bytes for it are known to be there.
package metadata
