package savepoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/handletest"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/metadata"
)

// source is rows by state and key group.
type source struct {
	config WriteConfig
	rows   map[[2]int32][]backends.Row
}

// newSource has four states; the keys of the third are of the first letter only, those of the last are missing.
func newSource(tb testing.TB, max, groups int32, rows int) *source {
	s := &source{rows: map[[2]int32][]backends.Row{}}
	text, long := handletest.Type(tb, "String"), handletest.Type(tb, "Long")
	void := handletest.Type(tb, "VoidNamespace")
	s.config = WriteConfig{
		KeyGroups: metadata.KeyGroupRange{First: max - groups, Last: max - 1}, Key: text,
		Metas: []*backends.Meta{
			{Name: "count", Kind: backends.Value, Value: long}, {Name: "names", Kind: backends.Map, MapKey: text, Value: long},
			{Name: "_timer_state/event_t", Kind: backends.Timer}, {Name: "none", Kind: backends.List, Value: long},
		},
		Rows: func(meta int, kg int32) iter.Seq2[backends.Row, error] {
			return func(yield func(backends.Row, error) bool) {
				for _, r := range s.rows[[2]int32{int32(meta), kg}] {
					if !yield(r, nil) {
						return
					}
				}
			}
		},
	}
	prefix := keygroups.PrefixLen(max)
	pair, timer := backends.NewKeyForm(prefix, text, void, false), backends.NewTimerForm(prefix, text, void)
	random := rand.New(rand.NewPCG(1, uint64(max)))
	for kg := max - groups; kg < max; kg++ {
		if kg%3 == 1 {
			continue
		}
		for i := range rows {
			parts := backends.KeyParts{Key: handletest.Encode(tb, nil, text, fmt.Sprint("k", i)), Namespace: []byte{0}}
			begin := keygroups.AppendPrefix(nil, kg, prefix)
			key := pair.Append(slices.Clone(begin), parts)
			add := func(meta int32, r backends.Row) {
				r.KeyGroup = kg
				s.rows[[2]int32{meta, kg}] = append(s.rows[[2]int32{meta, kg}], r)
			}
			add(0, backends.Row{Key: key, Value: handletest.Encode(tb, nil, long, int64(i))})
			add(1, backends.Row{Key: key, Sub: handletest.Encode(tb, nil, text, "a"), Value: []byte{1}})
			add(1, backends.Row{Key: key, Sub: handletest.Encode(tb, nil, text, "b"), Value: handletest.Encode(tb, []byte{0}, long, int64(-i))})
			if kg%2 == 0 {
				add(2, backends.Row{Key: timer.Append(backends.AppendTimerTime(begin, int64(i)-3), parts)})
			}
		}
	}
	for _, rows := range s.rows {
		random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	}
	return s
}

func (s *source) sort() {
	for _, rows := range s.rows {
		slices.SortFunc(rows, func(a, b backends.Row) int {
			return bytes.Compare(slices.Concat(a.Key, a.Sub), slices.Concat(b.Key, b.Sub))
		})
	}
	s.config.Sorted = true
}

func written(tb testing.TB, c *WriteConfig) (*metadata.KeyGroupsHandle, *handletest.Streams, error) {
	tb.Helper()
	streams := &handletest.Streams{}
	out, err := streams.Create(tb.Context(), metadata.Exclusive)
	if err != nil {
		tb.Fatal(err)
	}
	h, err := Write(tb.Context(), out, c)
	return h, streams, err
}

// TestWrite: what is written is read again, the same bytes whether sorted before or not, for both lengths of key groups.
func TestWrite(t *testing.T) {
	for _, max := range []int32{128, 4096} {
		s := newSource(t, max, 20, 50)
		h, streams, err := written(t, &s.config)
		if err != nil {
			t.Fatal(err)
		}
		if h.Tag != metadata.TagSavepointKeyGroups || h.Range != s.config.KeyGroups || len(h.Offsets) != 20 {
			t.Error(h)
		}
		r, err := Open(t.Context(), streams, h, backends.Origin{MaxParallelism: max, Range: h.Range}, nil)
		if err != nil {
			t.Fatal(err)
		}
		n, last := 0, int32(-1)
		for e, err := range r.Entries(t.Context(), backends.Everything(h.Range)) {
			if err != nil || e.KeyGroup < last {
				t.Fatal(err, e.KeyGroup)
			}
			last = e.KeyGroup
			n++
		}
		want := 0
		for _, rows := range s.rows {
			want += len(rows)
		}
		if n != want || n < 2000 {
			t.Errorf("%d entries, not %d", n, want)
		}
		for i, o := range h.Offsets {
			if empty := (h.Range.First+int32(i))%3 == 1; empty != (o == noOffset) {
				t.Errorf("key group %d begins at %d", h.Range.First+int32(i), o)
			}
		}
		s.sort()
		again, more, err := written(t, &s.config)
		if err != nil {
			t.Fatal(err)
		}
		if a, b := data(t, streams, h), data(t, more, again); !bytes.Equal(a, b) || !slices.Equal(h.Offsets, again.Offsets) {
			t.Errorf("%d bytes, and %d sorted before", len(a), len(b))
		}
	}
}

