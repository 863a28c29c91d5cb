package coordinator

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore"
	"github.com/ckpt-tool/ckpt/restore/checkpoints"
)

// faultyAccess fails as a test says.
type faultyAccess struct {
	simAccess
	location, metadata, discard error
	complete                    func(l *simLocation, m *metadata.Checkpoint) error
}

type faultyLocation struct {
	*simLocation
	a *faultyAccess
}

func (a *faultyAccess) Location(ctx context.Context, id int64) (checkpoints.Location, error) {
	if a.location != nil {
		return nil, a.location
	}
	l, err := a.simAccess.Location(ctx, id)
	if err != nil {
		return nil, err
	}
	return &faultyLocation{l.(*simLocation), a}, nil
}

func (a *faultyAccess) DiscardMetadata(ctx context.Context, pointer string) error {
	if a.metadata != nil {
		return a.metadata
	}
	return a.simAccess.DiscardMetadata(ctx, pointer)
}

func (a *faultyAccess) Discard(ctx context.Context, h metadata.StreamHandle, dir string) error {
	if a.discard != nil {
		return a.discard
	}
	return a.simAccess.Discard(ctx, h, dir)
}

func (l *faultyLocation) Complete(ctx context.Context, m *metadata.Checkpoint) (string, int64, error) {
	if f := l.a.complete; f != nil {
		if err := f(l.simLocation, m); err != nil {
			return "", 0, err
		}
	}
	return l.simLocation.Complete(ctx, m)
}

// troubled is a rig whose storage fails as told.
func troubled(t *testing.T, c Config) (*rig, *faultyAccess) {
	a := &faultyAccess{}
	r := newRig(t, c, func(o *Options) {
		a.simAccess = o.Access.(simAccess)
		o.Access = a
	})
	return r, a
}

// A task that builds upon what is gone (story 1), or is the user's (story 2), and a savepoint that is not whole (story 3).
func TestAnswersThatAreRefused(t *testing.T) {
	r := newRig(t, Config{})
	r.take(Checkpoint, "a")
	r.take(Checkpoint, "b")
	id, f := r.trigger(Checkpoint)
	answer, err := r.ack(id, 0, "a", "c")
	if answer != Discarded || err == nil || !strings.Contains(err.Error(), "/tree/job/shared/a was deleted before") {
		t.Errorf("a deleted file: %v, %v", answer, err)
	}
	delete(r.w.disk.data, jobDir+"/shared/a") // the rig made it anew
	r.w.settle()
	if reason(r, f) != CheckpointDeclined {
		t.Error("the checkpoint goes on")
	}
	id, f = r.trigger(NativeSavepoint)
	if answer, err = r.ack(id, 0, "b"); answer != Discarded || err == nil || !strings.Contains(err.Error(), "files of its own") {
		t.Errorf("a shared file in a savepoint: %v, %v", answer, err)
	}
	r.w.settle()
	if reason(r, f) != CheckpointDeclined {
		t.Error("the savepoint goes on")
	}
	id, _ = r.trigger(Checkpoint)
	a := &Acknowledge{Task: r.tasks[0], Checkpoint: id, States: map[metadata.OperatorID]metadata.SubtaskState{{9}: r.state(r.tasks[0], id, "z")}}
	if answer, err = r.c.ReceiveAcknowledge(a, ""); answer != Discarded || err == nil {
		t.Errorf("an unknown operator: %v, %v", answer, err)
	}
	r.w.settle()
	r.wantTree("refused", "chk-2/_metadata", "shared/b")

	r = newRig(t, Config{})
	r.initial(restore.NoClaim)
	id, _ = r.trigger(Checkpoint)
	if answer, err = r.ack(id, 0, "/old/shared/s"); answer != Discarded || err == nil || !strings.Contains(err.Error(), "NO_CLAIM") {
		t.Errorf("a file of the user's: %v, %v", answer, err)
	}
	r.w.settle()
	r.wantTree("refused", "/old/chk-7/_metadata", "/old/chk-7/x", "/old/shared/p", "/old/shared/s")

	r = newRig(t, Config{})
	r.initial(restore.Legacy)
	r.take(Checkpoint, "/old/shared/s")
	r.take(Checkpoint, "a")
	r.wantTree("legacy", "/old/chk-7/_metadata", "/old/chk-7/x", "/old/shared/p", "/old/shared/s", "chk-9/_metadata", "shared/a")
}

