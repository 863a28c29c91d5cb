package cmd

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/restore/coordinator"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// kindsJob is a job with all kinds of state.
func kindsJob() string { return filepath.Join("..", "testdata", "jobs", "kinds.yaml") }

// runTree is what a job left below a root.
type runTree struct {
	root      string // of the checkpoints
	out       string // of its sink
	canonical string // the directory of a savepoint, taken in the midst
	native    string
}

// startKinds starts that job in this process.
func startKinds(t *testing.T, from, backend string, tree *runTree, set ...string) (*engine.Execution, *running) {
	t.Helper()
	return startJob(t, kindsJob(), from, append(set, "backend="+backend, "checkpoints="+tree.root, "out="+tree.out)...)
}

// startJob starts the job of a file in this process.
func startJob(t *testing.T, file, from string, set ...string) (*engine.Execution, *running) {
	t.Helper()
	env := call{now: time.Now()}.world(nil)
	env.Out, env.Err = io.Discard, io.Discard
	env.Log = newLogger(env.Err, false, 0)
	r := &running{env: env, opts: &runOptions{from: from}}
	for _, kv := range set {
		if err := r.opts.set.Set(kv); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(r.close)
	if err := r.load(t.Context(), []string{file}); err != nil {
		t.Fatal(err)
	}
	config, err := r.wire()
	if err != nil {
		t.Fatal(err)
	}
	x, err := engine.Start(context.WithoutCancel(t.Context()), r.job, *config)
	if err != nil {
		t.Fatal(err)
	}
	return x, r
}

// kindsTree is what that job leaves when it is cancelled: three checkpoints, and two savepoints elsewhere.
func kindsTree(t *testing.T, backend string) *runTree {
	t.Helper()
	dir := t.TempDir()
	tree := &runTree{root: filepath.Join(dir, "checkpoints"), out: filepath.Join(dir, "out")}
	if err := os.Mkdir(tree.out, 0o755); err != nil {
		t.Fatal(err)
	}
	x, _ := startKinds(t, "", backend, tree, "interval=1h", "rate=2000")
	take := func(c *coordinator.CompletedCheckpoint, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return c.ExternalPointer
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range 4 {
		time.Sleep(200 * time.Millisecond)
		take(x.TriggerCheckpoint(ctx))
	}
	tree.canonical = take(x.TriggerSavepoint(ctx, filepath.Join(dir, "savepoints"), false))
	tree.native = take(x.TriggerSavepoint(ctx, filepath.Join(dir, "savepoints"), true))
	take(x.TriggerCheckpoint(ctx))
	x.Cancel()
	if result := x.Wait(); result.Status != coordinator.Canceled {
		t.Fatal(result.Status, result.Err)
	}
	return tree
}

// usedBytes is what du says of a whole tree.
type usedBytes struct {
	Root struct{ Bytes, Referenced, Orphan, InFlight, Unknown int64 }
}

// wantAccounted holds that du knows what each byte is there for.
func wantAccounted(t *testing.T, dir string) usedBytes {
	t.Helper()
	total := bytesBelow(t, dir)
	var du usedBytes
	call{now: time.Now()}.run(t, "du", dir, "-o", "json").want(t, OK).decode(t, &du)
	if u := du.Root; u.Bytes != total || u.Referenced+u.Orphan+u.InFlight+u.Unknown != total || u.Unknown != 0 || u.Referenced == 0 {
		t.Errorf("%d bytes on disk: %+v", total, u)
	}
	return du
}

// wantEntries holds that two snapshots have the same state.
func wantEntries(t *testing.T, a, b string) {
	t.Helper()
	ckpt(t, "diff", "--entries", a, b).want(t, OK)
}

// resume lets the job end, beginning with a snapshot, and gives the lines it has written in all.
func resume(t *testing.T, from, backend string, before *runTree, set ...string) []string {
	t.Helper()
	tree := &runTree{root: t.TempDir(), out: t.TempDir()}
	if before != nil {
		if err := os.CopyFS(tree.out, os.DirFS(before.out)); err != nil {
			t.Fatal(err)
		}
		tree.out = before.out // files name their directory
		saved := t.TempDir()
		if err := os.CopyFS(saved, os.DirFS(before.out)); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := os.RemoveAll(before.out); err != nil {
				t.Error(err)
			}
			if err := os.CopyFS(before.out, os.DirFS(saved)); err != nil {
				t.Error(err)
			}
		}()
	}
	x, _ := startKinds(t, from, backend, tree, append(set, "rate=0")...)
	if result := x.Wait(); result.Status != coordinator.Finished {
		t.Fatal(result.Status, result.Err)
	}
	return visible(t, tree.out)
}

// TestRunTree: every command understands what a job of the engine leaves.
func TestRunTree(t *testing.T) {
	if raceDetector {
		return // it is about files, not about goroutines
	}
	whole := resume(t, "", "hashmap", nil)
	if len(whole) < 500 {
		t.Fatalf("only %d lines", len(whole))
	}
	for _, backend := range []string{"hashmap", "pebble"} {
		t.Run(backend, func(t *testing.T) {
			tree := kindsTree(t, backend)
			tree.listed(t)
			tree.verified(t)
			if u := wantAccounted(t, tree.root).Root; u.Orphan+u.InFlight != 0 {
				t.Errorf("of a job that was cancelled: %+v", u)
			}
			wantAccounted(t, filepath.Dir(tree.canonical))
			tree.explained(t)
			tree.positions(t)
			for _, from := range append(tree.copied(t), "latest:"+tree.root, tree.canonical, tree.native) {
				if got := resume(t, from, backend, tree); !slices.Equal(got, whole) {
					t.Errorf("from %s: %d lines, not %d; %s", from, len(got), len(whole), firstApart(got, whole))
				}
			}
			tree.pruned(t)
			if got := resume(t, "latest:"+tree.root, backend, tree); !slices.Equal(got, whole) {
				t.Errorf("pruned: %d lines, not %d", len(got), len(whole))
			}
		})
	}
}

// listed: ls and inspect.
func (r *runTree) listed(t *testing.T) {
	t.Helper()
	if n := strings.Count(ckpt(t, "ls", r.root).want(t, OK).out, "\tcomplete\t"); n != 3 {
		t.Errorf("%d checkpoints", n)
	}
	if n := strings.Count(ckpt(t, "ls", filepath.Dir(r.canonical)).want(t, OK).out, "\tcomplete\t"); n != 2 {
		t.Errorf("%d savepoints", n)
	}
	for _, dir := range []string{"latest:" + r.root, r.canonical, r.native} {
		var got struct {
			Findings  []any
			Operators []struct{ Name, UID string }
		}
		ckpt(t, "inspect", dir, "-o", "json").want(t, OK).decode(t, &got)
		if len(got.Findings) > 0 || len(got.Operators) != 10 {
			t.Errorf("%s: %v, %d operators", dir, got.Findings, len(got.Operators))
		}
	}
	wantEntries(t, r.canonical, r.canonical)
}

// verified: verify, of all and to the last entry.
func (r *runTree) verified(t *testing.T) {
	t.Helper()
	ckpt(t, "verify", "--level", "content", r.root).want(t, OK)
	ckpt(t, "verify", "--level", "content", filepath.Dir(r.canonical)).want(t, OK)
}

// explained: why, of each file.
func (r *runTree) explained(t *testing.T) {
	t.Helper()
	n := 0
	for p := range sizes(t, r.root) {
		if filepath.Base(p) == "_metadata" {
			continue
		}
		n++
		if out := ckpt(t, "why", p).want(t, OK).out; !strings.Contains(out, "\treferenced\t") {
			t.Errorf("%s: %s", p, out)
		}
	}
	if n == 0 {
		t.Error("no files")
	}
}

// positions: offsets, of which each source has as many as splits.
func (r *runTree) positions(t *testing.T) {
	t.Helper()
	out := ckpt(t, "offsets", "latest:"+r.root).want(t, OK).out
	for _, source := range []string{"numbers", "customers"} {
		if n := strings.Count(out, "\t"+source+"\t"); n != 48 {
			t.Errorf("%d splits of %s", n, source)
		}
	}
}

// copied: cp. The copies are whole, and have the same entries.
func (r *runTree) copied(t *testing.T) (copies []string) {
	t.Helper()
	dir := t.TempDir()
	alone, kept := filepath.Join(dir, "alone"), filepath.Join(dir, "kept")
	ckpt(t, "cp", "latest:"+r.root, alone).want(t, OK)
	ckpt(t, "cp", "latest:"+r.root, kept, "--keep-layout").want(t, OK)
	moved := filepath.Join(dir, "moved")
	if err := os.Rename(alone, moved); err != nil { // as any tool may
		t.Fatal(err)
	}
	for _, to := range []string{moved, kept} {
		ckpt(t, "verify", "--level", "content", to).want(t, OK)
	}
	wantAccounted(t, kept)
	copies = []string{moved, "latest:" + kept}
	for _, to := range copies {
		wantEntries(t, "latest:"+r.root, to)
	}
	return copies
}

// pruned: prune leaves the newest, which is whole, and nothing else.
func (r *runTree) pruned(t *testing.T) {
	t.Helper()
	dump := func() string { return ckpt(t, "state", "cat", "latest:"+r.root).want(t, OK).out }
	before := dump()
	now := call{now: time.Now()}
	now.run(t, "prune", r.root, "--keep-last", "1", "--no-other-roots", "--ended", "all", "--unsafe-min-age", "0", "--apply").want(t, OK)
	if n := strings.Count(ckpt(t, "ls", r.root).want(t, OK).out, "\tcomplete\t"); n != 1 {
		t.Errorf("%d checkpoints", n)
	}
	r.verified(t)
	if dump() != before {
		t.Error("the state of the newest checkpoint is another")
	}
	if err := os.RemoveAll(filepath.Join(r.root, ".ckpt")); err != nil {
		t.Fatal(err)
	}
	if u := wantAccounted(t, r.root).Root; u.Orphan != 0 {
		t.Errorf("%+v", u)
	}
}

// TestRunKilledTree: du knows each byte of what a killed job leaves, what was being written too.
func TestRunKilledTree(t *testing.T) {
	if raceDetector {
		return // it is about files, not about goroutines
	}
	for _, backend := range []string{"hashmap", "pebble"} {
		t.Run(backend, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			c := exec.Command("ckpt", "run", "--progress", "never", kindsJob(), "--set", "backend="+backend, "--set", "records=10000000", "--set", "interval=100ms", "--set", "checkpoints="+dir, "--set", "out="+t.TempDir())
			var said bytes.Buffer
			c.Stderr = &said
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			complete := func() int {
				found, err := filepath.Glob(filepath.Join(dir, "*", "chk-*", "_metadata"))
				if err != nil {
					t.Fatal(err)
				}
				return len(found)
			}
			for wait := 0; complete() < 2 && wait < 6000; wait++ {
				time.Sleep(10 * time.Millisecond)
			}
			if err := c.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			if err := c.Wait(); err == nil || complete() == 0 {
				t.Fatalf("%d checkpoints: %v\n%s", complete(), err, said.Bytes())
			}
			du := wantAccounted(t, dir)
			ckpt(t, "verify", "--level", "content", dir).want(t, OK)
			t.Logf("%+v", du.Root)
		})
	}
}
