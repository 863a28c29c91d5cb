package cmd

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// The reference pages must be those of the commands as they are.
// `go test ./cmd -run TestDocs -update`, or `make docs`, writes them.
func TestDocs(t *testing.T) {
	const committed = "../docs"
	if *update {
		for _, d := range []string{"cli", "man"} {
			if err := os.RemoveAll(filepath.Join(committed, d)); err != nil {
				t.Fatal(err)
			}
		}
		ckpt(t, "gendocs", committed).want(t, OK)
	}
	fresh := t.TempDir()
	ckpt(t, "gendocs", fresh).want(t, OK)
	for _, d := range []string{"cli", "man"} {
		want, got := readDir(t, filepath.Join(fresh, d)), readDir(t, filepath.Join(committed, d))
		if len(want) < 4 {
			t.Errorf("only %d pages in %s", len(want), d)
		}
		for _, name := range slices.Sorted(maps.Keys(want)) {
			if got[name] != want[name] {
				t.Errorf("docs/%s/%s is not current: make docs", d, name)
			}
		}
		for name := range got {
			if _, ok := want[name]; !ok {
				t.Errorf("docs/%s/%s is of no command", d, name)
			}
		}
	}
}

func TestGendocsReportsAFailedWrite(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ckpt(t, "gendocs", file).want(t, Failed)
}

func readDir(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(filepath.Join(dir, name))
		files[name] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
