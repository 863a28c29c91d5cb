package cmd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/testdata"
)

// verified is the part of the JSON that tests look at.
type verified struct {
	Checkpoints []struct {
		Path, Verdict string
		Findings      []struct{ Severity, Path, Reason, Operator, Handle, Message, Hint string }
		FilesRead     int
	}
	Gate []struct {
		Rule    string
		Unclear bool
	}
}

// What Flink wrote is ok, content and all, but for what a claimed restore has deleted;
// and that is just what the references that come with each tree say.
func TestVerifyFlink(t *testing.T) {
	roots := []string{filepath.Join(testdata.Root(t), "flink")}
	if dir := testdata.Fixtures(t); dir != "" {
		roots = append(roots, dir)
	}
	for _, root := range roots {
		missing := missingIn(t, root)
		r := ckpt(t, "verify", root, "--level", "content", "-o", "json")
		want := OK
		if len(missing) > 0 {
			want = Findings
		}
		r.want(t, want)
		var got verified
		r.decode(t, &got)
		seen := 0
		for _, c := range got.Checkpoints {
			var lost []string
			for _, f := range c.Findings {
				switch {
				case f.Severity == "info":
				case f.Severity == "warning" && strings.Contains(f.Message, "serializer that is not known"): // of Flink's own tests
				case f.Reason == "missing" && strings.Contains(f.Hint, "CLAIM"):
					lost = append(lost, f.Path)
				default:
					t.Errorf("%s: %+v", c.Path, f)
				}
			}
			slices.Sort(lost)
			if lost = slices.Compact(lost); !slices.Equal(lost, missing[c.Path]) {
				t.Errorf("%s lost %q, want %q", c.Path, lost, missing[c.Path])
			}
			if (len(lost) > 0) != (c.Verdict == "damaged") || len(lost) == 0 && c.Verdict != "ok" {
				t.Errorf("%s is %s", c.Path, c.Verdict)
			}
			seen++
		}
		if seen < 80 {
			t.Errorf("%s: %d checkpoints", root, seen)
		}
	}
}

