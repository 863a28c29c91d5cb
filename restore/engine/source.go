package engine

import (
	"context"
	"errors"

	"github.com/ckpt-tool/ckpt/backends"
)

// Guarantee is what a source or sink can promise when a job resumes.
type Guarantee uint8

// The guarantees.
const (
	ExactlyOnce Guarantee = iota
	AtLeastOnce
	AtMostOnce
)

// String is the guarantee in words.
func (g Guarantee) String() string {
	return [...]string{"exactly once", "at least once", "at most once"}[g]
}

// Source is where records come from (Flink: Source, FLIP-27). It is a description: it may be opened many times.
type Source interface {
	Schema() *Schema
	Guarantee() Guarantee
	Bounded() bool
	// Discover lists all splits that there are now. The engine asks at the start in every sub-task, and again every DiscoveryInterval
	// where that is above zero and the source is not bounded. A split that is known already is left alone. A sub-task whose splits are all at
	// their end, with no more to be discovered, has ended.
	Discover(ctx context.Context) ([]Split, error)
	DiscoveryInterval() int64 // milliseconds; 0: once
	// Position is the type of the positions of its splits; types.ParseSpec must read its String.
	Position() backends.Type
	// Open begins to read a split at a position, nil at its start.
	Open(ctx context.Context, s Split, position any, at SourceContext) (SplitReader, error)
}

// SourceContext is where a reader runs.
type SourceContext struct {
	Subtask, Parallelism int
	Clock                Clock
}

// Split is a part of a source that one sub-task reads. Its ID tells it from others, for good. It belongs to sub-task Index mod
// parallelism.
type Split struct {
	ID    string
	Index int64
}

// SplitChecker is a Source that can tell whether a restored split is one of its own, also one that has been read to its end: records of a
// source that was divided in another way would be read twice.
type SplitChecker interface {
	CheckSplit(s Split) error
}

// SplitReopener is a Source whose splits may go on beyond where they had ended, as when a job is resumed with more records. Ended tells whether a
// restored split that was read to its end still ends at the position.
type SplitReopener interface {
	Ended(s Split, position any) (bool, error)
}

// SplitReader reads one split, from one goroutine.
type SplitReader interface {
	// Read appends at most n records to b, which is empty. It does not wait: with ErrNothingYet it is asked again, soon. io.EOF is the
	// end of the split, when all records were given.
	Read(b *Batch, n int) error
	// Position is where to go on behind all that was read, as the source's type has it. It is asked for between two Reads, and at the
	// end; once records were read it must not be nil, and what it gave must not change.
	Position() any
	Close() error
}

// ErrNothingYet says that a split has no record now, and may have later.
var ErrNothingYet = errors.New("no records yet")

// Waiter is a SplitReader that knows when to be asked again after ErrNothingYet.
type Waiter interface {
	// Wait gives a channel that is closed, or sent to, when there may be records; nil: ask after some milliseconds.
	Wait() <-chan struct{}
}
