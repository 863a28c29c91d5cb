package bytetable

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// held is a value of the model: nil is absent.
type held struct {
	value string
	null  bool
	flags byte
}

func gather(all func(yield func(Entry) bool)) map[string]held {
	m := map[string]held{}
	for e := range all {
		if _, twice := m[string(e.Key)]; twice {
			m["twice: "+string(e.Key)] = held{}
		}
		m[string(e.Key)] = held{string(e.Value), e.Value == nil, e.Flags}
	}
	return m
}

// frozen is a View, and what it must hold.
type frozen struct {
	view *View
	want map[string]held
}

// machine does the same to a table and to a map.
type machine struct {
	table *Table
	model map[string]held
	views []frozen
}

func (m *machine) key(t *rapid.T) []byte {
	n := rapid.IntRange(0, 4000).Draw(t, "key")
	b := []byte(fmt.Sprint(n))
	switch {
	case n%97 == 0:
		b = append(b, make([]byte, 300)...) // a long one
	case n%997 == 0:
		b = append(b, make([]byte, 3000)...) // one that lies apart
	}
	return b
}

func value(t *rapid.T) []byte {
	n := rapid.SampledFrom([]int{-1, 0, 1, 8, 8, 8, 9, 40, 254, 255, 300, 1900, 2100, 5000}).Draw(t, "length")
	if n < 0 {
		return nil
	}
	return bytes.Repeat([]byte{rapid.Byte().Draw(t, "byte")}, n)
}

func (m *machine) put(t *rapid.T) {
	k, v, f := m.key(t), value(t), rapid.Byte().Draw(t, "flags")
	_, had := m.model[string(k)]
	if m.table.Put(k, v, f) == had {
		t.Fatalf("added %v", !had)
	}
	m.model[string(k)] = held{string(v), v == nil, f}
}

// many puts so many keys that segments are split.
func (m *machine) many(t *rapid.T) {
	seed, n := rapid.Uint64().Draw(t, "seed"), rapid.SampledFrom([]int{10, 300, 5000}).Draw(t, "n")
	r := rand.New(rand.NewPCG(seed, 1))
	for range n {
		k, v := fmt.Sprint(r.IntN(20000)), fmt.Sprint(r.Uint64())
		m.table.Put([]byte(k), []byte(v), 1)
		m.model[k] = held{v, false, 1}
	}
}

func (m *machine) appendTo(t *rapid.T) {
	k, v := m.key(t), value(t)
	for range rapid.SampledFrom([]int{1, 3, 50}).Draw(t, "times") {
		if !m.table.Append(k, []byte(","), v, 3) {
			t.Fatal("refused")
		}
		had, ok := m.model[string(k)]
		joined := string(v)
		if ok && !had.null {
			joined = had.value + "," + joined
		}
		m.model[string(k)] = held{joined, false, 3}
	}
}

func (m *machine) remove(t *rapid.T) {
	k := m.key(t)
	_, had := m.model[string(k)]
	if m.table.Delete(k) != had {
		t.Fatalf("deleted %v", !had)
	}
	delete(m.model, string(k))
}

func (m *machine) freeze(*rapid.T) {
	m.views = append(m.views, frozen{m.table.Freeze(), maps.Clone(m.model)})
}

func (m *machine) release(t *rapid.T) {
	if len(m.views) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.views)-1).Draw(t, "view")
	m.views[i].check(t)
	m.views[i].view.Release()
	m.views[i].view.Release()
	m.views = append(m.views[:i], m.views[i+1:]...)
}

func (f *frozen) check(t *rapid.T) {
	if got := gather(f.view.All()); !maps.Equal(got, f.want) || f.view.Len() != len(got) {
		t.Fatalf("a view of %d entries, not %d", len(got), len(f.want))
	}
	for k, h := range f.want {
		if v, flags, ok := f.view.Get([]byte(k)); !ok || string(v) != h.value || flags != h.flags {
			t.Fatalf("key %.20q of a view: %.20q", k, v)
		}
	}
}

// check compares all there is.
func (m *machine) check(t *rapid.T) {
	if got := gather(m.table.All()); !maps.Equal(got, m.model) || m.table.Len() != len(m.model) {
		t.Fatalf("%d entries, not %d", m.table.Len(), len(m.model))
	}
	for k, h := range m.model {
		v, flags, ok := m.table.Get([]byte(k))
		if !ok || string(v) != h.value || (v == nil) != h.null || flags != h.flags {
			t.Fatalf("key %.20q: %.20q %d %v", k, v, flags, ok)
		}
	}
	if _, _, ok := m.table.Get([]byte("none")); ok {
		t.Fatal("a key that was never put")
	}
	if m.table.Memory() != m.table.measure() {
		t.Fatalf("%d bytes, not %d", m.table.Memory(), m.table.measure())
	}
}

// measure is Memory, added up anew.
func (t *Table) measure() int64 {
	n := 8 * len(t.dir)
	var last *segment
	for _, s := range t.dir {
		if s == last {
			continue
		}
		last = s
		n += s.memory()
		for i := range s.apart {
			if s.apart[i].key != nil {
				n += s.apart[i].memory()
			}
		}
	}
	return int64(n)
}

// TestModel: a table does what a map does, and views stay as they are.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{table: New(), model: map[string]held{}}
		t.Repeat(map[string]func(*rapid.T){
			"put": m.put, "append": m.appendTo, "delete": m.remove, "many": m.many,
			"freeze": m.freeze, "release": m.release,
			"reset": func(t *rapid.T) {
				if rapid.IntRange(0, 9).Draw(t, "reset") == 0 {
					m.table.Reset()
					clear(m.model)
				}
			},
			"check": m.check,
		})
		m.check(t)
		for i := range m.views {
			m.views[i].check(t)
		}
	})
}
