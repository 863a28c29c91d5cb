package coordinator

import (
	"errors"
	"fmt"

	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore"
)

// InitialRestore is the snapshot that a job begins with.
type InitialRestore struct {
	Checkpoint *metadata.Checkpoint
	Pointer    string // URL of its directory
	ClaimMode  restore.ClaimMode
	// AllowNonRestored is whether master states may be left that no hook takes.
	AllowNonRestored bool
}

// Restored is a checkpoint that tasks are to begin with. It is for the engine to assign its state (restore.Assign).
type Restored struct {
	*CompletedCheckpoint
	// Exclusive is the URL of the directory that relative handles are meant below.
	Exclusive string
	// NoClaim is whether no snapshot may refer to its files.
	NoClaim bool
}

// RestoreInitial makes a snapshot the one that the job falls back to until there is a newer one (Flink: restoreSavepoint). Ids go on
// behind its own. It comes before the first checkpoint; RestoreLatestCheckpointedStateToAll then gives it.
//
//	CLAIM     the job's from now on: deleted once subsumed, or as the retention says
//	NO_CLAIM  the user's: no file of it is ever deleted, and no checkpoint refers to one
//	LEGACY    nobody's: no file of it is ever deleted, and checkpoints may refer to them
func (c *CheckpointCoordinator) RestoreInitial(r InitialRestore) error {
	if r.Checkpoint == nil || r.Checkpoint.ID < 0 {
		return errors.New("restore: no checkpoint")
	}
	cc := &CompletedCheckpoint{
		Job: c.o.Job, ID: r.Checkpoint.ID, CompletionTime: c.o.Clock.Now(), ExternalPointer: r.Pointer, exclusive: r.Pointer,
		OperatorStates: r.Checkpoint.Operators, MasterStates: r.Checkpoint.MasterStates, version: r.Checkpoint.Version, Restored: true,
	}
	whose := owned
	switch r.ClaimMode {
	case restore.Claim:
		cc.Properties, cc.claimed = PropertiesForCheckpoint(c.o.Config.Retention, Checkpoint), true
	case restore.Legacy:
		cc.Properties = CheckpointProperties{Type: Savepoint}
		whose = unclaimed
	default:
		cc.Properties = CheckpointProperties{Type: Savepoint, Unclaimed: true}
		whose = foreign
	}
	var err error
	c.do(func() {
		if c.begun || c.triggering || c.initial != nil || c.shutdown != nil {
			err = fmt.Errorf("restore of checkpoint %d: the job has begun already", cc.ID)
			return
		}
		c.initial = &r
		c.o.Registry.restored(cc.ID, cc.files(), whose)
		c.store(cc)
		c.o.IDCounter.SetCount(cc.ID + 1)
	})
	return err
}

// RestoreLatestCheckpointedStateToAll gives the checkpoint that all tasks are to begin with, once it is certain which one that is: the
// result is nil where there is none, and an error if errorIfNoCheckpoint (Flink: restoreLatestCheckpointedStateToAll). tasks are those to
// come, one for each sub-task. Tasks of before are gone: what they had pending is aborted, and no checkpoint begins until SetTasks says
// that the new ones run.
func (c *CheckpointCoordinator) RestoreLatestCheckpointedStateToAll(tasks []TaskID, errorIfNoCheckpoint bool) *Future[*Restored] {
	f := newFuture[*Restored]()
	c.do(func() {
		if err := c.checkTasks(tasks); err != nil {
			c.later(func() { f.complete(nil, err) })
			return
		}
		clear(c.running)
		clear(c.finished)
		c.abortWhere(JobFailoverRegion, nil, func(*PendingCheckpoint) bool { return true })
		// Failure story 17: tasks fail while `_metadata` is being written. It counts if it gets there: what sinks are to
		// commit belongs to it, and the next to look into the directory finds it.
		c.unblock = append(c.unblock, func() { c.restore(f, errorIfNoCheckpoint) })
		c.released()
	})
	return f
}

func (c *CheckpointCoordinator) restore(f *Future[*Restored], errorIfNone bool) {
	latest := c.o.Store.Latest()
	switch {
	case c.shutdown != nil:
		c.later(func() { f.complete(nil, &CheckpointError{Reason: CoordinatorShutdown}) })
		return
	case latest == nil && errorIfNone:
		c.later(func() { f.complete(nil, errors.New("no completed checkpoint is there to restore")) })
		return
	case latest != nil:
		c.full = latest.Properties.Unclaimed
		c.o.Stats.restore(&RestoredStats{ID: latest.ID, At: c.o.Clock.Now(), Savepoint: latest.Properties.Type.IsSavepoint(), Pointer: latest.ExternalPointer, StateSize: latest.Size()})
	}
	allowLeft := c.initial != nil && c.initial.AllowNonRestored
	c.later(func() {
		c.o.Executor.Execute(func() {
			if err := c.restoreHooks(latest, allowLeft); err != nil || latest == nil {
				f.complete(nil, err)
				return
			}
			f.complete(&Restored{CompletedCheckpoint: latest, Exclusive: latest.exclusive, NoClaim: latest.Properties.Unclaimed}, nil)
		})
	})
}
