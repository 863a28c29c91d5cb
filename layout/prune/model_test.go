package prune_test

import (
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/prune"
)

// play is one run of the model: writers at work, and prune between any two of their steps,
// several times, sometimes killed. In the end all jobs have ended, and prune has its way.
func play(seed uint64) *model {
	m := newModel(seed)
	m.hear()
	pace := []float64{0, .02, .1, .5}[m.rng.IntN(4)]
	for range 2 + m.rng.IntN(2) {
		for range 20 + m.rng.IntN(60) {
			m.act()
		}
		if chance(m.rng, .4) {
			m.pause()
		}
		p := m.decide()
		m.before = m.between(pace)
		if chance(m.rng, .15) {
			m.left = m.rng.IntN(80)
		}
		m.prune(p)
	}
	m.conclude()
	return m
}

// between lets writers work between two operations of prune.
func (m *model) between(pace float64) func() {
	budget := 60 // prune ends some time
	return func() {
		m.now = m.now.Add(time.Duration(m.rng.IntN(300)) * time.Millisecond)
		if m.rng.IntN(100) == 0 {
			m.now = m.now.Add(time.Minute)
		}
		for budget > 0 && chance(m.rng, pace) {
			budget--
			m.act()
		}
	}
}

// conclude ends all jobs, prunes with all evidence until nothing goes any more, and looks
// at what is left.
func (m *model) conclude() {
	m.endAll()
	if chance(m.rng, .5) {
		m.now = m.now.Add(100 * time.Hour)
		eve := &pruning{how: byCluster, roots: true, reviewed: true, policy: prune.Policy{Last: 1}, safety: prune.DefaultSafety(), ended: map[layout.JobID]bool{}}
		if eve.safety.MaxOrphanPercent = 100; chance(m.rng, .5) {
			eve.how = byName
			for _, j := range m.jobs {
				eve.ended[j.id] = true
			}
		}
		m.prune(eve)
		m.endAll()
	}
	m.now = m.now.Add(100 * time.Hour)
	p := &pruning{how: byWord, roots: true, safety: prune.DefaultSafety()}
	p.policy = prune.Policy{Last: 1 + m.rng.IntN(2), Savepoints: m.rng.IntN(2) == 0, RemoveDamaged: m.rng.IntN(2) == 0}
	p.safety.MaxOrphanPercent = 100
	// What a run empties is as young as that, and lineages may become one when what lay
	// between them has gone.
	for n, before := 0, -1; n < 2 || before != m.sums.deleted; n++ {
		before = m.sums.deleted
		m.prune(p)
		m.now = m.now.Add(100 * time.Hour)
	}
	m.pruning = p
	p.now, p.free = m.now, nil
	m.checkLeft()
	m.checkWhole()
	m.pruning = nil
}

// endAll ends all jobs, in one way or another.
func (m *model) endAll() {
	for _, j := range m.jobs {
		if !j.live() {
			continue
		}
		if chance(m.rng, .5) {
			m.crash(j)
			j.life = jobLost
		} else {
			m.end(j, chance(m.rng, .7))
		}
	}
	m.hear()
}

// checkWhole looks whether prune, too, finds each snapshot whole that must be.
func (m *model) checkWhole() {
	state := map[string]layout.State{}
	for i := range m.last.Graph.Nodes {
		n := &m.last.Graph.Nodes[i]
		state[n.URL()] = n.State
	}
	for _, s := range m.snapshots {
		if !s.gone && m.protected(s) && m.whole(s) && state[url(s.dir)] != layout.Complete {
			m.fail("%s is %q", s.dir, state[url(s.dir)])
		}
	}
}

