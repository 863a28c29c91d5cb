package changelog

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
)

// The operations (Flink: StateChangeOperation, by its codes).
const (
	opClear         = 0
	opSet           = 1
	opSetInternal   = 2
	opAdd           = 3
	opMerge         = 4
	opAddElement    = 5
	opAddOrUpdate   = 6
	opRemoveElement = 7
	opMetadata      = 8
)

// replay is the changes of some key groups in the making.
type replay struct {
	r      *Reader
	rng    metadata.KeyGroupRange
	key    []byte // the only one wanted, or nil
	wanted []bool // by slot
	loaded map[*group][]byte
	// overlays are by key group and slot; nil where nothing changed.
	overlays [][]*overlay
}

// replayed replays the logs for the key groups of rng.
func (r *Reader) replayed(ctx context.Context, rng metadata.KeyGroupRange, sel *backends.Selection) ([][]*overlay, error) {
	p := &replay{r: r, rng: rng, key: sel.Key, overlays: make([][]*overlay, rng.Len())}
	for i := range r.slots {
		// Of a slot without states, whose serializers are not known, only those who want all are told.
		p.wanted = append(p.wanted, sel.States == nil || slices.ContainsFunc(r.slots[i].states, sel.States))
	}
	if err := p.load(ctx); err != nil {
		return nil, err
	}
	binds := map[int16]*logged{}
	for _, s := range r.order {
		if err := p.source(s, binds); err != nil {
			return nil, err
		}
	}
	return p.overlays, nil
}

// mine tells whether the key group is one of those asked for.
func (p *replay) mine(keyGroup int32) bool { return keyGroup >= p.rng.First && keyGroup <= p.rng.Last }

