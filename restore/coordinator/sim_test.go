package coordinator

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore"
)

// play is one run: a job, perhaps begun with a snapshot of another, that is triggered, fails, restarts and ends.
func play(seed uint64, tracing bool) *world {
	w := newWorld(seed)
	w.tracing = tracing
	j := newJob(w)
	j.begin()
	trouble := []float64{.003, .01, .03}[w.rng.IntN(3)]
	for n := 100 + w.rng.IntN(900); n > 0; n-- {
		if w.chance(trouble) {
			j.disturb()
		}
		w.step(true)
		j.look()
	}
	j.end()
	return w
}

// begin deploys the first tasks, at times with a snapshot that was there before.
func (j *simJob) begin() {
	if j.w.chance(.5) {
		j.ancestor()
	}
	ids := j.plan()
	j.busy = true
	j.open++
	j.c.RestoreLatestCheckpointedStateToAll(ids, j.initial != "").Then(func(r *Restored, err error) {
		j.open--
		j.busy = false
		if err != nil {
			j.w.fail("first restore: %v", err)
			return
		}
		j.deploy(ids, r)
	})
}

// ancestor is a snapshot of an earlier job, a checkpoint or a native savepoint, with an older one that shares files.
func (j *simJob) ancestor() {
	d, savepoint := j.w.disk, j.w.chance(.5)
	j.mode = restore.ClaimMode(j.w.rng.IntN(3))
	dir, shared := "/tree/old/chk-7", "/tree/old/shared"
	if savepoint {
		dir = "/savepoints/savepoint-old"
		shared = dir
	}
	older := "/tree/old/chk-6"
	var list, old []metadata.NamedFile
	for i := range 4 {
		name := fmt.Sprintf("s%d", i)
		path := shared + "/" + name
		d.data[path] = true
		var h metadata.StreamHandle = &metadata.FileHandle{Path: metadata.UTF(path), Size: 1}
		if savepoint {
			h = &metadata.RelativeFileHandle{Path: metadata.UTF(name), Size: 1}
		} else if i < 2 {
			old = append(old, metadata.NamedFile{Name: "x", File: h})
		}
		list = append(list, metadata.NamedFile{Name: "x", File: h})
		d.sacred[path] = j.mode != restore.Claim
	}
	meta := func(dir string) metadata.StreamHandle {
		d.data[dir+"/m"] = true
		d.sacred[dir+"/m"] = j.mode != restore.Claim || dir == older
		return &metadata.RelativeFileHandle{Path: "m", Size: 1}
	}
	snapshot := func(id int64, dir string, files []metadata.NamedFile) *metadata.Checkpoint {
		h := &metadata.IncrementalHandle{Tag: metadata.TagIncrementalV2, BackendID: "b", HandleID: "h", Range: metadata.KeyGroupRange{Last: 127}, Meta: meta(dir), Shared: files}
		return &metadata.Checkpoint{Version: 3, ID: id, Operators: []metadata.OperatorState{{ID: j.verts[1].ID, Parallelism: 1, MaxParallelism: 128,
			Subtasks: []metadata.SubtaskState{{ManagedKeyed: h}}}}}
	}
	d.complete(older, snapshot(6, older, old), false, true)
	d.shifty[older] = true
	c := snapshot(7, dir, list)
	d.complete(dir, c, savepoint, true)
	d.metas[dir].foreign = false
	d.sacred[dir] = j.mode != restore.Claim
	j.initial = dir
	if err := j.c.RestoreInitial(InitialRestore{Checkpoint: c, Pointer: dir, ClaimMode: j.mode}); err != nil {
		j.w.fail("%v", err)
	}
}

