package hashmap

import (
	"encoding/binary"
	"iter"
	"math/bits"

	"github.com/zeebo/xxh3"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/bytetable"
)

// A map lies in the table of its key group so, that it takes little where it is small, and no operation touches much of it
// where it is large:
//
//	small  key, 0              ->  u8 0, its entries
//	large  key, 0              ->  u8 1, u32 number of buckets, u64 of entries, u64 of their bytes
//	       key, i32 bucket, 1  ->  the entries of the bucket, of which there is at least one
//	entry  varint length of the key within the map, varint length of the value, key, value
//
// Which bucket an entry is in tells the hash of its key (linear hashing): one bucket is split, or two are joined, at a
// time.
const (
	isSmall = 0
	isLarge = 1

	baseMark   = 0
	bucketMark = 1

	maxSmall   = 1 << 10 // bytes of entries
	bucketSize = 768     // on the average
	bucketLen  = 4       // bytes of a bucket's number
	headerSize = 21
)

// source is what holds maps: a table, or one that is frozen.
type source interface {
	Get(key []byte) (value []byte, flags byte, ok bool)
	All() iter.Seq[bytetable.Entry]
}

// mapReader is the maps of a key group, to be read.
type mapReader struct {
	from source
	key  []byte // to look up
}

// base is what is known of a map.
type base struct {
	buckets uint32 // 0: it is small
	entries uint64
	bytes   uint64
	small   []byte // entries
}

func parseBase(b []byte) base {
	if b[0] == isSmall {
		return base{small: b[1:]}
	}
	return base{buckets: binary.BigEndian.Uint32(b[1:]), entries: binary.BigEndian.Uint64(b[5:]), bytes: binary.BigEndian.Uint64(b[13:])}
}

func (h *base) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(append(b, isLarge), h.buckets)
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, h.entries), h.bytes)
}

// len is how many entries there are.
func (h *base) len() int {
	if h.buckets > 0 {
		return int(h.entries)
	}
	n := 0
	for range pairsOf(h.small) {
		n++
	}
	return n
}

// bucketOf is the one of n buckets that a key within a map is in.
func bucketOf(sub []byte, n uint32) uint32 {
	all := uint32(1)<<bits.Len32(n-1) - 1
	b := uint32(xxh3.Hash(sub)) & all
	if b >= n {
		b &= all >> 1
	}
	return b
}

// halfOf is the bucket that the bucket n came of.
func halfOf(n uint32) uint32 { return n &^ (1 << (bits.Len32(n) - 1)) }

func (r *mapReader) baseKey(key []byte) []byte {
	r.key = append(append(r.key[:0], key...), baseMark)
	return r.key
}

func (r *mapReader) bucketKey(key []byte, bucket uint32) []byte {
	r.key = append(binary.BigEndian.AppendUint32(append(r.key[:0], key...), bucket), bucketMark)
	return r.key
}

// base finds a map.
func (r *mapReader) base(key []byte) (base, bool) {
	b, _, ok := r.from.Get(r.baseKey(key))
	if !ok {
		return base{}, false
	}
	return parseBase(b), true
}

func (r *mapReader) bucket(key []byte, bucket uint32) []byte {
	b, _, _ := r.from.Get(r.bucketKey(key, bucket))
	return b
}

// pairsOf yields the entries that lie in b.
func pairsOf(b []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(sub, value []byte) bool) {
		for at := 0; at < len(b); {
			p := parsePair(b, at)
			at = p.end
			if !yield(b[p.sub:p.value:p.value], b[p.value:p.end:p.end]) {
				return
			}
		}
	}
}

// span is where an entry of a map lies.
type span struct{ at, sub, value, end int }

func parsePair(b []byte, at int) span {
	n, k := binary.Uvarint(b[at:])
	v, m := binary.Uvarint(b[at+k:])
	p := span{at: at, sub: at + k + m}
	p.value = p.sub + int(n)
	p.end = p.value + int(v)
	return p
}

func appendPair(b, sub, value []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(sub)))
	b = binary.AppendUvarint(b, uint64(len(value)))
	return append(append(b, sub...), value...)
}

// findPair finds an entry in b.
func findPair(b, sub []byte) (span, bool) {
	for at := 0; at < len(b); {
		p := parsePair(b, at)
		if string(b[p.sub:p.value]) == string(sub) {
			return p, true
		}
		at = p.end
	}
	return span{at: len(b), end: len(b)}, false
}

// get gives a value.
func (r *mapReader) get(key, sub []byte) ([]byte, bool) {
	h, ok := r.base(key)
	if !ok {
		return nil, false
	}
	in := h.small
	if h.buckets > 0 {
		in = r.bucket(key, bucketOf(sub, h.buckets))
	}
	p, ok := findPair(in, sub)
	if !ok {
		return nil, false
	}
	return in[p.value:p.end:p.end], true
}

// all yields the entries of a map.
func (r *mapReader) all(key []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(sub, value []byte) bool) {
		if h, ok := r.base(key); ok {
			r.each(key, &h, yield)
		}
	}
}

// each yields the entries of a map that was found, and tells whether more are wanted.
func (r *mapReader) each(key []byte, h *base, yield func(sub, value []byte) bool) bool {
	if h.buckets == 0 {
		for sub, value := range pairsOf(h.small) {
			if !yield(sub, value) {
				return false
			}
		}
	}
	for i := range h.buckets {
		for sub, value := range pairsOf(r.bucket(key, i)) {
			if !yield(sub, value) {
				return false
			}
		}
	}
	return true
}

// bucketEntry takes an entry of the table apart: the key of the map, and those of its entries that lie there, none behind the header of
// a large one.
func bucketEntry(e bytetable.Entry) (key, pairs []byte) {
	n := len(e.Key) - 1
	if e.Key[n] == bucketMark {
		n -= bucketLen
		return e.Key[:n:n], e.Value
	}
	h := parseBase(e.Value)
	return e.Key[:n:n], h.small
}

// rows yields the entries of a key group, and tells whether more are wanted.
func rows(g source, isMap bool, kg int32, yield func(backends.Row, error) bool) bool {
	r := mapReader{from: g}
	for e := range g.All() {
		row := backends.Row{KeyGroup: kg, Key: e.Key, Value: e.Value}
		if !isMap {
			if !yield(row, nil) {
				return false
			}
			continue
		}
		n := len(e.Key) - 1
		if e.Key[n] != baseMark {
			continue
		}
		row.Key = e.Key[:n:n]
		h := parseBase(e.Value)
		more := r.each(row.Key, &h, func(sub, value []byte) bool {
			row.Sub, row.Value = sub, value
			return yield(row, nil)
		})
		if !more {
			return false
		}
	}
	return true
}
