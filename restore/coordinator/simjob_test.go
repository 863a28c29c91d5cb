package coordinator

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore"
)

// simJob is the job of a simulation: tasks, and what is done to them.
type simJob struct {
	w       *world
	c       *CheckpointCoordinator
	config  Config
	verts   []Vertex
	attempt int32

	begun     map[int64]bool
	completed map[int64]bool // tasks were told so
	aborted   map[int64]bool
	initial   string // directory of the restored snapshot
	mode      restore.ClaimMode
	busy      bool // restarting
	ended     bool
	report    *ShutdownReport
	status    JobStatus
	open      int // futures without an outcome
	fatal     int // FailJob
}

// simTask is a task. Its state is a set of shared files, like tables of a database, that snapshots refer to once they were part of a
// completed checkpoint.
type simTask struct {
	j       *simJob
	id      TaskID
	vertex  int
	dead    bool
	latest  int64              // completed checkpoint that it was told of
	base    map[int64][]string // shared files of its snapshots
	noClaim bool
	aborted map[int64]bool
}

func newJob(w *world) *simJob {
	j := &simJob{w: w, begun: map[int64]bool{}, completed: map[int64]bool{}, aborted: map[int64]bool{}}
	w.job = j
	j.config = Config{
		Interval: time.Second, Timeout: []time.Duration{3 * time.Second, time.Minute}[w.rng.IntN(2)],
		MinPause:      []time.Duration{0, 0, 500 * time.Millisecond}[w.rng.IntN(3)],
		MaxConcurrent: 1 + w.rng.IntN(3), NumRetained: 1 + w.rng.IntN(3), TolerableFailures: []int{-1, 0, 3}[w.rng.IntN(3)],
		Retention: Retention(w.rng.IntN(3)), SequentialCleaning: w.chance(.5),
	}
	j.verts = []Vertex{vertex(1, int32(1+w.rng.IntN(2))), vertex(2, int32(1+w.rng.IntN(3)))}
	c, err := New(Options{Config: j.config, Vertices: j.verts, Access: simAccess{w.disk}, Gateway: j, Clock: w, Executor: w,
		Hooks:   []MasterHook{&BytesHook{Name: "ckpt.job", FormatVersion: 1, Data: []byte("job")}},
		FailJob: func(error) { j.fatal++; w.messages = append(w.messages, j.restart) }})
	if err != nil {
		w.fail("%v", err)
	}
	j.c = c
	return j
}

func vertex(n byte, parallelism int32) Vertex {
	id := metadata.OperatorID{n}
	return Vertex{ID: id, Name: fmt.Sprint("v", n), Parallelism: parallelism, MaxParallelism: 128, Operators: []OperatorInfo{{ID: id, UID: fmt.Sprint("u", n)}}}
}

func (j *simJob) inStore(id int64) bool {
	return slices.ContainsFunc(j.c.SuccessfulCheckpoints(), func(c *CompletedCheckpoint) bool { return c.ID == id })
}

// Trigger implements Gateway.
func (j *simJob) Trigger(t TaskID, m CheckpointMetaData, o CheckpointOptions, _ backends.Streams) {
	j.tell(t, func(s *simTask) { s.snapshot(m.ID, o) })
}

// Completed implements Gateway.
func (j *simJob) Completed(t TaskID, id int64, _ time.Time, _ int64) {
	j.completed[id] = true
	if j.aborted[id] {
		j.w.fail("checkpoint %d is aborted and completed", id)
	}
	j.tell(t, func(s *simTask) {
		if id <= s.latest {
			j.w.fail("task %v hears of %d after %d", t, id, s.latest)
		}
		s.latest = id
	})
}

// Aborted implements Gateway.
func (j *simJob) Aborted(t TaskID, id, _ int64) {
	j.aborted[id] = true
	if j.completed[id] {
		j.w.fail("checkpoint %d is completed and aborted", id)
	}
	j.tell(t, func(s *simTask) { s.aborted[id] = true })
}

