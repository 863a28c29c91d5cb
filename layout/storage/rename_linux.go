package storage

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// renameNew gives a file of dir its name, unless there is one of that name.
func renameNew(dir *os.Root, from, to string) error {
	f, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	fd := int(f.Fd())
	_, err = again(func() (int, error) { return 0, unix.Renameat2(fd, from, fd, to, unix.RENAME_NOREPLACE) })
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) { // NFS, and old kernels
		return linkNew(dir, from, to)
	}
	return err
}
