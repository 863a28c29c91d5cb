package backendtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/metadata"
)

// naive is a backends.Store of maps, which are copied for each snapshot. It writes no format: its files hold the number of an
// image that is kept in memory. With a mutant it has one fault.
type naive struct {
	config  *backends.StoreConfig
	ordered bool
	mutant  string
	metas   []*backends.Meta
	tables  map[string]*naiveTable
	closed  atomic.Bool
	first   metadata.KeyedHandle // what was restored
}

type naiveKey struct {
	kg       int32
	key, sub string
}

func (a naiveKey) compare(b naiveKey) int {
	return cmp.Or(cmp.Compare(a.kg, b.kg), cmp.Compare(a.key+a.sub, b.key+b.sub))
}

type naiveTable struct {
	store *naive
	meta  *backends.Meta
	rows  map[naiveKey][]byte
}

// images are what the files of naive stores stand for.
var images sync.Map

type image struct {
	max    int32
	metas  []*backends.Meta
	key    backends.Type
	tables []map[naiveKey][]byte
}

// openNaive opens stores with one fault, or none.
func openNaive(mutant string, ordered bool) backends.OpenLiveStore {
	return func(ctx context.Context, c *backends.StoreConfig) (backends.Store, error) {
		s := &naive{config: c, ordered: ordered, mutant: mutant, tables: map[string]*naiveTable{}}
		if err := os.Mkdir(c.Dir, 0o700); err != nil {
			return nil, err
		}
		for _, h := range c.Restored {
			s.first = h.Handle
			if err := s.restore(ctx, h); err != nil {
				return nil, errors.Join(err, s.Close())
			}
		}
		return s, nil
	}
}

func (s *naive) restore(ctx context.Context, h backends.RestoredHandle) error {
	r, err := h.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	for _, st := range r.States() {
		if s.mutant == "restore forgets states without entries" {
			continue
		}
		s.register(st)
	}
	for e, err := range r.Entries(ctx, backends.Everything(s.config.KeyGroups)) {
		if err != nil {
			return err
		}
		s.restoreEntry(&e)
	}
	return nil
}

func (s *naive) register(st *backends.State) *naiveTable {
	m := &backends.Meta{Name: st.Name, Kind: st.Kind, Namespace: st.Namespace, MapKey: st.MapKey, Value: st.Value, TTL: st.TTL}
	if s.mutant == "restore forgets TTL" {
		m.TTL = false
	}
	t, _ := s.Table(m)
	return t.(*naiveTable)
}

func (s *naive) restoreEntry(e *backends.Entry) {
	t := s.register(e.State)
	n := keygroups.PrefixLen(s.config.MaxParallelism)
	prefix, parts := keygroups.AppendPrefix(nil, e.KeyGroup, n), backends.KeyParts{Key: e.Key, Namespace: e.Namespace}
	form, value := backends.NewKeyForm(n, s.config.Key, e.State.Namespace, false), e.Value
	switch e.State.Kind {
	case backends.Timer:
		prefix, form = backends.AppendTimerTime(prefix, e.Time), backends.NewTimerForm(n, s.config.Key, e.State.Namespace)
	case backends.Map:
		value = append([]byte{0}, value...)
		if e.Null && s.mutant != "restore makes null a value" {
			value = []byte{1}
		}
	}
	t.rows[naiveKey{e.KeyGroup, string(form.Append(prefix, parts)), string(e.MapKey)}] = slices.Clone(value)
}

func (s *naive) Table(m *backends.Meta) (backends.Table, error) {
	if s.closed.Load() {
		return nil, errors.New("closed")
	}
	t := s.tables[m.Name]
	if t == nil {
		t = &naiveTable{s, m, map[naiveKey][]byte{}}
		s.tables[m.Name] = t
		s.metas = append(s.metas, m)
	}
	if s.mutant == "tables share a name" && m.Name == "b" {
		return s.tables["a"], nil
	}
	return t, nil
}

func (s *naive) Metas() []*backends.Meta   { return s.metas }
func (s *naive) Ordered() bool             { return s.ordered }
func (s *naive) MemoryUse() int64          { return 0 }
func (s *naive) CheckpointCompleted(int64) {}
func (s *naive) CheckpointAborted(int64)   {}
func (s *naive) Close() error {
	if s.closed.Store(true); s.mutant == "close leaves files" {
		return nil
	}
	return os.RemoveAll(s.config.Dir)
}

