//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/layout/flinkconf"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/restore/connectors"
	"github.com/ckpt-tool/ckpt/restore/engine"
	"github.com/ckpt-tool/ckpt/restore/local"
	"github.com/ckpt-tool/ckpt/restore/settings"
)

// engineRounds is how often each side runs, in turn.
const engineRounds = 3

// engines measures the engine against Flink on the same jobs.
type engines struct {
	ckpt, peer, dir string
	scale           float64
}

// engineBench prints the tables of running and restoring.
func engineBench(ckpt, data, dir string, scale float64) error {
	peer, err := filepath.Abs(filepath.Join(data, "generator", "engine.sh"))
	if err != nil {
		return err
	}
	e := &engines{ckpt: ckpt, peer: peer, dir: filepath.Join(dir, "engine"), scale: scale}
	return errors.Join(e.counts(), e.restores(), e.increments())
}

// of is so many at scale 1, and never less than ten thousand.
func (e *engines) of(n int) int { return max(10_000, int(e.scale*float64(n))) }

// running is one run of the count.
type running struct {
	seconds     float64
	checkpoints int
}

// counts runs the keyed running count on both sides.
func (e *engines) counts() error {
	records, keys := e.of(10_000_000), e.of(500_000)
	fmt.Printf("\nA keyed running count of %d records over %d keys, a checkpoint every second, parallelism 2:\n", records, keys)
	fmt.Println("\n| state | what | seconds | records/s | checkpoints | ratio |\n|---|---|--:|--:|--:|--:|")
	for _, b := range []struct{ flink, ours string }{{"hashmap", "hashmap"}, {"rocksdb", "pebble"}} {
		sides := []struct {
			what string
			run  func() (running, error)
		}{
			{"Flink 2.2, " + b.flink, func() (running, error) { return e.flinkCount(b.flink, records, keys) }},
			{"ckpt run count.yaml, " + b.ours, func() (running, error) { return e.fileCount(b.ours, records, keys) }},
			{"Go API, " + b.ours, func() (running, error) { return e.apiCount(b.ours, records, keys) }},
		}
		all := make([]spread, len(sides))
		done := make([]int, len(sides))
		for range engineRounds {
			for i, s := range sides {
				r, err := s.run()
				if err != nil {
					return fmt.Errorf("%s: %w", s.what, err)
				}
				all[i] = all[i].with(r.seconds)
				done[i] = r.checkpoints
			}
		}
		for i, s := range sides {
			median := all[i].median()
			fmt.Printf("| %s | %s | %s | %.0f k | %d | **%.1f** |\n", b.ours, s.what, all[i], float64(records)/median/1000, done[i], all[0].median()/median)
		}
	}
	return nil
}

func (e *engines) fresh() (string, error) {
	if err := os.MkdirAll(e.dir, 0o755); err != nil {
		return "", err
	}
	return os.MkdirTemp(e.dir, "run")
}

// run runs engine.sh, and gives its last line.
func (e *engines) run(args ...string) (string, error) {
	lines, err := runPeer(e.peer, args...)
	if err != nil {
		return "", err
	}
	return lines[len(lines)-1], nil
}

func (e *engines) flinkCount(backend string, records, keys int) (r running, err error) {
	dir, err := e.fresh()
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	line, err := e.run("run", backend, strconv.Itoa(records), strconv.Itoa(keys), "2", dir)
	if err != nil {
		return r, err
	}
	var n int
	if _, err = fmt.Sscan(line, &n, &r.seconds, &r.checkpoints); err == nil && n != records {
		err = fmt.Errorf("%d records of %d", n, records)
	}
	return r, err
}

func (e *engines) fileCount(backend string, records, keys int) (r running, err error) {
	dir, err := e.fresh()
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	c := exec.Command(e.ckpt, "run", filepath.Join("docs", "jobs", "count.yaml"), "-o", "json", "-q", "--set", "backend="+backend,
		"--set", fmt.Sprintf("records=%d", records), "--set", fmt.Sprintf("keys=%d", keys), "--set", "checkpoints="+dir)
	var said bytes.Buffer
	c.Stderr = &said
	out, err := c.Output()
	if err != nil {
		return r, fmt.Errorf("%w\n%s", err, &said)
	}
	var report struct {
		Records     int
		Seconds     float64
		Checkpoints struct{ Completed int }
	}
	if err := json.Unmarshal(out, &report); err != nil {
		return r, err
	}
	if report.Records != records {
		return r, fmt.Errorf("%d records of %d", report.Records, records)
	}
	return running{report.Seconds, report.Checkpoints.Completed}, nil
}

