package verify_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends/content"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/layout/verify"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
)

// damagedTrees are of all layouts that Flink writes.
var damagedTrees = []string{
	"2.2.0/small-files", "2.2.0/savepoint-native-hashmap", "2.2.0/rocksdb-incremental-small", "2.2.0/savepoint-and-checkpoints",
	"2.0.0/filemerging-rocksdb-across", "2.2.0/filemerging-opstate-within", "2.2.0/filemerging-unaligned", "2.2.0/unaligned-onefile-per-subtask",
	"2.2.0/changelog-hashmap-materialized", "1.20.0/changelog-rocksdb-materialized", "2.2.0/async-forst", "2.0.0/savepoint-canonical-rocksdb",
	"1.15/stateful-scala-udf-migration-itcase-flink1.15-rocksdb-checkpoint",
}

// verifyTree checks all snapshots of a tree at the level files.
func verifyTree(tb testing.TB, dir string, level verify.Level) []verify.Result {
	tb.Helper()
	store, err := storage.Open(tb.Context(), dir)
	if err != nil {
		tb.Fatal(err)
	}
	defer store.Close()
	tree, err := layout.NewTree(tb.Context(), store, nil)
	if err != nil {
		tb.Fatal(err)
	}
	g, err := layout.NewGraph(tb.Context(), []*layout.Tree{tree}, layout.GraphOptions{Open: storage.Open})
	if err != nil {
		tb.Fatal(err)
	}
	results, err := verify.Nodes(tb.Context(), g.Nodes, verify.Options{Level: level, LogLength: content.LogLength, Content: noContent, Open: storage.Open})
	if err != nil {
		tb.Fatal(err)
	}
	return results
}

// user is a handle that names a file, as reading the _metadata without package layout
// shows it.
type user struct {
	snapshot string // directory
	by       string // operator, sub-task, role
	whole    bool
	end      int64 // of a segment
}

