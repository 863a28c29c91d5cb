package rocksdb

import (
	"bytes"
	"encoding/binary"
)

// indexFormat is how the blocks of a table's index are written.
type indexFormat struct {
	delta    bool // of handles
	userKeys bool // keys lack their trailer
	firstKey bool // behind each handle
}

// handles walks a block of an index.
type handles struct {
	entries
	format indexFormat
	handle handle // of the current entry
}

func (h *handles) reset(b []byte, format indexFormat) {
	h.format, h.handle = format, handle{}
	h.entries.reset(b, format.delta)
}

// next reads the next handle.
func (h *handles) next() bool {
	if !h.entries.next() {
		return false
	}
	n := h.read()
	if n > 0 && h.format.firstKey {
		n = skipKey(h.value, n)
	}
	if n <= 0 || !h.format.delta && n != len(h.value) {
		h.err = errBlock
		return false
	}
	if h.format.delta {
		h.at += n
	}
	return true
}

// read reads the handle, and how many bytes it takes.
func (h *handles) read() (n int) {
	if !h.format.delta || h.shared == 0 {
		h.handle, n = readHandle(h.value)
		return n
	}
	change, n := binary.Varint(h.value)
	size := h.handle.size + change
	if change > maxFile || size < 0 || size > maxFile || h.handle.offset > maxFile {
		return 0
	}
	h.handle = handle{h.handle.end(), size}
	return n
}

// skipKey gives where a key of the v32 length before it ends, 0 where it does not.
func skipKey(b []byte, at int) int {
	size, n := binary.Uvarint(b[at:])
	if n <= 0 || size > uint64(len(b)-at-n) {
		return 0
	}
	return at + n + int(size)
}

// user is the user key of an entry's key.
func (f indexFormat) user(key []byte) []byte {
	if f.userKeys || len(key) < keyTrailer {
		return key
	}
	return key[:len(key)-keyTrailer]
}

// seek goes to the first handle whose block may have the user key, or one behind it. It is false if there is
// none.
func (h *handles) seek(user []byte) bool {
	h.entries.seek(func(key []byte) bool { return bytes.Compare(h.format.user(key), user) < 0 })
	for h.next() {
		if bytes.Compare(h.format.user(h.key), user) >= 0 {
			return true
		}
	}
	return false
}
