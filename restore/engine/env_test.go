package engine_test

import (
	"context"
	"errors"
	"io"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/hashmap"
	"github.com/ckpt-tool/ckpt/backends/keyed"
	"github.com/ckpt-tool/ckpt/backends/operator"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore/checkpoints"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// config is a configuration that keeps checkpoints in memory.
func config() engine.Config {
	return engine.Config{
		StateBackend: engine.StateBackend{Name: "hashmap", Open: hashmap.OpenStore},
		Storage:      &memory{},
		OpenState: func(s backends.Store, c *backends.StoreConfig) (backends.Keyed, error) {
			return keyed.New(s, c)
		},
		OpenOperator: operator.Open,
		OpenKeyed: func(ctx context.Context, f backends.Files, h metadata.KeyedHandle, o backends.Origin) (backends.Reader, error) {
			return snapshot.OpenKeyed(ctx, f, h, o, backends.Options{})
		},
	}
}

// inMemory opens inline handles, which is all that such checkpoints hold.
type inMemory struct{}

func (inMemory) Open(ctx context.Context, h metadata.StreamHandle) (backends.Blob, error) {
	a, err := (&checkpoints.JobManager{}).Access(ctx, [16]byte{1})
	if err != nil {
		return nil, err
	}
	return a.Files().Open(ctx, h)
}

// sequence counts from 0 to n-1 in some splits: the number, a key made of it, and a time.
type sequence struct {
	n, keys int64
	splits  int64
	// pace, where not nil, is asked before each read of a split.
	pace      func(split int64) error
	unbounded bool
}

var numbers = engine.NewSchema(engine.Column{Name: "n", Kind: engine.Long}, engine.Column{Name: "key", Kind: engine.String},
	engine.Column{Name: "at", Kind: engine.Timestamp})

func (s *sequence) Schema() *engine.Schema      { return numbers }
func (s *sequence) Guarantee() engine.Guarantee { return engine.ExactlyOnce }
func (s *sequence) Bounded() bool               { return !s.unbounded }
func (s *sequence) DiscoveryInterval() int64 {
	if s.unbounded {
		return 1000
	}
	return 0
}
func (s *sequence) Position() backends.Type { return engine.Long.Type() }

func (s *sequence) Discover(context.Context) (all []engine.Split, err error) {
	for i := range max(s.splits, 1) {
		all = append(all, engine.Split{ID: "s" + strconv.FormatInt(i, 10), Index: i})
	}
	return all, nil
}

func (s *sequence) Open(_ context.Context, sp engine.Split, position any, _ engine.SourceContext) (engine.SplitReader, error) {
	r := &sequenceReader{s: s, split: sp.Index, at: sp.Index}
	if position != nil {
		r.at = position.(int64)
	}
	return r, nil
}

type sequenceReader struct {
	s         *sequence
	split, at int64
}

func (r *sequenceReader) Read(b *engine.Batch, n int) error {
	if r.s.pace != nil {
		if err := r.s.pace(r.split); err != nil {
			return err
		}
	}
	for ; n > 0; n-- {
		if r.at >= r.s.n {
			return io.EOF
		}
		b.Append(engine.NoTime, r.at, "key-"+strconv.FormatInt(r.at%r.s.keys, 10), r.at)
		r.at += max(r.s.splits, 1)
	}
	return nil
}

func (r *sequenceReader) Position() any { return r.at }
func (r *sequenceReader) Close() error  { return nil }

// counted is the output of counting.
var counted = engine.NewSchema(engine.Column{Name: "key", Kind: engine.String}, engine.Column{Name: "count", Kind: engine.Long})

// counting counts by key, and emits each count.
func counting() engine.Operator {
	var count backends.ValueState
	return &engine.ProcessFunc{
		OnOpen: func(c *engine.Context) (err error) {
			count, err = engine.ValueOf(c, "count", engine.Long.Type())
			return err
		},
		OnRecord: func(r engine.Record, out *engine.Output) error {
			v, err := count.Value()
			if err != nil {
				return err
			}
			n, _ := v.(int64)
			if err := count.Update(n + 1); err != nil {
				return err
			}
			return out.Row(r.Time(), r.Value(1), n+1)
		},
	}
}

// collector gathers rows of all sub-tasks of a sink, at least once.
type collector struct {
	mu   sync.Mutex
	rows map[string]int64 // the highest count by key
	n    int
}

func (c *collector) make() engine.Operator {
	return &engine.ProcessFunc{OnRecord: func(r engine.Record, _ *engine.Output) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.rows == nil {
			c.rows = map[string]int64{}
		}
		key := r.Value(0).(string)
		c.rows[key] = max(c.rows[key], r.Value(1).(int64))
		c.n++
		return nil
	}}
}

func (c *collector) check(t *testing.T, keys int, each int64) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.rows) != keys {
		t.Errorf("%d keys, want %d", len(c.rows), keys)
	}
	for k, n := range c.rows {
		if n != each {
			t.Errorf("key %s: counted %d, want %d", k, n, each)
		}
	}
}

func countJob(s *sequence, c *collector, parallelism int) *engine.Job {
	j := engine.NewJob("count")
	j.Parallelism = parallelism
	j.Source("numbers", s).KeyBy("key").Process("count", counted, counting).Sink("out", engine.AtLeastOnce, c.make)
	return j
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

var errInjected = errors.New("injected")
