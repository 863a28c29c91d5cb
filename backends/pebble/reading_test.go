package pebble

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/rocksdb"
	"github.com/ckpt-tool/ckpt/metadata"
)

// entries are those that a reader should give of a model, in any order.
func (m model) entries() (lines []string) {
	for name, rows := range m {
		for k, v := range rows {
			key, at := k[1:], int64(0)
			if name == "_timer_state/event" {
				at, key = int64(binary.BigEndian.Uint64([]byte(k[1:9]))^1<<63), k[9:]
			}
			null := name == "map" && v[0] == 1
			if name == "map" {
				v = v[1:]
			}
			lines = append(lines, fmt.Sprintf("%s %d %x %x %x %x %t %d", name, k[0], key[:8], key[8:9], key[9:], v, null, at))
		}
	}
	slices.Sort(lines)
	return lines
}

// readEntries are those that a reader gives. They must come by key groups.
func readEntries(tb testing.TB, r backends.Reader, sel backends.Selection) (lines []string, err error) {
	last := int32(-1)
	for e, err := range r.Entries(context.Background(), sel) {
		if err != nil {
			return lines, err
		}
		if e.KeyGroup < last || !sel.KeyGroups.Contains(e.KeyGroup) || e.State.Kind == backends.List && !e.Joined {
			tb.Errorf("an entry of key group %d behind %d, joined %t", e.KeyGroup, last, e.Joined)
		}
		last = e.KeyGroup
		lines = append(lines, fmt.Sprintf("%s %d %x %x %x %x %t %d", e.State.Name, e.KeyGroup, e.Key, e.Namespace, e.MapKey, e.Value, e.Null, e.Time))
	}
	slices.Sort(lines)
	return lines, nil
}

// openReader opens a checkpoint with the reader of RocksDB's.
func openReader(st backends.Files, h metadata.KeyedHandle, opts backends.Options) (*rocksdb.Reader, error) {
	o := backends.Origin{MaxParallelism: testParallelism, Range: h.KeyGroups()}
	return rocksdb.Open(context.Background(), st, h.(*metadata.IncrementalHandle), o, &opts)
}

// readsAs tells how what is read of a checkpoint is not what the store held: all of it, some key groups, single keys, and the files.
func readsAs(tb testing.TB, st backends.Files, h metadata.KeyedHandle, want model) string {
	r, err := openReader(st, h, backends.Options{}) // keys and values are of no type
	if err != nil {
		return err.Error()
	}
	defer r.Close()
	var out strings.Builder
	if _, err := r.VerifyFiles(context.Background(), func(e *backends.Error) { fmt.Fprintln(&out, e) }); err != nil {
		fmt.Fprintln(&out, err)
	}
	g := h.KeyGroups()
	mid := (g.First + g.Last) / 2
	for _, groups := range []metadata.KeyGroupRange{g, {First: g.First, Last: mid}, {First: mid + 1, Last: g.Last}} {
		got, err := readEntries(tb, r, backends.Everything(groups))
		if wanted := want.within(groups).entries(); err != nil || !slices.Equal(got, wanted) {
			fmt.Fprintf(&out, "key groups %v: %d entries, not %d: %v %s\n", groups, len(got), len(wanted), err, firstApart(got, wanted))
		}
	}
	keys := map[string]bool{}
	for name, rows := range want {
		for k := range rows {
			if name != "_timer_state/event" && g.Contains(int32(k[0])) && len(keys) < 5 {
				keys[k[:9]] = true
			}
		}
	}
	keys[string([]byte{byte(g.First)})+"no such!"] = true
	for k := range keys {
		sel := backends.Selection{KeyGroups: metadata.KeyGroupRange{First: int32(k[0]), Last: int32(k[0])}, Key: []byte(k[1:])}
		one := want.clone()
		for name, rows := range one {
			at := 0
			if name == "_timer_state/event" {
				at = 8
			}
			maps.DeleteFunc(rows, func(o, _ string) bool { return o[0] != k[0] || o[1+at:9+at] != k[1:] })
		}
		got, err := readEntries(tb, r, sel)
		if wanted := one.entries(); err != nil || !slices.Equal(got, wanted) {
			fmt.Fprintf(&out, "key %x: %d entries, not %d: %v %s\n", k, len(got), len(wanted), err, firstApart(got, wanted))
		}
	}
	return out.String()
}