func data(t *testing.T, s *handletest.Streams, h *metadata.KeyGroupsHandle) []byte {
	t.Helper()
	b, err := s.Open(t.Context(), h.Delegate)
	if err != nil {
		t.Fatal(err)
	}
	return b.(*handletest.Blob).Data
}

// TestWriteBytes is a stream by hand.
func TestWriteBytes(t *testing.T) {
	s := newSource(t, 128, 2, 0)
	s.config.Metas = s.config.Metas[:2]
	s.rows = map[[2]int32][]backends.Row{
		{0, 126}: {{KeyGroup: 126, Key: []byte("~b"), Value: []byte("2")}, {KeyGroup: 126, Key: []byte("~a"), Value: []byte("1")}},
		{1, 126}: {{KeyGroup: 126, Key: []byte("~a"), Sub: []byte("s")}},
	}
	h, streams, err := written(t, &s.config)
	if err != nil {
		t.Fatal(err)
	}
	want := "\x00\x00" + "\x00\x00\x00\x02~a\x00\x00\x00\x011" + "\x00\x00\x00\x02\xfeb\x00\x00\x00\x012\x00\x01" + "\x00\x00\x00\x03\xfeas\x00\x00\x00\x00\xff\xff"
	if got := data(t, streams, h)[h.Offsets[0]:]; string(got) != want || h.Offsets[1] != 0 {
		t.Errorf("%q, not %q", got, want)
	}
}

// TestWriteRefused: nothing is left of a stream that could not be written.
func TestWriteRefused(t *testing.T) {
	full := errors.New("full")
	for _, c := range []struct {
		why    string
		change func(s *source, rows []backends.Row)
	}{
		{"is there twice", func(_ *source, rows []backends.Row) { rows[1] = rows[0] }},
		{"said to be sorted", func(s *source, rows []backends.Row) { s.sort(); rows[0], rows[1] = rows[1], rows[0] }},
		{"a row of key group 119", func(_ *source, rows []backends.Row) { rows[1].KeyGroup-- }},
		{"with the key 01", func(_ *source, rows []backends.Row) { rows[0].Key = []byte{1} }},
		{"with the key ", func(_ *source, rows []backends.Row) { rows[0].Key = nil }},
		{"no snapshot", func(s *source, _ []backends.Row) { s.config.Key = handletest.Type(t, "Utf") }},
		{"a broken table", func(s *source, _ []backends.Row) { s.config.Rows = failing(errors.New("a broken table")) }},
	} {
		s := newSource(t, 128, 20, 5)
		c.change(s, s.rows[[2]int32{0, 120}])
		h, streams, err := written(t, &s.config)
		if h != nil || err == nil || !strings.Contains(err.Error(), c.why) || len(streams.Names())+streams.Unended() > 0 {
			t.Errorf("%s: %v, %v, %v", c.why, h, err, streams.Names())
		}
	}
	s := newSource(t, 128, 20, 5)
	streams := &handletest.Streams{}
	for _, fails := range []handletest.Op{handletest.Write, handletest.End} {
		streams.SetFault(func(op handletest.Op, _ string) error {
			if op == fails {
				return full
			}
			return nil
		})
		out, _ := streams.Create(t.Context(), metadata.Exclusive)
		if h, err := Write(t.Context(), out, &s.config); h != nil || !errors.Is(err, full) || len(streams.Names())+streams.Unended() > 0 {
			t.Errorf("%s: %v, %v, %v", fails, h, err, streams.Names())
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	out, _ := streams.Create(t.Context(), metadata.Exclusive)
	if h, err := Write(ended, out, &s.config); h != nil || !errors.Is(err, context.Canceled) {
		t.Error(h, err)
	}
	s.config.Metas = nil
	if h, streams, err := written(t, &s.config); h != nil || err != nil || len(streams.Names())+streams.Unended() > 0 {
		t.Error("a stream without states", h, err)
	}
}

func failing(err error) func(int, int32) iter.Seq2[backends.Row, error] {
	return func(int, int32) iter.Seq2[backends.Row, error] {
		return func(yield func(backends.Row, error) bool) { yield(backends.Row{}, err) }
	}
}

// BenchmarkWrite: bytes of state a second, in rows of 30 bytes or so.
func BenchmarkWrite(b *testing.B) {
	for _, sorted := range []bool{false, true} {
		b.Run(fmt.Sprintf("sorted=%t", sorted), func(b *testing.B) {
			s := newSource(b, 128, 10, 20000)
			if sorted {
				s.sort()
			}
			b.ReportAllocs()
			for b.Loop() {
				h, _, err := written(b, &s.config)
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(h.Delegate.(*metadata.FileHandle).Size)
			}
		})
	}
}
