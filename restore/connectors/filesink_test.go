package connectors

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/faults"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore/engine"
	"pgregory.net/rapid"
)

var numbers = engine.NewSchema(engine.Column{Name: "n", Kind: engine.Long})

// sinkJob is a job of a source, which can go back, and a file sink. It does what an engine does.
type sinkJob struct {
	t       tb
	drivers storage.Registry
	url     string
	plan    *faults.Plan
	sink    *FileSink
	tasks   []*sinkTask
	next    int   // what the source gives next
	ids     int64 // of the checkpoint taken last
	pending []sinkCheckpoint
	latest  sinkCheckpoint
	// loose is whether an earlier process has ended before its first checkpoint: nobody knows its parts.
	loose bool
}

type sinkTask struct {
	op    *fileWriter
	state *opState
}

// sinkCheckpoint is what a snapshot holds.
type sinkCheckpoint struct {
	id       int64
	parts    [][]byte
	lineages [][]byte
	next     int
}

func newSinkJob(t tb, drivers storage.Registry, url string) *sinkJob {
	return &sinkJob{t: t, drivers: drivers, url: url, plan: new(faults.Plan), latest: sinkCheckpoint{id: -1}}
}

// process is a new process: nothing of the sink's memory is left.
func (j *sinkJob) process(roll int64) {
	j.loose = j.loose || j.sink != nil && j.latest.id < 0
	j.sink = &FileSink{URL: j.url, Store: func(ctx context.Context, url string) (layout.MutableStore, error) {
		return j.plan.WrapMutable(j.drivers.OpenMutable)(ctx, url)
	}, Format: Format{Kind: JSON}, RollSize: roll, AbandonAfter: 1}
}

// restore begins at the latest completed checkpoint.
func (j *sinkJob) restore(parallelism int) (err error) {
	j.pending, j.next, j.tasks = nil, j.latest.next, nil
	j.ids = max(j.ids, j.latest.id, 0)
	for k := range parallelism {
		task := &sinkTask{op: j.sink.New().(*fileWriter), state: newOpState()}
		task.state.lists["pending-parts"] = &listState{encoded: slices.Clone(j.latest.parts)}
		task.state.lists["lineage"] = &listState{encoded: slices.Clone(j.latest.lineages)}
		j.tasks = append(j.tasks, task)
		err = errors.Join(err, task.op.Open(&engine.Context{Context: context.Background(), UID: "sink", Operator: metadata.OperatorID{1, 2, 3, 4},
			Subtask: k, Parallelism: parallelism, MaxParallelism: 128, Restored: j.latest.id, State: task.state, Log: quiet, Inputs: []*engine.Schema{numbers}}))
	}
	return err
}

func (j *sinkJob) write(k, n int) error {
	b := engine.NewBatch(numbers, n)
	for range n {
		b.Append(engine.NoTime, j.next)
		j.next++
	}
	return j.tasks[k%len(j.tasks)].op.Process(0, b, nil)
}

// snapshot takes a checkpoint, which is not complete yet.
func (j *sinkJob) snapshot() error {
	j.ids++
	c := sinkCheckpoint{id: j.ids, next: j.next}
	for _, task := range j.tasks {
		if err := task.op.Snapshot(j.ids); err != nil {
			return err
		}
		c.parts = append(c.parts, task.state.snapshot("pending-parts")...)
		c.lineages = append(c.lineages, task.state.snapshot("lineage")...)
	}
	j.pending = append(j.pending, c)
	return nil
}

// complete makes the i-th checkpoint that waits the latest; those before are given up or were lost.
func (j *sinkJob) complete(i int) {
	j.latest, j.pending = j.pending[i], j.pending[i+1:]
}

// notify tells sub-task k of it.
func (j *sinkJob) notify(k int) error {
	return j.tasks[k%len(j.tasks)].op.CheckpointCompleted(j.latest.id)
}

func (j *sinkJob) notifyAll() (err error) {
	for k := range j.tasks {
		err = errors.Join(err, j.notify(k))
	}
	return err
}

// stop ends the tasks, in an orderly way or, where the process was killed, not at all.
func (j *sinkJob) stop(killed bool) {
	if killed {
		j.tasks = nil
		return
	}
	for _, task := range j.tasks {
		task.op.Close()
	}
	j.tasks = nil
}

