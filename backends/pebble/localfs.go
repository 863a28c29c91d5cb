package pebble

import (
	"runtime"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// localFS is the local disk without waiting for it: what lies there serves this process only, and what must outlive it is
// uploaded.
type localFS struct{ vfs.FS }

// Create implements vfs.FS.
func (fs localFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return unsynced(fs.FS.Create(name, c))
}

// OpenReadWrite implements vfs.FS.
func (fs localFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return unsynced(fs.FS.OpenReadWrite(name, c, opts...))
}

// ReuseForWrite implements vfs.FS.
func (fs localFS) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return unsynced(fs.FS.ReuseForWrite(old, name, c))
}

// OpenDir implements vfs.FS.
func (fs localFS) OpenDir(name string) (vfs.File, error) { return unsynced(fs.FS.OpenDir(name)) }

// Unwrap implements vfs.FS.
func (fs localFS) Unwrap() vfs.FS { return fs.FS }

func unsynced(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return unsyncedFile{f}, nil
}

type unsyncedFile struct{ vfs.File }

// Write implements vfs.File. Only work behind the scenes writes: it makes way for who processes records, as goroutines have
// no priorities.
func (f unsyncedFile) Write(p []byte) (int, error) {
	runtime.Gosched()
	return f.File.Write(p)
}

// Sync implements vfs.File.
func (unsyncedFile) Sync() error { return nil }

// SyncData implements vfs.File.
func (unsyncedFile) SyncData() error { return nil }

// SyncTo implements vfs.File.
func (unsyncedFile) SyncTo(int64) (bool, error) { return false, nil }
