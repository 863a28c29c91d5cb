//go:build live && unix

package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// livePrune calls `ckpt prune --apply` again and again while jobs run, with no minimum age.
type livePrune struct {
	flink *liveFlink

	mu       sync.Mutex
	keep     int // checkpoints of jobs that have ended
	flags    []string
	codes    map[int]int // how often it ended so
	odd      []string    // what it said where that was not 0
	objects  int         // deleted
	longest  time.Duration
	finished int
}

func newLivePrune(f *liveFlink) *livePrune {
	return &livePrune{flink: f, codes: map[int]int{}, keep: 1}
}

// say adds flags from the next call on.
func (p *livePrune) say(flags ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flags = append(p.flags, flags...)
}

// arguments are those of the next call.
func (p *livePrune) arguments() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string{"prune", p.flink.root, "--apply", "--unsafe-min-age", "0s", "--flink-url", p.flink.url, "--keep-last", strconv.Itoa(p.keep),
		"--clusters-complete", "--no-other-roots", "--max-orphan-percent", "100"}, p.flags...)
}

// once calls it.
func (p *livePrune) once(ctx context.Context) (code int, deleted int, stderr string) {
	c := exec.CommandContext(ctx, "ckpt", append(p.arguments(), "-o", "json")...)
	var out, said bytes.Buffer
	c.Stdout, c.Stderr = &out, &said
	start := time.Now()
	err := c.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		code = -1
	}
	var report struct{ Results *pruneResults }
	if err := json.Unmarshal(out.Bytes(), &report); err == nil && report.Results != nil {
		deleted = report.Results.Objects
		for _, failure := range report.Results.Failures {
			fmt.Fprintf(&said, "%s: %s\n", failure.Path, failure.Error)
		}
	}
	p.record(code, deleted, time.Since(start), said.String())
	return code, deleted, said.String()
}

func (p *livePrune) record(code, deleted int, took time.Duration, said string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.codes[code]++
	p.finished++
	p.objects += deleted
	p.longest = max(p.longest, took)
	if code != 0 {
		p.odd = append(p.odd, fmt.Sprintf("exit code %d: %s", code, said))
	}
}