// missingIn gathers from all refs.json which files snapshots have lost.
func missingIn(t *testing.T, root string) map[string][]string {
	t.Helper()
	missing := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
		tree, ok := strings.CutSuffix(path, ".refs.json")
		if err != nil || !ok {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var refs struct{ Missing map[string][]string }
		if err := json.Unmarshal(data, &refs); err != nil {
			return err
		}
		prefix, err := filepath.Rel(root, tree)
		for snapshot, files := range refs.Missing {
			for _, f := range files {
				missing[prefix+"/"+snapshot] = append(missing[prefix+"/"+snapshot], prefix+"/"+f)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, files := range missing {
		slices.Sort(files)
	}
	return missing
}

func TestVerifyManifest(t *testing.T) {
	root := testdata.Tree(t, "2.2.0/rocksdb-incremental-small")
	checkpoint := filepath.Join(root, faultJob, "chk-6")
	manifest := filepath.Join(t.TempDir(), "manifest.json")
	ckpt(t, "verify", checkpoint, "--manifest", manifest).want(t, OK)
	ckpt(t, "verify", checkpoint, "--against", manifest).want(t, OK)
	ckpt(t, "verify", checkpoint, "--against", manifest, "--level", "content").want(t, OK)

	ckpt(t, "verify", filepath.Join(root, faultJob, "chk-5"), "--against", manifest).want(t, Usage)

	file := ""
	shared, err := os.ReadDir(filepath.Join(root, faultJob, "shared"))
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range shared {
		if strings.Contains(string(data), f.Name()) {
			file = filepath.Join(root, faultJob, "shared", f.Name())
		}
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	flipped := slices.Clone(whole)
	flipped[len(flipped)/3] ^= 1
	if err := os.WriteFile(file, flipped, 0o644); err != nil {
		t.Fatal(err)
	}
	// No listing can see it, and no checksum of Flink's has to.
	ckpt(t, "verify", checkpoint, "--against", manifest).want(t, OK)
	r := ckpt(t, "verify", checkpoint, "--against", manifest, "--level", "content", "-o", "json").want(t, Findings)
	if !strings.Contains(r.out, `"reason": "checksum"`) || !strings.Contains(r.out, filepath.Base(file)) {
		t.Error(r.out)
	}
	if err := os.WriteFile(file, whole[1:], 0o644); err != nil {
		t.Fatal(err)
	}
	second := filepath.Join(t.TempDir(), "second.json")
	ckpt(t, "verify", checkpoint, "--manifest", second).want(t, Findings)
	if _, err := os.Stat(second); err == nil {
		t.Error("a manifest of a damaged checkpoint was written")
	}
	if err := os.WriteFile(manifest, data[:len(data)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	ckpt(t, "verify", checkpoint, "--against", manifest).want(t, Usage)
	ckpt(t, "verify", root, "--against", second).want(t, Usage)
}

func TestVerifySample(t *testing.T) {
	root := filepath.Join(testdata.Root(t), "flink", "2.2.0", "rocksdb-incremental-small")
	read := func(args ...string) int {
		var got verified
		ckpt(t, append([]string{"verify", root, "--level", "content", "-o", "json"}, args...)...).want(t, OK).decode(t, &got)
		n := 0
		for _, c := range got.Checkpoints {
			n += c.FilesRead
		}
		return n
	}
	all := read()
	for _, sample := range []string{"30%", "100K"} {
		some := read("--sample", sample, "--seed", "7")
		if some == 0 || some >= all || some != read("--sample", sample, "--seed", "7") && sample != "100K" {
			t.Errorf("%s: %d of %d files", sample, some, all)
		}
	}
	if n := read("--sample", "100%"); n != all {
		t.Errorf("100%%: %d of %d files", n, all)
	}
	for _, args := range [][]string{{"--sample", "0%"}, {"--sample", "101%"}, {"--sample", "x"}, {"--sample", "NaN%"}, {"--sample", "-5"}} {
		ckpt(t, append([]string{"verify", root, "--level", "content"}, args...)...).want(t, Usage)
	}
	ckpt(t, "verify", root, "--sample", "5%").want(t, Usage)
}

func TestVerifyGate(t *testing.T) {
	root := testdata.Tree(t, "2.2.0/rocksdb-incremental-small")
	gate := func(rules string) string {
		file := filepath.Join(t.TempDir(), ".ckpt.yaml")
		if err := os.WriteFile(file, []byte("version: 1\n"+rules), 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}
	for rules, want := range map[string]Code{
		"requiredUids: [counter, totals]\nminRestorable: 3\n": OK,
		"requiredUids: [counter, nobody]\n":                   Findings,
		"minRestorable: 4\n":                                  Findings,
		"maxOrphanBytes: 0\n":                                 OK,
		"maxAge: 1s\n":                                        Findings,
		"maxAgee: 1s\n":                                       Usage,
		"minRestorable: [\n":                                  Usage,
	} {
		r := (call{now: testNow.AddDate(50, 0, 0)}).run(t, "verify", root, "--gate", gate(rules), "-o", "json")
		if r.code != want {
			t.Errorf("%s: exit code %d, want %d\n%s%s", rules, r.code, want, r.out, r.err)
		}
	}
	ckpt(t, "verify", filepath.Join(root, faultJob, "chk-6"), "--gate", gate("minRestorable: 1\n")).want(t, Usage)
	ckpt(t, "verify", root, "--gate", "/nonexistent").want(t, Usage)
}

// Only the newest that is whole will do; where none is, that is a finding.
func TestLatestVerify(t *testing.T) {
	root := testdata.Tree(t, "2.2.0/rocksdb-incremental-small")
	remove := func(dir string) {
		entries, err := os.ReadDir(filepath.Join(root, faultJob, dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Name() != "_metadata" {
				if err := os.Remove(filepath.Join(root, faultJob, dir, e.Name())); err != nil {
					t.Fatal(err)
				}
				return
			}
		}
		t.Fatal("nothing to remove in", dir)
	}
	if r := ckpt(t, "latest", root, "--verify").want(t, OK); !strings.HasSuffix(r.out, "chk-6\n") {
		t.Error(r.out)
	}
	remove("chk-6")
	if r := ckpt(t, "latest", root).want(t, OK); !strings.HasSuffix(r.out, "chk-6\n") {
		t.Error(r.out)
	}
	if r := ckpt(t, "latest", root, "--verify").want(t, OK); !strings.HasSuffix(r.out, "chk-5\n") || !strings.Contains(r.err, "chk-6") {
		t.Error(r.out, r.err)
	}
	r := ckpt(t, "ls", root, "--verify", "-o", "json").want(t, Findings)
	if strings.Count(r.out, `"damaged"`) != 1 || strings.Count(r.out, `"complete"`) != 2 {
		t.Error(r.out)
	}
	remove("chk-5")
	remove("chk-4")
	if r := ckpt(t, "latest", root, "--verify").want(t, Findings); r.out != "" || !strings.Contains(r.err, "3 damaged checkpoint") {
		t.Error(r.out, r.err)
	}
}
