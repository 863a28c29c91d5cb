package engine_test

import (
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/restore/coordinator"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

func TestRunsToItsEnd(t *testing.T) {
	c := &collector{}
	r, err := engine.Run(within(t), countJob(&sequence{n: 10000, keys: 100, splits: 3}, c, 2), config())
	if err != nil {
		t.Fatal(err)
	}
	if r.Status != coordinator.Finished || r.Records != 10000 {
		t.Errorf("%+v", r)
	}
	c.check(t, 100, 100)
}

func TestRestoresAtAnotherParallelism(t *testing.T) {
	for _, to := range []int{1, 2, 3, 5} {
		c := &collector{}
		s := &sequence{n: 10000, keys: 100, splits: 3}
		hold := make(chan struct{})
		reads := 0
		s.pace = func(split int64) error {
			if split != 0 {
				return nil
			}
			if reads++; reads > 3 {
				select {
				case <-hold:
				default:
					return engine.ErrNothingYet
				}
			}
			return nil
		}
		conf := config()
		e, err := engine.Start(within(t), countJob(s, c, 2), conf)
		if err != nil {
			t.Fatal(err)
		}
		for e.Progress().Records < 3*512 {
			time.Sleep(time.Millisecond)
		}
		cc, err := e.TriggerCheckpoint(within(t))
		if err != nil {
			t.Fatal(err)
		}
		close(hold)
		e.Cancel()
		if r := e.Wait(); r.Status != coordinator.Canceled {
			t.Errorf("%+v", r)
		}
		conf.Restore = &engine.Restore{Checkpoint: cc.Metadata(), Files: inMemory{}}
		c = &collector{}
		r, err := engine.Run(within(t), countJob(s, c, to), conf)
		if err != nil {
			t.Fatal(err)
		}
		if r.Records >= 10000 {
			t.Errorf("read %d again", r.Records)
		}
		for k, n := range c.rows {
			if n != 100 {
				t.Errorf("parallelism %d: key %s: counted %d", to, k, n)
			}
		}
	}
}
