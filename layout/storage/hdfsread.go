package storage

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// hdfsFile reads a part of a file, and goes on where a broken connection left off.
type hdfsFile struct {
	hdfs        *hdfs
	ctx         context.Context
	object      layout.Object // as it was when the file was opened
	offset, end int64
	body        io.ReadCloser // nil where nothing is left to read
	err         error         // for which reading has ended
}

// read opens a part of the file o.
func (h *hdfs) read(ctx context.Context, o layout.Object, offset, length int64) (io.ReadCloser, error) {
	f := &hdfsFile{hdfs: h, ctx: ctx, object: o, offset: offset, end: offset + length}
	if err := f.reopen(); err != nil {
		return nil, h.fail(err, o.Key)
	}
	return f, nil
}

// reopen starts a request for what is still to be read. Nothing is no request, as a
// namenode refuses to read at the end of a file.
func (f *hdfsFile) reopen() (err error) {
	if f.body = nil; f.offset < f.end {
		f.body, err = f.hdfs.peer.open(f.ctx, f.hdfs.path(f.object.Key), f.offset, f.end-f.offset)
	}
	return err
}

// Read implements io.Reader.
func (f *hdfsFile) Read(p []byte) (int, error) {
	if err := f.ctx.Err(); err != nil {
		return 0, err
	}
	if f.err != nil || f.offset >= f.end {
		return 0, cmp.Or(f.err, io.EOF)
	}
	p = p[:min(int64(len(p)), f.end-f.offset)]
	retry := newHDFSRetry(f.hdfs.settings) // anew, since bytes have come
	for {
		n, err := f.body.Read(p)
		f.offset += int64(n)
		if n > 0 || err == nil {
			return n, nil // an error will come again
		}
		if err := f.resume(err, retry); err != nil {
			f.err = f.hdfs.fail(err, f.object.Key)
			return 0, f.err
		}
	}
}

// resume opens the rest of a file whose body broke, or ended too early.
func (f *hdfsFile) resume(cause error, retry *hdfsRetry) error {
	if cause == io.EOF {
		cause = io.ErrUnexpectedEOF
	}
	_ = f.body.Close() // it is broken already
	f.body = nil
	if err := retry.wait(f.ctx, fmt.Errorf("broke off at byte %d of %d: %w", f.offset, f.object.Size, cause)); err != nil {
		return err
	}
	now, err := f.hdfs.peer.stat(f.ctx, f.hdfs.path(f.object.Key))
	if err != nil {
		return err
	}
	if now.Size != f.object.Size || !now.Modified.Equal(f.object.Modified) {
		return fmt.Errorf("%w: it had %d bytes of %v, now %d of %v", errChanged,
			f.object.Size, f.object.Modified.UTC().Format(time.RFC3339), now.Size, now.Modified.UTC().Format(time.RFC3339))
	}
	return f.reopen()
}

// Close implements io.Closer.
func (f *hdfsFile) Close() error {
	if f.body == nil {
		return nil
	}
	return f.body.Close()
}
