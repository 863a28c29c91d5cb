package connectors

import (
	"cmp"
	"context"
	"io"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// Sequence is the numbers From to To, both included, as one BIGINT column (Flink: NumberSequenceSource). It is replayable:
// exactly once. A split's position is its next number, a Long.
type Sequence struct {
	From, To int64
	Rate     float64 // records per second of all splits together; 0: no limit
	Splits   int     // 0: DefaultSplits. A checkpoint resumes with the same number only.
	Column   string  // "": n
}

var _ engine.Source = Sequence{}

func (s Sequence) strided() strided {
	return strided{what: "numbers", first: s.From, last: s.To, splits: cmp.Or(s.Splits, DefaultSplits)}
}

// Check tells what is wrong with the settings.
func (s Sequence) Check() error { return s.strided().check() }

// Schema implements engine.Source.
func (s Sequence) Schema() *engine.Schema {
	return engine.NewSchema(engine.Column{Name: cmp.Or(s.Column, "n"), Kind: engine.Long})
}

// Guarantee implements engine.Source.
func (Sequence) Guarantee() engine.Guarantee { return engine.ExactlyOnce }

// Bounded implements engine.Source.
func (Sequence) Bounded() bool { return true }

// Discover implements engine.Source.
func (s Sequence) Discover(context.Context) ([]engine.Split, error) { return s.strided().discover() }

// CheckSplit implements engine.SplitChecker.
func (s Sequence) CheckSplit(split engine.Split) error { return s.strided().own(split) }

// Ended implements engine.SplitReopener.
func (s Sequence) Ended(split engine.Split, position any) (bool, error) {
	return s.strided().ended(split, position)
}

// DiscoveryInterval implements engine.Source.
func (Sequence) DiscoveryInterval() int64 { return 0 }

// Position implements engine.Source.
func (Sequence) Position() backends.Type { return longType }

// Open implements engine.Source.
func (s Sequence) Open(_ context.Context, split engine.Split, position any, at engine.SourceContext) (engine.SplitReader, error) {
	all := s.strided()
	c, err := all.open(split, position)
	if err != nil {
		return nil, err
	}
	return &sequenceReader{counting{c, newPacer(s.Rate, split.Index, all.splits, at.Clock)}}, nil
}

// counting is what Sequence and Datagen have in common: a cursor, and when it may move.
type counting struct {
	cursor cursor
	pacer  pacer
}

// take is which records come now. The error is io.EOF or engine.ErrNothingYet.
func (r *counting) take(n int) (first int64, count int, err error) {
	if r.cursor.ended() {
		return 0, 0, io.EOF
	}
	if n = r.pacer.allow(n); n == 0 {
		return 0, 0, engine.ErrNothingYet
	}
	first, count = r.cursor.take(n)
	r.pacer.took(count)
	return first, count, nil
}

// Position implements engine.SplitReader.
func (r *counting) Position() any { return r.cursor.next }

// Wait implements engine.Waiter.
func (r *counting) Wait() <-chan struct{} { return r.pacer.wait() }

// Close implements engine.SplitReader.
func (r *counting) Close() error {
	r.pacer.close()
	return nil
}

type sequenceReader struct{ counting }

// Read implements engine.SplitReader.
func (r *sequenceReader) Read(b *engine.Batch, n int) error {
	next, count, err := r.take(n)
	if err != nil {
		return err
	}
	v, step := &b.Vectors[0], r.cursor.step
	all, added := extend(v.Longs, count)
	for i := range added {
		added[i] = next
		next += step
	}
	v.Longs, v.Nulls = all, nil
	b.N += count
	return nil
}
