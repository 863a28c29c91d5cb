package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRunCopied: a job that begins with the copy of a tree never takes over, nor deletes, files of the original, which the paths in the copy name.
func TestRunCopied(t *testing.T) {
	dir, copied := t.TempDir(), t.TempDir()
	leave(t, dir, "pebble, execution.checkpointing.data-inline-threshold: 0")
	original := filepath.Join(dir, "chk")
	if err := os.CopyFS(copied, os.DirFS(original)); err != nil {
		t.Fatal(err)
	}
	file := jobFile(t, "state: {state.backend.type: pebble}\n")
	for _, mode := range []string{"claim", "legacy"} {
		for _, check := range []string{"--check=true", "--check=false"} {
			r := ckpt(t, runArgs(file, t.TempDir(), "-s", "latest:"+copied, "--claim-mode", mode, check)...).want(t, Usage)
			if !strings.Contains(r.err, "--claim-mode no-claim") || !strings.Contains(r.err, original) {
				t.Errorf("%s", r.err)
			}
		}
	}
	ckpt(t, runArgs(file, t.TempDir(), "-s", "latest:"+copied)...).want(t, OK)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(original, link); err != nil {
		t.Fatal(err)
	}
	ckpt(t, "verify", "--level", "content", original).want(t, OK)
	ckpt(t, runArgs(file, t.TempDir(), "-s", "latest:"+link, "--claim-mode", "claim")...).want(t, OK)
}
