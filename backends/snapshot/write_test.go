package snapshot_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/handletest"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/backends/savepoint"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
	"github.com/ckpt-tool/ckpt/testdata/statedump"
)

// table is the entries of a handle as a live store has them: by state and key group.
type table struct {
	reader backends.Reader
	metas  []*backends.Meta
	rows   map[string][]backends.Row
}

// gather reads all of a handle. whole is false where not all can be read.
func gather(ctx context.Context, r backends.Reader, o backends.Origin) (t *table, whole bool, err error) {
	t = &table{reader: r, rows: map[string][]backends.Row{}}
	place := map[*backends.State]int{}
	for i, st := range r.States() {
		m := &backends.Meta{Name: st.Name, Kind: st.Kind, Namespace: st.Namespace, MapKey: st.MapKey, Value: st.Value, TTL: st.TTL, Raw: st.Raw}
		if st.Kind == backends.Timer {
			m.Value = nil
		}
		place[st] = i
		t.metas = append(t.metas, m)
	}
	for e, err := range r.Entries(ctx, backends.Everything(o.Range)) {
		if err != nil {
			var opaque *backends.OpaqueError
			if errors.As(err, &opaque) || errors.Is(err, fs.ErrNotExist) {
				return nil, false, nil
			}
			return nil, false, err
		}
		row, err := rowOf(&e, keygroups.PrefixLen(o.MaxParallelism))
		if err != nil {
			var opaque *backends.OpaqueError
			if errors.As(err, &opaque) {
				return nil, false, nil
			}
			return nil, false, err
		}
		if row.Key != nil {
			at := fmt.Sprint(place[e.State], " ", e.KeyGroup)
			t.rows[at] = append(t.rows[at], row)
		}
	}
	return t, true, nil
}

// rowOf is an entry as a live store has it; without a key where a store has none.
func rowOf(e *backends.Entry, prefix int) (backends.Row, error) {
	st := e.State
	r := backends.Row{KeyGroup: e.KeyGroup, Key: keygroups.AppendPrefix(nil, e.KeyGroup, prefix)}
	switch {
	case st.Kind == backends.Timer && st.Key == nil:
		r.Key = append(r.Key, e.Value...)
		return r, nil
	case st.Kind == backends.Timer:
		form := backends.NewTimerForm(prefix, st.Key, st.Namespace)
		r.Key = form.Append(backends.AppendTimerTime(r.Key, e.Time), backends.KeyParts{Key: e.Key, Namespace: e.Namespace})
		return r, nil
	case st.Kind == backends.Map:
		r.Sub, r.Value = slices.Clone(e.MapKey), append([]byte{0}, e.Value...)
		if e.Null {
			r.Value = []byte{1}
		}
	case st.Kind == backends.List && !e.Joined:
		first := true
		for b, err := range snapshot.Elements(e) {
			if err != nil {
				return r, err
			}
			if !first {
				r.Value = append(r.Value, ',')
			}
			r.Value, first = append(r.Value, b...), false
		}
		if first { // no store keeps an empty list
			r.Key = nil
			return r, nil
		}
	default:
		r.Value = slices.Clone(e.Value)
	}
	form := backends.NewKeyForm(prefix, st.Key, st.Namespace, st.Kind == backends.Map)
	r.Key = form.Append(r.Key, backends.KeyParts{Key: e.Key, Namespace: e.Namespace})
	return r, nil
}

// texts are the rows by state and key group, sorted.
func (t *table) texts() map[string][]string {
	all := map[string][]string{}
	for at, rows := range t.rows {
		for _, r := range rows {
			all[at] = append(all[at], fmt.Sprintf("%x %x %x", r.Key, r.Sub, r.Value))
		}
		slices.Sort(all[at])
	}
	return all
}

// config writes the rows, backwards so that there is something to sort.
func (t *table) config(o backends.Origin) *savepoint.WriteConfig {
	c := &savepoint.WriteConfig{KeyGroups: o.Range, Metas: t.metas}
	for _, st := range t.reader.States() {
		if st.Key != nil && (c.Key == nil || c.KeyRaw == nil) {
			c.Key, c.KeyRaw = st.Key, st.KeyRaw
		}
	}
	c.Rows = func(meta int, kg int32) iter.Seq2[backends.Row, error] {
		return func(yield func(backends.Row, error) bool) {
			for _, r := range slices.Backward(t.rows[fmt.Sprint(meta, " ", kg)]) {
				if !yield(r, nil) {
					return
				}
			}
		}
	}
	return c
}

