package engine

import (
	"context"
	"sync"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/restore/coordinator"
)

// element is what runs in a channel (Flink: StreamElement, and the events of network channels).
type element struct {
	kind    elementKind
	batch   *Batch
	ts      int64 // of a watermark
	barrier *barrier
}

type elementKind uint8

const (
	records   elementKind = iota
	watermark             // ts
	idle                  // no records for some time; they hold nobody up
	active                // after idle
	barriers              // barrier
	endOfData             // no records any more (Flink: EndOfData). Barriers may follow
)

// barrier is that of one checkpoint (Flink: CheckpointBarrier), with what each task needs to take it.
type barrier struct {
	meta    coordinator.CheckpointMetaData
	options coordinator.CheckpointOptions
	streams backends.Streams
}

// gate is the input of a task: a bounded queue for each sub-task that sends to it (Flink: InputGate). Only batches are counted
// against the bound; events always find room, so that a barrier need not wait for it.
type gate struct {
	mu       sync.Mutex
	channels []channel
	next     int           // where to look first
	waiting  bool          // the reader found nothing
	ended    bool          // nobody reads any more
	wake     chan struct{} // of the task, with room for one
	limit    int
}

// channel is a ring of elements.
type channel struct {
	ring    []element
	head, n int
	batches int
	blocked bool // held back for an alignment
	full    bool // its sender waits for space
	space   chan struct{}
	input   int // of the operator
}

func newGate(inputs []int, limit int, wake chan struct{}) *gate {
	g := &gate{channels: make([]channel, len(inputs)), wake: wake, limit: limit}
	for i, input := range inputs {
		g.channels[i] = channel{ring: make([]element, limit+2), space: make(chan struct{}, 1), input: input}
	}
	return g
}

// put adds an element to a channel, which has one sender. With a batch it waits for room until ctx ends. Where nobody reads any more the element
// is dropped.
func (g *gate) put(ctx context.Context, ch int, e element) error {
	c := &g.channels[ch]
	g.mu.Lock()
	for e.kind == records && c.batches >= g.limit && !g.ended {
		c.full = true
		g.mu.Unlock()
		select {
		case <-c.space:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		g.mu.Lock()
	}
	if g.ended {
		g.mu.Unlock()
		return nil
	}
	c.push(e)
	wake := g.waiting && !c.blocked
	if wake {
		g.waiting = false
	}
	g.mu.Unlock()
	if wake {
		rouse(g.wake)
	}
	return nil
}

// rouse wakes who waits for c, or will.
func rouse(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// poll takes the next element of a channel that is not blocked, channel by channel in turn.
func (g *gate) poll() (ch int, e element, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for range g.channels {
		ch = g.next
		if g.next++; g.next == len(g.channels) {
			g.next = 0
		}
		if c := &g.channels[ch]; c.n > 0 && !c.blocked {
			return ch, c.pop(g.limit), true
		}
	}
	g.waiting = true
	return 0, element{}, false
}

// end says that nobody reads any more, and lets go who waits for room.
func (g *gate) end() {
	g.mu.Lock()
	g.ended = true
	for i := range g.channels {
		rouse(g.channels[i].space)
	}
	g.mu.Unlock()
}

func (g *gate) block(ch int) {
	g.mu.Lock()
	g.channels[ch].blocked = true
	g.mu.Unlock()
}

func (g *gate) unblock() {
	g.mu.Lock()
	for i := range g.channels {
		g.channels[i].blocked = false
	}
	g.mu.Unlock()
}

func (c *channel) push(e element) {
	if c.n == len(c.ring) {
		larger := make([]element, 2*c.n)
		for i := range c.n {
			larger[i] = c.ring[(c.head+i)%c.n]
		}
		c.ring, c.head = larger, 0
	}
	c.ring[(c.head+c.n)%len(c.ring)] = e
	c.n++
	if e.kind == records {
		c.batches++
	}
}

// pop takes the first element, of which there is one. A sender that waits goes on when half of the room is free: waking it for
// each batch would cost more than the batch.
func (c *channel) pop(limit int) element {
	e := c.ring[c.head]
	c.ring[c.head] = element{}
	if c.head++; c.head == len(c.ring) {
		c.head = 0
	}
	c.n--
	if e.kind == records {
		c.batches--
		if c.full && c.batches <= limit/2 {
			c.full = false
			rouse(c.space)
		}
	}
	return e
}
