// Package offsets reads where sources go on and what sinks have left to commit: the bytes that
// connectors write into operator state, as they and Flink's runtime lay them out. It knows bytes only, no files.
//
// All numbers are big-endian but where the file connector writes them itself; utf is as DataOutput.writeUTF has
// it. A framed value is what SimpleVersionedSerialization writes:
//
//	framed      i32 version, i32 length, body
//	list of T   i32 version of T, i32 count, then i32 length, body of each
//
// # Sources
//
// A source since FLIP-27 keeps its splits in the list state SourceReaderState, one framed split an element. What no
// reader has been given yet its enumerator keeps, in the state of the operator's coordinator:
//
//	coordinator i32 0 or 1, framed enumerator
//
//	connector       split, by its version                 enumerator, by its version
//	kafka           0 utf topic, i32 partition, i64 next  0 i32 sub-tasks, i32 version of splits, then of each
//	                  offset, i64 stopping offset             i32 sub-task, i32 count, then i32 length, split
//	                                                      1 i32 count, then utf topic, i32 partition
//	                                                      2 i32 count, then utf topic, i32 partition, i32 status;
//	                                                          bool initial discovery finished
//	                                                      3 i32 count, i32 version of splits, then i32 length, split,
//	                                                          i32 status; bool initial discovery finished
//	kafka, dynamic  1 utf cluster, i32 0, kafka split
//	                2 utf cluster, bool, [i64 kept until], i32 0, kafka split
//	file            1 utf id, path, i64 offset, i64       1 u32 deadbeef, version of splits, splits, paths, then
//	                  length, i64 modified, i64 size,         u32 length, split, then u32 length, UTF-8 of a path;
//	                  i32 hosts, utf each, bool, [i64         numbers outside of splits are little-endian
//	                  offset, i64 records behind it]
//	sequence        1 utf id, i64 next, i64 last          1 i32 count, then splits
//	hybrid          0 i32 source, utf id, framed split    0 i32 source, framed enumerator
//	                    of that source                        of that source
//
//	path        bool, and if true: string scheme, string user, string host, i32 port, string path, string query,
//	            string fragment; a string is bool, and if true a StringValue
//	status      0 a reader has it, 1 none has
//	offsets     -1 latest, -2 earliest, -3 committed, the least i64: none
//
// Nothing in these bytes names the connector. A decoder fits if it knows the version, takes the body to its last byte,
// and finds what the connector could have written. If none fits, or more than one does, the answer is
// an error, never a guess.
//
// Older sources keep elements of list states by names of their own:
//
//	topic-partition-offset-states   Tuple2 of a KafkaTopicPartition by Kryo and the i64 offset of the last record read.
//	                                The partition holds the hash code of its own fields, which proves it
//	splits                          a TimestampedFileInputSplit by Java's serialization (ContinuousFileReaderOperator); of `ckpt run` a
//	                                Tuple4 of id, i64 position, i64 index and whether it is finished
//	file-monitoring-state           i64 modification time up to which files were seen
//	stateful-sequence-source-state, …-sequence-state   i64 numbers still to be emitted, in this order
//	from-elements-state             i32 elements emitted
//
// # Sinks
//
//	writer_raw_states     framed: 1 utf prefix of transactional ids
//	                      2 utf prefix, i32 sub-task, i32 sub-tasks, i32 kind of ownership, i32 count, then
//	                        utf transactional id, i64 checkpoint
//	streaming_committer_raw_states   framed: 1 u32 b91f252c, list of committables
//	                                 2 u32 b91f252c, list of checkpoints
//	checkpoint    i64 id, [version 1: i32 sub-tasks], list of sub-tasks
//	sub-task      [since version 1: i32 index], list of requests, i32 committables, [until version 1: i32 drained],
//	              i32 failed
//	request       framed committable, i32 retries, i32 state: received, retry, failed, committed
//	committable   of Kafka, version 1: i16 epoch, i64 producer id, utf transactional id
//	state         of FlinkKafkaProducer: [bool,] transaction, i64 start; i32 count, then transaction, i64 start;
//	              bool, [i32 count, utf each]
//	transaction   bool, [utf transactional id], i64 producer id, i16 epoch
//
// Sources: Flink's SourceOperator, SourceCoordinatorSerdeUtils, CommittableCollectorSerializer, TwoPhaseCommitSinkFunction
// and the serializers that Position.Format names.
package offsets
