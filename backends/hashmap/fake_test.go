package hashmap

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/handletest"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/metadata"
)

// inMemory is files of which all lie within their handles.
func inMemory() *handletest.Streams { return &handletest.Streams{Inline: math.MaxInt} }

// job is a store to be, and its states.
type job struct {
	max    int32
	groups metadata.KeyGroupRange
	key    backends.Type
	states []*backends.Meta
}

func newJob(tb testing.TB, max int32) *job {
	kind := func(name string, k backends.Kind, mapKey, value string) *backends.Meta {
		m := &backends.Meta{Name: name, Kind: k, Namespace: handletest.Type(tb, "VoidNamespace")}
		if mapKey != "" {
			m.MapKey = handletest.Type(tb, mapKey)
		}
		if value != "" {
			m.Value = handletest.Type(tb, value)
		}
		return m
	}
	windows := kind("windows", backends.Value, "", "String")
	windows.Namespace = handletest.Type(tb, "String")
	return &job{
		max: max, groups: keygroups.All(max), key: handletest.Type(tb, "String"),
		states: []*backends.Meta{
			kind("count", backends.Value, "", "Long"), kind("list", backends.List, "", "String"), kind("map", backends.Map, "String", "Long"),
			kind("_timer_state/event_t", backends.Timer, "", ""), windows, kind("empty", backends.Reducing, "", "Long"),
		},
	}
}

// config is that of a store for some key groups, restored from handles.
func (j *job) config(files *handletest.Streams, groups metadata.KeyGroupRange, handles ...metadata.KeyedHandle) *backends.StoreConfig {
	c := &backends.StoreConfig{MaxParallelism: j.max, KeyGroups: groups, Key: j.key, Files: files, Now: func() int64 { return 0 }}
	for _, h := range handles {
		c.Restored = append(c.Restored, backends.RestoredHandle{Handle: h, Open: func(ctx context.Context) (backends.Reader, error) {
			return snapshot.OpenKeyed(ctx, files, h, backends.Origin{MaxParallelism: j.max, Range: groups}, backends.Options{Verify: true})
		}})
	}
	return c
}

// open opens a store and its tables.
func (j *job) open(tb failer, c *backends.StoreConfig) (backends.Store, []backends.Table) {
	tb.Helper()
	s, err := OpenStore(context.Background(), c)
	if err != nil {
		tb.Fatalf("opening: %v", err)
	}
	tables := make([]backends.Table, len(j.states))
	for i, m := range j.states {
		if tables[i], err = s.Table(m); err != nil {
			tb.Fatalf("%s: %v", m.Name, err)
		}
	}
	return s, tables
}

// failer is a testing.TB or a rapid.T.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// keyOf is the composite key of a key in a namespace, and its key group; of timers it fires at a time.
func (j *job) keyOf(m *backends.Meta, key string, namespace any, at int64) ([]byte, int32) {
	k, err := j.key.Encode(nil, key)
	ns, err2 := m.Namespace.Encode(nil, namespace)
	code, ok := j.key.Hash(key)
	if err != nil || err2 != nil || !ok {
		panic(errors.Join(err, err2))
	}
	kg := keygroups.Of(code, j.max)
	prefix := keygroups.PrefixLen(j.max)
	b := keygroups.AppendPrefix(nil, kg, prefix)
	if m.Kind == backends.Timer {
		f := backends.NewTimerForm(prefix, j.key, m.Namespace)
		return f.Append(backends.AppendTimerTime(b, at), backends.KeyParts{Key: k, Namespace: ns}), kg
	}
	f := backends.NewKeyForm(prefix, j.key, m.Namespace, false)
	return f.Append(b, backends.KeyParts{Key: k, Namespace: ns}), kg
}

// dump is all rows of tables as text, by state, key and sub.
func dump(tb failer, j *job, tables []backends.Table) map[string]string {
	tb.Helper()
	all := map[string]string{}
	for i, t := range tables {
		last := int32(-1)
		for row, err := range t.All(keygroups.All(j.max)) {
			if err != nil {
				tb.Fatalf("%v", err)
			}
			if row.KeyGroup < last {
				tb.Fatalf("key group %d behind %d", row.KeyGroup, last)
			}
			last = row.KeyGroup
			id := rowID(j.states[i], row.Key, row.Sub)
			if _, twice := all[id]; twice {
				tb.Fatalf("%q is there twice", id)
			}
			all[id] = string(row.Value)
		}
	}
	return all
}

func rowID(m *backends.Meta, key, sub []byte) string {
	return fmt.Sprintf("%s %x %x", m.Name, key, sub)
}

// take takes a snapshot.
func take(tb failer, s backends.Store, files *handletest.Streams, form backends.SnapshotForm) metadata.KeyedHandle {
	tb.Helper()
	write, err := s.Snapshot(&backends.SnapshotRequest{Checkpoint: 1, Form: form, Streams: files})
	if err != nil {
		tb.Fatalf("%v", err)
	}
	r, err := write(context.Background())
	if err != nil {
		tb.Fatalf("%v", err)
	}
	return r.JobManagerOwned
}

// count is how many there are.
func count[A, B any](seq iter.Seq2[A, B]) (n int) {
	for range seq {
		n++
	}
	return n
}
