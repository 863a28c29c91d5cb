package engine_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore"
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
		t.Log("parallelism", to)
		c.check(t, 100, 100)
	}
}

// Operators of several max parallelisms that come to run in one chain keep what each had: keyed state is found by it again.
func TestMaxParallelismOfAChain(t *testing.T) {
	store, conf := &memory{}, config()
	conf.Storage, conf.Checkpointing.Interval = store, time.Hour
	for i, most := range []int{512, 0, 0} {
		c := &collector{}
		j := engine.NewJob("count")
		count := j.Source(fmt.Sprint("numbers", i), &sequence{n: 1000, keys: 100}).KeyBy("key").Process("count", counted, counting)
		behind := count.Process("behind", counted, func() engine.Operator {
			return engine.Map(func(b *engine.Batch) (*engine.Batch, error) { return b, nil })
		})
		behind.Node().MaxParallelism = most
		behind.Sink("out", engine.AtLeastOnce, c.make)
		if r, err := engine.Run(within(t), j, conf); err != nil || r.Records == 0 {
			t.Fatalf("%+v %v", r, err)
		}
		c.check(t, 100, 10*int64(i+1))
		conf.Restore = &engine.Restore{Checkpoint: store.last(), Files: inMemory{}, AllowNonRestored: true}
	}
}

// Keyed state of what has no key in the job, be it a source, is refused before anything runs, and not lost.
func TestKeyedStateWithoutAKey(t *testing.T) {
	keyed := &metadata.KeyGroupsHandle{Range: metadata.KeyGroupRange{First: 0, Last: 127}, Offsets: make([]int64, 128), Delegate: &metadata.InlineHandle{Name: "x", Data: []byte{1}}}
	for _, c := range []struct {
		uid   string
		state metadata.SubtaskState
	}{
		{"numbers", metadata.SubtaskState{ManagedKeyed: keyed}},
		{"numbers", metadata.SubtaskState{RawKeyed: keyed}},
		{"out", metadata.SubtaskState{ManagedKeyed: keyed}},
	} {
		conf := config()
		conf.Restore = &engine.Restore{Files: inMemory{}, AllowNonRestored: true, Checkpoint: &metadata.Checkpoint{Version: metadata.Version5, ID: 3, Operators: []metadata.OperatorState{
			{ID: metadata.OperatorIDOf(c.uid), UID: metadata.NewUTF(c.uid), Parallelism: 1, MaxParallelism: 128, Subtasks: []metadata.SubtaskState{c.state}}}}}
		_, err := engine.Start(within(t), countJob(&sequence{n: 10, keys: 1}, &collector{}, 1), conf)
		var refused *restore.IncompatibleError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), "gives it no key") || !strings.Contains(err.Error(), `"`+c.uid+`"`) {
			t.Errorf("%s: %v", c.uid, err)
		}
	}
}
