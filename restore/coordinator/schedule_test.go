package coordinator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/metadata"
)

// pass lets time go by, timer by timer.
func (r *rig) pass(d time.Duration) {
	end := r.w.now.Add(d)
	for {
		r.w.timers = slices.DeleteFunc(r.w.timers, func(t *timer) bool { return t.gone })
		if !slices.ContainsFunc(r.w.timers, func(t *timer) bool { return !t.at.After(end) }) {
			break
		}
		r.w.fire()
		r.w.settle()
	}
	r.w.now = end
}

func TestPeriodicCheckpoints(t *testing.T) {
	r := newRig(t, Config{Interval: 10 * time.Second, MinPause: 4 * time.Second, Timeout: time.Hour})
	c := r.c
	if !c.IsPeriodicCheckpointingConfigured() || c.IsPeriodicCheckpointingStarted() {
		t.Error("configured, and not started")
	}
	if r.pass(time.Minute); len(r.options) > 0 {
		t.Error("begun before the start")
	}
	if err := c.StartCheckpointScheduler(); err != nil || !c.IsPeriodicCheckpointingStarted() {
		t.Fatal(err)
	}
	c.do(func() { c.tick(c.generation - 1) }) // a timer that was stopped too late
	r.w.settle()
	if r.pass(9 * time.Second); len(r.options) > 0 {
		t.Error("begun before the interval")
	}
	if r.pass(time.Second); len(r.options) != 1 {
		t.Fatal("not begun with the interval")
	}
	if r.pass(10 * time.Second); len(r.options) != 1 {
		t.Error("two at a time")
	}
	r.complete(1, "a") // a second before the next tick; what waited must keep the pause
	if r.pass(3900 * time.Millisecond); len(r.options) != 1 {
		t.Error("the pause is too short")
	}
	if r.pass(200 * time.Millisecond); len(r.options) != 2 {
		t.Error("the pause is too long")
	}
	if r.c.NumberOfPendingCheckpoints() != 1 || r.c.NumberOfRetainedSuccessfulCheckpoints() != 1 {
		t.Error("counts")
	}
	c.StopCheckpointScheduler()
	if r.w.settle(); c.IsPeriodicCheckpointingStarted() || c.NumberOfPendingCheckpoints() != 0 {
		t.Error("not stopped")
	}
	if r.pass(time.Hour); len(r.options) != 2 {
		t.Error("goes on behind the stop")
	}
	if want := []string{"completed 1, subsumed 0", "aborted 2, latest 1"}; !slices.Equal(r.notices, want) {
		t.Errorf("%q", r.notices)
	}
	if err := newRig(t, Config{}).c.StartCheckpointScheduler(); err == nil || !strings.Contains(err.Error(), "interval is not set") {
		t.Errorf("without an interval: %v", err)
	}
	r.shutdown(Finished)
	if err := c.StartCheckpointScheduler(); err == nil {
		t.Error("started behind the end")
	}
	f := c.Trigger(Checkpoint, "")
	if r.w.settle(); reason(r, f) != CoordinatorShutdown {
		t.Error("triggered behind the end")
	}
}

// Behind a pause, what was due and could not begin never does, and is no failure.
func TestPausedCheckpoints(t *testing.T) {
	r := newRig(t, Config{Interval: 10 * time.Second, Timeout: time.Hour})
	if err := r.c.StartCheckpointScheduler(); err != nil {
		t.Fatal(err)
	}
	if r.pass(time.Minute); len(r.options) != 1 {
		t.Fatal("not one checkpoint")
	}
	r.c.PausePeriodicCheckpoints()
	if r.complete(1, "a"); len(r.options) != 1 {
		t.Error("goes on behind the pause")
	}
	r.take(Checkpoint, "b")
	if s := r.c.Stats(); s.Counts != (CheckpointCounts{Total: 2, Completed: 2}) {
		t.Errorf("%+v", s.Counts)
	}
}

// New attempts end what others had begun.
func TestOtherTasks(t *testing.T) {
	r := newRig(t, Config{})
	id, f := r.trigger(Checkpoint)
	_, _ = r.ack(id, 0, "x")
	r.c.SetTasks(slices.Clone(r.tasks))
	if r.w.settle(); r.c.NumberOfPendingCheckpoints() != 1 {
		t.Error("the same tasks")
	}
	r.deploy(2)
	if r.w.settle(); reason(r, f) != JobFailoverRegion {
		t.Error("other tasks")
	}
	r.wantTree("other tasks")
}

