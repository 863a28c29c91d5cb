package engine_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// visits is a source of two users' visits, by the second, in one split.
type visits struct{ engine.Source }

var visitSchema = engine.NewSchema(engine.Column{Name: "user", Kind: engine.String}, engine.Column{Name: "at", Kind: engine.Timestamp})

func (visits) Schema() *engine.Schema      { return visitSchema }
func (visits) Guarantee() engine.Guarantee { return engine.ExactlyOnce }
func (visits) Bounded() bool               { return true }
func (visits) DiscoveryInterval() int64    { return 0 }
func (visits) Position() backends.Type     { return engine.Long.Type() }
func (visits) Discover(context.Context) ([]engine.Split, error) {
	return []engine.Split{{ID: "all"}}, nil
}
func (visits) Open(_ context.Context, _ engine.Split, position any, _ engine.SourceContext) (engine.SplitReader, error) {
	r := &visitReader{}
	if position != nil {
		r.next = position.(int64)
	}
	return r, nil
}

type visitReader struct{ next int64 }

var visited = []struct {
	user string
	at   int64
}{{"ann", 1000}, {"bob", 2000}, {"ann", 3000}, {"ann", 4000}, {"bob", 5000}}

func (r *visitReader) Read(b *engine.Batch, n int) error {
	for ; n > 0; n-- {
		if r.next == int64(len(visited)) {
			return io.EOF
		}
		v := visited[r.next]
		b.Append(engine.NoTime, v.user, v.at)
		r.next++
	}
	return nil
}
func (r *visitReader) Position() any { return r.next }
func (r *visitReader) Close() error  { return nil }

// printed gathers lines of all sub-tasks.
type printed struct {
	mu    sync.Mutex
	lines []string
}

func (p *printed) sink() engine.Operator {
	return &engine.ProcessFunc{OnRecord: func(r engine.Record, _ *engine.Output) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.lines = append(p.lines, fmt.Sprint(r.Value(0), " ", r.Value(1)))
		return nil
	}}
}

func (p *printed) sorted() string {
	slices.Sort(p.lines)
	return strings.Join(p.lines, "\n")
}

// Visits are counted by user until there was none for ten seconds of event time: a process function with state and timers.
func ExampleProcessFunc() {
	sessions := func() engine.Operator {
		var context *engine.Context
		var count, last backends.ValueState
		var timers engine.Timers
		f := &engine.ProcessFunc{}
		f.OnOpen = func(c *engine.Context) (err error) {
			context = c
			if count, err = engine.ValueOf(c, "count", engine.Long.Type()); err != nil {
				return err
			}
			if last, err = engine.ValueOf(c, "last", engine.Long.Type()); err != nil {
				return err
			}
			timers, err = c.Timers("ends", nil, func(t engine.FiredTimer, out *engine.Output) error {
				at, err := last.Value()
				if err != nil || at == nil || at.(int64)+10_000 != t.Time {
					return err // there was a visit since
				}
				user, err := context.Keyed.CurrentKey()
				if err != nil {
					return err
				}
				n, err := count.Value()
				if err != nil {
					return err
				}
				if err := out.Row(t.Time, user, n); err != nil {
					return err
				}
				return count.Clear()
			})
			return err
		}
		f.OnRecord = func(r engine.Record, _ *engine.Output) error {
			v, err := count.Value()
			if err != nil {
				return err
			}
			n, _ := v.(int64)
			if err := count.Update(n + 1); err != nil {
				return err
			}
			if err := last.Update(r.Time()); err != nil {
				return err
			}
			return timers.RegisterEventTime(nil, r.Time()+10_000)
		}
		return f
	}
	var out printed
	j := engine.NewJob("sessions")
	j.Parallelism = 2
	in := j.Source("visits", visits{})
	in.Node().Watermarks = &engine.Watermarks{Column: "at"}
	in.KeyBy("user").
		Process("sessions", engine.NewSchema(engine.Column{Name: "user", Kind: engine.String}, engine.Column{Name: "visits", Kind: engine.Long}), sessions).
		Sink("out", engine.AtLeastOnce, out.sink)
	if _, err := engine.Run(context.Background(), j, config()); err != nil {
		fmt.Println(err)
	}
	fmt.Println(out.sorted())
	// Output:
	// ann 3
	// bob 2
}

// total adds up in memory, and brings that into its operator state for each checkpoint.
type total struct {
	sum   int64
	state backends.OperatorListState
}

// Open is Flink's initializeState: what was restored is there. After a rescale it may be parts of several sub-tasks.
func (t *total) Open(c *engine.Context) (err error) {
	if t.state, err = c.State.List(&backends.OperatorDescriptor{Name: "sum", Value: engine.Long.Type()}); err != nil {
		return err
	}
	for _, v := range t.state.Get() {
		t.sum += v.(int64)
	}
	return nil
}

// Snapshot is Flink's snapshotState.
func (t *total) Snapshot(int64) error { return t.state.Update([]any{t.sum}) }

func (t *total) Process(_ int, b *engine.Batch, _ *engine.Output) error {
	for _, at := range b.Vectors[1].Longs {
		t.sum += at
	}
	b.Release()
	return nil
}

// EndOfInput implements engine.Ender.
func (t *total) EndOfInput(out *engine.Output) error { return out.Row(engine.NoTime, "sum", t.sum) }

func (t *total) Close() error { return nil }

// An operator with state that belongs to no key.
func ExampleCheckpointed() {
	var out printed
	j := engine.NewJob("total")
	j.Source("visits", visits{}).
		Process("total", engine.NewSchema(engine.Column{Name: "what", Kind: engine.String}, engine.Column{Name: "value", Kind: engine.Long}), func() engine.Operator { return &total{} }).
		Sink("out", engine.AtLeastOnce, out.sink)
	if _, err := engine.Run(context.Background(), j, config()); err != nil {
		fmt.Println(err)
	}
	fmt.Println(out.sorted())
	// Output:
	// sum 15000
}

// What a job will be, without running it.
func ExampleJob_Plan() {
	j := engine.NewJob("sessions")
	j.Parallelism = 2
	j.Source("visits", visits{}).KeyBy("user").Sink("out", engine.AtLeastOnce, func() engine.Operator { return engine.Discard{} })
	p, err := j.Plan()
	if err != nil {
		fmt.Println(err)
	}
	fmt.Print(p)
	// Output:
	// job sessions: at least once
	//   because of sink out: at least once
	// chain 1, parallelism 2
	//   source visits (user STRING, at TIMESTAMP)
	// chain 2, parallelism 2
	//   <- visits by hash of user
	//   sink out, at least once
}
