package keyed

import (
	"bytes"

	"github.com/ckpt-tool/ckpt/backends"
)

// How much is looked at for what has expired, while a round lasts.
const (
	sweepEach  = 4   // values, or elements of lists, for each that is written
	sweepEvery = 256 // writes
)

// sweep finds what has expired, and might never be asked for again: with the writes to a state its entries are gone over a few
// at a time (Flink: TtlIncrementalCleanup, which looks at 5 entries for each access). Between two rounds half a life passes, so that
// not many more entries have expired than half as many as live, and those that live long cost little.
type sweep struct {
	table backends.Sweeper
	due   int   // values to look at; below 0 if it was more than were due
	next  int64 // when the next round begins
	// left is what is left of a value as it lies in the table: b itself where nothing has expired, nil where all has. n is how many
	// values that are.
	left func(b []byte, now int64) (left []byte, n int, err error)
}

// sweeping looks for what has expired from now on, if the values of the state do, and its table can be gone over.
func (s *base) sweeping(left func(b []byte, now int64) ([]byte, int, error)) {
	if t, ok := s.table.(backends.Sweeper); ok && s.ttl != nil {
		s.sweep = &sweep{table: t, left: left}
	}
}

// written is called after n values were written.
func (s *base) written(n int) error {
	if s.sweep == nil {
		return nil
	}
	if s.sweep.due += n * sweepEach; s.sweep.due < sweepEach*sweepEvery {
		return nil
	}
	return s.removeExpired()
}

// removeExpired looks at the entries that are due.
func (s *base) removeExpired() error {
	now := s.ttl.now()
	if wait := s.sweep.next - now; wait > 0 && wait <= s.ttl.millis/2 { // more, where the clock was set back
		s.sweep.due = 0
		return nil
	}
	found, err := s.findExpired(now)
	if err != nil {
		return err
	}
	for _, r := range found {
		if r.Value != nil {
			err = s.table.Put(r.KeyGroup, r.Key, r.Sub, r.Value)
		} else {
			err = s.table.Delete(r.KeyGroup, r.Key, r.Sub)
		}
		if err != nil {
			return s.failed(err)
		}
	}
	return nil
}

// findExpired goes over the entries that are due, and gives those of which something has expired, with what is left of them.
func (s *base) findExpired(now int64) ([]backends.Row, error) {
	var found []backends.Row
	end, err := s.sweep.table.Sweep(s.sweep.due, func(row backends.Row) error {
		left, n, err := s.sweep.left(row.Value, now)
		s.sweep.due -= n
		if err == nil && len(left) < len(row.Value) {
			found = append(found, backends.Row{KeyGroup: row.KeyGroup, Key: bytes.Clone(row.Key), Sub: bytes.Clone(row.Sub), Value: bytes.Clone(left)})
		}
		return err
	})
	if err != nil {
		return nil, s.failed(err)
	}
	if s.sweep.due = min(s.sweep.due, 0); end {
		s.sweep.next = now + s.ttl.millis/2
	}
	return found, nil
}

// live is b, a value with its time, or nil if it has expired.
func (s *base) live(b []byte, now int64) ([]byte, error) {
	access, _, err := split(b)
	if err != nil || s.ttl.expired(access, now) {
		return nil, err
	}
	return b, nil
}

// left is that of one value.
func (s *base) left(b []byte, now int64) ([]byte, int, error) {
	b, err := s.live(b, now)
	return b, 1, err
}

// left is that of a value in a map. One that is null has no time.
func (s *mapState) left(b []byte, now int64) ([]byte, int, error) {
	value, err := unflag(b)
	if value == nil || err != nil {
		return b, 1, err
	}
	if value, err = s.live(value, now); value == nil {
		return nil, 1, err
	}
	return b, 1, nil
}

// left is that of a list: the elements that live.
func (s *listState) left(b []byte, now int64) ([]byte, int, error) {
	var all []byte
	n := 0
	for e, err := range backends.JoinedElements(s.meta.Value, b) {
		if err == nil {
			e, err = s.live(e, now)
		}
		if err != nil {
			return nil, n, err
		}
		if n++; e == nil {
			continue
		}
		if all != nil {
			all = append(all, backends.ListDelimiter)
		}
		all = append(all, e...)
	}
	return all, n, nil
}
