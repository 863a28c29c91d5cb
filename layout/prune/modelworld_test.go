package prune_test

import (
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/prune"
)

// model is some jobs of Flink, and all that they and their predecessors have left.
type model struct {
	*shelf
	rng       *rand.Rand
	jobs      []*flinkJob
	snapshots []*snapshot // that were completed, whatever became of them
	foreign   []string    // files of others
	named     uint64
	fixed     bool // job ids are, as in application mode
	roots     []string
	trace     []string

	pruning *pruning // nil while none runs
	last    *prune.Plan
	heard   []testimony
	wrong   []string // what should not have happened
	sums    sums
}

// sums are what was seen of a run.
type sums struct{ steps, prunes, stopped, killed, deleted, snapshots, lost, left int }

func (a *sums) add(b sums) {
	a.steps += b.steps
	a.prunes += b.prunes
	a.stopped += b.stopped
	a.killed += b.killed
	a.deleted += b.deleted
	a.snapshots += b.snapshots
	a.lost += b.lost
	a.left += b.left
}

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newModel(seed uint64) *model {
	rng := rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))
	m := &model{shelf: newShelf(epoch, rng.IntN(2) == 0), rng: rng, named: seed << 20, fixed: rng.IntN(4) == 0, roots: []string{"a"}}
	if rng.IntN(3) == 0 {
		m.roots = append(m.roots, "b")
	}
	for _, root := range m.roots {
		m.mkdir(root)
		m.foreign = append(m.foreign, root+"/important.txt")
		m.put(root+"/important.txt", 100, nil)
	}
	return m
}

func (m *model) say(format string, args ...any) {
	m.trace = append(m.trace, m.now.Sub(epoch).Round(time.Second).String()+" "+fmt.Sprintf(format, args...))
}

// names are keys for new files in a directory.
func (m *model) names(dir string, n int) []string {
	keys := make([]string, n)
	for i := range keys {
		m.named++
		keys[i] = dir + "/" + uuid(m.named)
	}
	return keys
}

func (m *model) write(key string) { m.put(key, 10+int64(m.rng.IntN(90)), nil) }

// start starts a job, anew or from a snapshot.
func (m *model) start() *flinkJob {
	j := &flinkJob{
		backend: backend(m.rng.IntN(4)), version: int32(2 + m.rng.IntN(5)), operators: m.rng.IntN(2), ha: m.rng.IntN(2) == 0,
		retained: 1 + m.rng.IntN(4), parallel: m.rng.IntN(2) == 0, next: 1,
		timeout: time.Duration(5+m.rng.IntN(25)) * time.Minute, interval: time.Duration(5+m.rng.IntN(25)) * time.Minute,
	}
	if j.backend == merging && j.version < 4 {
		j.version = 4
	}
	root := m.roots[m.rng.IntN(len(m.roots))]
	if old := m.freeID(); old != nil && m.fixed {
		j.id, root = old.id, path.Dir(old.home)
	} else {
		m.named++
		j.id, _ = layout.ParseJobID(strings.ReplaceAll(uuid(m.named), "-", ""))
	}
	j.home = path.Join(root, j.id.String())
	j.own = fmt.Sprintf("%s/taskowned/job_%s_tm_tm-%d", j.home, j.id, m.named)
	j.started = m.now
	m.mkdir(j.home + "/shared")
	m.mkdir(j.home + "/taskowned")
	m.jobs = append(m.jobs, j)
	return j
}

// freeID is a job whose id may be used again.
func (m *model) freeID() *flinkJob {
	for _, j := range m.jobs {
		if !slices.ContainsFunc(m.jobs, func(o *flinkJob) bool { return o.id == j.id && o.live() }) {
			return j
		}
	}
	return nil
}

// startable are the snapshots from which somebody may start a job. While prune runs by a
// policy that lets some go, nobody starts from these.
func (m *model) startable() []*snapshot {
	return slices.DeleteFunc(slices.Clone(m.snapshots), func(s *snapshot) bool {
		return s.gone || s.job.live() && !s.savepoint || !m.whole(s) || m.pruning != nil && !m.protected(s)
	})
}