// disturb is what comes from outside.
func (j *simJob) disturb() {
	switch j.w.rng.IntN(8) {
	case 0, 1:
		j.restart()
	case 2, 3:
		j.trigger(Savepoint)
	case 4:
		j.trigger(NativeSavepoint)
	case 5:
		j.trigger([]Type{Checkpoint, FullCheckpoint}[j.w.rng.IntN(2)])
	case 6:
		if !j.busy && len(j.w.tasks) > 0 {
			j.c.StopCheckpointScheduler()
			if err := j.c.StartCheckpointScheduler(); err != nil {
				j.w.fail("%v", err)
			}
		}
	case 7:
		if len(j.w.tasks) > 0 {
			t := j.w.tasks[j.w.rng.IntN(len(j.w.tasks))]
			j.c.ReceiveDecline(&Decline{Task: t.id, Checkpoint: j.c.o.IDCounter.Get() - 1, Reason: &CheckpointError{Reason: DeclinedTaskNotReady}}, "there")
		}
	}
}

func (j *simJob) trigger(t Type) {
	j.open++
	j.c.Trigger(t, "/savepoints").Then(func(c *CompletedCheckpoint, err error) {
		j.open--
		if err == nil && j.w.disk.metas[c.ExternalPointer] == nil {
			j.w.fail("%v is completed without _metadata", c)
		}
		if e := (*CheckpointError)(nil); t.IsSavepoint() && errors.As(err, &e) && e.Reason == CheckpointSubsumed {
			j.w.fail("a savepoint is subsumed: %v", err)
		}
	})
}

// look checks what must hold at any time.
func (j *simJob) look() {
	list := j.c.SuccessfulCheckpoints()
	if len(list) > j.config.NumRetained {
		j.w.fail("%d checkpoints are retained", len(list))
	}
	for i, c := range list {
		if i > 0 && list[i-1].ID >= c.ID {
			j.w.fail("checkpoint %d behind %d", c.ID, list[i-1].ID)
		}
		if j.w.disk.metas[c.ExternalPointer] == nil {
			j.w.fail("checkpoint %d may be fallen back to, and has no _metadata", c.ID)
		}
		if c.IsDiscarded() {
			j.w.fail("checkpoint %d may be fallen back to, and is discarded", c.ID)
		}
	}
}

// end shuts the job down and lets everything come to its end.
func (j *simJob) end() {
	j.status = JobStatus(j.w.rng.IntN(4))
	if j.w.chance(.6) { // as it should be: the tasks have ended and answered
		for _, t := range j.w.tasks {
			t.dead = true
		}
		if j.w.chance(.5) {
			j.w.settle()
		}
	}
	j.ended = true
	list := j.c.SuccessfulCheckpoints()
	j.w.log("shutdown %v", j.status)
	j.c.Shutdown(j.status).Then(func(r *ShutdownReport, err error) { j.report = r })
	if j.w.chance(.3) {
		j.trigger(Savepoint)
	}
	j.w.settle()
	if j.report == nil {
		j.w.fail("the shutdown has no end")
		return
	}
	if j.open != 0 {
		j.w.fail("%d futures have no outcome", j.open)
	}
	for _, c := range list {
		kept := !c.Properties.Discards(j.status)
		left := false
		for _, l := range j.c.Left() {
			left = left || l.Checkpoint == c.ID
		}
		if there := j.w.disk.metas[c.ExternalPointer] != nil; there != kept && !left && !j.subsumedMeanwhile(c) {
			j.w.fail("%v: kept %v after %v", c, there, j.status)
		}
	}
	j.converged()
}

// subsumedMeanwhile is whether a checkpoint that was being written took the place of c.
func (j *simJob) subsumedMeanwhile(c *CompletedCheckpoint) bool {
	for _, r := range j.report.Retained {
		if r.ID == c.ID {
			return false
		}
	}
	return c.Properties.DiscardSubsumed && c.IsDiscarded()
}

