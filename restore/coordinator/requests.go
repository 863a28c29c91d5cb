package coordinator

import "slices"

// request asks for a checkpoint (Flink: CheckpointTriggerRequest).
type request struct {
	props    CheckpointProperties
	target   string
	periodic bool
	seq      int
	future   *Future[*CompletedCheckpoint]
}

// before is the order in which requests are served (Flink: CheckpointRequestDecider).
func (r *request) before(o *request) int {
	for _, first := range [...]func(*request) bool{
		func(r *request) bool { return r.props.Type.IsSavepoint() },
		func(r *request) bool { return r.props.Forced },
		func(r *request) bool { return !r.periodic },
	} {
		if first(r) != first(o) {
			if first(r) {
				return -1
			}
			return 1
		}
	}
	return r.seq - o.seq
}

// maxQueued is how many requests may wait (Flink: CheckpointRequestDecider.DEFAULT_MAX_QUEUED_REQUESTS).
const maxQueued = 1000

// enqueue takes a request in.
func (c *CheckpointCoordinator) enqueue(r *request) {
	if c.shutdown != nil {
		c.notBegun(r, &CheckpointError{Reason: CoordinatorShutdown})
		return
	}
	c.seq++
	r.seq = c.seq
	i, _ := slices.BinarySearchFunc(c.queue, r, (*request).before)
	c.queue = slices.Insert(c.queue, i, r)
	if n := len(c.queue); n > maxQueued {
		last := c.queue[n-1]
		c.queue = c.queue[:n-1]
		c.notBegun(last, &CheckpointError{Reason: TooManyCheckpointRequests})
	}
	c.next()
}

// next starts the first request, if it may.
func (c *CheckpointCoordinator) next() {
	for c.shutdown == nil && !c.triggering && len(c.queue) > 0 {
		// Failure story 8: deletes are slower than checkpoints. Those to come wait, or there would be ever more files.
		if c.o.Cleaner.NumberOfCheckpointsToClean() > c.o.Config.MaxConcurrent {
			return
		}
		r := c.queue[0]
		if len(c.pending) >= c.o.Config.MaxConcurrent && !r.props.Forced {
			return
		}
		c.queue = c.queue[1:]
		if !r.props.Forced && r.periodic && !c.lastEnd.IsZero() {
			if pause := c.lastEnd.Add(c.o.Config.MinPause).Sub(c.o.Clock.Now()); pause > 0 {
				c.later(func() { r.future.complete(nil, &CheckpointError{Reason: MinimumTimeBetweenCheckpoints}) })
				if c.periodic {
					c.schedule(pause)
				}
				continue
			}
		}
		c.start(r)
	}
}

// abortQueued answers requests that have not begun: all, or those of a kind. They never were checkpoints, and do not count as failed ones.
func (c *CheckpointCoordinator) abortQueued(reason FailureReason, which func(*request) bool) {
	c.queue = slices.DeleteFunc(slices.Clone(c.queue), func(r *request) bool {
		if which != nil && !which(r) {
			return false
		}
		c.later(func() { r.future.complete(nil, &CheckpointError{Reason: reason}) })
		return true
	})
}
