package coordinator

import (
	"errors"
	"fmt"
)

// FailureReason is why a checkpoint did not come about (Flink: CheckpointFailureReason).
type FailureReason uint8

// The reasons. Those up to BlockingOutput are known before a checkpoint begins.
const (
	PeriodicSchedulerShutdown FailureReason = iota
	TooManyCheckpointRequests
	MinimumTimeBetweenCheckpoints
	NotAllRequiredTasksRunning
	IOException // the storage gave no place for it
	CheckpointAsyncException
	CheckpointExpired
	CheckpointSubsumed
	CheckpointDeclined
	DeclinedTaskNotReady
	DeclinedTaskClosing
	DeclinedSubsumed
	DeclinedInputEndOfStream
	CoordinatorShutdown
	CoordinatorSuspend
	JobFailoverRegion
	TaskFailure
	FinalizeCheckpointFailure
	TriggerCheckpointFailure
)

var reasons = [...]struct {
	name, text string
	counts     bool // towards the tolerable failures
}{
	PeriodicSchedulerShutdown:     {"PERIODIC_SCHEDULER_SHUTDOWN", "periodic checkpoints are stopped", false},
	TooManyCheckpointRequests:     {"TOO_MANY_CHECKPOINT_REQUESTS", "too many checkpoints are asked for", false},
	MinimumTimeBetweenCheckpoints: {"MINIMUM_TIME_BETWEEN_CHECKPOINTS", "the pause between checkpoints is not over", false},
	NotAllRequiredTasksRunning:    {"NOT_ALL_REQUIRED_TASKS_RUNNING", "not all tasks are running", false},
	IOException:                   {"IO_EXCEPTION", "the storage failed at the start of the checkpoint", true},
	CheckpointAsyncException:      {"CHECKPOINT_ASYNC_EXCEPTION", "a task failed to write its snapshot", true},
	CheckpointExpired:             {"CHECKPOINT_EXPIRED", "not all tasks answered within the timeout", true},
	CheckpointSubsumed:            {"CHECKPOINT_SUBSUMED", "a later checkpoint was completed", false},
	CheckpointDeclined:            {"CHECKPOINT_DECLINED", "a task declined", true},
	DeclinedTaskNotReady:          {"CHECKPOINT_DECLINED_TASK_NOT_READY", "a task was not ready", false},
	DeclinedTaskClosing:           {"CHECKPOINT_DECLINED_TASK_CLOSING", "a task was about to end", false},
	DeclinedSubsumed:              {"CHECKPOINT_DECLINED_SUBSUMED", "a task saw the barrier of a newer checkpoint", false},
	DeclinedInputEndOfStream:      {"CHECKPOINT_DECLINED_INPUT_END_OF_STREAM", "an input of a task had ended", false},
	CoordinatorShutdown:           {"CHECKPOINT_COORDINATOR_SHUTDOWN", "the job ends", false},
	CoordinatorSuspend:            {"CHECKPOINT_COORDINATOR_SUSPEND", "checkpoints are stopped", false},
	JobFailoverRegion:             {"JOB_FAILOVER_REGION", "the job restarts", false},
	TaskFailure:                   {"TASK_FAILURE", "a task failed", false},
	FinalizeCheckpointFailure:     {"FINALIZE_CHECKPOINT_FAILURE", "the checkpoint could not be finished", true},
	TriggerCheckpointFailure:      {"TRIGGER_CHECKPOINT_FAILURE", "the checkpoint could not be triggered", false},
}

// String is Flink's word.
func (r FailureReason) String() string { return reasons[r].name }

// Counts is whether the failure is one of the tolerable ones, of which too many in a row fail the job.
func (r FailureReason) Counts() bool { return reasons[r].counts }

// preFlight is whether no task had a part in it.
func (r FailureReason) preFlight() bool { return r <= IOException }

// CheckpointError tells why a checkpoint failed (Flink: CheckpointException). Tasks give one as the reason of a Decline to
// say more than "declined".
type CheckpointError struct {
	Reason FailureReason
	ID     int64 // 0 where it had none yet
	Cause  error // or nil
}

// Error names the checkpoint, Flink's reason and the cause.
func (e *CheckpointError) Error() string {
	what := "checkpoint"
	if e.ID > 0 {
		what = fmt.Sprintf("checkpoint %d", e.ID)
	}
	s := fmt.Sprintf("%s: %s (%s)", what, reasons[e.Reason].text, e.Reason)
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap is the cause.
func (e *CheckpointError) Unwrap() error { return e.Cause }

// declined is the reason of a Decline.
func declined(id int64, err error) *CheckpointError {
	var e *CheckpointError
	if errors.As(err, &e) {
		return &CheckpointError{Reason: e.Reason, ID: id, Cause: e.Cause}
	}
	return &CheckpointError{Reason: CheckpointDeclined, ID: id, Cause: err}
}

// failures counts failures in a row (Flink: CheckpointFailureManager).
type failures struct {
	tolerable int // negative: any number
	count     int
	counted   map[int64]bool // each checkpoint counts once
	succeeded int64          // the latest
}

// failed takes in a failure, and gives the error that the job has to fail with, or nil. byTask is whether a task is to blame.
func (f *failures) failed(t Type, e *CheckpointError, byTask bool) error {
	jobLevel := e.Reason.preFlight() || !byTask
	switch {
	case jobLevel && t.IsSavepoint():
		return nil // who asked for it is told
	case !jobLevel && t.IsSynchronous():
		return e // the tasks wait for the end that the savepoint should have brought
	case e.ID > 0 && e.ID <= f.succeeded:
		return nil // a later one was completed
	case f.tolerable < 0 || !e.Reason.Counts():
		return nil
	}
	if e.ID > 0 && f.counted[e.ID] {
		return nil
	}
	if f.counted == nil {
		f.counted = map[int64]bool{}
	}
	f.counted[e.ID] = true
	if f.count++; f.count <= f.tolerable {
		return nil
	}
	n := f.count
	f.clear()
	return fmt.Errorf("%d checkpoints failed in a row, %d are tolerable (execution.checkpointing.tolerable-failed-checkpoints); the latest: %w", n, f.tolerable, e)
}

func (f *failures) completed(id int64) {
	if id > f.succeeded {
		f.succeeded = id
		f.clear()
	}
}

func (f *failures) clear() { f.count, f.counted = 0, nil }
