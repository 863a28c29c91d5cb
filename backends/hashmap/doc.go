// Package hashmap keeps the keyed state of a running job in memory, and writes it as Flink's heap backend does; package heap reads
// that.
//
//	Store    the states of one sub-task
//	table    one state: a hash table (package bytetable) for each key group that has entries
//	map.go   how a map lies in such a table: in one entry while it is small, in buckets when it is large
//	sweep    which part of a table comes next, for those who look for what has expired
//
// Tables hold bytes, which the garbage collector does not look into. Keys begin with their key group; lists are joined by
// commas; a value in a map is behind whether it is null, as in RocksDB: what comes from one state backend goes to another
// as it is.
//
// A snapshot freezes all tables, which takes no time to speak of, and is written from them while the job goes on: the tables
// copy what is changed before it was written, some kilobytes at a time.
//
//	native      one stream: the header (package schema), then the key groups by ascending number, as package heap draws them,
//	            uncompressed. Lists are behind their count again.
//	canonical   package savepoint
//
// All that a restored checkpoint holds is carried on, also states that the job does not ask for, with their meta as it was.
// How long values with a time to live live is not known here: those that have expired are written as well.
//
// Sources: Flink's HashMapStateBackend, HeapKeyedStateBackend, HeapSnapshotStrategy, HeapRestoreOperation.
package hashmap
