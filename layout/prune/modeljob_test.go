package prune_test

import (
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// backend is how a job of the model keeps its keyed state.
type backend int

const (
	heap      backend = iota // all of it in the directory of the checkpoint
	rocksdb                  // incremental: files in shared/, most of them used again
	changelog                // materialisations in taskowned/, and logs in dstl/
	merging                  // parts of files in directories of merged files
)

// life is where a job of the model stands.
type life int

const (
	jobRunning life = iota
	jobDown         // its JobManager has crashed, and another one will take over (high availability)
	jobEnded        // FINISHED, CANCELED or FAILED
	jobLost         // its JobManager has crashed, and nobody knows of it any more
)

// flinkJob is a job of the model, with all that JobManager and TaskManagers have in memory.
type flinkJob struct {
	id        layout.JobID
	home      string // key of its directory
	backend   backend
	version   int32 // of its _metadata
	operators int   // which set of operators it has
	life      life
	started   time.Time
	ha        bool
	retained  int // execution.checkpointing.num-retained
	parallel  bool
	timeout   time.Duration
	interval  time.Duration // of materialisation

	next    int64
	store   []*snapshot // CompletedCheckpointStore, the oldest first
	pending *snapshot   // triggered
	begun   time.Time   // when that was
	uploads []string    // that are still to be made for it
	written bool        // its _metadata is there; it is to be registered
	saving  *snapshot   // a savepoint that is under way
	saved   time.Time   // when that was begun
	garbage []string    // what is to be deleted of subsumed checkpoints

	restored  *snapshot
	unclaimed bool     // restored is not the job's to delete
	confirmed []string // files of the last completed checkpoint that the next one may use
	aborted   []string // files of the last one that was not completed
	mat, log  []string // the last materialisation, and the changes since
	materials []string // of a materialisation under way
	since     time.Time
	under     bool   // one is under way
	own       string // its TaskManager's directory of merged files
}

func (j *flinkJob) live() bool { return j.life <= jobDown }

// snapshot is a checkpoint or savepoint of the model.
type snapshot struct {
	job       *flinkJob
	dir       string
	id        int64
	savepoint bool
	operators int
	at        time.Time // when its _metadata was written
	fresh     bool      // its directory had not been there before
	gone      bool      // Flink has begun to delete it, or prune, which was allowed to

	// Keys of the files that it uses.
	exclusive, private, shared, mat, log, segments []string
	managed                                        []string // directories of merged files
}

// files are all files that a snapshot needs besides its _metadata.
func (s *snapshot) files() []string {
	return slices.Concat(s.exclusive, s.private, s.shared, s.mat, s.log, s.segments)
}

// common are those that outlive it.
func (s *snapshot) common() []string { return slices.Concat(s.shared, s.mat, s.log, s.segments) }

func (s *snapshot) metadataKey() string { return path.Join(s.dir, layout.MetadataName) }

// chance is true so often.
func chance(r *rand.Rand, p float64) bool { return r.Float64() < p }

// some takes some of all, each with a chance.
func some(r *rand.Rand, all []string, p float64) []string {
	return slices.DeleteFunc(slices.Clone(all), func(string) bool { return !chance(r, p) })
}

// mergingDir is the directory for merged files that several checkpoints use.
func (j *flinkJob) mergingDir() string {
	return fmt.Sprintf("%s/shared/job_%s_op_%032x_0_1", j.home, j.id, 7)
}

// trigger begins a checkpoint: its directory is made, and what it uses is settled.
func (m *model) trigger(j *flinkJob) {
	s := &snapshot{job: j, id: j.next, operators: j.operators, dir: path.Join(j.home, layout.CheckpointID(j.next).Dir())}
	j.next++
	s.fresh = m.below(s.dir, false) == nil
	m.mkdir(s.dir)
	j.pending, j.begun, j.written = s, m.now, false
	s.exclusive = m.names(s.dir, 1+m.rng.IntN(2))
	j.uploads = slices.Clone(s.exclusive)
	switch j.backend {
	case rocksdb:
		keep := []float64{0, .5, .9, 1}[m.rng.IntN(4)] // a compaction drops files
		s.shared = slices.Concat(some(m.rng, j.confirmed, keep), some(m.rng, j.aborted, .5))
		fresh := m.names(j.home+"/shared", 1+m.rng.IntN(3))
		s.private = m.names(j.home+"/shared", m.rng.IntN(2))
		s.shared = append(s.shared, fresh...)
		j.uploads = slices.Concat(j.uploads, fresh, s.private)
	case changelog:
		s.mat, s.log = slices.Clone(j.mat), slices.Clone(j.log)
		fresh := m.names(j.home+"/dstl", 1)
		s.log = append(s.log, fresh...)
		j.log = append(j.log, fresh...) // the tasks keep it until it is truncated
		j.uploads = append(j.uploads, fresh...)
	case merging:
		s.managed = []string{j.mergingDir(), j.own}
		s.exclusive = m.names(j.own, 1)
		fresh := m.names(j.mergingDir(), 1)
		s.segments = append(some(m.rng, j.confirmed, .7), fresh...)
		j.uploads = slices.Concat(s.exclusive, fresh)
	}
	if m.rng.IntN(2) == 0 {
		slices.Reverse(j.uploads)
	}
}

// upload writes one of the files that the pending checkpoint is waiting for.
func (m *model) upload(j *flinkJob) {
	m.write(j.uploads[0])
	j.uploads = j.uploads[1:]
}

// finalise writes the _metadata of the pending checkpoint. That fails where there is one.
func (m *model) finalise(j *flinkJob) {
	s := j.pending
	if m.files[s.metadataKey()] != nil {
		m.abort(j, true)
		return
	}
	m.complete(s)
	j.written = true
}

func (m *model) complete(s *snapshot) {
	m.put(s.metadataKey(), 0, m.metadata(s))
	s.at = m.files[s.metadataKey()].modified
	m.snapshots = append(m.snapshots, s)
}

// register puts the checkpoint into the store, and what is too many out of it.
func (m *model) register(j *flinkJob) {
	s := j.pending
	j.pending, j.written, j.aborted = nil, false, nil
	j.confirmed = slices.Concat(s.shared, s.segments)
	j.store = append(j.store, s)
	for len(j.store) > j.retained {
		old := j.store[0]
		j.store = j.store[1:]
		if !j.unclaimed || old != j.restored {
			m.discard(j, old)
		}
	}
}

// discard queues what Flink deletes of a checkpoint.
func (m *model) discard(j *flinkJob, s *snapshot) {
	s.gone = true
	first := []string{s.metadataKey()}
	rest := slices.Concat(s.exclusive, s.private)
	if j.parallel {
		first = append(first, rest...)
		m.rng.Shuffle(len(first), func(a, b int) { first[a], first[b] = first[b], first[a] })
		rest = nil
	}
	j.garbage = slices.Concat(j.garbage, first, rest, []string{s.dir + "/"})
	using := j.inUse()
	for _, f := range s.common() {
		mine := !j.unclaimed || j.restored == nil || !slices.Contains(j.restored.files(), f)
		if !using[f] && mine && chance(m.rng, .9) { // the rest is lost by the way
			j.garbage = append(j.garbage, f)
		}
	}
}

// inUse are the files that the job's registry of shared state counts.
func (j *flinkJob) inUse() map[string]bool {
	use := map[string]bool{}
	for _, s := range append(slices.Clone(j.store), j.pending, j.saving) {
		if s != nil {
			for _, f := range s.files() {
				use[f] = true
			}
		}
	}
	for _, f := range slices.Concat(j.confirmed, j.mat, j.log, j.materials) {
		use[f] = true
	}
	return use
}

// clean deletes the next of what is queued. A key that ends in a slash is a directory.
func (m *model) clean(j *flinkJob) {
	key := j.garbage[0]
	j.garbage = j.garbage[1:]
	if dir := path.Clean(key); dir != key {
		_ = m.rmdir(dir) // unless something is left in it
		return
	}
	m.drop(key)
}

// abort gives the pending checkpoint up. Tasks delete what they can of their uploads. A
// late one may write into the directory once more.
func (m *model) abort(j *flinkJob, tidy bool) {
	s := j.pending
	done := slices.DeleteFunc(s.files(), func(f string) bool { return m.files[f] == nil || slices.Contains(j.confirmed, f) })
	j.aborted = nil
	for _, f := range done {
		switch {
		case slices.Contains(s.exclusive, f), slices.Contains(s.mat, f), slices.Contains(s.log, f), slices.Contains(s.segments, f):
		case tidy && chance(m.rng, .5):
			m.drop(f)
		case slices.Contains(s.shared, f):
			j.aborted = append(j.aborted, f)
		}
	}
	if tidy && m.files[s.metadataKey()] == nil {
		m.dropAll(s.dir)
		if chance(m.rng, .2) {
			m.mkdir(s.dir)
		}
		if chance(m.rng, .1) {
			m.write(m.names(s.dir, 1)[0])
		}
	}
	j.log = slices.DeleteFunc(j.log, func(f string) bool { return m.files[f] == nil })
	j.pending, j.uploads, j.written = nil, nil, false
}

// materialise goes one step on with a materialisation of the changelog: its files, each in
// its time, and then the log is cut off behind it.
func (m *model) materialise(j *flinkJob) {
	switch {
	case !j.under:
		j.under, j.since, j.materials = true, m.now, nil
	case len(j.materials) < 2 && m.now.Sub(j.since) < j.interval:
		f := m.names(j.home+"/taskowned", 1)[0]
		m.write(f)
		j.materials = append(j.materials, f)
	default:
		j.under, j.mat, j.materials = false, j.materials, nil
		j.log = slices.DeleteFunc(j.log, func(f string) bool { return m.files[f] != nil && m.files[f].modified.Before(j.since) })
	}
}

// preempt uploads changes before any checkpoint asks for them.
func (m *model) preempt(j *flinkJob) {
	f := m.names(j.home+"/dstl", 1)[0]
	m.write(f)
	j.log = append(j.log, f)
}

// save goes one step on with a savepoint.
func (m *model) save(j *flinkJob) {
	if j.saving == nil {
		dir := fmt.Sprintf("%s/savepoint-%s-%012x", path.Dir(j.home), j.id.String()[:6], m.rng.Uint64()&0xffffffffffff)
		j.saving = &snapshot{job: j, dir: dir, id: j.next, savepoint: true, operators: j.operators, exclusive: m.names(dir, 2)}
		j.next++
		j.saved = m.now
		m.write(j.saving.exclusive[0])
		return
	}
	m.write(j.saving.exclusive[1])
	m.complete(j.saving)
	j.saving = nil
}
