package bytetable

import "encoding/binary"

const (
	shortHead = 4
	longHead  = 10
	apartHead = 8

	longMark    = 0xff // in place of a short entry's length of the key
	absentShort = 0xff
	absentLong  = 0xffff
	formLong    = 0
	formApart   = 1
	formDead    = 2

	maxShort  = 0xfe
	maxInline = 2 << 10 // of an entry; larger ones lie apart
)

// place is where the parts of an entry lie in a block.
type place struct {
	key, keyEnd int
	valueLen    int // -1: absent
	room        int
	apart       int // among those apart, or -1; with it there is nothing else
	dead        int // its size, if it is dead; with it there is nothing else
}

// parse takes the entry at the beginning of b apart.
func parse(b []byte) place {
	if n := int(b[1]); n != longMark {
		p := place{key: shortHead, keyEnd: shortHead + n, valueLen: int(b[2]), room: int(b[3]), apart: -1}
		if p.valueLen == absentShort {
			p.valueLen = -1
		}
		return p
	}
	switch b[2] {
	case formApart:
		return place{apart: int(binary.LittleEndian.Uint32(b[4:]))}
	case formDead:
		return place{apart: -1, dead: int(b[0])<<8 | int(b[3])}
	}
	n := int(binary.LittleEndian.Uint16(b[4:]))
	p := place{
		key: longHead, keyEnd: longHead + n,
		room: int(binary.LittleEndian.Uint16(b[6:])), valueLen: int(binary.LittleEndian.Uint16(b[8:])), apart: -1,
	}
	if p.valueLen == absentLong {
		p.valueLen = -1
	}
	return p
}

// size is how many bytes of the block the entry takes.
func (p *place) size() int {
	switch {
	case p.dead > 0:
		return p.dead
	case p.apart >= 0:
		return apartHead
	}
	return p.keyEnd + p.room
}

// bury marks the entry at the beginning of b, which takes n bytes, as dead.
func bury(b []byte, n int) { b[0], b[1], b[2], b[3] = byte(n>>8), longMark, formDead, byte(n) }

// sizeOf is the size of an entry to be, that lies in a block or apart.
func sizeOf(key, room int) int {
	n := longHead + key + room
	switch {
	case key <= maxShort && room <= maxShort:
		return n - longHead + shortHead
	case n > maxInline:
		return apartHead
	}
	return n
}

// isApart tells whether an entry to be lies apart.
func isApart(key, room int) bool { return longHead+key+room > maxInline }

// appendEntry appends an entry that does not lie apart; a nil value is absent.
func appendEntry(b, key, value []byte, room int, flags byte) []byte {
	if len(key) <= maxShort && room <= maxShort {
		n := byte(len(value))
		if value == nil {
			n = absentShort
		}
		b = append(b, flags, byte(len(key)), n, byte(room))
	} else {
		n := uint16(len(value))
		if value == nil {
			n = absentLong
		}
		b = append(b, flags, longMark, formLong, 0)
		b = binary.LittleEndian.AppendUint16(b, uint16(len(key)))
		b = binary.LittleEndian.AppendUint16(b, uint16(room))
		b = binary.LittleEndian.AppendUint16(b, n)
	}
	b = append(append(b, key...), value...)
	for range room - len(value) {
		b = append(b, 0)
	}
	return b
}

// setLength notes the length of a value that was overwritten; -1 is absent.
func setLength(b []byte, n int) {
	if b[1] != longMark {
		b[2] = byte(n) // -1 is absentShort
		return
	}
	binary.LittleEndian.PutUint16(b[8:], uint16(n)) // -1 is absentLong
}
