package hashmap

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/handletest"
	"github.com/ckpt-tool/ckpt/metadata"
)

// machine does the same to a store and to a map.
type machine struct {
	job    *job
	files  *handletest.Streams
	store  backends.Store
	tables []backends.Table
	model  map[string]string
	wait   []func(*rapid.T) // for snapshots under way
}

// key draws a key of a state.
func (m *machine) key(t *rapid.T, state int) ([]byte, int32) {
	meta := m.job.states[state]
	var namespace any
	if meta.Name == "windows" {
		namespace = strings.Repeat("w", rapid.IntRange(0, 3).Draw(t, "namespace"))
	}
	key := fmt.Sprint(rapid.IntRange(0, 40).Draw(t, "key"))
	if key == "40" {
		key = strings.Repeat("long", 1000)
	}
	return m.job.keyOf(meta, key, namespace, rapid.Int64Range(-3, 3).Draw(t, "at"))
}

func (m *machine) encode(state int, v any) []byte {
	b, err := m.job.states[state].Value.Encode(nil, v)
	if err != nil {
		panic(err)
	}
	return b
}

func (m *machine) set(t *rapid.T, state int, kg int32, key, sub, value []byte) {
	if err := m.tables[state].Put(kg, key, sub, value); err != nil {
		t.Fatal(err)
	}
	m.model[rowID(m.job.states[state], key, sub)] = string(value)
}

func (m *machine) values(t *rapid.T) {
	key, kg := m.key(t, 0)
	m.set(t, 0, kg, key, nil, m.encode(0, rapid.Int64().Draw(t, "value")))
	key, kg = m.key(t, 4)
	m.set(t, 4, kg, key, nil, m.encode(4, strings.Repeat("v", rapid.IntRange(0, 400).Draw(t, "length"))))
}

func (m *machine) timer(t *rapid.T) {
	key, kg := m.key(t, 3)
	m.set(t, 3, kg, key, nil, nil)
}

func (m *machine) list(t *rapid.T) {
	key, kg := m.key(t, 1)
	id := rowID(m.job.states[1], key, nil)
	for range rapid.SampledFrom([]int{1, 4, 200}).Draw(t, "times") {
		e := m.encode(1, strings.Repeat(",", rapid.SampledFrom([]int{0, 1, 30}).Draw(t, "length")))
		if err := m.tables[1].Append(kg, key, e); err != nil {
			t.Fatal(err)
		}
		if had, ok := m.model[id]; ok {
			m.model[id] = had + "," + string(e)
		} else {
			m.model[id] = string(e)
		}
	}
}

// sub is a key within a map. Half of them are null.
func (m *machine) sub(n int) (sub, value []byte) {
	sub, err := m.job.states[2].MapKey.Encode(nil, fmt.Sprint(n))
	if err != nil {
		panic(err)
	}
	if n%2 == 1 {
		return sub, []byte{1}
	}
	return sub, append([]byte{0}, m.encode(2, rand.Int64())...)
}

// put puts many entries into a map, or takes them out.
func (m *machine) putMap(t *rapid.T) {
	key, kg := m.key(t, 2)
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	remove := rapid.Bool().Draw(t, "remove")
	for range rapid.SampledFrom([]int{1, 3, 1000}).Draw(t, "times") {
		sub, value := m.sub(r.IntN(1500))
		id := rowID(m.job.states[2], key, sub)
		if !remove {
			m.set(t, 2, kg, key, sub, value)
			continue
		}
		if err := m.tables[2].Delete(kg, key, sub); err != nil {
			t.Fatal(err)
		}
		delete(m.model, id)
	}
	m.checkMap(t, kg, key)
}

// checkMap reads a map in all ways.
func (m *machine) checkMap(t *rapid.T, kg int32, key []byte) {
	want := 0
	for id := range m.model {
		if strings.HasPrefix(id, rowID(m.job.states[2], key, nil)) {
			want++
		}
	}
	n := 0
	for row, err := range m.tables[2].Subs(kg, key) {
		if err != nil || m.model[rowID(m.job.states[2], key, row.Sub)] != string(row.Value) {
			t.Fatalf("%x: %x, %v", row.Sub, row.Value, err)
		}
		n++
	}
	if n != want {
		t.Fatalf("%d entries of a map, not %d", n, want)
	}
}

