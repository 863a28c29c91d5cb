package testdata

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Refs is what comes with a tree: which snapshot uses which file, computed from what
// Flink's own loader read. Paths are below the tree.
type Refs struct {
	Referenced       map[string][]string // of files, the snapshots
	Orphans          []string
	Missing          map[string][]string // of snapshots, the files
	DirectoryHandles map[string][]string // of directories, the snapshots
	CrossJob         []string            `json:"crossJobOrOutside"`
}

// ReferencedTree is a tree that Flink wrote, with its references.
type ReferencedTree struct {
	Name string // for people, below the root where it was found
	Dir  string
	Refs
}

// ReferencedTrees are all trees with references, those of [Fixtures] with them. It fails
// the test where a root has none.
func ReferencedTrees(tb testing.TB) []ReferencedTree {
	tb.Helper()
	roots := []string{Root(tb)}
	if dir := Fixtures(tb); dir != "" {
		roots = append(roots, dir)
	}
	var trees []ReferencedTree
	for _, root := range roots {
		before := len(trees)
		err := filepath.WalkDir(root, func(file string, _ fs.DirEntry, err error) error {
			dir, ok := strings.CutSuffix(file, ".refs.json")
			if err != nil || !ok {
				return err
			}
			t := ReferencedTree{Name: strings.TrimPrefix(dir, root), Dir: dir}
			data, err := os.ReadFile(file)
			if err == nil {
				err = json.Unmarshal(data, &t.Refs)
			}
			trees = append(trees, t)
			return err
		})
		if err != nil || len(trees) == before {
			tb.Fatalf("testdata: %d trees with references below %s: %v", len(trees)-before, root, err)
		}
	}
	return trees
}
