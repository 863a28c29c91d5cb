package cmd

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/prune"
	"github.com/ckpt-tool/ckpt/testdata"
	"github.com/spf13/pflag"
)

// TestPruneSummary: cron's line tells what was not done, and why.
func TestPruneSummary(t *testing.T) {
	claim := "2.0.0/rescale-claim"
	for name, c := range map[string]struct {
		tree  string
		flags []string
		says  []string
	}{
		"no evidence": {claim, []string{"--keep-last", "1", "--no-other-roots"},
			[]string{"deleted 0 files, 0 B, of 0 checkpoints; kept 5 checkpoints; stopped 2 jobs: no evidence that they have ended (job-state)"}},
		"one job": {"2.2.0/savepoint-and-checkpoints", []string{"--keep-last", "1", "--no-other-roots"},
			[]string{"; stopped 1 job: no evidence that it has ended (job-state)\n"}},
		"bytes": {"2.2.0/savepoint-and-checkpoints", append([]string{"--keep-last", "2", "--max-bytes", "1k"}, evidence...),
			[]string{"more than --max-bytes"}},
		"held": {"1.20.0/changelog-rocksdb-materialized", nil, []string{"; guards hold 8 files, 34.4 KiB (passed-over)\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := remove(t, append([]string{"prune", old(t, c.tree, threeDays), "--apply"}, c.flags...)...).want(t, OK)
			for _, want := range c.says {
				if !strings.Contains(r.out, want) || strings.Count(r.out, "\n") != 1 {
					t.Errorf("no %q in %q", want, r.out)
				}
			}
		})
	}
}

// TestPruneManyFailures: a line for each reason, and one for each object where that was
// asked for.
func TestPruneManyFailures(t *testing.T) {
	refuses := func(key string) error {
		if strings.Contains(key, "/shared/") {
			return fs.ErrPermission
		}
		return nil
	}
	run := func(flags ...string) result {
		root := old(t, "2.2.0/savepoint-and-checkpoints", threeDays)
		return removeWith(t, call{}, refuses, slices.Concat([]string{"prune", root, "--keep-last", "1", "--apply"}, evidence, flags)...).want(t, Findings)
	}
	if r := run(); strings.Count(r.err, "\n") > 4 || !regexp.MustCompile(`(?m)^ckpt: error: not deleted objects=36 error="permission denied" example=\S+/shared/`).MatchString(r.err) {
		t.Error(r.err)
	}
	if r := run("-v"); strings.Count(r.err, "not deleted path=") != 36 {
		t.Error(r.err)
	}
	if r := run("-o", "table"); !strings.Contains(r.out, "not deleted: 36 objects: permission denied, such as /") || strings.Contains(r.err, "objects=") {
		t.Errorf("%s\n%s", r.out, r.err)
	}
}

// TestGuardHints: each guard that stops everything tells the way out, in the words of the
// guide.
func TestGuardHints(t *testing.T) {
	guide := readText(t, "../docs/safety.md")
	plainly := strings.NewReplacer("`", "", "[permissions.md](permissions.md)", "docs/permissions.md").Replace(guide)
	for _, g := range prune.Guards {
		hint := guardHints[g.Name]
		switch {
		case (g.Class == prune.StopAll) != (hint != ""):
			t.Errorf("%s, a guard of the class %s, has the hint %q", g.Name, g.Class, hint)
		case hint == "":
		case !strings.Contains(strings.ToLower(plainly), fmt.Sprintf("| %s. |", strings.ToLower(hint))):
			t.Errorf("%s: docs/safety.md does not say %q", g.Name, hint)
		}
	}
	root := old(t, "2.2.0/savepoint-and-checkpoints", threeDays)
	torn := filepath.Join(root, savedJob, "chk-3", "_metadata")
	if err := os.Truncate(torn, 100); err != nil {
		t.Fatal(err)
	}
	e := remove(t, append([]string{"prune", root, "--keep-last", "1", "-o", "json"}, evidence...)...).want(t, Refused).decodeError(t)
	if e.Guard != "metadata" || e.Path != torn || e.Hint != guardHints[prune.GuardMetadata] {
		t.Errorf("%+v", e)
	}
}

