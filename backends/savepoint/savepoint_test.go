package savepoint

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/handletest"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/backends/schema"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/metadata"
)

// maker makes a stream of key groups, behind a header that is only its length.
type maker struct {
	tb     testing.TB
	head   schema.Keyed
	max    int32 // parallelism
	data   []byte
	handle metadata.KeyGroupsHandle
}

const headSize = 10

func newMaker(tb testing.TB, compressed bool, states ...schema.Meta) *maker {
	m := &maker{tb: tb, max: 128, data: make([]byte, headSize)}
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

// run is the entries of one state: keys without their key groups, and values.
type run struct {
	state   int
	entries []string
}

// group adds a key group; without runs it is empty.
func (m *maker) group(runs ...run) {
	m.handle.Range.Last++
	if len(runs) == 0 {
		m.handle.Offsets = append(m.handle.Offsets, 0)
		return
	}
	m.handle.Offsets = append(m.handle.Offsets, int64(len(m.data)))
	b := binary.BigEndian.AppendUint16(nil, uint16(runs[0].state))
	for i, r := range runs {
		for j := 0; j < len(r.entries); j += 2 {
			key := keygroups.AppendPrefix(nil, m.handle.Range.Last, keygroups.PrefixLen(m.max))
			last := j+2 == len(r.entries)
			if last {
				key[0] |= 0x80
			}
			key = append(key, r.entries[j]...)
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(key))), key...)
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(r.entries[j+1]))), r.entries[j+1]...)
			switch {
			case last && i+1 < len(runs):
				b = binary.BigEndian.AppendUint16(b, uint16(runs[i+1].state))
			case last:
				b = append(b, 0xff, 0xff)
			}
		}
	}
	if m.head.Compressed {
		b = handletest.Frame(m.tb, b)
	}
	m.data = append(m.data, b...)
}

func (m *maker) origin() backends.Origin {
	return backends.Origin{MaxParallelism: m.max, Range: m.handle.Range}
}

func (m *maker) blob() *handletest.Blob { return &handletest.Blob{Data: m.data, Path: "file"} }

func (m *maker) reader(opts *backends.Options) *Reader {
	return New(m.blob(), &m.head, &m.handle, m.origin(), opts)
}

// everything is four states in four key groups.
func everything(tb testing.TB, compressed bool, max int32) *maker {
	m := newMaker(tb, compressed,
		keyValue(tb, "count", "VALUE", "Long"),
		keyValue(tb, "names", "MAP", "Map<String, Long>"),
		keyValue(tb, "list", "LIST", "List<Integer>"),
		schema.Meta{Name: "_timer_state/event_t", Type: schema.PriorityQueue, Value: &types.Timer{Key: handletest.Type(tb, "String"), Namespace: handletest.Type(tb, "VoidNamespace")}},
	)
	m.max = max
	count := run{0, []string{"\x02a\x00", "\x00\x00\x00\x00\x00\x00\x00\x07", "\x02b\x00", "\x00\x00\x00\x00\x00\x00\x00\x08"}}
	names := run{1, []string{"\x02b\x00\x02k", "\x00\x00\x00\x00\x00\x00\x00\x00\x01", "\x02b\x00\x02l", "\x01", "\x02b\x00\x02m", "\x01\x00"}}
	list := run{2, []string{"\x02a\x00", "\x00\x00\x00\x05,\x00\x00\x00,"}}
	timer := run{3, []string{"\x80\x00\x00\x00\x00\x00\x00\x2a\x02a\x00", ""}}
	m.group(timer, count, list, names)
	m.group()
	m.group(names, count)
	return m
}

