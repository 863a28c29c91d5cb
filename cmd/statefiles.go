package cmd

import (
	"context"
	"sync/atomic"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
)

// stateFiles opens what stream handles refer to, and counts what is read. Neither layout nor
// backends knows the other: here their interfaces meet.
type stateFiles struct {
	blobs *layout.Blobs
	read  atomic.Int64                // bytes
	tell  atomic.Pointer[func(int64)] // is told how many, where it is set
}

// Open implements backends.Files.
func (f *stateFiles) Open(ctx context.Context, h metadata.StreamHandle) (backends.Blob, error) {
	b, err := f.blobs.Open(ctx, h)
	if err != nil {
		return nil, err
	}
	return &countedBlob{Blob: b, files: f}, nil
}

// countedBlob counts the bytes that are read of it.
type countedBlob struct {
	backends.Blob
	files *stateFiles
}

// ReadAt implements io.ReaderAt.
func (b *countedBlob) ReadAt(p []byte, off int64) (int, error) {
	n, err := b.Blob.ReadAt(p, off)
	sum := b.files.read.Add(int64(n))
	if tell := b.files.tell.Load(); tell != nil {
		(*tell)(sum)
	}
	return n, err
}
