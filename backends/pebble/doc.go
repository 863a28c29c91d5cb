// Package pebble keeps keyed state on local disk with Pebble, as Flink does with RocksDB.
//
//	Table.Put ── cache of changes ── frozen epochs ── tables ── Pebble ── hard links ── storage
//	                (cache.go)         (queue.go)    (write.go)             (native.go)
//
// # Keys
//
//	u16 number of the state, Flink's composite key (backends.KeyForm), key within a map
//
// Numbers are big-endian: a state is its place in the header. Values are as Flink's RocksDB has them: lists are elements with "," between,
// what is appended to one is a merge record of it (StringAppendTESTOperator), values in a map follow whether they are null, timers have
// none.
//
// # The cache
//
// All changes go to a table in memory, and what is read of Pebble is kept there as well. A snapshot ends an epoch: its changes stay as
// they are from then on, and who changes them again gets copies. Another goroutine sorts them, writes them to tables that Pebble
// ingests, and makes hard links to all files of the database; then it takes the next epoch. So Pebble never has less
// nor more than the state at the moment of a snapshot when its files are linked, and nobody waits. Where memory gets short, an epoch ends without a
// snapshot; records that Pebble has go when they were not used for a while. While nothing had to go, the cache has all
// there is, and Pebble is not asked.
//
// The memtable and the log of Pebble are not used, and it does not wait for the disk: what must outlive the process is uploaded.
//
// # Checkpoints
//
// A *metadata.IncrementalHandle, as of RocksDB: the header (package schema) as Meta; tables, NNNNNN.sst, as shared files; the rest, in
// scope Exclusive, as private ones: MANIFEST, OPTIONS, Pebble's markers, and the file rocksdb.PebbleMarker, which lists all
// others:
//
//	"Pebble 1\n", then for each file, by name: CRC-32C of its bytes in hexadecimal, " ", size, " ", name, "\n"
//
// The header is on the list as well, as "header" (rocksdb.PebbleHeader).
//
// A table is uploaded once, and referred to by later checkpoints if one that has it is known to be complete. Tables are of Pebble's format
// 2, with blocks of rows: RocksDB's format, but for the magic of the footer. Those that were ingested have sequence number 0 in all their
// records; the one that counts is in the MANIFEST, where the smallest and the largest of such a table are equal.
//
// # Failures
//
// An error of Pebble, of its background work too, is one of the store, which is of no use then; nothing ends the process. Files of another
// size or checksum than the list has are refused before Pebble sees them; of a copy on this machine, tables are looked at for their size
// alone. A checkpoint whose MANIFEST does not name the tables that were linked is none.
//
// Sources: Flink's RocksDBKeyedStateBackend, RocksIncrementalSnapshotStrategy, RocksDBIncrementalRestoreOperation,
// RocksDBWriteBatchWrapper.
package pebble
