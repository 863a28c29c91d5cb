package pebble

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/savepoint"
	"github.com/ckpt-tool/ckpt/metadata"
)

// model is what a store should hold: by state, then by key and sub.
type model map[string]map[string]string

func (m model) clone() model {
	c := model{}
	for name, entries := range m {
		c[name] = maps.Clone(entries)
	}
	return c
}

func (m model) within(groups metadata.KeyGroupRange) model {
	c := m.clone()
	for _, entries := range c {
		maps.DeleteFunc(entries, func(k, _ string) bool { return !groups.Contains(int32(k[0])) })
	}
	return c
}

// diff tells how a store differs.
func (m model) diff(s *Store, tables map[string]backends.Table) string {
	var out strings.Builder
	for name, want := range m {
		have := map[string]string{}
		last := ""
		for row, err := range tables[name].All(s.config.KeyGroups) {
			if err != nil {
				return err.Error()
			}
			key := string(row.Key) + string(row.Sub)
			if key <= last {
				fmt.Fprintf(&out, "%s: %x follows %x\n", name, key, last)
			}
			if int32(key[0]) != row.KeyGroup || name == "map" && len(row.Key) != 10 {
				fmt.Fprintf(&out, "%s: key group %d, key %x, sub %x\n", name, row.KeyGroup, row.Key, row.Sub)
			}
			last = key
			have[key] = string(row.Value)
		}
		for k, v := range want {
			if h, ok := have[k]; h != v || !ok {
				fmt.Fprintf(&out, "%s: %x is %q (%t), not %q\n", name, k, h, ok, v)
			}
		}
		for k, v := range have {
			if _, ok := want[k]; !ok {
				fmt.Fprintf(&out, "%s: %x is %q, and should not be\n", name, k, v)
			}
		}
	}
	return out.String()
}

type taken struct {
	id     int64
	state  model
	run    backends.SnapshotFunc
	handle metadata.KeyedHandle
}

func (k *taken) String() string { return fmt.Sprint(k.id) }

type machine struct {
	t       *testing.T
	backend *Backend
	storage *storage
	s       *Store
	tables  map[string]backends.Table
	model   model
	next    int64
	open    []*taken // not run
	done    []*taken
}

func (m *machine) key(t *rapid.T) (int32, []byte) {
	kg := rapid.Int32Range(m.s.config.KeyGroups.First, m.s.config.KeyGroups.Last).Draw(t, "kg")
	return kg, testKey(kg, uint64(rapid.IntRange(0, 6).Draw(t, "key")))
}

func value(t *rapid.T) []byte {
	return []byte(strings.Repeat(rapid.StringMatching(`[a-z]`).Draw(t, "value"), rapid.SampledFrom([]int{0, 1, 3, 20, 200, 3000, 20_000}).Draw(t, "length")))
}

func sub(t *rapid.T) []byte { return []byte(rapid.StringMatching(`[a-c]{0,2}`).Draw(t, "sub")) }

