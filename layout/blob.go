package layout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/ckpt-tool/ckpt/metadata"
)

// Blobs opens what the stream handles of one snapshot refer to, for reading at any place. It may be
// used by many goroutines, and is to be closed.
type Blobs struct {
	target *Target

	mu      sync.Mutex // of the locator
	locator *Locator
}

// NewBlobs is for the snapshot t; open is for what lies outside of its tree. It lives as long as ctx.
func NewBlobs(ctx context.Context, open OpenStore, t *Target, maps []Mapping) *Blobs {
	return &Blobs{target: t, locator: NewLocator(ctx, open, t, maps)}
}

// Close closes what was opened besides the snapshot's own store.
func (b *Blobs) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.locator.Close()
}

// Open gives the bytes of h. No request is made before they are read, but those that it takes to find a file
// of a tree that was copied. A size below zero stands for all that there is, for which the store is asked: what handles
// of changelogs tell is no length of a file.
func (b *Blobs) Open(ctx context.Context, h metadata.StreamHandle) (*Blob, error) {
	switch h := h.(type) {
	case *metadata.InlineHandle:
		return NewInlineBlob(Join(b.target.Store.URL(), b.target.Metadata), h.Data), nil
	case *metadata.EmptySegmentHandle:
		return NewInlineBlob("empty", nil), nil
	case *metadata.KeyGroupsHandle:
		return b.Open(ctx, h.Delegate)
	}
	blob := &Blob{ctx: ctx}
	switch h := h.(type) {
	case *metadata.FileHandle:
		blob.size = h.Size
	case *metadata.RelativeFileHandle:
		blob.size = h.Size
	case *metadata.SegmentHandle:
		blob.offset, blob.size = h.Start, h.Size
	default:
		return nil, fmt.Errorf("a handle of the unknown kind %T", h)
	}
	var err error
	blob.store, blob.key, blob.name, err = b.locate(h)
	if err == nil && blob.size < 0 {
		err = blob.measure()
	}
	return blob, err
}

// measure asks the store for the size.
func (b *Blob) measure() error {
	o, err := b.store.Stat(b.ctx, b.key)
	if err != nil {
		return &FileError{Path: b.name, Err: err}
	}
	b.size = max(0, o.Size-b.offset)
	return nil
}

// locate tells where the file of h lies.
func (b *Blobs) locate(h metadata.StreamHandle) (store Opener, key, url string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, relative := PathOf(h)
	if relative {
		loc, err := b.locator.stat.RelativePath(b.target.Dir, p)
		return b.target.Store, loc.Key, loc.URL, err
	}
	loc, err := b.locator.Locate(p)
	if err != nil {
		return nil, "", "", err
	}
	if loc.Key != "" {
		return b.target.Store, loc.Key, loc.URL, nil
	}
	dir, name := path.Split(loc.URL)
	other, err := b.locator.other(strings.TrimSuffix(dir, "/"))
	if err == nil && other == nil {
		err = errNoTree
	}
	if err != nil {
		return nil, "", "", &FileError{Path: loc.URL, Err: err}
	}
	return other, name, loc.URL, nil
}

var errNoTree = fmt.Errorf("%w, nor its directory; where the tree was copied, say by --map OLD=NEW where it lies now", fs.ErrNotExist)

// Where is the URL at which Open reads the file of an absolute path.
func (b *Blobs) Where(p string) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	loc, err := b.locator.Locate(p)
	return loc.URL, err
}

// FileError tells of a file that state lies in and that cannot be read.
type FileError struct {
	Path string // URL
	Err  error
}

// Error implements error.
func (e *FileError) Error() string { return e.Path + ": " + e.Err.Error() }

// Unwrap gives Err.
func (e *FileError) Unwrap() error { return e.Err }

// Blob is the bytes of one stream handle: a file, a stretch of one, or data of _metadata.
type Blob struct {
	ctx    context.Context
	store  Opener
	key    string
	name   string
	offset int64
	size   int64
	inline *bytes.Reader
}

// NewFileBlob is size bytes from offset on of the file key of a store. Nothing is asked of the store before ReadAt.
func NewFileBlob(ctx context.Context, store Opener, key, url string, offset, size int64) *Blob {
	return &Blob{ctx: ctx, store: store, key: key, name: url, offset: offset, size: size}
}

// NewInlineBlob is the data of an inline handle, in the `_metadata` of that URL.
func NewInlineBlob(url string, data []byte) *Blob {
	return &Blob{name: url, size: int64(len(data)), inline: bytes.NewReader(data)}
}

// Size is the number of bytes, as the handle tells it.
func (b *Blob) Size() int64 { return b.size }

// Name is the URL of the file; of inline data that of the _metadata.
func (b *Blob) Name() string { return b.name }

// Offset is where in the file the bytes begin; of inline data 0.
func (b *Blob) Offset() int64 { return b.offset }

// Close implements io.Closer.
func (b *Blob) Close() error { return nil }

// ReadAt implements io.ReaderAt. Each call is one request to the store. A file that is shorter than its handle says
// ends with io.ErrUnexpectedEOF.
func (b *Blob) ReadAt(p []byte, off int64) (int, error) {
	if b.inline != nil {
		return b.inline.ReadAt(p, off)
	}
	if off < 0 || off >= b.size {
		return 0, io.EOF
	}
	var end error
	if left := b.size - off; int64(len(p)) > left {
		p, end = p[:left], io.EOF
	}
	r, err := b.store.OpenRange(b.ctx, b.key, b.offset+off, int64(len(p)))
	if err != nil {
		return 0, &FileError{Path: b.name, Err: err}
	}
	defer r.Close()
	n, err := io.ReadFull(r, p)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return n, &FileError{Path: b.name, Err: err}
	}
	return n, end
}
