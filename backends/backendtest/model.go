package backendtest

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
)

// model is keyed state as naively as it can be: Go values in Go maps, which are searched from end to end. It is what
// random operations are held against.
type model struct {
	max    int32
	key    backends.Type
	now    int64
	states map[string]*modelState
	timers []backends.TimerEntry
}

// modelState is the cells of one state.
type modelState struct {
	d     *backends.Descriptor
	cells map[cellKey]*cell
}

// cellKey is a key and a namespace, encoded.
type cellKey struct{ key, namespace string }

// cell is what a key has in a namespace: a list, a map by encoded keys, or one value in a list.
type cell struct {
	list []aged
	m    map[string]aged
}

// aged is a value, and when it was accessed.
type aged struct {
	v    any
	time int64
}

func newModel(max int32, key backends.Type, ds []*backends.Descriptor) *model {
	m := &model{max: max, key: key, states: map[string]*modelState{}, now: 1000}
	for _, d := range ds {
		m.states[d.Name] = &modelState{d, map[cellKey]*cell{}}
	}
	return m
}

// clone is a copy that stays as it is.
func (m *model) clone() *model {
	c := &model{max: m.max, key: m.key, now: m.now, states: map[string]*modelState{}, timers: slices.Clone(m.timers)}
	for name, s := range m.states {
		cells := map[cellKey]*cell{}
		for k, v := range s.cells {
			cells[k] = &cell{slices.Clone(v.list), maps.Clone(v.m)}
		}
		c.states[name] = &modelState{s.d, cells}
	}
	return c
}

func encode(t backends.Type, v any) []byte {
	b, err := t.Encode(nil, v)
	if err != nil {
		panic(err)
	}
	return b
}

func (s *modelState) namespace(v any) []byte {
	if s.d.Namespace == nil {
		return []byte{0}
	}
	return encode(s.d.Namespace, v)
}

// at is the cell of a key in a namespace, made if it is not there.
func (m *model) at(s *modelState, key, namespace any) *cell {
	k := cellKey{string(encode(m.key, key)), string(s.namespace(namespace))}
	if s.cells[k] == nil {
		s.cells[k] = &cell{m: map[string]aged{}}
	}
	return s.cells[k]
}

func (m *model) expired(d *backends.Descriptor, a aged) bool {
	return d.TTL != nil && a.time+int64(d.TTL.TTL/time.Millisecond) <= m.now
}

// seen is whether reading gives a value that may have expired.
func (m *model) seen(d *backends.Descriptor, a aged) bool {
	return !m.expired(d, a) || d.TTL.ReturnExpired
}

// renew is the time of a value that was read.
func (m *model) renew(d *backends.Descriptor, a aged) aged {
	if d.TTL != nil && d.TTL.OnRead && !m.expired(d, a) {
		a.time = m.now
	}
	return a
}

// read is the value of a cell with one, and what reading does to it.
func (m *model) read(d *backends.Descriptor, c *cell) any {
	if len(c.list) == 0 {
		return nil
	}
	a := c.list[0]
	c.list[0] = m.renew(d, a)
	if m.expired(d, a) {
		c.list = nil
	}
	if !m.seen(d, a) {
		return nil
	}
	return a.v
}

// readList is the values of a list, and what reading does to it.
func (m *model) readList(d *backends.Descriptor, c *cell) []any {
	var values []any
	var lives []aged
	for _, a := range c.list {
		if m.seen(d, a) {
			values = append(values, a.v)
		}
		if !m.expired(d, a) {
			lives = append(lives, m.renew(d, a))
		}
	}
	if len(lives) == 0 || d.TTL != nil && d.TTL.OnRead {
		c.list = lives
	}
	return values
}

// readEntry is the value of a key in a map, and what reading does to it.
func (m *model) readEntry(d *backends.Descriptor, c *cell, key string) (any, bool) {
	a, there := c.m[key]
	if !there {
		return nil, false
	}
	c.m[key] = m.renew(d, a)
	if m.expired(d, a) {
		delete(c.m, key)
	}
	if !m.seen(d, a) {
		return nil, false
	}
	return a.v, true
}

// live is the accumulator that adding begins with.
func (m *model) live(d *backends.Descriptor, c *cell) any {
	if len(c.list) == 0 || !m.seen(d, c.list[0]) {
		return nil
	}
	return c.list[0].v
}

// union merges accumulators, each of which may be nil.
func union(d *backends.Descriptor, a, b any) any {
	if a == nil || b == nil {
		if a == nil {
			a = b
		}
		return a
	}
	merge := d.Reduce
	if d.Kind == backends.Aggregating {
		merge = d.Aggregate.Merge
	}
	v, err := merge(a, b)
	if err != nil {
		panic(err)
	}
	return v
}

// merge makes sources those of target. What one source alone has keeps its time.
func (m *model) merge(s *modelState, key, target any, sources []any) {
	var acc any
	var all []aged
	for _, namespace := range sources {
		c := m.at(s, key, namespace)
		acc = union(s.d, acc, m.live(s.d, c))
		all = append(all, c.list...)
		c.list = nil
	}
	c := m.at(s, key, target)
	switch {
	case len(all) == 1 && len(c.list) == 0:
		c.list = all
	case acc != nil:
		c.list = []aged{{union(s.d, acc, m.live(s.d, c)), m.now}}
	}
}

// bytes is a value as it lies in a store.
func (s *modelState) bytes(a aged) []byte {
	var b []byte
	if s.d.TTL != nil {
		b = binary.BigEndian.AppendUint64(b, uint64(a.time))
	}
	return append(b, encode(s.d.Value, a.v)...)
}

// dump is all there is.
func (m *model) dump() dump {
	d := dump{}
	for name, s := range m.states {
		for k, c := range s.cells {
			s.dump(d, name, m.keyGroup(k.key), k, c)
		}
	}
	for _, e := range m.timers {
		d[timerLine("_timer_state/t", e.KeyGroup, e.Key, e.Namespace, e.Time)] = ""
	}
	return d
}

func (s *modelState) dump(d dump, name string, kg int32, k cellKey, c *cell) {
	at := func(sub string) string { return line(name, kg, []byte(k.key), []byte(k.namespace), []byte(sub)) }
	var list [][]byte
	for _, a := range c.list {
		list = append(list, s.bytes(a))
	}
	switch {
	case s.d.Kind == backends.List && len(list) > 0:
		d[at("")] = elements(list)
	case len(list) > 0:
		d[at("")] = fmt.Sprintf("%x", list[0])
	}
	for sub, a := range c.m {
		if d[at(sub)] = nullValue; a.v != nil {
			d[at(sub)] = fmt.Sprintf("%x", s.bytes(a))
		}
	}
}

// keyGroup is that of an encoded key.
func (m *model) keyGroup(key string) int32 {
	v, _, err := m.key.Decode([]byte(key))
	if err != nil {
		panic(err)
	}
	code, _ := m.key.Hash(v)
	return keygroups.Of(code, m.max)
}

// keys are those with something in a namespace.
func (m *model) keys(s *modelState, namespace any) []string {
	var keys []string
	for k, c := range s.cells {
		if k.namespace == string(s.namespace(namespace)) && len(c.list)+len(c.m) > 0 {
			keys = append(keys, k.key)
		}
	}
	slices.Sort(keys)
	return keys
}