// restore starts a job from a snapshot, by CLAIM, NO_CLAIM or LEGACY.
func (m *model) restore(s *snapshot) *flinkJob {
	j := m.start()
	j.backend, j.restored, j.next = s.job.backend, s, s.id+1
	if j.backend == merging {
		j.version = max(j.version, 4)
	}
	if chance(m.rng, .8) {
		j.operators = s.operators
	}
	mode := m.rng.IntN(3)
	taken := slices.ContainsFunc(m.jobs, func(o *flinkJob) bool { return o != j && o.live() && o.restored == s })
	if taken { // nobody claims what another one was started from
		mode = 1
	}
	j.unclaimed = mode > 0
	if !s.savepoint && mode != 1 {
		j.store = []*snapshot{s}
		j.confirmed = slices.Concat(s.shared, s.segments)
		j.mat, j.log = slices.Clone(s.mat), slices.Clone(s.log)
	}
	m.say("job %s starts from %s, mode %d", j.id, s.dir, mode)
	return j
}

// crash ends the JobManager of a job. What it has not registered is as good as not there.
func (m *model) crash(j *flinkJob) {
	if j.pending != nil {
		if j.written {
			j.pending, j.written = nil, false
		} else {
			m.abort(j, false)
		}
	}
	m.giveUp(j)
	j.saving, j.life = nil, jobLost
	if j.ha {
		j.life = jobDown
	}
	m.forget(j)
}

// giveUp forgets what was to be deleted. What still has its _metadata is there as before.
func (m *model) giveUp(j *flinkJob) {
	queued := j.garbage
	j.garbage = nil
	for _, s := range m.snapshots {
		if slices.Contains(queued, s.metadataKey()) && m.there(s) {
			s.gone = false
		}
	}
}

// forget takes the tasks back to the last registered checkpoint.
func (m *model) forget(j *flinkJob) {
	j.aborted, j.confirmed, j.mat, j.log, j.materials, j.under = nil, nil, nil, nil, nil, false
	if len(j.store) > 0 {
		last := j.store[len(j.store)-1]
		j.confirmed = slices.Concat(last.shared, last.segments)
		j.mat, j.log = slices.Clone(last.mat), slices.Clone(last.log)
	}
	m.named++
	j.own = fmt.Sprintf("%s/taskowned/job_%s_tm_tm-%d", j.home, j.id, m.named)
}

// end ends a job, and deletes its checkpoints or does not.
func (m *model) end(j *flinkJob, keep bool) {
	if j.pending != nil {
		if j.written {
			m.register(j)
		} else {
			m.abort(j, true)
		}
	}
	j.life, j.saving = jobEnded, nil
	if !keep {
		j.confirmed, j.mat, j.log, j.materials = nil, nil, nil, nil
		for len(j.store) > 0 {
			s := j.store[0]
			if j.store = j.store[1:]; !j.unclaimed || s != j.restored {
				m.discard(j, s)
			}
		}
		if j.backend == merging {
			m.dropAll(j.mergingDir())
			m.dropAll(j.own)
		}
	}
	for len(j.garbage) > 0 && chance(m.rng, .97) {
		m.clean(j)
	}
	m.giveUp(j)
}

// act lets the writers do one step.
func (m *model) act() {
	m.sums.steps++
	m.now = m.now.Add([]time.Duration{time.Second, 20 * time.Second, 2 * time.Minute, 6 * time.Minute}[m.rng.IntN(4)])
	m.expire()
	var up []*flinkJob
	for _, j := range m.jobs {
		if j.live() {
			up = append(up, j)
		}
	}
	switch {
	case len(m.jobs) < 7 && (len(up) == 0 || len(up) < 3 && chance(m.rng, .03)):
		m.startSome()
	case len(up) == 0:
	case chance(m.rng, .01):
		m.pause()
	default:
		m.actOf(up[m.rng.IntN(len(up))])
	}
	if chance(m.rng, .7) {
		m.hear()
	}
}

func (m *model) startSome() {
	if from := m.startable(); len(from) > 0 && chance(m.rng, .8) {
		m.restore(from[m.rng.IntN(len(from))])
	} else {
		j := m.start()
		m.say("job %s starts, backend %d", j.id, j.backend)
	}
	m.hear()
}

