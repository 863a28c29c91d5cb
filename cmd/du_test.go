package cmd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/testdata"
)

// TestDuGolden holds what people see.
func TestDuGolden(t *testing.T) {
	const claimed = "0fdf2c68eee856e7545a46a723d3c31a"
	for name, c := range map[string]struct {
		tree  string
		below string // of the tree, what is asked for
		width int
		flags []string
	}{
		"du-orphans.txt":    {"1.20.0/changelog-rocksdb-materialized", "", 80, []string{"--top", "3"}},
		"du-claimed.txt":    {"2.0.0/rescale-claim", "", 80, []string{"--if-deleted", claimed + "/chk-3"}},
		"du-savepoints.txt": {"2.2.0/savepoint-and-checkpoints", "", 0, []string{"--sort", "id"}},
		"du-verbose.txt":    {"2.2.0/savepoint-and-checkpoints", "", 0, []string{"-v", "--sort", "age"}},
		"du-merging.txt":    {"2.2.0/filemerging-opstate-within", "*/chk-4", 80, []string{"--subtasks"}},
		"du-operators.txt":  {"2.2.0/rocksdb-incremental-small", "*/chk-6", 100, nil},
		"du-tsv.txt":        {"2.0.0/rescale-claim", "", 0, []string{"-o", "tsv", "--if-deleted", claimed + "/chk-3"}},
		"du-parts-tsv.txt":  {"2.2.0/filemerging-opstate-within", "*/chk-4", 0, []string{"-o", "tsv", "--subtasks"}},
	} {
		t.Run(name, func(t *testing.T) {
			root, _ := pinned(t, c.tree)
			where, err := filepath.Glob(filepath.Join(root, c.below))
			if err != nil || len(where) != 1 {
				t.Fatal(where, err)
			}
			r := call{terminal: true, width: c.width, env: map[string]string{"NO_COLOR": "1"}}.run(t, append([]string{"du", where[0]}, c.flags...)...).want(t, OK)
			for line := range strings.Lines(r.out) {
				if n := len([]rune(line)); c.width > 0 && n > c.width+1 && !strings.Contains(line, root) && !strings.Contains(line, ": of the files it names") {
					t.Errorf("a line of %d columns: %s", n, line)
				}
			}
			golden(t, name, strings.ReplaceAll(r.out, filepath.Dir(root), "ROOT"))
		})
	}
}

// duDocument is the JSON with its orphans.
type duDocument struct {
	duReport
	Orphans []duOrphan
}

func du(t *testing.T, args ...string) (doc duDocument) {
	t.Helper()
	ckpt(t, append([]string{"du", "-o", "json"}, args...)...).want(t, OK).decode(t, &doc)
	return doc
}