var allLines = []string{
	`0 _timer_state/event_t "a" null -: at 42`,
	`0 count "a" null -: 7`,
	`0 count "b" null -: 8`,
	`0 list "a" null -: 000000052c0000002c`,
	`0 names "b" null "k": 1`,
	`0 names "b" null "l": null`,
	`0 names "b" null "m": null`,
	`2 names "b" null "k": 1`,
	`2 names "b" null "l": null`,
	`2 names "b" null "m": null`,
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
		for _, max := range []int32{128, 4096} {
			m := everything(t, compressed, max)
			r := m.reader(nil)
			all := backends.Everything(m.handle.Range)
			check(t, r, all, allLines)
			names := all
			names.States = func(st *backends.State) bool { return st.Name == "names" }
			check(t, r, names, pick(allLines, "names"))
			check(t, r, backends.Everything(metadata.KeyGroupRange{First: 1, Last: 1}), nil)
			check(t, r, backends.Everything(metadata.KeyGroupRange{First: 2, Last: 77}), allLines[7:])
			for _, key := range []string{"a", "b"} {
				sel := backends.Selection{KeyGroups: metadata.KeyGroupRange{First: 0, Last: 0}, Key: []byte("\x02" + key)}
				check(t, r, sel, pick(allLines[:7], `"`+key+`" null`))
			}
			if len(r.States()) != 4 || r.Close() != nil {
				t.Error(r.States())
			}
			r.origin.Range = metadata.KeyGroupRange{First: 2, Last: 2}
			check(t, r, all, allLines[7:])
			for range r.Entries(t.Context(), all) { // stops
				break
			}
		}
	}
}

// A handle of a few of the key groups reads no others.
func TestNarrow(t *testing.T) {
	for _, compressed := range []bool{false, true} {
		m := everything(t, compressed, 128)
		h := m.handle
		h.Range, h.Offsets = metadata.KeyGroupRange{First: 0, Last: 1}, h.Offsets[:2]
		r := New(m.blob(), &m.head, &h, backends.Origin{MaxParallelism: 128, Range: h.Range}, nil)
		check(t, r, backends.Everything(h.Range), allLines[:7])
		r = m.reader(nil)
		check(t, r, backends.Everything(metadata.KeyGroupRange{First: 0, Last: 0}), allLines[:7])
		if size := m.handle.Offsets[2] - m.handle.Offsets[0]; r.blob.(*handletest.Blob).Read > size {
			t.Errorf("%d bytes read of a key group of %d", r.blob.(*handletest.Blob).Read, size)
		}
	}
}

func TestOpaque(t *testing.T) {
	secret := schema.Meta{Name: "secret", Namespace: handletest.Type(t, "VoidNamespace"), Value: handletest.Opaque{}, Options: map[string]string{schema.OptionStateType: "VALUE"}}
	m := newMaker(t, false, secret, keyValue(t, "count", "VALUE", "Long"), keyValue(t, "names", "MAP", "Map<String, Long>"))
	count := run{1, []string{"\x02a\x00", "\x00\x00\x00\x00\x00\x00\x00\x07"}}
	m.group(run{0, []string{"\x02a\x00", "what", "\x02b\x00", ""}}, count)
	all := backends.Everything(m.handle.Range)
	for _, opts := range []*backends.Options{nil, {Verify: true}} {
		m.max = 1 // where all keys are of key group 0
		check(t, m.reader(opts), all, []string{`0 secret "a" null -: "what"`, `0 secret "b" null -: ""`, `0 count "a" null -: 7`})
	}
	m.head.Key = handletest.Opaque{} // what follows it has a fixed length, but within a map
	m.group(run{2, []string{"\x02b\x00\x02k", "\x01", "\x02b\x00\x02l", "\x01"}}, count)
	all.KeyGroups.Last = 1
	check(t, m.reader(nil), all,
		[]string{`0 secret "\x02a" null -: "what"`, `0 secret "\x02b" null -: ""`, `0 count "\x02a" null -: 7`, `1 count "\x02a" null -: 7`},
		`nothing tells where a key of com.example.Secret ends (state "names", key group 1)`)
}

