// Package entrydiff tells which entries of state differ between two snapshots, whatever formats they are in: a canonical
// savepoint equals the RocksDB checkpoint of the same state.
//
// Entries are compared by their JSON, so that types, backends and versions may differ. Keyed state is read by ranges of
// key groups, of both sides at a time: the one side's entries of a range are held, and those of the other side are
// looked up. A range that is too large for memory is halved; a key group that is, is read several
// times, each time a share of it by the hash of the keys.
package entrydiff

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/metadata"
)

// What is a kind of change.
type What string

// The kinds.
const (
	Added   What = "added"   // in the second snapshot only
	Removed What = "removed" // in the first only
	Changed What = "changed" // in both, with other values
)

// Change is an entry that differs.
type Change struct {
	What     What
	Operator metadata.OperatorID
	State    string
	Kind     backends.Kind
	KeyGroup int32  // -1 where there is none
	Identity []byte // fields of JSON that tell which entry it is, each behind a comma
	Old, New []byte // fields of JSON with the value, each behind a comma; nil where there is no such entry
}

// Count sums up one state.
type Count struct {
	Operator                      metadata.OperatorID
	State                         string
	Kind                          backends.Kind
	Same, Added, Removed, Changed int64
	// Unread is how many entries one side has of which it is not known whether the other has them, as a part of the
	// other's state could not be read.
	Unread int64
}

// Differs tells whether any entry differs.
func (c *Count) Differs() bool { return c.Added+c.Removed+c.Changed > 0 }

// Options are bounds, and what to compare.
type Options struct {
	Workers int
	Memory  int64 // bytes of entries held, by all workers together; 0 for the default of package backends
	// Wanted selects states; nil: all but in-flight data.
	Wanted func(*backends.State) bool
	// Passed is told of what could not be read or decoded and was passed over. Any goroutine may call it.
	Passed func(side int, err error)
}

// Compare compares a with b, and reports each change, one at a time, in no particular order. The counts
// are by operator and state. An error of report ends it.
func Compare(ctx context.Context, a, b *snapshot.Snapshot, opts Options, report func(*Change) error) ([]Count, error) {
	budget := backends.Options{Memory: opts.Memory}
	opts.Workers = max(1, opts.Workers)
	c := &comparison{sides: [2]*snapshot.Snapshot{a, b}, opts: opts, report: report, counts: map[stateID]*Count{}}
	c.budget = max(64<<10, budget.Budget()/int64(opts.Workers))
	ctx, c.cancel = context.WithCancelCause(ctx)
	defer c.cancel(nil)
	var wg sync.WaitGroup
	units := make(chan *unit)
	for range opts.Workers {
		wg.Go(func() {
			for u := range units {
				if err := c.unit(ctx, u); err != nil {
					c.cancel(err)
				}
			}
		})
	}
	for _, u := range c.units() {
		if ctx.Err() != nil {
			break
		}
		units <- u
	}
	close(units)
	wg.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return c.sum(), nil
}

// stateID tells states apart.
type stateID struct {
	operator metadata.OperatorID
	name     string
	kind     backends.Kind
}

// comparison is one run.
type comparison struct {
	sides  [2]*snapshot.Snapshot
	opts   Options
	budget int64
	report func(*Change) error
	cancel context.CancelCauseFunc

	mu     sync.Mutex // of what follows, and of report
	counts map[stateID]*Count
}

// unit is what is read in one go: some parts of either side, that hold all entries that may be equal.
type unit struct {
	parts  [2][]*snapshot.Part
	share  uint64 // which share of the entries, by their hashes
	shares uint64
}

// units divides both sides.
func (c *comparison) units() []*unit {
	var units []*unit
	for _, id := range c.operators() {
		keyed := [2][]*snapshot.Handle{}
		rest := &unit{shares: 1}
		for side, s := range c.sides {
			for _, h := range s.Handles {
				switch {
				case h.Operator.ID != id || h.Slot == metadata.InputChannel || h.Slot == metadata.ResultSubpartition:
				case h.Keyed():
					keyed[side] = append(keyed[side], h)
				default:
					rest.parts[side] = append(rest.parts[side], h.Whole())
				}
			}
		}
		if len(rest.parts[0])+len(rest.parts[1]) > 0 {
			units = append(units, rest)
		}
		units = append(units, divide(keyed)...)
	}
	return units
}