func (j *simJob) tell(t TaskID, f func(*simTask)) {
	i := slices.IndexFunc(j.w.tasks, func(s *simTask) bool { return s.id == t })
	if i < 0 {
		return
	}
	s := j.w.tasks[i]
	j.w.inbox[t] = append(j.w.inbox[t], func() {
		if !s.dead {
			f(s)
		}
	})
}

// plan is a new set of tasks.
func (j *simJob) plan() (ids []TaskID) {
	j.attempt++
	for i := range j.verts {
		for n := range j.verts[i].Parallelism {
			ids = append(ids, TaskID{Vertex: j.verts[i].ID, Subtask: n, Attempt: j.attempt})
		}
	}
	return ids
}

// restart stops all tasks, and begins again with the latest checkpoint.
func (j *simJob) restart() {
	if j.busy || j.ended {
		return
	}
	j.busy = true
	if len(j.w.tasks) > 0 && j.w.chance(.8) {
		j.c.TaskFailed(j.w.tasks[j.w.rng.IntN(len(j.w.tasks))].id, errors.New("a task has failed"))
	}
	for _, t := range j.w.tasks {
		t.dead = true
	}
	if j.w.chance(.3) {
		j.c.StopCheckpointScheduler()
	}
	ids := j.plan()
	j.open++
	j.c.RestoreLatestCheckpointedStateToAll(ids, false).Then(func(r *Restored, err error) {
		j.open--
		j.busy = false
		if err != nil {
			if !j.ended {
				j.w.fail("restore: %v", err)
			}
			return
		}
		j.deploy(ids, r)
	})
}

// deploy starts tasks.
func (j *simJob) deploy(ids []TaskID, r *Restored) {
	if j.ended {
		return
	}
	j.w.tasks = nil
	var all []string
	if r != nil {
		all = j.checkRestored(r)
	}
	for _, id := range ids {
		t := &simTask{j: j, id: id, base: map[int64][]string{}, aborted: map[int64]bool{}, vertex: int(id.Vertex[0]) - 1}
		if r != nil && !r.NoClaim {
			t.latest = r.ID
			t.base[r.ID] = j.some(all, .7) // after a rescale, many sub-tasks refer to the same file
		}
		t.noClaim = r != nil && r.NoClaim
		j.w.tasks = append(j.w.tasks, t)
	}
	j.c.SetTasks(ids)
	if !j.c.IsPeriodicCheckpointingStarted() {
		if err := j.c.StartCheckpointScheduler(); err != nil {
			j.w.fail("%v", err)
		}
	}
}

// checkRestored makes sure that a checkpoint can be restored, and that no other is found that should be instead.
func (j *simJob) checkRestored(r *Restored) (shared []string) {
	d := j.w.disk
	j.w.log("restored %d", r.ID)
	for f := range filesOf(r.Exclusive, r.Metadata()) {
		if !d.data[f] {
			j.w.fail("checkpoint %d is restored without %s", r.ID, f)
		}
	}
	for dir, m := range d.metas {
		accounted := slices.ContainsFunc(j.c.Left(), func(l Leftover) bool { return l.Checkpoint == m.id })
		if !m.savepoint && !m.foreign && m.id > r.ID && !accounted {
			j.w.fail("checkpoint %d is restored, and %s is there", r.ID, dir)
		}
	}
	for place, h := range r.Metadata().Walk() {
		if place.Role != metadata.SharedFile {
			continue
		}
		switch h := h.(type) {
		case *metadata.FileHandle:
			shared = append(shared, h.Path.String())
		case *metadata.RelativeFileHandle:
			shared = append(shared, r.Exclusive+"/"+h.Path.String())
		}
	}
	slices.Sort(shared)
	return slices.Compact(shared)
}

func (j *simJob) some(all []string, p float64) (out []string) {
	for _, f := range all {
		if j.w.chance(p) {
			out = append(out, f)
		}
	}
	return out
}

