//go:build live && unix

package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The processes of a cluster.
const (
	liveJobManager  = "jobmanager"
	liveTaskManager = "taskmanager"
)

// TestLivePruneFrozen freezes a writer in the middle of a checkpoint, prunes, and lets it
// go on. It does so more often where CKPT_SOAK_SECONDS is set.
func TestLivePruneFrozen(t *testing.T) {
	t.Parallel()
	f := startLiveFlink(t, "2.2.0")
	z := &frozen{t: t, flink: f, prune: newLivePrune(f), jobs: map[string]liveKind{}, garbage: planted{}}
	for _, k := range f.kinds() {
		z.jobs[f.submit(k, "")] = k
	}
	for job, k := range z.jobs {
		f.completed(job, 3)
		if k.name == "incremental" {
			z.job = job
		}
	}
	delays, rounds := []time.Duration{60}, 1
	if os.Getenv("CKPT_SOAK_SECONDS") != "" {
		delays, rounds = []time.Duration{10, 30, 60, 120, 200}, 3
	}
	for range rounds {
		z.short()
	}
	z.long()
	z.silent()
	for _, delay := range delays {
		z.underWay(liveTaskManager, delay*time.Millisecond)
		z.underWay(liveJobManager, delay*time.Millisecond)
	}
	z.end()
}

// frozen is a cluster of which one process or the other is frozen.
type frozen struct {
	t       *testing.T
	flink   *liveFlink
	prune   *livePrune
	jobs    map[string]liveKind
	job     string // whose checkpoints are watched
	garbage planted
}

// freeze stops a process while a checkpoint is under way, and returns its directory.
func (z *frozen) freeze(process string) string {
	z.t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		dir := z.underWayNow()
		if dir == "" {
			continue
		}
		z.flink.signal(process, syscall.SIGSTOP)
		time.Sleep(300 * time.Millisecond)
		if _, err := os.Lstat(filepath.Join(dir, "_metadata")); err != nil && exists(dir) {
			return dir
		}
		z.thaw(process)
		time.Sleep(200 * time.Millisecond)
	}
	z.t.Fatalf("the %s was never stopped within a checkpoint", process)
	return ""
}

func (z *frozen) thaw(process string) { z.flink.signal(process, syscall.SIGCONT) }

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// underWayNow is the directory of a checkpoint that is not complete, or "".
func (z *frozen) underWayNow() string {
	dirs, err := filepath.Glob(filepath.Join(z.flink.root, z.job, "chk-*"))
	if err != nil {
		z.t.Fatal(err)
	}
	for _, dir := range dirs {
		if !exists(filepath.Join(dir, "_metadata")) && exists(dir) {
			return dir
		}
	}
	return ""
}

// plant plants an old orphan, and tells where.
func (z *frozen) plant() string {
	z.garbage.plant(z.t, time.Hour, z.flink.root, z.job, "shared")
	for path := range z.garbage {
		if exists(path) {
			return path
		}
	}
	return ""
}

// want calls prune, which must end with code.
func (z *frozen) want(code Code) (deleted int) {
	z.t.Helper()
	got, deleted, said := z.prune.once(z.t.Context())
	if Code(got) != code {
		z.t.Fatalf("exit code %d, want %d\n%s", got, code, said)
	}
	return deleted
}

// goesOn lets all jobs complete three more checkpoints.
func (z *frozen) goesOn() {
	z.t.Helper()
	for job := range z.jobs {
		z.flink.healthy(job)
		c := z.flink.counts(job)
		if c.Latest.Failed != nil && !strings.Contains(c.Latest.Failed.Message, "expired") {
			z.t.Errorf("a checkpoint of job %s failed: %s", job, c.Latest.Failed.Message)
		}
		z.flink.completed(job, c.Counts.Completed+3)
	}
}

// short freezes the TaskManager for less than the checkpoint timeout: the checkpoint is
// completed afterwards, and orphans have gone meanwhile.
func (z *frozen) short() {
	dir := z.freeze(liveTaskManager)
	orphan := z.plant()
	z.want(OK)
	if exists(orphan) {
		z.t.Errorf("%s is still there", orphan)
	}
	z.want(OK)
	if !exists(dir) {
		z.t.Errorf("%s of a frozen writer is gone", dir)
	}
	z.thaw(liveTaskManager)
	completed := false
	for end := time.Now().Add(liveTimeout); !completed && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		completed = exists(filepath.Join(dir, "_metadata"))
	}
	if !completed {
		z.t.Errorf("%s was not completed", dir)
	}
	z.goesOn()
}

// long freezes the TaskManager until its checkpoint, and all that it has uploaded, is as
// old as an orphan has to be.
func (z *frozen) long() {
	z.freeze(liveTaskManager)
	for end := time.Now().Add(liveTimeout + 10*time.Second); time.Now().Before(end); time.Sleep(2 * time.Second) {
		z.want(OK)
	}
	z.thaw(liveTaskManager)
	z.want(OK)
	z.goesOn()
}

// silent freezes the JobManager: nothing is deleted as long as it does not answer.
func (z *frozen) silent() {
	z.freeze(liveJobManager)
	orphan, before := z.plant(), z.flink.snapshots(z.job)
	start := time.Now()
	if deleted := z.want(Refused); deleted > 0 {
		z.t.Errorf("%d files were deleted", deleted)
	}
	if took := time.Since(start); took > time.Minute {
		z.t.Errorf("it took %s", took)
	}
	if after := z.flink.snapshots(z.job); len(after) != len(before) || !exists(orphan) {
		z.t.Errorf("%v is left of %v; the orphan is there: %t", after, before, exists(orphan))
	}
	z.thaw(liveJobManager)
	z.flink.await("the JobManager", func() bool { return z.flink.status(z.job) == "RUNNING" })
	z.goesOn()
	z.want(OK)
	if exists(orphan) {
		z.t.Errorf("%s is still there", orphan)
	}
}

// underWay freezes a process when prune has been at work for so long.
func (z *frozen) underWay(process string, delay time.Duration) {
	z.plant()
	var call sync.WaitGroup
	call.Go(func() { z.prune.once(z.t.Context()) })
	time.Sleep(delay)
	z.flink.signal(process, syscall.SIGSTOP)
	call.Wait()
	z.thaw(process)
	z.flink.await("the JobManager", func() bool { return z.flink.status(z.job) == "RUNNING" })
	z.goesOn()
}

// end lets Flink restore all that is left.
func (z *frozen) end() {
	for job := range z.jobs {
		z.flink.healthy(job)
	}
	z.want(OK)
	if left := z.garbage.left(); len(left) > 0 {
		z.t.Errorf("%q are left", left)
	}
	for job, k := range z.jobs {
		c := z.flink.counts(job)
		z.t.Logf("%s: %d checkpoints completed, %d failed", k.name, c.Counts.Completed, c.Counts.Failed)
		z.flink.cancel(job)
		dirs := z.flink.snapshots(job)
		if len(dirs) != 3 {
			z.t.Errorf("%s: %d checkpoints are left, want 3", k.name, len(dirs))
		}
		z.flink.verify(k, dirs)
	}
	z.t.Logf("%d calls of prune, by exit code: %v, %d files deleted", z.prune.finished, z.prune.codes, z.prune.objects)
	for _, said := range z.prune.odd {
		if !strings.HasPrefix(said, "exit code 6:") || !strings.Contains(said, "no answer: it took too long") {
			z.t.Errorf("ckpt prune: %s", said)
		}
	}
}
