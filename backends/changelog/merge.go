package changelog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/ckpt-tool/ckpt/backends"
)

// prepare counts what the cells need of what was materialized.
func (o *overlay) prepare() {
	if o.ready {
		return
	}
	o.ready = true
	for _, c := range o.cells.all {
		for _, piece := range c.pieces {
			if b, ok := o.cells.find(piece.base); ok && piece.base != nil {
				b.needs++
			}
		}
	}
}

// stays tells whether an entry that was materialized is as it was. What a cell needs of it is kept.
func (p *pass) stays(e *backends.Entry) bool {
	o := p.over
	switch {
	case o.lost != nil:
		return false
	case len(o.timers.all) > 0:
		p.name = appendTimer(p.name[:0], e)
		_, ok := o.timers.find(p.name)
		return !ok // one that the log has comes later
	}
	p.name = append(append(p.name[:0], e.Key...), e.Namespace...)
	if t, ok := o.tables.find(p.name); ok {
		_, told := t.rows.find(e.MapKey)
		return !t.cleared && !told
	}
	c, ok := o.cells.find(p.name)
	if !ok {
		return true
	}
	p.needed(c, e)
	return false
}

// appendTimer appends the timer as TimerSerializer writes it.
func appendTimer(dst []byte, e *backends.Entry) []byte {
	if e.State.Key == nil {
		return append(dst, e.Value...)
	}
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.Time)^(1<<63))
	return append(append(dst, e.Key...), e.Namespace...)
}

// needed keeps the value of an entry for those cells that need it. Where that is only its own, it can go
// at once.
func (p *pass) needed(c *cell, e *backends.Entry) {
	b := base{p.here.state, e.Value, e.Joined}
	if c.needs == 0 {
		return
	}
	if p.bases == nil {
		p.bases = map[string]base{}
	}
	if c.needs == 1 && c.own() {
		p.bases[string(p.name)] = b
		p.cell(c)
		delete(p.bases, string(c.name))
		return
	}
	p.held += int64(len(b.value))
	if p.held > p.r.opts.Budget() {
		p.missing = errTooMuch
		return
	}
	b.value = append([]byte(nil), b.value...)
	p.bases[string(p.name)] = b
}

// own tells whether all that the cell needs of what was materialized is its own value.
func (c *cell) own() bool {
	n := 0
	for _, piece := range c.pieces {
		if piece.base != nil {
			if string(piece.base) != string(c.name) {
				return false
			}
			n++
		}
	}
	return n == 1
}

// finish gives what the log has of a slot in the key group at hand.
func (p *pass) finish(slot int) {
	o := p.overlayOf(slot)
	if o == nil || o.done || p.done {
		return
	}
	o.done = true
	if o.lost != nil {
		if p.over != o {
			p.fail(o.lost)
		}
		return
	}
	p.over = o
	for _, c := range o.cells.all {
		p.cell(c)
	}
	for _, t := range o.tables.all {
		p.table(t)
	}
	for _, t := range o.timers.all {
		p.timer(t)
	}
	p.over, p.bases, p.held = nil, nil, 0
}

// part is a piece with what was materialized in its place.
type part struct {
	state       *backends.State
	data        []byte
	one, joined bool
}

// cell gives the entry of a cell, if it has one.
func (p *pass) cell(c *cell) {
	if c.done || p.done {
		return
	}
	c.done = true
	var room [4]part
	parts, err := p.parts(room[:0], c)
	if err != nil || len(parts) == 0 {
		p.cannot(c, err)
		return
	}
	e := backends.Entry{
		State: parts[0].state, KeyGroup: p.keyGroup, Key: c.name[:c.keys:c.keys], Namespace: c.name[c.keys:],
		Value: parts[0].data, Joined: parts[0].joined,
	}
	if c.state.Kind == backends.List && (len(parts) > 1 || parts[0].one) {
		e.Joined = false
		e.Value, err = p.joined(parts)
	} else if len(parts) > 1 {
		err = errMerged
	}
	if err != nil {
		p.cannot(c, err)
		return
	}
	if p.sel.Wants(e.State) {
		p.give(e)
	}
}

var (
	errMerged  = error(mergedError{})
	errMissing = errors.New("the log changes what was materialized, and that could not be read")
	errTooMuch = fmt.Errorf("the log moves more of what was materialized than fits: %w", backends.ErrBudget)
)

// mergedError is that of errMerged. Nothing is wrong with the bytes, as with any that only the job can decode.
type mergedError struct{}

// Error implements error.
func (mergedError) Error() string {
	return "its windows were merged, and of the values only the function of the job knows the sum"
}

// Unwrap gives the general case.
func (mergedError) Unwrap() error { return &backends.OpaqueError{Class: "merged windows"} }

