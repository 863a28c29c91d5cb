package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// jobFile writes a job file: numbers into a sink, of a state backend, with more lines besides.
func jobFile(t *testing.T, more string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "job.yaml")
	text := `name: small
parameters:
  records: 1000
  dir: null
  out: null
checkpointing:
  execution.checkpointing: {interval: 20ms, dir: "${dir}", externalized-checkpoint-retention: RETAIN_ON_CANCELLATION}
sources:
  - {uid: numbers, type: sequence, records: "${records}"}
operators:
  - {uid: keys, type: map, input: numbers, select: {key: n % 10, n: n}}
  - {uid: sums, type: aggregate, input: keys, key-by: key, aggregates: {sum: sum(n)}}
sinks:
  - {uid: out, type: files, input: sums, url: "${out}", format: json}
` + more
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// runArgs are those of a run of jobFile.
func runArgs(file, dir string, more ...string) []string {
	return append([]string{"run", file, "--set", "dir=" + filepath.Join(dir, "chk"), "--set", "out=" + filepath.Join(dir, "out")}, more...)
}

// TestRunJSON: the report is the last line, in the form of docs/scripting.md.
func TestRunJSON(t *testing.T) {
	dir := t.TempDir()
	r := ckpt(t, runArgs(jobFile(t, ""), dir, "-o", "json")...).want(t, OK)
	var report struct {
		Schema, Job, JobID, Status string
		Records                    int64
		Seconds                    float64
		Checkpoints                struct {
			Completed, Failed int64
			LastPath          *string
		}
	}
	if err := json.Unmarshal([]byte(r.out), &report); err != nil {
		t.Fatalf("%v\n%s", err, r.out)
	}
	if report.Schema != "ckpt.run/v1" || report.Job != "small" || report.Status != "FINISHED" || report.Records != 1000 || report.Checkpoints.Completed < 1 || len(report.JobID) != 32 {
		t.Errorf("%+v", report)
	}
	if n := len(visible(t, filepath.Join(dir, "out"))); n != 1000 {
		t.Errorf("%d records", n)
	}
}

func TestRunWrong(t *testing.T) {
	file := jobFile(t, "")
	for _, c := range []struct {
		args []string
		code Code
		want string
	}{
		{[]string{"run"}, Usage, "there is no job to run"},
		{[]string{"run", "a", "b"}, Usage, "at most one"},
		{[]string{"run", filepath.Join(t.TempDir(), "none.yaml")}, Failed, "no such file"},
		{[]string{"run", file}, Usage, "dir"},
		{runArgs(file, t.TempDir(), "--set", "recrods=1"), Usage, "recrods"},
		{runArgs(file, t.TempDir(), "--set", "records"), Usage, "KEY=VALUE"},
		{runArgs(file, t.TempDir(), "--set", "records=many"), Usage, "many"},
		{runArgs(file, t.TempDir(), "-p", "-1"), Usage, "--parallelism -1"},
		{runArgs(file, t.TempDir(), "-p", "40000"), Usage, "32768"},
		{runArgs(file, t.TempDir(), "-s", filepath.Join(t.TempDir(), "chk-1")), NotFound, "no such"},
		{runArgs(file, t.TempDir(), "--claim-mode", "mine"), Usage, "claim"},
		{runArgs(file, t.TempDir(), "-D", "execution.checkpointing.storage=mine"), Usage, `"mine" is not known`},
		{runArgs(jobFile(t, "state: {state.backend.type: forst}\n"), t.TempDir()), Usage, "ForSt"},
		{runArgs(jobFile(t, "state: {state.backend.typ: hashmap}\n"), t.TempDir()), Usage, "state.backend.typ"},
		{runArgs(jobFile(t, "sink: []\n"), t.TempDir()), Usage, "sink"},
	} {
		r := ckpt(t, c.args...)
		if r.code != c.code || !strings.Contains(r.err, c.want) {
			t.Errorf("%v: exit code %d, want %d and %q:\n%s", c.args, r.code, c.code, c.want, r.err)
		}
	}
}