// visible is the numbers in visible files, in order, and the hidden files.
func (j *sinkJob) visible() (found []int, hidden []string) {
	j.t.Helper()
	for key, text := range contents(j.t, j.drivers.Open, j.url) {
		if strings.HasPrefix(key, ".") {
			hidden = append(hidden, key)
			continue
		}
		if strings.Contains(key, "/") {
			j.t.Fatalf("a file %s", key)
		}
		for line := range strings.Lines(text) {
			n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(line, `{"n":`), "}\n"))
			if err != nil {
				j.t.Fatalf("%s: %q", key, line)
			}
			found = append(found, n)
		}
	}
	slices.Sort(found)
	return found, hidden
}

// check tells whether what is visible belongs to completed checkpoints, and nothing is there twice.
func (j *sinkJob) check(whole bool) {
	j.t.Helper()
	found, hidden := j.visible()
	for i, n := range found {
		if n >= j.latest.next || i > 0 && found[i-1] == n {
			j.t.Fatalf("%d is visible, of %d in checkpoint %d: %v", n, j.latest.next, j.latest.id, found)
		}
	}
	if whole && len(found) != j.latest.next {
		j.t.Fatalf("%d visible, want %d; hidden are %q", len(found), j.latest.next, hidden)
	}
}

// TestFileSinkModel lets jobs run, fail and be killed anywhere, also at any of their calls of the storage, and resumes them at any
// parallelism.
func TestFileSinkModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		drivers, _ := bucket()
		j := newSinkJob(t, drivers, "mem://b/out")
		j.process(rapid.Int64Range(1, 60).Draw(t, "roll"))
		again := func() {
			j.check(false)
			j.stop(rapid.Bool().Draw(t, "killed"))
			if rapid.Bool().Draw(t, "process") {
				j.process(rapid.Int64Range(1, 60).Draw(t, "roll"))
			}
			j.plan = new(faults.Plan)
			if rapid.Bool().Draw(t, "faulty") {
				j.plan = drawPlan(t)
			}
		}
		for range rapid.IntRange(1, 12).Draw(t, "attempts") {
			err := j.restore(rapid.IntRange(1, 4).Draw(t, "parallelism"))
			for step := rapid.IntRange(0, 12).Draw(t, "steps"); step > 0 && err == nil; step-- {
				err = j.random(t)
				j.check(false)
			}
			again()
		}
		j.plan = new(faults.Plan)
		if err := j.restore(rapid.IntRange(1, 4).Draw(t, "parallelism")); err != nil {
			t.Fatal(err)
		}
		j.check(true)
		j.finish()
	})
}

// finish lets the job come to its end.
func (j *sinkJob) finish() {
	j.t.Helper()
	for k := range j.tasks {
		if err := j.write(k, 3); err != nil {
			j.t.Fatal(err)
		}
	}
	if err := j.snapshot(); err != nil {
		j.t.Fatal(err)
	}
	j.complete(0)
	if err := j.notifyAll(); err != nil {
		j.t.Fatal(err)
	}
	j.stop(false)
	j.check(true)
	if _, hidden := j.visible(); len(hidden) > 0 && !j.loose {
		j.t.Fatalf("hidden files are left: %q", hidden)
	}
}

func drawPlan(t *rapid.T) *faults.Plan {
	p := &faults.Plan{Mode: rapid.SampledFrom([]faults.Mode{faults.CrashBefore, faults.CrashAfter, faults.FailOne}).Draw(t, "mode")}
	at := rapid.Int64Range(1, 25).Draw(t, "at")
	if rapid.IntRange(0, 3).Draw(t, "read") == 0 {
		p.ReadAt = at
	} else {
		p.ChangeAt = at
	}
	return p
}

func (j *sinkJob) random(t *rapid.T) error {
	switch rapid.IntRange(0, 6).Draw(t, "step") {
	case 0, 1, 2:
		return j.write(rapid.IntRange(0, 3).Draw(t, "task"), rapid.IntRange(0, 9).Draw(t, "records"))
	case 3, 4:
		return j.snapshot()
	case 5:
		if len(j.pending) > 0 {
			j.complete(rapid.IntRange(0, len(j.pending)-1).Draw(t, "which"))
			if rapid.Bool().Draw(t, "all") {
				return j.notifyAll()
			}
		}
	default:
		if j.latest.id > 0 {
			return j.notify(rapid.IntRange(0, 3).Draw(t, "task"))
		}
	}
	return nil
}

