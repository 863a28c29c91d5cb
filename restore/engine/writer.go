package engine

import "context"

// receiver is where the output of an operator goes: the next operator of the chain, or a writer.
type receiver interface {
	batch(b *Batch) error
	// event passes on what is no record and no barrier.
	event(e element) error
}

// target is one channel of a task downstream.
type target struct {
	gate    *gate
	channel int
	pending *Batch
}

// writer divides batches among the sub-tasks of the next node (Flink: RecordWriter).
type writer struct {
	ctx     context.Context
	targets []target
	pool    *pool
	size    int
	divide  func(b *Batch) error

	turn    int     // of rebalance: the target that had the latest batch
	keyer   *keyer  // of hash
	owner   []int32 // which target a key group belongs to
	to      []int32 // scratch: the target of each record
	counts  []int32 // scratch: how many records of a batch a target gets
	vectors []Vector
}

func newWriter(ctx context.Context, s *Schema, size int, targets []target) *writer {
	return &writer{ctx: ctx, targets: targets, pool: newPool(s, size), size: size}
}

func (w *writer) batch(b *Batch) error { return w.divide(b) }

// event flushes, so that it keeps its place behind the records before it, and goes to all.
func (w *writer) event(e element) error {
	if err := w.flush(); err != nil {
		return err
	}
	for i := range w.targets {
		if err := w.targets[i].gate.put(w.ctx, w.targets[i].channel, e); err != nil {
			return err
		}
	}
	return nil
}

// flush sends what waits for more.
func (w *writer) flush() error {
	for i := range w.targets {
		if err := w.send(i); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) send(i int) error {
	t := &w.targets[i]
	b := t.pending
	if b == nil || b.N == 0 {
		return nil
	}
	t.pending = nil
	return t.gate.put(w.ctx, t.channel, element{kind: records, batch: b})
}

// manyKeys is how many bytes of keys a batch may have before it gets no more records.
const manyKeys = 1 << 24

// room makes pending of a target a batch with room for n records, as far as a batch can have it.
func (w *writer) room(i, n int) error {
	t := &w.targets[i]
	if t.pending != nil && (t.pending.N+n > w.size || len(t.pending.Keys) > manyKeys) {
		if err := w.send(i); err != nil {
			return err
		}
	}
	if t.pending == nil {
		t.pending = w.pool.get()
	}
	return nil
}

// add gives a whole batch to a target: a large one as it is, small ones gathered.
func (w *writer) add(i int, b *Batch) error {
	t := &w.targets[i]
	if b.N*2 >= w.size {
		if err := w.send(i); err != nil {
			return err
		}
		return t.gate.put(w.ctx, t.channel, element{kind: records, batch: b})
	}
	if err := w.room(i, b.N); err != nil {
		return err
	}
	t.pending.appendBatch(b)
	b.Release()
	if t.pending.N == w.size {
		return w.send(i)
	}
	return nil
}

func (w *writer) forward(b *Batch) error { return w.add(0, b) }

// rebalance deals batches out in turn. Small ones go to one target until it has enough of them, or they were flushed.
func (w *writer) rebalance(b *Batch) error {
	if p := w.targets[w.turn].pending; p == nil || p.N == 0 { // what was gathered for it is sent
		w.turn = (w.turn + 1) % len(w.targets)
	}
	return w.add(w.turn, b)
}

func (w *writer) broadcast(b *Batch) error {
	last := len(w.targets) - 1
	for i := range last {
		if err := w.add(i, b.Clone()); err != nil {
			return err
		}
	}
	return w.add(last, b)
}
