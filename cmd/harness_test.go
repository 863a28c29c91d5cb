package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout/storage"
)

// update makes tests rewrite the files that they compare with.
var update = flag.Bool("update", false, "rewrite the expected files")

// testNow is the time in tests.
var testNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// call is one run of the command line within the test's process.
type call struct {
	stdin    string
	env      map[string]string
	terminal bool // stdout and stderr are terminals
	width    int
	now      time.Time
	ctx      context.Context
}

// result is what a run left.
type result struct {
	code     Code
	out, err string
}

// ckpt runs a command line as a script would: into pipes, with nothing set.
func ckpt(t *testing.T, args ...string) result {
	t.Helper()
	return call{}.run(t, args...)
}

func (c call) run(t *testing.T, args ...string) result {
	t.Helper()
	var out, err bytes.Buffer
	env := c.world(args)
	env.Out, env.Err = &out, &err
	if c.ctx == nil {
		c.ctx = t.Context()
	}
	code := Run(c.ctx, env)
	return result{code, out.String(), err.String()}
}

func (c call) world(args []string) *Env {
	if c.now.IsZero() {
		c.now = testNow
	}
	return &Env{
		Args: args,
		In:   strings.NewReader(c.stdin),
		LookupEnv: func(name string) (string, bool) {
			v, ok := c.env[name]
			return v, ok
		},
		OpenStore:   storage.Open,
		OpenMutable: storage.New(storage.Settings{}).OpenMutable,
		Now:         func() time.Time { return c.now },
		OutTerminal: c.terminal,
		ErrTerminal: c.terminal,
		Width:       func() int { return c.width },
	}
}

// want fails the test unless the run ended with code.
func (r result) want(t *testing.T, code Code) result {
	t.Helper()
	if r.code != code {
		t.Fatalf("exit code %d, want %d\nstdout:\n%s\nstderr:\n%s", r.code, code, r.out, r.err)
	}
	return r
}

// decode reads the JSON on stdout.
func (r result) decode(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.out), v); err != nil {
		t.Fatalf("stdout is no JSON: %v\n%s", err, r.out)
	}
}

// decodeError reads the JSON error on stderr.
func (r result) decodeError(t *testing.T) errorReport {
	t.Helper()
	var report struct{ Error errorReport }
	if err := json.Unmarshal([]byte(r.err), &report); err != nil {
		t.Fatalf("stderr is no JSON: %v\n%s", err, r.err)
	}
	return report.Error
}
