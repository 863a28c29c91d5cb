package engine_test

import (
	"context"
	"encoding/binary"
	"io"
	"strconv"
	"testing"
	"time"
	"unsafe"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// bareSequence is a source of numbers that costs next to nothing.
type bareSequence struct{ n, splits int64 }

var bareNumbers = engine.NewSchema(engine.Column{Name: "n", Kind: engine.Long})

func (s *bareSequence) Schema() *engine.Schema      { return bareNumbers }
func (s *bareSequence) Guarantee() engine.Guarantee { return engine.ExactlyOnce }
func (s *bareSequence) Bounded() bool               { return true }
func (s *bareSequence) DiscoveryInterval() int64    { return 0 }
func (s *bareSequence) Position() backends.Type     { return engine.Long.Type() }
func (s *bareSequence) Discover(context.Context) (all []engine.Split, err error) {
	for i := range s.splits {
		all = append(all, engine.Split{ID: strconv.FormatInt(i, 10), Index: i})
	}
	return all, nil
}
func (s *bareSequence) Open(_ context.Context, sp engine.Split, position any, _ engine.SourceContext) (engine.SplitReader, error) {
	r := &bareReader{s: s, at: sp.Index}
	if position != nil {
		r.at = position.(int64)
	}
	return r, nil
}

type bareReader struct {
	s  *bareSequence
	at int64
}

func (r *bareReader) Read(b *engine.Batch, n int) error {
	v := b.Vectors[0].Longs
	for ; b.N < n; b.N++ {
		if r.at >= r.s.n {
			b.Vectors[0].Longs = v
			return io.EOF
		}
		v = append(v, r.at)
		r.at += r.s.splits
	}
	b.Vectors[0].Longs = v
	return nil
}
func (r *bareReader) Position() any { return r.at }
func (r *bareReader) Close() error  { return nil }

var keyedNumbers = engine.NewSchema(engine.Column{Name: "key", Kind: engine.String})

// toKey makes keys as key-%08d.
type toKey struct{ keys int64 }

func (k *toKey) Open(*engine.Context) error { return nil }
func (k *toKey) Close() error               { return nil }
func (k *toKey) Process(_ int, b *engine.Batch, out *engine.Output) error {
	to := out.Batch()
	text := make([]byte, 0, 12*b.N)
	strings := to.Vectors[0].Strings
	for _, n := range b.Vectors[0].Longs {
		n %= k.keys
		var digits [12]byte
		copy(digits[:], "key-00000000")
		for i := 11; n > 0; i-- {
			digits[i] = byte('0' + n%10)
			n /= 10
		}
		from := len(text)
		text = append(text, digits[:]...)
		strings = append(strings, unsafe.String(&text[from], 12))
	}
	to.Vectors[0].Strings, to.N = strings, b.N
	b.Release()
	return nil
}

// countBytes is a running count upon the bytes of a ValueState.
type countBytes struct {
	c     *engine.Context
	count backends.ValueState
	buf   [8]byte
}

func (o *countBytes) Open(c *engine.Context) (err error) {
	o.c = c
	o.count, err = engine.ValueOf(c, "count", engine.Long.Type())
	return err
}
func (o *countBytes) Close() error { return nil }
func (o *countBytes) Process(_ int, b *engine.Batch, out *engine.Output) error {
	to := out.Batch()
	for i := range b.N {
		if err := o.c.Keyed.SetCurrentKeyBytes(b.Key(i), b.KeyGroups[i]); err != nil {
			return err
		}
		old, err := o.count.Bytes()
		if err != nil {
			return err
		}
		n := uint64(1)
		if old != nil {
			n = binary.BigEndian.Uint64(old) + 1
		}
		binary.BigEndian.PutUint64(o.buf[:], n)
		if err := o.count.UpdateBytes(o.buf[:]); err != nil {
			return err
		}
		to.Vectors[1].Longs = append(to.Vectors[1].Longs, int64(n))
	}
	to.Vectors[0].Strings = append(to.Vectors[0].Strings, b.Vectors[0].Strings...)
	to.N = b.N
	b.Release()
	return nil
}

func benchJob(n, keys int64, stateful bool) *engine.Job {
	j := engine.NewJob("bench")
	j.Parallelism = 2
	s := j.Source("numbers", &bareSequence{n: n, splits: 2}).
		Process("key", keyedNumbers, func() engine.Operator { return &toKey{keys} }).KeyBy("key")
	if stateful {
		s = s.Process("count", counted, func() engine.Operator { return &countBytes{} })
	}
	s.Sink("out", engine.ExactlyOnce, func() engine.Operator { return engine.Discard{} })
	return j
}

// BenchmarkCount is the keyed running count of docs/benchmarks.md; b.N records.
func BenchmarkCount(b *testing.B) {
	c := config()
	c.Checkpointing.Interval = time.Second
	benchRun(b, benchJob(int64(b.N), 500_000, true), c)
}

// BenchmarkExchange is the same without state.
func BenchmarkExchange(b *testing.B) {
	benchRun(b, benchJob(int64(b.N), 500_000, false), config())
}

func benchRun(b *testing.B, j *engine.Job, c engine.Config) {
	b.ReportAllocs()
	r, err := engine.Run(context.Background(), j, c)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(r.Records)/b.Elapsed().Seconds(), "records/s")
	b.ReportMetric(float64(r.Checkpoints.Completed), "checkpoints")
}
