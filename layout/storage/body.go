package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// resumes is how often one read may be taken up again.
const resumes = 8

// body reads an object, or a range of it. Where the connection breaks it goes on at the
// byte that it has come to, as long as the object is the same. It ends with io.EOF only
// when every announced byte has come.
type body struct {
	ctx    context.Context
	bucket *bucket
	key    string // below the bucket's prefix
	object item
	offset int64 // of the next byte
	end    int64
	tries  int
	err    error // what it has ended with

	from    io.ReadCloser
	release context.CancelFunc // of the request that feeds from
	watch   *time.Timer        // ends a request that has fallen silent
}

// newBody opens an object, which a negative length means to its end.
func (s *bucket) newBody(ctx context.Context, key string, offset, length int64) (*body, error) {
	b := &body{ctx: ctx, bucket: s, key: key, offset: offset}
	got, err := b.request(length, "")
	if err != nil {
		return nil, err
	}
	b.object, b.end = got.item, offset+got.length
	return b, nil
}

// request opens the object from the offset on.
func (b *body) request(length int64, tag string) (stream, error) {
	ctx, cancel := context.WithCancel(b.ctx)
	got, err := b.bucket.get(ctx, b.bucket.prefix+b.key, b.offset, length, tag)
	if err == nil && (got.length < 0 || length >= 0 && got.length > length) {
		got.Close()
		err = &problem{message: "the store does not say which bytes it sends"}
	}
	if err != nil {
		cancel()
		return stream{}, err
	}
	b.from, b.release = got.ReadCloser, cancel
	b.watch = time.AfterFunc(b.bucket.silence, cancel)
	b.watch.Stop()
	return got, nil
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	for b.err == nil && len(p) > 0 {
		n, err := b.read(p)
		b.offset += int64(n)
		if n > 0 {
			return n, nil
		}
		if err != nil && err != io.EOF {
			err = b.resume(err)
		}
		b.err = err
	}
	if b.err == nil || b.err == io.EOF {
		return 0, b.err
	}
	return 0, b.bucket.failed("read", b.err, b.key)
}

// read reads once. SDKs compare checksums when they see the end, so that it is asked
// for even when all bytes are here.
func (b *body) read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	b.watch.Reset(b.bucket.silence)
	defer b.watch.Stop()
	left := b.end - b.offset
	if left == 0 {
		n, err := b.from.Read(p[:1])
		if n > 0 {
			return 0, &problem{message: "the store sends more bytes than it announced"}
		}
		return 0, err
	}
	n, err := b.from.Read(p[:min(int64(len(p)), left)])
	if err == io.EOF && int64(n) < left {
		err = io.ErrUnexpectedEOF
	}
	if n > 0 {
		err = nil // the next read tells it again
	}
	return n, err
}

// resume opens the rest again, or says why that is not possible.
func (b *body) resume(cause error) error {
	if err := b.ctx.Err(); err != nil {
		return err
	}
	if refused := new(problem); b.offset == b.end || errors.As(cause, &refused) {
		return cause
	}
	if b.tries == resumes {
		return fmt.Errorf("broke off %d times, last at byte %d of %d: %w", b.tries+1, b.offset, b.end, cause)
	}
	b.stop()
	b.bucket.log.Debug("reading on", "path", layout.Join(b.bucket.url, b.key), "offset", b.offset, "after", cause)
	if err := sleep(b.ctx, backoff(min(b.tries, 3))); err != nil {
		return err
	}
	b.tries++
	return b.reopen()
}

// reopen opens the rest, which must be of the same object.
func (b *body) reopen() error {
	rest := b.end - b.offset
	got, err := b.request(rest, b.object.tag)
	if missing := new(problem); errors.As(err, &missing) && missing.kind == errBeyond {
		err = &problem{message: errChanged.Error(), kind: errChanged}
	}
	if err == nil && (got.tag != b.object.tag || got.size != b.object.size || got.length != rest) {
		err = &problem{message: errChanged.Error(), kind: errChanged}
	}
	return err
}

// Close implements io.Closer.
func (b *body) Close() error {
	b.stop()
	return nil // an error of what is only read says nothing
}

func (b *body) stop() {
	b.watch.Stop()
	b.release()
	b.from.Close()
}
