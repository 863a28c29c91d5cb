package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout/faults"
	"github.com/ckpt-tool/ckpt/testdata"
)

// namedFile is the file of a tree that one of its checkpoints refers to under a name.
func namedFile(t *testing.T, root, checkpoint, localPath string) string {
	t.Helper()
	var report struct{ Files []fileJSON }
	ckpt(t, "inspect", checkpoint, "--files", "-o", "json").want(t, OK).decode(t, &report)
	for _, f := range report.Files {
		if f.LocalPath != nil && *f.LocalPath == localPath && f.ResolvedPath != nil {
			return *f.ResolvedPath
		}
	}
	t.Fatalf("%s: no file is used as %s", checkpoint, localPath)
	return ""
}

// TestWhyGolden holds what people see.
func TestWhyGolden(t *testing.T) {
	for name, c := range map[string]struct {
		tree string
		file func(t *testing.T, root string, checkpoints []string) string
		args []string
	}{
		"why-shared.txt": {"2.2.0/rocksdb-incremental-small", func(t *testing.T, root string, chk []string) string {
			return namedFile(t, root, chk[0], "000021.sst")
		}, nil},
		"why-tsv.txt": {"2.2.0/rocksdb-incremental-small", func(t *testing.T, root string, chk []string) string {
			return namedFile(t, root, chk[0], "000021.sst")
		}, []string{"-o", "tsv"}},
		"why-json.txt": {"2.2.0/rocksdb-incremental-small", func(t *testing.T, root string, chk []string) string {
			return namedFile(t, root, chk[0], "000021.sst")
		}, []string{"-o", "json"}},
		"why-checkpoint.txt": {"2.2.0/rocksdb-incremental-small", func(_ *testing.T, _ string, chk []string) string { return chk[0] }, nil},
		"why-merged.txt": {"2.2.0/filemerging-opstate-within", func(t *testing.T, root string, _ []string) string {
			return firstOf(t, root, "*/taskowned/*/*")
		}, nil},
		"why-merged-directory.txt": {"2.2.0/filemerging-opstate-within", func(t *testing.T, root string, _ []string) string {
			return filepath.Dir(firstOf(t, root, "*/taskowned/*/*"))
		}, nil},
		"why-changelog.txt": {"1.20.0/changelog-rocksdb-materialized", func(t *testing.T, root string, _ []string) string {
			return firstOf(t, root, "changelog/*/dstl/*")
		}, []string{"--root", "ROOT/changelog-rocksdb-materialized"}},
		"why-orphan.txt": {"1.20.0/changelog-rocksdb-materialized", func(t *testing.T, root string, _ []string) string {
			return orphanOf(t, root)
		}, nil},
		"why-missing.txt": {"2.0.0/rescale-claim", func(t *testing.T, _ string, chk []string) string {
			return missingFile(t, chk)
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			root, checkpoints := pinned(t, c.tree)
			file := c.file(t, root, checkpoints)
			args := []string{"why", file}
			for _, a := range c.args {
				args = append(args, strings.ReplaceAll(a, "ROOT", filepath.Dir(root)))
			}
			r := call{terminal: true, env: map[string]string{"NO_COLOR": "1"}}.run(t, args...).want(t, OK)
			golden(t, name, strings.ReplaceAll(r.out, filepath.Dir(root), "ROOT"))
		})
	}
}

// firstOf is the first file that a pattern matches.
func firstOf(t *testing.T, root, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(root, pattern))
	if err != nil || len(found) == 0 {
		t.Fatal(pattern, err)
	}
	return found[0]
}

// orphanOf is the first file of a tree that is one.
func orphanOf(t *testing.T, root string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "*", "taskowned", "*"))
	if err != nil {
		t.Fatal(err)
	}
	var report whyReports
	ckpt(t, append([]string{"why", "-o", "json"}, files...)...).want(t, OK).decode(t, &report)
	for _, f := range report.Files {
		if f.Verdict == "orphan" {
			return f.File
		}
	}
	t.Fatal("no orphan")
	return ""
}

// missingFile is a file that a checkpoint refers to and that is not there.
func missingFile(t *testing.T, checkpoints []string) string {
	t.Helper()
	var report diffReport
	ckpt(t, "diff", checkpoints[0], checkpoints[1], "--files", "-o", "json").want(t, OK).decode(t, &report)
	for _, f := range report.List {
		for _, url := range []*string{f.A, f.B} {
			if url == nil {
				continue
			}
			if _, err := os.Stat(*url); os.IsNotExist(err) {
				return *url
			}
		}
	}
	t.Fatal("nothing is missing")
	return ""
}