// load reads the changes that are not at hand. Those of one file are read from front to back.
func (p *replay) load(ctx context.Context) error {
	byLog := map[*logFile][]*group{}
	p.loaded = map[*group][]byte{}
	for _, s := range p.r.order {
		if s.set == nil {
			continue
		}
		for _, g := range s.set.groups {
			if _, twice := p.loaded[g]; twice || !p.mine(g.keyGroup) {
				continue
			}
			p.loaded[g] = g.data
			if int64(len(g.data)) != g.size {
				byLog[g.log] = append(byLog[g.log], g)
			}
		}
	}
	for _, f := range p.r.logs {
		if groups := byLog[f]; len(groups) > 0 {
			slices.SortFunc(groups, func(a, b *group) int { return cmp.Compare(a.at, b.at) })
			if err := p.loadFrom(ctx, f, groups); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *replay) loadFrom(ctx context.Context, f *logFile, groups []*group) (err error) {
	b, err := p.r.files.Open(ctx, f.handle)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	w, err := body(b)
	if err != nil {
		return err
	}
	const piece = 1 << 20
	for _, g := range groups {
		if err := ctx.Err(); err != nil {
			return err
		}
		if w.Discard(g.at-w.Offset()) != nil {
			return cutOff(w, "a set of changes")
		}
		data := make([]byte, 0, g.size) // which was there when the file was read first
		for int64(len(data)) < g.size {
			part, err := w.Next(int(min(piece, g.size-int64(len(data)))))
			if err != nil {
				return cutOff(w, "a set of changes")
			}
			data = append(data, part...)
		}
		p.loaded[g] = data
	}
	return nil
}

// source replays one.
func (p *replay) source(s source, binds map[int16]*logged) error {
	if s.bind != nil {
		binds[s.bind.number] = s.bind
		return nil
	}
	if s.inline != nil {
		if !p.mine(s.inline.KeyGroup) {
			return nil
		}
		return p.change(&change{data: s.inline.Data, keyGroup: s.inline.KeyGroup, path: inMetadata}, binds)
	}
	for _, g := range s.set.groups {
		for _, l := range g.binds {
			binds[l.number] = l
		}
		if !p.mine(g.keyGroup) {
			continue
		}
		if err := p.group(g, binds); err != nil {
			return err
		}
	}
	return nil
}

// group replays the changes of a group.
func (p *replay) group(g *group, binds map[int16]*logged) error {
	c := change{keyGroup: g.keyGroup, path: g.path, offset: g.physical}
	rest := p.loaded[g]
	for i := 0; i < g.changes; i++ {
		// The lengths were followed before; the file may have changed since.
		if len(rest) < 4 {
			return c.fail("the log of changes has changed while it was read")
		}
		n := int(int32(binary.BigEndian.Uint32(rest)))
		if n < 0 || n > len(rest)-4 {
			return c.fail("the log of changes has changed while it was read")
		}
		c.data, rest = rest[4:4+n:4+n], rest[4+n:]
		if err := p.change(&c, binds); err != nil {
			return err
		}
	}
	return nil
}

// change is one change, and where it lies.
type change struct {
	data     []byte
	keyGroup int32
	path     string
	offset   int64

	op   byte
	l    *logged
	rest []byte // what is not read yet
	cell []byte // key and namespace
	keys int    // how long the key is in cell
}

func (c *change) fail(format string, args ...any) *backends.Error {
	e := &backends.Error{Path: c.path, Offset: c.offset, KeyGroup: c.keyGroup, Message: fmt.Sprintf(format, args...)}
	if c.l != nil {
		e.State = c.name()
	}
	return e
}

func (c *change) name() string {
	if c.l.meta != nil {
		return c.l.meta.Name
	}
	return c.l.err.(*backends.Error).State
}

// change replays one. What only spoils the state of the key group becomes a part of its overlay.
func (p *replay) change(c *change, binds map[int16]*logged) error {
	const head = 3
	if len(c.data) < head {
		return c.fail("a change of %d bytes", len(c.data))
	}
	c.op, c.rest, c.l = c.data[0], c.data[head:], nil
	number := int16(binary.BigEndian.Uint16(c.data[1:]))
	if c.op >= opMetadata {
		return c.fail("a change of operation %d", c.op)
	}
	l := binds[number]
	if l == nil {
		return c.fail("a change of state %d, which nothing before it introduces", number)
	}
	c.l = l
	if !p.wanted[l.slot] {
		return nil
	}
	over := p.overlay(c.keyGroup, l.slot)
	if over.lost != nil {
		return nil
	}
	err := p.cut(c)
	if errors.Is(err, errKey) {
		e := c.fail("%v", err)
		e.State, e.KeyGroup, e.Hint, e.Err = "", -1, "--type key:"+p.r.o.Operator.String()+"=SPEC", err
		return e
	}
	if err == nil && (p.key == nil || c.cell == nil || bytes.Equal(c.cell[:c.keys], p.key)) {
		err = over.apply(c, p.key)
	}
	if err != nil {
		over.lose(c, err)
	}
	return nil
}

// overlay is that of a state in a key group.
func (p *replay) overlay(keyGroup int32, slot int) *overlay {
	of := &p.overlays[keyGroup-p.rng.First]
	if *of == nil {
		*of = make([]*overlay, len(p.r.slots))
	}
	if (*of)[slot] == nil {
		(*of)[slot] = &overlay{slot: slot}
	}
	return (*of)[slot]
}

var (
	// errKey tells that nothing says of which type keys are. Nothing of the log can be read then.
	errKey   error = keyError{}
	errMixed       = errors.New("the log has other types of keys or another kind of state than what was materialized")
)

// keyError is that of errKey. Nothing is wrong with the bytes, as with any that only the job can decode.
type keyError struct{}

// Error implements error.
func (keyError) Error() string {
	return "the log does not say of which type the keys are, so that its changes cannot be told apart"
}

// Unwrap gives the general case.
func (keyError) Unwrap() error { return &backends.OpaqueError{Class: "the keys"} }

// cut cuts key and namespace off a change, which those of timers do not have.
func (p *replay) cut(c *change) error {
	c.cell = nil
	if c.l.state == nil {
		return c.l.err
	}
	if p.r.slots[c.l.slot].mixed {
		return errMixed
	}
	if c.l.state.Kind == backends.Timer {
		return nil
	}
	if p.r.key == nil {
		return errKey
	}
	n, err := p.r.key.Size(c.rest)
	if err != nil {
		return fmt.Errorf("the key of a change: %w", err)
	}
	m, err := c.l.state.Namespace.Size(c.rest[n:])
	if err != nil {
		return fmt.Errorf("the namespace of a change: %w", err)
	}
	c.cell, c.keys, c.rest = c.rest[:n+m], n, c.rest[n+m:]
	return nil
}
