//go:build !unix

package storage

import (
	"os"
	"syscall"
)

// lenient says that directories cannot be made to last.
const lenient = true

// rmdir removes an empty directory of dir, and nothing that is none.
func rmdir(dir *os.Root, name string) error {
	info, err := dir.Lstat(name)
	if err == nil && !info.IsDir() {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return err
	}
	return dir.Remove(name)
}
