package connectors

import (
	"sync/atomic"

	"github.com/ckpt-tool/ckpt/restore/engine"
)

// Discard is a sink that only counts (Flink: DiscardingSink). New is the operator of a sub-task.
type Discard struct{ records atomic.Int64 }

// New makes the operator of one sub-task.
func (d *Discard) New() engine.Operator { return (*discarding)(d) }

// Guarantee is what the sink promises: nothing can come twice of what is thrown away.
func (*Discard) Guarantee() engine.Guarantee { return engine.ExactlyOnce }

// Records is how many records have come, in all sub-tasks and attempts.
func (d *Discard) Records() int64 { return d.records.Load() }

type discarding Discard

// Open implements engine.Operator.
func (*discarding) Open(*engine.Context) error { return nil }

// Process implements engine.Operator.
func (d *discarding) Process(_ int, b *engine.Batch, _ *engine.Output) error {
	d.records.Add(int64(b.N))
	b.Release()
	return nil
}

// Close implements engine.Operator.
func (*discarding) Close() error { return nil }