// Story 4: tables in the directory of a claimed savepoint.
func TestClaimedIsHeld(t *testing.T) {
	r := claimedSavepoint(t, 1)
	r.take(Checkpoint, "/sp/s")
	r.take(Checkpoint, "/sp/s", "a")
	r.wantTree("in use", "/sp/_metadata", "/sp/m", "/sp/s", "chk-9/_metadata", "shared/a")
	r.take(Checkpoint, "a")
	r.wantTree("out of use", "chk-10/_metadata", "shared/a")
	if have := r.deleted(); !slices.Equal(have[len(have)-4:], []string{"/sp/_metadata", "/sp/m", "/sp/s", "/sp/"}) {
		t.Errorf("%v", have)
	}
	r = claimedSavepoint(t, 2)
	r.take(Checkpoint, "/sp/s")
	r.w.trace = nil
	r.shutdown(Finished)
	if have := r.deleted(); !slices.Equal(have, []string{"chk-8/_metadata", "chk-8/", "/sp/_metadata", "/sp/m", "/sp/s", "/sp/"}) {
		t.Errorf("%v", have)
	}
}

// claimedSavepoint is a job that begins with a native savepoint, 7 at /sp, of the files m and s.
func claimedSavepoint(t *testing.T, retained int) *rig {
	r := newRig(t, Config{NumRetained: retained, SequentialCleaning: true})
	const dir = "/sp"
	r.put(dir+"/s", dir+"/m")
	h := &metadata.IncrementalHandle{Tag: metadata.TagIncrementalV2, BackendID: "b", HandleID: "h", Meta: &metadata.RelativeFileHandle{Path: "m", Size: 1},
		Shared: []metadata.NamedFile{{Name: "s", File: &metadata.RelativeFileHandle{Path: "s", Size: 1}}}}
	m := &metadata.Checkpoint{Version: 3, ID: 7, Operators: []metadata.OperatorState{{ID: metadata.OperatorID{1}, Subtasks: []metadata.SubtaskState{{ManagedKeyed: h}}}}}
	r.w.disk.metas[dir] = &simMeta{id: 7}
	if err := r.c.RestoreInitial(InitialRestore{Checkpoint: m, Pointer: dir, ClaimMode: restore.Claim}); err != nil {
		t.Fatal(err)
	}
	r.restore(2)
	return r
}

// Story 5: what cannot be deleted stays whole, and is tried again at the end.
func TestMetadataThatStays(t *testing.T) {
	r, a := troubled(t, Config{})
	a.metadata = errDisk
	r.take(Checkpoint, "x", "a", "b")
	r.take(Checkpoint, "b")
	r.wantTree("not deleted", "chk-1/_metadata", "chk-1/x", "chk-2/_metadata", "shared/a", "shared/b")
	left := r.c.Left()
	if len(left) != 1 || left[0].Checkpoint != 1 || left[0].Pointer != jobDir+"/chk-1" || len(left[0].Files) != 3 || !errors.Is(left[0].Err, errDisk) {
		t.Errorf("%+v", left)
	}
	a.metadata, a.discard = nil, errDisk
	report := r.shutdown(Finished)
	r.wantTree("files that stay", "chk-1/x", "shared/a", "shared/b")
	if len(report.Left) == 0 || report.Left[0].Pointer != "" {
		t.Errorf("%+v", report.Left)
	}
	r, a = troubled(t, Config{})
	a.discard = errDisk
	r.take(Checkpoint, "x", "a")
	r.take(Checkpoint, "b")
	r.wantTree("files that stay", "chk-1/x", "chk-2/_metadata", "shared/a", "shared/b")
	a.discard = nil
	if report := r.shutdown(Finished); len(report.Left) > 0 {
		t.Errorf("%+v", report.Left)
	}
	r.wantTree("tried again")
}