// snapshot is the synchronous part: what it builds upon is decided.
func (t *simTask) snapshot(id int64, o CheckpointOptions) {
	var base []string
	full := o.Type != Checkpoint
	if t.noClaim && t.latest == 0 && !full {
		t.j.w.fail("checkpoint %d after NO_CLAIM is not a full one", id)
	}
	if !full {
		base = t.j.some(t.base[t.latest], .8)
	}
	t.j.w.spawn("snapshot", func() { t.write(id, o, base) })
}

// write is the asynchronous part.
func (t *simTask) write(id int64, o CheckpointOptions, base []string) {
	j, d := t.j, t.j.w.disk
	dir, shared := o.Target, jobDir+"/shared"
	if o.Type.IsSavepoint() {
		shared = dir
	}
	var written []string
	file := func(dir string) metadata.StreamHandle {
		path, err := d.create(dir)
		written = append(written, path)
		if err != nil {
			return nil
		}
		return &metadata.FileHandle{Path: metadata.UTF(path), Size: 1}
	}
	h := &metadata.IncrementalHandle{Tag: metadata.TagIncrementalV2, CheckpointID: id, BackendID: "00000000-0000-0000-0000-000000000000",
		Range: groups(j.c, t.id), HandleID: "h"}
	ok := true
	add := func(list *[]metadata.NamedFile, dir string) {
		if f := file(dir); f != nil {
			*list = append(*list, metadata.NamedFile{Name: "x", File: f})
		} else {
			ok = false
		}
	}
	tables := base
	for _, f := range base {
		h.Shared = append(h.Shared, metadata.NamedFile{Name: "x", File: &metadata.FileHandle{Path: metadata.UTF(f), Size: 1}})
	}
	for range j.w.rng.IntN(3) {
		add(&h.Shared, shared)
		tables = append(slices.Clone(tables), written[len(written)-1])
	}
	if j.w.chance(.5) {
		add(&h.Private, shared)
	}
	if h.Meta = file(dir); h.Meta == nil {
		ok = false
	}
	if !ok || t.aborted[id] && j.w.chance(.5) {
		t.giveUp(id, written, !ok)
		return
	}
	t.base[id] = tables
	a := &Acknowledge{Task: t.id, Checkpoint: id, States: map[metadata.OperatorID]metadata.SubtaskState{}}
	a.Metrics.Bytes = int64(len(written))
	a.States[j.verts[t.vertex].Operators[0].ID] = metadata.SubtaskState{ManagedKeyed: h}
	t.answer(a, dir)
}

// answer sends an acknowledgement: once, or twice, with other files at times.
func (t *simTask) answer(a *Acknowledge, dir string) {
	j := t.j
	var more []*Acknowledge // after the first
	var send func(a *Acknowledge)
	send = func(a *Acknowledge) {
		j.w.messages = append(j.w.messages, func() {
			later := more
			more = nil
			for _, m := range later {
				send(m)
			}
			answer, err := j.c.ReceiveAcknowledge(a, "here")
			if err != nil { // these tasks do as they should
				j.w.fail("%v", err)
			}
			j.w.log("%d of %v: %v", a.Checkpoint, a.Task, answer)
		})
	}
	defer send(a)
	switch {
	case j.w.chance(.03):
		more = append(more, a)
	case j.w.chance(.02):
		b := *a
		path, _ := j.w.disk.create(dir)
		h := &metadata.OperatorStateHandle{Delegate: &metadata.FileHandle{Path: metadata.UTF(path), Size: 1}}
		b.States = map[metadata.OperatorID]metadata.SubtaskState{j.verts[t.vertex].Operators[0].ID: {ManagedOperator: h}}
		more = append(more, &b)
		if j.w.chance(.5) {
			more = append(more, a)
		}
	}
}

// giveUp deletes what a snapshot wrote.
func (t *simTask) giveUp(id int64, written []string, decline bool) {
	j := t.j
	for _, f := range written {
		if j.w.disk.remove(f) != nil {
			j.w.disk.left[f] = true
		}
	}
	if decline {
		j.w.messages = append(j.w.messages, func() {
			j.c.ReceiveDecline(&Decline{Task: t.id, Checkpoint: id, Reason: errDisk}, "here")
		})
	}
}

// keys in order, for what must not depend on the order of a map.
func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