// At the width of a terminal, nothing but a path is longer.
func TestWhyWidth(t *testing.T) {
	root, checkpoints := pinned(t, "2.2.0/rocksdb-incremental-small")
	file := namedFile(t, root, checkpoints[0], "000021.sst")
	r := call{terminal: true, width: 80}.run(t, "why", file, "--color", "never").want(t, OK)
	for line := range strings.Lines(r.out) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 80 && !strings.Contains(line, root) {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

func TestWhySeveralFiles(t *testing.T) {
	root, checkpoints := pinned(t, "2.2.0/rocksdb-incremental-small")
	file, gone := namedFile(t, root, checkpoints[0], "000021.sst"), filepath.Join(checkpoints[0], "gone")
	var all whyReports
	ckpt(t, "why", file, gone, "-o", "json").want(t, NotFound).decode(t, &all)
	if all.Schema != "ckpt.why/v1" || len(all.Files) != 2 || all.Files[0].Verdict != "referenced" || all.Files[1].Exists || all.Files[1].Verdict != "unknown" {
		t.Errorf("%+v", all)
	}
	r := ckpt(t, "why", file, gone, "-o", "json", "--stream").want(t, NotFound)
	if lines := strings.Count(r.out, "\n"); lines != 2 || strings.Count(r.out, `"schema":"ckpt.why/v1"`) != 2 {
		t.Errorf("%d lines:\n%s", lines, r.out)
	}
	if e := ckpt(t, "why", gone, "-o", "json").want(t, NotFound).decodeError(t); e.Path != gone {
		t.Errorf("%+v", e)
	}
}

// A corrupt _metadata keeps a file from being an orphan; a storage that refuses makes
// the whole answer doubtful.
func TestWhyDoubts(t *testing.T) {
	root, checkpoints := pinned(t, "2.2.0/rocksdb-incremental-small")
	used := namedFile(t, root, checkpoints[0], "000021.sst")
	stray := filepath.Join(filepath.Dir(checkpoints[0]), "shared", "0f8fad5b-d9cb-469f-a165-70867728950e")
	bad := filepath.Join(filepath.Dir(checkpoints[0]), "chk-99")
	if err := os.WriteFile(stray, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	refuse := func(key string) error {
		if strings.Contains(key, "chk-99/") {
			return errSlowDown
		}
		return nil
	}
	for _, step := range []struct {
		damage       func() error
		plan         *faults.Plan
		used, unused Code
		verdict      string
	}{
		{func() error { return nil }, &faults.Plan{}, OK, OK, "orphan"},
		{func() error { return os.CopyFS(bad, os.DirFS(filepath.Join(testdata.Root(t), "bad", "jpeg"))) }, &faults.Plan{}, OK, Findings, "unknown"},
		{func() error { return nil }, &faults.Plan{OpenErr: refuse}, Failed, Failed, "unknown"},
	} {
		if err := step.damage(); err != nil {
			t.Fatal(err)
		}
		ask := func(file string) result {
			return runFaulty(t, call{now: time.Now().Add(1000 * time.Hour)}.world([]string{"why", file, "-o", "json"}), step.plan)
		}
		var f whyFile
		ask(used).want(t, step.used).decode(t, &f)
		if f.Verdict != "referenced" || (step.unused != OK) != (len(f.Unread) > 0) {
			t.Errorf("%s: %s, unread %v", used, f.Verdict, f.Unread)
		}
		ask(stray).want(t, step.unused).decode(t, &f)
		if f.Verdict != step.verdict {
			t.Errorf("%s is %s: %s", stray, f.Verdict, f.Reason)
		}
	}
}

// Savepoints lie elsewhere, and a tree within another one counts once.
func TestWhyRoots(t *testing.T) {
	root, checkpoints := pinned(t, "2.2.0/savepoint-and-checkpoints")
	savepoint := firstOf(t, root, "savepoints/*")
	for _, c := range []struct {
		args  []string
		roots []string
	}{
		{[]string{checkpoints[0]}, []string{root}},
		{[]string{savepoint}, []string{filepath.Dir(savepoint)}},
		{[]string{savepoint, "--also-root", root}, []string{root}},
		{[]string{savepoint, "--also-root", filepath.Dir(checkpoints[0])}, []string{filepath.Dir(savepoint), filepath.Dir(checkpoints[0])}},
		{[]string{checkpoints[0], "--root", filepath.Dir(checkpoints[0])}, []string{filepath.Dir(checkpoints[0])}},
		{[]string{checkpoints[0], "--root", root, "--also-root", savepoint}, []string{root}},
	} {
		var f whyFile
		ckpt(t, append([]string{"why", "-o", "json"}, c.args...)...).want(t, OK).decode(t, &f)
		if strings.Join(f.Roots, " ") != strings.Join(c.roots, " ") || f.Verdict != "referenced" {
			t.Errorf("%v: %s below %v, want %v", c.args, f.Verdict, f.Roots, c.roots)
		}
	}
}
