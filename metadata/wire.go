package metadata

import (
	"encoding/binary"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"unsafe"
)

// chunk is how much a streaming reader asks for at a time.
const chunk = 256 << 10

// maxDepth bounds handles within handles. Flink writes two levels.
const maxDepth = 100

// reader reads Java's DataOutput format: big-endian, with strings as UTF. The
// first failure sticks: from then on every read gives zero and every loop ends.
//
// What it returns aliases its buffers. These are never written again, so that
// strings and bytes stay as they are for as long as somebody holds them.
type reader struct {
	buf  []byte // what is at hand
	pos  int    // next byte of buf
	base int64  // offset of buf[0] in the file
	size int64  // of the file; no length or count may reach beyond it
	src  io.Reader
	err  error

	version  int32
	depth    int
	odd      bool // a string was not plain since this was last reset
	operator int  // index of the one being read, -1 before the first
	subtask  int  // likewise; -1 in the operator's own fields
	subtasks int  // number of sub-task entries of the operator being read
	notes    *annotator

	files    slab[FileHandle]
	relative slab[RelativeFileHandle]
	inline   slab[InlineHandle]
	segments slab[SegmentHandle]
}

// slab hands out pointers to values that were allocated many at a time.
type slab[T any] struct{ free []T }

func (s *slab[T]) next() *T {
	if len(s.free) == 0 {
		s.free = make([]T, 64)
	}
	p := &s.free[0]
	s.free = s.free[1:]
	return p
}

func newReader(data []byte) *reader {
	return &reader{buf: data, size: int64(len(data)), operator: -1, subtask: -1}
}

func newStreamReader(src io.Reader, size int64) *reader {
	return &reader{src: src, size: size, operator: -1, subtask: -1}
}

// offset of the next byte.
func (r *reader) offset() int64 { return r.base + int64(r.pos) }

// left is how many bytes the file still holds.
func (r *reader) left() int64 { return r.size - r.offset() }

// fail records the first error, at offset at.
func (r *reader) fail(at int64, format string, args ...any) {
	if r.err != nil {
		return
	}
	r.stop(&Error{Offset: at, Message: r.place() + fmt.Sprintf(format, args...)})
}

// unknown is fail for a kind of handle that this package does not know.
func (r *reader) unknown(at int64, format string, args ...any) {
	if r.err != nil {
		return
	}
	r.stop(&Error{Offset: at, Message: r.place() + fmt.Sprintf(format, args...), UnknownHandle: true})
}

// stop ends all reading with err.
func (r *reader) stop(err error) {
	if r.err == nil {
		r.err = err
	}
	r.base, r.size = r.offset(), r.offset()
	r.buf, r.pos, r.src = nil, 0, nil
}

// place names the operator and sub-task that are being read.
func (r *reader) place() string {
	switch {
	case r.operator < 0:
		return ""
	case r.subtask < 0:
		return "operator entry " + strconv.Itoa(r.operator) + ": "
	}
	return "operator entry " + strconv.Itoa(r.operator) + ", sub-task entry " + strconv.Itoa(r.subtask) + ": "
}

// need makes n bytes available at pos, or fails: what is being read ends too early.
func (r *reader) need(n int, what string) bool {
	if len(r.buf)-r.pos >= n {
		return true
	}
	return r.fill(n, what)
}

func (r *reader) fill(n int, what string) bool {
	if r.err != nil {
		return false
	}
	if int64(n) > r.left() {
		r.fail(r.size, "the file ends within %s, which needs %d bytes from offset %d on", what, n, r.offset())
		return false
	}
	// A fresh buffer, as strings alias the old one. n is bounded by the file's size.
	have := r.buf[r.pos:]
	buf := make([]byte, max(n, int(min(chunk, r.left()))))
	k := copy(buf, have)
	m, err := io.ReadAtLeast(r.src, buf[k:], n-k)
	r.base, r.pos, r.buf = r.offset(), 0, buf[:k+m]
	switch {
	case err == nil:
		return true
	case err == io.EOF || err == io.ErrUnexpectedEOF: // wrapped, it would be the source's own complaint
		r.fail(r.base+int64(k+m), "the file ends within %s, though its size was given as %d bytes", what, r.size)
	default:
		r.stop(err)
	}
	return false
}

func (r *reader) u8(what string) byte {
	if !r.need(1, what) {
		return 0
	}
	v := r.buf[r.pos]
	r.pos++
	if r.notes != nil {
		r.notes.number(r, 1, what, int64(v))
	}
	return v
}

func (r *reader) i32(what string) int32 {
	if !r.need(4, what) {
		return 0
	}
	v := int32(binary.BigEndian.Uint32(r.buf[r.pos:]))
	r.pos += 4
	if r.notes != nil {
		r.notes.number(r, 4, what, int64(v))
	}
	return v
}

func (r *reader) i64(what string) int64 {
	if !r.need(8, what) {
		return 0
	}
	v := int64(binary.BigEndian.Uint64(r.buf[r.pos:]))
	r.pos += 8
	if r.notes != nil {
		r.notes.number(r, 8, what, v)
	}
	return v
}

