//go:build unix

package storage

import (
	"os"

	"golang.org/x/sys/unix"
)

// lenient says that directories cannot be made to last.
const lenient = false

// rmdir removes an empty directory of dir, and nothing that is none.
func rmdir(dir *os.Root, name string) error {
	f, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Unlinkat(int(f.Fd()), name, unix.AT_REMOVEDIR)
}