// operators are those of both sides, in the order of the files.
func (c *comparison) operators() []metadata.OperatorID {
	var ids []metadata.OperatorID
	for _, s := range c.sides {
		for _, h := range s.Handles {
			if !slices.Contains(ids, h.Operator.ID) {
				ids = append(ids, h.Operator.ID)
			}
		}
	}
	return ids
}

// ranges is how many ranges of key groups an operator is divided into.
const ranges = 16

// divide divides keyed state by key groups. Where the two sides have another number of them, a key lies in other
// groups, and nothing can be divided.
func divide(keyed [2][]*snapshot.Handle) []*unit {
	all := metadata.KeyGroupRange{First: 0, Last: -1}
	equal := true
	for _, handles := range keyed {
		for _, h := range handles {
			last := keygroups.All(h.Operator.MaxParallelism).Last
			equal = equal && (all.Len() == 0 || all.Last == last)
			all.Last = max(all.Last, last)
		}
	}
	if all.Len() == 0 {
		return nil
	}
	whole := &unit{shares: 1}
	for side, handles := range keyed {
		for _, h := range handles {
			whole.parts[side] = append(whole.parts[side], h.Whole())
		}
	}
	if !equal {
		return []*unit{whole}
	}
	var units []*unit
	n := min(ranges, all.Len())
	for i := range n {
		r := metadata.KeyGroupRange{First: int32(i * all.Len() / n), Last: int32((i+1)*all.Len()/n) - 1}
		if u := whole.within(r); len(u.parts[0])+len(u.parts[1]) > 0 {
			units = append(units, u)
		}
	}
	return units
}

// within is the unit cut to some key groups.
func (u *unit) within(r metadata.KeyGroupRange) *unit {
	cut := &unit{shares: u.shares, share: u.share}
	for side, parts := range u.parts {
		for _, p := range parts {
			both := metadata.KeyGroupRange{First: max(p.KeyGroups.First, r.First), Last: min(p.KeyGroups.Last, r.Last)}
			if both.Len() > 0 {
				cut.parts[side] = append(cut.parts[side], &snapshot.Part{Handle: p.Handle, KeyGroups: both})
			}
		}
	}
	return cut
}

// halves divides a unit that is too large.
func (u *unit) halves() [2]*unit {
	first, last := int32(keygroups.MaxParallelism), int32(-1)
	equal, groups := true, int32(0)
	for _, parts := range u.parts {
		for _, p := range parts {
			if !p.Keyed() {
				equal = false
				continue
			}
			equal = equal && (groups == 0 || groups == p.Operator.MaxParallelism)
			groups = p.Operator.MaxParallelism
			first, last = min(first, p.KeyGroups.First), max(last, p.KeyGroups.Last)
		}
	}
	if equal && first < last {
		middle := first + (last-first)/2
		return [2]*unit{
			u.within(metadata.KeyGroupRange{First: first, Last: middle}), u.within(metadata.KeyGroupRange{First: middle + 1, Last: last}),
		}
	}
	a, b := *u, *u
	a.shares, b.shares = 2*u.shares, 2*u.shares
	b.share += u.shares
	return [2]*unit{&a, &b}
}

// sum gives the counts in the order of the operators.
func (c *comparison) sum() []Count {
	order := map[metadata.OperatorID]int{}
	for i, id := range c.operators() {
		order[id] = i
	}
	var counts []Count
	for _, n := range c.counts {
		counts = append(counts, *n)
	}
	slices.SortFunc(counts, func(a, b Count) int {
		return cmp.Or(cmp.Compare(order[a.Operator], order[b.Operator]), cmp.Compare(a.State, b.State), cmp.Compare(a.Kind, b.Kind))
	})
	return counts
}
