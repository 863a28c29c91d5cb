package rocksdb

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
)

func optionsFor(h handleOf) *backends.Options {
	o := &backends.Options{Verify: true}
	if strings.Contains(h.name, "2.0.0/") || strings.Contains(h.name, "2.2.0/") || strings.Contains(h.files.tree, "/2.") {
		o.Kryo = backends.Kryo5
	}
	return o
}

// opaque tells of states whose serializers nobody knows.
func opaque(err error) bool {
	var e *backends.OpaqueError
	return errors.As(err, &e)
}

// TestFlinkEntries reads the entries of all databases that Flink wrote: nothing is left over, every key belongs
// to its key group, and a database that is read by parts at once has the same entries.
func TestFlinkEntries(t *testing.T) {
	entries, states, kinds := 0, 0, map[string]int{}
	unknown := map[string]int{}
	realHandles(t, func(h handleOf) {
		ctx := context.Background()
		r, err := Open(ctx, h.files, h.handle, h.origin, optionsFor(h))
		if opaque(err) {
			unknown[err.Error()[strings.Index(err.Error(), " at byte")+1:]]++
		} else if err != nil {
			t.Errorf("%s: %v", h.name, err)
		}
		if r == nil {
			return
		}
		defer r.Close()
		states += len(r.States())
		all := collect(t, r, backends.Everything(h.handle.Range), h.name)
		for _, e := range all {
			kinds[e.kind]++
		}
		entries += len(all)
		if parts := inParts(t, r, h); !slices.Equal(all, parts) {
			t.Errorf("%s: %d entries in parts, not %d", h.name, len(parts), len(all))
		}
		points(t, r, h.name, all)
		if n, err := r.VerifyFiles(ctx, func(e *backends.Error) { t.Errorf("%s: %v", h.name, e) }); err != nil || n == 0 && len(all) > 0 {
			t.Errorf("%s: %d bytes verified: %v", h.name, n, err)
		}
	})
	t.Logf("%d entries of %d states: %v; not known: %v", entries, states, kinds, unknown)
}

// copied is an entry that stays.
type copied struct {
	state, kind                   string
	group                         int32
	key, namespace, mapKey, value string
	null                          bool
	time                          int64
}

func collect(t *testing.T, r *Reader, sel backends.Selection, name string) (all []copied) {
	t.Helper()
	last := int32(-1)
	for e, err := range r.Entries(context.Background(), sel) {
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return all
		}
		if e.KeyGroup < last || !sel.KeyGroups.Contains(e.KeyGroup) {
			t.Errorf("%s: key group %d after %d", name, e.KeyGroup, last)
		}
		last = e.KeyGroup
		all = append(all, copied{e.State.Name, e.State.Kind.String(), e.KeyGroup, string(e.Key), string(e.Namespace), string(e.MapKey), string(e.Value), e.Null, e.Time})
	}
	return all
}

// inParts reads four parts of the key groups at once.
func inParts(t *testing.T, r *Reader, h handleOf) (all []copied) {
	t.Helper()
	const n = 4
	var parts [n][]copied
	var wg sync.WaitGroup
	for i := range int32(n) {
		wg.Go(func() {
			g := h.handle.Range
			size := g.Last - g.First + 1
			g.First, g.Last = h.handle.Range.First+i*size/n, h.handle.Range.First+(i+1)*size/n-1
			if g.First <= g.Last {
				parts[i] = collect(t, r, backends.Everything(g), h.name)
			}
		})
	}
	wg.Wait()
	return slices.Concat(parts[:]...)
}

// points reads some keys by themselves.
func points(t *testing.T, r *Reader, name string, all []copied) {
	t.Helper()
	for i := 0; i < len(all); i += 1 + len(all)/5 {
		key := all[i].key
		sel := backends.Selection{KeyGroups: metadata.KeyGroupRange{First: all[i].group, Last: all[i].group}, Key: []byte(key)}
		got := collect(t, r, sel, name)
		want := slices.DeleteFunc(slices.Clone(all), func(e copied) bool { return e.key != key || e.group != sel.KeyGroups.First })
		if !slices.Equal(got, want) {
			t.Errorf("%s: %d entries of key %x, not %d", name, len(got), key, len(want))
		}
	}
}

// changedFiles are files of which some are others.
type changedFiles struct {
	backends.Files
	change func(h metadata.StreamHandle, b *memBlob) (backends.Blob, error)
}

func (c *changedFiles) Open(ctx context.Context, h metadata.StreamHandle) (backends.Blob, error) {
	b, err := c.Files.Open(ctx, h)
	if err != nil {
		return nil, err
	}
	return c.change(h, b.(*memBlob))
}

