package restore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/hashmap"
	"github.com/ckpt-tool/ckpt/backends/keyed"
	"github.com/ckpt-tool/ckpt/backends/operator"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore"
	"github.com/ckpt-tool/ckpt/restore/checkpoints"
	"github.com/ckpt-tool/ckpt/restore/connectors"
	"github.com/ckpt-tool/ckpt/restore/coordinator"
	"github.com/ckpt-tool/ckpt/restore/engine"
	"github.com/ckpt-tool/ckpt/testdata"
	"github.com/ckpt-tool/ckpt/testdata/statedump"
)

// small are fixtures of one job of Flink, whose state a job in Go goes on with: one for each form of keyed state.
var small = []string{
	"2.2.0/small-files",                     // heap
	"2.2.0/savepoint-stop",                  // canonical
	"1.20.0/maxpar4096-savepoint-rocksdb",   // canonical, 4096 key groups
	"2.2.0/rocksdb-incremental-small",       // RocksDB, incremental
	"1.20.0/rescale-claim",                  // the same, rescaled
	"2.2.0/changelog-hashmap-materialized",  // changelog over heap
	"1.20.0/changelog-rocksdb-materialized", // changelog over RocksDB
	"2.2.0/changelog-memory-storage",        // changelog over nothing
}

// TestResumeFlink: a job in Go, whose uids and states are those of a job of Flink, goes on with what Flink wrote.
func TestResumeFlink(t *testing.T) {
	all := testdata.StateOracles(t)
	for _, name := range small {
		var last *testdata.StateOracle
		for i := range all {
			if all[i].Case == name {
				last = &all[i]
			}
		}
		if last == nil {
			t.Errorf("no entries of %s", name)
			continue
		}
		for i, p := range []int{1, 2, 3} {
			backend := []string{"hashmap", "pebble"}[i%2]
			t.Run(fmt.Sprint(name, "/", backend, "/", p), func(t *testing.T) {
				t.Parallel()
				resume(t, last, backend, p)
			})
		}
	}
}

func resume(t *testing.T, o *testdata.StateOracle, backend string, parallelism int) {
	want := stateOf(t, *o)
	r := newResumption(t, o.Dir, backend, parallelism)
	r.keys, r.accounts = slices.Sorted(maps.Keys(want.counts)), slices.Sorted(maps.Keys(want.totals))
	result, err := engine.Run(t.Context(), r.job(""), r.config)
	if err != nil {
		t.Fatal(err)
	}
	if result.Status != coordinator.Finished {
		t.Fatalf("status %v", result.Status)
	}
	same(t, "counts", r.found.counts, want.counts)
	same(t, "totals", r.found.totals, want.totals)
	same(t, "positions", r.found.positions, want.positions)
	if len(want.timers) > 0 { // the dumps of heap timers beside RocksDB have none
		same(t, "timers", r.found.timers, want.timers)
	}
	if len(r.found.timers) == 0 || len(r.found.counts) < 10 || len(r.found.totals) < 10 {
		t.Errorf("%d keys, %d accounts, %d timers", len(r.found.counts), len(r.found.totals), len(r.found.timers))
	}
}

// same compares what was found with what Flink's dump says.
func same[K comparable](t *testing.T, what string, got, want map[K]string) {
	t.Helper()
	if maps.Equal(got, want) {
		return
	}
	t.Errorf("%s: %d, want %d", what, len(got), len(want))
	for k, w := range want {
		if got[k] != w {
			t.Errorf("%s of %v: %s, want %s", what, k, got[k], w)
			return
		}
	}
}

// TestResumeRefuses: what does not map is named, and may be left behind; what has another type is refused.
func TestResumeRefuses(t *testing.T) {
	dir := filepath.Join(testdata.Root(t), "flink", "2.2.0", "rocksdb-incremental-small", "495d8572c34476e61174bd4e676c9523", "chk-6")
	for _, backend := range []string{"hashmap", "pebble"} {
		t.Run(backend+"/wrong uid", func(t *testing.T) {
			r := newResumption(t, dir, backend, 2)
			r.uid = "counters"
			_, err := engine.Run(t.Context(), r.job(""), r.config)
			var wrong *restore.IncompatibleError
			if !errors.As(err, &wrong) || !wrong.OnlyMissing() || len(wrong.Problems) != 1 {
				t.Fatal(err)
			}
			id := metadata.OperatorIDOf("counter").String()
			if p := wrong.Problems[0]; p.UID != "counter" || p.ID.String() != id || p.Name == "" || !strings.Contains(err.Error(), `"counter"`) ||
				!strings.Contains(err.Error(), id) || !strings.Contains(err.Error(), p.Name) {
				t.Errorf("%v, %+v", err, p)
			}
		})
		t.Run(backend+"/left behind", func(t *testing.T) {
			r := newResumption(t, dir, backend, 3)
			r.uid, r.keys, r.accounts = "counters", []string{"user-1", "user-2"}, []int64{}
			r.config.Restore.AllowNonRestored = true
			if _, err := engine.Run(t.Context(), r.job(""), r.config); err != nil {
				t.Fatal(err)
			}
			same(t, "counts", r.found.counts, map[string]string{"user-1": "<nil> <nil> map[]", "user-2": "<nil> <nil> map[]"})
			if len(r.found.positions) == 0 {
				t.Error("the state of the others is gone, too")
			}
		})
		for state, is := range map[string]string{"count": "Long", "byKind": "Long"} {
			t.Run(backend+"/wrong type of "+state, func(t *testing.T) {
				r := newResumption(t, dir, backend, 2)
				_, err := engine.Run(t.Context(), r.job(state), r.config)
				var wrong *backends.IncompatibleError
				if !errors.As(err, &wrong) {
					t.Fatal(err)
				}
				if wrong.State != state || !strings.Contains(wrong.Was, is) || !strings.Contains(wrong.Want, "String") || !strings.Contains(err.Error(), "counter") {
					t.Errorf("%v", err)
				}
			})
		}
	}
}

