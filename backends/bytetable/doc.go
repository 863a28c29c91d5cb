// Package bytetable is a hash table from bytes to bytes whose entries the garbage collector does not look into, and which
// can be frozen in an instant while it goes on to change.
//
//	Table     a directory of segments, by the first bits of a key's hash (extendible hashing). One that is full is split in
//	          two, so that no operation moves more than one segment.
//	segment   slots, by the last bits of the hash, with linear probing: 12 bits of the hash, 20 bits of where the entry
//	          begins, and 1; and a block of entries one behind the other
//	entry     short  u8 flags, u8 length of the key, u8 length of the value, u8 room, key, room bytes that begin with the value
//	          long   u8 flags, u8 255, u8 0, u8 0, u16 length of the key, u16 room, u16 length of the value, key, room bytes
//	          apart  u8 flags, u8 255, u8 1, u8 0, u32 place of key and value among those that lie by themselves
//
// The greatest length stands for an absent value. Values are overwritten where they lie if they have the room. What was
// replaced or deleted is dead; a segment that needs room, and has much that is dead, moves what lives, and so does one that
// little was left of. Entries keep the order in which they were added, so that keys that come in the same order again find theirs
// beside each other. An entry takes some 16 bytes more than key and value.
//
// # Freezing
//
// Freeze counts the table's epoch up, and notes the one that ended. A segment knows the epoch in which it was made: one that a View
// shares is copied before it changes, as is the directory. Values that lie apart are shared on; what is appended to
// them lies behind all that a View sees. So what an operation copies is at most one segment (some 80 kB) and the directory.
package bytetable
