//go:build !unix

package storage

import "os"

// copyRights gives a new file the mode of another one.
func copyRights(to, from *os.File) error {
	info, err := from.Stat()
	if err != nil {
		return err
	}
	return chmod(to, info.Mode())
}
