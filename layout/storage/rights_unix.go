//go:build unix

package storage

import (
	"os"
	"syscall"
)

// copyRights gives a new file the mode of another one and, as far as this user may, its
// owner and group. The owner comes first: setting it may change the mode.
func copyRights(to, from *os.File) error {
	info, err := from.Stat()
	if err != nil {
		return err
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok && to.Chown(int(s.Uid), int(s.Gid)) != nil {
		to.Chown(-1, int(s.Gid)) //nolint:errcheck // only some users may do that, to some groups
	}
	return chmod(to, info.Mode())
}
