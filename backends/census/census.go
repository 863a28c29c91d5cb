// Package census counts state without decoding it: how many entries, how many bytes, in which key groups and
// sub-tasks, and which keys have the most.
//
// A Part counts what one reader yields, at no allocation per entry. The Census gathers the parts.
package census

import (
	"bytes"
	"cmp"
	"slices"
	"sync"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
)

// Huge is the size from which on a value is near what Flink can read: one of 2^31 bytes or more is written
// without a word and cannot be read again, as arrays of Java and RocksDB's JNI end there.
const Huge = 1 << 30

// Name tells states of one job apart: sub-tasks have a State each for one Name.
type Name struct {
	Operator metadata.OperatorID
	Name     string
	Kind     backends.Kind
}

// Load is what some part of a state has.
type Load struct{ Entries, Bytes int64 }

func (l *Load) add(other Load) {
	l.Entries += other.Entries
	l.Bytes += other.Bytes
}

// State is what was counted of one state.
type State struct {
	Name
	Keys, Namespaces, MapKeys int64  // bytes
	Values                    Sizes  // of the value of each entry: of a list all elements, of a map one entry
	KeyGroups                 []Load // up to the last one with entries
	Subtasks                  map[int32]Load
}

// Total is the sum of it all.
func (s *State) Total() Load {
	return Load{s.Values.Count, s.Keys + s.Namespaces + s.MapKeys + s.Values.Sum}
}

// Key is what one key has in one state.
type Key struct {
	State    *backends.State // of the sub-task that has the key
	KeyGroup int32
	Key      []byte
	Load
}

// Value is a value that is Huge.
type Value struct {
	State    *backends.State
	KeyGroup int32
	Key      []byte
	Size     int64
}

// Census gathers what parts count. It may be used by many goroutines.
type Census struct {
	top    int
	budget int64

	mu     sync.Mutex
	states map[Name]*State
	keys   []Key
	huge   []Value
	capped bool
}

// New makes a Census that finds the top biggest keys. A part may take so many bytes for the keys of one key group
// whose entries do not follow each other.
func New(top int, budget int64) *Census {
	return &Census{top: top, budget: budget, states: map[Name]*State{}}
}

// States are the states in the order of their bytes.
func (c *Census) States() []*State {
	all := make([]*State, 0, len(c.states))
	for _, s := range c.states {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *State) int {
		return cmp.Or(cmp.Compare(b.Total().Bytes, a.Total().Bytes), cmp.Compare(a.Name.Name, b.Name.Name),
			slices.Compare(a.Operator[:], b.Operator[:]), cmp.Compare(a.Kind, b.Kind))
	})
	return all
}

// Keys are the biggest keys. Sums are exact, unless Capped.
func (c *Census) Keys() []Key {
	sortKeys(c.keys)
	return c.keys[:min(c.top, len(c.keys))]
}

// Capped tells whether some key group had more keys than the budget allows for, so that those with less than others may
// be missing from Keys, or have more than they are said to.
func (c *Census) Capped() bool { return c.capped }

// Huge are values that are near Flink's limit, by their sizes.
func (c *Census) Huge() []Value {
	slices.SortFunc(c.huge, func(a, b Value) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(a.State.Name, b.State.Name), slices.Compare(a.Key, b.Key))
	})
	return c.huge
}

// order puts the key with more bytes first. Where they have equally many the rest decides, so that the result is always
// the same.
func order(a, b *Key) int {
	return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(b.Entries, a.Entries), cmp.Compare(a.State.Name, b.State.Name),
		bytes.Compare(a.State.Operator[:], b.State.Operator[:]), cmp.Compare(a.State.Kind, b.State.Kind), bytes.Compare(a.Key, b.Key))
}

func sortKeys(keys []Key) {
	slices.SortFunc(keys, func(a, b Key) int { return order(&a, &b) })
}

// Declare notes a state, so that it is told of if it has no entries as well.
func (c *Census) Declare(st *backends.State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.state(nameOf(st))
}

func nameOf(st *backends.State) Name { return Name{st.Operator, st.Name, st.Kind} }

func (c *Census) state(n Name) *State {
	s := c.states[n]
	if s == nil {
		s = &State{Name: n, Subtasks: map[int32]Load{}}
		c.states[n] = s
	}
	return s
}

// add takes what a part has counted of one state.
func (c *Census) add(p *tally) {
	s := c.state(nameOf(p.state))
	s.Keys += p.keys
	s.Namespaces += p.namespaces
	s.MapKeys += p.mapKeys
	s.Values.Merge(&p.values)
	if n := int(p.first) + len(p.groups) - len(s.KeyGroups); n > 0 && len(p.groups) > 0 {
		s.KeyGroups = append(s.KeyGroups, make([]Load, n)...)
	}
	for i, l := range p.groups {
		s.KeyGroups[int(p.first)+i].add(l)
	}
	l := s.Subtasks[p.state.Subtask]
	l.add(Load{p.values.Count, p.keys + p.namespaces + p.mapKeys + p.values.Sum})
	s.Subtasks[p.state.Subtask] = l
}

// Skew is how many times the greatest load is the average one, 0 where there are no bytes.
func Skew(loads []Load) float64 {
	var sum, most int64
	for _, l := range loads {
		sum += l.Bytes
		most = max(most, l.Bytes)
	}
	if sum == 0 {
		return 0
	}
	return float64(most) * float64(len(loads)) / float64(sum)
}