func check(t *rapid.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// lengthen makes a timer of a key.
func lengthen(name string, key []byte) []byte {
	if name != "_timer_state/event" {
		return key
	}
	return slices.Concat(key[:1], key[1:9], key[1:])
}

func (m *machine) put(t *rapid.T) {
	kg, key := m.key(t)
	name := rapid.SampledFrom([]string{"value", "list", "map", "_timer_state/event"}).Draw(t, "state")
	var s, v []byte
	key = lengthen(name, key)
	switch name {
	case "map":
		s, v = sub(t), append([]byte{0}, value(t)...)
		if rapid.IntRange(0, 4).Draw(t, "null") == 0 {
			v = []byte{1}
		}
	case "value", "list":
		v = value(t)
	}
	check(t, m.tables[name].Put(kg, key, s, v))
	m.model[name][string(key)+string(s)] = string(v)
}

func (m *machine) delete(t *rapid.T) {
	kg, key := m.key(t)
	name := rapid.SampledFrom([]string{"value", "list", "map", "_timer_state/event"}).Draw(t, "state")
	var s []byte
	key = lengthen(name, key)
	if name == "map" {
		s = sub(t)
	}
	check(t, m.tables[name].Delete(kg, key, s))
	delete(m.model[name], string(key)+string(s))
}

func (m *machine) append(t *rapid.T) {
	kg, key := m.key(t)
	v := value(t)
	check(t, m.tables["list"].Append(kg, key, v))
	list := m.model["list"]
	if old, ok := list[string(key)]; ok {
		list[string(key)] = old + "," + string(v)
	} else {
		list[string(key)] = string(v)
	}
}

func (m *machine) get(t *rapid.T) {
	kg, key := m.key(t)
	name := rapid.SampledFrom([]string{"value", "list", "map"}).Draw(t, "state")
	var s []byte
	if name == "map" {
		s = sub(t)
	}
	v, ok, err := m.tables[name].Get(kg, key, s)
	check(t, err)
	if want, is := m.model[name][string(key)+string(s)]; is != ok || want != string(v) {
		t.Fatalf("%s of %x is %q (%t), not %q (%t)", name, key, v, ok, want, is)
	}
}

func (m *machine) subs(t *rapid.T) {
	kg, key := m.key(t)
	last, n := "-", 0
	for row, err := range m.tables["map"].Subs(kg, key) {
		check(t, err)
		k := string(key) + string(row.Sub)
		if want, ok := m.model["map"][k]; !ok || want != string(row.Value) || k <= last && last != "-" {
			t.Fatalf("%x: %q, not %q (%t), behind %x", k, row.Value, want, ok, last)
		}
		last = k
		n++
	}
	for k := range m.model["map"] {
		if strings.HasPrefix(k, string(key)) {
			n--
		}
	}
	if n != 0 {
		t.Fatalf("%d entries too many", n)
	}
}

func (m *machine) clear(t *rapid.T) {
	kg, key := m.key(t)
	check(t, m.tables["map"].Clear(kg, key))
	maps.DeleteFunc(m.model["map"], func(k, _ string) bool { return strings.HasPrefix(k, string(key)) })
}

func (m *machine) snapshot(t *rapid.T) {
	m.next++
	r := &backends.SnapshotRequest{Checkpoint: m.next, Streams: m.storage}
	switch rapid.IntRange(0, 5).Draw(t, "form") {
	case 0:
		r.Form, r.Savepoint = backends.CanonicalForm, true
	case 1:
		r.Full = true
	case 2:
		r.Full, r.Savepoint = true, true
	}
	run, err := m.s.Snapshot(r)
	check(t, err)
	m.open = append(m.open, &taken{id: m.next, state: m.model.clone(), run: run})
}

// finish runs one of the snapshots begun.
func (m *machine) finish(t *rapid.T) {
	if len(m.open) == 0 {
		t.Skip()
	}
	i := rapid.IntRange(0, len(m.open)-1).Draw(t, "which")
	k := m.open[i]
	m.open = slices.Delete(m.open, i, i+1)
	if rapid.IntRange(0, 5).Draw(t, "fate") == 0 {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := k.run(ctx); err == nil {
			t.Fatal("a snapshot ran with a context that had ended")
		}
		m.s.CheckpointAborted(k.id)
		return
	}
	res, err := k.run(context.Background())
	check(t, err)
	k.handle = res.JobManagerOwned
	if rapid.Bool().Draw(t, "completed") {
		m.s.CheckpointCompleted(k.id)
	}
	m.done = append(m.done, k)
}

// restored are handles to begin with.
func (m *machine) restored(t *rapid.T, ks ...*taken) (all []backends.RestoredHandle) {
	for _, k := range ks {
		r := backends.RestoredHandle{Handle: k.handle, NoClaim: rapid.Bool().Draw(t, "noclaim")}
		if g, ok := k.handle.(*metadata.KeyGroupsHandle); ok {
			r.Open = func(ctx context.Context) (backends.Reader, error) {
				return savepoint.Open(ctx, m.storage, g, backends.Origin{MaxParallelism: testParallelism, Range: g.Range}, &backends.Options{})
			}
		}
		all = append(all, r)
	}
	return all
}

func (m *machine) begin(t *rapid.T, groups metadata.KeyGroupRange, state model, from []backends.RestoredHandle) {
	c := testConfig(m.t, m.storage, groups)
	c.Restored = from
	s, err := m.backend.OpenStore(context.Background(), c)
	check(t, err)
	m.s, m.model, m.open, m.done = s.(*Store), state, nil, nil
	m.tables = openTables(m.t, m.s)
	m.next += 100
}

func (m *machine) reopen(t *rapid.T) {
	if len(m.done) == 0 {
		t.Skip()
	}
	k := rapid.SampledFrom(m.done).Draw(t, "from")
	check(t, m.s.Close())
	m.begin(t, m.s.config.KeyGroups, k.state.clone(), m.restored(t, k))
}

// rescale makes two of a store, and one of both.
func (m *machine) rescale(t *rapid.T) {
	if len(m.done) == 0 {
		t.Skip()
	}
	k := rapid.SampledFrom(m.done).Draw(t, "from")
	check(t, m.s.Close())
	cut := rapid.Int32Range(1, testParallelism-1).Draw(t, "cut")
	var halves []*taken
	for _, groups := range []metadata.KeyGroupRange{{First: 0, Last: cut - 1}, {First: cut, Last: testParallelism - 1}} {
		m.begin(t, groups, k.state.within(groups), m.restored(t, k))
		m.Check(t)
		for range 5 {
			m.put(t)
			m.append(t)
		}
		h := take(m.t, m.s, &backends.SnapshotRequest{Checkpoint: 1 << 40, Streams: m.storage, Full: rapid.Bool().Draw(t, "full")})
		halves = append(halves, &taken{state: m.model.clone(), handle: h})
		check(t, m.s.Close())
	}
	state := halves[0].state
	for name, entries := range halves[1].state {
		maps.Copy(state[name], entries)
	}
	m.begin(t, testGroups, state, m.restored(t, halves...))
}

func (m *machine) Check(t *rapid.T) {
	if d := m.model.diff(m.s, m.tables); d != "" {
		t.Fatal(d)
	}
}

func TestModel(t *testing.T) {
	for _, memory := range []int64{256 << 10, 64 << 20} {
		t.Run(fmt.Sprint(memory), func(t *testing.T) {
			backend := testBackend(t, memory)
			rapid.Check(t, func(rt *rapid.T) {
				m := &machine{t: t, backend: backend, storage: newStorage()}
				empty := model{"value": {}, "list": {}, "map": {}, "_timer_state/event": {}}
				m.begin(rt, testGroups, empty, nil)
				defer func() { check(rt, m.s.Close()) }()
				spill := func(*rapid.T) { m.s.freeze(nil) }
				forget := func(t *rapid.T) {
					for range m.s.cache.mems {
						m.s.cache.evict(true)
					}
				}
				rt.Repeat(map[string]func(*rapid.T){
					"put": m.put, "put2": m.put, "put3": m.put, "delete": m.delete, "append": m.append, "append2": m.append, "get": m.get, "get2": m.get,
					"subs": m.subs, "clear": m.clear, "snapshot": m.snapshot, "finish": m.finish, "reopen": m.reopen, "rescale": m.rescale,
					"spill": spill, "forget": forget, "": m.Check,
				})
			})
		})
	}
}
