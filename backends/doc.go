// Package backends says what state is: the contracts between the formats that Flink keeps
// it in and those who read it. It knows no format itself.
//
//	types      serializers, by their snapshots: the length, the meaning and the JSON of bytes
//	schema     the headers of streams: which states there are, of which types
//	keygroups  which key group a key belongs to
//	verify     what to check besides when Options.Verify asks for it
//	stream     sequential reading of a stretch of a file, plain or compressed
//	heap savepoint rocksdb changelog operator channel    one room a format
//	snapshot   a whole checkpoint: the room of each handle, by key groups, in parallel
//	hashmap pebble   live state: a Store in memory, and one on disk
//	keyed      what live state means to a job, upon any Store; backendtest holds stores to it
//	entrydiff  which entries of two snapshots differ
//	columns where    typed columns of entries, and conditions on them
//	offsets    positions of sources and sinks, out of their operator state
//	content    whether files can be what Flink wrote, without reading a value
//	handletest real handles for tests, and files in memory
//
// A room of a format turns a handle into entries. An Entry is bytes: of the key, the
// namespace, the key within a map, and the value, each as its serializer wrote it, cut out
// but not decoded. The Types of its State say what they mean. So who counts does not pay
// for decoding, and what cannot be decoded can be shown as bytes all the same.
//
// # Errors
//
// Entries come as iter.Seq2[Entry, error]. An *Error says what is wrong with the bytes, and
// where. If it is Passed, the rest of a key group or of a value is lost and the
// iteration goes on behind it; after any other error it ends. Errors of Files are passed
// through, and end it as well.
package backends
