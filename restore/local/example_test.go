package local_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log"
	"os"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/layout/flinkconf"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/restore/connectors"
	"github.com/ckpt-tool/ckpt/restore/engine"
	"github.com/ckpt-tool/ckpt/restore/local"
	"github.com/ckpt-tool/ckpt/restore/settings"
)

// even tells even numbers from odd ones.
type even struct{}

func (e *even) Open(*engine.Context) error { return nil }
func (e *even) Close() error               { return nil }
func (e *even) Process(_ int, b *engine.Batch, out *engine.Output) error {
	for i := range b.N {
		if err := out.Row(b.Time(i), b.Vectors[0].Longs[i]%2 == 0); err != nil {
			return err
		}
	}
	return nil
}

// count counts the records of each key, in a ValueState<Long>.
type count struct {
	keyed backends.Keyed
	state backends.ValueState
}

func (c *count) Open(ctx *engine.Context) error {
	s, err := ctx.Keyed.State(&backends.Descriptor{Name: "count", Kind: backends.Value, Value: engine.Long.Type()})
	if err != nil {
		return err
	}
	c.keyed, c.state = ctx.Keyed, s.(backends.ValueState)
	return nil
}

func (c *count) Process(_ int, b *engine.Batch, _ *engine.Output) error {
	for i := range b.N {
		if err := c.keyed.SetCurrentKeyBytes(b.Key(i), b.KeyGroups[i]); err != nil {
			return err
		}
		was, err := c.state.Bytes()
		if err != nil {
			return err
		}
		var n uint64
		if was != nil {
			n = binary.BigEndian.Uint64(was)
		}
		if err := c.state.UpdateBytes(binary.BigEndian.AppendUint64(nil, n+1)); err != nil {
			return err
		}
	}
	return nil
}

func (c *count) Close() error { return nil }

// A job in Go, with checkpoints in files, on the heap.
func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	conf := &flinkconf.Config{}
	conf.Set("execution.checkpointing.interval", "100ms")
	conf.Set("execution.checkpointing.dir", dir)
	s, err := settings.Load(settings.Layers{Application: conf})
	if err != nil {
		log.Fatal(err)
	}
	m, err := local.New(s, local.World{Mutable: storage.New(storage.Settings{}).OpenMutable})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	job := engine.NewJob("parity")
	job.Parallelism = 2
	parity := engine.NewSchema(engine.Column{Name: "even", Kind: engine.Boolean})
	job.Source("numbers", connectors.Sequence{From: 1, To: 10000}).
		Process("parity", parity, func() engine.Operator { return &even{} }).
		KeyBy("even").
		Sink("count", engine.ExactlyOnce, func() engine.Operator { return &count{} })
	result, err := engine.Run(context.Background(), job, *m.Config())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Records, "records")
	// Output: 10000 records
}