func TestTimeout(t *testing.T) {
	r := newRig(t, Config{Timeout: time.Minute})
	id, f := r.trigger(Checkpoint)
	_, _ = r.ack(id, 0, "x", "a")
	r.pass(59 * time.Second)
	if _, err := outcome(f); err.Error() != "no outcome" {
		t.Error(err)
	}
	r.pass(time.Second)
	if reason(r, f) != CheckpointExpired {
		t.Error("not expired")
	}
	r.wantTree("expired")
	s := r.c.Stats()
	if s.Counts != (CheckpointCounts{Total: 1, Failed: 1}) || s.History[0].Status != FailedCheckpoint || s.History[0].Duration() != time.Minute {
		t.Errorf("%+v", s)
	}
}

// Savepoints go before checkpoints, and beyond the number of those at a time.
func TestQueue(t *testing.T) {
	r := newRig(t, Config{MaxConcurrent: 2, Timeout: time.Hour})
	for range 4 {
		r.c.Trigger(Checkpoint, "")
	}
	r.w.settle()
	f := r.c.Trigger(Savepoint, "")
	r.w.settle()
	if len(r.options) != 3 || r.c.NumberOfPendingCheckpoints() != 3 {
		t.Errorf("%d are pending", r.c.NumberOfPendingCheckpoints())
	}
	var savepoint int64
	for id, o := range r.options {
		if o.Type == Savepoint {
			savepoint = id
		}
	}
	r.complete(savepoint, "x")
	c, err := outcome(f)
	if err != nil || !c.Properties.Forced || r.c.NumberOfRetainedSuccessfulCheckpoints() != 0 {
		t.Error(err)
	}
	if len(r.notices) > 0 {
		t.Errorf("tasks hear of a savepoint: %v", r.notices)
	}
	// The later one subsumes the earlier, and lets the next two begin.
	ids := slices.Collect(func(yield func(int64) bool) {
		for id := int64(1); id <= 3; id++ {
			if id != savepoint && !yield(id) {
				return
			}
		}
	})
	r.complete(ids[1], "a")
	if want := []string{fmt.Sprintf("aborted %d, latest 0", ids[0]), fmt.Sprintf("completed %d, subsumed 0", ids[1])}; !slices.Equal(r.notices, want) {
		t.Errorf("%q", r.notices)
	}
	if len(r.options) != 5 {
		t.Errorf("%d were begun", len(r.options))
	}
	var last *Future[*CompletedCheckpoint]
	for range maxQueued + 1 {
		last = r.c.Trigger(Checkpoint, "")
	}
	if r.w.settle(); reason(r, last) != TooManyCheckpointRequests {
		t.Error("the queue has no end")
	}
}

func TestStopWithSavepoint(t *testing.T) {
	r := newRig(t, Config{Retention: RetainOnCancellation})
	r.take(Checkpoint, "a")
	r.notices = nil
	c := r.take(SavepointSuspend, "x")
	if !slices.Equal(r.notices, []string{"completed 2, subsumed 0"}) || c.Properties.Type.metadata().Action != "SUSPEND" {
		t.Errorf("%q", r.notices)
	}
	r.shutdown(Finished)
	r.wantTree("stopped", "savepoint-2/_metadata", "savepoint-2/x")
	r = newRig(t, Config{})
	id, _ := r.trigger(SavepointTerminate)
	r.c.ReceiveDecline(&Decline{Task: r.tasks[0], Checkpoint: id, Reason: errDisk}, "")
	if r.w.settle(); len(r.failed) != 1 || !errors.Is(r.failed[0], errDisk) {
		t.Errorf("the job goes on without an end: %v", r.failed)
	}
}

func TestFailures(t *testing.T) {
	e := func(id int64, r FailureReason) *CheckpointError { return &CheckpointError{Reason: r, ID: id} }
	f := failures{tolerable: 1}
	for i, c := range []struct {
		t       Type
		e       *CheckpointError
		byTask  bool
		success int64
		fails   bool
	}{
		{e: e(1, CheckpointExpired)},
		{e: e(1, CheckpointDeclined), byTask: true}, // the same again
		{e: e(2, TaskFailure)},
		{e: e(3, CheckpointSubsumed)},
		{e: e(4, CheckpointExpired), t: Savepoint},
		{e: e(5, DeclinedTaskNotReady), byTask: true},
		{success: 6},
		{e: e(5, CheckpointExpired)}, // before the latest completed one
		{e: e(7, FinalizeCheckpointFailure)},
		{e: e(8, CheckpointAsyncException), byTask: true, fails: true},
		{e: e(9, IOException)}, // from the beginning
		{e: e(10, CheckpointDeclined), t: Savepoint, byTask: true, fails: true},
		{e: e(11, TaskFailure), t: SavepointSuspend, byTask: true, fails: true},
	} {
		if c.success > 0 {
			f.completed(c.success)
			continue
		}
		err := f.failed(c.t, c.e, c.byTask)
		if (err != nil) != c.fails || c.fails && !errors.Is(err, c.e) {
			t.Errorf("%d: %v", i, err)
		}
	}
	f = failures{tolerable: -1}
	for id := range int64(100) {
		if err := f.failed(Checkpoint, e(id+1, CheckpointExpired), false); err != nil {
			t.Fatal(err)
		}
	}
	for r := PeriodicSchedulerShutdown; r <= TriggerCheckpointFailure; r++ {
		if r.String() == "" || reasons[r].text == "" {
			t.Errorf("reason %d has no name", r)
		}
	}
	err := declined(3, fmt.Errorf("wrapped: %w", &CheckpointError{Reason: CheckpointAsyncException, Cause: errDisk}))
	if err.Reason != CheckpointAsyncException || err.ID != 3 || !errors.Is(err, errDisk) {
		t.Error(err)
	}
}

