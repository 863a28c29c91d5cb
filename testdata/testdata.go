// Package testdata hands the trees below flink/ to tests. The go command
// ignores this folder in ./..., but an import by name works.
package testdata

import (
	"bufio"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// FixturesEnv names a larger set of trees of the same shape, kept outside of
// the repository because of its size.
const FixturesEnv = "CKPT_FIXTURES"

// Root returns the absolute path of this folder.
func Root(tb testing.TB) string {
	tb.Helper()
	_, file, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(file) {
		tb.Fatalf("testdata: no absolute source path (%q): built with -trimpath?", file)
	}
	return filepath.Dir(file)
}

// Fixtures returns the directory of the larger set, or "" when there is none.
// On CI it must be there: a run that skips most of its trees is not a pass.
func Fixtures(tb testing.TB) string {
	tb.Helper()
	dir := os.Getenv(FixturesEnv)
	if dir == "" && os.Getenv("CI") == "true" {
		tb.Fatalf("testdata: %s is not set", FixturesEnv)
	}
	return dir
}

// Tree copies one tree, named as below flink/ ("2.2.0/small-files"), to a
// temporary directory where a test may write, and returns the path of the copy.
// The copy of "<case>.after1" is called "<case>", as its metadata says.
func Tree(tb testing.TB, name string) string {
	tb.Helper()
	flink := filepath.Join(Root(tb), "flink")
	caseName, _ := splitVariant(filepath.Base(name))
	dst := filepath.Join(tb.TempDir(), caseName)
	if err := copyTree(dst, filepath.Join(flink, filepath.FromSlash(name))); err != nil {
		tb.Fatalf("testdata: tree %s: %v", name, err)
	}
	dirs, err := emptyDirs(flink)
	if err != nil {
		tb.Fatalf("testdata: %v", err)
	}
	for _, dir := range dirs {
		if rest, ok := strings.CutPrefix(dir, name+"/"); ok {
			if err := os.MkdirAll(filepath.Join(dst, filepath.FromSlash(rest)), 0o755); err != nil {
				tb.Fatalf("testdata: tree %s: %v", name, err)
			}
		}
	}
	return dst
}

// copyTree keeps modification times: the age of a file decides what a plan may
// touch.
func copyTree(dst, src string) error {
	return filepath.WalkDir(src, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(src, path)
		if err != nil {
			return err
		}
		target := filepath.Join(dst, rel)
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.WriteFile(target, data, 0o644); err != nil {
			return err
		}
		return os.Chtimes(target, info.ModTime(), info.ModTime())
	})
}

// emptyDirs reads the list of the directories that git could not hold.
func emptyDirs(flink string) ([]string, error) {
	f, err := os.Open(filepath.Join(flink, "emptydirs.txt"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var dirs []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); line != "" && line[0] != '#' {
			dirs = append(dirs, line)
		}
	}
	return dirs, lines.Err()
}

// Snapshot is one directory with a _metadata file, and what Flink's own loader
// read from that file.
type Snapshot struct {
	Name    string // path of Dir below the root, with slashes
	Dir     string // holds _metadata
	Oracle  string // JSON file
	Version string // of Flink, that wrote it: "2.2.0", "1.8"
}

// Snapshots pairs every directory below root that holds a _metadata with its
// oracle. The root may be flink/, or [Fixtures]; directories without an oracle
// are left out. It fails the test when nothing was found.
func Snapshots(tb testing.TB, root string) []Snapshot {
	tb.Helper()
	var found []Snapshot
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() != "_metadata" {
			return err
		}
		dir := filepath.Dir(path)
		rel, err := filepath.Rel(root, dir)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		if oracle := findOracle(root, name); oracle != "" {
			found = append(found, Snapshot{Name: name, Dir: dir, Oracle: oracle, Version: writer(name)})
		}
		return nil
	})
	if err != nil {
		tb.Fatalf("testdata: %v", err)
	}
	if len(found) == 0 {
		tb.Fatalf("testdata: no snapshot with an oracle below %s", root)
	}
	return found
}

// findOracle tries each element of the name as the case that owns the oracle:
// its own <case>.oracle.json when it is the snapshot itself, otherwise
// <case>.oracle/<rest of the name, / as __>.oracle.json.
func findOracle(root, name string) string {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		above := filepath.Join(root, filepath.Join(parts[:i]...))
		base, variant := splitVariant(part)
		oracle := filepath.Join(above, base+".oracle"+variant, strings.Join(parts[i+1:], "__")+".oracle.json")
		if i == len(parts)-1 {
			oracle = filepath.Join(above, part+".oracle.json")
		}
		if info, err := os.Stat(oracle); err == nil && info.Mode().IsRegular() {
			return oracle
		}
	}
	return ""
}

// splitVariant cuts ".after1" off a case: such a tree shows an earlier moment
// of the same job.
func splitVariant(name string) (base, variant string) {
	if base, ok := strings.CutSuffix(name, ".after1"); ok {
		return base, ".after1"
	}
	return name, ""
}

var (
	versionDir  = regexp.MustCompile(`(?:^|/)(\d+\.\d+(?:\.\d+)?)/`)
	versionName = regexp.MustCompile(`flink(\d+\.\d+)`)
)

// writer reads the version of Flink off a path: a folder of its own, or part of
// the name where Flink's test jars name a snapshot so.
func writer(name string) string {
	for _, re := range []*regexp.Regexp{versionDir, versionName} {
		if m := re.FindStringSubmatch(name); m != nil {
			return m[1]
		}
	}
	return ""
}
