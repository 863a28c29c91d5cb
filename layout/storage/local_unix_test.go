//go:build unix

package storage

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/ckpt-tool/ckpt/layout"
)

// Opening a pipe that nobody writes to would wait for ever.
func TestLocalSpecial(t *testing.T) {
	dir := directory(t.TempDir())
	dir.put(t, "x", "1")
	if err := syscall.Mkfifo(filepath.Join(string(dir), "_metadata"), 0o644); err != nil {
		t.Skip(err)
	}
	s := open(t, string(dir))
	if got := list(t, s.List(t.Context(), "")); got["_metadata"] != -2 || len(got) != 2 {
		t.Errorf("listed %v", got)
	}
	if _, err := s.Open(t.Context(), "_metadata"); !errors.Is(err, layout.ErrNotFile) {
		t.Errorf("opened: %v", err)
	}
}