func TestDuJSON(t *testing.T) {
	root, _ := pinned(t, "1.20.0/changelog-rocksdb-materialized")
	doc := du(t, root)
	var orphan int64
	for _, o := range doc.Orphans {
		orphan += o.Bytes
		if info, err := os.Stat(filepath.Join(root, o.Path)); err != nil || info.Size() != o.Bytes || o.Modified == nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
	r := doc.Root
	if doc.Schema != "ckpt.du/v1" || r.Path != root || doc.Roots != nil || len(doc.Checkpoints) != 3 || len(doc.Jobs) != 1 {
		t.Errorf("%+v", doc)
	}
	if r.Bytes != r.Referenced+r.Orphan+r.InFlight+r.Unknown || orphan != r.Orphan || r.OrphanFiles != 8 {
		t.Errorf("%d bytes of orphans, %+v", orphan, r)
	}
	for _, c := range doc.Checkpoints {
		if *c.Physical != *c.Exclusive+*c.Shared || *c.Unique > *c.Physical || c.ByTail == 0 {
			t.Errorf("%+v", c)
		}
	}
	// an empty list is a list
	if out := ckpt(t, "du", filepath.Join(root, doc.Checkpoints[0].Path), "-o", "json").want(t, OK).out; !strings.Contains(out, `"orphans": []`) {
		t.Error(out)
	}
}

// TestDuStream: a line each, whose field says what it is.
func TestDuStream(t *testing.T) {
	root, _ := pinned(t, "1.20.0/changelog-rocksdb-materialized")
	count := map[string]int{}
	for line := range strings.Lines(ckpt(t, "du", root, "-o", "json", "--stream").want(t, OK).out) {
		kind, _, _ := strings.Cut(strings.TrimPrefix(line, `{"`), `"`)
		count[kind]++
	}
	if count["root"] != 1 || count["job"] != 1 || count["checkpoint"] != 3 || count["orphan"] != 8 {
		t.Error(count)
	}
}

// TestDuGrace: the same files are in flight, or orphans.
func TestDuGrace(t *testing.T) {
	root, _ := pinned(t, "1.20.0/changelog-rocksdb-materialized") // 3 h 12 min ago
	for grace, inFlight := range map[string]bool{"0s": false, "3h": false, "3h12m": false, "4h": true} {
		if r := du(t, root, "--grace", grace).Root; (r.InFlight > 0) != inFlight || (r.Orphan > 0) == inFlight {
			t.Errorf("--grace %s: %+v", grace, r)
		}
	}
}

// TestDuRoots: what is shared counts across trees, and no byte counts twice.
func TestDuRoots(t *testing.T) {
	root, _ := pinned(t, "2.0.0/rescale-claim")
	old, new := filepath.Join(root, "0fdf2c68eee856e7545a46a723d3c31a"), filepath.Join(root, "62049877ffa2db68cff89c8a71d080e8")
	whole, both, alone := du(t, root), du(t, old, new), du(t, old)
	if len(both.Roots) != 2 || both.Roots[0].Bytes+both.Roots[1].Bytes != whole.Root.Bytes || both.Root.Path != old {
		t.Errorf("%+v, whole %+v", both.Roots, whole.Root)
	}
	if both.Roots[0].Orphan != 0 || alone.Root.Orphan == 0 && len(alone.Orphans) > 0 {
		t.Errorf("%+v, alone %+v", both.Roots[0], alone.Root)
	}
	also := du(t, old, "--also-root", new)
	if also.Roots != nil || also.Root.duSums != both.Roots[0].duSums || len(also.Checkpoints) != 2 {
		t.Errorf("%+v, want %+v", also.Root, both.Roots[0])
	}
	// the wider tree stands for both, whatever their order
	for _, args := range [][]string{{root, new}, {new, root}, {root, root}, {root, "--also-root", new}, {new, "--also-root", root}} {
		if got := du(t, args...); got.Roots != nil || got.Root.duSums != whole.Root.duSums || got.Root.Path != root {
			t.Errorf("%v: %+v", args, got.Root)
		}
	}
	// one job is shown, all count
	job := du(t, root, "--job", filepath.Base(old))
	if len(job.Checkpoints) != 2 || len(job.Jobs) != 1 || job.Root.duSums != whole.Root.duSums {
		t.Errorf("%+v", job)
	}
	for _, c := range job.Checkpoints {
		i := slices.IndexFunc(whole.Checkpoints, func(w duCheckpoint) bool { return w.Path == c.Path })
		if *whole.Checkpoints[i].Unique != *c.Unique {
			t.Errorf("%s: unique %d, in the whole tree %d", c.Path, *c.Unique, *whole.Checkpoints[i].Unique)
		}
	}
}

// TestDuIfDeleted: however a checkpoint is named, it is the same one.
func TestDuIfDeleted(t *testing.T) {
	root, _ := pinned(t, "2.2.0/rocksdb-incremental-small")
	first := du(t, root).Checkpoints[0]
	dir := filepath.Join(root, first.Path)
	t.Chdir(filepath.Dir(dir))
	for _, name := range []string{first.Path, first.Path + "/", dir, dir + "/_metadata", "file://" + dir, filepath.Base(dir), "./" + filepath.Base(dir)} {
		x := du(t, root, "--if-deleted", name).IfDeleted
		if x == nil || len(x.Checkpoints) != 1 || x.Checkpoints[0].Path != first.Path || x.Bytes != *first.Unique || x.KeptBytes != *first.Physical-*first.Unique {
			t.Errorf("%s: %+v, %+v", name, x, first)
		}
		if len(x.HeldBy) == 0 || len(x.Notes) != 1 || !strings.Contains(x.Notes[0], "others use") {
			t.Errorf("%s: %+v", name, x)
		}
	}
	all := []string{root}
	for _, c := range du(t, root).Checkpoints {
		all = append(all, "--if-deleted", c.Path)
	}
	doc := du(t, all...)
	if x := doc.IfDeleted; x.Bytes != doc.Root.Referenced || x.KeptFiles != 0 || len(x.HeldBy) != 0 || len(x.Notes) != 0 {
		t.Errorf("%+v of %+v", x, doc.Root)
	}
}

// TestDuCheckpoint: one checkpoint is what it is among all others.
func TestDuCheckpoint(t *testing.T) {
	root, checkpoints := pinned(t, "2.2.0/savepoint-and-checkpoints")
	whole := du(t, root)
	for _, dir := range checkpoints {
		doc := du(t, dir, "--also-root", root)
		rel, _ := filepath.Rel(root, dir)
		i := slices.IndexFunc(whole.Checkpoints, func(c duCheckpoint) bool { return c.Path == rel })
		if len(doc.Checkpoints) != 1 || *doc.Checkpoints[0].Unique != *whole.Checkpoints[i].Unique || len(doc.Operators) == 0 {
			t.Errorf("%s: %+v", rel, doc.Checkpoints)
		}
		var recorded, inline int64
		for _, o := range doc.Operators {
			recorded += o.Recorded
			inline += o.Inline
			if o.Subtasks != nil || len(o.Slots) == 0 && o.Recorded > 0 {
				t.Errorf("%+v", o)
			}
		}
		if c := doc.Checkpoints[0]; recorded != *c.Logical || inline != *c.Inline {
			t.Errorf("%s: %d and %d inline, want %d and %d", rel, recorded, inline, *c.Logical, *c.Inline)
		}
	}
}

// TestDuCodes holds exit codes and words.
func TestDuCodes(t *testing.T) {
	root, _ := pinned(t, "2.0.0/rescale-claim")
	one, _ := pinned(t, "2.2.0/rocksdb-incremental-small")
	two, checkpoints := pinned(t, "2.2.0/rocksdb-incremental-small")
	relative, _ := filepath.Rel(two, checkpoints[0])
	bad := func(name string) string { return filepath.Join(testdata.Root(t), "bad", name) }
	unfinished := filepath.Join(t.TempDir(), "chk-1")
	if err := os.Mkdir(unfinished, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		code Code
		says string // on stderr
		args []string
	}{
		{OK, "", []string{root}}, // though files are missing
		{OK, "", []string{unfinished}},
		{OK, "", []string{one, two, "--if-deleted", checkpoints[0]}},
		{OK, "", []string{t.TempDir()}},
		{Findings, "", []string{bad("")}},
		{Unreadable, "not a Flink _metadata file", []string{bad("jpeg")}},
		{Unreadable, "", []string{bad("jpeg"), t.TempDir()}},
		{Unreadable, "no checkpoint of the tree around it", []string{filepath.Join(testdata.Root(t), "README.md")}},
		{NotFound, "no such file or directory", []string{filepath.Join(root, "nothing")}},
		{NotFound, "no such directory", []string{root, "--also-root", filepath.Join(root, "nothing")}},
		{NotFound, "no such checkpoint or savepoint", []string{root, "--if-deleted", "chk-99"}},
		{NotFound, "nothing here belongs to job", []string{root, "--job", strings.Repeat("0", 32)}},
		{Usage, "several trees have this checkpoint", []string{one, two, "--if-deleted", relative}},
		{Usage, "--job", []string{root, "--job", "xyz"}},
		{Usage, "--grace", []string{root, "--grace", "-1s"}},
		{Usage, "--top", []string{root, "--top", "-1"}},
		{Usage, "--sort", []string{root, "--sort", "name"}},
		{Usage, "--stream", []string{root, "--stream"}},
		{Usage, "2 jobs", []string{"latest:" + root}},
	} {
		r := ckpt(t, append([]string{"du"}, c.args...)...)
		if r.code != c.code || !strings.Contains(r.err, c.says) {
			t.Errorf("%v: exit code %d, want %d with %q; stderr: %s", c.args, r.code, c.code, c.says, r.err)
		}
	}
}

// TestDuUnreadable: what could not be listed turns the exit code, and takes nothing
// from the output.
func TestDuUnreadable(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may read everything")
	}
	root, _ := pinned(t, "1.20.0/changelog-rocksdb-materialized")
	hidden := filepath.Join(root, "hidden")
	if err := os.Mkdir(hidden, 0); err != nil {
		t.Fatal(err)
	}
	var doc duDocument
	ckpt(t, "du", root, "-o", "json").want(t, Failed).decode(t, &doc)
	if len(doc.Errors) != 1 || len(doc.Doubts) != 1 || doc.Root.Orphan != 0 || doc.Root.UnknownWhy["unreadElsewhere"] == 0 {
		t.Errorf("%+v", doc)
	}
}

// TestDuEscapes: names cannot forge lines or colours.
func TestDuEscapes(t *testing.T) {
	root := filepath.Join(t.TempDir(), "shared\x1b[31m\n  orphan  0")
	for _, dir := range []string{"chk-1", "shared", "savepoint\x1b[32m"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, dir, "_metadata"), []byte("\x1b[33m"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, form := range outputForms {
		r := call{terminal: true, width: 80, env: map[string]string{"NO_COLOR": "1"}, now: time.Now()}.run(t, "du", root, "-o", form)
		if r.code != Findings || strings.Contains(r.out+r.err, "\x1b") || strings.Contains(r.out, "\n  orphan  0") {
			t.Errorf("%s: exit code %d\n%q\n%q", form, r.code, r.out, r.err)
		}
	}
}
