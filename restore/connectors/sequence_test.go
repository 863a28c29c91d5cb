package connectors

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

func TestSequenceReplay(t *testing.T) {
	for _, s := range []Sequence{{To: 99}, {From: -5, To: 40, Splits: 7}, {From: 3, To: 3}, {From: 1, To: 0}, {From: 0, To: 30, Splits: 1},
		{From: math.MinInt64, To: math.MinInt64 + 60}, {From: math.MaxInt64 - 90, To: math.MaxInt64 - DefaultSplits}} {
		var want []string
		for n := s.From; n <= s.To; n++ {
			want = append(want, fmt.Sprint("int64:", n))
		}
		got := replay(t, s)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%+v: %q", s, got)
		}
	}
}

// TestSequenceBalance: no sub-task has more than one split above another, and all go on evenly.
func TestSequenceBalance(t *testing.T) {
	splits := discover(t, Sequence{To: 1000})
	for parallelism := 1; parallelism <= 16; parallelism++ {
		counts := make([]int, parallelism)
		for _, s := range splits {
			counts[s.Index%int64(parallelism)]++
		}
		if slices.Max(counts)-slices.Min(counts) > 1 || slices.Max(counts) != (DefaultSplits+parallelism-1)/parallelism {
			t.Errorf("%d: %v", parallelism, counts)
		}
	}
	s := Sequence{To: 48*10 - 1}
	var order []string
	var readers []engine.SplitReader
	for _, split := range splits {
		readers = append(readers, openSplit(t, s, split, nil, nil))
	}
	for range 10 {
		for _, r := range readers {
			rows, err := read(t, s, r, 1)
			if err != nil {
				t.Fatal(err)
			}
			order = append(order, rows...)
		}
	}
	for i, n := range order {
		if n != fmt.Sprint("int64:", i) {
			t.Fatalf("%d came as %d-th", i, i)
		}
	}
}