// tag reads the byte that says which handle follows.
func (r *reader) tag(what string) Tag {
	if !r.need(1, what) {
		return 0
	}
	t := Tag(r.buf[r.pos])
	r.pos++
	if r.notes != nil {
		r.notes.text(r, 1, what, t.String())
	}
	return t
}

// count reads how many elements follow, each of at least least bytes. It fails
// where the file cannot hold them, so that nothing is allocated on a file's word alone.
func (r *reader) count(what string, least int64) int {
	at := r.offset()
	n := r.i32("number of " + what)
	switch {
	case n < 0:
		r.fail(at, "impossible number of %s: %d", what, n)
		return 0
	case int64(n)*least > r.left():
		r.fail(at, "impossible number of %s: %d, with %d bytes left in the file", what, n, r.left())
		return 0
	}
	return int(n)
}

// bytes reads n bytes.
func (r *reader) bytes(n int, what string) []byte {
	if !r.need(n, what) {
		return nil
	}
	b := r.buf[r.pos : r.pos+n : r.pos+n]
	r.pos += n
	if r.notes != nil {
		r.notes.bytes(r, n, what)
	}
	return b
}

// blob reads a length of four bytes and as many bytes.
func (r *reader) blob(what string) []byte {
	at := r.offset()
	n := r.i32("length of " + what)
	if n < 0 || int64(n) > r.left() {
		r.fail(at, "impossible length of %s: %d, with %d bytes left in the file", what, n, r.left())
		return nil
	}
	return r.bytes(int(n), what)
}

// utf reads a string: a length of two bytes, then modified UTF-8.
func (r *reader) utf(what string) UTF {
	if !r.need(2, what) {
		return ""
	}
	n := int(binary.BigEndian.Uint16(r.buf[r.pos:]))
	if !r.need(2+n, what) {
		return ""
	}
	b := r.buf[r.pos+2 : r.pos+2+n]
	if !isPlain(unsafe.String(unsafe.SliceData(b), n)) {
		r.odd = true
		if i := invalidAt(b); i >= 0 {
			r.fail(r.offset()+2+int64(i), "%s is not modified UTF-8 (byte 0x%02x)", what, b[i])
			return ""
		}
	}
	r.pos += 2 + n
	if r.notes != nil {
		r.notes.utf(r, what, b)
	}
	return UTF(unsafe.String(unsafe.SliceData(b), n))
}

// offsets reads n positions.
func (r *reader) offsets(n int, what string) []int64 {
	if n == 0 || r.err != nil {
		return nil
	}
	out := make([]int64, n)
	for i := range out {
		out[i] = r.i64(what)
	}
	return out
}

// enter goes one level deeper, and fails where the file nests too deep.
func (r *reader) enter() bool {
	r.depth++
	if r.depth > maxDepth {
		r.fail(r.offset(), "handles nest deeper than %d levels", maxDepth)
		return false
	}
	return true
}

func (r *reader) leave() { r.depth-- }

// writer is the reader's counterpart. The first failure sticks.
type writer struct {
	buf     []byte
	version int32
	depth   int
	err     error
}

// typedNil fails for a nil pointer within an interface, which is not the same as a
// handle that is not there.
func (w *writer) typedNil(h Handle) bool {
	if v := reflect.ValueOf(h); v.Kind() != reflect.Pointer || !v.IsNil() {
		return false
	}
	w.fail("a handle is a nil %T", h)
	return true
}

func (w *writer) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("metadata cannot be written: "+format, args...)
	}
}

func (w *writer) u8(v byte)      { w.buf = append(w.buf, v) }
func (w *writer) tag(t Tag)      { w.buf = append(w.buf, byte(t)) }
func (w *writer) i32(v int32)    { w.buf = binary.BigEndian.AppendUint32(w.buf, uint32(v)) }
func (w *writer) i64(v int64)    { w.buf = binary.BigEndian.AppendUint64(w.buf, uint64(v)) }
func (w *writer) bytes(b []byte) { w.buf = append(w.buf, b...) }
func (w *writer) blob(b []byte)  { w.count(len(b)); w.bytes(b) }

func (w *writer) count(n int) {
	if n > 1<<31-1 {
		w.fail("%d elements or bytes are more than the format can count", n)
	}
	w.i32(int32(n))
}

func (w *writer) utf(u UTF) {
	if len(u) > 0xFFFF {
		w.fail("a string of %d bytes is longer than the format's 65535", len(u))
		return
	}
	if !isPlain(string(u)) && invalidAt(u) >= 0 {
		w.fail("string %q is not modified UTF-8", string(u))
		return
	}
	w.buf = append(binary.BigEndian.AppendUint16(w.buf, uint16(len(u))), u...)
}

func (w *writer) offsets(offsets []int64) {
	for _, o := range offsets {
		w.i64(o)
	}
}