// Story 6: the place is taken; any other trouble with the storage is the same failure.
func TestNoPlace(t *testing.T) {
	for _, err := range []error{fs.ErrExist, errDisk} {
		r, a := troubled(t, Config{TolerableFailures: 1})
		a.location = err
		f := r.c.Trigger(Checkpoint, "")
		r.w.settle()
		if reason(r, f) != IOException {
			t.Error("not an IO_EXCEPTION")
		}
		r.c.Trigger(Checkpoint, "")
		r.w.settle()
		if len(r.failed) != 1 || !errors.Is(r.failed[0], err) {
			t.Errorf("the job fails with %v", r.failed)
		}
	}
}

// Story 7: aborted before the storage has answered.
func TestAbortedWhileCreated(t *testing.T) {
	r := newRig(t, Config{})
	f := r.c.Trigger(Checkpoint, "")
	for r.c.NumberOfPendingCheckpoints() == 0 {
		r.w.resume(0)
	}
	r.c.AbortPending(TaskFailure, errDisk)
	r.put(jobDir + "/chk-1/marker") // the storage makes the directory
	r.w.settle()
	if reason(r, f) != TaskFailure || len(r.options) > 0 {
		t.Error("tasks were asked")
	}
	r.wantTree("aborted")
}

// Story 8: deletes that do not get done hold checkpoints back.
func TestSlowDeletes(t *testing.T) {
	r := newRig(t, Config{})
	r.c.o.Cleaner.cleaning = 2
	f := r.c.Trigger(Checkpoint, "")
	r.w.settle()
	if len(r.options) != 0 {
		t.Error("a checkpoint has begun")
	}
	r.c.o.Cleaner.cleaning = 0
	r.c.do(r.c.cleaned)
	r.w.settle()
	r.complete(1, "a")
	if _, err := outcome(f); err != nil {
		t.Error(err)
	}
}

// Stories 9 to 12: answers of earlier attempts, twice, late, and very late.
func TestAnswersOutOfTurn(t *testing.T) {
	r := newRig(t, Config{})
	id, f := r.trigger(Checkpoint)
	earlier := &Acknowledge{Task: TaskID{Vertex: r.tasks[0].Vertex, Attempt: 7}, Checkpoint: id}
	earlier.States = map[metadata.OperatorID]metadata.SubtaskState{{1}: r.state(r.tasks[0], id, "x9", "e")}
	want := func(when string, have, want Answer) {
		t.Helper()
		if have != want {
			t.Errorf("%s: %v, want %v", when, have, want)
		}
		r.w.settle()
	}
	answer, _ := r.c.ReceiveAcknowledge(earlier, "")
	want("another attempt", answer, Unknown)
	r.wantTree("another attempt")
	r.c.ReceiveDecline(&Decline{Task: earlier.Task, Checkpoint: id, Reason: errDisk}, "")
	answer, _ = r.ack(id, 0, "x", "a")
	want("first", answer, Success)
	answer, _ = r.ack(id, 0, "x", "a", "b")
	want("twice", answer, Duplicate)
	r.wantTree("twice", "chk-1/x", "shared/a")
	_, _ = r.ack(id, 1)
	_, _ = r.ack(id, 2)
	r.w.settle()
	if _, err := outcome(f); err != nil {
		t.Error(err)
	}
	answer, _ = r.ack(id, 0, "x", "a", "c")
	want("after completion", answer, Duplicate)
	r.wantTree("after completion", "chk-1/_metadata", "chk-1/x", "shared/a")
	savepoint := r.take(Savepoint, "x")
	answer, _ = r.ack(savepoint.ID, 0, "x")
	want("of a savepoint", answer, Duplicate)
	id, _ = r.trigger(Checkpoint)
	r.c.ReceiveDecline(&Decline{Task: r.tasks[1], Checkpoint: id, Reason: errDisk}, "")
	r.w.settle()
	answer, _ = r.ack(id, 0, "x", "a", "d")
	want("late", answer, Discarded)
	r.wantTree("late", "chk-1/_metadata", "chk-1/x", "shared/a", "savepoint-2/_metadata", "savepoint-2/x")
	answer, _ = r.ack(999, 0, "n")
	want("never begun", answer, Unknown)
	for range remembered {
		r.take(Checkpoint, "a")
	}
	if _, _, ok := r.c.o.Registry.Users("/savepoints/savepoint-2/x"); ok {
		t.Error("savepoints are never forgotten")
	}
	answer, _ = r.ack(savepoint.ID, 0, "x")
	want("very late", answer, Unknown)
	if tree := r.tree(); !strings.Contains(tree, "savepoint-2/x") || strings.Contains(tree, "shared/n") {
		t.Errorf("very late: %s", tree)
	}
}

