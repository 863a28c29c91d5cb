package stream

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/ckpt-tool/ckpt/backends"
)

// Form is how bytes lie in a stretch.
type Form uint8

// The forms.
const (
	AsIs   Form = iota
	Snappy      // framed streams, one or several
	// SnappyOne is a framed stream that ends before the next identifier. NextStream goes on behind that.
	SnappyOne
	// SnappyWithin is chunks from within a framed stream, so that no identifier begins it.
	SnappyWithin
)

// Window shows a stretch of a blob piece by piece. What it gives is valid until the next call. It is for one goroutine.
//
// Once a method could not give what it was asked for, Err tells why, and nothing more is given until
// Go. Peek asks without that risk. That the stretch ends too early is io.ErrUnexpectedEOF; a chunk that is broken, a *backends.Error.
type Window struct {
	src  source
	form Form

	from, to int64  // the stretch
	view     []byte // what is at hand and not taken yet
	high     int64  // logical offset of the end of view
	err      error

	// Of framed streams: view ends at out[end].
	out   []byte
	end   int
	marks []mark
	begun bool // the identifier of the stream at hand was read
}

// mark is where a chunk begins.
type mark struct{ logical, physical int64 }

const (
	maxMarks = 4096
	// maxValue is the longest that anything in one piece can be: what Java has as one array.
	maxValue = math.MaxInt32
)

// New makes a window of a blob that shows nothing before Go. When it reads ahead then it is up to the position
// ahead at most.
func New(b backends.Blob, ahead int64) *Window {
	return &Window{src: source{blob: b, ahead: ahead}}
}

// Plain is the bytes of b from a position up to another.
func Plain(b backends.Blob, from, to int64) *Window {
	w := New(b, to)
	w.Go(AsIs, from, to)
	return w
}

// Framed is what the framed streams from a position up to another hold.
func Framed(b backends.Blob, from, to int64) *Window {
	w := New(b, to)
	w.Go(Snappy, from, to)
	return w
}

// Go shows another stretch of the blob, from the position from up to the position to. What was read ahead of it
// is not read again.
func (w *Window) Go(form Form, from, to int64) {
	*w = Window{src: w.src, out: w.out, marks: w.marks[:0], form: form, from: from, to: to, begun: form == SnappyWithin}
	if from < 0 || to < from {
		w.to = w.from
		w.err = w.errorAt(max(from, 0), fmt.Sprintf("a stretch from byte %d to byte %d", from, to))
		return
	}
	if form != AsIs {
		w.src.seek(from)
	}
}

// Err is why something could not be given; nil before that.
func (w *Window) Err() error { return w.err }

// Offset is how many bytes were taken, uncompressed ones.
func (w *Window) Offset() int64 { return w.high - int64(len(w.view)) }

// Physical is the position in the blob of the next byte, or of the chunk that holds it.
func (w *Window) Physical() int64 {
	if w.form == AsIs {
		return w.from + w.Offset()
	}
	at, p := w.Offset(), w.from
	if len(w.view) == 0 {
		return max(w.src.at, p)
	}
	for _, m := range w.marks {
		if m.logical > at {
			break
		}
		p = m.physical
	}
	return p
}

// Errorf makes an error with the place of the next byte.
func (w *Window) Errorf(format string, args ...any) *backends.Error {
	return w.errorAt(w.Physical(), fmt.Sprintf(format, args...))
}

func (w *Window) errorAt(at int64, message string) *backends.Error {
	return &backends.Error{
		Path: w.src.blob.Name(), Offset: w.src.blob.Offset() + at, KeyGroup: -1, Message: message,
	}
}

// Peek gives what is at hand, at least n bytes, without taking it. At the end of the stretch it gives what is left with
// io.ErrUnexpectedEOF.
func (w *Window) Peek(n int) ([]byte, error) {
	if n <= len(w.view) && w.err == nil {
		return w.view, nil
	}
	if w.err != nil {
		return nil, w.err
	}
	err := w.fill(n)
	return w.view, err
}

