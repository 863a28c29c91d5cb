package hashmap

import (
	"os"
	"path/filepath"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
)

// tee is a stream of a checkpoint, of which a file on this machine takes a copy (Flink: DuplicatingCheckpointOutputStream). What
// fails of the copy costs the copy alone.
type tee struct {
	backends.StateStream
	file *os.File // or nil
	path string
}

// tee begins the local copy, if one is wanted.
func (n *pending) tee(out backends.StateStream) *tee {
	t := &tee{StateStream: out}
	if n.request.LocalDir == "" {
		return t
	}
	path, err := filepath.Abs(filepath.Join(n.request.LocalDir, metadata.NewUUID()))
	if err != nil || os.MkdirAll(n.request.LocalDir, 0o755) != nil {
		return t
	}
	if f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644); err == nil {
		t.file, t.path = f, path
	}
	return t
}

// Write writes to both.
func (t *tee) Write(b []byte) (int, error) {
	n, err := t.StateStream.Write(b)
	if t.file != nil && err == nil {
		if _, wrong := t.file.Write(b[:n]); wrong != nil {
			_ = t.drop() // the copy is lost, the checkpoint is not
		}
	}
	return n, err
}

// drop gives the local copy up.
func (t *tee) drop() error {
	if t.file == nil {
		return nil
	}
	err := t.file.Close()
	t.file = nil
	if wrong := os.Remove(t.path); err == nil || os.IsNotExist(wrong) {
		err = wrong
	}
	if os.IsNotExist(err) {
		return nil
	}
	return err
}

// result is the handle that was written, and that of the local copy, which is h but for the file.
func (t *tee) result(h *metadata.KeyGroupsHandle) backends.SnapshotResult {
	r := backends.SnapshotResult{JobManagerOwned: h}
	if t.file == nil {
		return r
	}
	info, err := t.file.Stat()
	if err != nil || t.file.Close() != nil {
		_ = t.drop()
		return r
	}
	local := *h
	local.Delegate = &metadata.FileHandle{Path: metadata.NewUTF("file:" + filepath.ToSlash(t.path)), Size: info.Size()}
	r.TaskLocal = &local
	return r
}