// Story 13: a storage that does not answer is told to give up.
func TestStorageWithoutAnswer(t *testing.T) {
	r, a := troubled(t, Config{Timeout: time.Minute})
	a.complete = func(l *simLocation, m *metadata.Checkpoint) error {
		l.d.w.pause()
		l.d.w.pause()
		return nil
	}
	id, f := r.trigger(Checkpoint)
	for n := range r.tasks {
		_, _ = r.ack(id, n, "a")
	}
	for range 2 {
		r.w.resume(0)
	}
	r.c.AbortPending(TaskFailure, nil) // is of no use any more
	r.w.fire()
	r.w.settle()
	if reason(r, f) != FinalizeCheckpointFailure {
		t.Error("it was completed")
	}
	r.wantTree("given up")
}

// Story 14, and tasks that come to their end.
func TestFinishedTasks(t *testing.T) {
	r := newRig(t, Config{})
	_, f := r.trigger(Checkpoint)
	r.c.TaskFinished(r.tasks[0])
	r.w.settle()
	if reason(r, f) != DeclinedTaskClosing {
		t.Error("the checkpoint waits for a task that has ended")
	}
	id, f := r.trigger(Checkpoint)
	for n := 1; n < 3; n++ {
		_, _ = r.ack(id, n, "a")
	}
	r.w.settle()
	c, err := outcome(f)
	if err != nil || !c.OperatorStates[0].FullyFinished || c.OperatorStates[1].FullyFinished || len(c.OperatorStates[1].Subtasks) != 2 {
		t.Fatalf("%+v, %v", c, err)
	}
	r.c.TaskFinished(r.tasks[1])
	id, f = r.trigger(Checkpoint)
	_, _ = r.ack(id, 2, "a")
	r.w.settle()
	if c, err = outcome(f); err != nil || !c.OperatorStates[1].Subtasks[0].Finished || c.OperatorStates[1].Subtasks[1].Finished {
		t.Fatalf("%+v, %v", c, err)
	}
	id, f = r.trigger(Checkpoint)
	s := r.state(r.tasks[2], id, "x")
	s.ManagedOperator.States = []metadata.OperatorStateMeta{{Name: "u", Mode: metadata.Union, Offsets: []int64{0}}}
	a := &Acknowledge{Task: r.tasks[2], Checkpoint: id, States: map[metadata.OperatorID]metadata.SubtaskState{{2}: s}}
	_, _ = r.c.ReceiveAcknowledge(a, "")
	r.w.settle()
	if _, err := outcome(f); reason(r, f) != DeclinedTaskClosing || !strings.Contains(err.Error(), "union state") {
		t.Error(err)
	}
	r.c.TaskFinished(r.tasks[2])
	f = r.c.Trigger(Checkpoint, "")
	if r.w.settle(); reason(r, f) != NotAllRequiredTasksRunning {
		t.Error("a checkpoint of nobody")
	}
}