// richHandle is a database of two states at least, with entries of each.
func richHandle(t *testing.T) (h handleOf, first, second *backends.State) {
	t.Helper()
	realHandles(t, func(candidate handleOf) {
		if first != nil {
			return
		}
		r, err := Open(context.Background(), candidate.files, candidate.handle, candidate.origin, &backends.Options{})
		if opaque(err) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		var with []*backends.State
		for _, st := range r.States() {
			if len(r.db.families[st.Name].tables) > 0 && countOf(t, r, st) > 3 {
				with = append(with, st)
			}
		}
		if len(with) >= 2 {
			h, first, second = candidate, with[0], with[1]
		}
	})
	if first == nil {
		t.Fatal("no database has two states with entries")
	}
	return h, first, second
}

func countOf(t *testing.T, r *Reader, st *backends.State) (n int) {
	t.Helper()
	sel := backends.Everything(r.handle.Range)
	sel.States = func(s *backends.State) bool { return s.Name == st.Name }
	return len(collect(t, r, sel, st.Name))
}

// TestDamagedState holds that the other states are read where a table of one is damaged, and that
// the error says so.
func TestDamagedState(t *testing.T) {
	h, first, second := richHandle(t)
	var broken metadata.StreamHandle
	files := &changedFiles{h.files, func(handle metadata.StreamHandle, b *memBlob) (backends.Blob, error) {
		if handle == broken {
			b.data = slices.Clone(b.data)
			b.data[3] ^= 1
		}
		return b, nil
	}}
	r, err := Open(context.Background(), files, h.handle, h.origin, &backends.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	want := countOf(t, r, second)
	r.db.close()
	table := r.db.families[first.Name].tables[0]
	broken = table.handle
	got, passed := 0, 0
	for e, err := range r.Entries(context.Background(), backends.Everything(h.handle.Range)) {
		var told *backends.Error
		switch {
		case err == nil && e.State.Name == second.Name:
			got++
		case errors.As(err, &told):
			if !told.Passed || told.State != first.Name || told.KeyGroup < 0 || !strings.Contains(told.Error(), "has checksum") {
				t.Errorf("%+v", told)
			}
			passed++
		case err != nil:
			t.Error(err)
		}
	}
	if got != want || passed != 1 {
		t.Errorf("%d entries of the other state, not %d; %d errors", got, want, passed)
	}
	found := 0
	if _, err := r.VerifyFiles(context.Background(), func(e *backends.Error) { found++ }); err != nil || found != 1 {
		t.Errorf("verifying finds %d: %v", found, err)
	}
}

// TestHeader holds what is refused of a meta stream.
func TestHeader(t *testing.T) {
	h, _, _ := richHandle(t)
	var other metadata.StreamHandle
	realHandles(t, func(o handleOf) {
		if o.origin.Operator == h.origin.Operator || other != nil {
			return
		}
		if r, err := Open(context.Background(), o.files, o.handle, o.origin, &backends.Options{}); err == nil && len(r.States()) > 1 {
			other = &metadata.InlineHandle{Data: read(t, o)}
		}
	})
	good := read(t, h)
	for _, c := range []struct {
		name string
		meta metadata.StreamHandle
		want string
	}{
		{"as it is", &metadata.InlineHandle{Data: good}, ""},
		{"with more", &metadata.InlineHandle{Data: append(slices.Clone(good), 1, 2)}, "2 bytes follow the header"},
		{"cut off", &metadata.InlineHandle{Data: good[:len(good)-1]}, ""},
		{"of another operator", other, "column family"},
	} {
		handle := *h.handle
		handle.Meta = c.meta
		r, err := Open(context.Background(), h.files, &handle, h.origin, &backends.Options{})
		if c.name == "cut off" {
			if err == nil {
				t.Error("a header that is cut off is opened")
			}
			continue
		}
		says(t, c.name, "opening", err, c.want)
		if err == nil {
			r.Close()
		}
	}
}

func read(t *testing.T, h handleOf) []byte {
	t.Helper()
	b, err := h.files.Open(context.Background(), h.handle.Meta)
	if err != nil {
		t.Fatal(err)
	}
	return b.(*memBlob).data
}

// TestRange holds that key groups count only that are selected, of the handle and of its owner.
func TestRange(t *testing.T) {
	h, _, _ := richHandle(t)
	whole := h.handle.Range
	half := metadata.KeyGroupRange{First: whole.First, Last: (whole.First + whole.Last) / 2}
	h.origin.Range = half
	r, err := Open(context.Background(), h.files, h.handle, h.origin, &backends.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all := collect(t, r, backends.Everything(whole), "half")
	for _, e := range all {
		if !half.Contains(e.group) {
			t.Fatalf("an entry of key group %d", e.group)
		}
	}
	if len(all) == 0 {
		t.Error("no entries")
	}
	if none := collect(t, r, backends.Everything(metadata.KeyGroupRange{First: half.Last + 1, Last: whole.Last}), "rest"); len(none) != 0 {
		t.Errorf("%d entries of key groups that do not count", len(none))
	}
}
