package changelog

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
)

// Entries implements backends.Reader. Within a key group, what a state has of the log comes behind what was materialized
// of it. A list that the log added to is in counted form.
func (r *Reader) Entries(ctx context.Context, sel backends.Selection) iter.Seq2[backends.Entry, error] {
	return func(yield func(backends.Entry, error) bool) {
		p := &pass{r: r, ctx: ctx, sel: sel, yield: yield}
		rng := sel.KeyGroups.Intersection(r.rng)
		for from := rng.First; from <= rng.Last && !p.done; {
			to := r.batch(from, rng.Last)
			if to < from {
				p.refuse(from)
				to = from
			} else {
				p.batch(metadata.KeyGroupRange{First: from, Last: to})
			}
			from = to + 1
		}
	}
}

// batch is the last of the key groups from one on whose changes fit the budget together; less than from where it alone
// does not.
func (r *Reader) batch(from, last int32) int32 {
	left := r.opts.Budget()
	for kg := from; kg <= last; kg++ {
		if left -= r.cost[kg-r.rng.First]; left < 0 {
			return kg - 1
		}
	}
	return last
}

// pass is one iteration over entries.
type pass struct {
	r     *Reader
	ctx   context.Context
	sel   backends.Selection
	yield func(backends.Entry, error) bool
	done  bool

	rng      metadata.KeyGroupRange // of the batch
	overlays [][]*overlay

	keyGroup int32 // at hand; those before it are finished
	slot     int   // at hand, -1 for none
	over     *overlay
	// missing is why something materialized of the key group is not there; everywhere, of whatever key group; ended are
	// the slots of which nothing more comes, of no later key group either.
	everywhere error
	missing    error
	ended      map[int]bool
	bases      map[string]base
	held       int64
	name, list []byte // for use again and again

	from *backends.State // the state of a reader below that was met last, and what it is here
	here known
}

// base is a value that was materialized.
type base struct {
	state  *backends.State
	value  []byte
	joined bool
}

func (p *pass) give(e backends.Entry) {
	if !p.done && !p.yield(e, nil) {
		p.done = true
	}
}

// fail yields an error. One that is not passed ends the iteration.
func (p *pass) fail(err error) {
	if p.done {
		return
	}
	var e *backends.Error
	if !p.yield(backends.Entry{}, err) || !errors.As(err, &e) || !e.Passed {
		p.done = true
	}
}

const moreMemory = "allow more with --memory"

// refuse tells that the changes of a key group are too many.
func (p *pass) refuse(keyGroup int32) {
	path := inMetadata
	if len(p.r.logs) > 0 {
		path = pathOf(p.r, keyGroup)
	}
	p.fail(&backends.Error{
		Path: path, KeyGroup: keyGroup, Passed: true,
		Message: fmt.Sprintf("the changes of key group %d take %d bytes of memory, more than the %d that are allowed",
			keyGroup, p.r.cost[keyGroup-p.r.rng.First], p.r.opts.Budget()),
		Hint: moreMemory, Err: backends.ErrBudget,
	})
}

// pathOf is a file with changes of the key group.
func pathOf(r *Reader, keyGroup int32) string {
	for _, s := range r.order {
		if s.set == nil {
			continue
		}
		for _, g := range s.set.groups {
			if g.keyGroup == keyGroup {
				return g.path
			}
		}
	}
	return inMetadata
}

// batch reads some key groups.
func (p *pass) batch(rng metadata.KeyGroupRange) {
	overlays, err := p.r.replayed(p.ctx, rng, &p.sel)
	if err != nil {
		p.fail(err)
		p.done = true
		return
	}
	p.ended = nil
	p.rng, p.overlays = rng, overlays
	p.keyGroup, p.slot, p.over = rng.First, -1, nil
	p.open()
	for from := rng.First; from <= rng.Last && !p.done; {
		readers, to := p.r.readersOf(from, rng.Last)
		if len(readers) > 1 {
			p.fail(fmt.Errorf("key groups %d to %d were materialized more than once, and nothing says which of them counts", from, to))
			p.done = true
			return
		}
		for _, u := range readers {
			p.materialized(u, metadata.KeyGroupRange{First: from, Last: to})
		}
		from = to + 1
	}
	p.upTo(rng.Last+1, -1)
}

