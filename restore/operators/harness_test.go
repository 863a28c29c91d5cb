package operators_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/hashmap"
	"github.com/ckpt-tool/ckpt/backends/keyed"
	"github.com/ckpt-tool/ckpt/backends/operator"
	"github.com/ckpt-tool/ckpt/backends/pebble"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore/checkpoints"
	"github.com/ckpt-tool/ckpt/restore/engine"
	"github.com/ckpt-tool/ckpt/restore/operators"
)

// A trial runs one operator in the engine, step by step: a step is not read before all sub-tasks are done with the one before, its
// watermark included. So it is known what an operator has seen when a record comes.
type trial struct {
	schema *engine.Schema // of records; the source has the columns "at" and "side" before
	steps  []step
	delay  time.Duration // of watermarks
	noTime bool          // no event time at all
	clock  *fakeClock    // nil: the machine's
	// copies is how many sub-tasks get a record of a side; nil: one.
	copies func(side int64, parallelism int) int
	// build makes the operator behind the source, each sub-task watched by p.
	build       func(src *engine.Stream, p *probe) (*engine.Stream, error)
	parallelism int
	pebble      bool
	log         *slog.Logger

	pause   int // before which step a checkpoint is taken; 0 for never
	restore *engine.Restore
	check   func(outcome)
}

// step is records that come together, and the watermark behind them.
type step struct {
	forward time.Duration // how far the clock goes before
	rows    []row
}

// row is one record.
type row struct {
	at     any // event time, nil for none
	side   int64
	values []any
}

// outcome is what a trial gave.
type outcome struct {
	rows       []string // time and values of each record, as they came
	checkpoint *metadata.Checkpoint
	err        error
}

const batchSize = 8

