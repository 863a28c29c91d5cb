// Package rocksdb reads the databases that Flink's RocksDB and ForSt backends put into
// checkpoints, and ckpt's own state backend on Pebble: the tables, the MANIFEST, and what all of them together say.
//
// # Files
//
// A handle names the files of one sub-task's database: NNNNNN.sst, the tables; CURRENT, which
// names the MANIFEST; MANIFEST-NNNNNN, which tells the tables and their column families;
// OPTIONS-NNNNNN; and apart from them a meta stream, which is the header of package schema. There
// is no log: a checkpoint is taken after a flush. Each state is a column family of its name. Of Pebble it is otherwise: see there.
//
// # Tables
//
// All numbers are little-endian; v64 is a varint.
//
//	table    data block*, filter, index, compression dictionary, range deletions, properties,
//	         meta index, footer; the order of those between data and meta index varies
//	block    bytes, u8 codec, u32 checksum of both          its handle: v64 offset, v64 size, without these 5
//	footer   version 0 (48 bytes):      handles of meta index and index, zeros up to 40; u64 magic db4775248b80fb57
//	         versions 1 to 5 (53):      u8 checksum type; as above; u32 version; u64 magic 88e241b785f4cff7
//	         version 6 (53):            u8 checksum type; 3e 00 7a 00; u32 checksum of the footer; u32 context;
//	                                    u32 size of the meta index, which ends at the footer; zeros; version, magic
//	         With a context not 0 each checksum has (context XOR the offset's halves added) added to it.
//	entries  v32 shared, v32 unshared, v32 length of the value; the rest of the key; value
//	         then u32 offset* of the entries that share nothing, u32 their number;
//	         with its highest bit set there is a hash index before: u8 bucket*, u16 buckets
//	index    entries; a key not below those of its block, and not above those of the next; the value is a
//	         handle. Delta-encoded there is no length of a value, and behind an entry that shares
//	         something only a zigzag v64: what the size has changed by. Type 3 adds v32 length and bytes of the
//	         first key; type 2 is two-level: an index of such blocks.
//	key      user key, u64 sequence number << 8 | kind. By user key ascending, then newest first.
//
// Codecs: 0 none, 1 Snappy, 2 raw deflate, 3 bzip2, 4 and 5 LZ4, 7 Zstandard. In versions 2 to 6 the size of
// the block comes first as v32, but for Snappy, which has its own. Checksums: 0 none (the field is 0), 1 CRC-32C, masked,
// 2 xxHash32, 3 xxHash64, 4 XXH3, over all but the codec, which is mixed in.
//
// # Keys and values
//
//	key    key group (1 or 2 bytes, big-endian), key, [length], namespace, [length], [key of a map]
//	value  as its serializer has it; lists: elements with a "," between; maps: u8 whether null, then the value
//
// The lengths, base 256, lowest byte first, are there where neither key nor namespace have a fixed
// length. Timers are keys alone: key group, i64 time with its sign changed, key, namespace.
//
// # Pebble
//
// A handle with a private file of the name PebbleMarker is a database of Pebble. That file lists all others, the meta stream as "header":
//
//	"Pebble 1\n", then for each file, by name: CRC-32C of its bytes in hexadecimal, " ", size, " ", name, "\n"
//
// There is no CURRENT: the name of the newest marker.manifest.NUMBER.NAME ends in that of the MANIFEST, which is as RocksDB's, of one
// column family. All states are in it: u16 number of the state in the header, then the key as above. Tables have the
// footer, the blocks and the index of RocksDB's version 2 with another magic, b3aa9ff0b3aa9ff0, and
//
//   - range deletions in rocksdb.range_del2, cut where they overlap
//   - records of kind 18, which are puts that had deletions below them
//   - where they were ingested, sequence number 0 in all records; the MANIFEST has it, as the smallest and the largest
//
// The names of the handle are those of the list, and what is read whole has the checksum in it whenever it is read; VerifyFiles holds all files
// against it.
//
// # What a key is worth
//
// Of all records of a user key the newest counts. A put is the value; a deletion means there is none; merges are joined,
// oldest first, behind the first put below them. A range deletion deletes what is older within its bounds,
// which end where those of its file in the MANIFEST do.
//
// # Damage
//
// One changed byte of a table is always noticed by Verify where blocks have checksums (TestDamage), but for two
// things that make no difference to what is read: a version of the footer that has the same blocks, before version 6;
// and the sequence number of an ingested table, which RocksDB itself changes, where the MANIFEST is not at hand. In tables
// without checksums (type 0) half of the bytes of blocks can change unnoticed. Of Pebble's databases every changed byte of every
// file is noticed by VerifyFiles, those of the header too.
//
// Whole files in the place of others are noticed by what the MANIFEST says: tables and their sizes are those of the handle, which
// Open holds; the first and the last record of a table have the keys and sequence numbers of its bounds, all sequence numbers
// are within its own, and it is of its column family, which those hold who read it. Who reads a single key only
// sees the end of the index, and so not a table of the same keys from another time.
//
// Sources: RocksDB's table/format.cc, block_based, db/version_edit.cc, db/log_format.h, db/range_del_aggregator.cc,
// utilities/merge_operators/string_append; Flink's RocksIncrementalSnapshotStrategy, CompositeKeySerializationUtils,
// RocksDBMapState.
package rocksdb
