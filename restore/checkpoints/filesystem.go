package checkpoints

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
)

// The settings' defaults, and the bounds of Flink.
const (
	DefaultThreshold   = 20 << 10 // execution.checkpointing.data-inline-threshold
	MaxThreshold       = 1 << 20
	DefaultWriteBuffer = 4096 // execution.checkpointing.write-buffer-size
	savepointAttempts  = 10   // to find a name that is not taken
)

// FileSystem keeps checkpoints in files (Flink: FileSystemCheckpointStorage).
type FileSystem struct {
	Mutable layout.OpenMutable
	// Dir is the URL below which jobs have their directories (execution.checkpointing.dir).
	Dir string
	// SavepointDir is where savepoints go that name no target; "" for none (execution.checkpointing.savepoint-dir).
	SavepointDir string
	// Threshold is up to how many bytes a state lies within `_metadata`; below 0 stands for DefaultThreshold.
	Threshold int
	// WriteBuffer is how many bytes of a state are held in memory before they go to a temporary file; 0 stands for DefaultWriteBuffer.
	WriteBuffer int
	// NoSubdir leaves out the directory of the job (execution.checkpointing.create-subdir: false).
	NoSubdir bool
	// Temp is the directory of temporary files; "" for the machine's.
	Temp string
}

// Name implements Storage.
func (f *FileSystem) Name() string { return "FileSystemCheckpointStorage" }

// SupportsHighlyAvailableStorage implements Storage.
func (f *FileSystem) SupportsHighlyAvailableStorage() bool { return true }

// HasDefaultSavepointLocation implements Storage.
func (f *FileSystem) HasDefaultSavepointLocation() bool { return f.SavepointDir != "" }

// Access implements Storage.
func (f *FileSystem) Access(ctx context.Context, job layout.JobID) (Access, error) {
	if f.Dir == "" {
		return nil, errors.New("no directory for checkpoints (execution.checkpointing.dir)")
	}
	if f.Threshold > MaxThreshold {
		return nil, fmt.Errorf("execution.checkpointing.data-inline-threshold is %d bytes, and at most %d are allowed", f.Threshold, MaxThreshold)
	}
	a := &access{stores: stores{open: f.Mutable}, job: job, savepoints: f.SavepointDir,
		limits: limits{threshold: f.Threshold, buffer: max(f.WriteBuffer, DefaultWriteBuffer), temp: f.Temp}}
	if f.Threshold < 0 {
		a.limits.threshold = DefaultThreshold
	}
	return a, a.enter(ctx, f.Dir, f.NoSubdir)
}

// enter opens the directory of all jobs, so that one which cannot be opened or written is told before the job begins. Local ones are absolute from
// then on.
func (a *access) enter(ctx context.Context, dir string, flat bool) error {
	root, err := a.stores.root(ctx, layout.Canonical(dir))
	if err != nil {
		return err
	}
	a.dir = root.URL()
	if !flat {
		a.dir = layout.Join(a.dir, a.job.String())
	}
	return a.probe(ctx)
}

// probe writes a file and deletes it: better to fail now than at each checkpoint.
func (a *access) probe(ctx context.Context) error {
	url := layout.Join(a.dir, ".ckpt-probe-"+randomHex(6))
	if err := a.stores.create(ctx, url, bytes.NewReader([]byte{'\n'}), 1); err != nil {
		return fmt.Errorf("checkpoints cannot be written: %w", err)
	}
	if err := a.stores.remove(ctx, url); err != nil {
		return fmt.Errorf("checkpoints could not be deleted: %w", err)
	}
	return nil
}

// access is a job's directory, or memory: then limits has no threshold and dir may be "".
type access struct {
	stores     stores
	job        layout.JobID
	dir        string // canonical URL
	savepoints string
	limits     limits
}