// cannot tells that the entry of a cell is not known; nothing where err is nil.
func (p *pass) cannot(c *cell, err error) {
	if err == nil || !p.sel.Wants(c.state) {
		return
	}
	e := &backends.Error{Path: pathOf(p.r, p.keyGroup), State: c.state.Name, KeyGroup: p.keyGroup, Passed: true}
	e.Message = fmt.Sprintf("the entry of key %s: %v", show(c.state.Key, c.name[:c.keys]), err)
	var opaque *backends.OpaqueError
	switch {
	case errors.As(err, &opaque):
		e.Err, e.Hint = opaque, opaque.Hint
	case err == errMissing, err == errTooMuch:
		if p.over.told {
			return
		}
		p.over.told = true
		e.Message = fmt.Sprintf("what the log adds to is not known of some entries, as that of key %s: %v", show(c.state.Key, c.name[:c.keys]), err)
		if err == errTooMuch {
			e.Err, e.Hint = err, moreMemory
		}
	}
	p.fail(e)
}

// without is why something materialized of the state at hand may not be there; nil where all of it was read.
func (p *pass) without() error {
	if p.ended[p.over.slot] {
		return errMissing
	}
	return p.missing
}

// show is a key for people.
func show(t backends.Type, key []byte) string {
	const most = 80
	if t != nil {
		if b, _, err := t.AppendJSON(nil, key); err == nil && len(b) <= most {
			return string(b)
		}
	}
	return fmt.Sprintf("%x", key[:min(len(key), most/2)])
}

// parts are the pieces of a cell that exist. An empty list does not.
func (p *pass) parts(parts []part, c *cell) ([]part, error) {
	for _, piece := range c.pieces {
		switch {
		case piece.base == nil:
			if c.state.Kind == backends.List && !piece.one && binary.BigEndian.Uint32(piece.data) == 0 {
				continue
			}
			parts = append(parts, part{state: piece.state, data: piece.data, one: piece.one})
		default:
			b, ok := p.bases[string(piece.base)]
			if ok {
				parts = append(parts, part{state: b.state, data: b.value, joined: b.joined})
			} else if err := p.without(); err != nil {
				return nil, err
			}
		}
	}
	return parts, nil
}

// joined is the list of all parts, in counted form.
func (p *pass) joined(parts []part) ([]byte, error) {
	count := uint64(0)
	list := append(p.list[:0], 0, 0, 0, 0)
	for _, part := range parts {
		if part.state != parts[0].state {
			return nil, errors.New("its elements are of two types, as the job changed that of the state")
		}
		n, elements, err := uint64(1), part.data, error(nil)
		switch {
		case part.joined:
			n, list, err = appendJoined(list, part.state.Value, part.data)
			elements = nil
		case !part.one && len(part.data) < 4:
			err = errors.New("a list without the count of its elements")
		case !part.one:
			n, elements = uint64(binary.BigEndian.Uint32(part.data)), part.data[4:]
		}
		if err != nil {
			return nil, err
		}
		list = append(list, elements...)
		count += n
	}
	if count > math.MaxInt32 {
		return nil, fmt.Errorf("a list of %d elements", count)
	}
	binary.BigEndian.PutUint32(list, uint32(count))
	p.list = list
	return list, nil
}

// appendJoined appends the elements of a list that has a "," between them, without those.
func appendJoined(dst []byte, t backends.Type, b []byte) (uint64, []byte, error) {
	for n := uint64(1); ; n++ {
		size, err := t.Size(b)
		if err != nil {
			return 0, dst, fmt.Errorf("an element of its list: %w", err)
		}
		dst = append(dst, b[:size]...)
		if size == len(b) {
			return n, dst, nil
		}
		if b[size] != ',' {
			return 0, dst, errors.New("the elements of its list are not parted by \",\"")
		}
		b = b[size+1:]
	}
}

func (p *pass) table(t *table) {
	for _, r := range t.rows.all {
		if !r.gone && p.sel.Wants(r.state) {
			p.give(backends.Entry{
				State: r.state, KeyGroup: p.keyGroup, Key: t.name[:t.keys:t.keys], Namespace: t.name[t.keys:],
				MapKey: r.key, Value: r.value, Null: r.null,
			})
		}
	}
}

func (p *pass) timer(t *timer) {
	if t.gone || !p.sel.Wants(t.state) {
		return
	}
	e := backends.Entry{State: t.state, KeyGroup: p.keyGroup, Value: t.element}
	if t.state.Key != nil {
		const time = 8
		e.Value, e.Time = nil, int64(binary.BigEndian.Uint64(t.element)^(1<<63))
		n, err := t.state.Key.Size(t.element[time:])
		if err != nil {
			p.fail(fmt.Errorf("the key of a timer of %q: %w", t.state.Name, err))
			return
		}
		e.Key, e.Namespace = t.element[time:time+n:time+n], t.element[time+n:]
	}
	p.give(e)
}
