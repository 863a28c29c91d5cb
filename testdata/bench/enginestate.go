//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keyed"
	"github.com/ckpt-tool/ckpt/backends/pebble"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore/checkpoints"
	"github.com/ckpt-tool/ckpt/restore/connectors"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

const stateBytes = 1000 // of each key's value

// restores compares how long 1 GB of state takes to be there again.
func (e *engines) restores() error {
	keys := e.of(1_000_000)
	dir, err := e.fresh()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	theirs, err := e.run("fill", "rocksdb", strconv.Itoa(keys), strconv.Itoa(stateBytes), "2", dir)
	if err != nil {
		return err
	}
	foreign, own, err := takeOver(theirs, filepath.Join(dir, "ours"))
	if err != nil {
		return err
	}
	var flink, pebble spread
	for range engineRounds {
		// Two rounds in one JVM: the second is warm.
		line, err := e.run("restore", "rocksdb", theirs, "2", "2")
		if err != nil {
			return err
		}
		seconds, err := strconv.ParseFloat(line, 64)
		if err != nil {
			return err
		}
		flink = flink.with(seconds)
		r, err := restoreOnce(own, filepath.Join(dir, "again"), nil)
		if err != nil {
			return err
		}
		pebble = pebble.with(r.Seconds())
	}
	fmt.Printf("\nRestoring %d keys with %d bytes each from local files, parallelism 2, NO_CLAIM, until the last sub-task has its state:\n", keys, stateBytes)
	fmt.Println("\n| what | seconds | ratio |\n|---|--:|--:|")
	fmt.Printf("| Flink 2.2 into RocksDB, its checkpoint, warm | %s | 1 |\n", flink)
	fmt.Printf("| ckpt into Pebble, its checkpoint, every file's checksum verified | %s | **%.1f** |\n", pebble, flink.median()/pebble.median())
	fmt.Printf("| ckpt into Pebble, Flink's RocksDB checkpoint | %.3f s | %.1f |\n", foreign.Seconds(), flink.median()/foreign.Seconds())
	return nil
}

// takeOver restores Flink's checkpoint, and takes one of its own of the same state.
func takeOver(theirs, dir string) (took time.Duration, own string, err error) {
	took, err = restoreOnce(theirs, dir, func(x *engine.Execution) error {
		c, err := x.TriggerCheckpoint(context.Background())
		if err == nil {
			own = c.ExternalPointer
		}
		return err
	})
	return took, own, err
}

// restoreOnce begins a job with a checkpoint, and tells how long it took until all its state was there. then is done before
// the job is cancelled.
func restoreOnce(from, dir string, then func(*engine.Execution) error) (time.Duration, error) {
	ctx := context.Background()
	target, err := layout.Find(ctx, storage.Open, from, layout.FindOptions{})
	if err != nil {
		return 0, err
	}
	defer target.Store.Close()
	data, err := os.ReadFile(filepath.Join(from, layout.MetadataName))
	if err != nil {
		return 0, err
	}
	m, err := metadata.Decode(data)
	if err != nil {
		return 0, err
	}
	machine, err := machineOf("pebble", dir)
	if err != nil {
		return 0, err
	}
	defer machine.Close()
	blobs := layout.NewBlobs(ctx, storage.Open, target, nil)
	defer blobs.Close()
	c := machine.Config()
	c.Restore = &engine.Restore{Checkpoint: m, Pointer: target.URL(), Files: files{blobs}, AllowNonRestored: true}
	var opened sync.WaitGroup
	opened.Add(2)
	start := time.Now()
	x, err := engine.Start(ctx, textJob(&opened), *c)
	if err != nil {
		return 0, err
	}
	there := make(chan time.Duration, 1)
	go func() { opened.Wait(); there <- time.Since(start) }()
	ended := make(chan error, 1)
	go func() { ended <- x.Wait().Err }()
	var took time.Duration
	select {
	case took = <-there:
	case err := <-ended:
		return 0, errors.Join(errors.New("the job ended before its state was there"), err)
	}
	if then != nil {
		err = then(x)
	}
	x.Cancel()
	return took, errors.Join(err, <-ended)
}

// files opens handles.
type files struct{ blobs *layout.Blobs }

// Open implements backends.Files.
func (f files) Open(ctx context.Context, h metadata.StreamHandle) (backends.Blob, error) {
	b, err := f.blobs.Open(ctx, h)
	if err != nil {
		return nil, err // and no nil pointer in an interface
	}
	return b, nil
}

// textJob has the state of the job that Flink ran, and next to no records.
func textJob(opened *sync.WaitGroup) *engine.Job {
	job := engine.NewJob("texts")
	job.Parallelism, job.MaxParallelism = 2, 128
	words := engine.NewSchema(engine.Column{Name: "key", Kind: engine.String})
	job.Source("ticks", connectors.Sequence{From: 0, To: 1 << 40, Rate: 1}).
		Process("names", words, func() engine.Operator { return &toWords{keys: 1, schema: words} }).
		KeyBy("key").
		Sink("count", engine.ExactlyOnce, func() engine.Operator { return &texts{opened: opened} })
	return job
}

type texts struct{ opened *sync.WaitGroup }

func (t *texts) Open(ctx *engine.Context) error {
	_, err := ctx.Keyed.State(&backends.Descriptor{Name: "text", Kind: backends.Value, Value: engine.String.Type()})
	t.opened.Done()
	return err
}

