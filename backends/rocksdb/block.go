package rocksdb

import (
	"bytes"
	"encoding/binary"
	"errors"
)

var errBlock = errors.New("its entries do not fit together")

const (
	hashIndexBit = 1 << 31
	hashLimit    = 64 << 10 // blocks larger than this have no hash index
)

// entries walks the entries of an uncompressed block. With delta, there are no lengths of values: see
// handles.
type entries struct {
	data     []byte // without what follows the entries
	restarts []byte // u32 offset*
	at       int    // of what follows the current entry
	delta    bool

	key    []byte // of the current entry
	value  []byte // the same; with delta all that follows the key
	shared int    // how much of the key is from the one before
	err    error
}

// reset begins a block.
func (e *entries) reset(b []byte, delta bool) {
	e.data, e.restarts, e.at, e.delta, e.err = nil, nil, 0, delta, errBlock
	e.key, e.value = e.key[:0], nil
	if len(b) < 4 {
		return
	}
	end := len(b) - 4
	word := binary.LittleEndian.Uint32(b[end:])
	if word&hashIndexBit != 0 && len(b) <= hashLimit {
		if end < 2 {
			return
		}
		end -= 2 + int(binary.LittleEndian.Uint16(b[end-2:]))
		word &^= hashIndexBit
	}
	n := int64(word) * 4
	if end < 0 || n > int64(end) {
		return
	}
	e.data, e.restarts, e.err = b[:end-int(n)], b[end-int(n):end], nil
}

// next reads the next entry. At the end of the block, and after an error, it is false.
func (e *entries) next() bool {
	b, p := e.data, e.at
	if p >= len(b) || e.err != nil {
		return false
	}
	var shared, own, size int
	if !e.delta && p+3 <= len(b) && b[p]|b[p+1]|b[p+2] < 0x80 {
		shared, own, size = int(b[p]), int(b[p+1]), int(b[p+2])
		p += 3
	} else if shared, own, size, p = e.lengths(p); p < 0 {
		e.err = errBlock
		return false
	}
	if shared > len(e.key) || own > len(b)-p || size > len(b)-p-own {
		e.err = errBlock
		return false
	}
	e.key = append(e.key[:shared], b[p:p+own]...)
	p += own
	e.shared = shared
	if e.delta {
		e.value, e.at = b[p:], p
		return true
	}
	e.value, e.at = b[p:p+size:p+size], p+size
	return true
}

// lengths reads the varints before an entry at p, and where they end; -1 where they are none.
func (e *entries) lengths(p int) (shared, own, size, end int) {
	n := 3
	if e.delta {
		n = 2
	}
	var got [3]int
	for i := range got[:n] {
		v, k := binary.Uvarint(e.data[p:])
		if k <= 0 || v > uint64(len(e.data)) {
			return 0, 0, 0, -1
		}
		got[i] = int(v)
		p += k
	}
	return got[0], got[1], got[2], p
}

// seek goes to the last entry that shares nothing and comes before what is sought, by less; next reads it.
// Without one, to the beginning.
func (e *entries) seek(less func(key []byte) bool) {
	if len(e.data) == 0 {
		return
	}
	lo, hi := 0, len(e.restarts)/4 // all before lo are less, none from hi on is
	for lo < hi && e.err == nil {
		mid := (lo + hi) / 2
		if e.jump(mid); !e.next() {
			e.err = errBlock
			return
		}
		if less(e.key) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if e.err == nil {
		e.jump(max(lo-1, 0))
	}
}

// jump goes to the entry of restart i.
func (e *entries) jump(i int) {
	e.at, e.key = 0, e.key[:0]
	if 4*i < len(e.restarts) {
		at := binary.LittleEndian.Uint32(e.restarts[4*i:])
		if int64(at) > int64(len(e.data)) {
			e.err = errBlock
			return
		}
		e.at = int(at)
	}
}

// userLess tells whether an internal key belongs to a smaller user key.
func userLess(user []byte) func([]byte) bool {
	return func(key []byte) bool {
		return len(key) >= keyTrailer && bytes.Compare(key[:len(key)-keyTrailer], user) < 0
	}
}