// smallState is the state of the job, as text.
type smallState struct {
	counts    map[string]string // count, last, byKind
	totals    map[int64]string  // total, ids
	positions map[string]string // of the source
	timers    map[string]string // key and time
}

func newSmallState() *smallState {
	return &smallState{map[string]string{}, map[int64]string{}, map[string]string{}, map[string]string{}}
}

// stateOf is what a dump says.
func stateOf(t *testing.T, o testdata.StateOracle) *smallState {
	t.Helper()
	var c, n, s = map[string]any{}, map[string]any{}, map[string]map[string]int64{}
	total, ids := map[int64]any{}, map[int64]string{}
	state := newSmallState()
	for _, l := range statedump.Dumped(t, o) {
		key, _ := l["key"].(string)
		number, _ := l["key"].(json.Number)
		account, _ := number.Int64()
		switch l["state"] {
		case "count":
			c[key] = l["value"]
		case "last":
			n[key] = l["value"]
		case "byKind":
			for kind, v := range mapEntries(l) {
				if s[key] == nil {
					s[key] = map[string]int64{}
				}
				s[key][kind] = v
			}
		case "total":
			f, err := l["value"].(json.Number).Float64()
			if err != nil {
				t.Fatal(err)
			}
			total[account] = f
		case "ids":
			var list []int64
			for _, e := range l["value"].([]any) {
				v, _ := e.(json.Number).Int64()
				list = append(list, v)
			}
			ids[account] = fmt.Sprint(sorted(list))
		case "source-pos":
			state.positions[fmt.Sprint(l["value"])] = "there"
		case "_event_timer":
			state.timers[fmt.Sprint(key, " ", l["ts"])] = "fired"
		}
	}
	for key := range c {
		state.counts[key] = fmt.Sprint(c[key], " ", n[key], " ", s[key])
	}
	for account := range total {
		state.totals[account] = fmt.Sprint(total[account], " ", ids[account])
	}
	return state
}

// mapEntries are the entries of a line of a map, which is one entry, or a map as a whole.
func mapEntries(l statedump.Line) map[string]int64 {
	found := map[string]int64{}
	if k, ok := l["mapKey"].(string); ok {
		found[k], _ = l["value"].(json.Number).Int64()
	}
	return found
}

func sorted(list []int64) []int64 {
	slices.Sort(list)
	return list
}

// resumption is one run of the job.
type resumption struct {
	uid         string // of the operator that Flink's job calls counter
	keys        []string
	accounts    []int64
	parallelism int
	config      engine.Config

	mu    sync.Mutex
	found *smallState
}

func newResumption(t *testing.T, dir, backend string, parallelism int) *resumption {
	t.Helper()
	s, files := statedump.Open(t, storage.New(storage.Settings{}).Open, dir, backends.Options{})
	opts := backends.Options{Verify: true, Kryo: backends.KryoOf(s.Checkpoint.Version)}
	state := engine.StateBackend{Name: "hashmap", Open: hashmap.OpenStore}
	if backend == "pebble" {
		state = engine.StateBackend{Name: "pebble", Open: onPebble(t).OpenStore, NeedsDir: true}
	}
	return &resumption{uid: "counter", parallelism: parallelism, found: newSmallState(), config: engine.Config{
		Checkpointing: coordinator.Config{Interval: 20 * time.Millisecond, Timeout: time.Minute},
		StateBackend:  state,
		Storage:       &checkpoints.FileSystem{Mutable: storage.New(storage.Settings{}).OpenMutable, Dir: t.TempDir()},
		Restart:       engine.NoRestart{},
		LocalDir:      t.TempDir(),
		Restore:       &engine.Restore{Checkpoint: aligned(s.Checkpoint), Pointer: dir, Files: files, ClaimMode: restore.NoClaim},
		OpenKeyed: func(ctx context.Context, files backends.Files, h metadata.KeyedHandle, o backends.Origin) (backends.Reader, error) {
			return snapshot.OpenKeyed(ctx, files, h, o, opts)
		},
		OpenOperator: operator.Open,
		OpenState:    func(s backends.Store, c *backends.StoreConfig) (backends.Keyed, error) { return keyed.New(s, c) },
	}}
}

