package pebble

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/rocksdb"
	"github.com/ckpt-tool/ckpt/metadata"
)

// fetched is the files of a handle in a local directory.
type fetched struct {
	handle *metadata.IncrementalHandle
	files  []localFile // of the database
	header localFile   // the meta stream of the handle
}

// fetch brings the database of a handle into a directory, which it makes. Each file is what the marker says it was, by its size and
// checksum; tables of the local copy, which are linked, by their sizes, and their blocks have checksums that Pebble looks at.
func (s *Store) fetch(ctx context.Context, r *backends.RestoredHandle, dir string) (*fetched, error) {
	if r.Local != nil {
		f, err := s.fetchHandle(ctx, r.Local, dir, true)
		if err == nil {
			f.handle = r.Handle.(*metadata.IncrementalHandle)
			return f, nil
		}
		if err := errors.Join(ctx.Err(), os.RemoveAll(dir)); err != nil {
			return nil, err
		}
	}
	return s.fetchHandle(ctx, r.Handle, dir, false)
}

func (s *Store) fetchHandle(ctx context.Context, k metadata.KeyedHandle, dir string, link bool) (*fetched, error) {
	list, h := marker(k)
	if list == nil {
		return nil, errors.New("a local copy that is not of Pebble")
	}
	f := &fetched{handle: h}
	content, name, err := s.readAll(ctx, list)
	if err != nil {
		return nil, err
	}
	if err := f.read(content); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	places, err := f.places()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelFiles)
	for _, file := range f.files {
		g.Go(func() error {
			to := filepath.Join(dir, file.Name)
			if link && isTable(file.Name) && linkLocal(places[file.Name], to, file.Size) {
				return nil
			}
			return s.fetchFile(ctx, places[file.Name], to, file)
		})
	}
	return f, g.Wait()
}

// read reads the list of files.
func (f *fetched) read(list []byte) (err error) {
	if f.files, err = rocksdb.ParsePebbleFiles(list); err != nil {
		return err
	}
	i := slices.IndexFunc(f.files, func(l localFile) bool { return l.Name == rocksdb.PebbleHeader })
	if i < 0 {
		return errors.New("the list of files does not have the header")
	}
	f.header = f.files[i]
	f.files = slices.Delete(f.files, i, i+1)
	return nil
}

// places are the handle's files by their names. They must be those of the marker.
func (f *fetched) places() (map[string]metadata.StreamHandle, error) {
	places := map[string]metadata.StreamHandle{}
	for _, files := range [][]metadata.NamedFile{f.handle.Shared, f.handle.Private} {
		for _, n := range files {
			if _, twice := places[n.Name.String()]; twice {
				return nil, fmt.Errorf("the handle has file %q twice", n.Name)
			}
			places[n.Name.String()] = n.File
		}
	}
	for _, file := range f.files {
		if places[file.Name] == nil {
			return nil, fmt.Errorf("the handle lacks file %s, which the database has", file.Name)
		}
	}
	if len(places) != len(f.files)+1 {
		return nil, fmt.Errorf("the handle has %d files, and the database had %d", len(places)-1, len(f.files))
	}
	return places, nil
}

const mostBytes = 64 << 20 // of a marker or a header, far beyond all

// readAll reads a small file, and tells its name.
func (s *Store) readAll(ctx context.Context, h metadata.StreamHandle) (b []byte, name string, err error) {
	blob, err := s.config.Files.Open(ctx, h)
	if err != nil {
		return nil, "", err
	}
	defer blob.Close()
	if n := blob.Size(); n < 0 || n > mostBytes {
		return nil, "", fmt.Errorf("%s: %d bytes are too many for a header, or a list of files", blob.Name(), n)
	}
	b = make([]byte, blob.Size())
	if n, err := blob.ReadAt(b, 0); n < len(b) {
		return nil, "", fmt.Errorf("%s: it ends after %d of %d bytes: %w", blob.Name(), n, len(b), orEOF(err))
	}
	return b, blob.Name(), nil
}

func orEOF(err error) error {
	if err == nil {
		return io.ErrUnexpectedEOF
	}
	return err
}

// fetchFile copies one file, and holds it against its checksum.
func (s *Store) fetchFile(ctx context.Context, h metadata.StreamHandle, to string, want localFile) (err error) {
	blob, err := s.config.Files.Open(ctx, h)
	if err != nil {
		return err
	}
	defer blob.Close()
	if blob.Size() != want.Size {
		return damaged(blob, want, fmt.Sprintf("it has %d bytes", blob.Size()))
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	sum := crc32.New(castagnoli)
	n, err := io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(out, sum)}, &blobReader{ctx, blob, 0}, make([]byte, 1<<20))
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", blob.Name(), err)
	case n != want.Size:
		return damaged(blob, want, fmt.Sprintf("it ends after %d bytes", n))
	case sum.Sum32() != want.Sum:
		return damaged(blob, want, fmt.Sprintf("its checksum is %08x", sum.Sum32()))
	}
	return nil
}

func damaged(blob backends.Blob, want localFile, what string) error {
	return &backends.Error{Path: blob.Name(), Offset: blob.Offset(), KeyGroup: -1,
		Message: fmt.Sprintf("the file is damaged: %s; as %s of the database it had %d bytes and checksum %08x", what, want.Name, want.Size, want.Sum)}
}

// blobReader reads a blob from its beginning to its end.
type blobReader struct {
	ctx  context.Context
	blob backends.Blob
	at   int64
}

// Read implements io.Reader.
func (r *blobReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	rest := r.blob.Size() - r.at
	if rest == 0 {
		return 0, io.EOF
	}
	n, err := r.blob.ReadAt(p[:min(int64(len(p)), rest)], r.at)
	r.at += int64(n)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// linkLocal makes a hard link to a file of this machine, where it can and the size is right.
func linkLocal(h metadata.StreamHandle, to string, size int64) bool {
	f, ok := h.(*metadata.FileHandle)
	if !ok {
		return false
	}
	path := strings.TrimPrefix(f.Path.String(), "file:")
	info, err := os.Stat(path)
	return err == nil && info.Size() == size && os.Link(path, to) == nil
}
