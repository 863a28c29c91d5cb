//go:build unix

package prune_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/prune"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/testdata"
)

// modes are those of all files below a directory but those of ckpt.
func modes(t *testing.T, dir string) map[string]fs.FileMode {
	t.Helper()
	all := map[string]fs.FileMode{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		all[name] = info.Mode()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestTrashRights: on a local disk nobody may read in the trash what he might not read at
// its place, and what comes back is as it was. Its clock is seen by a file's time.
func TestTrashRights(t *testing.T) {
	root, bin := testdata.Tree(t, "2.2.0/rocksdb-incremental-small"), filepath.Join(t.TempDir(), "bin")
	for name := range modes(t, root) {
		mode := fs.FileMode(0o640)
		if strings.HasSuffix(name, layout.MetadataName) {
			mode = 0o600
		}
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	before := modes(t, root)
	reg := storage.New(storage.Settings{})
	open := func(dir string) layout.MutableStore {
		s, err := reg.OpenMutable(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	store, trash := open(root), &prune.Trash{Store: open(bin)}
	p := prune.Make(input(t, keepOne, root))
	out, err := p.Execute(t.Context(), prune.Execution{
		Stores: map[string]layout.MutableStore{store.URL(): store}, Journal: prune.Journal{Store: store, Dir: layout.ToolDirName}, Trash: trash,
	})
	if err != nil || out.Stopped != nil || out.Objects == 0 || out.Failed+out.Left > 0 {
		t.Fatalf("%v %+v", err, out)
	}
	run := filepath.Join(bin, out.Run)
	if info, err := os.Stat(run); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v %v", info, err)
	}
	moved := 0
	for name, mode := range modes(t, run) {
		if base := filepath.Base(name); len(base) < 3 {
			if moved++; mode != 0o640 && mode != 0o600 {
				t.Errorf("%s is %v", base, mode)
			}
		}
	}
	if moved == 0 {
		t.Error("the trash is empty")
	}
	back, err := trash.Restore(t.Context(), prune.Restoration{Open: reg.OpenMutable, Now: time.Now()})
	if err != nil || back.Objects != out.Objects || back.Failed > 0 {
		t.Fatalf("%v %+v", err, back)
	}
	if diff := cmp.Diff(before, modes(t, root)); diff != "" {
		t.Error(diff)
	}
}
