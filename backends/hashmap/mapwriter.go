package hashmap

import "github.com/ckpt-tool/ckpt/backends/bytetable"

// mapWriter is the maps of a key group, to be changed.
type mapWriter struct {
	mapReader
	to         *bytetable.Table
	buf, aside []byte
}

// mapOf gives the maps in g.
func (t *table) mapOf(g *bytetable.Table) *mapWriter {
	t.writer.from, t.writer.to = g, g
	return &t.writer
}

// put sets a value, and tells whether the map is new.
func (w *mapWriter) put(key, sub, value []byte) bool {
	h, ok := w.base(key)
	if !ok {
		w.buf = appendPair(append(w.buf[:0], isSmall), sub, value)
		w.to.Put(w.baseKey(key), w.buf, 0)
		return true
	}
	if h.buckets == 0 {
		w.putSmall(key, h.small, sub, value)
		return false
	}
	i := bucketOf(sub, h.buckets)
	in := w.bucket(key, i)
	p, found := findPair(in, sub)
	if found && p.end-p.value == len(value) {
		copy(w.to.Edit(w.key)[p.value:], value)
		return false
	}
	w.buf = appendPair(append(append(w.buf[:0], in[:p.at]...), in[p.end:]...), sub, value)
	h.bytes += uint64(len(w.buf) - len(in))
	w.to.Put(w.key, w.buf, 0)
	if !found {
		h.entries++
	}
	if h.bytes > uint64(h.buckets)*bucketSize && uint64(h.buckets) < h.entries {
		w.split(key, &h)
	}
	w.putBase(key, &h)
	return false
}

func (w *mapWriter) putBase(key []byte, h *base) {
	var b [headerSize]byte
	w.to.Put(w.baseKey(key), h.append(b[:0]), 0)
}

// putSmall sets a value of a small map, which may be large then.
func (w *mapWriter) putSmall(key, in, sub, value []byte) {
	p, found := findPair(in, sub)
	if found && p.end-p.value == len(value) {
		copy(w.to.Edit(w.key)[1+p.value:], value)
		return
	}
	w.buf = append(append(append(w.buf[:0], isSmall), in[:p.at]...), in[p.end:]...)
	rest := len(w.buf) - 1
	w.buf = appendPair(w.buf, sub, value)
	if rest == 0 || len(w.buf) <= maxSmall {
		w.to.Put(w.key, w.buf, 0)
		return
	}
	h := base{buckets: 1, bytes: uint64(len(w.buf) - 1)}
	for range pairsOf(w.buf[1:]) {
		h.entries++
	}
	w.to.Put(w.bucketKey(key, 0), w.buf[1:], 0)
	w.split(key, &h)
	w.putBase(key, &h)
}

// split makes one bucket more.
func (w *mapWriter) split(key []byte, h *base) {
	next := h.buckets
	half := halfOf(next)
	h.buckets++
	w.buf, w.aside = w.buf[:0], w.aside[:0]
	for sub, value := range pairsOf(w.bucket(key, half)) {
		if bucketOf(sub, h.buckets) == next {
			w.aside = appendPair(w.aside, sub, value)
		} else {
			w.buf = appendPair(w.buf, sub, value)
		}
	}
	w.putBucket(key, half, w.buf)
	w.putBucket(key, next, w.aside)
}

func (w *mapWriter) putBucket(key []byte, i uint32, b []byte) {
	if len(b) == 0 {
		w.to.Delete(w.bucketKey(key, i))
		return
	}
	w.to.Put(w.bucketKey(key, i), b, 0)
}

// remove deletes an entry, and tells whether it was the last of its map.
func (w *mapWriter) remove(key, sub []byte) bool {
	h, ok := w.base(key)
	if !ok {
		return false
	}
	in := h.small
	if h.buckets > 0 {
		in = w.bucket(key, bucketOf(sub, h.buckets))
	}
	p, found := findPair(in, sub)
	if !found {
		return false
	}
	if h.buckets == 0 {
		w.buf = append(append(append(w.buf[:0], isSmall), in[:p.at]...), in[p.end:]...)
		if len(w.buf) == 1 {
			return w.to.Delete(w.key)
		}
		w.to.Put(w.key, w.buf, 0)
		return false
	}
	w.buf = append(append(w.buf[:0], in[:p.at]...), in[p.end:]...)
	h.entries--
	h.bytes -= uint64(p.end - p.at)
	w.putBucket(key, bucketOf(sub, h.buckets), w.buf)
	if h.entries == 0 {
		return w.to.Delete(w.baseKey(key))
	}
	w.shrink(key, &h)
	return false
}

// shrink joins two buckets if there are many for what is left.
func (w *mapWriter) shrink(key []byte, h *base) {
	if h.bytes > uint64(h.buckets)*(bucketSize/4) {
		w.putBase(key, h)
		return
	}
	last := h.buckets - 1
	half := halfOf(last)
	w.buf = append(w.buf[:0], isSmall)
	w.buf = append(w.buf, w.bucket(key, half)...)
	w.buf = append(w.buf, w.bucket(key, last)...)
	w.putBucket(key, last, nil)
	h.buckets--
	if h.buckets > 1 {
		w.putBucket(key, half, w.buf[1:])
		w.putBase(key, h)
		return
	}
	w.putBucket(key, half, nil)
	w.to.Put(w.baseKey(key), w.buf, 0)
}

// clear deletes a map, and tells whether there was one.
func (w *mapWriter) clear(key []byte) bool {
	h, ok := w.base(key)
	if !ok {
		return false
	}
	for i := range h.buckets {
		w.to.Delete(w.bucketKey(key, i))
	}
	return w.to.Delete(w.baseKey(key))
}
