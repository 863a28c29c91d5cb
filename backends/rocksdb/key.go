package rocksdb

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Kind is what a record says of its key (RocksDB: ValueType).
type Kind byte

// The kinds that are read.
const (
	Deletion       Kind = 0
	Put            Kind = 1
	Merge          Kind = 2
	SingleDeletion Kind = 7
	RangeDeletion  Kind = 15
)

// strangeKinds are those that are not read, and what they come of.
var strangeKinds = map[Kind]string{
	17: "a reference into a blob file",
	20: "a deletion with a timestamp",
	22: "a wide-column entity",
	24: "a value with a preferred sequence number",
}

func (k Kind) known() bool { return k <= Merge || k == SingleDeletion }

// problem says why a record of an unknown kind cannot be read.
func (k Kind) problem() string {
	if name, ok := strangeKinds[k]; ok {
		return fmt.Sprintf("a record is %s (kind %d)", name, k)
	}
	return fmt.Sprintf("a record is of an unknown kind, %d", k)
}

const (
	keyTrailer = 8 // u64 sequence number << 8 | kind
	maxSeq     = 1<<56 - 1
)

// InternalKey is a user key with the sequence number and the kind of its record. (RocksDB:
// InternalKey). The order is by User ascending, then by Trailer descending.
type InternalKey struct {
	User    []byte
	Trailer uint64
}

// Seq is the sequence number.
func (k InternalKey) Seq() uint64 { return k.Trailer >> 8 }

// Kind is the kind of the record.
func (k InternalKey) Kind() Kind { return Kind(k.Trailer) }

// Compare is negative where k comes before o.
func (k InternalKey) Compare(o InternalKey) int {
	if c := bytes.Compare(k.User, o.User); c != 0 {
		return c
	}
	switch {
	case k.Trailer > o.Trailer:
		return -1
	case k.Trailer < o.Trailer:
		return 1
	}
	return 0
}

// parseKey splits the bytes of an internal key; false where they are too few.
func parseKey(b []byte) (InternalKey, bool) {
	n := len(b) - keyTrailer
	if n < 0 {
		return InternalKey{}, false
	}
	return InternalKey{b[:n:n], binary.LittleEndian.Uint64(b[n:])}, true
}
