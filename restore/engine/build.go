package engine

import (
	"context"
	"slices"

	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/restore/coordinator"
)

// build makes the tasks of all chains, those downstream first, so that each finds the gates it writes to.
func (a *attempt) build() (err error) {
	chains := a.job.chains()
	made := map[*chain][]*task{}
	for i := len(chains) - 1; i >= 0; i-- {
		c := chains[i]
		made[c] = make([]*task, c.parallelism)
		for sub := range c.parallelism {
			if made[c][sub], err = a.newTask(c, sub); err != nil {
				return err
			}
		}
	}
	for _, c := range chains {
		a.wire(c, chains, made)
		for _, t := range made[c] {
			a.tasks = append(a.tasks, t)
			a.byID[t.id] = t
		}
	}
	return nil
}

func (a *attempt) newTask(c *chain, sub int) (*task, error) {
	t := &task{
		id:    coordinator.TaskID{Vertex: c.id(), Subtask: int32(sub), Attempt: a.number},
		chain: c, subtask: sub, parallelism: c.parallelism, attempt: a, ctx: a.ctx, mail: newMailbox(),
		alignments: map[int64]alignment{}, snapshots: map[int64]context.CancelFunc{},
	}
	t.flushMail = func() error {
		t.flushing.Store(false)
		return t.flush()
	}
	t.progress.watermark.Store(NoTime)
	for _, n := range c.nodes {
		if n.Source != nil {
			t.source = newSourceRun(t, n)
			continue
		}
		r, err := newOpRun(t, n)
		if err != nil {
			return nil, err
		}
		t.ops = append(t.ops, r)
	}
	if t.source == nil {
		var inputs []int
		for i, e := range c.nodes[0].Inputs {
			for range a.channels(c.nodes[0], e) {
				inputs = append(inputs, i)
			}
		}
		t.gate = newGate(inputs, a.config.QueueLength, t.mail.wake)
		t.aligner = newAligner(len(inputs), a.config.Checkpointing.Mode == coordinator.AtLeastOnce)
		t.valve = newValve(len(inputs))
	}
	return t, nil
}

// channels is how many channels a sub-task has for one of its inputs.
func (a *attempt) channels(n *Node, e Edge) int {
	if a.job.exchange(n, e) == Forward {
		return 1
	}
	return a.job.parallelism(e.From)
}

// wire connects the nodes of a chain to those that read from them.
func (a *attempt) wire(c *chain, chains []*chain, made map[*chain][]*task) {
	for _, t := range made[c] {
		for _, n := range c.nodes {
			to := t.outletOf(n)
			for _, r := range t.ops {
				if a.job.chained(r.node) && r.node.Inputs[0].From == n {
					to.next = append(to.next, r)
				}
			}
		}
	}
	for _, down := range chains {
		head, first := down.nodes[0], 0
		for _, e := range head.Inputs {
			for _, t := range made[c] {
				if slices.Contains(t.chain.nodes, e.From) {
					t.outletOf(e.From).add(a.newWriter(t, head, e, made[down], first))
				}
			}
			first += a.channels(head, e)
		}
	}
}

func (o *outlet) add(w *writer) { o.next = append(o.next, w) }

func (t *task) outletOf(n *Node) *outlet {
	if t.source != nil && t.source.node == n {
		return &t.source.to
	}
	for _, r := range t.ops {
		if r.node == n {
			return &r.to
		}
	}
	return nil
}

// newWriter is from a task to the tasks of the node that reads; first is the first channel of the input there.
func (a *attempt) newWriter(t *task, to *Node, e Edge, readers []*task, first int) *writer {
	x := a.job.exchange(to, e)
	var targets []target
	if x == Forward {
		targets = []target{{gate: readers[t.subtask].gate, channel: first}}
	} else {
		for _, r := range readers {
			targets = append(targets, target{gate: r.gate, channel: first + t.subtask})
		}
	}
	w := newWriter(t.ctx, e.From.Output, a.config.BatchSize, targets)
	switch x {
	case Forward:
		w.divide = w.forward
	case Rebalance:
		w.divide, w.turn = w.rebalance, (t.subtask+len(targets)-1)%len(targets) // so that each sub-task begins with another
	case Broadcast:
		w.divide = w.broadcast
	case Hash:
		w.divide = w.hash
		w.byKey(e, a.assignment.Operators[to.operatorID()].MaxParallelism)
	}
	t.writers = append(t.writers, w)
	return w
}

// byKey prepares a writer for hash.
func (w *writer) byKey(e Edge, maxParallelism int32) {
	w.keyer = newKeyer(e.From.Output, e.Key, maxParallelism)
	w.owner = make([]int32, maxParallelism)
	for kg := range w.owner {
		w.owner[kg] = keygroups.Subtask(int32(kg), maxParallelism, int32(len(w.targets)))
	}
	w.counts, w.vectors = make([]int32, len(w.targets)), make([]Vector, len(w.targets))
}
