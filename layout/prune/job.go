package prune

import (
	"maps"
	"slices"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// job is all that lies in the directories of one job, or in a tree belongs to none.
type job struct {
	jobKey
	JobState
	newest time.Time // the latest change of anything in it
	bytes  int64
	nodes  []int // its snapshots
	// completions are when its checkpoints were completed, in order, of those that are whole,
	// and of those that Flink has deleted since, as far as it is known; and of each
	// directory of checkpoints, their ids with their times.
	completions []time.Time
	completed   map[int64]time.Time // by id; of copies, the earliest
	homes       map[nodeKey][]completion
	stopped     Name // by which guard, "" for none
	batch       Batch
	orphans     []Item
	orphanBytes int64
}

type completion struct {
	id layout.CheckpointID
	at time.Time
}

// name is for people.
func (j *job) name() string {
	if !j.has {
		return "what belongs to no job"
	}
	return "job " + j.id.String()
}

// of is the job to which something belongs.
func (p *planner) of(tree int, id layout.JobID, has bool) *job {
	key := jobKey{id: id, has: has}
	if !has {
		key = jobKey{tree: tree}
	}
	j := p.jobs[key]
	if j == nil {
		j = &job{jobKey: key, homes: map[nodeKey][]completion{}, completed: map[int64]time.Time{}}
		j.batch = Batch{Job: id, HasJob: has}
		p.jobs[key] = j
		p.list = append(p.list, j)
	}
	return j
}

// gather deals out all that the trees hold.
func (p *planner) gather() {
	p.jobs, p.snapshot, p.folders = map[jobKey]*job{}, map[nodeKey]int{}, map[*layout.Tree][]folder{}
	for i := range p.Graph.Nodes {
		p.gatherNode(i)
	}
	for i, t := range p.Graph.Trees {
		byDir := make([]folder, t.Files.DirCount())
		for d := range t.Files.Dirs() {
			j := p.of(i, d.Job, d.HasJob)
			byDir[d.ID].job = j
			j.newest = later(j.newest, d.Modified)
		}
		p.folders[t] = byDir
		for f := range layout.FileID(t.Files.Len()) {
			j := byDir[t.Files.Dir(f)].job
			j.bytes += t.Files.Size(f)
			j.newest = later(j.newest, t.Files.Modified(f))
			if !t.Files.Random(f) && t.Files.Name(f) == layout.CopyMarkerName {
				p.markers = append(p.markers, marker{t, above(t.Files.Key(f)), j.id, j.has})
			}
		}
	}
	for _, j := range p.list {
		j.JobState = p.World.Of(j.id, j.has, j.newest, p.Now)
		for id, at := range p.World.Jobs[j.id].Completed {
			if j.has {
				j.complete(id, at)
			}
		}
		j.completions = slices.SortedFunc(maps.Values(j.completed), time.Time.Compare)
	}
}

// jobOf is the job of a snapshot.
func (p *planner) jobOf(n *layout.Node) *job {
	return p.of(slices.Index(p.Graph.Trees, n.Tree), n.Job, n.HasJob)
}

func (p *planner) gatherNode(i int) {
	n := &p.Graph.Nodes[i]
	p.snapshot[nodeKey{n.Tree, n.Dir}] = i
	j := p.jobOf(n)
	j.nodes = append(j.nodes, i)
	if n.State != layout.Complete || isSavepoint(n) || n.Modified().IsZero() {
		return
	}
	j.complete(n.ID, n.Modified())
	home := nodeKey{n.Tree, homeOf(n)}
	j.homes[home] = append(j.homes[home], completion{layout.CheckpointID(n.ID), n.Modified()})
}

// complete notes when a checkpoint was completed. Of several answers the earliest counts.
func (j *job) complete(id int64, at time.Time) {
	if old, ok := j.completed[id]; !ok || at.Before(old) {
		j.completed[id] = at
	}
}

// passedOver is how many whole checkpoints of the job were completed after t.
func (j *job) passedOver(t time.Time) int {
	i, _ := slices.BinarySearchFunc(j.completions, t, func(at, t time.Time) int {
		if at.After(t) {
			return 1
		}
		return -1
	})
	return len(j.completions) - i
}

// passedOverDir is how many checkpoints of a later id were completed beside an unfinished
// one after its last change t.
func (j *job) passedOverDir(n *layout.Node, t time.Time) int {
	later := 0
	for _, c := range j.homes[nodeKey{n.Tree, homeOf(n)}] {
		if c.id > n.Number && c.at.After(t) {
			later++
		}
	}
	return later
}

// patience is how old something must be that a job, which may live, is not to use any more.
func (p *planner) patience(j *job) time.Duration {
	if j.Life == Ended {
		return p.Safety.MinAge
	}
	return max(p.Safety.MinAge, j.Timeout+2*j.Materialization)
}

// isSavepoint tells by what is known. Where nothing but the name tells it, that counts.
func isSavepoint(n *layout.Node) bool {
	return n.Kind == layout.Savepoint || !n.Numbered
}

// homeOf is the directory in which a snapshot's lies.
func homeOf(n *layout.Node) string { return above(n.Dir) }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