// script is a job with two checkpoints, of which it knows the first one only.
func (j *sinkJob) script() error {
	for range 2 {
		for k := range j.tasks {
			if err := j.write(k, 4); err != nil {
				return err
			}
		}
		if err := j.snapshot(); err != nil {
			return err
		}
		j.complete(0)
		if err := j.write(0, 2); err != nil {
			return err
		}
		if err := j.notifyAll(); err != nil {
			return err
		}
	}
	return nil
}

// TestFileSinkEveryCrash kills a job before and behind each of its calls of the storage, and what resumes it at another parallelism
// as well.
func TestFileSinkEveryCrash(t *testing.T) {
	kinds := map[string]func(at int64) *faults.Plan{
		"before": func(at int64) *faults.Plan { return &faults.Plan{ChangeAt: at, Mode: faults.CrashBefore} },
		"after":  func(at int64) *faults.Plan { return &faults.Plan{ChangeAt: at, Mode: faults.CrashAfter} },
		"fails":  func(at int64) *faults.Plan { return &faults.Plan{ChangeAt: at, Mode: faults.FailOne} },
		"read":   func(at int64) *faults.Plan { return &faults.Plan{ReadAt: at, Mode: faults.CrashBefore} },
	}
	for name, plan := range kinds {
		t.Run(name, func(t *testing.T) {
			runs := 0
			for first, crashed := int64(1), true; crashed; first++ {
				crashed = false
				for second, again := int64(1), true; again; second++ {
					drivers, _ := bucket()
					j := newSinkJob(t, drivers, "mem://b/out")
					j.process(40)
					j.plan = plan(first)
					err := j.restore(2)
					if err == nil {
						err = j.script()
					}
					crashed = crashed || err != nil
					j.check(false)
					j.stop(true)
					j.process(40)
					j.plan = plan(second)
					again = j.restore(3) != nil
					j.check(!again)
					j.stop(true)
					j.plan = new(faults.Plan)
					if err := j.restore(1); err != nil {
						t.Fatalf("%d, %d: %v", first, second, err)
					}
					j.check(true)
					j.finish()
					runs++
				}
			}
			t.Logf("%d runs", runs)
			if runs < 10 {
				t.Errorf("only %d runs", runs)
			}
		})
	}
}

// TestFileSinkLocal is the same on a disk, whose copies go another way.
func TestFileSinkLocal(t *testing.T) {
	dir := t.TempDir()
	j := newSinkJob(t, storage.New(storage.Settings{}), dir+"/not/there/yet")
	j.process(0)
	for _, parallelism := range []int{2, 3, 1} {
		if err := j.restore(parallelism); err != nil {
			t.Fatal(err)
		}
		if err := j.script(); err != nil {
			t.Fatal(err)
		}
		j.stop(parallelism == 3)
		j.process(0)
	}
	if err := j.restore(2); err != nil {
		t.Fatal(err)
	}
	j.check(true)
	j.finish()
	if len(contents(t, j.drivers.Open, j.url)) < 6 {
		t.Error("want a file for each checkpoint and sub-task")
	}
}

// prepared is a job whose checkpoint is complete, and nobody was told.
func prepared(t *testing.T) *sinkJob {
	drivers, _ := bucket()
	j := newSinkJob(t, drivers, "mem://b/out")
	j.process(0)
	if err := errors.Join(j.restore(1), j.write(0, 3), j.snapshot()); err != nil {
		t.Fatal(err)
	}
	j.complete(0)
	return j
}

// edit changes the bucket behind the sink's back.
func (j *sinkJob) edit(f func(s layout.MutableStore, o layout.Object)) {
	s, err := j.drivers.OpenMutable(context.Background(), j.url)
	if err != nil {
		j.t.Fatal(err)
	}
	var all []layout.Object
	for o, err := range s.List(context.Background(), "") {
		if err != nil {
			j.t.Fatal(err)
		}
		all = append(all, o)
	}
	for _, o := range all {
		f(s, o)
	}
}

