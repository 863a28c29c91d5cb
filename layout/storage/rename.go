//go:build !linux

package storage

import "os"

// renameNew gives a file of dir its name, unless there is one of that name.
func renameNew(dir *os.Root, from, to string) error { return linkNew(dir, from, to) }
