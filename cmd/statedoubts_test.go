package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/metadata"
)

// TestStateDoubts: where the key groups of a handle cannot be right, entries would be left out without a word. So nothing is
// shown.
func TestStateDoubts(t *testing.T) {
	from := oracleOf(t, "2.2.0/rocksdb-incremental-small").Dir
	root := filepath.Join(t.TempDir(), "tree")
	if err := os.CopyFS(root, os.DirFS(filepath.Dir(from))); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, filepath.Base(from))
	data, err := os.ReadFile(filepath.Join(dir, "_metadata"))
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(o *metadata.OperatorState, k *metadata.IncrementalHandle){
		"range": func(_ *metadata.OperatorState, k *metadata.IncrementalHandle) { k.Range.First += 3 },
		"empty": func(_ *metadata.OperatorState, k *metadata.IncrementalHandle) { k.Range.Last = k.Range.First - 1 },
		"max":   func(o *metadata.OperatorState, _ *metadata.IncrementalHandle) { o.MaxParallelism = 32768 },
	} {
		c, err := metadata.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		for i := range c.Operators {
			for j := range c.Operators[i].Subtasks {
				if k, ok := c.Operators[i].Subtasks[j].ManagedKeyed.(*metadata.IncrementalHandle); ok {
					spoil(&c.Operators[i], k)
				}
			}
		}
		spoiled, err := metadata.Encode(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "_metadata"), spoiled, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{
			{"state", "cat", dir}, {"state", "stats", dir}, {"state", "get", dir, "--state", "count", "--key", "user-45"},
			{"state", "export", dir, "--to", filepath.Join(t.TempDir(), "out")}, {"diff", dir, from, "--entries"},
		} {
			r := ckpt(t, args...).want(t, Unreadable)
			if r.out != "" || !strings.Contains(r.err, "cannot be read with certainty") {
				t.Errorf("%s: %s: %s", name, args, r.err)
			}
		}
	}
}
