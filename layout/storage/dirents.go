//go:build !linux

package storage

import (
	"errors"
	"io/fs"
	"os"

	"github.com/ckpt-tool/ckpt/layout"
)

// batch is how many entries of a directory are held at a time: shared/ can have
// millions.
const batch = 4096

// dirents reads an open directory.
type dirents struct {
	f   *os.File
	dir string // key
}

func newDirents(f *os.File, dir string) *dirents { return &dirents{f, dir} }

func (d *dirents) close() {}

// next describes some entries, without following them; at the end it gives io.EOF.
func (d *dirents) next(fail func(error, string) error) ([]entry, error) {
	found, err := d.f.ReadDir(batch)
	entries := make([]entry, 0, len(found))
	for _, e := range found {
		key := e.Name()
		if d.dir != "" {
			key = d.dir + "/" + key
		}
		info, err := e.Info()
		switch {
		case err == nil:
			entries = append(entries, entry{Object: object(key, info)})
		case !errors.Is(err, fs.ErrNotExist): // it has gone meanwhile
			entries = append(entries, entry{layout.Object{Key: key}, fail(err, key)})
		}
	}
	return entries, err
}