func TestDamaged(t *testing.T) {
	const value = "\x00\x00\x00\x00\x00\x00\x00\x07"
	good := []byte("\x00\x00\x00\x00\x00\x04\x81\x02a\x00\x00\x00\x00\x08" + value + "\xff\xff")
	for name, c := range map[string]struct{ from, to, want string }{
		"state":          {"\x00\x00\x00\x00\x00\x04", "\x00\x05\x00\x00\x00\x04", "entries of state 5, of which there are 2"},
		"no key":         {"\x00\x04\x81", "\x00\x00\x81", "a key shorter than its key group"},
		"a long key":     {"\x00\x04\x81", "\x7f\x04\x81", "ends within an entry"},
		"key group":      {"\x81", "\x82", "a key of key group 2 in key group 1"},
		"negative value": {"\x00\x00\x00\x08", "\xff\x00\x00\x08", "a value of a negative length"},
		"a long value":   {"\x00\x00\x00\x08", "\x00\x01\x00\x08", "ends within an entry"},
		"no end":         {"\x81", "\x01", "ends within an entry"},
		"state again":    {"\xff\xff", "\x00\x00", "the entries of state 0 do not follow each other"},
		"next state":     {"\xff\xff", "\x00\x01", "ends within an entry"},
		"more":           {"\xff\xff", "\xff\xff\x00", "goes on behind its end"},
		"key's parts":    {"\x02a\x00", "\x01a\x00", "the key does not have the parts"},
		"key's length":   {"\x02a\x00", "\x03a\x00", "the key ends within its parts"},
	} {
		for _, compressed := range []bool{false, true} {
			m := newMaker(t, compressed, keyValue(t, "count", "VALUE", "Long"), keyValue(t, "other", "VALUE", "Long"))
			fine := run{0, []string{"\x02a\x00", value}}
			m.group(fine)
			bad := []byte(strings.Replace(string(good), c.from, c.to, 1))
			if compressed {
				bad = handletest.Frame(t, bad)
			}
			m.handle.Offsets = append(m.handle.Offsets, int64(len(m.data)))
			m.handle.Range.Last++
			m.data = append(m.data, bad...)
			m.group(fine)
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

// What is wrong within an entry does not keep from reading the next.
func TestDamagedEntries(t *testing.T) {
	m := everything(t, false, 128)
	m.handle.Range.Last = 0
	m.handle.Offsets = m.handle.Offsets[:1]
	m.data = []byte(strings.Replace(string(m.data), "\x02k\x00\x00\x00\x09\x00", "\x02k\x00\x00\x00\x09\x03", 1))
	m.data = []byte(strings.Replace(string(m.data), "\x2a\x02a\x00\x00\x00\x00\x00", "\x2a\x02a\x00\x00\x00\x00\x00", 1))
	check(t, m.reader(nil), backends.Everything(m.handle.Range), slices.Delete(slices.Clone(allLines[:7]), 4, 5),
		"does not begin with whether it is null")
	m = newMaker(t, false, everything(t, false, 128).head.States...)
	m.group(run{3, []string{"\x80\x00\x00\x00\x00\x00\x00\x2a\x02a\x00", "x", "\x80\x00\x00", "", "\x80\x00\x00\x00\x00\x00\x00\x2b\x02a\x00", ""}})
	check(t, m.reader(nil), backends.Everything(m.handle.Range), []string{`0 _timer_state/event_t "a" null -: at 43`},
		"a value of 1 bytes behind a timer", "the key ends within its parts")
	m = everything(t, false, 128)
	check(t, m.reader(&backends.Options{Verify: true}), backends.Everything(metadata.KeyGroupRange{First: 2, Last: 2}), nil, slices.Repeat([]string{"is in key group 2"}, 5)...)
}

func large(tb testing.TB, n int) *maker {
	m := newMaker(tb, false, keyValue(tb, "count", "VALUE", "Long"))
	str, long := m.t("String"), m.t("Long")
	const groups = 128
	for i := range groups {
		var entries []string
		for j := i; j < n; j += groups {
			key := handletest.Encode(tb, nil, str, "key-"+string(rune('a'+j%26))+strings.Repeat("x", 4+j%5))
			entries = append(entries, string(append(key, 0)), string(handletest.Encode(tb, nil, long, int64(j))))
		}
		m.group(run{0, entries})
	}
	return m
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