// hook is a MasterHook that remembers.
type hook struct {
	BytesHook
	trigger  error
	restored []string
}

func (h *hook) Trigger(ctx context.Context, m CheckpointMetaData) ([]byte, error) {
	return fmt.Appendf(nil, "state of %d", m.ID), h.trigger
}

func (h *hook) Restore(_ context.Context, id int64, version int32, data []byte, ok bool) error {
	h.restored = append(h.restored, fmt.Sprintf("%d %d %q %v", id, version, data, ok))
	return nil
}

func TestMasterHooks(t *testing.T) {
	h := &hook{BytesHook: BytesHook{Name: "h", FormatVersion: 2}}
	job := &BytesHook{Name: "ckpt.job", FormatVersion: 1, Data: []byte("name: x")}
	r := newRig(t, Config{}, func(o *Options) { o.Hooks = []MasterHook{job, h} })
	r.restore(1)
	c := r.take(Checkpoint, "a")
	if len(c.MasterStates) != 2 || string(c.MasterStates[0].Data) != "name: x" || c.MasterStates[1].Version != 2 {
		t.Errorf("%+v", c.MasterStates)
	}
	r.restore(2)
	if want := []string{`0 0 "" false`, `1 2 "state of 1" true`}; !slices.Equal(h.restored, want) {
		t.Errorf("%q", h.restored)
	}
	h.trigger = errDisk
	f := r.c.Trigger(Checkpoint, "")
	if r.w.settle(); reason(r, f) != TriggerCheckpointFailure {
		t.Error("triggered without a master state")
	}
	m := c.Metadata()
	for _, allow := range []bool{false, true} {
		r = newRig(t, Config{}, func(o *Options) { o.Hooks = []MasterHook{job} })
		r.put(jobDir + "/shared/a")
		if err := r.c.RestoreInitial(InitialRestore{Checkpoint: m, Pointer: c.ExternalPointer, AllowNonRestored: allow}); err != nil {
			t.Fatal(err)
		}
		f := r.c.RestoreLatestCheckpointedStateToAll(r.tasks, true)
		r.w.settle()
		if _, err := outcome(f); (err == nil) != allow {
			t.Errorf("a state that no hook takes: %v", err)
		}
	}
}

func TestRestoreErrors(t *testing.T) {
	r := newRig(t, Config{})
	for name, f := range map[string]func() error{
		"none there": func() error {
			_, err := outcome(r.c.RestoreLatestCheckpointedStateToAll(r.tasks, true))
			return err
		},
		"too few tasks": func() error {
			_, err := outcome(r.c.RestoreLatestCheckpointedStateToAll(r.tasks[:2], false))
			return err
		},
		"unknown tasks": func() error {
			_, err := outcome(r.c.RestoreLatestCheckpointedStateToAll(append(slices.Clone(r.tasks[:2]), TaskID{Vertex: r.tasks[0].Vertex, Subtask: 5}), false))
			return err
		},
		"nothing": func() error { return r.c.RestoreInitial(InitialRestore{}) },
	} {
		if err := f(); err == nil || err.Error() == "no outcome" {
			t.Errorf("%s: %v", name, err)
		}
	}
	r.deploy(1)
	r.take(Checkpoint, "a")
	if err := r.c.RestoreInitial(InitialRestore{Checkpoint: &metadata.Checkpoint{Version: 3, ID: 1}}); err == nil {
		t.Error("restored in the middle of the job")
	}
	for name, o := range map[string]Options{
		"nothing":  {},
		"vertices": {Access: simAccess{}, Gateway: r, Clock: r.w, Executor: r.w},
		"negative": {Access: simAccess{}, Gateway: r, Clock: r.w, Executor: r.w, Vertices: []Vertex{{}}, Config: Config{Timeout: -1}},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestPreferCheckpointWarns(t *testing.T) {
	var log strings.Builder
	newRig(t, Config{PreferCheckpoint: true}, func(o *Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	if !strings.Contains(log.String(), "prefer-checkpoint-for-recovery") {
		t.Errorf("%q", log.String())
	}
}
