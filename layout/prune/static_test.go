package prune_test

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/prune"
)

// thicket is a random tree: snapshots that use files of each other, of other jobs and of
// another root; damaged ones, unfinished ones, and files of all ages that nobody uses.
type thicket struct {
	*model
	policy  prune.Policy
	managed map[string][]*snapshot // directories of merged files, and whose they are
	dirs    []string               // of snapshots that were never completed
}

func newThicket(seed uint64) *thicket {
	m := newModel(seed)
	m.fixed = false
	k := &thicket{model: m, managed: map[string][]*snapshot{}}
	k.policy = prune.Policy{Last: 1 + m.rng.IntN(3), Savepoints: m.rng.IntN(2) == 0, RemoveDamaged: m.rng.IntN(2) == 0}
	var pool []string
	for range 1 + m.rng.IntN(4) {
		j := m.start()
		j.backend = []backend{rocksdb, rocksdb, merging}[m.rng.IntN(3)]
		j.version = 6
	}
	for range 5 + m.rng.IntN(40) {
		m.now = m.now.Add(time.Duration(m.rng.IntN(300)) * time.Minute)
		j := m.jobs[m.rng.IntN(len(m.jobs))]
		switch m.rng.IntN(8) {
		case 0:
			dir := []string{"shared", "taskowned", "dstl", path.Base(j.mergingDir())}[m.rng.IntN(4)]
			if dir[0] == 'j' {
				dir = "shared/" + dir
			}
			m.write(m.names(j.home+"/"+dir, 1)[0])
		case 1:
			k.dirs = append(k.dirs, fmt.Sprintf("%s/chk-%d", j.home, j.next))
			m.write(m.names(k.dirs[len(k.dirs)-1], 1)[0])
			j.next++
		case 2:
			if len(m.snapshots) > 0 { // loses a file, or has one too many
				s := m.snapshots[m.rng.IntN(len(m.snapshots))]
				if files := s.files(); m.rng.IntN(2) == 0 {
					m.drop(files[m.rng.IntN(len(files))])
				} else {
					m.write(m.names(s.dir, 1)[0])
				}
			}
		default:
			pool = append(pool, k.grow(j, pool)...)
		}
	}
	m.now = m.now.Add(time.Duration(m.rng.IntN(30)) * time.Hour)
	return k
}

// grow completes a snapshot, which uses some of a pool of files.
func (k *thicket) grow(j *flinkJob, pool []string) (fresh []string) {
	m := k.model
	s := &snapshot{job: j, id: j.next, operators: m.rng.IntN(2), savepoint: m.rng.IntN(6) == 0, dir: path.Join(j.home, layout.CheckpointID(j.next).Dir())}
	j.next++
	fresh = m.names(j.home+"/shared", m.rng.IntN(3))
	switch {
	case s.savepoint:
		s.dir = fmt.Sprintf("%s/savepoint-%s-%s", path.Dir(j.home), j.id.String()[:6], uuidDigits(m.rng.Uint64())[:12])
		fresh = nil
	case j.backend == merging:
		s.managed = []string{j.mergingDir(), j.own}
		for _, dir := range s.managed {
			k.managed[dir] = append(k.managed[dir], s)
		}
	}
	s.exclusive = m.names(s.dir, 2)
	if !s.savepoint {
		s.shared = slices.DeleteFunc(some(m.rng, pool, .2), func(f string) bool { return m.files[f] == nil })
		s.shared = append(s.shared, fresh...)
	}
	for _, f := range slices.Concat(s.exclusive, fresh) {
		m.write(f)
	}
	m.complete(s)
	return fresh
}

// expected is what should go, by the rules alone.
func (k *thicket) expected() []string {
	const old = 24 * time.Hour
	kept, used := map[string]bool{}, map[string]bool{}
	stays := map[*snapshot]bool{}
	for _, s := range k.snapshots {
		used[s.metadataKey()] = true
		rank, wholes := k.rank(s)
		whole := k.whole(s)
		stays[s] = whole && rank < k.policy.Last || s.savepoint && !k.policy.Savepoints || !whole && (!k.policy.RemoveDamaged || wholes == 0) ||
			k.now.Sub(k.newestFile(s.dir)) < old
		for _, f := range append(s.files(), s.metadataKey()) {
			used[f] = true
			kept[f] = kept[f] || stays[s]
		}
	}
	var goes []string
	for key, f := range k.files {
		dir := path.Dir(key)
		if kept[key] || slices.Contains(k.foreign, key) || k.now.Sub(f.modified) < old ||
			slices.ContainsFunc(k.managed[dir], func(s *snapshot) bool { return stays[s] }) {
			continue
		}
		if !used[key] && (slices.Contains(k.dirs, dir) && k.now.Sub(k.newestFile(dir)) < old || k.upcoming(key, f)) {
			continue
		}
		goes = append(goes, key)
	}
	slices.Sort(goes)
	return goes
}

// newestFile is when anything in a directory changed last.
func (k *thicket) newestFile(dir string) (t time.Time) { return k.newestBelow(dir) }

// upcoming tells whether a file may be meant for a checkpoint that is in progress: it is
// younger than what was completed last, and something younger than a day has no _metadata.
func (k *thicket) upcoming(key string, f *shelved) bool {
	i := slices.IndexFunc(k.jobs, func(j *flinkJob) bool { return strings.HasPrefix(key, j.home+"/") })
	if i < 0 || strings.Contains(key, "/chk-") {
		return false
	}
	home := k.jobs[i].home
	pending := slices.ContainsFunc(k.dirs, func(dir string) bool {
		return path.Dir(dir) == home && k.now.Sub(k.newestFile(dir)) < 24*time.Hour
	})
	var newest time.Time
	for _, s := range k.snapshots {
		if path.Dir(s.dir) == home && s.at.After(newest) {
			newest = s.at
		}
	}
	return pending && f.modified.After(newest)
}

// TestStatic: in random trees, what goes is what a plain reading of the rules lets go: no
// file that a snapshot which stays can reach, and each other one.
func TestStatic(t *testing.T) {
	n := uint64(2000)
	if testing.Short() || raceEnabled {
		n = 200
	}
	snapshots, files := 0, 0
	for seed := uint64(1); seed <= n && !t.Failed(); seed++ {
		k := newThicket(seed)
		want, before := k.expected(), maps.Clone(k.files)
		p, done, err := k.prunes(t.Context(), k.open, func(in *prune.Input) { in.Policy = k.policy }, k.roots...)
		if err != nil || done.Stopped != nil || p.Stopped() {
			t.Fatal(seed, err, done, tripped(p))
		}
		var got []string
		for key := range before {
			if k.files[key] == nil {
				got = append(got, key)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("seed %d, %+v: it deletes\n%s\nand should\n%s", seed, k.policy, strings.Join(difference(got, want), "\n"), strings.Join(difference(want, got), "\n"))
		}
		snapshots, files = snapshots+p.Totals.Snapshots, files+len(got)
	}
	if snapshots == 0 || files == 0 {
		t.Error("nothing went")
	}
	t.Logf("%d trees: %d snapshots and %d files went", n, snapshots, files)
}

// difference is what a has and b has not.
func difference(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}
