package pebble

import (
	"context"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/rocksdb"
	"github.com/ckpt-tool/ckpt/backends/schema"
	"github.com/ckpt-tool/ckpt/metadata"
)

const parallelFiles = 4 // up and down

// uploader brings the files of one snapshot to the storage.
type uploader struct {
	*snapshot
	mu      sync.Mutex
	handle  *metadata.IncrementalHandle
	files   []localFile // of the database
	tables  map[string]upload
	created []metadata.StreamHandle // to be discarded if it fails
	header  []byte
}

// native uploads the files of the database that no completed checkpoint has.
func (n *snapshot) native(ctx context.Context) (res backends.SnapshotResult, err error) {
	u := &uploader{snapshot: n, tables: map[string]upload{}}
	u.handle = &metadata.IncrementalHandle{
		Tag: metadata.TagIncrementalV2, CheckpointID: n.request.Checkpoint, BackendID: metadata.NewUTF(n.s.id),
		Range: n.s.config.KeyGroups, HandleID: metadata.NewUTF(metadata.NewUUID()),
	}
	if err := u.all(ctx); err != nil {
		return res, errors.Join(err, u.discard(ctx))
	}
	if !n.request.Savepoint {
		n.s.uploads.taken(n.request.Checkpoint, u.tables)
	}
	res.JobManagerOwned = u.handle
	if n.request.LocalDir != "" {
		if h := u.local(); h != nil {
			res.TaskLocal = h
		}
	}
	return res, nil
}

// all uploads files, header and marker.
func (u *uploader) all(ctx context.Context) error {
	entries, err := os.ReadDir(u.dir)
	if err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelFiles)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".log") { // of nothing: it is not used
			g.Go(func() error { return u.file(gctx, e.Name()) })
		}
	}
	if err := g.Wait(); err != nil {
		return err
	}
	c := u.s.config
	if u.header, err = schema.AppendKeyed(nil, c.Key, c.KeyRaw, u.metas, false); err != nil {
		return err
	}
	if u.handle.Meta, err = u.write(ctx, u.header); err != nil {
		return err
	}
	list, err := u.write(ctx, u.list())
	if err != nil {
		return err
	}
	u.handle.Private = append(u.handle.Private, metadata.NamedFile{Name: metadata.NewUTF(rocksdb.PebbleMarker), File: list})
	return ctx.Err()
}

// file uploads one file, or finds it uploaded.
func (u *uploader) file(ctx context.Context, name string) error {
	path := filepath.Join(u.dir, name)
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	known, ok := u.usable[name]
	if ok && known.size == info.Size() && isTable(name) {
		u.add(name, known, false)
		return nil
	}
	f := upload{size: info.Size()}
	if f.sum, err = sumOf(path); err != nil {
		return err
	}
	scope := metadata.Exclusive
	if isTable(name) && !u.request.Savepoint {
		scope = metadata.Shared
	}
	if f.handle, err = u.upload(ctx, scope, path, f.size); err != nil {
		return err
	}
	u.add(name, f, true)
	return nil
}

// upload is that of Streams, which has nothing to give for an empty file.
func (u *uploader) upload(ctx context.Context, scope metadata.Scope, path string, size int64) (metadata.StreamHandle, error) {
	if size == 0 {
		return &metadata.InlineHandle{Name: metadata.NewUTF(filepath.Base(path))}, nil
	}
	h, err := u.request.Streams.Upload(ctx, scope, path)
	if err == nil && h == nil {
		err = errors.New("the upload of " + path + " gave no handle")
	}
	return h, err
}

// add notes a file that is uploaded.
func (u *uploader) add(name string, f upload, created bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.files = append(u.files, localFile{Name: name, Size: f.size, Sum: f.sum})
	named := metadata.NamedFile{Name: metadata.NewUTF(name), File: f.handle}
	if isTable(name) {
		u.handle.Shared = append(u.handle.Shared, named)
		u.tables[name] = f
	} else {
		u.handle.Private = append(u.handle.Private, named)
	}
	if created {
		u.created = append(u.created, f.handle)
		u.handle.Checkpointed += f.size
	}
}

// list is the content of the marker.
func (u *uploader) list() []byte {
	header := localFile{Name: rocksdb.PebbleHeader, Size: int64(len(u.header)), Sum: crc32.Checksum(u.header, castagnoli)}
	return rocksdb.AppendPebbleFiles(nil, append(slices.Clone(u.files), header))
}

// write makes a file of bytes.
func (u *uploader) write(ctx context.Context, b []byte) (metadata.StreamHandle, error) {
	w, err := u.request.Streams.Create(ctx, metadata.Exclusive)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(b); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	h, err := w.CloseAndHandle()
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	u.created = append(u.created, h)
	u.handle.Checkpointed += int64(len(b))
	return h, nil
}

// discard deletes what was uploaded for nothing.
func (u *uploader) discard(ctx context.Context) (err error) {
	ctx = context.WithoutCancel(ctx)
	for _, h := range u.created {
		err = errors.Join(err, u.request.Streams.Discard(ctx, h))
	}
	return err
}

// makeDir makes a directory, and those it lies in. It must not be there yet.
func makeDir(dir string) error {
	dir = filepath.Clean(dir)
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	return os.Mkdir(dir, 0o755)
}

// sumOf is the CRC-32C of a file.
func sumOf(path string) (uint32, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	sum := crc32.New(castagnoli)
	_, err = io.CopyBuffer(struct{ io.Writer }{sum}, struct{ io.Reader }{f}, make([]byte, 256<<10))
	return sum.Sum32(), err
}

// local leaves a copy of the files; nil where that is not possible, which harms nobody.
func (u *uploader) local() *metadata.IncrementalHandle {
	dir := u.request.LocalDir
	h := *u.handle
	h.Shared, h.Private, h.Meta, h.HandleID = nil, nil, inline(u.header), metadata.NewUTF(metadata.NewUUID())
	if makeDir(dir) != nil {
		return nil
	}
	for _, f := range u.files {
		to := filepath.Join(dir, f.Name)
		if linkOrCopy(filepath.Join(u.dir, f.Name), to) != nil {
			os.RemoveAll(dir)
			return nil
		}
		named := metadata.NamedFile{Name: metadata.NewUTF(f.Name), File: &metadata.FileHandle{Path: metadata.NewUTF(to), Size: f.Size}}
		if isTable(f.Name) {
			h.Shared = append(h.Shared, named)
		} else {
			h.Private = append(h.Private, named)
		}
	}
	last := u.handle.Private[len(u.handle.Private)-1]
	h.Private = append(h.Private, metadata.NamedFile{Name: last.Name, File: inline(u.list())})
	return &h
}

func inline(b []byte) *metadata.InlineHandle {
	return &metadata.InlineHandle{Name: metadata.NewUTF("pebble"), Data: b}
}

// linkOrCopy makes a file the content of another, which nobody will change.
func linkOrCopy(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