// TestFileSinkRefuses: what was promised and is not there is no small thing.
func TestFileSinkRefuses(t *testing.T) {
	t.Run("gone", func(t *testing.T) {
		j := prepared(t)
		j.edit(func(s layout.MutableStore, o layout.Object) { _ = deleteOne(context.Background(), s, o) })
		if err := j.notifyAll(); err == nil || !strings.Contains(err.Error(), "neither it nor the staged") {
			t.Error(err)
		}
		j.process(0)
		if err := j.restore(2); err == nil || !strings.Contains(err.Error(), "of checkpoint 1") {
			t.Error(err)
		}
		j.process(0)
		j.sink.Consumed = true
		if err := j.restore(2); err != nil {
			t.Error(err)
		}
	})
	t.Run("changed", func(t *testing.T) {
		j := prepared(t)
		j.edit(func(s layout.MutableStore, o layout.Object) {
			_ = s.Replace(context.Background(), o.Key, []byte("other"))
		})
		if err := j.notifyAll(); err == nil || !strings.Contains(err.Error(), "has 5 bytes") {
			t.Error(err)
		}
		j.check(false)
	})
	t.Run("the name is taken", func(t *testing.T) {
		j := prepared(t)
		final := j.tasks[0].op.pending[0].Final
		j.edit(func(s layout.MutableStore, _ layout.Object) {
			_ = s.Replace(context.Background(), final, []byte("other"))
		})
		if err := j.notifyAll(); err == nil || !strings.Contains(err.Error(), "something else has its name") {
			t.Error(err)
		}
	})
	for name, state := range map[string]string{"no JSON": "{", "a path that leads out": `{"dir":"mem://b/out","staged":".pending/x-0-y-1.json","final":"../x"}`,
		"a staged path that leads out": `{"dir":"mem://b/out","staged":".pending/../x-0-y-1.json","final":"part-1"}`, "no staged part": `{"dir":"mem://b/out","staged":".pending/x","final":"part-1"}`,
		"a hidden name": `{"dir":"mem://b/out","staged":".pending/x-0-y-1.json","final":".pending"}`, "empty": "{}"} {
		t.Run(name, func(t *testing.T) {
			j := prepared(t)
			b, err := stringType.Encode(nil, state)
			if err != nil {
				t.Fatal(err)
			}
			j.latest.parts = [][]byte{b}
			if err := j.restore(1); err == nil || !strings.Contains(err.Error(), "pending-parts") {
				t.Error(err)
			}
		})
	}
}