func firstApart(got, want []string) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("%.200s, not %.200s", got[i], want[i])
		}
	}
	return ""
}

// TestReading: whatever was done to a store, the reader of checkpoints gives what the store held at the snapshot.
func TestReading(t *testing.T) {
	read := 0
	for _, memory := range []int64{256 << 10, 64 << 20} {
		t.Run(fmt.Sprint(memory), func(t *testing.T) {
			backend := testBackend(t, memory)
			rapid.Check(t, func(rt *rapid.T) {
				m := &machine{t: t, backend: backend, storage: newStorage()}
				m.begin(rt, testGroups, model{"value": {}, "list": {}, "map": {}, "_timer_state/event": {}}, nil)
				defer func() { check(rt, m.s.Close()) }()
				finish := func(rt *rapid.T) {
					before := len(m.done)
					m.finish(rt)
					for _, k := range m.done[before:] {
						if _, ok := k.handle.(*metadata.IncrementalHandle); !ok {
							continue
						}
						read++
						if d := readsAs(t, m.storage, k.handle, k.state.within(k.handle.KeyGroups())); d != "" {
							rt.Fatal(d)
						}
					}
				}
				spill := func(*rapid.T) { m.s.freeze(nil) }
				compact := func(rt *rapid.T) {
					check(rt, m.s.db.Compact(context.Background(), []byte{0}, []byte{0xff}, false))
				}
				rt.Repeat(map[string]func(*rapid.T){
					"put": m.put, "put2": m.put, "put3": m.put, "delete": m.delete, "append": m.append, "append2": m.append, "clear": m.clear,
					"snapshot": m.snapshot, "snapshot2": m.snapshot, "finish": finish, "finish2": finish, "reopen": m.reopen, "rescale": m.rescale,
					"spill": spill, "spill2": spill, "compact": compact,
				})
			})
		})
	}
	t.Logf("%d checkpoints", read)
	if read < 100 && !raceDetector {
		t.Error("fewer than expected")
	}
}

// TestReadingLarge: tables with many blocks, with indexes in two levels, with values larger than a block.
func TestReadingLarge(t *testing.T) {
	b := testBackend(t, 8<<20)
	st := newStorage()
	s := openStore(t, b, testConfig(t, st, testGroups))
	tables := openTables(t, s)
	want := model{"value": {}, "list": {}, "map": {}, "_timer_state/event": {}}
	random := rand.New(rand.NewPCG(1, 2))
	noise := func(n int) []byte {
		p := make([]byte, n)
		for i := range p {
			p[i] = byte(random.Uint32())
		}
		return p
	}
	put := func(name string, kg int32, key, sub, value []byte) {
		if err := tables[name].Put(kg, key, sub, value); err != nil {
			t.Fatal(err)
		}
		want[name][string(key)+string(sub)] = string(value)
	}
	for i := range 3000 {
		kg := int32(i % testParallelism)
		put("map", kg, testKey(kg, uint64(i%100)), append(bytes.Repeat([]byte("x"), 5000), noise(5)...), append([]byte{0}, noise(300)...))
		put("value", kg, testKey(kg, uint64(i)), nil, noise(10))
		if i%100 == 0 {
			put("list", kg, testKey(kg, uint64(i)), nil, noise(100<<10))
		}
	}
	first := take(t, s, &backends.SnapshotRequest{Checkpoint: 1, Streams: st})
	if d := readsAs(t, st, first, want); d != "" {
		t.Error(d)
	}
	if err := s.db.Compact(context.Background(), []byte{0}, []byte{0xff}, false); err != nil {
		t.Fatal(err)
	}
	second := take(t, s, &backends.SnapshotRequest{Checkpoint: 2, Streams: st})
	if d := readsAs(t, st, second, want); d != "" {
		t.Error(d)
	}
	kinds := map[string]int{}
	for _, f := range slices.Concat(first.(*metadata.IncrementalHandle).Shared, second.(*metadata.IncrementalHandle).Shared) {
		blob, err := st.Open(context.Background(), f.File)
		if err != nil {
			t.Fatal(err)
		}
		table, err := rocksdb.OpenTable(blob, nil)
		if err != nil {
			t.Fatal(err)
		}
		kinds[fmt.Sprint(table.Properties().IndexType)]++
	}
	t.Log(kinds)
	if kinds[fmt.Sprint(rocksdb.TwoLevel)] == 0 || len(kinds) < 2 {
		t.Error("not all kinds of indexes")
	}
}