// readersOf are those that hold the key group from, and up to which that stays so.
func (r *Reader) readersOf(from, last int32) ([]backends.Reader, int32) {
	var readers []backends.Reader
	for _, u := range r.under {
		switch {
		case u.rng.First <= from && from <= u.rng.Last:
			readers = append(readers, u.reader)
			last = min(last, u.rng.Last)
		case u.rng.First > from:
			last = min(last, u.rng.First-1)
		}
	}
	return readers, last
}

// materialized passes on what a reader has, as far as the log leaves it.
func (p *pass) materialized(u backends.Reader, rng metadata.KeyGroupRange) {
	sub := backends.Selection{KeyGroups: rng, Key: p.sel.Key}
	if p.sel.States != nil {
		sub.States = func(st *backends.State) bool { return p.sel.States(p.r.stateOf(st)) }
	}
	for e, err := range u.Entries(p.ctx, sub) {
		if err != nil {
			p.broken(err)
		} else {
			p.entry(&e)
		}
		if p.done {
			return
		}
	}
	if len(p.ended) > 0 { // another reader may have these states in the key groups behind
		p.upTo(rng.Last+1, -1)
		p.ended = nil
	}
}

// broken takes an error of a reader below. Where the reader goes on with other states, they are not concerned; else nobody
// knows what else of the key group it does not have.
func (p *pass) broken(err error) {
	var e *backends.Error
	if errors.As(err, &e) && e.Passed && e.KeyGroup > p.keyGroup {
		p.upTo(min(e.KeyGroup, p.rng.Last), -1)
	}
	slot, known := -1, false
	if e != nil {
		slot, known = p.slotOf(e.State)
	}
	switch {
	case known && e.Rest:
		if p.ended == nil {
			p.ended = map[int]bool{}
		}
		p.ended[slot] = true
	case e == nil || e.KeyGroup < 0 || e.Rest:
		p.everywhere = errMissing
		fallthrough
	default:
		p.missing = errMissing
	}
	p.fail(err)
}

// slotOf is the slot of a state that an error names.
func (p *pass) slotOf(name string) (int, bool) {
	i, ok := p.r.byName[name]
	return i, ok && name != ""
}

// upTo finishes what is before a state in a key group.
func (p *pass) upTo(keyGroup int32, slot int) {
	if p.slot >= 0 {
		p.finish(p.slot)
	}
	for p.keyGroup < keyGroup && !p.done {
		for i := range p.overlays[p.keyGroup-p.rng.First] {
			p.finish(i)
		}
		p.keyGroup++
		p.open()
	}
	p.slot, p.over = slot, nil
	if slot >= 0 {
		p.over = p.overlayOf(slot)
	}
	switch {
	case p.over == nil:
	case p.over.done:
		p.end("%q comes twice in key group %d", p.r.slots[slot].name, keyGroup)
	case p.over.lost != nil:
		p.fail(p.over.lost)
	default:
		p.over.prepare()
	}
}

// open begins a key group.
func (p *pass) open() {
	p.missing, p.held = p.everywhere, 0
}

// overlayOf is that of a slot in the key group at hand.
func (p *pass) overlayOf(slot int) *overlay {
	if of := p.overlays[p.keyGroup-p.rng.First]; of != nil {
		return of[slot]
	}
	return nil
}

// end tells that a reader below does not keep to its contract, which nothing could be made of.
func (p *pass) end(format string, args ...any) {
	p.fail(fmt.Errorf(format, args...))
	p.done = true
}

// entry takes one that was materialized.
func (p *pass) entry(e *backends.Entry) {
	if e.State != p.from {
		p.from, p.here = e.State, p.r.known[e.State]
	}
	if p.here.state == nil || e.KeyGroup < p.keyGroup || e.KeyGroup > p.rng.Last {
		p.end("an entry of %q in key group %d, which was not asked for", e.State.Name, e.KeyGroup)
		return
	}
	if e.KeyGroup != p.keyGroup || p.here.slot != p.slot {
		p.upTo(e.KeyGroup, p.here.slot)
	}
	if p.over == nil || p.stays(e) {
		e.State = p.here.state
		p.give(*e)
	}
}
