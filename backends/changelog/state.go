package changelog

import (
	"bytes"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/schema"
)

// slot is all that bears one name: a state of the log, and of what was materialized. Their types may differ
// where the job changed them.
type slot struct {
	name   string
	states []*backends.State
	mixed  bool // their keys cannot be compared
}

// logged is a state as a METADATA of the log introduces it.
type logged struct {
	number int16
	slot   int
	// state is nil where its serializers are not known; err tells why.
	state *backends.State
	meta  *schema.Meta
	raw   []byte // of the meta
	err   error
}

// known is a state of a reader of what was materialized.
type known struct {
	state *backends.State // as this package calls it
	slot  int
}

// slotOf is the number of the slot with a name.
func (r *Reader) slotOf(name string) int {
	if i, ok := r.byName[name]; ok {
		return i
	}
	r.byName[name] = len(r.slots)
	r.slots = append(r.slots, slot{name: name})
	return len(r.slots) - 1
}

// unify is the state of its slot that equals st, which is st where there is none yet.
func (r *Reader) unify(i int, st *backends.State) *backends.State {
	for _, have := range r.slots[i].states {
		if same(have, st) {
			return have
		}
	}
	s := &r.slots[i]
	s.states = append(s.states, st)
	s.mixed = s.mixed || !matches(s.states[0], st)
	return st
}

// stateOf is a state of a reader below as this package calls it.
func (r *Reader) stateOf(st *backends.State) *backends.State {
	if k := r.known[st]; k.state != nil {
		return k.state
	}
	return st
}

// introduce gives the state of a METADATA to its slot. One that the log told of before stays that one.
func (r *Reader) introduce(l *logged) *logged {
	for _, have := range r.introduced {
		if have.number == l.number && l.raw != nil && bytes.Equal(have.raw, l.raw) {
			return have
		}
	}
	r.introduced = append(r.introduced, l)
	return l
}

// States implements backends.Reader.
func (r *Reader) States() []*backends.State {
	var all []*backends.State
	for _, s := range r.slots {
		all = append(all, s.states...)
	}
	return all
}
