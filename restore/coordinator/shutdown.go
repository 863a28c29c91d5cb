package coordinator

import (
	"slices"
)

// ShutdownReport is what a job leaves behind.
type ShutdownReport struct {
	Status JobStatus
	// Retained are the checkpoints that stay, oldest first; a snapshot that the job was restored from among them, where it was not subsumed
	// and is not deleted.
	Retained []*CompletedCheckpoint
	// Left is what should have been deleted, and could not be.
	Left []Leftover
}

type shutdownStage uint8

const (
	draining   shutdownStage = iota // what is under way ends
	discarding                      // what is not retained is deleted
	retrying                        // once more
	ended
)

// Shutdown ends the coordinator with the job's last status. Pending checkpoints are aborted, one whose `_metadata` is being written
// is waited for, and what the retention does not keep is deleted:
//
//	policy                          FINISHED  CANCELED  FAILED  SUSPENDED
//	NEVER_RETAIN_AFTER_TERMINATION  delete    delete    delete  delete
//	RETAIN_ON_FAILURE               delete    delete    keep    delete
//	RETAIN_ON_CANCELLATION          delete    keep      keep    keep
//
// Savepoints stay, and so does what the job was restored from with NO_CLAIM or LEGACY. Unlike Flink, SUSPENDED and a restored
// snapshot that stays leave no files of deleted checkpoints behind in shared/.
//
// Tasks should have ended before; answers that come later are still taken care of. A second call gives the same future.
func (c *CheckpointCoordinator) Shutdown(status JobStatus) *Future[*ShutdownReport] {
	var f *Future[*ShutdownReport]
	c.do(func() {
		if f = c.shutdown; f != nil {
			return
		}
		f = newFuture[*ShutdownReport]()
		c.shutdown, c.status = f, status
		c.periodic = false
		c.unschedule()
		c.abortQueued(CoordinatorShutdown, nil)
		c.abortWhere(CoordinatorShutdown, nil, func(*PendingCheckpoint) bool { return true })
		c.move()
	})
	return f
}

// IsShutdown is whether Shutdown was called.
func (c *CheckpointCoordinator) IsShutdown() (yes bool) {
	c.do(func() { yes = c.shutdown != nil })
	return yes
}

// cleaned is called when files were deleted.
func (c *CheckpointCoordinator) cleaned() {
	c.next()
	c.progress()
}

// progress takes a shutdown on.
func (c *CheckpointCoordinator) progress() {
	if c.shutdown == nil || c.moving || c.triggering || c.writing != nil || c.o.Cleaner.NumberOfCheckpointsToClean() > 0 {
		return
	}
	switch c.stage {
	case draining:
		c.stage = discarding
		c.discardAll()
	case discarding:
		c.stage = retrying
		c.later(c.o.Cleaner.retry)
	case retrying:
		c.stage = ended
		report := &ShutdownReport{Status: c.status, Retained: c.kept, Left: c.o.Cleaner.Left()}
		c.later(func() { c.shutdown.complete(report, nil) })
		return
	default:
		return
	}
	c.move()
}

// move goes on with a shutdown when all that was asked for so far has begun.
func (c *CheckpointCoordinator) move() {
	c.moving = true
	c.later(func() {
		c.do(func() {
			c.moving = false
			c.progress()
		})
	})
}

// discardAll deletes what is not retained: one after another, and one that was claimed at the end, as the others may use files in its
// directory.
func (c *CheckpointCoordinator) discardAll() {
	var discard []*CompletedCheckpoint
	for _, cc := range c.o.Store.clear() {
		if !cc.DiscardOnShutdown(c.status) {
			c.kept = append(c.kept, cc)
			continue
		}
		c.o.Registry.drop(cc.ID)
		c.o.Stats.discarded(cc.ID)
		discard = append(discard, cc)
	}
	slices.SortStableFunc(discard, func(a, b *CompletedCheckpoint) int {
		switch {
		case a.claimed == b.claimed:
			return 0
		case a.claimed:
			return 1
		}
		return -1
	})
	c.later(func() { c.o.Cleaner.inOrder(discard) })
}
