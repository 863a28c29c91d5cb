package operator

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/handletest"
	"github.com/ckpt-tool/ckpt/backends/schema"
	"github.com/ckpt-tool/ckpt/metadata"
)

// maker makes a stream of elements, behind a header that is only its length.
type maker struct {
	tb     testing.TB
	head   schema.Operator
	data   bytes.Buffer
	handle metadata.OperatorStateHandle
}

const headSize = 10

func newMaker(tb testing.TB, compressed bool) *maker {
	m := &maker{tb: tb, head: schema.Operator{Compressed: compressed, Size: headSize}}
	m.data.Write(make([]byte, headSize))
	if compressed {
		m.data.WriteString("\xff\x06\x00\x00sNaPpY")
	}
	return m
}

// add adds elements of a state of the header.
func (m *maker) add(name string, mode metadata.DistributionMode, elements ...string) {
	s := metadata.OperatorStateMeta{Name: metadata.UTF(name), Mode: mode}
	for _, e := range elements {
		s.Offsets = append(s.Offsets, int64(m.data.Len()))
		if m.head.Compressed && e != "" {
			m.data.Write(handletest.Frame(m.tb, []byte(e))[10:])
		} else {
			m.data.WriteString(e)
		}
	}
	m.handle.States = append(m.handle.States, s)
}

func (m *maker) list(name string, value backends.Type, mode metadata.DistributionMode, elements ...string) {
	m.head.List = append(m.head.List, schema.Meta{Name: name, Type: schema.OperatorState, Value: value})
	m.add(name, mode, elements...)
}

func (m *maker) broadcast(name string, key, value backends.Type, n int, pairs string) {
	m.head.Broadcast = append(m.head.Broadcast, schema.Meta{Name: name, Type: schema.BroadcastState, Key: key, Value: value})
	m.add(name, metadata.Broadcast, string(binary.BigEndian.AppendUint32(nil, uint32(n)))+pairs)
}

func (m *maker) reader(opts *backends.Options) *Reader {
	return New(&handletest.Blob{Data: m.data.Bytes(), Path: "file"}, &m.head, &m.handle, backends.Origin{}, opts)
}

func (m *maker) t(spec string) backends.Type { return handletest.Type(m.tb, spec) }

func everything(tb testing.TB, compressed bool) *maker {
	m := newMaker(tb, compressed)
	m.list("names", m.t("String"), metadata.SplitDistribute, "\x02a", "\x01", "\x03bc")
	m.list("none", m.t("Long"), metadata.SplitDistribute)
	m.list("offsets", m.t("Long"), metadata.Union, "\x00\x00\x00\x00\x00\x00\x00\x07")
	m.list("secret", handletest.Opaque{}, metadata.SplitDistribute, "what", strings.Repeat("long ", 40_000))
	m.broadcast("rules", m.t("String"), m.t("Long"), 2, "\x02a\x00\x00\x00\x00\x00\x00\x00\x01\x02b\x00\x00\x00\x00\x00\x00\x00\x02")
	m.broadcast("hidden", m.t("String"), handletest.Opaque{}, 1, "\x02arest")
	return m
}

var allLines = []string{
	`-1 names - - -: "a"`,
	`-1 names - - -: ""`,
	`-1 names - - -: "bc"`,
	`-1 offsets - - -: 7`,
	`-1 secret - - -: "what"`,
	`-1 secret - - -: "` + strings.Repeat("long ", 40_000) + `"`,
	`-1 rules - - "a": 1`,
	`-1 rules - - "b": 2`,
	`-1 hidden - - "a": "rest"`,
}

