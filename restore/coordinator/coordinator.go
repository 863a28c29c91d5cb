package coordinator

import (
	"fmt"
	"slices"
	"time"

	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore/checkpoints"
)

// CheckpointCoordinator takes the checkpoints of one job (Flink: CheckpointCoordinator). All methods may be called from any
// goroutine. It holds no lock while it calls the Gateway, the storage, a hook or a future's functions, and has no goroutines:
// what takes long runs in the Executor, what comes later in the Clock.
type CheckpointCoordinator struct {
	o Options
	loop

	running  map[TaskID]int // to the place of the vertex
	finished map[TaskID]int

	pending map[int64]*PendingCheckpoint
	ended   endings
	first   int64 // id of this coordinator's

	queue      []*request
	seq        int
	triggering bool
	periodic   bool
	generation int // of the periodic timer
	stopTimer  func() bool
	lastEnd    time.Time // when the latest checkpoint was completed

	writing  *PendingCheckpoint   // `_metadata` is being written
	acked    []*PendingCheckpoint // wait for that
	unblock  []func()             // wait until nothing is being written
	clearing int                  // `_metadata` that are being deleted as they should never have been written
	failures failures
	full     bool // the first checkpoint after NO_CLAIM is still to come
	begun    bool // a checkpoint was triggered
	initial  *InitialRestore

	shutdown *Future[*ShutdownReport]
	status   JobStatus
	stage    shutdownStage
	moving   bool // to the next stage
	kept     []*CompletedCheckpoint
}

// New makes a coordinator, for a job without tasks so far.
func New(o Options) (*CheckpointCoordinator, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	c := &CheckpointCoordinator{o: o, pending: map[int64]*PendingCheckpoint{}, running: map[TaskID]int{}, finished: map[TaskID]int{}}
	c.failures.tolerable = o.Config.TolerableFailures
	c.ended = endings{of: map[int64]ending{}}
	o.Cleaner.changed = func() { c.do(c.cleaned) }
	if o.Config.PreferCheckpoint {
		o.Log.Warn("prefer-checkpoint-for-recovery has no effect: Flink dropped it, as it may lose or repeat output. The latest completed checkpoint is restored.")
	}
	return c, nil
}

// SetTasks says which tasks make up the job from now on, one for each sub-task of each vertex. Checkpoints that others were part of
// are aborted.
func (c *CheckpointCoordinator) SetTasks(tasks []TaskID) {
	c.do(func() {
		c.running, c.finished = map[TaskID]int{}, map[TaskID]int{}
		for _, t := range tasks {
			if v := c.vertex(t); v >= 0 {
				c.running[t] = v
			}
		}
		c.abortWhere(JobFailoverRegion, nil, func(p *PendingCheckpoint) bool {
			return slices.ContainsFunc(p.plan, func(t TaskID) bool { _, ok := c.running[t]; return !ok })
		})
	})
}

// TaskFinished says that a task has come to its end. Later checkpoints do without it; one that it has not answered is aborted, as its
// answer will not come.
func (c *CheckpointCoordinator) TaskFinished(t TaskID) {
	c.do(func() {
		v, ok := c.running[t]
		if !ok {
			return
		}
		delete(c.running, t)
		c.finished[t] = v
		c.abortWhere(DeclinedTaskClosing, nil, func(p *PendingCheckpoint) bool { return p.waitsFor(t) })
	})
}

// TaskFailed says that a task has failed: no checkpoint begins before SetTasks, and those that wait for it are aborted
// (Flink: failUnacknowledgedPendingCheckpointsFor).
func (c *CheckpointCoordinator) TaskFailed(t TaskID, cause error) {
	c.do(func() {
		if _, ok := c.running[t]; !ok {
			return
		}
		delete(c.running, t)
		c.abortWhere(TaskFailure, cause, func(p *PendingCheckpoint) bool { return p.waitsFor(t) })
	})
}

// AbortPending aborts all pending checkpoints and savepoints, but for one whose `_metadata` is being written.
func (c *CheckpointCoordinator) AbortPending(reason FailureReason, cause error) {
	c.do(func() { c.abortWhere(reason, cause, func(*PendingCheckpoint) bool { return true }) })
}

