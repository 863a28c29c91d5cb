package stream

import (
	"errors"
	"io"
)

// decode reads chunks until view is at least n bytes.
func (w *Window) decode(n int) error {
	for len(w.view) < n {
		if err := w.chunk(); err != nil {
			return w.sticky(err)
		}
	}
	return nil
}

// chunk reads one chunk. Its error is io.ErrUnexpectedEOF where there is none in the stretch.
func (w *Window) chunk() error {
	at := w.src.at
	c, err := w.head()
	if err != nil {
		return err
	}
	if c.Type == ChunkIdentifier && w.begun && w.form == SnappyOne {
		return io.ErrUnexpectedEOF
	}
	if c.Type != ChunkIdentifier && !w.begun {
		return w.errorAt(at, ErrIdentifier.Error())
	}
	if int64(ChunkHead+c.Size) > w.to-at {
		return w.errorAt(at, "a snappy chunk does not end where it should")
	}
	if err := w.src.need(ChunkHead+c.Size, w.to); err != nil {
		return err
	}
	data := w.src.buf[w.src.r+ChunkHead : w.src.r+ChunkHead+c.Size]
	w.space()
	block, err := c.Decode(w.out[w.end:w.end+BlockSize], data)
	if err != nil {
		return w.errorAt(at, err.Error())
	}
	w.begun = true
	w.mark(at)
	w.show(c, block)
	w.src.seek(at + int64(ChunkHead+c.Size))
	return nil
}

// head reads the head of the chunk at hand, without taking it.
func (w *Window) head() (Chunk, error) {
	at := w.src.at
	if at == w.to {
		return Chunk{}, io.ErrUnexpectedEOF
	}
	if w.to-at < ChunkHead {
		return Chunk{}, w.errorAt(at, "the stream ends within a snappy chunk")
	}
	if err := w.src.need(ChunkHead, w.to); err != nil {
		return Chunk{}, err
	}
	c, err := ReadChunk(w.src.buf[w.src.r:w.src.w])
	if err != nil {
		return c, w.errorAt(at, err.Error())
	}
	return c, nil
}

// space makes room for a block behind view.
func (w *Window) space() {
	if len(w.out)-w.end >= BlockSize {
		return
	}
	old := w.view
	if need := len(old) + BlockSize; need > len(w.out)/2 || len(w.out) > 4*lastRequest && need < lastRequest {
		w.out = make([]byte, max(2*need, 4*BlockSize))
	}
	w.end = copy(w.out, old)
	w.view = w.out[:w.end]
}

// show adds a block to view. One that was not compressed is still to be copied.
func (w *Window) show(c Chunk, block []byte) {
	if c.Type == ChunkUncompressed {
		copy(w.out[w.end:], block)
	}
	w.end += len(block)
	w.high += int64(len(block))
	w.view = w.out[w.end-len(block)-len(w.view) : w.end]
}

// mark remembers where the chunk to be shown begins, and forgets those before view.
func (w *Window) mark(physical int64) {
	at, first := w.Offset(), 0
	for first+1 < len(w.marks) && w.marks[first+1].logical <= at || first < len(w.marks) && len(w.view) == 0 {
		first++
	}
	if first > 0 {
		w.marks = w.marks[:copy(w.marks, w.marks[first:])]
	}
	if len(w.marks) < maxMarks {
		w.marks = append(w.marks, mark{w.high, physical})
	}
}

// NextStream passes over what is left of a SnappyOne, checking it, and begins the stream behind
// it. It is false at the end of the stretch. That the stream ended before what was asked of it is forgotten.
func (w *Window) NextStream() (bool, error) {
	if errors.Is(w.err, io.ErrUnexpectedEOF) {
		w.err = nil
	}
	for w.err == nil {
		w.view = w.view[len(w.view):]
		if end, err := w.AtEnd(); err != nil || end {
			break
		}
	}
	if w.err != nil || w.src.at == w.to {
		return false, w.err
	}
	w.begun = false
	return true, nil
}