func (m *machine) clearMap(t *rapid.T) {
	key, kg := m.key(t, 2)
	if err := m.tables[2].Clear(kg, key); err != nil {
		t.Fatal(err)
	}
	id := rowID(m.job.states[2], key, nil)
	maps.DeleteFunc(m.model, func(k, _ string) bool { return strings.HasPrefix(k, id) })
}

func (m *machine) remove(t *rapid.T) {
	state := rapid.SampledFrom([]int{0, 1, 3, 4}).Draw(t, "state")
	key, kg := m.key(t, state)
	if err := m.tables[state].Delete(kg, key, nil); err != nil {
		t.Fatal(err)
	}
	delete(m.model, rowID(m.job.states[state], key, nil))
}

func (m *machine) get(t *rapid.T) {
	state := rapid.IntRange(0, 4).Draw(t, "state")
	key, kg := m.key(t, state)
	var sub []byte
	if state == 2 {
		sub, _ = m.sub(rapid.IntRange(0, 1500).Draw(t, "sub"))
	}
	v, ok, err := m.tables[state].Get(kg, key, sub)
	want, had := m.model[rowID(m.job.states[state], key, sub)]
	if err != nil || ok != had || string(v) != want {
		t.Fatalf("%x, %v, %v; not %x", v, ok, err, want)
	}
}

// snapshot begins one, which is written while the machine goes on.
func (m *machine) snapshot(t *rapid.T) {
	form := rapid.SampledFrom([]backends.SnapshotForm{backends.NativeForm, backends.CanonicalForm}).Draw(t, "form")
	write, err := m.store.Snapshot(&backends.SnapshotRequest{Form: form, Streams: m.files})
	if err != nil {
		t.Fatal(err)
	}
	want := maps.Clone(m.model)
	var result backends.SnapshotResult
	var failed error
	done := make(chan struct{})
	go func() {
		defer close(done)
		result, failed = write(context.Background())
	}()
	m.wait = append(m.wait, func(t *rapid.T) {
		<-done
		if failed != nil {
			t.Fatal(failed)
		}
		m.restored(t, want, result.JobManagerOwned)
	})
}

// restored opens a store from a handle and compares.
func (m *machine) restored(t *rapid.T, want map[string]string, h metadata.KeyedHandle) (backends.Store, []backends.Table) {
	s, tables := m.job.open(t, m.job.config(m.files, m.job.groups, h))
	if got := dump(t, m.job, tables); !maps.Equal(got, want) {
		t.Fatalf("%d entries restored, not %d", len(got), len(want))
	}
	return s, tables
}

// restart goes on with what a snapshot restores.
func (m *machine) restart(t *rapid.T) {
	m.settle(t)
	h := take(t, m.store, m.files, backends.NativeForm)
	if err := m.store.Close(); err != nil {
		t.Fatal(err)
	}
	m.store, m.tables = m.restored(t, m.model, h)
}

func (m *machine) settle(t *rapid.T) {
	for _, wait := range m.wait {
		wait(t)
	}
	m.wait = nil
}

// TestModel: a store does what a map does, and its snapshots hold what it held when they were taken.
func TestModel(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		j := newJob(t, rapid.SampledFrom([]int32{8, 300}).Draw(r, "max parallelism"))
		m := &machine{job: j, files: inMemory(), model: map[string]string{}}
		m.store, m.tables = j.open(r, j.config(m.files, j.groups))
		r.Repeat(map[string]func(*rapid.T){
			"values": m.values, "timer": m.timer, "list": m.list, "map": m.putMap, "clear": m.clearMap, "remove": m.remove,
			"get": m.get, "snapshot": m.snapshot, "restart": m.restart, "settle": m.settle,
		})
		m.settle(r)
		if got := dump(r, j, m.tables); !maps.Equal(got, m.model) {
			r.Fatalf("%d entries, not %d", len(got), len(m.model))
		}
		if n := m.files.Unended(); n != 0 {
			r.Fatalf("%d streams are open", n)
		}
	})
}