// vertex is the place of a task's vertex, -1 where it has none.
func (c *CheckpointCoordinator) vertex(t TaskID) int {
	return slices.IndexFunc(c.o.Vertices, func(v Vertex) bool {
		return v.ID == t.Vertex && t.Subtask >= 0 && t.Subtask < v.Parallelism
	})
}

// checkTasks refuses a set of tasks that is not one for each sub-task of the job.
func (c *CheckpointCoordinator) checkTasks(tasks []TaskID) error {
	seen := map[TaskID]bool{}
	for _, t := range tasks {
		if c.vertex(t) < 0 {
			return fmt.Errorf("task %s/%d is none of the job's", t.Vertex, t.Subtask)
		}
		t.Attempt = 0
		seen[t] = true
	}
	if n := c.parallelism(); len(seen) != n || len(tasks) != n {
		return fmt.Errorf("%d tasks for a job with %d sub-tasks", len(tasks), n)
	}
	return nil
}

// parallelism is the number of all sub-tasks.
func (c *CheckpointCoordinator) parallelism() (n int) {
	for i := range c.o.Vertices {
		n += int(c.o.Vertices[i].Parallelism)
	}
	return n
}

// allRunning is whether each sub-task is there, and one is not finished.
func (c *CheckpointCoordinator) allRunning() bool {
	return len(c.running) > 0 && len(c.running)+len(c.finished) == c.parallelism()
}

// NumberOfPendingCheckpoints counts checkpoints and savepoints that have begun and not ended.
func (c *CheckpointCoordinator) NumberOfPendingCheckpoints() (n int) {
	c.do(func() { n = len(c.pending) })
	return n
}

// NumberOfRetainedSuccessfulCheckpoints counts those that the job may fall back to.
func (c *CheckpointCoordinator) NumberOfRetainedSuccessfulCheckpoints() int { return c.o.Store.Len() }

// SuccessfulCheckpoints are those that the job may fall back to, oldest first.
func (c *CheckpointCoordinator) SuccessfulCheckpoints() []*CompletedCheckpoint {
	return c.o.Store.All()
}

// Stats are the statistics.
func (c *CheckpointCoordinator) Stats() StatsSnapshot { return c.o.Stats.Snapshot() }

// Left is what could not be deleted so far.
func (c *CheckpointCoordinator) Left() []Leftover { return c.o.Cleaner.Left() }

// endings remembers how the latest checkpoints ended, to know what to do with answers that come late.
type endings struct {
	of    map[int64]ending
	order []int64
}

type ending struct {
	completed, savepoint bool
	dir                  string // the checkpoint's own
}

// remembered is how many endings are kept: more than answers can be late.
const remembered = 256

// add remembers a checkpoint, and gives the id of a savepoint that is forgotten for it, 0 for none.
func (e *endings) add(id int64, of ending) (forgotten int64) {
	if len(e.order) == remembered {
		oldest := e.order[0]
		if o := e.of[oldest]; o.savepoint && o.completed {
			forgotten = oldest
		}
		delete(e.of, oldest)
		e.order = e.order[1:]
	}
	e.of[id] = of
	e.order = append(e.order, id)
	return forgotten
}

// PendingCheckpoint is one that is under way (Flink: PendingCheckpoint).
type PendingCheckpoint struct {
	id      int64
	at      time.Time
	props   CheckpointProperties
	future  *Future[*CompletedCheckpoint]
	loc     checkpoints.Location // nil until the storage gave one
	plan    []TaskID             // who has to answer
	open    map[TaskID]bool      // who has not yet
	ends    []TaskID             // finished before
	states  map[metadata.OperatorID]map[int32]metadata.SubtaskState
	masters []metadata.MasterState
	stop    func() bool // of the timeout
	phase   phase
	tried   bool // `_metadata` may have been written
	stats   *CheckpointStats
}

// phase is how far a pending checkpoint is.
type phase uint8

const (
	creating phase = iota // the storage and the hooks are asked
	waiting               // for answers
	answered              // by all; another one is being written
	writing               // `_metadata`: from here on only the storage decides
	over
)

// waitsFor is whether the answer of t is missing.
func (p *PendingCheckpoint) waitsFor(t TaskID) bool { return p.phase < writing && p.open[t] }

// dir is the checkpoint's own directory, "" where there is none.
func (p *PendingCheckpoint) dir() string {
	if p.loc == nil {
		return ""
	}
	return p.loc.Exclusive()
}
