package census

import (
	"bytes"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/metadata"
)

// Part counts what one goroutine reads. It is not safe for concurrent use.
type Part struct {
	census  *Census
	groups  metadata.KeyGroupRange
	tallies []*tally
	last    *tally // of the entry before
	top     topKeys
	huge    []Value
	held    int64 // bytes that the sums of all tallies take, about
	capped  bool
}

// Part begins to count a part with these key groups.
func (c *Census) Part(groups metadata.KeyGroupRange) *Part {
	return &Part{census: c, groups: groups, top: topKeys{most: c.top}}
}

// tally is what a part counts of one state.
type tally struct {
	state                     *backends.State
	first                     int32  // key group
	groups                    []Load // up to the last one with entries
	most                      int    // how long groups may become
	keys, namespaces, mapKeys int64
	values                    Sizes
	spread                    bool // the entries of a key need not follow each other

	run  run
	sums map[string]*Load // of the keys of the key group whose runs have ended
	held int64            // bytes that sums takes
}

// run are entries of one key that follow each other.
type run struct {
	key   []byte
	group int32
	Load
}

// Add counts an entry.
func (p *Part) Add(e *backends.Entry) {
	t := p.last
	if t == nil || t.state != e.State {
		t = p.tally(e.State)
		p.last = t
	}
	size := int64(len(e.Key) + len(e.Namespace) + len(e.MapKey) + len(e.Value))
	t.keys += int64(len(e.Key))
	t.namespaces += int64(len(e.Namespace))
	t.mapKeys += int64(len(e.MapKey))
	t.values.Add(int64(len(e.Value)))
	if i := int(e.KeyGroup) - int(t.first); i >= 0 && i < t.most {
		if i >= len(t.groups) {
			t.groups = append(t.groups, make([]Load, i+1-len(t.groups))...)
		}
		t.groups[i].Entries++
		t.groups[i].Bytes += size
	}
	if len(e.Value) >= Huge {
		p.huge = append(p.huge, Value{e.State, e.KeyGroup, bytes.Clone(e.Key), int64(len(e.Value))})
	}
	if e.Key == nil || p.top.most == 0 {
		return
	}
	p.count(t, e, size)
}

// tally is that of a state; there are few.
func (p *Part) tally(st *backends.State) *tally {
	for _, t := range p.tallies {
		if t.state == st {
			return t
		}
	}
	t := &tally{state: st, first: max(0, p.groups.First), sums: map[string]*Load{}, run: run{group: -1}}
	if st.Kind.Keyed() {
		t.most = min(p.groups.Len(), keygroups.MaxParallelism-int(t.first))
	}
	t.spread = st.Kind == backends.Map || st.Kind == backends.Timer || st.Namespace != nil && !types.IsVoid(st.Namespace)
	p.tallies = append(p.tallies, t)
	return t
}

// count adds to what the key of e has.
func (p *Part) count(t *tally, e *backends.Entry, size int64) {
	if !t.spread {
		p.top.offer(t.state, e.KeyGroup, e.Key, Load{1, size})
		return
	}
	r := &t.run
	if r.group == e.KeyGroup && bytes.Equal(r.key, e.Key) {
		r.Entries++
		r.Bytes += size
		return
	}
	p.endRun(t)
	if r.group != e.KeyGroup {
		p.endGroup(t)
	}
	r.key, r.group, r.Load = append(r.key[:0], e.Key...), e.KeyGroup, Load{1, size}
}

// endRun keeps what the run has, as more of its key may come.
func (p *Part) endRun(t *tally) {
	r := &t.run
	if r.Entries == 0 {
		return
	}
	if l := t.sums[string(r.key)]; l != nil {
		l.add(r.Load)
	} else {
		const each = 96 // of a map's entry with its Load
		size := int64(len(r.key)) + each
		if p.held+size > p.census.budget {
			p.capped = true
			p.flush(t, r.group)
		}
		t.held += size
		p.held += size
		load := r.Load
		t.sums[string(r.key)] = &load
	}
	r.Load = Load{}
}

// endGroup is called when no more keys of a key group come.
func (p *Part) endGroup(t *tally) { p.flush(t, t.run.group) }

// flush offers the sums for the top.
func (p *Part) flush(t *tally, group int32) {
	for key, l := range t.sums {
		p.top.offer(t.state, group, []byte(key), *l)
	}
	clear(t.sums)
	p.held -= t.held
	t.held = 0
}

// End adds what was counted to the census.
func (p *Part) End() {
	for _, t := range p.tallies {
		p.endRun(t)
		p.endGroup(t)
	}
	c := p.census
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range p.tallies {
		c.add(t)
	}
	c.capped = c.capped || p.capped
	c.huge = append(c.huge, p.huge...)
	c.keys = append(c.keys, p.top.keys...)
	sortKeys(c.keys)
	c.keys = c.keys[:min(c.top, len(c.keys))]
}

// topKeys are the biggest keys so far.
type topKeys struct {
	most int
	keys []Key // in no order
	// bound is the last that was kept when some were dropped, as there were twice as many as wanted.
	bound   Key
	bounded bool
}

// offer takes a key if it may be one of the biggest. It copies it then.
func (t *topKeys) offer(st *backends.State, group int32, key []byte, l Load) {
	if t.bounded {
		if l.Bytes < t.bound.Bytes {
			return
		}
		if k := (Key{st, group, key, l}); order(&k, &t.bound) > 0 {
			return
		}
	}
	t.keys = append(t.keys, Key{st, group, bytes.Clone(key), l})
	if len(t.keys) < 2*t.most+64 {
		return
	}
	sortKeys(t.keys)
	t.keys = t.keys[:t.most]
	t.bound, t.bounded = t.keys[t.most-1], true
}
