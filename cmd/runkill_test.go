//go:build unix

package cmd

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
)

// kills is how many times jobs are killed: 20, or CKPT_SOAK_KILLS.
func kills(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("CKPT_SOAK_KILLS"))
	if err != nil || n < 1 {
		return 20
	}
	return n
}

// ckptRun is the real program, running a job.
func ckptRun(args ...string) (*exec.Cmd, *bytes.Buffer) {
	c := exec.Command("ckpt", append([]string{"run", "--progress", "never"}, args...)...)
	var said bytes.Buffer
	c.Stderr = &said
	return c, &said
}

// TestKilled kills a job with SIGKILL at random times, and resumes it each time at another parallelism from the latest
// checkpoint it left. In the end the sink's files hold what an uninterrupted run writes, each record once.
func TestKilled(t *testing.T) {
	records, n := "1000000", kills(t)
	if raceDetector {
		records, n = "100000", n/3
	}
	whole := filepath.Join(t.TempDir(), "whole")
	c, said := ckptRun(windowsJob(t), "--set", "records="+records, "--set", "out="+whole, "--set", "checkpoints="+t.TempDir())
	if err := c.Run(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	want := visible(t, whole)
	if len(want) < 9000 {
		t.Fatalf("only %d records", len(want))
	}
	for _, backend := range []string{"hashmap", "pebble"} {
		t.Run(backend, func(t *testing.T) {
			t.Parallel()
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			random, jobs := rand.New(rand.NewPCG(seed, 0)), 0
			for killed := 0; killed < n/2 && !t.Failed(); jobs++ {
				killed += killedJob(t, random, backend, records, n/2-killed, want)
			}
			t.Logf("%d kills of %d jobs", n/2, jobs)
		})
	}
}

// killedJob runs one job to its end and compares what it wrote, and returns how many times it was killed: most times, or
// fewer where it ends before.
func killedJob(t *testing.T, random *rand.Rand, backend, records string, most int, want []string) int {
	t.Helper()
	base := t.TempDir()
	defer os.RemoveAll(base) // hundreds of jobs leave much
	k := &killing{t: t, random: random, backend: backend, records: records, want: want,
		dir: filepath.Join(base, "checkpoints"), out: filepath.Join(base, "out")}
	k.run(most)
	if got := visible(t, k.out); !slices.Equal(got, want) {
		t.Errorf("%d records instead of %d; %s", len(got), len(want), firstApart(got, want))
	}
	return k.killed
}

// killing is one job that is killed again and again.
type killing struct {
	t                     *testing.T
	random                *rand.Rand
	backend, records      string
	dir, out              string
	want                  []string // what the job writes in all
	attempt, killed, from int      // from: the attempt whose checkpoint is the latest, -1 for none
	ended                 bool     // nothing is left to resume
}

// run kills the job n times, then lets it end.
func (k *killing) run(n int) {
	k.t.Helper()
	k.from = -1
	for ; k.killed < n; k.attempt++ {
		if !k.start(true) || k.ended {
			return
		}
	}
	k.start(false)
}

// place is the directory of an attempt's checkpoints.
func (k *killing) place(attempt int) string { return filepath.Join(k.dir, fmt.Sprint(attempt)) }

// start runs the job from the latest checkpoint. It tells whether the job was killed.
func (k *killing) start(kill bool) bool {
	k.t.Helper()
	args := []string{windowsJob(k.t), "--set", "records=" + k.records, "--set", "rate=250000", "--set", "out=" + k.out, "--set", "backend=" + k.backend,
		"--set", "checkpoints=" + k.place(k.attempt), "-p", fmt.Sprint(1 + k.random.IntN(4))}
	if k.from >= 0 {
		args = append(args, "-s", "latest:"+k.place(k.from), "--claim-mode", claimModes[k.random.IntN(len(claimModes))])
	}
	c, said := ckptRun(args...)
	if err := c.Start(); err != nil {
		k.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	var after <-chan time.Time
	if kill {
		after = time.After(time.Duration(100+k.random.IntN(700)) * time.Millisecond)
	}
	select {
	case err := <-ended:
		if err != nil {
			k.t.Fatalf("attempt %d: %v\n%s", k.attempt, err, said)
		}
		return false
	case <-after:
	}
	if err := c.Process.Kill(); err != nil {
		k.t.Fatal(err)
	}
	<-ended
	k.killed++
	k.look()
	return true
}

// look finds out whether the attempt left a checkpoint, and holds that all it left can be restored.
func (k *killing) look() {
	k.t.Helper()
	found, err := filepath.Glob(filepath.Join(k.place(k.attempt), "*", "chk-*", "_metadata"))
	if err != nil {
		k.t.Fatal(err)
	}
	if len(found) == 0 {
		// Killed between its end, when it deletes its checkpoints, and the exit of the process.
		_, err := os.Stat(k.out)
		k.ended = err == nil && slices.Equal(visible(k.t, k.out), k.want)
		return
	}
	k.from = k.attempt
	if out, err := exec.Command("ckpt", "verify", "--level", "content", k.place(k.from)).CombinedOutput(); err != nil {
		k.t.Errorf("after attempt %d: %v\n%s", k.attempt, err, out)
	}
}
