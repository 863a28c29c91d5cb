package cmd

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout/faults"
	"github.com/ckpt-tool/ckpt/layout/storage"
)

// soakNumber is the number in an environment variable, or n.
func soakNumber(name string, n int) int {
	if v, err := strconv.Atoi(os.Getenv(name)); err == nil && v > 0 {
		return v
	}
	return n
}

// storms is how many jobs meet bad storage: 4, or CKPT_SOAK_FAULTS.
func storms() int {
	if raceDetector {
		return soakNumber("CKPT_SOAK_FAULTS", 2)
	}
	return soakNumber("CKPT_SOAK_FAULTS", 4)
}

// firstSeed is that of CKPT_SOAK_SEED; in a soak another each time, else always the same.
func firstSeed() uint64 {
	seed := 7000
	if os.Getenv("CKPT_SOAK_FAULTS") != "" {
		seed = int(time.Now().UnixNano() >> 10)
	}
	return uint64(soakNumber("CKPT_SOAK_SEED", seed))
}

// faultyWindows is docs/jobs/windows.yaml with checkpoints and restarts so quick that a short run has many.
func faultyWindows(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(windowsJob(t))
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for _, change := range [][2]string{{"interval: 200ms", "interval: 40ms"}, {"attempts: 3\n    delay: 1s", "attempts: 4\n    delay: 10ms"}} {
		if strings.Count(text, change[0]) != 1 {
			t.Fatalf("windows.yaml has no single %q", change[0])
		}
		text = strings.Replace(text, change[0], change[1], 1)
	}
	file := filepath.Join(t.TempDir(), "windows.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

const faultRecords = 250_000

// calmWindows is what a run without faults writes.
func calmWindows(t *testing.T) []string {
	t.Helper()
	out := t.TempDir()
	ckpt(t, "run", "--progress", "never", faultyWindows(t), "--set", fmt.Sprint("records=", faultRecords), "--set", "out="+out, "--set", "checkpoints="+t.TempDir()).want(t, OK)
	want := visible(t, out)
	if len(want) < 5000 {
		t.Fatalf("only %d records", len(want))
	}
	return want
}

// TestStorageFaults runs a job on storage that fails now and then in all the ways that storage does: refused and lost answers, half-written files, bodies
// that break off, latency, and an end of the process amid a change. The job restarts by its strategy, and is resumed when that gives up, each
// time at another parallelism, from the latest checkpoint. In the end its files hold what an undisturbed run writes, each record once; all
// that claims to be a checkpoint on the way is whole; and what is left on storage is where a fault was.
//
// CKPT_SOAK_FAULTS is for how many jobs, CKPT_SOAK_SEED plays one again: the same dice, which goroutines take in another order.
func TestStorageFaults(t *testing.T) {
	want := calmWindows(t)
	first := firstSeed()
	for i := range storms() {
		seed := first + uint64(i)
		backend := []string{"hashmap", "pebble"}[seed%2]
		t.Run(fmt.Sprint(backend, "/", seed), func(t *testing.T) {
			t.Parallel()
			s := newStorm(t, seed, backend)
			s.run()
			s.sameAs(want)
		})
	}
}

// storm is one job on bad storage.
type storm struct {
	t             *testing.T
	random        *rand.Rand
	backend, file string
	dir, out      string
	attempt, from int             // from: the attempt whose checkpoint is the latest, -1 for none
	spoiled       map[string]bool // URLs where something may be left
	undeleted     map[string]bool // of _metadata that could not be deleted, at least not at first: then the files stay
	killed        map[int]bool    // attempts that ended as processes do: whatever they were at is left
	codes         []Code
	left          int // orphans where faults were
	// claimed is the checkpoint of an attempt that a later one has claimed, which then deletes files that others of that attempt may share.
	claimed map[int]string
	// borrowed is, of an attempt in claim mode legacy, the one whose files its checkpoints go on using.
	borrowed map[int]int
	bereft   map[int]bool // attempts of which a checkpoint has been claimed that goes on using their files: all of theirs may lose some
}

func newStorm(t *testing.T, seed uint64, backend string) *storm {
	return &storm{t: t, random: rand.New(rand.NewPCG(seed, 1)), backend: backend, file: faultyWindows(t), dir: t.TempDir(), out: t.TempDir(), from: -1,
		spoiled: map[string]bool{}, undeleted: map[string]bool{}, killed: map[int]bool{}, claimed: map[int]string{}, borrowed: map[int]int{}, bereft: map[int]bool{}}
}

// stormyAttempts is after how many attempts the weather clears.
const stormyAttempts = 6

// run runs the job until it ends, at last without faults.
func (s *storm) run() {
	s.t.Helper()
	for ; s.attempt < stormyAttempts; s.attempt++ {
		if s.start(s.weather()) {
			break
		}
		s.look()
	}
	if s.attempt == stormyAttempts && !s.start(new(faults.Plan)) {
		s.t.Fatal("the job does not end on good storage")
	}
	s.look()
	s.account()
	s.t.Logf("attempts ended with %v, %d of them killed; faults at %d files, %d of which are left", s.codes, len(s.killed), len(s.spoiled), s.left)
}

// weather is that of one attempt: mostly a shower, at times a stroke of lightning, which ends the process.
func (s *storm) weather() *faults.Plan {
	w := faults.Weather{Refused: 25, Lost: 20, Half: 15, Unread: 8, Short: 10, Silent: 5, Late: 30, Lateness: 30 * time.Millisecond}
	if s.random.IntN(4) == 0 {
		w.Late, w.Lateness = 300, 60*time.Millisecond
	}
	// What readers of the sink may see is created whole by all storages; half of it would have been read already.
	w.Spare = func(_, url string, o faults.Outcome) bool {
		return o == faults.Half && strings.HasPrefix(url, s.out) && !strings.Contains(url, "/.pending/")
	}
	p := w.Plan(s.random.Uint64())
	if s.random.IntN(4) > 0 {
		p.ChangeAt = 10 + s.random.Int64N(300)
		p.Mode = []faults.Mode{faults.CrashBefore, faults.CrashAfter}[s.random.IntN(2)]
	}
	return p
}

func (s *storm) place(attempt int) string { return filepath.Join(s.dir, fmt.Sprint(attempt)) }

// start runs the job from the latest checkpoint. It tells whether the job has ended well.
func (s *storm) start(p *faults.Plan) bool {
	s.t.Helper()
	args := []string{"run", "--progress", "never", "--quiet", s.file, "--set", fmt.Sprint("records=", faultRecords), "--set", "rate=100000", "--set", "out=" + s.out,
		"--set", "backend=" + s.backend, "--set", "checkpoints=" + s.place(s.attempt), "-p", fmt.Sprint(1 + s.random.IntN(4)),
		"-D", fmt.Sprint("execution.checkpointing.tolerable-failed-checkpoints=", 5*s.random.IntN(2)),
		"-D", fmt.Sprint("execution.checkpointing.data-inline-threshold=", []string{"1kb", "20kb"}[s.random.IntN(2)])}
	if s.from >= 0 {
		mode := claimModes[s.random.IntN(len(claimModes))]
		switch mode {
		case "claim":
			s.claims(s.from)
		case "legacy":
			s.borrowed[s.attempt] = s.from
		}
		args = append(args, "-s", "latest:"+s.place(s.from), "--claim-mode", mode)
	}
	env := call{}.world(args)
	env.OpenStore, env.OpenMutable = p.Wrap(storage.Open), p.WrapMutable(storage.New(storage.Settings{}).OpenMutable)
	var out, said strings.Builder
	env.Out, env.Err = &out, &said
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	code := Run(ctx, env)
	s.codes = append(s.codes, code)
	for _, f := range p.Spoiled() {
		s.spoiled[f.URL] = true
		if dir, ok := strings.CutSuffix(f.URL, "/_metadata"); ok && (f.Op == "delete" || f.Op == "stat") {
			s.undeleted[dir] = true
			s.undeleted[filepath.Join(filepath.Dir(dir), "shared")] = true
		}
	}
	if p.Crashed() {
		s.killed[s.attempt] = true
	}
	if code != OK && code != Failed && code != Unreadable { // the last for a body that ends too early
		s.t.Fatalf("attempt %d: exit code %d\n%s", s.attempt, code, said.String())
	}
	if code != OK && p.Changes.Load() > 0 && len(p.Spoiled()) == 0 && !p.Crashed() && !strings.Contains(said.String(), "the storage fails") &&
		!strings.Contains(said.String(), "unexpected EOF") && !strings.Contains(said.String(), "ends within") {
		s.t.Fatalf("attempt %d failed without a fault:\n%s", s.attempt, said.String())
	}
	return code == OK
}

// claims makes the latest checkpoint of an attempt that of the next one, with all files that it uses.
func (s *storm) claims(from int) {
	s.t.Helper()
	s.claimed[from] = strings.TrimSpace(ckpt(s.t, "latest", s.place(from)).want(s.t, OK).out)
	for a, ok := s.borrowed[from]; ok; a, ok = s.borrowed[a] {
		s.bereft[a] = true
	}
}

// look finds out whether the attempt left a checkpoint, and holds that each that looks complete can be restored.
func (s *storm) look() {
	s.t.Helper()
	for a := range s.attempt + 1 {
		place := s.place(a)
		if _, err := os.Stat(place); err != nil {
			continue
		}
		var list struct {
			Entries []struct{ Path, State, Reason string }
		}
		r := ckpt(s.t, "ls", "-o", "json", place)
		if r.code == NotFound {
			continue // no checkpoint at all
		}
		if r.code != OK && r.code != Findings {
			s.t.Fatalf("exit code %d: %s", r.code, r.err)
		}
		r.decode(s.t, &list)
		for _, e := range list.Entries {
			dir := filepath.Join(place, e.Path)
			if claimed := s.claimed[a]; s.bereft[a] || claimed != "" && claimed != dir {
				continue
			}
			switch e.State {
			case "complete":
				if r := ckpt(s.t, "verify", "--level", "content", dir); r.code != OK {
					s.t.Errorf("attempt %d: %s\n%s%s", a, dir, r.out, r.err)
				}
				if a == s.attempt {
					s.from = a
				}
			case "corrupt":
				if !s.spoiled[filepath.Join(dir, "_metadata")] {
					s.t.Errorf("attempt %d: %s: %s, and no fault was there", a, dir, e.Reason)
				}
			case "damaged", "unsupported", "unreadable":
				s.t.Errorf("attempt %d: %s is %s: %s", a, dir, e.State, e.Reason)
			}
		}
	}
}

// TestStorageLies: where storage says that it has a file of state, or a staged part of a sink, and has it not, the job either needs it no more or
// fails: it never goes on without it, and writes nothing twice.
func TestStorageLies(t *testing.T) {
	want := calmWindows(t)
	first := firstSeed()
	var failed atomic.Int64
	n := storms()
	t.Run("all", func(t *testing.T) {
		for i := range n {
			seed := first + uint64(i)
			backend := []string{"hashmap", "pebble"}[seed%2]
			t.Run(fmt.Sprint(backend, "/", seed), func(t *testing.T) {
				t.Parallel()
				s := newStorm(t, seed, backend)
				w := faults.Weather{Lied: 8, Refused: 8, Spare: func(op, url string, o faults.Outcome) bool {
					staged := strings.Contains(url, "/.pending/")
					return o == faults.Lied && (op != "create" || strings.HasSuffix(url, "/_metadata") || strings.HasPrefix(url, s.out) && !staged)
				}}
				ended := s.start(w.Plan(s.random.Uint64()))
				if ended {
					s.sameAs(want)
				} else {
					failed.Add(1)
					s.within(want)
				}
			})
		}
	})
	if t.Logf("%d of %d jobs failed", failed.Load(), n); n >= 40 && failed.Load() == 0 {
		t.Error("no lie did harm: the test is worth nothing")
	}
}

// sameAs holds that the sink's files have just these records.
func (s *storm) sameAs(want []string) {
	s.t.Helper()
	if got := visible(s.t, s.out); !slices.Equal(got, want) {
		s.t.Errorf("%d records instead of %d; %s", len(got), len(want), firstApart(got, want))
	}
}

// within holds that the sink's files have some of these records, each once.
func (s *storm) within(want []string) {
	s.t.Helper()
	rest := want
	for _, line := range visible(s.t, s.out) {
		i, found := slices.BinarySearch(rest, line)
		if !found {
			s.t.Errorf("%s is there too often, or wrong", line)
			return
		}
		rest = rest[i+1:]
	}
}

// account holds that each byte that is left is in a class, and that what nobody uses is where a fault was, or of an attempt that was killed.
func (s *storm) account() {
	s.t.Helper()
	for a := range s.attempt + 1 {
		place := s.place(a)
		if _, err := os.Stat(place); err != nil {
			continue
		}
		args := []string{"du", "-o", "json", place}
		for b := range s.attempt + 1 {
			if _, err := os.Stat(s.place(b)); err == nil && b != a {
				args = append(args, "--also-root", s.place(b))
			}
		}
		var report struct {
			Root    duRoot
			Orphans []struct{ Path string }
		}
		r := call{now: testNow.Add(100 * 365 * 24 * time.Hour)}.run(s.t, args...)
		r.decode(s.t, &report)
		sum := report.Root.duSums
		if have := bytesBelow(s.t, place); sum.Bytes != have || sum.Referenced+sum.Orphan+sum.InFlight+sum.Unknown != have {
			s.t.Errorf("attempt %d: %d bytes, and du tells of %+v", a, have, sum)
		}
		if int64(len(report.Orphans)) != report.Root.OrphanFiles {
			s.t.Fatalf("%d orphans of %d", len(report.Orphans), report.Root.OrphanFiles)
		}
		for _, o := range report.Orphans {
			s.left++
			if file := filepath.Join(place, o.Path); !s.killed[a] && !s.excused(file) && !s.claimedByKilled(a, file) {
				s.t.Errorf("attempt %d leaves %s, and no fault was there; killed %v, claimed %v", a, file, s.killed, s.claimed)
			}
		}
	}
}

// excused tells whether there was a fault at the file, at a directory that it lies in, or at the deletion of the _metadata of its checkpoint: where
// that fails nothing else is deleted.
func (s *storm) excused(file string) bool {
	for ; len(file) > len(s.dir); file = filepath.Dir(file) {
		if s.spoiled[file] || s.undeleted[file] {
			return true
		}
	}
	return false
}

// claimedByKilled tells whether the file is of a checkpoint that a later attempt has claimed and may have been deleting when it was killed.
func (s *storm) claimedByKilled(a int, file string) bool {
	c, shared := s.claimed[a], strings.Contains(file, "/shared/")
	if own := c != "" && (shared || strings.HasPrefix(file, c+"/")); !own && !(s.bereft[a] && shared) {
		return false
	}
	for b := a + 1; b <= s.attempt; b++ {
		if s.killed[b] {
			return true
		}
	}
	return false
}