// TestPruneBasis: a plan tells what it rests on.
func TestPruneBasis(t *testing.T) {
	root, other := old(t, "2.2.0/savepoint-and-checkpoints", threeDays), old(t, "2.2.0/small-files", threeDays)
	args := []string{root, "--also-root", other, "--ended", savedJob, "--assume-ended-after", "14d", "--keep-last", "1"}
	doc := pruned(t, OK, args...)
	if !slices.Equal(doc.Roots, []string{root}) || !slices.Equal(doc.AlsoRoots, []string{other}) || !slices.Equal(doc.Evidence, []string{"--ended " + savedJob, "--assume-ended-after 14d"}) {
		t.Errorf("%+v", doc.pruneBasis)
	}
	out := remove(t, append([]string{"prune", "-o", "table"}, args...)...).want(t, OK).out
	want := "Looked in " + root + " (5 snapshots)\n  also in " + other + " (3 snapshots)\n  evidence: 1 job by --ended, --assume-ended-after 14d\n"
	if !strings.HasPrefix(out, want) {
		t.Errorf("%s\nwant %s", out, want)
	}
}

// TestPruneApplyFewer: a saved plan of which less may go says so.
func TestPruneApplyFewer(t *testing.T) {
	root := old(t, "2.2.0/savepoint-and-checkpoints", threeDays)
	plan := filepath.Join(t.TempDir(), "plan")
	r := remove(t, append([]string{"prune", root, "--keep-last", "1", "--plan", plan}, evidence...)...).want(t, OK)
	if !strings.Contains(r.err, "the plan was saved") || !strings.Contains(r.err, plan) {
		t.Error(r.err)
	}
	if err := os.RemoveAll(filepath.Join(root, savedJob, "chk-1")); err != nil {
		t.Fatal(err)
	}
	r = remove(t, "prune", "apply", plan).want(t, OK)
	if !strings.Contains(r.err, "the plan had 2 checkpoints and 48 files; 1 and ") {
		t.Error(r.err)
	}
}

// TestMetricsOfRefusal: what was refused is measured, guard by guard.
func TestMetricsOfRefusal(t *testing.T) {
	nothing := filepath.Join(t.TempDir(), "nothing")
	samples := parseMetrics(t, measured(t, Refused, "prune", nothing))
	for _, g := range prune.Guards {
		outcome, count := "passed", 0.0
		if g.Name == prune.GuardRoot {
			outcome, count = "stop-all", 1
		}
		name := fmt.Sprintf("ckpt_prune_guard{root=%q,name=%q,outcome=%q}", nothing, g.Name, outcome)
		if at, ok := samples[name]; !ok || at != count {
			t.Errorf("%s: %v, %v", name, at, ok)
		}
	}
}

