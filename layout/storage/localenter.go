package storage

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// errLink is for what would be changed through a symbolic link.
var errLink = errors.New("the way to it leads through what is no directory, and links are not followed for changes")

// enter opens a directory below root, and makes those on the way to it if it is to. No
// link is followed: what is opened is the very directory that was seen.
func enter(root *os.Root, dir string, create bool) (*os.Root, error) {
	at, err := root.OpenRoot(".")
	for name := range strings.SplitSeq(dir, "/") {
		if err != nil || name == "" || name == "." {
			continue
		}
		next, stepErr := step(at, name, create)
		at.Close()
		at, err = next, stepErr
	}
	return at, err
}

// step opens the directory of that name.
func step(at *os.Root, name string, create bool) (*os.Root, error) {
	seen, err := at.Lstat(name)
	if create && errors.Is(err, fs.ErrNotExist) {
		if err = at.Mkdir(name, 0o777); err == nil {
			err = syncDir(at)
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		seen, err = at.Lstat(name)
	}
	if err != nil {
		return nil, err
	}
	if !seen.IsDir() {
		return nil, errLink
	}
	next, err := at.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	if info, err := next.Stat("."); err != nil || !os.SameFile(seen, info) {
		next.Close()
		return nil, errors.Join(err, errLink)
	}
	return next, nil
}

// syncDir makes the names in a directory last. Some file systems and systems cannot.
func syncDir(dir *os.Root) error {
	f, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) && !lenient {
		return err
	}
	return nil
}