func (t *texts) Process(int, *engine.Batch, *engine.Output) error { return nil }
func (t *texts) Close() error                                     { return nil }

// increments measures a checkpoint of 1 GB of which 1 % has changed: what it uploads, and how long it holds up the
// processing.
func (e *engines) increments() error {
	keys := e.of(1_000_000)
	dir, err := e.fresh()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := newStored(dir, keys)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.fill(); err != nil {
		return err
	}
	first, _, err := s.snapshot(1, nil)
	if err != nil {
		return err
	}
	fmt.Printf("\nA checkpoint of Pebble with %d keys of %d bytes, of which 1 %% changed since the one before, while updates go on:\n", keys, stateBytes)
	fmt.Println("\n| checkpoint | uploaded | of the state | synchronous part | updates of 100 keys meanwhile, p99 | longest |\n|---|--:|--:|--:|--:|--:|")
	for id := int64(2); id <= 1+engineRounds; id++ {
		if err := s.change(keys / 100); err != nil {
			return err
		}
		var stalls []time.Duration
		h, sync, err := s.snapshot(id, func() error {
			start := time.Now()
			err := s.change(100)
			stalls = append(stalls, time.Since(start))
			return err
		})
		if err != nil {
			return err
		}
		slices.Sort(stalls)
		fmt.Printf("| %d | %.1f MB | **%.1f %%** | %.2f ms | **%.2f ms** | %.1f ms |\n", id, float64(h.Checkpointed)/1e6, 100*float64(h.Checkpointed)/float64(first.StateSize()),
			ms(sync), ms(stalls[len(stalls)*99/100]), ms(stalls[len(stalls)-1]))
	}
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// stored is a state backend by itself.
type stored struct {
	backend *pebble.Backend
	keyed   backends.Keyed
	state   backends.ValueState
	access  checkpoints.Access
	random  *rand.Rand
	keys    int
	text    []byte
}

func newStored(dir string, keys int) (s *stored, err error) {
	s = &stored{backend: pebble.New(pebble.Options{Memory: 1 << 30}), random: rand.New(rand.NewPCG(1, 2)), keys: keys}
	at := &checkpoints.FileSystem{Mutable: storage.New(storage.Settings{}).OpenMutable, Dir: filepath.Join(dir, "checkpoints"), Threshold: -1}
	if s.access, err = at.Access(context.Background(), layout.JobID{1}); err != nil {
		return nil, err
	}
	c := &backends.StoreConfig{MaxParallelism: 128, KeyGroups: metadata.KeyGroupRange{First: 0, Last: 127}, Key: engine.Long.Type(),
		Files: s.access.Files(), Dir: filepath.Join(dir, "local"), Now: func() int64 { return time.Now().UnixMilli() }}
	store, err := s.backend.OpenStore(context.Background(), c)
	if err != nil {
		return nil, err
	}
	if s.keyed, err = keyed.New(store, c); err != nil {
		return nil, err
	}
	state, err := s.keyed.State(&backends.Descriptor{Name: "text", Kind: backends.Value, Value: engine.Bytes.Type()})
	if err != nil {
		return nil, err
	}
	s.state = state.(backends.ValueState)
	return s, nil
}

func (s *stored) close() {
	s.keyed.Close()
	s.backend.Close()
	s.access.Close()
}

func (s *stored) put(key int) error {
	if err := s.keyed.SetCurrentKey(int64(key)); err != nil {
		return err
	}
	s.text = append(s.text[:0], 0, 0, stateBytes>>8, stateBytes&0xff)
	for range stateBytes {
		s.text = append(s.text, byte(' '+s.random.IntN(95)))
	}
	return s.state.UpdateBytes(s.text)
}

func (s *stored) fill() error {
	for k := range s.keys {
		if err := s.put(k); err != nil {
			return err
		}
	}
	return nil
}

// change updates n keys at random.
func (s *stored) change(n int) error {
	for range n {
		if err := s.put(s.random.IntN(s.keys)); err != nil {
			return err
		}
	}
	return nil
}

// snapshot takes a checkpoint, and calls meanwhile again and again until it is written.
func (s *stored) snapshot(id int64, meanwhile func() error) (h *metadata.IncrementalHandle, sync time.Duration, err error) {
	l, err := s.access.Location(context.Background(), id)
	if err != nil {
		return nil, 0, err
	}
	runtime.GC()
	start := time.Now()
	write, err := s.keyed.Snapshot(&backends.SnapshotRequest{Checkpoint: id, Streams: l.Streams()})
	sync = time.Since(start)
	if err != nil {
		return nil, 0, err
	}
	type answer struct {
		backends.SnapshotResult
		error
	}
	done := make(chan answer, 1)
	go func() {
		r, err := write(context.Background())
		done <- answer{r, err}
	}()
	for {
		select {
		case a := <-done:
			s.keyed.CheckpointCompleted(id)
			h, _ = a.JobManagerOwned.(*metadata.IncrementalHandle)
			if a.error == nil && h == nil {
				a.error = fmt.Errorf("a handle of %T", a.JobManagerOwned)
			}
			return h, sync, a.error
		default:
		}
		if meanwhile == nil {
			time.Sleep(time.Millisecond)
		} else if err := meanwhile(); err != nil {
			return nil, 0, err
		}
	}
}
