//go:build unix

package storage

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/ckpt-tool/ckpt/layout"
)

// TestLocalCopyRights: a copy is for nobody to read who may not read the file.
func TestLocalCopyRights(t *testing.T) {
	for _, mode := range []fs.FileMode{0o600, 0o640, 0o644, 0o400, 0o666} {
		from, to := directory(t.TempDir()), directory(t.TempDir())
		from.put(t, "dir/x", "data")
		source := filepath.Join(string(from), "dir", "x")
		if err := os.Chmod(source, mode); err != nil {
			t.Fatal(err)
		}
		owner := os.Geteuid()
		if os.Chown(source, 12345, 54321) == nil { // this user may give files away
			owner = 12345
		}
		s, m := from.open(t, ""), to.change(t, "", Settings{})
		defer m.Close()
		o, err := s.Stat(t.Context(), "dir/x")
		if err == nil {
			_, err = m.CopyFrom(t.Context(), s, o, "copy/y")
		}
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(string(to), "copy", "y"))
		if err != nil {
			t.Fatal(err)
		}
		if got := int(info.Sys().(*syscall.Stat_t).Uid); info.Mode() != mode || got != owner {
			t.Errorf("%v of %d became %v of %d", mode, owner, info.Mode(), got)
		}
	}
}

// TestMakePrivate: the directory is the owner's alone, and what is there stays as it is.
func TestMakePrivate(t *testing.T) {
	outside, dir := directory(t.TempDir()), directory(t.TempDir())
	dir.put(t, "there/x", "1")
	if err := os.Symlink(string(outside), filepath.Join(string(dir), "link")); err != nil {
		t.Fatal(err)
	}
	there, err := os.Stat(filepath.Join(string(dir), "there"))
	if err != nil {
		t.Fatal(err)
	}
	m := dir.change(t, "", Settings{}).(*mutableLocal)
	defer m.Close()
	for _, c := range []struct {
		key  string
		err  error
		mode fs.FileMode
	}{
		{"trash/run", nil, 0o700}, {"trash/run", nil, 0o700}, {"there", nil, there.Mode().Perm()},
		{"", layout.ErrKey, 0}, {"../x", layout.ErrKey, 0}, {"link/run", errLink, 0}, {"there/x/run", errLink, 0},
	} {
		errorAs(t, c.key, m.MakePrivate(t.Context(), c.key), c.err)
		if c.err != nil {
			continue
		}
		info, err := os.Stat(filepath.Join(string(dir), filepath.FromSlash(c.key)))
		if err != nil || info.Mode().Perm() != c.mode {
			t.Errorf("%s: %v %v", c.key, info, err)
		}
	}
	if _, err := m.CopyFrom(t.Context(), m, mustStat(t, m, "there/x"), "trash/run/0"); err != nil {
		t.Error(err)
	}
	if found, err := os.ReadDir(string(outside)); err != nil || len(found) > 0 {
		t.Error("something was made through a link", err, found)
	}
}

func mustStat(t *testing.T, s layout.Store, key string) layout.Object {
	t.Helper()
	o, err := s.Stat(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return o
}