func (s *naive) Snapshot(r *backends.SnapshotRequest) (backends.SnapshotFunc, error) {
	img := &image{max: s.config.MaxParallelism, metas: slices.Clone(s.metas), key: s.config.Key}
	for _, m := range s.metas {
		rows := s.tables[m.Name].rows
		if s.mutant != "snapshot is not of its moment" {
			rows = maps.Clone(rows)
		}
		if s.mutant == "canonical form leaves timers out" && r.Form == backends.CanonicalForm && m.Kind == backends.Timer {
			rows = nil
		}
		img.tables = append(img.tables, rows)
	}
	if len(img.metas) == 0 {
		return func(ctx context.Context) (backends.SnapshotResult, error) {
			return backends.SnapshotResult{}, ctx.Err()
		}, nil
	}
	if s.mutant == "first checkpoint refers to what it began with" && s.first != nil && s.first.KeyGroups() == s.config.KeyGroups {
		return func(context.Context) (backends.SnapshotResult, error) {
			return backends.SnapshotResult{JobManagerOwned: s.first}, nil
		}, nil
	}
	return func(ctx context.Context) (result backends.SnapshotResult, err error) {
		if s.closed.Load() && s.mutant != "snapshot survives its store" {
			return result, errors.New("the store is closed")
		}
		result.JobManagerOwned, err = s.write(ctx, img, r)
		return result, err
	}, nil
}

