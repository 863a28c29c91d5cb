package local_test

import (
	"context"
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

const minute = 60_000 // milliseconds

// perMinute counts the records of each key by minute of event time, and tells the count when the minute is over.
type perMinute struct {
	counts backends.MapState // by the end of the minute
	keyed  backends.Keyed
	timers engine.Timers
}

func (p *perMinute) open(c *engine.Context) (err error) {
	p.keyed = c.Keyed
	if p.counts, err = engine.MapOf(c, "counts", engine.Long.Type(), engine.Long.Type()); err != nil {
		return err
	}
	p.timers, err = c.Timers("minutes", nil, p.fire)
	return err
}

func (p *perMinute) record(r engine.Record, _ *engine.Output) error {
	end := r.Time()/minute*minute + minute - 1
	v, _, err := p.counts.Get(end)
	if err != nil {
		return err
	}
	n, _ := v.(int64) // nil where there is none yet
	if err := p.counts.Put(end, n+1); err != nil {
		return err
	}
	return p.timers.RegisterEventTime(nil, end)
}

func (p *perMinute) fire(t engine.FiredTimer, out *engine.Output) error {
	key, err := p.keyed.CurrentKey()
	if err != nil {
		return err
	}
	n, _, err := p.counts.Get(t.Time)
	if err != nil {
		return err
	}
	if err := out.Row(t.Time, key, n); err != nil {
		return err
	}
	return p.counts.Remove(t.Time)
}

// Records are counted by key and minute, with state and timers on Pebble and checkpoints in files.
func Example_state() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	conf := &flinkconf.Config{}
	conf.Set("execution.checkpointing.interval", "100ms")
	conf.Set("execution.checkpointing.dir", dir)
	conf.Set("state.backend.type", "pebble")
	s, err := settings.Load(settings.Layers{Application: conf})
	if err != nil {
		log.Fatal(err)
	}
	m, err := local.New(s, local.World{Mutable: storage.New(storage.Settings{}).OpenMutable})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	job := engine.NewJob("minutes")
	numbers := job.Source("numbers", connectors.Sequence{To: 179_999}) // a record a millisecond
	numbers.Node().Watermarks = &engine.Watermarks{Column: "n"}
	even := engine.NewSchema(engine.Column{Name: "even", Kind: engine.Boolean})
	counts := engine.NewSchema(engine.Column{Name: "even", Kind: engine.Boolean}, engine.Column{Name: "count", Kind: engine.Long})
	numbers.
		Process("parity", even, func() engine.Operator {
			return &engine.ProcessFunc{OnRecord: func(r engine.Record, out *engine.Output) error {
				return out.Row(r.Time(), r.Value(0).(int64)%2 == 0)
			}}
		}).
		KeyBy("even").
		Process("minutes", counts, func() engine.Operator {
			p := &perMinute{}
			return &engine.ProcessFunc{OnOpen: p.open, OnRecord: p.record}
		}).
		Sink("out", engine.AtLeastOnce, (&connectors.Stdout{Out: os.Stdout, Format: connectors.Format{Kind: connectors.JSON}}).New)

	result, err := engine.Run(context.Background(), job, *m.Config())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Status)
	// Unordered output:
	// {"even":true,"count":30000}
	// {"even":false,"count":30000}
	// {"even":true,"count":30000}
	// {"even":false,"count":30000}
	// {"even":true,"count":30000}
	// {"even":false,"count":30000}
	// FINISHED
}