// TestFileSinkMoved resumes with another directory, and with one that was moved.
func TestFileSinkMoved(t *testing.T) {
	j := prepared(t)
	j.stop(true)
	j.url = "mem://b/elsewhere"
	j.process(0)
	if err := j.restore(1); err != nil {
		t.Fatal(err)
	}
	j.url = "mem://b/out"
	j.check(true)
	j.stop(false)

	j = prepared(t)
	j.stop(true)
	moved := contents(t, j.drivers.Open, "mem://b/out")
	j.edit(func(s layout.MutableStore, o layout.Object) { _ = deleteOne(context.Background(), s, o) })
	j.url = "mem://b/moved"
	s, err := j.drivers.OpenMutable(t.Context(), j.url)
	if err != nil {
		t.Fatal(err)
	}
	for key, text := range moved {
		if err := s.Replace(t.Context(), key, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	j.process(0)
	if err := j.restore(1); err != nil {
		t.Fatal(err)
	}
	j.check(true)
}

// TestFileSinkAbandon: what an earlier process left stays until it is old; what this one left goes with its next checkpoint.
func TestFileSinkAbandon(t *testing.T) {
	j := prepared(t)
	if err := errors.Join(j.notifyAll(), j.write(0, 2), j.snapshot()); err != nil {
		t.Fatal(err)
	}
	j.stop(true)
	j.process(0)
	j.sink.AbandonAfter = time.Hour
	hidden := func(want int) {
		t.Helper()
		if _, hidden := j.visible(); len(hidden) != want {
			t.Errorf("hidden: %q, want %d", hidden, want)
		}
	}
	for range 2 { // the second time with what the first left
		if err := errors.Join(j.restore(2), j.write(0, 2), j.write(1, 2), j.snapshot()); err != nil {
			t.Fatal(err)
		}
		j.stop(true)
	}
	hidden(5)
	if err := j.restore(1); err != nil {
		t.Fatal(err)
	}
	hidden(5) // somebody may still go back
	if err := errors.Join(j.write(0, 2), j.snapshot()); err != nil {
		t.Fatal(err)
	}
	j.complete(0)
	if err := j.notifyAll(); err != nil {
		t.Fatal(err)
	}
	hidden(1)
	j.check(true)
	j.sink.AbandonAfter = 1
	if err := errors.Join(j.snapshot(), j.notifyAll()); err != nil {
		t.Fatal(err)
	}
	hidden(0)
}

// TestFileSinkOthersParts: what another sub-task has still to commit is not abandoned, whoever wrote it.
func TestFileSinkOthersParts(t *testing.T) {
	drivers, _ := bucket()
	j := newSinkJob(t, drivers, "mem://b/out")
	j.process(1)
	if err := errors.Join(j.restore(1), j.write(0, 4), j.snapshot()); err != nil {
		t.Fatal(err)
	}
	j.complete(0)
	if err := j.restore(2); err != nil {
		t.Fatal(err)
	}
	for k, task := range j.tasks {
		if len(task.op.stale) > 0 {
			t.Errorf("sub-task %d would delete %v", k, task.op.stale)
		}
	}
	j.check(true)
}

// TestFileSinkTwoSinks: two sinks of one job share a directory, and leave each other alone.
func TestFileSinkTwoSinks(t *testing.T) {
	drivers, _ := bucket()
	a, b := newSinkJob(t, drivers, "mem://b/out"), newSinkJob(t, drivers, "mem://b/out")
	a.process(0)
	b.process(0)
	if err := errors.Join(a.restore(2), b.restore(2), a.write(0, 2), b.write(1, 3), a.snapshot(), b.snapshot()); err != nil {
		t.Fatal(err)
	}
	a.complete(0)
	a.stop(true)
	if err := errors.Join(a.restore(1), a.write(0, 1), a.snapshot()); err != nil {
		t.Fatal(err)
	}
	a.complete(0)
	b.complete(0)
	if err := errors.Join(a.notifyAll(), b.notifyAll()); err != nil {
		t.Fatal(err)
	}
	if found, hidden := a.visible(); fmt.Sprint(found) != "[0 0 1 1 2 2]" || len(hidden) > 0 {
		t.Error(found, hidden)
	}
}

// TestFileSinkNames holds the names that users see.
func TestFileSinkNames(t *testing.T) {
	j := prepared(t)
	j.sink.Prefix = "count"
	j.sink.Format = Format{Kind: CSV, Header: true}
	if err := errors.Join(j.restore(2), j.write(1, 2), j.snapshot()); err != nil {
		t.Fatal(err)
	}
	j.complete(0)
	if err := j.notifyAll(); err != nil {
		t.Fatal(err)
	}
	for name, text := range contents(t, j.drivers.Open, j.url) {
		if strings.HasPrefix(name, "count-00000002-001-") && strings.HasSuffix(name, "-1.csv") && text == "n\n3\n4\n" {
			return
		}
	}
	t.Error(slices.Collect(maps.Keys(contents(t, j.drivers.Open, j.url))))
}

// TestFileSinkCheck lists settings that are refused.
func TestFileSinkCheck(t *testing.T) {
	for want, s := range map[string]*FileSink{
		"no directory": {Format: Format{Kind: JSON}},
		"not lines":    {URL: "x"},
		"hide":         {URL: "x", Format: Format{Kind: JSON}, Prefix: ".x"},
		"slashes":      {URL: "x", Format: Format{Kind: JSON}, Prefix: "a/b"},
		"roll size":    {URL: "x", Format: Format{Kind: JSON}, RollSize: -1},
	} {
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if !new(fileWriter).NeedsFinalCheckpoint() || new(FileSink).Guarantee() != engine.ExactlyOnce {
		t.Error("not exactly once")
	}
}
