package cmd

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout/prune"
)

// The job of the tree 2.2.0/savepoint-and-checkpoints, and its checkpoints.
const savedJob = "41faf955ef9cf869192a110509a82ccf"

// pruneNow is the time in tests that delete: who writes a journal compares his clock with
// that of the storage.
var pruneNow = time.Now()

// old is a copy of a real tree in which nothing changed for age.
func old(t *testing.T, name string, age time.Duration) string {
	t.Helper()
	return oldAt(t, name, pruneNow.Add(-age))
}

func oldAt(t *testing.T, name string, when time.Time) string {
	t.Helper()
	root, _ := pinned(t, name)
	if err := setAge(root, when); err != nil {
		t.Fatal(err)
	}
	return root
}

// remove runs a command line now.
func remove(t *testing.T, args ...string) result {
	t.Helper()
	return call{now: pruneNow}.run(t, args...)
}

const threeDays = 72 * time.Hour

// pruneDocument is the JSON of prune and rm.
type pruneDocument struct {
	pruneHead
	Delete []pruneDelete
	Keep   []pruneKeep
	pruneTail
}

func (d *pruneDocument) guard(t *testing.T, name prune.Name) pruneGuard {
	t.Helper()
	for _, g := range d.Guards {
		if g.Name == string(name) {
			return g
		}
	}
	t.Fatalf("no guard %s", name)
	return pruneGuard{}
}