// TestWriteCanonical: all managed keyed state that Flink wrote, in whatever form, is the same entries when it was written in the
// canonical form and read again, by halves of its key groups.
func TestWriteCanonical(t *testing.T) {
	var mu sync.Mutex
	counts := map[string]int{}
	count := func(what string, n int) {
		mu.Lock()
		defer mu.Unlock()
		counts[what] += n
	}
	t.Run("all", func(t *testing.T) {
		roots := []string{filepath.Join(testdata.Root(t), "flink")}
		if dir := testdata.Fixtures(t); dir != "" {
			roots = append(roots, dir)
		}
		for _, root := range roots {
			for _, s := range testdata.Snapshots(t, root) {
				t.Run(s.Name, func(t *testing.T) {
					t.Parallel()
					c, from := decoded(t, s.Dir)
					for p, h := range c.Walk() {
						k, keyed := h.(metadata.KeyedHandle)
						if keyed && p.Slot == metadata.ManagedKeyed && p.Role == metadata.Top {
							o := backends.Origin{Operator: p.Operator.ID, Subtask: p.Subtask.Index, MaxParallelism: p.Operator.MaxParallelism}
							opts := backends.Options{Hints: hints, Kryo: backends.KryoOf(c.Version)}
							rewrite(t, from, k, o, opts, count)
						}
					}
				})
			}
		}
	})
	t.Log(counts)
	if counts["*metadata.KeyGroupsHandle"] < 50 || counts["*metadata.IncrementalHandle"] < 50 || counts["*metadata.ChangelogHandle"] < 20 || counts["entries"] < 10000 {
		t.Error("too few")
	}
}

// decoded is a checkpoint, and what opens its files.
func decoded(t *testing.T, dir string) (*metadata.Checkpoint, backends.Files) {
	t.Helper()
	s, files := statedump.Open(t, storage.New(storage.Settings{}).Open, dir, backends.Options{})
	return s.Checkpoint, files
}

// rewrite writes one handle in the canonical form, and reads it again.
func rewrite(t *testing.T, from backends.Files, k metadata.KeyedHandle, o backends.Origin, opts backends.Options, count func(string, int)) {
	t.Helper()
	all := k.KeyGroups()
	half := (all.First + all.Last) / 2
	for _, o.Range = range []metadata.KeyGroupRange{{First: max(0, all.First-1), Last: half}, {First: half + 1, Last: all.Last + 1}} {
		r, err := snapshot.OpenKeyed(t.Context(), from, k, o, opts)
		if err != nil {
			count("not opened", 1)
			return
		}
		was, whole, err := gather(t.Context(), r, o)
		if err != nil {
			t.Errorf("%s: %v", o.Operator, err)
		}
		c := &savepoint.WriteConfig{}
		if whole {
			c = was.config(o)
		}
		if !whole || c.Key == nil {
			count("unknown values or keys", 1)
			_ = r.Close()
			continue
		}
		streams := &handletest.Streams{}
		out, _ := streams.Create(t.Context(), metadata.Exclusive)
		h, err := savepoint.Write(t.Context(), out, c)
		if err != nil {
			t.Fatalf("%s: %v", o.Operator, err)
		}
		opts.Verify = true
		again, err := snapshot.OpenKeyed(t.Context(), streams, h, o, opts)
		if err != nil {
			t.Fatalf("%s: %v", o.Operator, err)
		}
		now, whole, err := gather(t.Context(), again, o)
		if err != nil || !whole {
			t.Fatalf("%s: %v, %v", o.Operator, whole, err)
		}
		want, got := was.texts(), now.texts()
		if !maps.EqualFunc(want, got, slices.Equal) {
			t.Errorf("%s %v: %v, not %v", o.Operator, o.Range, got, want)
		}
		for i, m := range was.metas {
			if w := now.metas[i]; w.Name != m.Name || w.Kind != m.Kind || string(w.Raw) != string(m.Raw) || len(w.Raw) == 0 {
				t.Errorf("%+v, not %+v", w, m)
			}
		}
		for _, rows := range want {
			count("entries", len(rows))
		}
		count(fmt.Sprintf("%T", k), 1)
		if err := errors.Join(r.Close(), again.Close()); err != nil {
			t.Error(err)
		}
	}
}
