package pebble

import (
	"bytes"
	"encoding/binary"
)

// A record is an entry of the cache:
//
//	u32 length of the key, u32 length of the value, u32 epoch of its last change, u32 place in the list of that epoch,
//	u8 kind, u8 flags, u8 used, u8 0
//	key, as Pebble has it; value
//
// Numbers are little-endian. What belongs to a frozen epoch is never written to until that epoch is in Pebble: its writer reads it
// meanwhile. Only flags and used may be, which it does not look at.
const (
	atKeyLen   = 0
	atValueLen = 4
	atEpoch    = 8
	atPlace    = 12
	atKind     = 16
	atFlags    = 17
	atUsed     = 18
	headerLen  = 20
)

// kind is what a record says of its key. 0 is a slot that is free.
type kind byte

const (
	putKind    kind = 1 + iota
	deleteKind      // there is none
	mergeKind       // elements that come behind what Pebble has
)

const (
	freshFlag   = 1 << iota // Pebble has had nothing by the key before this epoch
	retiredFlag             // another record has taken the key over; this one waits for its epoch to be written
)

type record []byte

func (b record) keyLen() int   { return int(binary.LittleEndian.Uint32(b[atKeyLen:])) }
func (b record) valueLen() int { return int(binary.LittleEndian.Uint32(b[atValueLen:])) }
func (b record) epoch() uint32 { return binary.LittleEndian.Uint32(b[atEpoch:]) }
func (b record) place() uint32 { return binary.LittleEndian.Uint32(b[atPlace:]) }
func (b record) kind() kind    { return kind(b[atKind]) }

func (b record) key() []byte {
	return b[headerLen : headerLen+b.keyLen() : headerLen+b.keyLen()]
}

func (b record) value() []byte {
	at := headerLen + b.keyLen()
	end := at + b.valueLen()
	return b[at:end:end]
}

// size is how many bytes it takes.
func (b record) size() int { return headerLen + b.keyLen() + b.valueLen() }

func (b record) setValueLen(n int)     { binary.LittleEndian.PutUint32(b[atValueLen:], uint32(n)) }
func (b record) setEpoch(epoch uint32) { binary.LittleEndian.PutUint32(b[atEpoch:], epoch) }
func (b record) setPlace(n uint32)     { binary.LittleEndian.PutUint32(b[atPlace:], n) }

// setKey writes the key of a new record.
func (b record) setKey(key []byte) {
	binary.LittleEndian.PutUint32(b[atKeyLen:], uint32(len(key)))
	copy(b[headerLen:], key)
}

// setValue writes a value that has room.
func (b record) setValue(k kind, value []byte) {
	b[atKind] = byte(k)
	b.setValueLen(len(value))
	copy(b[headerLen+b.keyLen():], value)
}

func compare(a, b []byte) int { return bytes.Compare(a, b) }