// usersOf finds by the names of files, which are random, who names them.
func usersOf(t *testing.T, dir string) map[string][]user {
	t.Helper()
	users := map[string][]user{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != layout.MetadataName {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		c, err := metadata.Decode(data)
		if err != nil {
			return err
		}
		for p, h := range c.Walk() {
			stream, ok := h.(metadata.StreamHandle)
			if !ok {
				continue
			}
			if _, wrapped := h.(*metadata.KeyGroupsHandle); wrapped {
				continue // its delegate comes next
			}
			file, _ := layout.PathOf(stream)
			u := user{snapshot: filepath.Dir(path), by: fmt.Sprint(p.Operator.ID, p.Subtask.Index, p.Slot, p.Role), whole: true}
			if s, ok := stream.(*metadata.SegmentHandle); ok {
				u.whole, u.end = false, s.Start+s.Size
			}
			name := file[strings.LastIndexByte(file, '/')+1:]
			users[name] = append(users[name], u)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return users
}

// tally is a cell of the table.
type tally struct{ found, of int }

func (c tally) String() string {
	if c.of == 0 {
		return "–"
	}
	return fmt.Sprintf("%d of %d", c.found, c.of)
}

// Every file of each tree is removed, cut and lengthened once. verify must blame just
// the handles that name it, and nothing else. The table is that of docs/benchmarks.md.
func TestDamage(t *testing.T) {
	var table strings.Builder
	table.WriteString("\n| tree | files | removed | a byte shorter | a byte longer |\n|---|--:|--:|--:|--:|\n")
	for _, name := range damagedTrees {
		dir := testdata.Tree(t, name)
		if found := complaints(verifyTree(t, dir, verify.Files)); len(found) > 0 {
			t.Fatalf("%s is whole: %v", name, found)
		}
		users := usersOf(t, dir)
		var removed, cut, grown tally
		files := regularFiles(t, dir)
		for _, path := range files {
			used := users[filepath.Base(path)]
			if len(used) == 0 {
				continue // an orphan, or _metadata: see TestDamagedMetadata
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			size := int64(len(data))
			damage := func(c *tally, what string, hit func(user) bool, do func() error) {
				want := blamed(path, used, hit)
				if len(want) == 0 {
					return
				}
				if err := do(); err != nil {
					t.Fatal(err)
				}
				c.of++
				if got := complaints(verifyTree(t, dir, verify.Files)); slices.Equal(got, want) {
					c.found++
				} else {
					t.Errorf("%s: %s %s:\ngot  %q\nwant %q", name, path, what, got, want)
				}
				if err := os.WriteFile(path, data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			damage(&removed, "removed", func(user) bool { return true }, func() error { return os.Remove(path) })
			damage(&cut, "cut", func(u user) bool { return u.whole || u.end > size-1 }, func() error { return os.Truncate(path, size-1) })
			damage(&grown, "grown", func(u user) bool { return u.whole }, func() error { return os.WriteFile(path, append(slices.Clone(data), 'x'), 0o644) })
		}
		if removed.of == 0 && len(files) > 1 {
			t.Errorf("%s: nothing was damaged", name)
		}
		fmt.Fprintf(&table, "| %s | %d | %v | %v | %v |\n", name, len(files), removed, cut, grown)
	}
	t.Log(table.String())
}

// complaints are the findings that are errors, and what could not be checked, sorted.
func complaints(results []verify.Result) []string {
	var all []string
	for _, r := range results {
		if r.Err != nil {
			all = append(all, fmt.Sprint(r.URL, " ", r.Err))
		}
		for _, f := range r.Findings {
			if f.Severity == verify.Info {
				continue
			}
			if f.By == nil {
				all = append(all, fmt.Sprint(r.URL, " ", f.Reason, " ", f.Message))
				continue
			}
			all = append(all, fmt.Sprint(r.URL, " ", f.URL, " ", f.By.Operator, f.By.Subtask, f.By.Slot, f.By.Role))
		}
	}
	slices.Sort(all)
	return all
}

// blamed is what complaints should be.
func blamed(path string, users []user, hit func(user) bool) []string {
	var all []string
	for _, u := range users {
		if hit(u) {
			all = append(all, fmt.Sprint(u.snapshot, " ", path, " ", u.by))
		}
	}
	slices.Sort(all)
	return all
}

func regularFiles(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files below %s: %v", len(files), dir, err)
	}
	return files
}

// A _metadata that is cut or lengthened is unreadable; one that is gone leaves nothing
// to restore. The other snapshots are not concerned.
func TestDamagedMetadata(t *testing.T) {
	for _, name := range damagedTrees {
		dir := testdata.Tree(t, name)
		whole := len(verifyTree(t, dir, verify.Metadata))
		for _, path := range regularFiles(t, dir) {
			if filepath.Base(path) != layout.MetadataName {
				continue
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for what, broken := range map[string][]byte{"cut": data[:len(data)-1], "grown": append(slices.Clone(data), 0), "empty": {}, "gone": nil} {
				if broken == nil {
					err = os.Remove(path)
				} else {
					err = os.WriteFile(path, broken, 0o644)
				}
				if err != nil {
					t.Fatal(err)
				}
				results := verifyTree(t, dir, verify.Files)
				unreadable := 0
				for _, r := range results {
					switch {
					case r.URL == filepath.Dir(path) && r.Verdict == verify.Unreadable && r.Err == nil && len(r.Findings) == 1 && r.Findings[0].Reason == verify.Encoding:
						unreadable++
					case r.Verdict != verify.OK:
						t.Errorf("%s: %s %s: %s is %s: %v", name, path, what, r.URL, r.Verdict, complaints(results))
					}
				}
				if want := map[bool]int{true: 0, false: 1}[what == "gone"]; unreadable != want || len(results) != whole-1+want {
					t.Errorf("%s: %s %s: %d unreadable of %d", name, path, what, unreadable, len(results))
				}
			}
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