// Location implements Access.
func (a *access) Location(ctx context.Context, id int64) (Location, error) {
	l := &location{access: a}
	if a.dir != "" {
		l.exclusive = layout.Join(a.dir, layout.CheckpointID(id).Dir())
		l.shared = layout.Join(a.dir, layout.SharedName)
		if err := l.unused(ctx); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// SavepointLocation implements Access.
func (a *access) SavepointLocation(ctx context.Context, _ int64, target string) (Location, error) {
	if target == "" {
		target = a.savepoints
	}
	if target == "" {
		return nil, errors.New("no directory for the savepoint: name one, or set execution.checkpointing.savepoint-dir")
	}
	root, err := a.stores.root(ctx, layout.Canonical(target))
	if err != nil {
		return nil, err
	}
	for range savepointAttempts {
		name := layout.SavepointName{JobPrefix: a.job.String()[:6], Random: randomHex(6)}
		l := &location{access: a, exclusive: layout.Join(root.URL(), name.String())}
		l.shared = l.exclusive
		if err = l.unused(ctx); err == nil {
			return l, nil
		}
	}
	return nil, err
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // it never fails
	return hex.EncodeToString(b)
}

// location is the directory of one checkpoint; all in memory where exclusive is "".
type location struct {
	access            *access
	exclusive, shared string // canonical URLs
}

// unused makes sure that no `_metadata` is there.
func (l *location) unused(ctx context.Context) error {
	store, key, err := l.access.stores.at(ctx, layout.Join(l.exclusive, layout.MetadataName))
	if err != nil {
		return err
	}
	_, err = store.Stat(ctx, key)
	switch {
	case err == nil:
		return &fs.PathError{Op: "begin a checkpoint", Path: layout.Join(l.exclusive, layout.MetadataName), Err: fs.ErrExist}
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return err
}

// Exclusive implements Location.
func (l *location) Exclusive() string { return l.exclusive }

// Complete implements Location.
func (l *location) Complete(ctx context.Context, m *metadata.Checkpoint) (string, int64, error) {
	data, err := metadata.Encode(Relative(m, l.exclusive))
	if err != nil || l.exclusive == "" {
		return "", int64(len(data)), err
	}
	store, key, err := l.access.stores.at(ctx, layout.Join(l.exclusive, layout.MetadataName))
	if err != nil {
		return "", 0, err
	}
	if _, err := store.Create(ctx, key, bytes.NewReader(data), int64(len(data))); err != nil {
		return "", 0, err
	}
	return l.exclusive, int64(len(data)), nil
}

// Dispose implements Location.
func (l *location) Dispose(ctx context.Context) error {
	if l.exclusive == "" {
		return nil
	}
	store, key, err := l.access.stores.at(ctx, l.exclusive)
	if err != nil {
		return err
	}
	var files []layout.Object
	var errs []error
	for o, err := range store.List(ctx, key) {
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			errs = append(errs, err)
		case o.Type == layout.TypeFile:
			files = append(files, o)
		}
	}
	store.Delete(ctx, files, func(_ int, err error) { errs = append(errs, err) })
	return errors.Join(append(errs, l.access.RemoveDir(ctx, l.exclusive))...)
}

// DiscardMetadata implements Access.
func (a *access) DiscardMetadata(ctx context.Context, pointer string) error {
	if pointer == "" {
		return nil
	}
	return a.stores.remove(ctx, layout.Join(layout.Canonical(pointer), layout.MetadataName))
}

// RemoveDir implements Access.
func (a *access) RemoveDir(ctx context.Context, pointer string) error {
	if pointer == "" {
		return nil
	}
	store, key, err := a.stores.at(ctx, layout.Canonical(pointer))
	if err == nil {
		err = store.RemoveDir(ctx, key)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Discard implements Access.
func (a *access) Discard(ctx context.Context, h metadata.StreamHandle, exclusive string) error {
	switch h := h.(type) {
	case *metadata.FileHandle:
		return a.stores.remove(ctx, layout.Canonical(h.Path.String()))
	case *metadata.RelativeFileHandle:
		if exclusive == "" || !metadata.Inside(h.Path.String()) {
			return fmt.Errorf("the relative path %q leads out of %q", h.Path, exclusive)
		}
		return a.stores.remove(ctx, layout.Join(layout.Canonical(exclusive), h.Path.String()))
	case *metadata.KeyGroupsHandle:
		return a.Discard(ctx, h.Delegate, exclusive)
	}
	return nil
}

// Close implements Access.
func (a *access) Close() error { return a.stores.close() }

// cutLast cuts the last element off a canonical URL.
func cutLast(url string) (dir, name string, ok bool) {
	i := strings.LastIndexByte(url, '/')
	if i < 0 || i == len(url)-1 {
		return url, "", false
	}
	return url[:max(i, 1)], url[i+1:], true
}
