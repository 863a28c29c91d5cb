package engine

import (
	"errors"

	"github.com/ckpt-tool/ckpt/backends"
)

// opRun is one operator of a chain in one sub-task: it calls the Operator and passes on what that emits.
type opRun struct {
	t     *task
	node  *Node
	op    Operator
	ctx   *Context
	out   *Output
	to    outlet
	keyed backends.Keyed
	state backends.Operator

	services  []*timerService
	opening   bool // Open was called
	watermark int64
}

func newOpRun(t *task, n *Node) (*opRun, error) {
	r := &opRun{t: t, node: n, to: outlet{schema: n.Output}, watermark: NoTime}
	stack, err := guarded(func() error {
		if r.op = n.Operator(); r.op == nil {
			return SuppressRestarts(errors.New("its function makes no operator"))
		}
		return nil
	})
	if err != nil {
		return nil, r.failed(err, stack)
	}
	size := t.attempt.config.BatchSize
	r.out = &Output{schema: n.Output, full: size, pool: newPool(n.Output, size)}
	r.out.emit = r.emit
	return r, nil
}

func (r *opRun) emit(b *Batch) error {
	if r.node.Output == nil {
		return errors.New("a record was emitted by a sink, which has no output")
	}
	return r.to.emit(b)
}

// call runs f as this operator, so that an error or a panic is told as its own, and passes on the rows it has emitted.
func (r *opRun) call(f func() error) error {
	before := r.t.at
	r.t.at = r
	err := f()
	if err == nil {
		err = r.out.flush()
	}
	if err != nil {
		return r.failed(err, nil)
	}
	r.t.at = before
	return nil
}

// failed names the operator, unless one further down the chain was named.
func (r *opRun) failed(err error, stack []byte) error { return r.t.failed(r.node, err, stack) }

func (r *opRun) process(input int, b *Batch) error {
	before := r.t.at
	r.t.at = r
	err := r.op.Process(input, b, r.out)
	if err == nil {
		err = r.out.flush()
	}
	if err != nil {
		return r.failed(err, nil)
	}
	r.t.at = before
	return nil
}

// batch implements receiver, for an operator that is chained to another.
func (r *opRun) batch(b *Batch) error { return r.process(0, b) }

// event implements receiver.
func (r *opRun) event(e element) error {
	switch e.kind {
	case watermark:
		if err := r.advance(e.ts); err != nil {
			return err
		}
	case endOfData:
		if err := r.end(); err != nil {
			return err
		}
	}
	return r.to.event(e)
}

// advance lets event time pass: timers first, then the operator.
func (r *opRun) advance(ts int64) error {
	if ts <= r.watermark {
		return nil
	}
	r.watermark = ts
	for _, s := range r.services {
		if err := s.fireEvent(ts); err != nil {
			return err
		}
	}
	w, ok := r.op.(Watermarker)
	if !ok {
		return nil
	}
	return r.call(func() error { return w.Watermark(ts, r.out) })
}

func (r *opRun) end() error {
	if e, ok := r.op.(Ender); ok {
		return r.call(func() error { return e.EndOfInput(r.out) })
	}
	return nil
}