// loop calls it every 2 s until ctx ends.
func (p *livePrune) loop(ctx context.Context) {
	for tick := time.NewTicker(2 * time.Second); ; {
		p.once(context.WithoutCancel(ctx))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// check fails the test where it ended otherwise than it may: with 0, or with 6 as long as
// the JobManager does not tell of a job that has just been started what it is restored from.
func (p *livePrune) check(t *testing.T) {
	t.Helper()
	for _, said := range p.odd {
		starting := strings.Contains(said, "live-without-checkpoint") || strings.Contains(said, "/checkpoints: HTTP status 500")
		if !strings.HasPrefix(said, "exit code 6:") || !starting {
			t.Errorf("ckpt prune: %s", said)
		}
	}
}

// planted is garbage, by path.
type planted map[string]bool

// plant writes a file of Flink's kind of name, so old.
func (g planted) plant(t *testing.T, age time.Duration, elements ...string) {
	t.Helper()
	path := filepath.Join(append(elements, fmt.Sprintf("%08x-0000-4000-8000-%012x", time.Now().UnixNano()&0xffffffff, len(g)))...)
	when := time.Now().Add(-age)
	err := os.MkdirAll(filepath.Dir(path), 0o777)
	if err == nil {
		err = os.WriteFile(path, bytes.Repeat([]byte("x"), 1000), 0o666)
	}
	if err == nil {
		err = os.Chtimes(path, when, when)
	}
	if err != nil {
		t.Fatal(err)
	}
	g[path] = true
}

// left is what is still there.
func (g planted) left() (paths []string) {
	for path := range g {
		if _, err := os.Lstat(path); err == nil {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// plantJob plants what a job that lives could have left: uploads of checkpoints that
// were aborted, some of an hour ago and some of right now, and a checkpoint of which
// nobody acknowledged the rest.
func (g planted) plantJob(t *testing.T, dir string) {
	for _, age := range []time.Duration{0, time.Hour} {
		g.plant(t, age, dir, "shared")
		g.plant(t, age, dir, "taskowned")
		g.plant(t, age, dir, "dstl")
	}
	leftover := filepath.Join(dir, "chk-1")
	if _, err := os.Lstat(filepath.Join(leftover, "_metadata")); err != nil {
		g.plant(t, time.Hour, leftover)
		g[leftover] = true
	}
}

// plantEnded plants what a job can leave that has ended, besides.
func (g planted) plantEnded(t *testing.T, dir string) {
	g.plantJob(t, dir)
	g.plant(t, 0, dir, "chk-900001")
	empty := filepath.Join(dir, "chk-900002")
	if err := os.Mkdir(empty, 0o777); err != nil {
		t.Fatal(err)
	}
	g[filepath.Join(dir, "chk-900001")], g[empty] = true, true
}

// TestLivePruneSoak prunes every two seconds below jobs that checkpoint every second,
// and are restored with CLAIM on the way. CKPT_SOAK_SECONDS is for how long, and
// CKPT_SOAK_FLINK the versions of Flink.
func TestLivePruneSoak(t *testing.T) {
	t.Parallel()
	seconds, versions := 30, "2.2.0"
	if s := os.Getenv("CKPT_SOAK_SECONDS"); s != "" {
		var err error
		if seconds, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	if s := os.Getenv("CKPT_SOAK_FLINK"); s != "" {
		versions = s
	}
	for version := range strings.FieldsSeq(versions) {
		t.Run(version, func(t *testing.T) {
			s := &soak{t: t, flink: startLiveFlink(t, version), garbage: planted{}, length: time.Duration(seconds) * time.Second}
			s.prune = newLivePrune(s.flink)
			s.run()
		})
	}
}

// soak is one run with one version of Flink.
type soak struct {
	t       *testing.T
	flink   *liveFlink
	prune   *livePrune
	garbage planted
	length  time.Duration

	ended   map[string]liveKind // jobs of which the newest checkpoint is to stay
	live    map[string]liveKind
	claimed []string // jobs whose checkpoint another one has claimed
	done    int      // checkpoints
	failed  int
}

func (s *soak) run() {
	f := s.flink
	s.ended = s.start()
	for job := range s.ended {
		s.end(job)
	}
	gone := f.submit(f.kinds()[0], "")
	s.end(gone)
	s.garbage[filepath.Join(f.root, gone)] = true
	s.prune.say("--remove-all", gone)
	s.live = s.start()
	for job := range s.live {
		f.completed(job, 2)
	}
	s.soak()
	s.settle()
	s.report()
}

// start starts a job of each kind.
func (s *soak) start() map[string]liveKind {
	jobs := map[string]liveKind{}
	for _, k := range s.flink.kinds() {
		jobs[s.flink.submit(k, "")] = k
	}
	return jobs
}

// end lets a job run for some checkpoints, and cancels it.
func (s *soak) end(job string) {
	s.flink.completed(job, 5)
	s.cancel(job)
	s.garbage.plantEnded(s.t, filepath.Join(s.flink.root, job))
}

// cancel ends a job. On a slow machine a checkpoint may have taken too long; it is to
// have failed for no other reason.
func (s *soak) cancel(job string) {
	c := s.flink.counts(job)
	s.done += c.Counts.Completed
	s.failed += c.Counts.Failed
	if c.Latest.Failed != nil {
		s.t.Logf("job %s: %s", job, c.Latest.Failed.Message)
		if !strings.Contains(c.Latest.Failed.Message, "expired") {
			s.t.Errorf("a checkpoint of job %s failed: %s", job, c.Latest.Failed.Message)
		}
	}
	s.flink.cancel(job)
}

// soak prunes for the length of the run, and restarts every job in its middle.
func (s *soak) soak() {
	ctx, stop := context.WithCancel(s.t.Context())
	var loop sync.WaitGroup
	loop.Go(func() { s.prune.loop(ctx) })
	defer loop.Wait()
	defer stop()
	s.watch(s.length / 2)
	for _, job := range slices.Sorted(maps.Keys(s.live)) {
		s.restart(job)
	}
	s.watch(s.length / 2)
	s.gone("garbage", s.garbage.left)
	s.gone("checkpoints of which another job has claimed one", s.leftOfClaimed)
}

// gone waits until nothing is left. What stays is explained by a plan.
func (s *soak) gone(what string, left func() []string) {
	s.t.Helper()
	for end := time.Now().Add(time.Minute); len(left()) > 0; time.Sleep(time.Second) {
		if time.Now().After(end) {
			s.report()
			plan := exec.Command("ckpt", append(s.prune.arguments(), "--dry-run", "-v", "-o", "table")...)
			said, _ := plan.CombinedOutput()
			s.t.Fatalf("%s did not go: %q\n%s", what, left(), said)
		}
	}
}

// watch lets jobs run, plants, and looks whether they are well.
func (s *soak) watch(length time.Duration) {
	s.t.Helper()
	for end := time.Now().Add(length); time.Now().Before(end); time.Sleep(time.Second) {
		if len(s.garbage.left()) == 0 || time.Until(end) > length-time.Second {
			for job := range s.live {
				s.garbage.plantJob(s.t, filepath.Join(s.flink.root, job))
			}
		}
		for job := range s.live {
			s.flink.healthy(job)
		}
	}
}

// restart cancels a job and lets another one claim its newest checkpoint. All else of
// the old one is to go.
func (s *soak) restart(old string) {
	k := s.live[old]
	s.cancel(old)
	delete(s.live, old)
	job := s.flink.submit(k, s.flink.snapshots(old)[0])
	s.live[job] = k
	s.prune.say("--remove-all", old, "--remove-damaged")
	s.claimed = append(s.claimed, old)
	s.flink.completed(job, 2)
	if s.flink.counts(job).Counts.Restored != 1 {
		s.t.Errorf("job %s was not restored", job)
	}
}

// leftOfClaimed are the checkpoints of jobs whose last one was claimed.
func (s *soak) leftOfClaimed() (dirs []string) {
	for _, job := range s.claimed {
		dirs = append(dirs, s.flink.snapshots(job)...)
	}
	return dirs
}

// settle ends the jobs, sweeps once more, and lets Flink restore all that is left.
func (s *soak) settle() {
	f := s.flink
	for job := range s.live {
		f.healthy(job)
		s.cancel(job)
	}
	s.prune.keep = 3
	s.prune.once(s.t.Context())
	s.prune.check(s.t)
	for _, k := range f.kinds() {
		f.verify(k, slices.Concat(s.retained(s.ended, k, 1), s.retained(s.live, k, 3)))
	}
	ckpt(s.t, "verify", f.root).want(s.t, OK)
	s.nothingUnused()
}

// nothingUnused fails the test where anything is left that is of no use. Journals may
// be: of files that are in use by now.
func (s *soak) nothingUnused() {
	var du struct {
		Root struct{ Orphan, Unknown int64 }
	}
	call{now: time.Now().Add(48 * time.Hour)}.run(s.t, "du", s.flink.root, "-o", "json").want(s.t, OK).decode(s.t, &du)
	journals, err := filepath.Glob(filepath.Join(s.flink.root, layout.ToolDirName, "journal-*"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, file := range journals {
		text, err := os.ReadFile(file)
		if err != nil {
			s.t.Fatal(err)
		}
		du.Root.Unknown -= int64(len(text))
		s.t.Logf("a journal is left:\n%s", text)
	}
	if du.Root.Orphan+du.Root.Unknown > 0 {
		s.t.Errorf("%d bytes of orphans and %d of unknown use are left", du.Root.Orphan, du.Root.Unknown)
	}
}

// retained are the checkpoints of the job of a kind, which must be so many.
func (s *soak) retained(jobs map[string]liveKind, k liveKind, want int) (dirs []string) {
	for job := range jobs {
		if jobs[job].name == k.name {
			dirs = append(dirs, s.flink.snapshots(job)...)
		}
	}
	if len(dirs) != want {
		s.t.Errorf("%s: %d checkpoints are left, want %d: %v", k.name, len(dirs), want, dirs)
	}
	return dirs
}

func (s *soak) report() {
	s.t.Logf("%d checkpoints, %d failed, %d calls of prune (by exit code: %v, the longest %s), %d files deleted, %d planted of which %d are left",
		s.done, s.failed, s.prune.finished, s.prune.codes, s.prune.longest.Round(time.Millisecond), s.prune.objects, len(s.garbage), len(s.garbage.left()))
	for _, said := range s.prune.odd {
		s.t.Log(said)
	}
}