// TestRunIncompatible: what does not fit is told by uid and hash, and nothing is run.
func TestRunIncompatible(t *testing.T) {
	dir := t.TempDir()
	savepoint := leave(t, dir, "hashmap")
	other := strings.NewReplacer("uid: sums", "uid: totals", "input: sums", "input: totals")
	text, err := os.ReadFile(jobFile(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "other.yaml")
	if err := os.WriteFile(file, []byte(other.Replace(string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, check := range []string{"--check=true", "--check=false"} {
		r := ckpt(t, runArgs(file, t.TempDir(), "-s", savepoint, check)...).want(t, Incompatible)
		for _, want := range []string{`"sums"`, "--allow-non-restored-state"} {
			if !strings.Contains(r.err, want) {
				t.Errorf("no %s in\n%s", want, r.err)
			}
		}
	}
	ckpt(t, runArgs(file, t.TempDir(), "-s", savepoint, "-n")...).want(t, OK)
	typed := strings.ReplaceAll(string(text), "sum(n)", "max(n)")
	if err := os.WriteFile(file, []byte(typed), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := ckpt(t, runArgs(file, t.TempDir(), "-s", savepoint)...).want(t, Incompatible); !strings.Contains(r.err, "aggregates") {
		t.Errorf("%s", r.err)
	}
}

// TestRunSettings: what is wrong with a setting is told where it stands, and of several that are not known all are.
func TestRunSettings(t *testing.T) {
	for _, c := range []struct {
		more, define string
		want         []string
	}{
		{"state:\n  state.backend.typ: hashmap\nrestart:\n  a.b: none\n", "", []string{
			"job.yaml:16:3: the setting state.backend.typ is not known to the engine (did you mean state.backend.type?)\n", "job.yaml:18:3: the setting a.b is not known to the engine (docs/run.md"}},
		{"state:\n  state.backend.type: forst\n", "", []string{"job.yaml:16:3: state.backend.type: forst"}},
		{"state:\n  state.backend: forst\n", "", []string{"job.yaml:16:3: state.backend.type: forst"}},
		{"restart:\n  restart-strategy: {type: fixed-delay, fixed-delay: {delay: soon}}\n", "", []string{`job.yaml:16:55: restart-strategy.fixed-delay.delay: "soon" is not a time`}},
		{"", "restart-strategy.failure-rate.delay=soon", nil},
		{"restart: {restart-strategy.type: failure-rate}\n", "restart-strategy.failure-rate.delay=soon", []string{`-D: restart-strategy.failure-rate.delay: "soon" is not a time`}},
	} {
		args := runArgs(jobFile(t, c.more), t.TempDir(), "--check")
		if c.define != "" {
			args = append(args, "-D", c.define)
		}
		if r := ckpt(t, args...); c.want != nil && r.code != Usage || c.want == nil && r.code != OK {
			t.Errorf("%q: exit code %d\n%s", c.more, r.code, r.err)
		} else {
			for _, want := range c.want {
				if !strings.Contains(r.err, want) {
					t.Errorf("%q: no %q in\n%s", c.more, want, r.err)
				}
			}
		}
	}
}

// TestRunVariables: variables that are there for other commands do not keep a job from running.
func TestRunVariables(t *testing.T) {
	args := runArgs(jobFile(t, ""), t.TempDir(), "--check")
	call{env: map[string]string{"CKPT_JOB": strings.Repeat("a", 32), "CKPT_MAP": "/a=/b"}}.run(t, args...).want(t, OK)
	ckpt(t, append(args, "--job", strings.Repeat("a", 32))...).want(t, Usage)
}

// brokenOutput is standard output that takes some bytes, and then no more.
type brokenOutput struct {
	left int
	err  error
}

func (b *brokenOutput) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, b.err
	}
	return len(p), nil
}

// TestRunBrokenOutput: a job whose records nobody takes any more ends at once, whatever its restart strategy: quietly where a pipe was closed.
func TestRunBrokenOutput(t *testing.T) {
	file := filepath.Join(t.TempDir(), "job.yaml")
	text := `name: endless
restart: {restart-strategy.type: exponential-delay}
sources:
  - {uid: numbers, type: datagen, columns: {n: {counter: {}}}}
sinks:
  - {uid: out, type: stdout, input: numbers, format: json}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		broken error
		code   Code
		said   string
	}{
		"closed pipe": {io.ErrClosedPipe, OK, ""},
		"full disk":   {errors.New("no space left"), Failed, "ckpt: writing the output: no space left\n"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			var said strings.Builder
			env := call{}.world([]string{"run", file})
			env.Out, env.Err = &brokenOutput{10_000, c.broken}, &said
			if code := Run(ctx, env); code != c.code || ctx.Err() != nil {
				t.Errorf("exit code %d, %v", code, ctx.Err())
			}
			if s := said.String(); strings.Contains(s, "restarts error") || c.said == "" && s != "" || !strings.HasSuffix(s, c.said) {
				t.Errorf("%q", s)
			}
		})
	}
}

// TestRunLine: on a terminal, records go above the line that tells how the job is doing.
func TestRunLine(t *testing.T) {
	env := call{terminal: true, width: 40}.world(nil)
	var screen strings.Builder
	line := &statusLine{w: &screen}
	env.Out, env.Err = &screen, line
	w := &recordWriter{env: env}
	line.set("job: 5 records")
	if _, err := w.Write([]byte("{}\n")); err != nil {
		t.Fatal(err)
	}
	if got, want := screen.String(), clearLine+"job: 5 records"+clearLine+"{}\njob: 5 records"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	parts := []string{"job: 1 records", "ümläut", "watermark 1s behind"}
	for width, want := range map[int]string{0: "job: 1 records, ümläut, watermark 1s behind", 22: "job: 1 records, ümläut", 21: "job: 1 records", 5: "job: 1 records"} {
		if got := fitting(parts, width); got != want {
			t.Errorf("%d columns: %q", width, got)
		}
	}
}

// leave runs a job that fails in the end, and gives the checkpoint that it leaves.
func leave(t *testing.T, dir, backend string) string {
	t.Helper()
	more := "state: {state.backend.type: " + backend + "}\nrestart: {restart-strategy.type: none}\n"
	file := jobFile(t, more)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	failing := strings.Replace(string(text), "key: n % 10", "key: 'n < 900 ? n % 10 : n / (n - n)'", 1)
	failing = strings.Replace(failing, "records: \"${records}\"", "records: \"${records}\", rate: 5000", 1)
	if err := os.WriteFile(file, []byte(failing), 0o600); err != nil {
		t.Fatal(err)
	}
	r := ckpt(t, runArgs(file, dir)...).want(t, Failed)
	if !strings.Contains(r.err, "the job failed") {
		t.Errorf("%s", r.err)
	}
	found, err := filepath.Glob(filepath.Join(dir, "chk", "*", "chk-*"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no checkpoint is left: %v", err)
	}
	return found[0]
}

// TestRunResumes from what a failed run left, by its own job file, with each state backend and the other.
func TestRunResumes(t *testing.T) {
	for _, backend := range []string{"hashmap", "pebble"} {
		dir := t.TempDir()
		from := leave(t, dir, backend)
		before := len(visible(t, filepath.Join(dir, "out")))
		for _, to := range []string{"hashmap", "pebble"} {
			out := t.TempDir()
			file := jobFile(t, "state: {state.backend.type: "+to+"}\n")
			r := ckpt(t, "run", file, "-s", from, "-p", "3", "--set", "dir="+filepath.Join(out, "chk"), "--set", "out="+filepath.Join(out, "out")).want(t, OK)
			if !strings.Contains(r.err, "FINISHED") {
				t.Errorf("%s", r.err)
			}
		}
		if before == 0 || before >= 900 {
			t.Errorf("%s: %d records before the failure", backend, before)
		}
	}
}

// TestRunDamaged: state that cannot be restored ends the job at once, whatever the restart strategy.
func TestRunDamaged(t *testing.T) {
	dir := t.TempDir()
	from := leave(t, dir, "pebble")
	data, err := os.ReadFile(filepath.Join(from, "_metadata"))
	if err != nil {
		t.Fatal(err)
	}
	i := bytes.Index(data, []byte("Pebble 1\n"))
	if i < 0 {
		t.Fatal("no list of files in _metadata")
	}
	data[i+12] ^= 1 // of a checksum
	if err := os.WriteFile(filepath.Join(from, "_metadata"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	file := jobFile(t, "state: {state.backend.type: pebble}\n")
	r := ckpt(t, "run", file, "-s", from, "--set", "dir="+filepath.Join(out, "chk"), "--set", "out="+filepath.Join(out, "out"))
	if r.code != Unreadable || !strings.Contains(r.err, "keyed state") || strings.Contains(r.err, "restarts:") {
		t.Errorf("exit code %d\n%s", r.code, r.err)
	}
}

// windowsJob is docs/jobs/windows.yaml.
func windowsJob(t *testing.T) string {
	t.Helper()
	job, err := filepath.Abs(filepath.Join("..", "docs", "jobs", "windows.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return job
}

// visible are the lines of all files of a sink that are there to be seen, sorted.
func visible(t *testing.T, dir string) []string {
	t.Helper()
	var lines []string
	for p := range sizes(t, dir) {
		if rel, err := filepath.Rel(dir, p); err != nil || strings.Contains("/"+filepath.ToSlash(rel), "/.") {
			continue
		}
		data, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	slices.Sort(lines)
	return lines
}

// sizes are the files below a directory.
func sizes(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	files := map[string]int64{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			files[p] = info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// bytesBelow is the size of all of them.
func bytesBelow(t *testing.T, dir string) (n int64) {
	t.Helper()
	for _, size := range sizes(t, dir) {
		n += size
	}
	return n
}

// firstApart tells the first records that two sorted lists do not share.
func firstApart(got, want []string) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("at %d: %s, want %s", i, got[i], want[i])
		}
	}
	return "one is the beginning of the other"
}
