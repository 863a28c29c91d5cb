package connectors

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

type fileKind uint8

const (
	plainFile fileKind = iota
	growingFile
	gzipFile
)

// tailSize is how much of what was read last a growing file is asked for again: it must still be the same.
const tailSize = 512

// file is the text of a file from some offset on. It is an input.
type file struct {
	ctx   context.Context
	store layout.Store
	key   string
	url   string
	kind  fileKind
	clock engine.Clock
	poll  time.Duration

	body   io.ReadCloser // nil: nothing is open
	offset int64         // of what is read next
	size   int64         // of what is known, not of gzipFile
	tail   []byte        // of growingFile: what lies before offset
	seen   layout.Object // as it was looked at last
	next   time.Time     // when to look again
	stop   func() bool
}

// open goes to an offset, which is where a record begins.
func (f *file) open(offset int64) error {
	f.drop()
	o, err := f.store.Stat(f.ctx, f.key)
	if err != nil {
		return err
	}
	f.seen, f.size, f.offset, f.tail = o, o.Size, offset, nil
	from := max(0, offset-1)
	if f.kind == gzipFile {
		return f.openGzip(offset, from)
	}
	if offset > f.size {
		return f.changed("it has %d bytes, and was read up to byte %d", f.size, offset)
	}
	if from < f.size {
		if f.body, err = f.store.OpenRange(f.ctx, f.key, from, f.size-from); err != nil {
			return err
		}
	}
	if offset > 0 {
		return f.checkBefore(offset, f.kind == plainFile && offset == f.size)
	}
	return nil
}

// checkBefore reads the byte before a position, which must end a record.
func (f *file) checkBefore(offset int64, atEnd bool) error {
	var last [1]byte
	if _, err := io.ReadFull(f.body, last[:]); err != nil {
		return f.changed("its byte %d cannot be read: %w", offset-1, err)
	}
	if last[0] != '\n' && !atEnd {
		return f.changed("no record begins at byte %d, up to which it was read", offset)
	}
	f.tail = append(f.tail, last[0])
	return nil
}

func (f *file) openGzip(offset, from int64) error {
	content, err := f.store.Open(f.ctx, f.key)
	if err != nil {
		return err
	}
	text, err := gzip.NewReader(content.Whole())
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", f.url, err), content.Close())
	}
	f.body = gzipBody{text, content}
	if offset == 0 {
		return nil
	}
	if n, err := io.CopyN(io.Discard, text, from); err == io.EOF {
		return f.changed("it has %d bytes when decompressed, and was read up to byte %d", n, offset)
	} else if err != nil {
		return fmt.Errorf("%s: %w", f.url, err)
	}
	return f.checkBefore(offset, true)
}

// gzipBody closes what is compressed.
type gzipBody struct {
	*gzip.Reader
	content io.Closer
}

// Close implements io.Closer.
func (g gzipBody) Close() error { return errors.Join(g.Reader.Close(), g.content.Close()) }

// Read implements input.
func (f *file) Read(p []byte) (int, error) {
	for {
		if f.body == nil {
			if f.kind != growingFile {
				return 0, io.EOF
			}
			if err := f.grow(); err != nil {
				return 0, err
			}
		}
		n, err := f.body.Read(p)
		f.offset += int64(n)
		f.keep(p[:n])
		if err == io.EOF {
			err = f.bodyEnds()
		}
		if err != nil {
			return n, fmt.Errorf("%s: %w", f.url, err)
		}
		if n > 0 {
			return n, nil
		}
	}
}

// bodyEnds is at the end of what was known of the file.
func (f *file) bodyEnds() error {
	f.drop()
	if f.kind != gzipFile && f.offset < f.size {
		return fmt.Errorf("%w: %d of its %d bytes are missing", io.ErrUnexpectedEOF, f.size-f.offset, f.size)
	}
	return nil
}

// keep remembers what was read last.
func (f *file) keep(read []byte) {
	if f.kind != growingFile {
		return
	}
	if len(read) >= tailSize {
		f.tail = append(f.tail[:0], read[len(read)-tailSize:]...)
		return
	}
	if drop := len(f.tail) + len(read) - tailSize; drop > 0 {
		f.tail = f.tail[:copy(f.tail, f.tail[drop:])]
	}
	f.tail = append(f.tail, read...)
}

// grow looks for what was appended, now and then, and opens it.
func (f *file) grow() error {
	now := f.clock.Now()
	if now.Before(f.next) {
		return engine.ErrNothingYet
	}
	o, err := f.store.Stat(f.ctx, f.key)
	if err != nil {
		return err
	}
	if o.Size < f.offset {
		return f.changed("it has %d bytes, and was read up to byte %d", o.Size, f.offset)
	}
	if o.Size == f.offset && o.Tag == f.seen.Tag && o.Modified.Equal(f.seen.Modified) {
		f.next = now.Add(f.poll)
		return engine.ErrNothingYet
	}
	return f.reopen(o, now)
}

// reopen opens a growing file at its offset, once what lies before is what was read there.
func (f *file) reopen(o layout.Object, now time.Time) error {
	from := f.offset - int64(len(f.tail))
	if from == o.Size {
		f.seen, f.next = o, now.Add(f.poll)
		return engine.ErrNothingYet
	}
	body, err := f.store.OpenRange(f.ctx, f.key, from, o.Size-from)
	if err != nil {
		return err
	}
	before := make([]byte, len(f.tail))
	if _, err := io.ReadFull(body, before); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", f.url, err), body.Close())
	}
	if !bytes.Equal(before, f.tail) {
		return errors.Join(f.changed("the bytes before %d are others than those that were read", f.offset), body.Close())
	}
	f.seen, f.size, f.body = o, o.Size, body
	if f.size == f.offset {
		f.drop()
		f.next = now.Add(f.poll)
		return engine.ErrNothingYet
	}
	return nil
}

// changed says that a file is not what it was.
func (f *file) changed(why string, args ...any) error {
	return fmt.Errorf("%s: %w: it was truncated or replaced: %w", f.url, layout.ErrChanged, fmt.Errorf(why, args...))
}

// Wait implements input.
func (f *file) Wait() <-chan struct{} {
	if f.kind != growingFile {
		return nil
	}
	f.unwait()
	c := make(chan struct{})
	f.stop = f.clock.AfterFunc(max(0, f.next.Sub(f.clock.Now())), func() { close(c) })
	return c
}

func (f *file) unwait() {
	if f.stop != nil {
		f.stop()
		f.stop = nil
	}
}

func (f *file) drop() {
	if f.body != nil {
		_ = f.body.Close()
		f.body = nil
	}
}

// Close implements input.
func (f *file) Close() error {
	f.unwait()
	f.drop()
	return f.store.Close()
}
