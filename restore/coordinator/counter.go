package coordinator

import "sync"

// CheckpointIDCounter gives ids, to checkpoints and savepoints alike (Flink: CheckpointIDCounter). The first is 1.
type CheckpointIDCounter struct {
	mu   sync.Mutex
	next int64
}

// NewCheckpointIDCounter is a counter that begins with 1.
func NewCheckpointIDCounter() *CheckpointIDCounter { return &CheckpointIDCounter{next: 1} }

// GetAndIncrement is the next id.
func (c *CheckpointIDCounter) GetAndIncrement() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next++
	return c.next - 1
}

// Get is the id that comes next.
func (c *CheckpointIDCounter) Get() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.next
}

// SetCount says which id comes next.
func (c *CheckpointIDCounter) SetCount(next int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next = next
}