// checkLeft looks for what should have gone.
func (m *model) checkLeft() {
	stays := map[string]bool{}
	var managed []string
	for _, key := range m.foreign {
		stays[key] = true
	}
	for _, s := range m.snapshots {
		if s.gone || !m.protected(s) {
			continue
		}
		stays[s.metadataKey()] = true
		managed = append(managed, s.managed...)
		for _, f := range s.files() {
			stays[f] = true
		}
	}
	full := map[string]bool{}
	for _, dir := range managed {
		for ; dir != "."; dir = path.Dir(dir) {
			full[dir] = true
		}
	}
	for key := range m.files {
		if strings.HasPrefix(key, "trash/") {
			continue
		}
		unfinished := strings.Contains(key, "/savepoint-") && !m.pruning.policy.Savepoints && m.files[path.Dir(key)+"/_metadata"] == nil
		merged := false
		for _, dir := range managed {
			merged = merged || strings.HasPrefix(key, dir+"/")
		}
		if !stays[key] && !merged && !unfinished {
			m.sums.left++
			m.fail("%s is left, and nobody needs it: %s", key, m.why(key))
		}
		for dir := path.Dir(key); dir != "."; dir = path.Dir(dir) {
			full[dir] = true
		}
	}
	for dir := range m.dirs {
		unfinished := strings.Contains(dir, "/savepoint-") && !m.pruning.policy.Savepoints
		if !full[dir] && path.Dir(dir) != "." && !strings.HasPrefix(dir, "trash") && path.Base(dir) != ".ckpt" && !unfinished {
			m.fail("the empty directory %s is left", dir)
		}
	}
}

// why is what the last plan says of a file that stays.
func (m *model) why(key string) string {
	for _, h := range m.last.Held {
		if m.last.Graph.URL(h.Object) == url(key) {
			return "guard " + string(h.Guard)
		}
	}
	for _, k := range m.last.Kept {
		if n := &m.last.Graph.Nodes[k.Node]; n.URL() == url(path.Dir(key)) {
			return string(n.State) + ", " + k.Reason
		}
	}
	return "no word of it"
}

// runs is how many times the model is played.
func runs(t *testing.T) uint64 {
	if s := os.Getenv("CKPT_SOAK_RUNS"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("CKPT_SOAK_RUNS: %v", err)
		}
		return n
	}
	if testing.Short() || raceEnabled {
		return 500
	}
	return 20_000
}

// That the model can fail was tried out: each of these mistakes, made on purpose, is found
// within 1,500 runs.
//
//   - _metadata are not looked at once more before a batch; what they use then is not counted
//   - jobs are not asked about again while executing, or only once at all
//   - no minimum age; no rule of checkpoints that pass over; one that does is enough; those
//     that complete while a file is not to be named yet count, too
//   - operator state, logs of changes, private files, or segments are skipped; only shared
//     handles are marked; directories of merged files are not known
//   - a _metadata goes last; what lies in a pending checkpoint is an orphan
//   - the newest may go; damaged ones count as whole, or go like others; what a JobManager
//     names may go; checkpoints of live jobs may go
//   - all snapshots of a directory are one lineage, or operators do not tell lineages apart
//
// Two are covered by another rule each, and not found: that jobs are asked before the listing
// only (they are asked again before each batch), and that a journal counts though its
// _metadata is there (then it uses the files itself).

// TestModel plays the model many times. CKPT_MODEL_SEED plays one run again, as often as
// needed: several requests of prune are under way at a time, and their order is not ours.
func TestModel(t *testing.T) {
	if s := os.Getenv("CKPT_MODEL_SEED"); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		for range 50 {
			report(t, seed, play(seed))
		}
		return
	}
	var next, failed atomic.Uint64
	var mu sync.Mutex
	var total sums
	n, begin := runs(t), time.Now()
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for seed := next.Add(1); seed <= n && failed.Load() < 3; seed = next.Add(1) {
				m := play(seed)
				mu.Lock()
				total.add(m.sums)
				mu.Unlock()
				if len(m.wrong) > 0 {
					failed.Add(1)
					report(t, seed, m)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d runs in %s: %d steps of writers; %d runs of prune, %d stopped by a guard, %d killed; deleted %d files and %d checkpoints; live files lost: %d; deletable files left: %d",
		n, time.Since(begin).Round(time.Second), total.steps, total.prunes, total.stopped, total.killed, total.deleted, total.snapshots, total.lost, total.left)
	if total.deleted == 0 || total.snapshots == 0 || total.killed == 0 {
		t.Error("the model does not delete")
	}
}

// report tells what went wrong in a run.
func report(t *testing.T, seed uint64, m *model) {
	t.Helper()
	if len(m.wrong) == 0 {
		return
	}
	t.Errorf("CKPT_MODEL_SEED=%d: %d things are wrong, the first of them: %s", seed, len(m.wrong), m.wrong[0])
	t.Log(strings.Join(m.trace, "\n"))
	if t.Failed() && os.Getenv("CKPT_MODEL_SEED") != "" {
		t.FailNow()
	}
}
