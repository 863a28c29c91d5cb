package restore_test

import (
	"context"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/hashmap"
	"github.com/ckpt-tool/ckpt/backends/keyed"
	"github.com/ckpt-tool/ckpt/backends/operator"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore"
	"github.com/ckpt-tool/ckpt/restore/checkpoints"
	"github.com/ckpt-tool/ckpt/restore/connectors"
	"github.com/ckpt-tool/ckpt/restore/engine"
	"github.com/ckpt-tool/ckpt/testdata/statedump"
)

// TestMaxParallelismStays: an operator keeps the number of its key groups also where it comes to be chained with a new one that has more, as its
// keyed state could not be found again otherwise.
func TestMaxParallelismStays(t *testing.T) {
	var from *engine.Restore
	for i, run := range []struct {
		parallelism int
		extra       bool
	}{{1, false}, {100, true}, {2, true}} {
		x, err := engine.Start(t.Context(), counting(run.parallelism, run.extra), countingConfig(t, from))
		if err != nil {
			t.Fatal(err)
		}
		cc, err := x.StopWithSavepoint(t.Context(), t.TempDir(), false)
		if r := x.Wait(); err != nil || r.Err != nil {
			t.Fatalf("run %d: %v, %v", i, err, r.Err)
		}
		s, files := statedump.Open(t, storage.New(storage.Settings{}).Open, cc.ExternalPointer, backends.Options{})
		from = &engine.Restore{Checkpoint: s.Checkpoint, Pointer: layout.Canonical(cc.ExternalPointer), Files: files, ClaimMode: restore.NoClaim}
		for j := range s.Checkpoint.Operators {
			o := &s.Checkpoint.Operators[j]
			want := int32(128)
			if o.ID == metadata.OperatorIDOf("extra") && i > 0 {
				want = 256
			}
			if o.MaxParallelism != want {
				t.Errorf("run %d: operator %s has a max parallelism of %d, want %d", i, o.UID, o.MaxParallelism, want)
			}
		}
	}
}

// counting is a job that counts by key without an end, with one more operator behind that if extra.
func counting(parallelism int, extra bool) *engine.Job {
	j := engine.NewJob("counting")
	source := j.Source("numbers", connectors.Sequence{To: 1 << 40})
	source.Node().Parallelism = 1
	schema := engine.NewSchema(engine.Column{Name: "n", Kind: engine.Long})
	last := source.
		Process("key", schema, func() engine.Operator {
			return &engine.ProcessFunc{OnRecord: func(r engine.Record, out *engine.Output) error { return out.Row(r.Time(), r.Value(0).(int64)%100) }}
		}).
		KeyBy("n").
		Process("count", schema, func() engine.Operator {
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
					return count.Update(n + 1)
				},
			}
		})
	last.Node().Parallelism = parallelism
	if extra {
		last = last.Process("extra", schema, func() engine.Operator {
			return &engine.ProcessFunc{OnRecord: func(engine.Record, *engine.Output) error { return nil }}
		})
		last.Node().Parallelism = parallelism
	}
	last.Sink("out", engine.AtLeastOnce, func() engine.Operator {
		return &engine.ProcessFunc{OnRecord: func(engine.Record, *engine.Output) error { return nil }}
	})
	return j
}

func countingConfig(t *testing.T, from *engine.Restore) engine.Config {
	return engine.Config{
		StateBackend: engine.StateBackend{Name: "hashmap", Open: hashmap.OpenStore},
		Storage:      &checkpoints.FileSystem{Mutable: storage.New(storage.Settings{}).OpenMutable, Dir: t.TempDir()},
		Restart:      engine.NoRestart{},
		LocalDir:     t.TempDir(),
		Restore:      from,
		OpenKeyed: func(ctx context.Context, files backends.Files, h metadata.KeyedHandle, o backends.Origin) (backends.Reader, error) {
			return snapshot.OpenKeyed(ctx, files, h, o, backends.Options{Verify: true})
		},
		OpenOperator: operator.Open,
		OpenState:    func(s backends.Store, c *backends.StoreConfig) (backends.Keyed, error) { return keyed.New(s, c) },
	}
}
