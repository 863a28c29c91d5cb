package entrydiff

import (
	"context"
	"errors"
	"hash/maphash"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/metadata"
)

// entry is one entry of either side.
type entry struct {
	raw      *backends.Entry
	id       stateID
	identity []byte
	hash     uint64
}

// losses are the states of which a side of a unit could not be read to its end: what is not met of them may be there.
type losses struct {
	all    map[metadata.OperatorID]bool
	states map[lostState]bool
}

type lostState struct {
	operator metadata.OperatorID
	name     string
}

// add notes what an error says of a part of an operator.
func (l *losses) add(operator metadata.OperatorID, err error) {
	var e *backends.Error
	if l.all == nil {
		l.all, l.states = map[metadata.OperatorID]bool{}, map[lostState]bool{}
	}
	if errors.As(err, &e) && e.State != "" && e.Path == "" { // a value that does not decode
		l.states[lostState{operator, e.State}] = true
		return
	}
	l.all[operator] = true
}

// has tells whether entries of the state may be missing. What is wrong with a file may cost other states too: those of
// the heap lie behind each other.
func (l *losses) has(id stateID) bool {
	return l.all[id.operator] || l.states[lostState{id.operator, id.name}]
}

// read reads one side of a unit. An entry is valid during the call.
func (c *comparison) read(ctx context.Context, u *unit, side int, lost *losses, each func(*entry) error) error {
	p := c.sides[side].Printer()
	e := &entry{}
	for _, part := range u.parts[side] {
		for raw, err := range part.Entries(ctx, c.wanted) {
			if err == nil {
				err = e.fill(p, &raw)
			}
			if err != nil {
				if !c.passes(side, err) {
					return err
				}
				lost.add(part.Operator.ID, err)
				continue
			}
			if u.shares > 1 && e.hash%u.shares != u.share {
				continue
			}
			if err := each(e); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

func (c *comparison) wanted(st *backends.State) bool {
	return st.Kind != backends.Channel && (c.opts.Wanted == nil || c.opts.Wanted(st))
}

// passes tells whether the comparison goes on behind err: behind a value that does not decode, and behind what a reader
// has passed over.
func (c *comparison) passes(side int, err error) bool {
	var e *backends.Error
	if !errors.As(err, &e) || !e.Passed && e.Path != "" {
		return false
	}
	if c.opts.Passed != nil {
		c.opts.Passed(side, err)
	}
	return true
}

// fill takes raw. Elements of operator state are told apart by their values only.
func (e *entry) fill(p *snapshot.Printer, raw *backends.Entry) error {
	e.raw = raw
	e.id = stateID{operator: raw.State.Operator, name: raw.State.Name, kind: raw.State.Kind}
	var err error
	if e.identity, err = p.AppendIdentity(e.identity[:0], raw); err != nil {
		return err
	}
	if e.id.kind == backends.OperatorList || e.id.kind == backends.Union {
		if e.identity, err = p.AppendContent(e.identity, raw); err != nil {
			return err
		}
	}
	e.hash = maphash.Bytes(seed, e.identity) ^ maphash.String(seed, e.id.name)
	return nil
}
