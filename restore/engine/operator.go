package engine

import (
	"context"
	"log/slog"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
)

// Operator is what one sub-task of a node does with records (Flink: StreamOperator). One goroutine calls all methods, one at
// a time. An error fails the job, which may restart.
//
// The order is Open, then Process, Watermark, timers, Snapshot, CheckpointCompleted … in any order, then EndOfInput once each input
// has ended, and at last Close, which also comes after failures.
type Operator interface {
	// Open begins. State that was restored is there already, in what c gives (Flink: initializeState and open).
	Open(c *Context) error
	// Process handles records of an input, the first is 0.
	Process(input int, b *Batch, out *Output) error
	Close() error
}

// Watermarker is an Operator that wants to know of watermarks. Timers up to ts have fired before; the engine sends the
// watermark on afterwards.
type Watermarker interface {
	Watermark(ts int64, out *Output) error
}

// Ender is an Operator that has something to emit at the end of all input (Flink: BoundedOneInput). The
// watermark has been MaxWatermark before.
type Ender interface {
	EndOfInput(out *Output) error
}

// Checkpointed is an Operator with more state than the backends keep of themselves (Flink: CheckpointedFunction). Its initialise is Open.
type Checkpointed interface {
	// Snapshot brings what is in memory into the operator state of the Context. It is the synchronous part.
	Snapshot(checkpoint int64) error
}

// CheckpointListener is an Operator that is told what became of a checkpoint (Flink: CheckpointListener). Notice of a
// completed one may be missing: the next stands for all before. A failure in it fails the job.
type CheckpointListener interface {
	CheckpointCompleted(id int64) error
	CheckpointAborted(id int64) error
}

// FinalCommitter is an Operator that must see a checkpoint completed before the job may finish: a sink with two phases.
// A bounded job takes one last checkpoint then.
type FinalCommitter interface {
	NeedsFinalCheckpoint() bool
}

// RawKeyed is an Operator that writes keyed state in its own format (Flink: raw keyed state).
type RawKeyed interface {
	// SnapshotKeyGroup gives the bytes of one key group, nil for none. They are copied.
	SnapshotKeyGroup(checkpoint int64, kg int32) ([]byte, error)
	// RestoreKeyGroup is called before Open.
	RestoreKeyGroup(kg int32, data []byte) error
}

// Context is what an Operator knows of its place in the job (Flink: StreamingRuntimeContext).
type Context struct {
	context.Context // ends when the task is cancelled
	UID             string
	Operator        metadata.OperatorID
	Subtask         int
	Parallelism     int
	MaxParallelism  int
	// Restored is the id of the checkpoint that the state comes from, -1 where it begins anew.
	Restored int64
	// Keyed is nil but behind a hash exchange.
	Keyed  backends.Keyed
	State  backends.Operator
	Log    *slog.Logger
	Inputs []*Schema
	open   func(name string, namespace backends.Type, fire Fire) (Timers, error)
	clock  Clock
}

// Timers gives a service of timers by its name. fire is called with the timer's key as the current key. It is asked for in Open,
// of keyed operators only.
func (c *Context) Timers(name string, namespace backends.Type, fire Fire) (Timers, error) {
	return c.open(name, namespace, fire)
}

// Timers are the timers of one name (Flink: InternalTimerService). They are of the current key; a namespace is
// encoded. Each timer is there but once.
type Timers interface {
	// CurrentWatermark is that of the operator, all its inputs taken together; NoTime before the first.
	CurrentWatermark() int64
	RegisterEventTime(namespace []byte, ts int64) error
	RegisterProcessingTime(namespace []byte, ts int64) error
	DeleteEventTime(namespace []byte, ts int64) error
	DeleteProcessingTime(namespace []byte, ts int64) error
}

// Output takes what an operator emits. Event times and order stay as they are emitted.
type Output struct {
	schema *Schema
	emit   func(b *Batch) error
	batch  *Batch // of Row
	full   int
	pool   *pool
	err    error
}

// Emit passes a batch on, which must have the schema of the node's output.
func (o *Output) Emit(b *Batch) error {
	if err := o.flush(); err != nil || b.N == 0 {
		return err
	}
	return o.emit(b)
}

// Row emits one record; see Batch.Append. Rows are gathered to batches.
func (o *Output) Row(time int64, values ...any) error {
	o.Batch().Append(time, values...)
	return o.err
}

// Batch is a batch to append records to, instead of calling Row for each. It is good until the next call of Output, or until Process, a
// timer or Watermark returns; the engine passes it on then, or soon, and tells an error.
func (o *Output) Batch() *Batch {
	if o.batch != nil && o.batch.N >= o.full {
		o.err = o.flush()
	}
	if o.batch == nil {
		o.batch = o.pool.get()
	}
	return o.batch
}

// flush passes on what was gathered.
func (o *Output) flush() error {
	b := o.batch
	if o.err != nil || b == nil || b.N == 0 {
		return o.err
	}
	o.batch = nil
	return o.emit(b)
}

// Now is the processing time.
func (c *Context) Now() time.Time { return c.clock.Now() }

// Fire handles a timer.
type Fire func(t FiredTimer, out *Output) error

// FiredTimer is a timer that fires.
type FiredTimer struct {
	backends.TimerEntry
	EventTime bool // else processing time
}

// Clock is the processing time.
type Clock interface {
	Now() time.Time
	// AfterFunc calls f in its own goroutine after d, unless stopped.
	AfterFunc(d time.Duration, f func()) (stop func() bool)
}

// MaxWatermark says that no more records with an event time come (Flink: Watermark.MAX_WATERMARK).
const MaxWatermark = 1<<63 - 1

// Expr computes a column of a batch. It is safe for concurrent use by several sub-tasks.
type Expr interface {
	Kind() Kind
	// Eval writes b.N values into dst, whose slices it may use again. The error names the expression and says what went wrong with a value.
	Eval(b *Batch, dst *Vector) error
}