// gone are the snapshots that are to go, in order.
func (d *pruneDocument) gone() []string {
	var dirs []string
	for _, f := range d.Delete {
		if f.Checkpoint != nil {
			dirs = append(dirs, strings.TrimPrefix(*f.Checkpoint, savedJob+"/"))
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

func pruned(t *testing.T, code Code, args ...string) *pruneDocument {
	t.Helper()
	doc := &pruneDocument{}
	remove(t, append([]string{"prune", "-o", "json"}, args...)...).want(t, code).decode(t, doc)
	return doc
}

// files counts all below dir but what is ckpt's own.
func filesBelow(t *testing.T, dir string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == ".ckpt" {
			return filepath.SkipDir
		}
		if err == nil && !d.IsDir() {
			n++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// evidence is all that a policy needs to be told.
var evidence = []string{"--ended", "all", "--no-other-roots"}

// TestPruneGolden holds what people see.
func TestPruneGolden(t *testing.T) {
	const claimed = "0fdf2c68eee856e7545a46a723d3c31a"
	for name, c := range map[string]struct {
		tree  string
		flags []string
		code  Code
		apply bool
	}{
		"prune-policy.txt":   {"2.2.0/savepoint-and-checkpoints", append([]string{"--keep-last", "1"}, evidence...), OK, false},
		"prune-list.txt":     {"2.2.0/savepoint-and-checkpoints", append([]string{"--keep-last", "2", "--list"}, evidence...), OK, false},
		"prune-verbose.txt":  {"2.2.0/savepoint-and-checkpoints", append([]string{"--keep-last", "2", "-v"}, evidence...), OK, false},
		"prune-stopped.txt":  {"2.0.0/rescale-claim", []string{"--keep-last", "1"}, Refused, false},
		"prune-claimed.txt":  {"2.0.0/rescale-claim", []string{"--keep-last", "1", "--no-other-roots", "--ended", claimed}, OK, false},
		"prune-orphans.txt":  {"1.20.0/changelog-rocksdb-materialized", evidence, OK, false},
		"prune-live.txt":     {"1.20.0/changelog-rocksdb-materialized", nil, OK, false},
		"prune-tsv.txt":      {"2.2.0/savepoint-and-checkpoints", append([]string{"--keep-last", "2", "-o", "tsv"}, evidence...), OK, false},
		"prune-nothing.txt":  {"2.2.0/small-files", nil, OK, false},
		"prune-executed.txt": {"2.2.0/savepoint-and-checkpoints", append([]string{"--keep-last", "2"}, evidence...), OK, true},
	} {
		t.Run(name, func(t *testing.T) {
			now := testNow
			if c.apply {
				now = pruneNow
				c.flags = append(c.flags, "--apply")
			}
			root := oldAt(t, c.tree, now.Add(-threeDays))
			r := call{terminal: true, width: 80, now: now, env: map[string]string{"NO_COLOR": "1"}}.run(t, append([]string{"prune", root}, c.flags...)...).want(t, c.code)
			for line := range strings.Lines(r.out) {
				if n := len([]rune(line)); n > 81 && !strings.ContainsAny(line, "/\t") && !strings.Contains(line, "--ended") {
					t.Errorf("a line of %d columns: %s", n, line)
				}
			}
			golden(t, name, strings.ReplaceAll(r.out, filepath.Dir(root), "ROOT"))
		})
	}
}

// TestPruneJSON holds the contract, and that what is said adds up.
func TestPruneJSON(t *testing.T) {
	root := old(t, "2.2.0/savepoint-and-checkpoints", threeDays)
	doc := pruned(t, OK, append([]string{root, "--keep-last", "1"}, evidence...)...)
	if doc.Schema != "ckpt.prune/v1" || doc.Applied || doc.Stopped || doc.Results != nil || !slices.Equal(doc.Roots, []string{root}) {
		t.Errorf("%+v", doc.pruneHead)
	}
	if got := doc.gone(); !slices.Equal(got, []string{"chk-1", "chk-3"}) || doc.Snapshots != 2 {
		t.Errorf("goes: %v", got)
	}
	var bytes int64
	for _, d := range doc.Delete {
		bytes += d.Bytes
		if info, err := os.Stat(filepath.Join(root, d.Path)); err != nil || info.Size() != d.Bytes || d.Job == nil || *d.Job != savedJob || d.Reason != "policy" {
			t.Errorf("%+v: %v", d, err)
		}
	}
	if x := doc.Totals; x.DeleteBytes != bytes || x.DeleteObjects != len(doc.Delete) || x.DeleteObjects+x.KeepObjects != filesBelow(t, root) {
		t.Errorf("%+v, %d bytes", x, bytes)
	}
	if len(doc.Keep) != 3 || len(doc.Guards) != len(prune.Guards) {
		t.Errorf("%+v", doc.Keep)
	}
	for i, g := range doc.Guards {
		if g.Name != string(prune.Guards[i].Name) || g.Class != prune.Guards[i].Class.String() || (g.Outcome == "passed") != (g.Message == "") {
			t.Errorf("%+v", g)
		}
	}
	// lists are lists, also where they are empty
	out := remove(t, "prune", root, "-o", "json").want(t, OK).out
	for _, want := range []string{`"delete": []`, `"missing": []`, `"notes": []`, `"results": null`, `"outcome": "passed"`} {
		if !strings.Contains(out, want) {
			t.Errorf("no %s in\n%s", want, out)
		}
	}
}

// TestPruneApply: what the plan says is gone, and nothing else.
func TestPruneApply(t *testing.T) {
	root := old(t, "2.2.0/savepoint-and-checkpoints", threeDays)
	before := filesBelow(t, root)
	args := append([]string{root, "--keep-last", "1", "--apply"}, evidence...)
	if doc := pruned(t, OK, append(args, "--dry-run")...); doc.Applied || filesBelow(t, root) != before || len(doc.Delete) == 0 {
		t.Errorf("--dry-run: %+v", doc.pruneHead)
	}
	doc := pruned(t, OK, args...)
	x := doc.Results
	if x == nil || !doc.Applied || x.Objects != len(doc.Delete) || x.Bytes != doc.Totals.DeleteBytes || x.Failed+x.Left != 0 || x.Directories != doc.Totals.DeleteDirectories {
		t.Fatalf("%+v of %+v", x, doc.Totals)
	}
	if left := filesBelow(t, root); left != before-len(doc.Delete) {
		t.Errorf("%d files are left of %d, %d were to go", left, before, len(doc.Delete))
	}
	ckpt(t, "verify", root).want(t, OK)
	if again := pruned(t, OK, args...); len(again.Delete) != 0 || again.Results == nil || again.Results.Objects != 0 {
		t.Errorf("a second run: %+v", again.Delete)
	}
}

// TestPruneQuiet: cron gets a line, or with -q none.
func TestPruneQuiet(t *testing.T) {
	args := append([]string{"--keep-last", "1", "--apply"}, evidence...)
	run := func(extra ...string) result {
		return remove(t, slices.Concat([]string{"prune", old(t, "2.2.0/savepoint-and-checkpoints", threeDays)}, args, extra)...)
	}
	if r := run().want(t, OK); strings.Count(r.out, "\n") != 1 || !strings.Contains(r.out, ": deleted 48 files, ") || r.err != "" {
		t.Errorf("%q, %q", r.out, r.err)
	}
	if r := run("-q").want(t, OK); r.out != "" || r.err != "" {
		t.Errorf("%q, %q", r.out, r.err)
	}
	if r := run("-q", "-o", "tsv").want(t, OK); strings.Count(r.out, "\n") != 48 {
		t.Errorf("%q", r.out)
	}
	if r := run("--log-format", "json").want(t, OK); strings.Count(r.err, `"msg":"deleted"`) != 51 || !strings.Contains(r.err, `"reason":"policy"`) {
		t.Errorf("%q", r.err)
	}
	if r := run("-v").want(t, OK); !strings.Contains(r.err, "ckpt: deleted path=") || strings.Count(r.out, "\n") != 48 {
		t.Errorf("%q, %q", r.out, r.err)
	}
	// where something is wrong, it says so
	r := remove(t, "prune", old(t, "2.0.0/rescale-claim", threeDays), "--keep-last", "1", "--apply", "-q").want(t, Refused)
	if r.out != "" || !strings.Contains(r.err, "guard other-roots") || !strings.Contains(r.err, "\nhint: name by --also-root") || strings.Count(r.err, "\n") != 2 {
		t.Errorf("%q, %q", r.out, r.err)
	}
}

// TestPruneCodes holds exit codes and words.
func TestPruneCodes(t *testing.T) {
	root := old(t, "2.2.0/savepoint-and-checkpoints", threeDays)
	other := old(t, "2.0.0/rescale-claim", threeDays)
	nothing := filepath.Join(t.TempDir(), "nothing")
	chk := filepath.Join(root, savedJob, "chk-1")
	for _, c := range []struct {
		code Code
		says string // on stderr
		args []string
	}{
		{OK, "", []string{root}},
		{OK, "", []string{root, other}},
		{Refused, "nothing lies here: is it mounted", []string{t.TempDir()}},
		{Refused, "no checkpoint lies below it: is it mounted", []string{root, "--also-root", t.TempDir()}},
		{Refused, "nothing of Flink's lies there: is it mounted", []string{root, "--ha-dir", chk}},
		{OK, "", []string{root, "--keep-last", "1", "--also-root", other}},
		{OK, "", []string{root, "--unsafe-min-age", "0s"}},
		{OK, "", []string{root, "--dry-run"}},
		{Findings, "(--strict)", []string{root, "--keep-last", "1", "--no-other-roots", "--strict"}},
		{Refused, "guard other-roots", []string{root, "--keep-last", "1"}},
		{Refused, "guard root: " + nothing + ": no such directory", []string{nothing}},
		{Refused, "guard root", []string{root, nothing}},
		{Refused, "guard root", []string{root, "--also-root", nothing}},
		{Refused, "guard high-availability", []string{root, "--ha-dir", nothing}},
		{Refused, "guard cluster", []string{root, "--flink-url", "http://127.0.0.1:1"}},
		{Refused, "further guard", []string{root, nothing, "--flink-url", "http://127.0.0.1:1"}},
		{Usage, "prune needs URL", nil},
		{Usage, "--keep-last -1", []string{root, "--keep-last", "-1"}},
		{Usage, "--keep-last 0", []string{root, "--keep-last", "0"}},
		{Findings, "guard job-state held something (--strict)", []string{root, "--keep-last", "1", "--no-other-roots", "--strict"}},
		{Usage, "contradict", []string{root, "--min-age", "2h", "--unsafe-min-age", "1m"}},
		{Usage, "contradict", []string{root, "--also-root", other, "--no-other-roots"}},
		{Usage, "contradict", []string{root, "--emit-tag-manifest", "x", "--apply"}},
		{Usage, "is for roots in S3", []string{root, "--emit-tag-manifest", filepath.Join(t.TempDir(), "x")}},
		{Usage, "want 1h or more", []string{root, "--min-age", "59m"}},
		{Usage, "want 6h or more", []string{"s3://bucket/x", "--min-age", "5h"}},
		{Usage, "no cluster is named", []string{root, "--clusters-complete"}},
		{Usage, "--ended", []string{root, "--ended", "xyz"}},
		{Usage, "--remove-all", []string{root, "--remove-all", "xyz"}},
		{Usage, "--job", []string{root, "--job", "xyz"}},
		{OK, "there are " + savedJob, []string{root, "--job", strings.Repeat("e", 32)}},
		{OK, "--remove-all names a job that is in no root", []string{root, "--no-other-roots", "--remove-all", strings.Repeat("e", 32)}},
		{OK, "a job that is in no root", []string{root, "--ended", strings.Repeat("e", 32)}},
		{Usage, "--max-orphan-percent", []string{root, "--max-orphan-percent", "101"}},
		{Usage, "no duration", []string{root, "--keep-within", "7x"}},
		{Usage, "not above 100 years", []string{root, "--assume-ended-after", "20000w"}},
		{Usage, "no size", []string{root, "--max-bytes", "many"}},
		{Usage, "--flink-url", []string{root, "--flink-url", "ftp://x"}},
		{Usage, "is a checkpoint", []string{chk}},
		{Usage, "named by --also-root", []string{root, "--also-root", root}},
		{Usage, "--trash: ", []string{root, "--trash", filepath.Join(root, "trash")}},
		{Usage, "--journal: ", []string{root, "--journal", filepath.Dir(root)}},
		{Usage, "unknown flag", []string{root, "--keep-latest", "1"}},
		{Failed, "no such file", []string{root, "--keep-from", nothing}},
		{Unreadable, "not a directory", []string{filepath.Join(chk, "_metadata")}},
	} {
		r := remove(t, append([]string{"prune"}, c.args...)...)
		if r.code != c.code || !strings.Contains(r.err, c.says) {
			t.Errorf("%v: exit code %d, want %d with %q; stderr: %s", c.args, r.code, c.code, c.says, r.err)
		}
	}
}

// TestPruneGuardsFromEnvironment: no variable deletes or loosens a guard.
func TestPruneGuardsFromEnvironment(t *testing.T) {
	root := old(t, "2.2.0/savepoint-and-checkpoints", time.Hour)
	before := filesBelow(t, root)
	env := map[string]string{"CKPT_KEEP_LAST": "1"}
	values := map[string]string{
		"apply": "true", "ended": "all", "clusters-complete": "true", "assume-ended-after": "1m", "no-other-roots": "true", "remove-all": savedJob,
		"remove-damaged": "true", "min-age": "1h", "unsafe-min-age": "0s", "max-orphan-percent": "100", "savepoints": "true", "trash": t.TempDir(),
		"entropy-prefix": root,
	}
	for flag, value := range values {
		env[envName(flag)] = value
	}
	r := call{env: env, now: pruneNow}.run(t, "prune", root).want(t, Refused)
	for flag := range values {
		if !strings.Contains(r.err, "variable="+envName(flag)+"\n") {
			t.Errorf("nothing is said of %s: %s", envName(flag), r.err)
		}
	}
	if !strings.Contains(r.err, "guard other-roots") || filesBelow(t, root) != before {
		t.Errorf("%s; %d files of %d", r.err, filesBelow(t, root), before)
	}
	// elsewhere --savepoints loosens nothing
	if r := (call{env: map[string]string{"CKPT_SAVEPOINTS": "true"}}).run(t, "latest", root); strings.Contains(r.err, "ignored") {
		t.Error(r.err)
	}
}

// TestPruneKeep: what is named stays, however it is named.
func TestPruneKeep(t *testing.T) {
	root := old(t, "2.2.0/savepoint-and-checkpoints", threeDays)
	chk := filepath.Join(root, savedJob, "chk-1")
	t.Chdir(filepath.Join(root, savedJob))
	args := append([]string{root, "--keep-last", "1"}, evidence...)
	for _, name := range []string{chk, chk + "/_metadata", "file://" + chk, savedJob + "/chk-1", "chk-1", "/elsewhere/" + savedJob + "/chk-1"} {
		if got := pruned(t, OK, append(args, "--keep", name)...).gone(); !slices.Equal(got, []string{"chk-3"}) {
			t.Errorf("--keep %s: goes %v", name, got)
		}
	}
	list := "# held by CI\n\n  " + chk + "\n" + filepath.Join(root, savedJob, "chk-3") + "\n"
	var doc pruneDocument
	call{stdin: list, now: pruneNow}.run(t, append([]string{"prune", "-o", "json", "--keep-from", "-"}, args...)...).want(t, OK).decode(t, &doc)
	if len(doc.Delete) != 0 || len(doc.Notes) != 0 {
		t.Errorf("goes %v, notes %v", doc.gone(), doc.Notes)
	}
	file := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(file, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	if doc := pruned(t, OK, append(args, "--keep-from", file)...); len(doc.Delete) != 0 {
		t.Errorf("goes %v", doc.gone())
	}
	if r := remove(t, append(append([]string{"prune"}, args...), "--keep", "")...); r.code != Usage {
		t.Errorf("an empty --keep: %d", r.code)
	}
}

// TestPrunePlaces: the nearest place counts, whatever tree is listed.
func TestPrunePlaces(t *testing.T) {
	root := old(t, "2.2.0/savepoint-and-checkpoints", threeDays)
	job := filepath.Join(root, savedJob)
	args := append([]string{"--keep-last", "1"}, "--ended", "all")
	doc := pruned(t, OK, append(args, job, "--also-root", root)...)
	if got := doc.gone(); !slices.Equal(got, []string{"chk-1", "chk-3"}) || !slices.Equal(doc.Roots, []string{job}) {
		t.Errorf("goes %v of %v", got, doc.Roots)
	}
	doc = pruned(t, OK, append(args, root, "--also-root", job)...)
	if len(doc.Delete) != 0 || doc.guard(t, prune.GuardPlace).Outcome != "hold" {
		t.Errorf("goes %v", doc.gone())
	}
	several := pruned(t, OK, append(args, job, filepath.Join(root, "savepoints"), "--no-other-roots")...)
	if len(several.Roots) != 2 || several.Delete[0].Root != job || several.Keep[0].Root == "" {
		t.Errorf("%+v", several.Roots)
	}
}

// TestPruneClock: ages are differences of two clocks.
func TestPruneClock(t *testing.T) {
	p := &pruning{env: &Env{Now: func() time.Time { return testNow }}, safety: prune.DefaultSafety()}
	for off, stops := range map[time.Duration]bool{0: false, 4 * time.Minute: false, 6 * time.Minute: true, -6 * time.Minute: true} {
		p.stops = nil
		if err := p.checkClock(t.Context(), clockStore{now: testNow.Add(off)}); err != nil {
			t.Fatal(err)
		}
		if stopped := len(p.stops) == 1 && p.stops[0].Guard == prune.GuardClock; stopped != stops {
			t.Errorf("%v off: %v", off, p.stops)
		}
	}
	if err := p.checkClock(t.Context(), clockStore{err: os.ErrPermission}); err == nil {
		t.Error("a clock that cannot be read passes")
	}
}

func TestParseDays(t *testing.T) {
	const day = 24 * time.Hour
	for in, want := range map[string]time.Duration{
		"7d": 7 * day, "2w": 14 * day, "1w2d12h": 9*day + 12*time.Hour, "1.5d": 36 * time.Hour, "90m": 90 * time.Minute, "0s": 0, "0": 0, "0d": 0,
		"36500d": longestTime, "876000h": longestTime,
	} {
		got, err := parseDays(in)
		if err != nil || got != want {
			t.Errorf("%s: %v, %v", in, got, err)
		}
		if again, err := parseDays(formatDays(want)); err != nil || again != want {
			t.Errorf("%s is written as %s", in, formatDays(want))
		}
	}
	for _, in := range []string{"", "d", "-1d", "7x", "-1h", "1d-2h", "1e9d", "NaNd", "7 d", "99999d9999999h",
		"20000w", "15251w", "99999w", "36501d", "5000w5000w", "876001h", "36500d1h", "1e308w", "Infd"} {
		if got, err := parseDays(in); err == nil {
			t.Errorf("%q is %v", in, got)
		}
	}
	if got := fmt.Sprintln(formatDays(26*time.Hour), formatDays(time.Hour), formatDays(0), formatDays(90*time.Second)); got != "1d2h 1h 0s 1m30s\n" {
		t.Error(got)
	}
}