func (s *naive) write(ctx context.Context, img *image, r *backends.SnapshotRequest) (metadata.KeyedHandle, error) {
	scope := metadata.Exclusive
	if s.mutant == "savepoint is shared" {
		scope = metadata.Shared
	}
	if s.mutant == "cancel is not heard" {
		ctx = context.WithoutCancel(ctx)
	}
	w, err := r.Streams.Create(ctx, scope)
	if err != nil {
		return nil, err
	}
	if s.mutant != "stream is not closed" {
		defer func() { _ = w.Close() }()
	}
	data := fmt.Sprintf("%p", img)
	images.Store(data, img)
	for i := range len(data) {
		if _, err := w.Write([]byte(data[i : i+1])); err != nil {
			return nil, err
		}
	}
	if s.mutant == "file is left behind" && ctx.Err() == nil {
		extra, _ := r.Streams.Create(ctx, scope)
		if extra != nil {
			_, _ = extra.Write([]byte{1})
			_, _ = extra.CloseAndHandle()
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	h, err := w.CloseAndHandle()
	if err != nil {
		return nil, err
	}
	k := &metadata.KeyGroupsHandle{Tag: metadata.TagKeyGroupsV2, Range: s.config.KeyGroups, Delegate: h}
	if r.Savepoint {
		k.Tag = metadata.TagSavepointKeyGroups
	}
	return k, nil
}

func (t *naiveTable) at(kg int32, key, sub []byte) naiveKey {
	return naiveKey{kg, string(key), string(sub)}
}

func (t *naiveTable) Get(kg int32, key, sub []byte) ([]byte, bool, error) {
	v, there := t.rows[t.at(kg, key, sub)]
	if t.store.mutant == "empty is nothing" && len(v) == 0 {
		there = false
	}
	return v, there, nil
}

func (t *naiveTable) Put(kg int32, key, sub, value []byte) error {
	if len(key)+len(sub) > 1<<31-1 || len(value) > 1<<31-1 {
		if t.store.mutant == "too large is dropped" {
			return nil
		}
		return backends.ErrTooLarge
	}
	if t.store.mutant != "value is kept" {
		value = slices.Clone(value)
	}
	t.rows[t.at(kg, key, sub)] = value
	return nil
}

func (t *naiveTable) Delete(kg int32, key, sub []byte) error {
	if t.store.mutant == "delete of a map's entry" && sub != nil {
		return nil
	}
	delete(t.rows, t.at(kg, key, sub))
	return nil
}

func (t *naiveTable) Append(kg int32, key, element []byte) error {
	v, there := t.rows[t.at(kg, key, nil)]
	v = slices.Clone(v)
	if there && t.store.mutant == "no separator behind nothing" {
		there = len(v) > 0
	}
	if there && t.store.mutant != "no separator" {
		v = append(v, ',')
	}
	return t.Put(kg, key, nil, append(v, element...))
}

func (t *naiveTable) rowsOf(keep func(naiveKey) bool) iter.Seq2[backends.Row, error] {
	return func(yield func(backends.Row, error) bool) {
		keys := slices.DeleteFunc(slices.Collect(maps.Keys(t.rows)), func(k naiveKey) bool { return !keep(k) })
		slices.SortFunc(keys, naiveKey.compare)
		if t.store.mutant == "order is reversed" {
			slices.Reverse(keys)
		}
		for _, k := range keys {
			r := backends.Row{KeyGroup: k.kg, Key: []byte(k.key), Value: t.rows[k]}
			if t.meta.Kind == backends.Map {
				r.Sub = []byte(k.sub)
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (t *naiveTable) Subs(kg int32, key []byte) iter.Seq2[backends.Row, error] {
	return t.rowsOf(func(k naiveKey) bool {
		if t.store.mutant == "maps of all keys" {
			return k.kg == kg
		}
		return k.kg == kg && k.key == string(key)
	})
}

func (t *naiveTable) Clear(kg int32, key []byte) error {
	if t.store.mutant == "clear of maps" {
		return nil
	}
	maps.DeleteFunc(t.rows, func(k naiveKey, _ []byte) bool { return k.kg == kg && k.key == string(key) })
	return nil
}

func (t *naiveTable) All(r metadata.KeyGroupRange) iter.Seq2[backends.Row, error] {
	return t.rowsOf(func(k naiveKey) bool {
		return r.Contains(k.kg) && (t.store.mutant != "last key group" || k.kg < r.Last || r.First == r.Last)
	})
}

func (t *naiveTable) From(kg int32, key []byte) iter.Seq2[backends.Row, error] {
	return t.rowsOf(func(k naiveKey) bool {
		if t.store.mutant == "from behind" && k.kg == kg && k.key == string(key) {
			return false
		}
		return k.kg == kg && strings.Compare(k.key, string(key)) >= 0
	})
}

// naiveReader reads an image.
type naiveReader struct {
	img    *image
	o      backends.Origin
	states []*backends.State
}

func readNaive(ctx context.Context, files backends.Files, h metadata.KeyedHandle, o backends.Origin, _ backends.Options) (backends.Reader, error) {
	b, err := files.Open(ctx, h.(*metadata.KeyGroupsHandle).Delegate)
	if err != nil {
		return nil, err
	}
	data := make([]byte, b.Size())
	if _, err := b.ReadAt(data, 0); err != nil {
		return nil, err
	}
	found, there := images.Load(string(data))
	if !there {
		return nil, fmt.Errorf("%s holds no image", b.Name())
	}
	r := &naiveReader{img: found.(*image), o: o}
	for _, m := range r.img.metas {
		r.states = append(r.states, &backends.State{Name: m.Name, Kind: m.Kind, Key: r.img.key, Namespace: m.Namespace, MapKey: m.MapKey, Value: m.Value, TTL: m.TTL})
	}
	return r, nil
}

func (r *naiveReader) States() []*backends.State { return r.states }
func (r *naiveReader) Close() error              { return nil }

func (r *naiveReader) Entries(_ context.Context, sel backends.Selection) iter.Seq2[backends.Entry, error] {
	return func(yield func(backends.Entry, error) bool) {
		for i, rows := range r.img.tables {
			for k, v := range rows {
				if !sel.KeyGroups.Contains(k.kg) {
					continue
				}
				e, err := r.entry(r.states[i], k, v)
				if !yield(e, err) || err != nil {
					return
				}
			}
		}
	}
}

func (r *naiveReader) entry(st *backends.State, k naiveKey, v []byte) (backends.Entry, error) {
	n := keygroups.PrefixLen(r.img.max)
	e := backends.Entry{State: st, KeyGroup: k.kg, MapKey: []byte(k.sub), Value: v, Joined: true}
	form := backends.NewKeyForm(n, r.img.key, st.Namespace, false)
	switch st.Kind {
	case backends.Timer:
		form = backends.NewTimerForm(n, r.img.key, st.Namespace)
		e.Time = backends.TimerTime([]byte(k.key)[n:])
	case backends.Map:
		e.Null, e.Value = v[0] == 1, v[1:]
	}
	p, err := form.Split([]byte(k.key))
	e.Key, e.Namespace = p.Key, p.Namespace
	return e, err
}