// apiCount is the same job in Go.
func (e *engines) apiCount(backend string, records, keys int) (r running, err error) {
	dir, err := e.fresh()
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	m, err := machineOf(backend, dir, "execution.checkpointing.interval: 1s")
	if err != nil {
		return r, err
	}
	defer m.Close()
	job := engine.NewJob("count")
	job.Parallelism, job.MaxParallelism = 2, 128
	words := engine.NewSchema(engine.Column{Name: "key", Kind: engine.String})
	job.Source("numbers", connectors.Sequence{From: 0, To: int64(records) - 1}).
		Process("words", words, func() engine.Operator { return &toWords{keys: uint64(keys), schema: words} }).
		KeyBy("key").
		Process("count", counted, func() engine.Operator { return &counting{} }).
		Sink("sink", engine.ExactlyOnce, (&connectors.Discard{}).New)
	result, err := engine.Run(context.Background(), job, *m.Config())
	if err != nil {
		return r, err
	}
	return running{result.Duration.Seconds(), int(result.Checkpoints.Completed)}, nil
}

// machineOf is the engine with a state backend, and settings besides.
func machineOf(backend, dir string, more ...string) (*local.Machine, error) {
	conf := &flinkconf.Config{}
	for _, line := range append([]string{"state.backend.type: " + backend, "execution.checkpointing.dir: " + dir, "restart-strategy.type: none",
		"taskmanager.memory.managed.size: 1g", "execution.checkpointing.num-retained: 3",
		"execution.checkpointing.externalized-checkpoint-retention: RETAIN_ON_CANCELLATION"}, more...) {
		key, value, _ := strings.Cut(line, ": ")
		conf.Set(key, value)
	}
	s, err := settings.Load(settings.Layers{Application: conf})
	if err != nil {
		return nil, err
	}
	return local.New(s, local.World{Mutable: storage.New(storage.Settings{}).OpenMutable})
}

// toWords makes key-%08d of numbers, spread by a multiplicative hash.
type toWords struct {
	keys   uint64
	schema *engine.Schema
}

func (w *toWords) Open(*engine.Context) error { return nil }
func (w *toWords) Close() error               { return nil }

func (w *toWords) Process(_ int, b *engine.Batch, out *engine.Output) error {
	to := out.Batch()
	text := make([]byte, 0, 12*b.N)
	for _, n := range b.Vectors[0].Longs {
		k := (uint64(n) * 0x9E3779B97F4A7C15) >> 1 % w.keys
		text = append(text, "key-00000000"...)
		for i := len(text) - 1; k > 0; i, k = i-1, k/10 {
			text[i] = byte('0' + k%10)
		}
	}
	all := string(text)
	for i := range b.N {
		to.Vectors[0].Strings = append(to.Vectors[0].Strings, all[12*i:12*i+12])
	}
	to.N += b.N
	return nil
}

var counted = engine.NewSchema(engine.Column{Name: "key", Kind: engine.String}, engine.Column{Name: "count", Kind: engine.Long})

// counting is a process function with a ValueState<Long>.
type counting struct {
	keyed backends.Keyed
	state backends.ValueState
	now   [8]byte
}

func (c *counting) Open(ctx *engine.Context) error {
	s, err := ctx.Keyed.State(&backends.Descriptor{Name: "count", Kind: backends.Value, Value: engine.Long.Type()})
	if err == nil {
		c.keyed, c.state = ctx.Keyed, s.(backends.ValueState)
	}
	return err
}

func (c *counting) Process(_ int, b *engine.Batch, out *engine.Output) error {
	to := out.Batch()
	for i := range b.N {
		if err := c.keyed.SetCurrentKeyBytes(b.Key(i), b.KeyGroups[i]); err != nil {
			return err
		}
		was, err := c.state.Bytes()
		if err != nil {
			return err
		}
		n := uint64(1)
		if was != nil {
			n += binary.BigEndian.Uint64(was)
		}
		binary.BigEndian.PutUint64(c.now[:], n)
		if err := c.state.UpdateBytes(c.now[:]); err != nil {
			return err
		}
		to.Vectors[1].Longs = append(to.Vectors[1].Longs, int64(n))
	}
	to.Vectors[0].Strings = append(to.Vectors[0].Strings, b.Vectors[0].Strings...)
	to.N += b.N
	return nil
}

func (c *counting) Close() error { return nil }