// TestReadingEmpty: a database without states, and one whose states are empty.
func TestReadingEmpty(t *testing.T) {
	b := testBackend(t, 8<<20)
	st := newStorage()
	s := openStore(t, b, testConfig(t, st, testGroups))
	tables := openTables(t, s)
	if err := tables["value"].Put(0, testKey(0, 1), nil, []byte("a")); err != nil {
		t.Fatal(err)
	}
	take(t, s, &backends.SnapshotRequest{Checkpoint: 1, Streams: st})
	if err := tables["value"].Delete(0, testKey(0, 1), nil); err != nil {
		t.Fatal(err)
	}
	for id := int64(2); id < 4; id++ {
		h := take(t, s, &backends.SnapshotRequest{Checkpoint: id, Streams: st})
		if h == nil {
			t.Fatal("no handle")
		}
		if d := readsAs(t, st, h, model{"value": {}, "list": {}, "map": {}, "_timer_state/event": {}}); d != "" {
			t.Error(d)
		}
		if err := s.db.Compact(context.Background(), []byte{0}, []byte{0xff}, false); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReadingKinds: records of each kind over records of each other, before and after compactions, which make other kinds of them.
func TestReadingKinds(t *testing.T) {
	b := testBackend(t, 8<<20)
	st := newStorage()
	s := openStore(t, b, testConfig(t, st, testGroups))
	tables := openTables(t, s)
	want := model{"value": {}, "list": {}, "map": {}, "_timer_state/event": {}}
	list, id := tables["list"], int64(0)
	for round := range 4 {
		for i := range 64 { // each sequence of puts, deletions and merges over three rounds
			key := testKey(int32(i%testParallelism), uint64(i))
			k, v := string(key), fmt.Sprint(round)
			old, ok := want["list"][k]
			var err error
			switch i >> (2 * round) & 3 {
			case 0:
				err, want["list"][k] = list.Put(int32(key[0]), key, nil, []byte(v)), v
			case 1:
				err = list.Delete(int32(key[0]), key, nil)
				delete(want["list"], k)
			case 2:
				if want["list"][k] = v; ok {
					want["list"][k] = old + "," + v
				}
				err = list.Append(int32(key[0]), key, []byte(v))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			id++
			h := take(t, s, &backends.SnapshotRequest{Checkpoint: id, Streams: st})
			if d := readsAs(t, st, h, want); d != "" {
				t.Fatal(round, d)
			}
			if round%2 == 1 {
				if err := s.db.Compact(context.Background(), []byte{0}, []byte{0xff}, false); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// TestPrivateTables: a handle whose tables are private files, as in a copy that ckpt cp made, is the same state.
func TestPrivateTables(t *testing.T) {
	b := testBackend(t, 8<<20)
	st := newStorage()
	s := openStore(t, b, testConfig(t, st, testGroups))
	want, _ := fill(t, s, 1)
	h := *take(t, s, &backends.SnapshotRequest{Checkpoint: 1, Streams: st}).(*metadata.IncrementalHandle)
	h.Private, h.Shared = slices.Concat(h.Shared, h.Private), nil
	if d := readsAs(t, st, &h, want); d != "" {
		t.Error(d)
	}
	again, tables := restoreOf(t, b, st, backends.RestoredHandle{Handle: &h})
	if d := want.diff(again, tables); d != "" {
		t.Error(d)
	}
	for k, v := range want["value"] {
		if got, ok, err := tables["value"].Get(int32(k[0]), []byte(k), nil); err != nil || !ok || string(got) != v {
			t.Fatalf("%x is %q (%t), not %q: %v", k, got, ok, v, err)
		}
	}
	next := take(t, again, &backends.SnapshotRequest{Checkpoint: 2, Streams: st})
	if d := readsAs(t, st, next, want); d != "" {
		t.Error(d)
	}
}