func TestSequenceRefuses(t *testing.T) {
	s := Sequence{To: 100}
	split := discover(t, s)[3]
	open := func(s engine.Source, split engine.Split, position any) error {
		_, err := s.Open(t.Context(), split, position, engine.SourceContext{})
		return err
	}
	for want, err := range map[string]error{
		"has no position 4":        open(s, split, int64(4)),
		"has no position 0":        open(s, split, int64(0)),
		"has no position x":        open(s, split, "x"),
		`"numbers 3 of 48 from 0"`: open(Sequence{To: 100, Splits: 4}, split, nil),
		"another start":            open(Sequence{From: 1, To: 100}, split, nil),
		"-1 splits":                Sequence{Splits: -1}.Check(),
		"want at most":             Sequence{To: math.MaxInt64}.Check(),
		"want at most 92233":       func() error { _, err := Sequence{From: math.MaxInt64}.Discover(t.Context()); return err }(),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	longer := Sequence{To: 1000}
	var misfit *backends.IncompatibleError // so that the job fails at once, with the exit code of that
	if err := open(Sequence{To: 100, Splits: 4}, split, nil); !errors.As(err, &misfit) {
		t.Errorf("%v", err)
	}
	r := openSplit(t, longer, split, int64(3+48*2), nil) // the end may move
	if got := rest(t, longer, r, 100); len(got) != 19 || got[0] != "int64:99" {
		t.Error(got)
	}
}

// pull reads what comes in a time, step by step, from all splits.
func pull(t *testing.T, s engine.Source, readers []engine.SplitReader, clock *fakeClock, steps int, step time.Duration) (got []string) {
	for range steps {
		for _, r := range readers {
			rows, err := read(t, s, r, 1000)
			if err != nil && err != io.EOF && err != engine.ErrNothingYet {
				t.Fatal(err)
			}
			got = append(got, rows...)
		}
		clock.advance(step)
	}
	return got
}

func TestRate(t *testing.T) {
	for _, rate := range []float64{0.5, 10, 1000, 100_000} {
		clock := newFakeClock()
		s := Sequence{To: 1 << 40, Rate: rate}
		var readers []engine.SplitReader
		for _, split := range discover(t, s) {
			readers = append(readers, openSplit(t, s, split, nil, clock))
		}
		got := pull(t, s, readers, clock, 1000, 10*time.Millisecond) // 10 seconds
		if n := float64(len(got)); math.Abs(n-10*rate) > max(2, rate/50) {
			t.Errorf("rate %v: %v records in 10 seconds", rate, n)
		}
		if rate <= 10 {
			for i, n := range got {
				if n != fmt.Sprint("int64:", i) {
					t.Errorf("rate %v: %s is the %d-th", rate, n, i)
				}
			}
		}
		clock.advance(time.Hour) // nobody read: a second of it is made up for
		if n := float64(len(pull(t, s, readers, clock, 1, 0))); n > rate+float64(len(readers)) {
			t.Errorf("rate %v: %v records after an hour", rate, n)
		}
		for _, r := range readers {
			r.Close()
		}
	}
}

func TestRateWaits(t *testing.T) {
	clock := newFakeClock()
	s := Sequence{To: 100, Rate: 10, Splits: 1}
	r := openSplit(t, s, discover(t, s)[0], nil, clock)
	if rows, err := read(t, s, r, 5); len(rows) != 1 || err != nil {
		t.Fatal(rows, err)
	}
	if _, err := read(t, s, r, 5); err != engine.ErrNothingYet {
		t.Fatal(err)
	}
	wait := r.(engine.Waiter).Wait()
	clock.advance(99 * time.Millisecond)
	select {
	case <-wait:
		t.Error("too early")
	default:
	}
	clock.advance(2 * time.Millisecond)
	<-wait
	if rows, err := read(t, s, r, 5); len(rows) != 1 || err != nil {
		t.Fatal(rows, err)
	}
	r.(engine.Waiter).Wait()
	if r.Close(); len(clock.timers) != 0 {
		t.Error("a timer is left")
	}
}

func BenchmarkSequence(b *testing.B) {
	s := Sequence{To: math.MaxInt64 - 48, Splits: 1}
	splits, err := s.Discover(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	r, err := s.Open(b.Context(), splits[0], nil, engine.SourceContext{})
	if err != nil {
		b.Fatal(err)
	}
	batch := engine.NewBatch(s.Schema(), 512)
	b.ReportAllocs()
	for b.Loop() {
		batch.N, batch.Vectors[0].Longs = 0, batch.Vectors[0].Longs[:0]
		if err := r.Read(batch, 512); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(512*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrecords/s")
}

// TestEnded: a split that was read to its end goes on where there are more numbers now.
func TestEnded(t *testing.T) {
	split := engine.Split{ID: "numbers 3 of 4 from 5", Index: 3} // 8, 12, …
	for _, c := range []struct {
		source   engine.SplitReopener
		position int64
		ended    bool
	}{
		{Sequence{From: 5, To: 11, Splits: 4}, 12, true},
		{Sequence{From: 5, To: 12, Splits: 4}, 12, false},
		{Sequence{From: 5, To: 100, Splits: 4}, 12, false},
		{Sequence{From: 5, To: 6, Splits: 4}, 12, true}, // fewer than before
	} {
		if ended, err := c.source.Ended(split, c.position); err != nil || ended != c.ended {
			t.Errorf("%+v: %v %v", c.source, ended, err)
		}
	}
	if ended, err := (&Datagen{Columns: []DatagenColumn{{Name: "n", Generator: Counter{}}}, Records: -1, Splits: 4}).Ended(engine.Split{ID: "records 3 of 4 from 0", Index: 3}, int64(11)); ended || err != nil {
		t.Error(ended, err)
	}
	for name, c := range map[string]struct{ growing, ended bool }{"/in/a.log": {true, false}, "/in/b.log": {false, true}, "/in/a.log.gz": {true, true}} {
		if ended, err := (&FileSource{Growing: c.growing}).Ended(engine.Split{ID: name}, int64(3)); err != nil || ended != c.ended {
			t.Errorf("%s: %v, %v", name, ended, err)
		}
	}
	if _, err := (Sequence{From: 5, To: 100, Splits: 4}).Ended(split, int64(13)); err == nil {
		t.Error("a position of another split")
	}
}

// TestCheckSplit: a split of another division is refused, also through a checkpoint in which all were read.
func TestCheckSplit(t *testing.T) {
	ours := Sequence{From: 5, To: 100, Splits: 4}
	splits, err := ours.Discover(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []engine.SplitChecker{Sequence{From: 5, To: 100, Splits: 3}, Sequence{From: 6, To: 100, Splits: 4}, &Datagen{Records: 100, Splits: 3}} {
		var wrong *backends.IncompatibleError
		if err := other.CheckSplit(splits[3]); !errors.As(err, &wrong) {
			t.Errorf("%+v: %v", other, err)
		}
	}
	splits[3].ID = "numbers 3 of 4 from 0"
	if err := (&Datagen{Records: 100, Splits: 4}).CheckSplit(splits[3]); err == nil {
		t.Error("a split of a sequence is taken for one of datagen")
	}
	splits[3].ID = "numbers 3 of 4 from 5"
	if err := (Sequence{From: 5, To: 7, Splits: 4}).CheckSplit(splits[3]); err != nil {
		t.Error(err)
	}
}