// Stories 15 and 18: who wrote the `_metadata` that is there.
func TestMetadataThatIsThere(t *testing.T) {
	run := func(complete func(l *simLocation, m *metadata.Checkpoint) error) (*rig, error) {
		r, a := troubled(t, Config{})
		a.complete = complete
		id, f := r.trigger(Checkpoint)
		for n := range r.tasks {
			_, _ = r.ack(id, n, "x", "a")
		}
		r.w.settle()
		_, err := outcome(f)
		return r, err
	}
	r, err := run(func(l *simLocation, m *metadata.Checkpoint) error {
		l.d.complete(l.dir, m, false, false)
		return fs.ErrExist
	})
	if err != nil {
		t.Errorf("its own: %v", err)
	}
	r.wantTree("its own", "chk-1/_metadata", "chk-1/x", "shared/a")
	r, err = run(func(l *simLocation, m *metadata.Checkpoint) error {
		l.d.foreignJob(l.dir, l.id)
		return fs.ErrExist
	})
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("another's: %v", err)
	}
	r.wantTree("another's", "chk-1/_metadata", "chk-1/foreign")
	r, err = run(func(l *simLocation, m *metadata.Checkpoint) error { return fs.ErrExist })
	if err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("unclear: %v", err)
	}
	r.wantTree("unclear", "chk-1/x", "shared/a")
	if left := r.c.Left(); len(left) != 1 || len(left[0].Files) != 2 {
		t.Errorf("unclear: %+v", left)
	}
	r = newRig(t, Config{})
	r.trigger(Checkpoint)
	r.w.disk.foreignJob(jobDir+"/chk-1", 1)
	r.c.AbortPending(TaskFailure, nil)
	r.w.settle()
	r.wantTree("aborted beside another's", "chk-1/_metadata", "chk-1/foreign")
}

// Story 16: the write has failed, and was done all the same. A restart waits until that is out of the world.
func TestWriteThatFailed(t *testing.T) {
	r, a := troubled(t, Config{})
	r.take(Checkpoint, "a")
	a.complete = func(l *simLocation, m *metadata.Checkpoint) error {
		l.d.complete(l.dir, m, false, false)
		return errDisk
	}
	id, f := r.trigger(Checkpoint)
	for n := range r.tasks {
		_, _ = r.ack(id, n, "x", "a", "b")
	}
	restored := r.c.RestoreLatestCheckpointedStateToAll(r.tasks, true)
	restored.Then(func(got *Restored, err error) {
		if err != nil || got.ID != 1 || r.w.disk.metas[jobDir+"/chk-2"] != nil {
			t.Errorf("restored %v, %v, of %s", got, err, r.tree())
		}
	})
	r.w.settle()
	if reason(r, f) != FinalizeCheckpointFailure {
		t.Error("not a failure")
	}
	if _, err := outcome(restored); err != nil {
		t.Error(err)
	}
	r.wantTree("failed", "chk-1/_metadata", "shared/a")
}

// Story 17: tasks fail while `_metadata` is being written.
func TestRestoreWaitsForWrite(t *testing.T) {
	r := newRig(t, Config{})
	r.take(Checkpoint, "a")
	id, _ := r.trigger(Checkpoint)
	for n := range r.tasks {
		_, _ = r.ack(id, n, "b")
	}
	r.c.TaskFailed(r.tasks[0], errDisk)
	f := r.c.RestoreLatestCheckpointedStateToAll(r.tasks, true)
	if _, err := outcome(f); err == nil {
		t.Error("it does not wait")
	}
	r.w.settle()
	if got, err := outcome(f); err != nil || got.ID != id {
		t.Errorf("%v, %v", got, err)
	}
	if want := []string{"completed 1, subsumed 0"}; !slices.Equal(r.notices, want) {
		t.Errorf("tasks that are gone hear: %v", r.notices)
	}
}
