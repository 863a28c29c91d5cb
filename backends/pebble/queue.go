package pebble

import (
	"slices"
	"sync"
)

// queue is what is to be written, in the order of epochs.
type queue struct {
	mu     sync.Mutex
	change sync.Cond
	jobs   []job
	busy   bool // a job is under way
	closed bool
}

// job writes one epoch, and then makes what a snapshot needs.
type job struct {
	frozen
	snapshot *snapshot // or nil
}

func (q *queue) init() { q.change.L = &q.mu }

func (q *queue) add(j job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs = append(q.jobs, j)
	q.change.Broadcast()
}

// next waits for a job; false when the queue is closed.
func (q *queue) next() (job, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.busy = false
	q.change.Broadcast()
	for len(q.jobs) == 0 && !q.closed {
		q.change.Wait()
	}
	if q.closed {
		return job{}, false
	}
	j := q.jobs[0]
	q.jobs = slices.Delete(q.jobs, 0, 1) // which lets go of it, too
	q.busy = true
	return j, true
}

// idle is whether there is nothing to write.
func (q *queue) idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.jobs) == 0 && !q.busy
}

// wait waits until all is written, or the store is broken.
func (q *queue) wait(s *Store) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for (len(q.jobs) > 0 || q.busy) && s.health() == nil {
		q.change.Wait()
	}
	return s.health()
}

func (q *queue) wake() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.change.Broadcast()
}

// close ends the queue, and waits for the job under way. What was not begun is told that it will not be.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.change.Broadcast()
	for q.busy {
		q.change.Wait()
	}
	for _, j := range q.jobs {
		if j.snapshot != nil {
			j.snapshot.made(ErrClosed)
		}
	}
	q.jobs = nil
}