// job asks for the state of all keys and accounts. The state wrong has another type than in Flink's job.
func (r *resumption) job(wrong string) *engine.Job {
	typed := func(state, is string) backends.Type {
		if state == wrong {
			is = "String"
		}
		t, err := types.ParseSpec(is)
		if err != nil {
			panic(err)
		}
		return t
	}
	j := engine.NewJob("small")
	j.Parallelism = r.parallelism
	text := engine.NewSchema(engine.Column{Name: "key", Kind: engine.String})
	j.Source("keys", connectors.Sequence{From: 0, To: int64(len(r.keys)) - 1}).
		Process("key", text, func() engine.Operator {
			return &engine.ProcessFunc{OnRecord: func(rec engine.Record, out *engine.Output) error {
				return out.Row(rec.Time(), r.keys[rec.Value(0).(int64)])
			}}
		}).KeyBy("key").Sink(r.uid, engine.AtLeastOnce, func() engine.Operator { return r.counter(typed) })
	number := engine.NewSchema(engine.Column{Name: "account", Kind: engine.Long})
	j.Source("accounts", connectors.Sequence{From: 0, To: int64(len(r.accounts)) - 1}).
		Process("account", number, func() engine.Operator {
			return &engine.ProcessFunc{OnRecord: func(rec engine.Record, out *engine.Output) error {
				return out.Row(rec.Time(), r.accounts[rec.Value(0).(int64)])
			}}
		}).KeyBy("account").Sink("totals", engine.AtLeastOnce, func() engine.Operator { return r.totals(typed) })
	j.Source("more", connectors.Sequence{From: 0, To: 9}).Sink("src", engine.AtLeastOnce, func() engine.Operator { return r.source(typed) })
	return j
}

// counter is the counterpart of CounterFn.
func (r *resumption) counter(typed func(state, is string) backends.Type) engine.Operator {
	var count, last backends.ValueState
	var byKind backends.MapState
	var key string
	return &engine.ProcessFunc{
		OnOpen: func(c *engine.Context) (err error) {
			if count, err = engine.ValueOf(c, "count", typed("count", "Long")); err != nil {
				return err
			}
			if last, err = engine.ValueOf(c, "last", typed("last", "String")); err != nil {
				return err
			}
			if byKind, err = engine.MapOf(c, "byKind", typed("", "String"), typed("byKind", "Long")); err != nil {
				return err
			}
			_, err = c.Timers("user-timers", nil, func(t engine.FiredTimer, _ *engine.Output) error {
				k, err := c.Keyed.CurrentKey()
				if err != nil {
					return err
				}
				r.mu.Lock()
				defer r.mu.Unlock()
				r.found.timers[fmt.Sprint(k, " ", t.Time)] = "fired"
				return nil
			})
			return err
		},
		OnRecord: func(rec engine.Record, _ *engine.Output) error {
			key = rec.Value(0).(string)
			n, err := count.Value()
			if err != nil {
				return err
			}
			l, err := last.Value()
			if err != nil {
				return err
			}
			kinds := map[string]int64{}
			for e, err := range byKind.Entries() {
				if err != nil {
					return err
				}
				kinds[e.Key.(string)] = e.Value.(int64)
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			r.found.counts[key] = fmt.Sprint(n, " ", l, " ", kinds)
			return nil
		},
	}
}

// totals is the counterpart of TotalsFn.
func (r *resumption) totals(typed func(state, is string) backends.Type) engine.Operator {
	var total backends.ValueState
	var ids backends.ListState
	return &engine.ProcessFunc{
		OnOpen: func(c *engine.Context) (err error) {
			if total, err = engine.ValueOf(c, "total", typed("total", "Double")); err != nil {
				return err
			}
			ids, err = engine.ListOf(c, "ids", typed("ids", "Long"))
			return err
		},
		OnRecord: func(rec engine.Record, _ *engine.Output) error {
			v, err := total.Value()
			if err != nil {
				return err
			}
			list, err := ids.Get()
			if err != nil {
				return err
			}
			var numbers []int64
			for _, e := range list {
				numbers = append(numbers, e.(int64))
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			r.found.totals[rec.Value(0).(int64)] = fmt.Sprint(v, " ", sorted(numbers))
			return nil
		},
	}
}

// source has the positions of Flink's source.
func (r *resumption) source(typed func(state, is string) backends.Type) engine.Operator {
	return &engine.ProcessFunc{
		OnOpen: func(c *engine.Context) error {
			list, err := c.State.Union(&backends.OperatorDescriptor{Name: "source-pos", Value: typed("source-pos", "Long")})
			if err != nil {
				return err
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			for _, p := range list.Get() {
				r.found.positions[fmt.Sprint(p)] = "there"
			}
			return nil
		},
		OnRecord: func(engine.Record, *engine.Output) error { return nil },
	}
}
