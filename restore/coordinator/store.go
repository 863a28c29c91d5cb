package coordinator

import (
	"slices"
	"sync"
)

// CompletedCheckpointStore holds the checkpoints that the job may fall back to, oldest first, in memory (Flink:
// StandaloneCompletedCheckpointStore, CheckpointSubsumeHelper). Savepoints that were triggered are not in it; one that the job was
// restored from is, and takes a slot.
type CompletedCheckpointStore struct {
	mu   sync.Mutex
	max  int
	list []*CompletedCheckpoint
}

// NewCompletedCheckpointStore keeps at most max checkpoints, at least one.
func NewCompletedCheckpointStore(max int) *CompletedCheckpointStore {
	if max < 1 {
		max = 1
	}
	return &CompletedCheckpointStore{max: max}
}

// Add appends c, and gives those that it subsumes: they are dropped from the store, oldest first.
//
// The newest one never is, nor the latest that is no savepoint, as the next incremental checkpoint builds upon it. Savepoints (restored ones) go
// freely.
func (s *CompletedCheckpointStore) Add(c *CompletedCheckpoint) (dropped []*CompletedCheckpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, c)
	var latest *CompletedCheckpoint
	for _, o := range s.list {
		if !o.Properties.Type.IsSavepoint() {
			latest = o
		}
	}
	excess := len(s.list) - s.max
	s.list = slices.DeleteFunc(s.list, func(o *CompletedCheckpoint) bool {
		if excess <= 0 || o == c {
			return false
		}
		if o == latest && !c.Properties.Type.IsSynchronous() {
			return false
		}
		excess--
		dropped = append(dropped, o)
		return true
	})
	return dropped
}

// Latest is the newest one, or nil.
func (s *CompletedCheckpointStore) Latest() *CompletedCheckpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) == 0 {
		return nil
	}
	return s.list[len(s.list)-1]
}

// All gives them, oldest first.
func (s *CompletedCheckpointStore) All() []*CompletedCheckpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.list)
}

// Len is how many there are, MaxRetained how many there may be.
func (s *CompletedCheckpointStore) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.list)
}

// MaxRetained is how many checkpoints are kept (execution.checkpointing.num-retained).
func (s *CompletedCheckpointStore) MaxRetained() int { return s.max }

// clear empties the store and gives what was in it.
func (s *CompletedCheckpointStore) clear() []*CompletedCheckpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.list
	s.list = nil
	return list
}
