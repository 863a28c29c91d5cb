package coordinator

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
)

// rig is a coordinator of three tasks, 1/0, 2/0 and 2/1, whose every step a test decides. Nothing fails by itself.
type rig struct {
	*testing.T
	w       *world
	c       *CheckpointCoordinator
	tasks   []TaskID
	options map[int64]CheckpointOptions // of what was triggered
	notices []string                    // to task 1/0
	failed  []error                     // FailJob
}

func newRig(t *testing.T, config Config, more ...func(*Options)) *rig {
	t.Helper()
	w := newWorld(1)
	w.disk.faulty, w.disk.cursed, w.disk.foreign, w.tracing = 0, 0, 0, true
	w.job = &simJob{w: w, begun: map[int64]bool{}}
	r := &rig{T: t, w: w, options: map[int64]CheckpointOptions{}}
	if config.TolerableFailures == 0 {
		config.TolerableFailures = -1
	}
	o := Options{Config: config, Vertices: []Vertex{vertex(1, 1), vertex(2, 2)}, Access: simAccess{w.disk}, Gateway: r, Clock: w, Executor: w,
		FailJob: func(err error) { r.failed = append(r.failed, err) }}
	for _, f := range more {
		f(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	r.c, w.job.c = c, c
	r.deploy(1)
	t.Cleanup(func() {
		for _, p := range w.problems {
			t.Error(p)
		}
	})
	return r
}

func (r *rig) deploy(attempt int32) {
	r.tasks = nil
	for _, v := range r.c.o.Vertices {
		for n := range v.Parallelism {
			r.tasks = append(r.tasks, TaskID{Vertex: v.ID, Subtask: n, Attempt: attempt})
		}
	}
	r.c.SetTasks(r.tasks)
}

func (r *rig) Trigger(_ TaskID, m CheckpointMetaData, o CheckpointOptions, _ backends.Streams) {
	r.options[m.ID] = o
}
func (r *rig) Completed(t TaskID, id int64, _ time.Time, subsumed int64) {
	if t.Vertex[0] == 1 {
		r.notices = append(r.notices, fmt.Sprintf("completed %d, subsumed %d", id, subsumed))
	}
}
func (r *rig) Aborted(t TaskID, id, latest int64) {
	if t.Vertex[0] == 1 {
		r.notices = append(r.notices, fmt.Sprintf("aborted %d, latest %d", id, latest))
	}
}

// trigger begins a checkpoint and gives its id.
func (r *rig) trigger(t Type) (int64, *Future[*CompletedCheckpoint]) {
	r.Helper()
	id := r.c.o.IDCounter.Get()
	f := r.c.Trigger(t, "/savepoints")
	r.w.settle()
	if _, ok := r.options[id]; !ok {
		_, err := outcome(f)
		r.Fatalf("checkpoint %d is not triggered: %v", id, err)
	}
	return id, f
}

// put makes files as a task would.
func (r *rig) put(paths ...string) {
	for _, p := range paths {
		r.w.disk.data[p] = true
	}
}

// groups are the key groups of a task.
func groups(c *CheckpointCoordinator, t TaskID) metadata.KeyGroupRange {
	v := &c.o.Vertices[c.vertex(t)]
	return metadata.RangeOf(v.MaxParallelism, v.Parallelism, t.Subtask)
}

// state is what a task answers with files: those called x… are exclusive, p… private, all others shared. They are made where they are new.
func (r *rig) state(t TaskID, id int64, files ...string) metadata.SubtaskState {
	h := &metadata.IncrementalHandle{Tag: metadata.TagIncrementalV2, BackendID: "00000000-0000-0000-0000-000000000000", HandleID: "h",
		Range: groups(r.c, t), Meta: &metadata.InlineHandle{Name: "i", Data: []byte("meta")}}
	var op *metadata.OperatorStateHandle
	for _, f := range files {
		path := f
		switch {
		case f[0] == 'x':
			path = r.options[id].Target + "/" + f
		case f[0] != '/':
			path = jobDir + "/shared/" + f
		}
		file := &metadata.FileHandle{Path: metadata.UTF(path), Size: 10}
		switch f[0] {
		case 'x':
			op = &metadata.OperatorStateHandle{Delegate: file}
		case 'p':
			h.Private = append(h.Private, metadata.NamedFile{Name: "f", File: file})
		default:
			h.Shared = append(h.Shared, metadata.NamedFile{Name: "f", File: file})
		}
		r.put(path)
	}
	return metadata.SubtaskState{ManagedKeyed: h, ManagedOperator: op}
}

// ack answers as task n.
func (r *rig) ack(id int64, n int, files ...string) (Answer, error) {
	r.Helper()
	t := r.tasks[n]
	a := &Acknowledge{Task: t, Checkpoint: id, Metrics: Metrics{Sync: time.Millisecond, Bytes: int64(len(files))}}
	if len(files) > 0 {
		a.States = map[metadata.OperatorID]metadata.SubtaskState{t.Vertex: r.state(t, id, files...)}
	}
	return r.c.ReceiveAcknowledge(a, "test")
}

// complete answers as all tasks: the first with files, the others without.
func (r *rig) complete(id int64, files ...string) {
	r.Helper()
	for n := range r.tasks {
		var mine []string
		if n == 0 {
			mine = files
		}
		if answer, err := r.ack(id, n, mine...); answer != Success || err != nil {
			r.Fatalf("checkpoint %d, task %d: %v, %v", id, n, answer, err)
		}
	}
	r.w.settle()
}

// take triggers and completes one.
func (r *rig) take(t Type, files ...string) *CompletedCheckpoint {
	r.Helper()
	id, f := r.trigger(t)
	r.complete(id, files...)
	c, err := outcome(f)
	if err != nil || c == nil || c.ID != id {
		r.Fatalf("checkpoint %d: %v, %v", id, c, err)
	}
	return c
}

// outcome of a future that should have one.
func outcome[T any](f *Future[T]) (v T, err error) {
	err = fmt.Errorf("no outcome")
	select {
	case <-f.Done():
		f.Then(func(w T, e error) { v, err = w, e })
	default:
	}
	return v, err
}

// tree is all that is stored.
func (r *rig) tree() string {
	files := keys(r.w.disk.data)
	for dir := range r.w.disk.metas {
		files = append(files, dir+"/_metadata")
	}
	for i := range files {
		files[i] = strings.TrimPrefix(strings.TrimPrefix(files[i], jobDir+"/"), "/savepoints/")
	}
	slices.Sort(files)
	return strings.Join(files, " ")
}

func (r *rig) wantTree(when string, want ...string) {
	r.Helper()
	slices.Sort(want)
	if have := r.tree(); have != strings.Join(want, " ") {
		r.Errorf("%s:\nhave %s\nwant %s", when, have, strings.Join(want, " "))
	}
}

// deleted is the order of deletes.
func (r *rig) deleted() (out []string) {
	for _, l := range r.w.trace {
		if _, path, ok := strings.Cut(l, "deleted "); ok {
			out = append(out, strings.TrimPrefix(path, jobDir+"/"))
		}
	}
	return out
}

func (r *rig) shutdown(s JobStatus) *ShutdownReport {
	r.Helper()
	f := r.c.Shutdown(s)
	r.w.settle()
	report, err := outcome(f)
	if err != nil {
		r.Fatal(err)
	}
	return report
}

// reason of a failed future.
func reason(r *rig, f *Future[*CompletedCheckpoint]) FailureReason {
	r.Helper()
	_, err := outcome(f)
	e, ok := err.(*CheckpointError)
	if !ok {
		r.Fatalf("want a *CheckpointError, have %v", err)
	}
	return e.Reason
}