// TestMetricsOfMistake: a command line that cannot be parsed is measured where it tells
// the file, whatever stands where.
func TestMetricsOfMistake(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ckpt.prom")
	for _, args := range [][]string{
		{"prune", "--keep-last", "x", "/data", "--metrics-file", file},
		{"prune", "-o", "tsv", "--keep-last=x", "--metrics-file=" + file, "--", "/data"},
		{"prune", "--nonsense", "/data", "--metrics-file", file, "-v"},
	} {
		ckpt(t, args...).want(t, Usage)
		if text := readText(t, file); !strings.Contains(text, "ckpt_exit_code{command=\"prune\",root=\"/data\"} 64\n") {
			t.Errorf("%v: %s", args, text)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	call{env: map[string]string{"CKPT_METRICS_FILE": file}}.run(t, "prune").want(t, Usage)
	if text := readText(t, file); !strings.Contains(text, "ckpt_exit_code{command=\"prune\",root=\"\"} 64\n") {
		t.Error(text)
	}
}

// TestMvPlan: a plan of mv tells what it rests on, and what deleting the source frees.
func TestMvPlan(t *testing.T) {
	root := old(t, "2.2.0/savepoint-and-checkpoints", threeDays)
	args := append([]string{"mv", filepath.Join(root, savedJob, "chk-1"), filepath.Join(t.TempDir(), "copy")}, evidence...)
	out := remove(t, append(args, "-o", "table")...).want(t, OK).out
	for _, want := range []string{"Looked in " + root + " (5 snapshots)\n", "would move 29 files", "\n  deleting the source would free 146.2 KiB in 30 files\n", "Add --apply to do it.\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	var doc struct {
		Roots, AlsoRoots, Evidence []string
		Frees                      cpFrees
	}
	remove(t, append(args, "-o", "json")...).want(t, OK).decode(t, &doc)
	if doc.Frees.Files != 30 || !slices.Equal(doc.Roots, []string{root}) || doc.AlsoRoots == nil || !slices.Equal(doc.Evidence, []string{"--ended all"}) {
		t.Errorf("%+v", doc)
	}
	if r := remove(t, append(args, "-q", "--apply")...).want(t, OK); r.out != "" || r.err != "" {
		t.Errorf("%q, %q", r.out, r.err)
	}
}

// TestCpAgain: a copy that is complete is not made again, and -q says nothing.
func TestCpAgain(t *testing.T) {
	args := []string{"cp", "latest:" + filepath.Join(testdata.Root(t), "flink", "1.20.0", "changelog-rocksdb-materialized"), filepath.Join(t.TempDir(), "copy")}
	if r := ckpt(t, append(args, "-q")...).want(t, OK); r.out != "" || r.err != "" {
		t.Errorf("%q, %q", r.out, r.err)
	}
	if r := ckpt(t, append(args, "-o", "table")...).want(t, OK); !strings.HasPrefix(r.out, "nothing to do: the copy ") {
		t.Error(r.out)
	}
	if r := ckpt(t, args...).want(t, OK); !strings.Contains(r.err, "its paths are absolute") || !strings.Contains(r.out, "\tkept\t") {
		t.Errorf("%s\n%s", r.out, r.err)
	}
}

// TestCpInterrupted: what was begun goes on with the same command, and that is said.
func TestCpInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	args := []string{"cp", "latest:" + filepath.Join(testdata.Root(t), "flink", "2.2.0", "small-files"), filepath.Join(t.TempDir(), "copy")}
	var out, errs strings.Builder
	env := call{}.world(args)
	env.Out, env.Err = &out, &errs
	open := env.OpenMutable
	env.OpenMutable = func(ctx context.Context, url string) (layout.MutableStore, error) {
		s, err := open(ctx, url)
		return interrupting{s, func() { cancel(&signalError{syscall.SIGINT}) }}, err
	}
	if code := Run(ctx, env); code != Interrupted || errs.String() != "ckpt: interrupted\nhint: the same command goes on with what was copied\n" {
		t.Errorf("%d: %s", code, errs.String())
	}
	ckpt(t, args...).want(t, OK)
}

// interrupting is a store in which the first file that is created comes with a signal.
type interrupting struct {
	layout.MutableStore
	signal func()
}

// Create implements layout.Putter.
func (s interrupting) Create(ctx context.Context, key string, content io.Reader, size int64) (layout.Object, error) {
	s.signal()
	return layout.Object{}, ctx.Err()
}

// TestHelpNamesTheGuide: who may lose something is told where to read on.
func TestHelpNamesTheGuide(t *testing.T) {
	for _, command := range []string{"prune", "prune apply", "prune restore", "prune empty-trash", "rm", "cp", "mv"} {
		if out := ckpt(t, append(strings.Fields(command), "--help")...).want(t, OK).out; !strings.Contains(out, "docs/safety.md") {
			t.Errorf("%s: %s", command, out)
		}
	}
}

// TestTypedFlagsDocumented: the guide has all flags that the environment cannot set.
func TestTypedFlagsDocumented(t *testing.T) {
	_, section, _ := strings.Cut(readText(t, "../docs/scripting.md"), "## Settings from the environment\n")
	section, _, _ = strings.Cut(section, "\n## ")
	seen := 0
	for _, c := range allCommands(newRoot(call{}.world(nil))) {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !isTyped(f) || strings.HasPrefix(f.Name, "unsafe-") || strings.HasPrefix(f.Name, "remove-") {
				return
			}
			if seen++; !strings.Contains(section, "`--"+f.Name+"`") {
				t.Errorf("%s --%s is not in the list of docs/scripting.md", c.CommandPath(), f.Name)
			}
		})
	}
	if seen == 0 {
		t.Error("no flag")
	}
}