func check(t *testing.T, r backends.Reader, sel backends.Selection, want []string, wrong ...string) {
	t.Helper()
	lines, errs := handletest.Lines(r.Entries(t.Context(), sel))
	if !slices.Equal(lines, want) {
		t.Errorf("got\n%.1000s\nwant\n%.1000s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	if len(errs) != len(wrong) {
		t.Fatalf("%d errors: %v", len(errs), errs)
	}
	for i, err := range errs {
		var e *backends.Error
		if !errors.As(err, &e) || !e.Passed || e.Path != "file" || e.KeyGroup != -1 || !strings.Contains(err.Error(), wrong[i]) {
			t.Errorf("%v, not %s", err, wrong[i])
		}
	}
}

func TestEntries(t *testing.T) {
	for _, compressed := range []bool{false, true} {
		for _, opts := range []*backends.Options{nil, {Verify: true}} {
			m := everything(t, compressed)
			r := m.reader(opts)
			check(t, r, backends.Selection{}, allLines)
			check(t, r, backends.Selection{States: func(st *backends.State) bool { return st.Kind == backends.Union }}, allLines[3:4])
			check(t, r, backends.Selection{States: func(st *backends.State) bool { return st.Kind == backends.Broadcast }}, allLines[6:])
			check(t, r, backends.Selection{Key: []byte("\x02a")}, nil)
			if len(r.States()) != 6 || r.Close() != nil {
				t.Error(r.States())
			}
			for range r.Entries(t.Context(), backends.Selection{}) { // stops
				break
			}
		}
	}
	r, err := OpenReader(t.Context(), nil, &metadata.OperatorStateHandle{}, backends.Origin{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	check(t, r, backends.Selection{}, nil)
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// The elements of states may lie in any order.
func TestMixed(t *testing.T) {
	m := newMaker(t, false)
	m.list("a", m.t("String"), metadata.SplitDistribute, "\x02a", "\x02b")
	m.list("b", m.t("String"), metadata.SplitDistribute, "\x02c", "\x02d")
	s := m.handle.States
	s[0].Offsets[1], s[1].Offsets[0] = s[1].Offsets[0], s[0].Offsets[1]
	check(t, m.reader(nil), backends.Selection{}, []string{`-1 a - - -: "a"`, `-1 a - - -: "c"`, `-1 b - - -: "b"`, `-1 b - - -: "d"`})
}

func TestDamaged(t *testing.T) {
	for name, c := range map[string]struct {
		change func(m *maker)
		lines  int
		want   []string
	}{
		"an element in another": {func(m *maker) { m.handle.States[0].Offsets[2]++ }, 7, []string{"goes on behind its end", "ends too early"}},
		"before the header":     {func(m *maker) { m.handle.States[0].Offsets[0] = 3 }, 8, []string{"cannot be"}},
		"behind the end":        {func(m *maker) { m.handle.States[0].Offsets[0] = 1 << 40 }, 8, []string{"cannot be"}},
		"the same twice":        {func(m *maker) { m.handle.States[0].Offsets[1] = m.handle.States[0].Offsets[0] }, 7, []string{"ends too early", "goes on behind its end"}},
		"an unknown state":      {func(m *maker) { m.handle.States[0].Name = "other" }, 6, []string{`the header does not describe the state (state "other"`}},
		"another mode":          {func(m *maker) { m.handle.States[0].Mode = metadata.Broadcast }, 6, []string{"does not describe"}},
		"too long":              {func(m *maker) { m.data.WriteString("x") }, 9, nil}, // of an element that is all of its bytes
		"a large map": {func(m *maker) {
			m.data.Bytes()[m.handle.States[4].Offsets[0]] = 0x7f
		}, 9, []string{"ends too early"}},
		"a negative map": {func(m *maker) {
			m.data.Bytes()[m.handle.States[4].Offsets[0]] = 0xff
		}, 7, []string{"a map of -"}},
		"a short map": {func(m *maker) {
			m.data.Bytes()[m.handle.States[4].Offsets[0]+3] = 1
		}, 8, []string{"goes on behind its end"}},
	} {
		m := everything(t, false)
		c.change(m)
		lines, errs := handletest.Lines(m.reader(nil).Entries(t.Context(), backends.Selection{}))
		if len(lines) != c.lines || len(errs) != len(c.want) {
			t.Errorf("%s: %d lines, %v", name, len(lines), errs)
			continue
		}
		for i, err := range errs {
			var e *backends.Error
			if !errors.As(err, &e) || !e.Passed || !strings.Contains(err.Error(), c.want[i]) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestGaps(t *testing.T) {
	for _, compressed := range []bool{false, true} {
		m := everything(t, compressed)
		m.handle.States[0].Offsets = m.handle.States[0].Offsets[1:]
		check(t, m.reader(nil), backends.Selection{}, allLines[1:])
		want := "the first element"
		check(t, m.reader(&backends.Options{Verify: true}), backends.Selection{}, allLines[1:], want)
	}
	m := everything(t, true)
	m.data.Bytes()[m.handle.States[0].Offsets[2]+5]++
	check(t, m.reader(nil), backends.Selection{}, slices.Delete(slices.Clone(allLines), 2, 3), "checksum")
}