// converged looks for files that nobody needs, when nothing is under way any more.
func (j *simJob) converged() {
	d := j.w.disk
	accounted := map[string]bool{}
	for _, l := range j.c.Left() {
		for _, f := range l.Files {
			accounted[f] = true
		}
		accounted[fmt.Sprintf("%s/chk-%d", jobDir, l.Checkpoint)] = true
		accounted[fmt.Sprintf("/savepoints/savepoint-%d", l.Checkpoint)] = true
	}
	for f := range d.left {
		accounted[f] = true
	}
	for _, f := range keys(d.data) {
		if len(d.users[f]) == 0 && !accounted[f] && !accounted[f[:strings.LastIndexByte(f, '/')]] && !d.sacred[f] {
			j.w.fail("%s is left, and nobody needs it", f)
		}
	}
	for dir, m := range d.metas {
		retained := m.savepoint || m.foreign || d.sacred[dir] || accounted[dir]
		for _, r := range j.report.Retained {
			retained = retained || r.ExternalPointer == dir
		}
		for _, h := range j.c.o.Cleaner.held {
			retained = retained || h.ExternalPointer == dir
		}
		if !retained && len(j.c.Left()) == 0 {
			j.w.fail("%s/_metadata is left, and nobody needs it", dir)
		}
	}
}

// simRuns is how many times the simulation is played.
func simRuns(t *testing.T) uint64 {
	if s := os.Getenv("CKPT_SOAK_RUNS"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("CKPT_SOAK_RUNS: %v", err)
		}
		return n
	}
	if testing.Short() {
		return 500
	}
	return 3_000
}

// The simulation finds each of these mistakes within 500 runs:
//
//   - a file goes though a pending checkpoint may refer to it, though it is another's, or before its `_metadata`; late or
//     doubled answers take along files that are used; files go though `_metadata` cannot be deleted
//   - a restart does not wait for a `_metadata` that is being written, nor for one that should not be there; one that is
//     being written can be aborted; several are written at once; one of a failed write stays
//   - a `_metadata` that is there is always taken for another's, or the directory of another is emptied
//   - earlier pending checkpoints are not subsumed, or savepoints are; tasks are told of savepoints; the first checkpoint after
//     NO_CLAIM is not a full one; a claimed savepoint goes in pieces; ids begin anew
//   - what late answers bring, or aborted checkpoints had in shared/, stays; the retention is not heeded

// TestSimulation plays many runs. CKPT_MODEL_SEED plays one again, and tells what happened in it.
func TestSimulation(t *testing.T) {
	if s := os.Getenv("CKPT_MODEL_SEED"); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		w := play(seed, true)
		t.Logf("%s\n%s", strings.Join(w.trace, "\n"), strings.Join(w.problems, "\n"))
		if len(w.problems) > 0 {
			t.Fail()
		}
		return
	}
	var next, failed, completed, aborted, restores, kept, left atomic.Int64
	n := int64(simRuns(t))
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			for seed := next.Add(1); seed <= n && failed.Load() < 5; seed = next.Add(1) {
				w := play(uint64(seed), false)
				if len(w.problems) > 0 && failed.Add(1) <= 5 {
					t.Errorf("seed %d: %s", seed, strings.Join(w.problems[:min(len(w.problems), 3)], "\n\t"))
				}
				c := w.job.c.Stats().Counts
				completed.Add(c.Completed)
				aborted.Add(c.Failed)
				restores.Add(c.Restored)
				if w.job.report != nil {
					kept.Add(int64(len(w.job.report.Retained)))
				}
				left.Add(int64(len(w.job.c.Left())))
			}
		})
	}
	group.Wait()
	t.Logf("%d runs: %d checkpoints completed, %d failed, %d restores; %d retained at the end, %d with leftovers", n, completed.Load(), aborted.Load(), restores.Load(), kept.Load(), left.Load())
	if completed.Load() < 2*n || aborted.Load() < n || restores.Load() < n/2 || kept.Load() == 0 || left.Load() == 0 {
		t.Error("the simulation does not do enough to prove anything")
	}
}
