package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/testdata"
	"github.com/google/go-cmp/cmp"
)

// The grammar of the text format, line by line. A value of a label has no quote, backslash
// or line feed that is not escaped.
var (
	helpLine   = regexp.MustCompile(`^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) ((?:[^\\\n]|\\\\|\\n)*)$`)
	typeLine   = regexp.MustCompile(`^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) gauge$`)
	sampleLine = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\\\|\\"|\\n)*"(?:,|(?:\})))+)? (-?[0-9.]+)$`)
)

// parseMetrics refuses what Prometheus would refuse: besides the grammar, a family in two
// places, a series that occurs twice, a sample without HELP and TYPE.
func parseMetrics(t *testing.T, text string) map[string]float64 {
	t.Helper()
	if !strings.HasSuffix(text, "\n") {
		t.Fatalf("the last line does not end:\n%s", text)
	}
	samples, seen, family, typed := map[string]float64{}, map[string]bool{}, "", ""
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		if m := helpLine.FindStringSubmatch(line); m != nil {
			if family = m[1]; seen[family] {
				t.Errorf("%s stands in two places", family)
			}
			seen[family] = true
			continue
		}
		if m := typeLine.FindStringSubmatch(line); m != nil {
			typed = m[1]
			continue
		}
		m := sampleLine.FindStringSubmatch(line)
		if m == nil {
			t.Errorf("not of the grammar: %q", line)
			continue
		}
		if m[1] != family || m[1] != typed || !strings.HasPrefix(m[1], "ckpt_") {
			t.Errorf("%s is in the family %s of the type of %s", m[1], family, typed)
		}
		value, err := strconv.ParseFloat(m[3], 64)
		if _, twice := samples[m[1]+m[2]]; twice || err != nil {
			t.Errorf("twice, or no number: %s %v", line, err)
		}
		samples[m[1]+m[2]] = value
	}
	return samples
}

func TestMetricsText(t *testing.T) {
	m := newMetrics()
	m.gauge("ckpt_b", "A line\nand a \\ \"quote\".", 1.5)
	m.gauge("ckpt_a", "Other.", 1<<53, "root", "C:\\x\n\"y\"", "job", "")
	m.gauge("ckpt_b", "not taken", -2, "root", "broken \xff, ü")
	m.gauge("ckpt_a", "not taken", 7, "root", "C:\\x\n\"y\"", "job", "")
	m.gauge("ckpt_a", "not taken", 1772366400.25)
	want := `# HELP ckpt_b A line\nand a \\ "quote".
