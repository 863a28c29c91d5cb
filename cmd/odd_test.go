package cmd

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
)

// must fails the test on an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Where a directory of a job is a link, verify follows it, reads what lies behind, and du
// does not take that for orphans.
func TestLinkedDirectory(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("making links needs rights there")
	}
	top := t.TempDir()
	root := filepath.Join(top, "flink")
	must(t, os.CopyFS(root, os.DirFS(testdata.Tree(t, "2.2.0/rocksdb-incremental-small"))))
	pool := filepath.Join(root, "pool")
	must(t, os.Rename(filepath.Join(root, faultJob, "shared"), pool))
	must(t, os.Symlink("../pool", filepath.Join(root, faultJob, "shared")))

	whole := ckpt(t, "verify", root, "--level", "content", "-o", "json").want(t, OK)
	var got verified
	whole.decode(t, &got)
	for _, c := range got.Checkpoints {
		if c.FilesRead < 40 {
			t.Errorf("%s: %d files were read", c.Path, c.FilesRead)
		}
	}
	r := (call{now: testNow.AddDate(50, 0, 0)}).run(t, "du", root, "-o", "json")
	if !strings.Contains(r.out, `"orphan": 0`) || !strings.Contains(r.out, `"orphans": []`) {
		t.Error(r.out)
	}
	files, err := os.ReadDir(pool)
	must(t, err)
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(pool, f.Name()))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(pool, f.Name()), make([]byte, len(data)), 0o644))
	}
	ckpt(t, "verify", root).want(t, OK)
	ckpt(t, "verify", root, "--level", "content").want(t, Findings)
}

// A manifest lists merged files as a whole, or it would not protect them.
func TestManifestOfMergedFiles(t *testing.T) {
	root := testdata.Tree(t, "2.2.0/filemerging-opstate-within")
	found, err := filepath.Glob(filepath.Join(root, "*", "chk-4"))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	manifest := filepath.Join(t.TempDir(), "m.json")
	ckpt(t, "verify", found[0], "--manifest", manifest).want(t, OK)
	data, err := os.ReadFile(manifest)
	must(t, err)
	merged, err := filepath.Glob(filepath.Join(root, "*", "*", "job_*", "*"))
	must(t, err)
	changed := 0
	for _, f := range merged {
		if !strings.Contains(string(data), filepath.Base(f)) {
			continue
		}
		whole, err := os.ReadFile(f)
		must(t, err)
		whole[0] ^= 1
		must(t, os.WriteFile(f, whole, 0o644))
		changed++
	}
	if changed == 0 {
		t.Fatal("the manifest has no merged file")
	}
	ckpt(t, "verify", found[0], "--against", manifest, "--level", "content").want(t, Findings)
}

// A job whose checkpoints are all damaged is still a job: another one's checkpoint is no
// answer.
func TestLatestOfDamagedJob(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"2.2.0/rocksdb-incremental-small", "2.2.0/small-files"} {
		must(t, os.CopyFS(root, os.DirFS(testdata.Tree(t, name))))
	}
	ckpt(t, "latest", root).want(t, Usage)
	must(t, os.RemoveAll(filepath.Join(root, faultJob, "shared")))
	ckpt(t, "latest", root, "--verify").want(t, Usage)
	ckpt(t, "latest", root, "--verify", "--job", faultJob).want(t, Findings)
}

// A job's directory that was moved within the tree is found by its id.
func TestMovedJob(t *testing.T) {
	root := t.TempDir()
	write := func(dir string, path string) {
		must(t, os.MkdirAll(dir, 0o755))
		c := testdata.Large(1, 1, 0)
		h := c.Operators[0].Subtasks[0].ManagedKeyed.(*metadata.IncrementalHandle)
		h.Meta = &metadata.InlineHandle{Name: "meta", Data: []byte("x")}
		h.Shared = []metadata.NamedFile{{Name: "000001.sst", File: &metadata.FileHandle{Path: metadata.UTF(path), Size: 5}}}
		data, err := metadata.Encode(c)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, "_metadata"), data, 0o644))
	}
	const name = "01290684-e737-4215-b697-088f3371b74a"
	job := filepath.Join(root, "archive", faultJob)
	write(filepath.Join(job, "chk-42"), "file:"+filepath.Join(root, faultJob, "shared", name))
	must(t, os.MkdirAll(filepath.Join(job, "shared"), 0o755))
	must(t, os.WriteFile(filepath.Join(job, "shared", name), []byte("12345"), 0o644))
	ckpt(t, "verify", root).want(t, OK)
	r := (call{now: testNow.AddDate(50, 0, 0)}).run(t, "du", root, "-o", "json")
	if !strings.Contains(r.out, `"orphan": 0`) {
		t.Error(r.out)
	}
}

// Paths that mean something only to whoever runs in some directory name nothing.
func TestBarePaths(t *testing.T) {
	for path, want := range map[string]Code{
		"foo/bar": Findings, "bar": Findings, "file:/": Findings, "/nonexistent-file": Findings, "file:/nonexistent-file": Findings,
		"oss://bucket/x": Failed, "x:/y/z": Failed,
	} {
		root := t.TempDir()
		dir := filepath.Join(root, faultJob, "chk-42")
		must(t, os.MkdirAll(dir, 0o755))
		c := testdata.Large(1, 1, 0)
		h := c.Operators[0].Subtasks[0].ManagedKeyed.(*metadata.IncrementalHandle)
		h.Meta = &metadata.FileHandle{Path: metadata.UTF(path), Size: 5}
		data, err := metadata.Encode(c)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, "_metadata"), data, 0o644))
		must(t, os.MkdirAll(filepath.Join(root, "foo"), 0o755))
		must(t, os.WriteFile(filepath.Join(root, "foo", "bar"), []byte("12345"), 0o644))
		t.Chdir(root)
		for _, arg := range []string{root, dir} {
			if r := ckpt(t, "verify", arg); r.code != want {
				t.Errorf("%s: verify %s: exit code %d, want %d\n%s%s", path, arg, r.code, want, r.out, r.err)
			}
		}
	}
}

// why and du say the same of an upload that is older than the grace period, while the
// checkpoint that it is meant for is in progress.
func TestUploadInProgress(t *testing.T) {
	root := testdata.Tree(t, "2.2.0/rocksdb-incremental-small")
	info, err := os.Stat(filepath.Join(root, faultJob, "chk-6", "_metadata"))
	must(t, err)
	upload := filepath.Join(root, faultJob, "shared", "11111111-2222-4333-8444-555555555555")
	last := filepath.Join(root, faultJob, "chk-7", "11111111-2222-4333-8444-777777777777")
	must(t, os.MkdirAll(filepath.Dir(last), 0o755))
	now := info.ModTime().AddDate(0, 0, 3)
	for file, at := range map[string]time.Time{upload: info.ModTime().Add(time.Hour), last: now.Add(-time.Minute)} {
		must(t, os.WriteFile(file, []byte("12345"), 0o644))
		must(t, os.Chtimes(file, at, at))
	}
	if r := (call{now: now}).run(t, "why", upload, "-o", "json"); !strings.Contains(r.out, `"in-flight"`) {
		t.Error(r.out)
	}
	if r := (call{now: now}).run(t, "du", root, "-o", "json"); !strings.Contains(r.out, `"orphan": 0`) || !strings.Contains(r.out, `"inFlight": 10`) {
		t.Error(r.out)
	}
}
