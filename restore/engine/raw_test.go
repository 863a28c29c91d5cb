package engine_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/restore/engine"
)

// keeper keeps raw keyed state: how many records each key group had.
type keeper struct {
	c      *engine.Context
	counts map[int32]byte
	one    [1]byte
	total  *atomic.Int64
}

func (k *keeper) Open(c *engine.Context) error {
	k.c = c
	for kg, n := range k.counts {
		if r := c.Keyed.KeyGroups(); kg < r.First || kg > r.Last {
			return fmt.Errorf("key group %d is not of %v", kg, r)
		}
		k.total.Add(int64(n))
	}
	return nil
}
func (k *keeper) Process(_ int, b *engine.Batch, _ *engine.Output) error {
	for _, kg := range b.KeyGroups {
		k.counts[kg]++
	}
	return nil
}
func (k *keeper) Close() error { return nil }
func (k *keeper) SnapshotKeyGroup(_ int64, kg int32) ([]byte, error) {
	if n := k.counts[kg]; n > 0 {
		k.one[0] = n
		return k.one[:], nil // the same memory for all of them
	}
	return nil, nil
}
func (k *keeper) RestoreKeyGroup(kg int32, data []byte) error {
	if len(data) != 1 {
		return fmt.Errorf("key group %d has %d bytes", kg, len(data))
	}
	k.counts[kg] = data[0]
	return nil
}

func TestRawKeyed(t *testing.T) {
	job := func(parallelism int, total *atomic.Int64) *engine.Job {
		j := engine.NewJob("raw")
		j.Parallelism, j.MaxParallelism = parallelism, 200
		j.Source("numbers", &sequence{n: 150, keys: 50, splits: 2}).KeyBy("key").
			Process("keeper", nil, func() engine.Operator { return &keeper{counts: map[int32]byte{}, total: total} })
		return j
	}
	store, conf := &memory{}, config()
	conf.Storage, conf.Checkpointing.Interval = store, time.Hour
	var total atomic.Int64
	if _, err := engine.Run(within(t), job(2, &total), conf); err != nil {
		t.Fatal(err)
	}
	conf.Restore = &engine.Restore{Checkpoint: store.last(), Files: inMemory{}}
	for _, p := range []int{1, 2, 3, 7} {
		total.Store(0)
		if _, err := engine.Run(within(t), job(p, &total), conf); err != nil {
			t.Fatal(err)
		}
		if total.Load() != 150 {
			t.Errorf("parallelism %d: %d records in the state, want 150", p, total.Load())
		}
	}
}