# TYPE ckpt_b gauge
ckpt_b 1.5
ckpt_b{root="broken ` + "\uFFFD" + `, ü"} -2
# HELP ckpt_a Other.
# TYPE ckpt_a gauge
ckpt_a{root="C:\\x\n\"y\"",job=""} 7
ckpt_a 1772366400.25
`
	if diff := cmp.Diff(want, m.text()); diff != "" {
		t.Error(diff)
	}
	if n := len(parseMetrics(t, m.text())); n != 4 {
		t.Errorf("%d samples", n)
	}
	var none *metrics
	none.gauge("ckpt_a", "Nobody wants it.", 1)
}

// metricsTree is a tree whose times are known.
func metricsTree(t *testing.T, name string) string {
	t.Helper()
	root := testdata.Tree(t, name)
	err := filepath.WalkDir(root, func(file string, _ os.DirEntry, err error) error {
		at := testNow.Add(-time.Hour)
		if strings.Contains(file, "chk-4") {
			at = at.Add(-30 * time.Minute)
		}
		return errors.Join(err, os.Chtimes(file, at, at))
	})
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// measured runs a command and gives what it has written.
func measured(t *testing.T, code Code, args ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ckpt.prom")
	ckpt(t, append(args, "--metrics-file", file)...).want(t, code)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v %v", left, err)
	}
	if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o644 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	return string(text)
}

func TestMetricsOfCommands(t *testing.T) {
	root := metricsTree(t, "2.2.0/rocksdb-incremental-small")
	for _, command := range []string{"ls", "du", "verify"} {
		text := measured(t, OK, command, root)
		golden(t, "metrics-"+command+".txt", strings.ReplaceAll(text, root, "ROOT"))
		samples := parseMetrics(t, text)
		if at := samples[fmt.Sprintf("ckpt_last_run_timestamp_seconds{command=%q,root=%q}", command, root)]; int64(at) != testNow.Unix() {
			t.Errorf("%s: ran at %v", command, at)
		}
	}
}

// The metrics tell the exit code that there is, whatever it is.
func TestMetricsExitCode(t *testing.T) {
	root := testdata.Root(t)
	damaged := metricsTree(t, "2.0.0/rescale-claim")
	for _, c := range []struct {
		code Code
		args []string
	}{
		{OK, []string{"ls", filepath.Join(root, "flink/2.2.0/small-files")}},
		{Findings, []string{"ls", filepath.Join(root, "bad")}},
		{Findings, []string{"verify", damaged}},
		{NotFound, []string{"ls", filepath.Join(root, "nothing")}},
		{NotFound, []string{"verify", "latest:" + t.TempDir()}},
		{Unreadable, []string{"verify", filepath.Join(root, "bad/version-1")}},
		{Unreadable, []string{"du", filepath.Join(root, "bad/version-1")}},
		{Usage, []string{"ls", root, "--state", "nonsense"}},
		{Usage, []string{"du", root, "--top", "-1"}},
		{Usage, []string{"verify", root, "--sample", "5%"}},
		{Usage, []string{"ls", root, "--no-such-flag"}},
		{Usage, []string{"prune", root, "--keep-last", "many", "-v"}},
		{Usage, []string{"prune", root, "-o", "xml"}},
		{Usage, []string{"prune", root, "--keep-last", "0"}},
		{Refused, []string{"prune", filepath.Join(root, "nothing")}},
	} {
		text := measured(t, c.code, c.args...)
		want := fmt.Sprintf("ckpt_exit_code{command=%q,root=%q} %d\n", c.args[0], strings.TrimPrefix(c.args[1], "latest:"), c.code)
		if !strings.Contains(text, want) {
			t.Errorf("%v: no %s in\n%s", c.args, want, text)
		}
		parseMetrics(t, text)
	}
}

// A job without a good checkpoint has the time 0, so that an alert on its age fires.
func TestMetricsOfNothingGood(t *testing.T) {
	root := metricsTree(t, "2.2.0/small-files")
	files, err := filepath.Glob(filepath.Join(root, "*", "chk-*", "_metadata"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%v %v", files, err)
	}
	for _, file := range files {
		if err := os.Truncate(file, 7); err != nil {
			t.Fatal(err)
		}
	}
	code := Findings
	if len(files) == 1 {
		code = Unreadable
	}
	job := filepath.Base(filepath.Dir(filepath.Dir(files[0])))
	for command, what := range map[string]string{"ls": "complete", "verify": "verified"} {
		name := fmt.Sprintf("ckpt_newest_%s_checkpoint_timestamp_seconds{root=%q,job_id=%q}", what, root, job)
		at, ok := parseMetrics(t, measured(t, code, command, root))[name]
		if !ok || at != 0 {
			t.Errorf("%s %v %v", name, at, ok)
		}
	}
}

// Metrics that cannot be written are an error, which hides none that is worse and none
// that says more.
func TestMetricsNotWritten(t *testing.T) {
	root := testdata.Root(t)
	nowhere := filepath.Join(t.TempDir(), "nothing", "ckpt.prom")
	isDir := t.TempDir()
	for _, c := range []struct {
		file string
		code Code
		args []string
		also string
	}{
		{nowhere, Failed, []string{"ls", filepath.Join(root, "flink/2.2.0/small-files")}, ""},
		{isDir, Failed, []string{"ls", filepath.Join(root, "flink/2.2.0/small-files")}, ""},
		{nowhere, Failed, []string{"ls", filepath.Join(root, "bad")}, ""},
		{nowhere, Failed, []string{"ls", filepath.Join(root, "nothing")}, "no such directory"},
		{nowhere, Usage, []string{"ls", root, "--state", "nonsense"}, "no state"},
	} {
		r := ckpt(t, append(c.args, "--metrics-file", c.file)...).want(t, c.code)
		if !strings.Contains(r.err, "writing metrics to "+c.file) || !strings.Contains(r.err, c.also) {
			t.Errorf("%v: %s", c.args, r.err)
		}
	}
	if left, err := os.ReadDir(filepath.Dir(isDir)); err != nil || len(left) > 2 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestWithMetricsError(t *testing.T) {
	e := &metricsError{"f", errors.New("full")}
	env := call{}.world(nil)
	var log strings.Builder
	env.Log = newLogger(&log, false, 0)
	for _, c := range []struct {
		err  error
		code Code
	}{{nil, Failed}, {status(Findings), Failed}, {status(Refused), Refused}, {&notFoundError{"no", "x"}, Failed}, {usagef("", "no"), Usage}} {
		joined := env.withMetricsError(c.err, e)
		if got := entryOf(joined).code; got != c.code {
			t.Errorf("%v: exit code %d, want %d", c.err, got, c.code)
		}
		if env.withMetricsError(c.err, nil) != c.err {
			t.Errorf("%v is not the same", c.err)
		}
	}
	if !strings.Contains(log.String(), "writing metrics to f: full") {
		t.Errorf("not told: %q", log.String())
	}
}

// An interrupted command says so.
func TestMetricsOfSignal(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(&signalError{syscall.SIGTERM})
	file := filepath.Join(t.TempDir(), "ckpt.prom")
	call{ctx: ctx}.run(t, "du", filepath.Join(testdata.Root(t), "flink"), "--metrics-file", file).want(t, Terminated)
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), "} 143\n") {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestCodeOf(t *testing.T) {
	for _, c := range []struct {
		out  error
		err  error
		code Code
	}{
		{nil, nil, OK},
		{nil, status(Findings), Findings},
		{&outputError{syscall.EPIPE}, status(Findings), OK},
		{&outputError{syscall.ENOSPC}, nil, Failed},
	} {
		out := &guardedWriter{w: &strings.Builder{}, err: c.out}
		env := call{}.world(nil)
		env.Out, env.Err = out, &strings.Builder{}
		if got, end := env.codeOf(t.Context(), c.err), env.conclude(t.Context(), out, c.err); got != c.code || end != c.code {
			t.Errorf("%v, %v: %d, and %d in the end; want %d", c.out, c.err, got, end, c.code)
		}
	}
}

func TestMetricsOfPrune(t *testing.T) {
	m := newMetrics()
	m.pruned("s3://b/cp", &pruneCounts{applied: true, plannedObjects: 9, plannedBytes: 90, deletedObjects: 8, deletedBytes: 80, failedObjects: 1,
		guards: []guardOutcome{{"young-files", "hold", 2}, {"clock", "passed", 0}}})
	m.pruned("/other", &pruneCounts{})
	golden(t, "metrics-prune.txt", m.text())
	parseMetrics(t, m.text())
}

func TestRootsOf(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"s3://b/cp", "/data/flink", here, filepath.Join(here, "x")}
	if diff := cmp.Diff(want, rootsOf([]string{"s3a://b//cp/", "latest:file:///data/flink/", ".", "latest:x"})); diff != "" && runtime.GOOS != "windows" {
		t.Error(diff)
	}
}
