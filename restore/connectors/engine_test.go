package connectors_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/hashmap"
	"github.com/ckpt-tool/ckpt/backends/keyed"
	"github.com/ckpt-tool/ckpt/backends/operator"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore/checkpoints"
	"github.com/ckpt-tool/ckpt/restore/connectors"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

var drivers = storage.New(storage.Settings{})

func config() engine.Config {
	return engine.Config{
		StateBackend: engine.StateBackend{Name: "hashmap", Open: hashmap.OpenStore},
		Storage:      &checkpoints.JobManager{},
		OpenState: func(s backends.Store, c *backends.StoreConfig) (backends.Keyed, error) {
			return keyed.New(s, c)
		},
		OpenOperator: operator.Open,
		OpenKeyed: func(ctx context.Context, f backends.Files, h metadata.KeyedHandle, o backends.Origin) (backends.Reader, error) {
			return snapshot.OpenKeyed(ctx, f, h, o, backends.Options{})
		},
	}
}

// failing passes on what comes, and fails each time when so many more have come, if there are failures left.
type failing struct {
	every      int64
	seen, left *atomic.Int64
}

func (f failing) Open(*engine.Context) error { return nil }
func (f failing) Close() error               { return nil }
func (f failing) Process(_ int, b *engine.Batch, out *engine.Output) error {
	now := f.seen.Add(int64(b.N))
	if now/f.every > (now-int64(b.N))/f.every && f.left.Add(-1) >= 0 {
		return errors.New("as the test wants it")
	}
	return out.Emit(b)
}

// job copies numbers from a source into files.
func job(s engine.Source, sink *connectors.FileSink, parallelism int, failures int64) *engine.Job {
	j := engine.NewJob("copy")
	j.Parallelism, j.MaxParallelism = parallelism, 128
	f := failing{every: 3000, seen: new(atomic.Int64), left: new(atomic.Int64)}
	f.left.Store(failures)
	j.Source("numbers", s).Rebalance().Process("failing", s.Schema(), func() engine.Operator { return f }).
		Sink("files", sink.Guarantee(), sink.New)
	return j
}

func fileSink(dir string) *connectors.FileSink {
	return &connectors.FileSink{URL: dir, Store: drivers.OpenMutable, Format: connectors.Format{Kind: connectors.CSV}, RollSize: 3000, AbandonAfter: 1}
}

// complete tells whether each number from 0 on is in the files, once.
func complete(t *testing.T, dir string, want int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "part-*.csv"))
	if err != nil {
		t.Fatal(err)
	}
	seen := make([]int, want)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Fields(string(text)) {
			var n int
			if _, err := fmt.Sscan(line, &n); err != nil || n < 0 || n >= want {
				t.Fatalf("%s: %q", file, line)
			}
			seen[n]++
		}
	}
	for n, times := range seen {
		if times != 1 {
			t.Fatalf("%d is there %d times", n, times)
		}
	}
	hidden, err := os.ReadDir(filepath.Join(dir, ".pending"))
	if err != nil || len(hidden) > 0 {
		t.Errorf("hidden: %v, %v", hidden, err)
	}
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// TestEngineFails: a job that fails some times and restarts writes each record once, from both kinds of sources.
func TestEngineFails(t *testing.T) {
	const records = 20_000
	in := t.TempDir()
	for part := range 5 {
		var text strings.Builder
		for n := part; n < records; n += 5 {
			fmt.Fprintln(&text, n)
		}
		if err := os.WriteFile(filepath.Join(in, fmt.Sprint(part)), []byte(text.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for name, s := range map[string]engine.Source{
		"sequence": connectors.Sequence{To: records - 1, Rate: 40_000},
		"datagen": &connectors.Datagen{Records: records, Rate: 40_000,
			Columns: []connectors.DatagenColumn{{Name: "n", Generator: connectors.Counter{}}}},
		"files": &connectors.FileSource{URL: in, Store: drivers.Open, Records: connectors.Records{Format: connectors.Format{Kind: connectors.CSV},
			Columns: []engine.Column{{Name: "n", Kind: engine.Long}}}},
	} {
		t.Run(name, func(t *testing.T) {
			out := t.TempDir()
			c := config()
			c.Checkpointing.Interval = 10 * time.Millisecond
			c.Restart = &engine.FixedDelay{Attempts: 100, Delay: time.Millisecond}
			r, err := engine.Run(within(t), job(s, fileSink(out), 3, 8), c)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d restarts, %d checkpoints", r.Restarts, r.Checkpoints.Completed)
			if r.Restarts < 2 || r.Checkpoints.Completed == 0 {
				t.Error("nothing has failed, or nothing was complete")
			}
			complete(t, out, records)
		})
	}
}

// TestEngineResumes goes from checkpoint to checkpoint, each time in a new process at another parallelism.
func TestEngineResumes(t *testing.T) {
	const records = 60_000
	out := t.TempDir()
	s := connectors.Sequence{To: records - 1, Rate: 60_000}
	var from *engine.Restore
	for _, parallelism := range []int{2, 4, 1, 3} {
		c := config()
		c.Restore = from
		e, err := engine.Start(within(t), job(s, fileSink(out), parallelism, 0), c)
		if err != nil {
			t.Fatal(err)
		}
		for e.Progress().Records < 5000 {
			time.Sleep(time.Millisecond)
		}
		cc, err := e.TriggerCheckpoint(within(t))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond) // for parts that no checkpoint contains
		e.Cancel()
		e.Wait()
		access, err := (&checkpoints.JobManager{}).Access(t.Context(), [16]byte{1})
		if err != nil {
			t.Fatal(err)
		}
		from = &engine.Restore{Checkpoint: cc.Metadata(), Files: access.Files()}
	}
	c := config()
	c.Restore = from
	r, err := engine.Run(within(t), job(s, fileSink(out), 2, 0), c)
	if err != nil {
		t.Fatal(err)
	}
	if r.Records == 0 || r.Records > records-20_000 {
		t.Errorf("the last run read %d", r.Records)
	}
	complete(t, out, records)
}
