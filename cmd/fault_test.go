package cmd

import (
	"context"
	"errors"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout/faults"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/testdata"
)

const faultJob = "495d8572c34476e61174bd4e676c9523"

var errSlowDown = errors.New("SlowDown: reduce your request rate")

// newest tells whether key is the _metadata of the newest checkpoint.
func newest(key string) bool { return strings.HasSuffix(key, "chk-6/_metadata") }

// sharedFile tells whether key is a file that checkpoints share.
func sharedFile(key string) bool { return path.Base(path.Dir(key)) == "shared" }

// When storage fails, no command may say a thing as if it were whole: the exit code is 1
// and stderr says why.
func TestFaults(t *testing.T) {
	root := testdata.Tree(t, "2.2.0/rocksdb-incremental-small")
	at := func(name string) string { return path.Join(root, faultJob, name) }
	file := regularFile(t, at("shared"))
	commands := map[string][]string{
		"ls":               {"ls", root},
		"ls --verify":      {"ls", "--verify", root},
		"latest":           {"latest", root},
		"latest --verify":  {"latest", "--verify", root},
		"verify":           {"verify", root},
		"verify content":   {"verify", "--level", "content", root},
		"verify one":       {"verify", at("chk-6")},
		"verify latest":    {"verify", "latest:" + root},
		"du":               {"du", root},
		"du one":           {"du", at("chk-6")},
		"why":              {"why", file},
		"diff":             {"diff", at("chk-5"), at("chk-6")},
		"inspect":          {"inspect", at("chk-6")},
		"inspect latest":   {"inspect", "latest:" + root},
		"inspect json":     {"inspect", "-o", "json", at("chk-6")},
		"du --if-deleted":  {"du", root, "--if-deleted", faultJob + "/chk-6"},
		"verify --against": {"verify", at("chk-6"), "--against", t.TempDir() + "/manifest.json"},
	}
	if r := (call{}).run(t, "verify", at("chk-6"), "--manifest", commands["verify --against"][3]); r.code != OK {
		t.Fatal(r.err)
	}
	listing := []string{"ls", "ls --verify", "latest", "latest --verify", "verify", "verify content", "verify one", "verify latest", "du", "du one", "why",
		"inspect latest", "du --if-deleted", "verify --against"}
	reading := []string{"diff", "inspect", "inspect json"}
	content := []string{"verify content"}
	for name, c := range map[string]struct {
		plan     func() *faults.Plan
		commands []string
		want     Code
	}{
		"nothing": {func() *faults.Plan { return &faults.Plan{} }, append(listing, reading...), OK},
		"a listing that breaks off": {func() *faults.Plan {
			return &faults.Plan{ListErr: errSlowDown, ListAfter: 5}
		}, listing, Failed},
		"a listing that does not begin": {func() *faults.Plan {
			return &faults.Plan{ListErr: errSlowDown}
		}, listing, Failed},
		"a _metadata that cannot be opened": {func() *faults.Plan {
			return &faults.Plan{OpenErr: func(key string) error {
				if newest(key) {
					return errSlowDown
				}
				return nil
			}}
		}, append(listing, reading...), Failed},
		"a _metadata that breaks off": {func() *faults.Plan {
			return &faults.Plan{ReadErr: errSlowDown, ReadAfter: after(newest, 100)}
		}, append(listing, reading...), Failed},
		"a _metadata that ends early without a word": {func() *faults.Plan {
			return &faults.Plan{ReadAfter: after(newest, 100)}
		}, append(listing, reading...), Failed},
		"content that breaks off": {func() *faults.Plan {
			return &faults.Plan{ReadErr: errSlowDown, ReadAfter: after(sharedFile, 100)}
		}, content, Failed},
		"content that ends early without a word": {func() *faults.Plan {
			return &faults.Plan{ReadAfter: after(sharedFile, 100)}
		}, content, Failed},
		"a listing that lags behind": {func() *faults.Plan {
			return &faults.Plan{Hidden: sharedFile}
		}, []string{"ls --verify", "latest --verify", "verify", "verify content", "verify one"}, OK},
		"a listing that lags behind, and no answer": {func() *faults.Plan {
			return &faults.Plan{Hidden: sharedFile, StatErr: func(key string) error {
				if sharedFile(key) {
					return errSlowDown
				}
				return nil
			}}
		}, []string{"ls --verify", "latest --verify", "verify", "verify content", "verify one"}, Failed},
	} {
		for _, command := range c.commands {
			t.Run(name+"/"+command, func(t *testing.T) {
				t.Parallel()
				env := call{now: testNow.Add(100 * 365 * 24 * time.Hour)}.world(commands[command])
				r := runFaulty(t, env, c.plan())
				if r.code != c.want {
					t.Fatalf("exit code %d, want %d\nstdout:\n%s\nstderr:\n%s", r.code, c.want, r.out, r.err)
				}
				if c.want != OK && !strings.Contains(r.err, "SlowDown") && !strings.Contains(r.err, "unexpected EOF") {
					t.Errorf("stderr does not say why:\n%s", r.err)
				}
			})
		}
	}
}

func after(which func(string) bool, n int64) func(string) int64 {
	return func(key string) int64 {
		if which(key) {
			return n
		}
		return -1
	}
}

// runFaulty runs a command on storage that fails as planned.
func runFaulty(t *testing.T, env *Env, plan *faults.Plan) result {
	t.Helper()
	var out, err strings.Builder
	env.OpenStore = plan.Wrap(storage.Open)
	env.Out, env.Err = &out, &err
	code := Run(t.Context(), env)
	return result{code, out.String(), err.String()}
}

// A signal ends every command within a second, however slow the storage is.
func TestFaultDelay(t *testing.T) {
	root := testdata.Tree(t, "2.2.0/rocksdb-incremental-small")
	for _, args := range [][]string{{"ls", root}, {"ls", "--verify", root}, {"latest", root}, {"verify", root}, {"du", root}, {"why", path.Join(root, faultJob, "chk-6/_metadata")}} {
		t.Run(args[0], func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			env := call{}.world(args)
			var out, errs strings.Builder
			env.Out, env.Err = &out, &errs
			env.OpenStore = (&faults.Plan{Delay: time.Hour}).Wrap(storage.Open)
			start := time.Now()
			if code := Run(ctx, env); code == OK {
				t.Errorf("%s: exit code 0", out.String())
			}
			if took := time.Since(start); took > time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// regularFile is the first file in a directory.
func regularFile(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	return path.Join(dir, entries[0].Name())
}
