//go:build unix

package ha

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/testdata"
)

// A link may lead to checkpoints that no listing shows.
func TestLink(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(testdata.Root(t), "flink-ha"), filepath.Join(dir, "ckpt")); err != nil {
		t.Fatal(err)
	}
	if _, err := readAt(t.Context(), open(t, dir)); err == nil || !strings.Contains(err.Error(), "link") {
		t.Errorf("%v", err)
	}
}