// Next takes n bytes.
func (w *Window) Next(n int) ([]byte, error) {
	if uint(n) > uint(len(w.view)) || w.err != nil {
		if !w.have(n) {
			return nil, w.err
		}
	}
	b := w.view[:n:n]
	w.view = w.view[n:]
	return b, nil
}

// have is fill for those who take what they ask for.
func (w *Window) have(n int) bool {
	switch {
	case w.err != nil:
		return false
	case n < 0 || w.form == AsIs && int64(n) > w.to-w.from-w.Offset():
		w.err = io.ErrUnexpectedEOF
		return false
	case n > len(w.view):
		w.err = w.fill(n)
	}
	return w.err == nil
}

// fill reads on until view is at least n bytes.
func (w *Window) fill(n int) error {
	if n > maxValue {
		return io.ErrUnexpectedEOF
	}
	if w.form != AsIs {
		return w.decode(n)
	}
	at := w.Offset()
	left := w.to - w.from - at
	if w.from+at != w.src.at {
		w.src.seek(w.from + at)
	}
	err := w.src.need(int(min(int64(n), left)), w.to)
	w.view = w.src.upTo(w.to)
	w.high = at + int64(len(w.view))
	if err == nil && int64(n) > left {
		return io.ErrUnexpectedEOF
	}
	return w.sticky(err)
}

// sticky keeps errors that no later call can do without.
func (w *Window) sticky(err error) error {
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		w.err = err
	}
	return err
}

// Value takes the bytes of one value. What the type says of them is returned, but not kept in Err.
func (w *Window) Value(t backends.Type) ([]byte, error) {
	if w.err == nil {
		if n, err := t.Size(w.view); err == nil && uint(n) <= uint(len(w.view)) {
			b := w.view[:n:n]
			w.view = w.view[n:]
			return b, nil
		}
	}
	return w.longValue(t)
}

// longValue shows the type more and more until it has enough.
func (w *Window) longValue(t backends.Type) ([]byte, error) {
	for w.err == nil {
		n, err := t.Size(w.view)
		if err == nil {
			return w.Next(n)
		}
		if !errors.Is(err, backends.ErrShort) {
			return nil, err
		}
		w.more()
	}
	return nil, w.err
}

// more shows more than is at hand, by as much again, but for the end of the stretch.
func (w *Window) more() {
	had := len(w.view)
	if had >= maxValue {
		w.err = w.Errorf("a value of more than %d bytes", maxValue)
		return
	}
	err := w.fill(min(max(2*had, had+512), maxValue))
	if errors.Is(err, io.ErrUnexpectedEOF) && len(w.view) > had {
		return
	}
	w.err = err
}

// Discard passes over n bytes.
func (w *Window) Discard(n int64) error {
	if n < 0 && w.err == nil {
		w.err = io.ErrUnexpectedEOF
	}
	for w.err == nil && n > int64(len(w.view)) {
		if w.form == AsIs {
			return w.jump(n)
		}
		n -= int64(len(w.view))
		w.view = w.view[len(w.view):]
		w.have(1)
	}
	if w.err == nil {
		w.view = w.view[n:]
	}
	return w.err
}

// jump passes over n plain bytes without reading them.
func (w *Window) jump(n int64) error {
	at := w.Offset() + n
	if at > w.to-w.from {
		w.err = io.ErrUnexpectedEOF
		return w.err
	}
	w.view, w.high = nil, at
	return nil
}

// AtEnd tells whether the stretch, or the stream of a SnappyOne, ends here.
func (w *Window) AtEnd() (bool, error) {
	if len(w.view) > 0 && w.err == nil {
		return false, nil
	}
	_, err := w.Peek(1)
	if errors.Is(err, io.ErrUnexpectedEOF) && w.err == nil {
		return true, nil
	}
	return false, err
}

// Rest takes all that is left of the stretch.
func (w *Window) Rest() ([]byte, error) {
	for w.err == nil {
		had := len(w.view)
		if err := w.fill(min(max(2*had, had+512), maxValue)); errors.Is(err, io.ErrUnexpectedEOF) && had < maxValue {
			return w.Next(len(w.view))
		}
		if had >= maxValue {
			w.err = w.Errorf("more than %d bytes in one piece", maxValue)
		}
	}
	return nil, w.err
}
