package usage

import (
	"github.com/ckpt-tool/ckpt/layout"
)

// jobKey is a job in a tree.
type jobKey struct {
	tree  int
	id    layout.JobID
	known bool
}

// jobList finds the sums of a job. Neighbours mostly are of one.
type jobList struct {
	all    []*Job
	byKey  map[jobKey]*Job
	lastOf jobKey
	last   *Job
	byDir  []map[string]*Job        // of each tree: of snapshots that no job's directory encloses
	byName map[string]*layout.JobID // by the first 6 digits; nil where several jobs have them
}

// prefixes learns the ids of all jobs, because the name of a savepoint has but six digits.
func (l *jobList) prefixes(trees []*layout.Tree) {
	l.byKey, l.byName = map[jobKey]*Job{}, map[string]*layout.JobID{}
	l.byDir = make([]map[string]*Job, len(trees))
	for i, t := range trees {
		l.byDir[i] = map[string]*Job{}
		for _, id := range t.Jobs() {
			prefix := id.String()[:6]
			if other, ok := l.byName[prefix]; ok && (other == nil || *other != id) {
				l.byName[prefix] = nil
				continue
			}
			l.byName[prefix] = &id
		}
	}
}

func (l *jobList) get(k jobKey) *Job {
	if l.last != nil && l.lastOf == k {
		return l.last
	}
	job := l.byKey[k]
	if job == nil {
		job = &Job{Tree: k.tree, ID: k.id, Known: k.known}
		l.byKey[k] = job
		l.all = append(l.all, job)
	}
	l.lastOf, l.last = k, job
	return job
}

// of is a job in a tree.
func (l *jobList) of(tree int, id layout.JobID) *Job { return l.get(jobKey{tree, id, true}) }

// none is for what belongs to no job.
func (l *jobList) none(tree int) *Job { return l.get(jobKey{tree: tree}) }

// ofSnapshot is the job of a snapshot by its place or, for a savepoint, by its name.
func (l *jobList) ofSnapshot(tree int, s *layout.Snapshot) *Job {
	if s.HasJob {
		return l.of(tree, s.Job)
	}
	id := l.byName[s.JobPrefix()]
	if id == nil {
		return l.none(tree)
	}
	job := l.of(tree, *id)
	l.byDir[tree][s.Dir] = job
	return job
}

// ofDir is the job of the snapshot in dir, which no job's directory encloses.
func (l *jobList) ofDir(tree int, dir string) *Job {
	if job := l.byDir[tree][dir]; job != nil {
		return job
	}
	return l.none(tree)
}
