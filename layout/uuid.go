package layout

import (
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"math/rand/v2"
)

// randomName is a UUID, as Flink names files of state.
type randomName [16]byte

// digits is the value of each lower-case hexadecimal digit, 255 of anything else.
var digits = func() (values [256]byte) {
	for i := range values {
		values[i] = 255
	}
	for i, c := range []byte("0123456789abcdef") {
		values[c] = byte(i)
	}
	return values
}()

// parseUUID reads the one form in which java.util.UUID writes itself.
func parseUUID(s string) (u randomName, ok bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return u, false
	}
	var bad byte
	at := 0
	for i := range u {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			at++
		}
		hi, lo := digits[s[at]], digits[s[at+1]]
		bad |= hi | lo
		u[i] = hi<<4 | lo
		at += 2
	}
	return u, bad < 16
}

// String is the form that parseUUID reads.
func (u randomName) String() string {
	var s [36]byte
	hex.Encode(s[:8], u[:4])
	hex.Encode(s[9:13], u[4:6])
	hex.Encode(s[14:18], u[6:8])
	hex.Encode(s[19:23], u[8:10])
	hex.Encode(s[24:], u[10:])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}

// uuidTable finds rows by their names: open addressing, at most three quarters full, with half
// of the hash beside each number, so that a look at a row is mostly the right one. It
// takes half the time and a third of the memory of a map, which would hold each name
// once more.
type uuidTable struct {
	slots []uint64 // the upper half of the hash, and 1 + the number of the row
	used  int
}

// seeds keep names that were chosen to collide from doing so.
var seeds = [2]uint64{rand.Uint64() | 1, rand.Uint64() | 1}

func hashUUID(u randomName, dir int32) uint64 {
	hi, lo := bits.Mul64(binary.LittleEndian.Uint64(u[:8])^seeds[0], binary.LittleEndian.Uint64(u[8:])^seeds[1])
	hi, lo = bits.Mul64(hi^lo^uint64(uint32(dir)), 0x9e3779b97f4a7c15)
	return hi ^ lo
}

const upper = 0xffffffff << 32

// find gives the row of the name in the directory dir.
func (t *uuidTable) find(rows *rowList, u randomName, dir int32) FileID {
	if t.used == 0 {
		return NoFile
	}
	h := hashUUID(u, dir)
	mask := uint64(len(t.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		slot := t.slots[i]
		if slot == 0 {
			return NoFile
		}
		if slot&upper == h&upper {
			id := FileID(uint32(slot)) - 1
			if r := rows.at(id); r.name == u && r.dir == dir && !r.other {
				return id
			}
		}
	}
}

// add takes the row that comes next.
func (t *uuidTable) add(rows *rowList, u randomName, dir int32) {
	if 4*(t.used+1) > 3*len(t.slots) {
		t.grow(rows)
	}
	t.put(hashUUID(u, dir), rows.n)
	t.used++
}

func (t *uuidTable) put(h uint64, row int) {
	mask := uint64(len(t.slots) - 1)
	i := h & mask
	for t.slots[i] != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = h&upper | uint64(row+1)
}

func (t *uuidTable) grow(rows *rowList) {
	t.slots = make([]uint64, max(1024, 2*len(t.slots)))
	for i := range FileID(rows.n) {
		if r := rows.at(i); !r.other {
			t.put(hashUUID(r.name, r.dir), int(i))
		}
	}
}
