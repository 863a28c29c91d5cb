package connectors

import (
	"fmt"
	"math"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// DefaultSplits is into how many splits Sequence and Datagen cut their records where nothing else is said. It does not
// depend on the parallelism, so that a job resumes at any; it has many divisors, so that most are balanced, and with the
// others up to 16 no sub-task has more than one split above its share.
const DefaultSplits = 48

// strided cuts the numbers first to last, both included, into splits: split k has first+k, first+k+splits, … Splits that are
// read in turn advance evenly, so that what comes out is nearly in order, and windows stay few. Cut into stretches instead, the
// watermark, which is that of the slowest split, would stand still until the first stretch ends.
type strided struct {
	first, last int64
	splits      int
	what        string // of the source, and so of its splits
}

func (s strided) check() error {
	switch {
	case s.splits < 1 || s.splits > math.MaxInt16:
		return fmt.Errorf("%d splits: want 1 to %d", s.splits, math.MaxInt16)
	case max(s.first, s.last) > math.MaxInt64-int64(s.splits):
		return fmt.Errorf("the numbers %d to %d: want at most %d", s.first, s.last, math.MaxInt64-int64(s.splits))
	}
	return nil
}

// id tells a split from those of another source or division: positions of one mean nothing in the other.
func (s strided) id(k int64) string {
	return fmt.Sprintf("%s %d of %d from %d", s.what, k, s.splits, s.first)
}

func (s strided) discover() ([]engine.Split, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	all := make([]engine.Split, s.splits)
	for k := range all {
		all[k] = engine.Split{ID: s.id(int64(k)), Index: int64(k)}
	}
	return all, nil
}

// own refuses a split of another division.
func (s strided) own(split engine.Split) error {
	if k := split.Index; k >= 0 && k < int64(s.splits) && split.ID == s.id(k) {
		return nil
	}
	return fmt.Errorf("it was another source, or one with another start or number of splits: %w",
		&backends.IncompatibleError{State: engine.SplitsState, Was: fmt.Sprintf("of a split %q", split.ID), Want: fmt.Sprintf("splits as %q", s.id(0))})
}

// open is a cursor in a split. A position is the next number.
func (s strided) open(split engine.Split, position any) (cursor, error) {
	if err := s.check(); err != nil {
		return cursor{}, err
	}
	if err := s.own(split); err != nil {
		return cursor{}, err
	}
	c := cursor{next: s.first + split.Index, last: s.last, step: int64(s.splits)}
	if position == nil {
		return c, nil
	}
	next, ok := position.(int64)
	if !ok || next < c.next || uint64(next-c.next)%uint64(c.step) != 0 {
		return cursor{}, fmt.Errorf("split %q has no position %v", split.ID, position)
	}
	c.next = next
	return c, nil
}

// ended tells whether nothing is left of a split after a position.
func (s strided) ended(split engine.Split, position any) (bool, error) {
	c, err := s.open(split, position)
	return err == nil && c.ended(), err
}

// cursor goes through the numbers of a split.
type cursor struct{ next, last, step int64 }

// take is where the next count numbers begin, at most n.
func (c *cursor) take(n int) (first int64, count int) {
	if c.next > c.last {
		return c.next, 0
	}
	left := (uint64(c.last)-uint64(c.next))/uint64(c.step) + 1
	count = int(min(left, uint64(max(n, 0))))
	first = c.next
	c.next += int64(count) * c.step
	return first, count
}

func (c *cursor) ended() bool { return c.next > c.last }

// longType is the type of positions: LongSerializer.
var longType = engine.Long.Type()

// extend makes room for n more values.
func extend[T any](vs []T, n int) (all, added []T) {
	from := len(vs)
	if cap(vs)-from < n {
		grown := make([]T, from, from+n)
		copy(grown, vs)
		vs = grown
	}
	all = vs[:from+n]
	return all, all[from:]
}
