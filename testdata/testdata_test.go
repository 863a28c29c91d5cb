package testdata

import (
	"os"
	"path/filepath"
	"testing"
)

func TestSnapshotsPairAll(t *testing.T) {
	roots := []string{filepath.Join(Root(t), "flink")}
	if dir := Fixtures(t); dir != "" {
		roots = append(roots, dir)
	}
	for _, root := range roots {
		oracles := map[string]bool{}
		for _, s := range Snapshots(t, root) {
			if s.Version == "" {
				t.Errorf("%s: no version", s.Name)
			}
			if oracles[s.Oracle] {
				t.Errorf("%s: a second snapshot of %s", s.Name, s.Oracle)
			}
			oracles[s.Oracle] = true
		}
		metadata, files := 0, 0
		err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
			if ok, _ := filepath.Match("*.oracle.json", d.Name()); ok {
				files++
				if !oracles[path] {
					t.Errorf("%s belongs to no snapshot", path)
				}
			}
			if d.Name() == "_metadata" {
				metadata++
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d _metadata, %d oracles, %d pairs", filepath.Base(root), metadata, files, len(oracles))
		if metadata != len(oracles) {
			t.Errorf("%s: %d directories hold a _metadata, %d have an oracle", root, metadata, len(oracles))
		}
	}
}

func TestTree(t *testing.T) {
	dir := Tree(t, "2.0.0/rescale-claim.after1")
	if filepath.Base(dir) != "rescale-claim" {
		t.Errorf("tree is called %s", dir)
	}
	for _, sub := range []string{"shared", "taskowned", "chk-2"} {
		if _, err := os.Stat(filepath.Join(dir, "0fdf2c68eee856e7545a46a723d3c31a", sub)); err != nil {
			t.Error(err)
		}
	}
}

func TestEveryEmptyDirHasATree(t *testing.T) {
	flink := filepath.Join(Root(t), "flink")
	dirs, err := emptyDirs(flink)
	if err != nil || len(dirs) == 0 {
		t.Fatalf("%d directories, %v", len(dirs), err)
	}
	for _, dir := range dirs {
		job := filepath.Join(flink, filepath.FromSlash(dir), "..")
		if _, err := os.Stat(filepath.Join(job, "..")); err != nil {
			t.Errorf("%s: %v", dir, err)
		}
	}
}