// expire gives up what takes longer than it may.
func (m *model) expire() {
	for _, j := range m.jobs {
		if j.life == jobRunning && j.pending != nil && !j.written && m.now.Sub(j.begun) > j.timeout {
			m.say("checkpoint %d of %s expires", j.pending.id, j.id)
			m.abort(j, true)
		}
		if j.saving != nil && m.now.Sub(j.saved) > j.timeout {
			j.saving = nil
		}
		for j.life == jobRunning && j.under && m.now.Sub(j.since) > j.interval {
			m.materialise(j)
		}
	}
}

// pause lets time pass in which no checkpoint completes, for whatever reason.
func (m *model) pause() {
	m.now = m.now.Add(time.Duration(1+m.rng.IntN(30)) * time.Hour)
	m.say("time passes")
	m.expire()
}

// actOf lets one job do a step.
func (m *model) actOf(j *flinkJob) {
	dice := m.rng.IntN(100)
	switch {
	case j.life == jobDown:
		if dice < 30 {
			j.life = jobRunning
			m.say("job %s recovers", j.id)
		}
	case dice < 2:
		m.say("the JobManager of %s crashes", j.id)
		m.crash(j)
	case dice < 4 && !j.written:
		m.say("a TaskManager of %s crashes", j.id)
		if j.pending != nil {
			m.abort(j, false)
		}
		m.forget(j)
	case dice < 6 && j.pending != nil && !j.written:
		m.say("checkpoint %d of %s fails", j.pending.id, j.id)
		m.abort(j, true)
	case dice < 7:
		keep := chance(m.rng, .7)
		m.say("job %s ends, retains: %v", j.id, keep)
		m.end(j, keep)
	case dice < 9 || dice < 20 && j.saving != nil:
		m.save(j)
	case dice < 25 && len(j.garbage) > 0:
		m.clean(j)
	case dice < 45 && j.backend == changelog:
		if chance(m.rng, .3) {
			m.preempt(j)
		} else {
			m.materialise(j)
		}
	default:
		m.goOn(j)
	}
}

// goOn goes one step on with the checkpoint.
func (m *model) goOn(j *flinkJob) {
	switch {
	case j.pending == nil:
		m.trigger(j)
	case j.written:
		m.say("checkpoint %d of %s is registered", j.pending.id, j.id)
		m.register(j)
	case len(j.uploads) == 0:
		m.say("checkpoint %d of %s is finalised", j.pending.id, j.id)
		m.finalise(j)
	default:
		m.upload(j)
	}
}

// there tells whether the _metadata of a snapshot is, and not that of another one.
func (m *model) there(s *snapshot) bool {
	f := m.files[s.metadataKey()]
	return f != nil && f.modified.Equal(s.at)
}

// whole tells whether a snapshot has all its files.
func (m *model) whole(s *snapshot) bool {
	if !m.there(s) {
		return false
	}
	for _, f := range s.files() {
		if m.files[f] == nil {
			return false
		}
	}
	return true
}

// needed tells for what a file is needed by the book-keeping of the writers, "" where it is
// not. It knows nothing of references: that is what it is for.
func (m *model) needed(key string) string {
	if slices.Contains(m.foreign, key) {
		return "somebody else"
	}
	for _, s := range m.snapshots {
		if !s.gone && (key == s.metadataKey() || slices.Contains(s.files(), key)) && m.protected(s) {
			return s.dir
		}
	}
	for _, j := range m.jobs {
		if !j.live() {
			continue
		}
		for _, s := range []*snapshot{j.pending, j.saving} {
			if s != nil && slices.Contains(s.files(), key) {
				return "pending " + s.dir
			}
		}
		if j.restored != nil && !j.restored.gone && (key == j.restored.metadataKey() || slices.Contains(j.restored.files(), key)) {
			return "restored " + j.restored.dir
		}
		if slices.Contains(slices.Concat(j.confirmed, j.aborted, j.mat, j.log, j.materials), key) {
			return "the state of job " + j.id.String()
		}
		if f := m.files[key]; j.backend == merging && f != nil && !f.modified.Before(j.started) && (strings.HasPrefix(key, j.own+"/") || strings.HasPrefix(key, j.mergingDir()+"/")) {
			return "a directory of merged files of job " + j.id.String()
		}
	}
	return ""
}