// run runs a trial to its end, or to where it pauses.
func (tr *trial) run(t testing.TB) outcome {
	t.Helper()
	p := &probe{trial: tr, changed: make(chan struct{}, 1), paused: make(chan struct{}), marks: map[int]int64{}}
	j := engine.NewJob("trial")
	j.Parallelism, j.MaxParallelism = max(tr.parallelism, 1), 16
	src := j.Source("script", &script{p})
	src.Node().Parallelism = 1
	if !tr.noTime {
		src.Node().Watermarks = &engine.Watermarks{Column: "at", Delay: tr.delay}
	}
	p.job = j
	s, err := tr.build(src, p)
	if err != nil {
		t.Fatal(err)
	}
	var got outcome
	var mu sync.Mutex
	s.Sink("sink", engine.AtLeastOnce, func() engine.Operator {
		return &engine.ProcessFunc{OnRecord: func(r engine.Record, _ *engine.Output) error {
			mu.Lock()
			defer mu.Unlock()
			got.rows = append(got.rows, textOf(r))
			return nil
		}}
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	e, err := engine.Start(ctx, j, tr.config(t))
	if err != nil {
		t.Fatal(err)
	}
	if tr.pause > 0 {
		select {
		case <-p.paused:
		case <-e.Done():
		}
		if cc, err := e.TriggerCheckpoint(ctx); err != nil {
			got.err = err
		} else {
			got.checkpoint = cc.Metadata()
		}
		e.Cancel()
	}
	if r := e.Wait(); tr.pause == 0 {
		got.err = r.Err
	}
	return got
}

func textOf(r engine.Record) string {
	text := "-"
	if r.Time() != engine.NoTime {
		text = fmt.Sprint(r.Time())
	}
	for c := range r.Batch.Vectors {
		text += fmt.Sprintf(" %v", r.Value(c))
	}
	return text
}

func (tr *trial) config(t testing.TB) engine.Config {
	c := engine.Config{
		StateBackend: engine.StateBackend{Name: "hashmap", Open: hashmap.OpenStore},
		Storage:      &checkpoints.JobManager{},
		OpenState: func(s backends.Store, c *backends.StoreConfig) (backends.Keyed, error) {
			if tr.pebble {
				return keyed.New(s, c, keyed.WithTimerService(keyed.InStore))
			}
			return keyed.New(s, c)
		},
		OpenOperator: operator.Open,
		OpenKeyed: func(ctx context.Context, f backends.Files, h metadata.KeyedHandle, o backends.Origin) (backends.Reader, error) {
			return snapshot.OpenKeyed(ctx, f, h, o, backends.Options{})
		},
		BatchSize: batchSize, BufferTimeout: time.Microsecond, WatermarkInterval: 100 * time.Microsecond, Restore: tr.restore, Log: tr.log,
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if tr.clock != nil {
		c.Clock, c.WatermarkInterval = tr.clock, 1 // that clock knows no more between two steps
	}
	if tr.pebble {
		b := pebble.New(pebble.Options{Memory: 16 << 20})
		t.Cleanup(func() { b.Close() })
		c.StateBackend, c.LocalDir = engine.StateBackend{Name: "pebble", Open: b.OpenStore, NeedsDir: true}, t.TempDir()
	}
	return c
}

// twice runs a trial in two parts: up to a step, and from there on at another parallelism. It gives what both gave together.
func (tr *trial) twice(t testing.TB, pause, parallelism int) outcome {
	t.Helper()
	first := *tr
	first.pause = pause
	one := first.run(t)
	if one.err != nil {
		t.Fatal(one.err)
	}
	second := *tr
	second.parallelism, second.restore = parallelism, restoreOf(t, one.checkpoint)
	two := second.run(t)
	two.rows = append(one.rows, two.rows...)
	two.checkpoint = one.checkpoint
	return two
}

// restoreOf is to begin with a checkpoint of a trial.
func restoreOf(t testing.TB, c *metadata.Checkpoint) *engine.Restore {
	t.Helper()
	a, err := (&checkpoints.JobManager{}).Access(context.Background(), [16]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	return &engine.Restore{Checkpoint: c, Files: a.Files()}
}

// probe knows what the operator has done.
type probe struct {
	trial   *trial
	job     *engine.Job
	changed chan struct{}
	paused  chan struct{}
	once    sync.Once

	mu                sync.Mutex
	expected, records int
	mark              int64         // the watermark that all sub-tasks are to have seen
	marks             map[int]int64 // by sub-task
}

// watch makes the operators tell the probe.
func (p *probe) watch(create func() engine.Operator) func() engine.Operator {
	return func() engine.Operator { return &watched{Operator: create(), p: p} }
}

type watched struct {
	engine.Operator
	p       *probe
	subtask int
}

func (w *watched) Open(c *engine.Context) error {
	w.subtask = c.Subtask
	w.p.tell(func() { w.p.marks[c.Subtask] = engine.NoTime })
	return w.Operator.Open(c)
}

func (w *watched) Process(input int, b *engine.Batch, out *engine.Output) error {
	n := b.N // the batch is the operator's
	err := w.Operator.Process(input, b, out)
	w.p.tell(func() { w.p.records += n })
	return err
}

func (w *watched) Watermark(ts int64, _ *engine.Output) error {
	w.p.tell(func() { w.p.marks[w.subtask] = ts })
	return nil
}

func (p *probe) tell(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// settled is whether all that was read is done with.
func (p *probe) settled() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.expected == 0 {
		return true
	}
	for _, ts := range p.marks {
		if ts < p.mark {
			return false
		}
	}
	return p.records == p.expected
}

// script is a source that reads the steps of a trial.
type script struct{ p *probe }

func (s *script) Schema() *engine.Schema {
	return engine.NewSchema(append([]engine.Column{{Name: "at", Kind: engine.Timestamp}, {Name: "side", Kind: engine.Long}}, s.p.trial.schema.Columns...)...)
}
func (s *script) Guarantee() engine.Guarantee { return engine.ExactlyOnce }
func (s *script) Bounded() bool               { return true }
func (s *script) DiscoveryInterval() int64    { return 0 }
func (s *script) Position() backends.Type     { return engine.Long.Type() }
func (s *script) Discover(context.Context) ([]engine.Split, error) {
	return []engine.Split{{ID: "script"}}, nil
}

func (s *script) Open(_ context.Context, _ engine.Split, position any, _ engine.SourceContext) (engine.SplitReader, error) {
	r := &reader{p: s.p, highest: engine.NoTime}
	if position != nil {
		r.at = position.(int64)
	}
	return r, nil
}

type reader struct {
	p       *probe
	at      int64
	highest int64
}

func (r *reader) Wait() <-chan struct{} { return r.p.changed }
func (r *reader) Position() any         { return r.at }
func (r *reader) Close() error          { return nil }

func (r *reader) Read(b *engine.Batch, n int) error {
	tr := r.p.trial
	switch {
	case !r.p.settled():
		return engine.ErrNothingYet
	case tr.pause > 0 && int(r.at) == tr.pause:
		r.p.once.Do(func() { close(r.p.paused) })
		return engine.ErrNothingYet
	case int(r.at) == len(tr.steps):
		return io.EOF
	}
	s := tr.steps[r.at]
	r.at++
	if len(s.rows) > n {
		return fmt.Errorf("a step of %d records: at most %d", len(s.rows), n)
	}
	if s.forward > 0 {
		tr.clock.forward(s.forward)
	}
	more := 0
	for _, row := range s.rows {
		b.Append(engine.NoTime, append([]any{row.at, row.side}, row.values...)...)
		more++
		if tr.copies != nil {
			more += tr.copies(row.side, max(tr.parallelism, 1)) - 1
		}
		if ts, ok := row.at.(int64); ok {
			r.highest = max(r.highest, ts)
		}
	}
	r.p.tell(func() {
		r.p.expected += more
		if r.p.mark = engine.NoTime; r.highest > engine.NoTime && !tr.noTime {
			r.p.mark = r.highest - tr.delay.Milliseconds() - 1
		}
	})
	return nil
}

// side passes on the records of one side.
func side(src *engine.Stream, k int64) *engine.Stream {
	return src.Process(fmt.Sprint("side ", k), src.Schema(), func() engine.Operator {
		return &operators.Filter{Where: isSide{k}}
	})
}

// isSide is an expression: the side is this.
type isSide struct{ k int64 }

func (isSide) Kind() engine.Kind { return engine.Boolean }

func (s isSide) Eval(b *engine.Batch, dst *engine.Vector) error {
	dst.Bools, dst.Nulls = dst.Bools[:0], nil
	for i := range b.N {
		dst.Bools = append(dst.Bools, b.Vectors[1].Longs[i] == s.k)
	}
	return nil
}

// column is an expression: a column.
type column struct {
	at   int
	kind engine.Kind
}

func (c column) Kind() engine.Kind { return c.kind }

func (c column) Eval(b *engine.Batch, dst *engine.Vector) error {
	from := &b.Vectors[c.at]
	dst.Bools, dst.Longs = append(dst.Bools[:0], from.Bools...), append(dst.Longs[:0], from.Longs...)
	dst.Doubles, dst.Strings = append(dst.Doubles[:0], from.Doubles...), append(dst.Strings[:0], from.Strings...)
	dst.Nulls = nil
	if from.Nulls != nil {
		dst.Nulls = append([]bool{}, from.Nulls...)
	}
	return nil
}

// same compares what came with what should, in any order.
func same(t interface {
	Helper()
	Errorf(string, ...any)
}, got, want []string) {
	t.Helper()
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if slices.Equal(got, want) {
		return
	}
	for _, g := range got {
		if i := slices.Index(want, g); i >= 0 {
			want = slices.Delete(want, i, i+1)
		} else {
			t.Errorf("too much: %s", g)
		}
	}
	for _, w := range want {
		t.Errorf("missing: %s", w)
	}
}

// stateEntries counts the entries of keyed states in a checkpoint, by name.
func stateEntries(t *testing.T, c *metadata.Checkpoint) map[string]int {
	t.Helper()
	a, err := (&checkpoints.JobManager{}).Access(context.Background(), [16]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, o := range c.Operators {
		for i := range o.Subtasks {
			h := o.Subtasks[i].ManagedKeyed
			if h == nil {
				continue
			}
			origin := backends.Origin{Operator: o.ID, Subtask: int32(i), MaxParallelism: o.MaxParallelism, Range: metadata.KeyGroupRange{Last: o.MaxParallelism - 1}}
			r, err := snapshot.OpenKeyed(context.Background(), a.Files(), h, origin, backends.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for e, err := range r.Entries(context.Background(), backends.Everything(origin.Range)) {
				if err != nil {
					t.Fatal(err)
				}
				counts[e.State.Name]++
			}
		}
	}
	return counts
}
