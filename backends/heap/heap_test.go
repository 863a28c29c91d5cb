package heap

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/handletest"
	"github.com/ckpt-tool/ckpt/backends/schema"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/metadata"
)

// maker makes a stream of key groups, behind a header that is only its length.
type maker struct {
	tb     testing.TB
	head   schema.Keyed
	data   []byte
	handle metadata.KeyGroupsHandle
}

const headSize = 10

func newMaker(tb testing.TB, compressed bool, states ...schema.Meta) *maker {
	m := &maker{tb: tb, data: make([]byte, headSize)}
	m.head = schema.Keyed{Compressed: compressed, Key: m.t("String"), States: states, Size: headSize}
	m.handle.Range.Last = -1
	return m
}

func (m *maker) t(spec string) backends.Type { return handletest.Type(m.tb, spec) }

func keyValue(tb testing.TB, name, kind, value string) schema.Meta {
	return schema.Meta{
		Name: name, Options: map[string]string{schema.OptionStateType: kind},
		Namespace: handletest.Type(tb, "VoidNamespace"), Value: handletest.Type(tb, value),
	}
}

// group adds a key group of states, each as its bytes.
func (m *maker) group(states ...[]byte) {
	m.handle.Range.Last++
	m.handle.Offsets = append(m.handle.Offsets, int64(len(m.data)))
	m.data = binary.BigEndian.AppendUint32(m.data, uint32(m.handle.Range.Last))
	for _, s := range states {
		if m.head.Compressed {
			s = handletest.Frame(m.tb, s)
		}
		m.data = append(m.data, s...)
	}
}

// state is one state of n entries.
func state(id, n int, entries ...string) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(id))
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	return append(b, strings.Join(entries, "")...)
}

func (m *maker) reader(opts *backends.Options) *Reader {
	o := backends.Origin{MaxParallelism: 128, Range: m.handle.Range}
	return New(&handletest.Blob{Data: m.data, Path: "file"}, &m.head, &m.handle, o, opts)
}

// everything is three states in three key groups.
func everything(tb testing.TB, compressed bool) *maker {
	m := newMaker(tb, compressed,
		keyValue(tb, "count", "VALUE", "Long"),
		keyValue(tb, "names", "MAP", "Map<String, Long>"),
		keyValue(tb, "list", "LIST", "List<Integer>"),
		schema.Meta{Name: "_timer_state/event_t", Type: schema.PriorityQueue, Value: &types.Timer{Key: handletest.Type(tb, "String"), Namespace: handletest.Type(tb, "VoidNamespace")}},
	)
	count := state(0, 2, "\x00\x02a\x00\x00\x00\x00\x00\x00\x00\x07", "\x00\x02b\x00\x00\x00\x00\x00\x00\x00\x08")
	names := state(1, 2, "\x00\x02a\x00\x00\x00\x00", "\x00\x02b\x00\x00\x00\x02\x02k\x00\x00\x00\x00\x00\x00\x00\x00\x01\x02l\x01")
	list := state(2, 1, "\x00\x02a\x00\x00\x00\x01\x00\x00\x00\x05")
	timer := state(3, 1, "\x80\x00\x00\x00\x00\x00\x00\x2a\x02a\x00")
	m.group(timer, count, list, names)
	m.group(state(1, 0), state(3, 0), state(2, 0), state(0, 0))
	m.group(state(3, 0), names, count, state(2, 0))
	return m
}

var allLines = []string{
	`0 _timer_state/event_t "a" null -: at 42`,
	`0 count "a" null -: 7`,
	`0 count "b" null -: 8`,
	`0 list "a" null -: 0000000100000005`,
	`0 names "b" null "k": 1`,
	`0 names "b" null "l": null`,
	`2 names "b" null "k": 1`,
	`2 names "b" null "l": null`,
	`2 count "a" null -: 7`,
	`2 count "b" null -: 8`,
}

func check(t *testing.T, r backends.Reader, sel backends.Selection, want []string, wrong ...string) {
	t.Helper()
	lines, errs := handletest.Lines(r.Entries(t.Context(), sel))
	if !slices.Equal(lines, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	if len(errs) != len(wrong) {
		t.Fatalf("%d errors: %v", len(errs), errs)
	}
	for i, err := range errs {
		var e *backends.Error
		if !errors.As(err, &e) || !e.Passed || e.Path != "file" || !strings.Contains(err.Error(), wrong[i]) {
			t.Errorf("%v, not %s", err, wrong[i])
		}
	}
}

func pick(lines []string, part string) (picked []string) {
	for _, l := range lines {
		if strings.Contains(l, part) {
			picked = append(picked, l)
		}
	}
	return picked
}

func TestEntries(t *testing.T) {
	for _, compressed := range []bool{false, true} {
		m := everything(t, compressed)
		r := m.reader(nil)
		all := backends.Everything(m.handle.Range)
		check(t, r, all, allLines)
		count := all
		count.States = func(st *backends.State) bool { return st.Name == "count" }
		check(t, r, count, pick(allLines, "count"))
		check(t, r, backends.Everything(metadata.KeyGroupRange{First: 1, Last: 1}), nil)
		check(t, r, backends.Everything(metadata.KeyGroupRange{First: 2, Last: 77}), allLines[6:])
		key := backends.Selection{KeyGroups: metadata.KeyGroupRange{First: 0, Last: 0}, Key: []byte("\x02a")}
		check(t, r, key, pick(allLines[:6], `"a"`))
		if len(r.States()) != 4 || r.Close() != nil {
			t.Error(r.States())
		}
		r.origin.Range = metadata.KeyGroupRange{First: 2, Last: 2}
		check(t, r, all, allLines[6:])
		for range r.Entries(t.Context(), all) { // stops
			break
		}
	}
}

// A handle of a few of the key groups reads no others.
func TestNarrow(t *testing.T) {
	for _, compressed := range []bool{false, true} {
		m := everything(t, compressed)
		blob := &handletest.Blob{Data: append(m.data, make([]byte, 5<<20)...), Path: "file"}
		h := m.handle
		h.Range, h.Offsets = metadata.KeyGroupRange{First: 0, Last: 1}, h.Offsets[:2]
		r := New(blob, &m.head, &h, backends.Origin{Range: h.Range}, nil)
		check(t, r, backends.Everything(h.Range), allLines[:6])
		r = m.reader(nil)
		r.blob = blob
		r.groups[1].To = 0
		check(t, r, backends.Everything(metadata.KeyGroupRange{First: 1, Last: 1}), nil, "cannot be")
		blob.Read = 0
		check(t, r, backends.Everything(metadata.KeyGroupRange{First: 0, Last: 0}), allLines[:6])
		if size := h.Offsets[1] - h.Offsets[0]; blob.Read > size {
			t.Errorf("%d bytes read of a key group of %d", blob.Read, size)
		}
	}
}

func TestOpaque(t *testing.T) {
	secret := schema.Meta{Name: "secret", Namespace: handletest.Type(t, "VoidNamespace"), Value: handletest.Opaque{}, Options: map[string]string{schema.OptionStateType: "VALUE"}}
	for _, compressed := range []bool{false, true} {
		m := newMaker(t, compressed, keyValue(t, "count", "VALUE", "Long"), secret)
		count := state(0, 1, "\x00\x02a\x00\x00\x00\x00\x00\x00\x00\x07")
		m.group(state(1, 1, "\x00\x02awhatever"), count)
		m.group(count, state(1, 1, "\x00\x02awhatever"))
		m.group(count, state(1, 0))
		all := backends.Everything(m.handle.Range)
		lines := []string{`1 count "a" null -: 7`, `2 count "a" null -: 7`}
		lost := `nothing tells where a value of com.example.Secret ends (state "secret", key group `
		first := all
		first.States = func(st *backends.State) bool { return st.Name == "count" }
		if compressed {
			lines = append([]string{`0 count "a" null -: 7`}, lines...)
			check(t, m.reader(nil), first, lines)
		} else {
			check(t, m.reader(nil), first, lines, lost+"0)") // and none of key group 1, where nothing is missed
		}
		check(t, m.reader(nil), all, lines, lost+"0)", lost+"1)")
		_, errs := handletest.Lines(m.reader(nil).Entries(t.Context(), all))
		var e *backends.Error
		var opaque *backends.OpaqueError
		if !errors.As(errs[0], &e) || e.Hint == "" || !errors.As(errs[0], &opaque) {
			t.Errorf("%#v", errs[0])
		}
	}
}

func TestDamaged(t *testing.T) {
	good := func(key string) []byte { return state(0, 1, "\x00\x02"+key+"\x00\x00\x00\x00\x00\x00\x00\x07") }
	for name, c := range map[string]struct {
		bad  []byte
		want string
	}{
		"unknown state":   {state(7, 0), "0 entries of state 7, of which there are 1"},
		"negative state":  {state(0xffff, 0), "0 entries of state -1"},
		"negative count":  {state(0, -1), "-1 entries of state 0"},
		"too many":        {state(0, 2, "\x00\x02a\x00\x00\x00\x00\x00\x00\x00\x07"), "ends within an entry"},
		"too few":         {state(0, 0, "\x00\x02a\x00\x00\x00\x00\x00\x00\x00\x07"), "goes on behind its last"},
		"twice as many":   {state(0, 0x7fffffff, "\x00\x02a\x00\x00\x00\x00\x00\x00\x00\x07"), "ends within an entry"},
		"other namespace": {state(0, 1, "\x00\x82"), "ends within an entry"},
	} {
		for _, compressed := range []bool{false, true} {
			m := newMaker(t, compressed, keyValue(t, "count", "VALUE", "Long"))
			m.group(good("a"))
			m.group(c.bad)
			m.group(good("c"))
			lines, errs := handletest.Lines(m.reader(nil).Entries(t.Context(), backends.Everything(m.handle.Range)))
			if len(errs) != 1 || !strings.Contains(errs[0].Error(), c.want) {
				t.Errorf("%s: %v", name, errs)
			}
			if lines = slices.DeleteFunc(lines, func(s string) bool { return s[0] == '1' }); len(lines) != 2 {
				t.Errorf("%s: %q", name, lines)
			}
		}
	}
}

func TestDamagedPlaces(t *testing.T) {
	m := everything(t, false)
	m.data[m.handle.Offsets[1]+3] = 9
	check(t, m.reader(nil), backends.Everything(m.handle.Range), allLines, "key group 9 begins here, not 1")
	m = everything(t, false)
	m.handle.Offsets[1] = 0
	check(t, m.reader(nil), backends.Everything(metadata.KeyGroupRange{First: 1, Last: 1}), nil, "cannot be")
	m = everything(t, true)
	m.data[m.handle.Offsets[2]-3]++
	check(t, m.reader(nil), backends.Everything(m.handle.Range), allLines, "checksum")
	m = everything(t, false)
	check(t, m.reader(&backends.Options{Verify: true}), backends.Everything(metadata.KeyGroupRange{First: 0, Last: 0}), nil,
		"a key of key group 81 is in key group 0", "is in key group 0", "is in key group 0", "is in key group 0", "is in key group 0", "is in key group 0")
}

func TestAllocates(t *testing.T) {
	m := large(t, 1000)
	r := m.reader(nil)
	few := testing.AllocsPerRun(5, func() {
		for range r.Entries(t.Context(), backends.Everything(m.handle.Range)) {
		}
	})
	if few > 20 {
		t.Errorf("%v allocations for 1000 entries", few)
	}
}

func large(tb testing.TB, n int) *maker {
	m := newMaker(tb, false, keyValue(tb, "count", "VALUE", "Long"))
	str, long := m.t("String"), m.t("Long")
	const groups = 128
	b := []byte{}
	for i := range groups {
		b = b[:0]
		k := 0
		for j := i; j < n; j += groups {
			b = append(b, 0)
			b = handletest.Encode(tb, b, str, "key-"+string(rune('a'+j%26))+strings.Repeat("x", 4+j%5), long, int64(j))
			k++
		}
		m.group(state(0, k, string(b)))
	}
	return m
}

func BenchmarkEntries(b *testing.B) {
	const n = 1_000_000
	m := large(b, n)
	r := m.reader(nil)
	sel := backends.Everything(m.handle.Range)
	skip := sel
	skip.States = func(*backends.State) bool { return false }
	for name, sel := range map[string]backends.Selection{"count": sel, "skip": skip} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(m.data)))
			for b.Loop() {
				k := 0
				for _, err := range r.Entries(b.Context(), sel) {
					if err != nil {
						b.Fatal(err)
					}
					k++
				}
				if k != n && name == "count" {
					b.Fatal(k)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mentries/s")
		})
	}
}
