package changelog

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/metadata"
)

func u32(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }
func u64(n int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

func utf(s string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(s))), s...)
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// str is a short text as StringSerializer writes it.
func str(s string) []byte { return append([]byte{byte(len(s) + 1)}, s...) }

const javaBase = "org.apache.flink.api.common.typeutils.base."

// simple is the snapshot of a serializer without parts, behind its class.
func simple(name string) []byte {
	return join(utf(javaBase+name+"Serializer$"+name+"SerializerSnapshot"), u32(3))
}

// composite is that of one with parts.
func composite(class string, parts ...[]byte) []byte {
	return join(utf(class), u32(3), u32(911108), u32(1), u32(1333245), u32(1), u32(len(parts)), join(parts...))
}

var (
	longSnap   = simple("Long")
	stringSnap = simple("String")
	listSnap   = composite(javaBase+"ListSerializerSnapshot", longSnap)
	mapSnap    = composite(javaBase+"MapSerializerSnapshot", stringSnap, longSnap)
	timerSnap  = composite("org.apache.flink.streaming.api.operators.TimerSerializerSnapshot", stringSnap, stringSnap)
	alienSnap  = join(utf("com.example.AlienSnapshot"), u32(1))
)

// The numbers of the states of a test log.
const (
	valueState = iota
	listState
	mapState
	sumState
	averageState
	timerState
)

var names = [...]string{"value", "list", "map", "sum", "average", "_timer_state/event_t"}

// introduce is the change of metadata of one of them.
func introduce(state int) []byte {
	switch state {
	case listState:
		return metaOf(names[state], 0, "LIST", listSnap, state)
	case mapState:
		return metaOf(names[state], 0, "MAP", mapSnap, state)
	case sumState:
		return metaOf(names[state], 0, "REDUCING", longSnap, state)
	case averageState:
		return metaOf(names[state], 0, "AGGREGATING", longSnap, state)
	case timerState:
		return metaOf(names[state], 3, "", timerSnap, state)
	}
	return metaOf(names[state], 0, "VALUE", longSnap, state)
}

func metaOf(name string, kind int, option string, value []byte, number int) []byte {
	b := join([]byte{opMetadata}, u32(7), utf(name), u32(kind))
	if kind == 3 {
		b = join(b, u32(0), u32(1), utf("VALUE_SERIALIZER"), u32(2), value)
	} else {
		b = join(b, u32(1), utf("KEYED_STATE_TYPE"), utf(option), u32(2),
			utf("NAMESPACE_SERIALIZER"), u32(2), stringSnap, utf("VALUE_SERIALIZER"), u32(2), value, []byte{0, 0})
	}
	return append(b, byte(number>>8), byte(number), byte(kind))
}

// on is a change of a state with key and namespace.
func on(op, state int, key, ns string, rest ...[]byte) []byte {
	return join([]byte{byte(op), 0, byte(state)}, str(key), str(ns), join(rest...))
}

// timers is a change of timers.
func timers(op int, rest ...[]byte) []byte {
	return join([]byte{byte(op), 0, timerState}, join(rest...))
}

func timerAt(time int, key, ns string) []byte {
	b := u64(time)
	b[0] ^= 0x80
	return join(b, str(key), str(ns))
}

// list is a list of numbers as ListSerializer writes it.
func list(numbers ...int) []byte {
	b := u32(len(numbers))
	for _, n := range numbers {
		b = append(b, u64(n)...)
	}
	return b
}

// grouped is changes of a key group.
type grouped struct {
	keyGroup int
	changes  [][]byte
}

// setOf is a set of changes.
func setOf(groups ...grouped) []byte {
	b := u32(len(groups))
	for _, g := range groups {
		b = append(append(b, u32(len(g.changes))...), u32(g.keyGroup)...)
		for _, c := range g.changes {
			b = append(append(b, u32(len(c))...), c...)
		}
	}
	return b
}

// memory is files by their paths, and counts how often they are opened.
type memory struct {
	files  map[string][]byte
	opened map[string]int
}

func (m *memory) Open(_ context.Context, h metadata.StreamHandle) (backends.Blob, error) {
	switch h := h.(type) {
	case *metadata.InlineHandle:
		return &blob{bytes.NewReader(h.Data), "_metadata"}, nil
	case *metadata.FileHandle:
		data, ok := m.files[string(h.Path)]
		if !ok {
			return nil, errors.New(string(h.Path) + " is not there")
		}
		if m.opened != nil {
			m.opened[string(h.Path)]++
		}
		return &blob{bytes.NewReader(data), string(h.Path)}, nil
	}
	return nil, fmt.Errorf("%T", h)
}

type blob struct {
	*bytes.Reader
	name string
}

func (b *blob) Name() string  { return b.name }
func (b *blob) Offset() int64 { return 0 }
func (b *blob) Close() error  { return nil }

var all = metadata.KeyGroupRange{First: 0, Last: 127}

// forms are the ways in which a log can lie. Each gives the same sets.
var forms = map[string]func(sets [][]grouped) (*metadata.ChangelogHandle, *memory){
	"inline": func(sets [][]grouped) (*metadata.ChangelogHandle, *memory) {
		h := &metadata.ChangelogInlineHandle{Range: all}
		for _, groups := range sets {
			for _, g := range groups {
				for _, c := range g.changes {
					h.Changes = append(h.Changes, metadata.StateChange{KeyGroup: int32(g.keyGroup), Data: c})
				}
			}
		}
		return &metadata.ChangelogHandle{Range: all, NonMaterialized: []metadata.KeyedHandle{h}}, &memory{}
	},
	"plain":      func(sets [][]grouped) (*metadata.ChangelogHandle, *memory) { return inFiles(sets, false, 1<<30) },
	"compressed": func(sets [][]grouped) (*metadata.ChangelogHandle, *memory) { return inFiles(sets, true, 1<<30) },
	"two files":  func(sets [][]grouped) (*metadata.ChangelogHandle, *memory) { return inFiles(sets, false, 2) },
}

// inFiles lays sets into files of at most so many, with sets of others between.
func inFiles(sets [][]grouped, compress bool, most int) (*metadata.ChangelogHandle, *memory) {
	m := &memory{files: map[string][]byte{}, opened: map[string]int{}}
	h := &metadata.ChangelogHandle{Range: all}
	for i := 0; len(sets) > 0; i++ {
		n := min(most, len(sets))
		path := fmt.Sprintf("dstl/%d", i)
		file := &metadata.ChangelogFileHandle{Range: all}
		other := setOf(grouped{-1, [][]byte{introduce(mapState)}}, grouped{5, [][]byte{{1, 2, 3}}})
		body := other
		for _, groups := range sets[:n] {
			file.Parts = append(file.Parts, metadata.ChangelogPart{
				Offset: int64(len(body)), File: &metadata.FileHandle{Path: metadata.UTF(path), Size: 1},
			})
			body = join(body, setOf(groups...), other)
		}
		m.files[path] = append([]byte{0}, body...)
		if compress {
			m.files[path] = framed(body)
		}
		h.NonMaterialized = append(h.NonMaterialized, file)
		sets = sets[n:]
	}
	return h, m
}

// framed is a compressed file.
func framed(body []byte) []byte {
	var b bytes.Buffer
	b.WriteByte(1)
	w := s2.NewWriter(&b, s2.WriterSnappyCompat(), s2.WriterBlockSize(64<<10), s2.WriterConcurrency(1))
	_, _ = w.Write(body) // never fails
	_ = w.Close()
	return b.Bytes()
}

// given is a reader of what was materialized.
type given struct {
	states  []*backends.State
	entries []backends.Entry
	errs    map[int]error // before which entry
}

func (g *given) States() []*backends.State { return g.states }
func (g *given) Close() error              { return nil }

func (g *given) Entries(_ context.Context, sel backends.Selection) iter.Seq2[backends.Entry, error] {
	return func(yield func(backends.Entry, error) bool) {
		for i, e := range g.entries {
			if err := g.errs[i]; err != nil && !yield(backends.Entry{}, err) {
				return
			}
			if !sel.KeyGroups.Contains(e.KeyGroup) || !sel.Wants(e.State) || sel.Key != nil && !bytes.Equal(sel.Key, e.Key) {
				continue
			}
			// What an entry holds is gone when the iteration goes on.
			e.Key, e.Namespace = slices.Clone(e.Key), slices.Clone(e.Namespace)
			e.MapKey, e.Value = slices.Clone(e.MapKey), slices.Clone(e.Value)
			if !yield(e, nil) {
				return
			}
			for _, b := range [][]byte{e.Key, e.Namespace, e.MapKey, e.Value} {
				for j := range b {
					b[j] = 0xee
				}
			}
		}
	}
}

func spec(tb testing.TB, s string) backends.Type {
	tb.Helper()
	t, err := types.ParseSpec(s)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// stateOf is a state as something materialized has it: with types of the snapshots that the log has.
func stateOf(tb testing.TB, number int) *backends.State {
	tb.Helper()
	r := &Reader{byName: map[string]int{}, opts: &backends.Options{}}
	l, err := r.metadata(introduce(number), "", 0)
	if err != nil {
		tb.Fatal(err)
	}
	if l.state.Kind != backends.Timer {
		key, _, err := types.ReadVersioned(stringSnap, &backends.Options{})
		if err != nil {
			tb.Fatal(err)
		}
		l.state.Key = key
	}
	return l.state
}

// read gives the entries of a log over what was materialized, each as text, sorted; errors among them.
func read(tb testing.TB, h *metadata.ChangelogHandle, files backends.Files, under []backends.Reader, opts *backends.Options, sel backends.Selection) []string {
	tb.Helper()
	if opts == nil {
		opts = &backends.Options{}
	}
	if opts.Hints == nil {
		opts.Hints = map[string]string{"key": "String"}
	}
	o := backends.Origin{Range: all, MaxParallelism: 128}
	r, err := Open(context.Background(), files, h, under, o, opts)
	if err != nil {
		return []string{"open: " + err.Error()}
	}
	lines := linesOf(r, sel)
	if err := r.Close(); err != nil {
		tb.Error(err)
	}
	return lines
}

func linesOf(r backends.Reader, sel backends.Selection) (lines []string) {
	last := int32(-1)
	for e, err := range r.Entries(context.Background(), sel) {
		if err != nil {
			lines = append(lines, "error: "+err.Error())
			continue
		}
		if e.KeyGroup < last {
			lines = append(lines, "error: key groups go back")
		}
		last = e.KeyGroup
		lines = append(lines, text(&e))
	}
	slices.Sort(lines)
	return lines
}

func text(e *backends.Entry) string {
	show := func(t backends.Type, b []byte) string {
		if t == nil {
			return ""
		}
		j, n, err := t.AppendJSON(nil, b)
		if err != nil || n != len(b) {
			return fmt.Sprintf("!%x", b)
		}
		return string(j)
	}
	s := fmt.Sprintf("%d %s %s %s", e.KeyGroup, e.State.Name, show(e.State.Key, e.Key), show(e.State.Namespace, e.Namespace))
	switch e.State.Kind {
	case backends.Timer:
		return fmt.Sprintf("%s at %d", s, e.Time)
	case backends.Map:
		s += " " + show(e.State.MapKey, e.MapKey)
	case backends.List:
		var numbers []string
		if e.Joined {
			for b := append(slices.Clone(e.Value), ','); len(b) > 0; b = b[9:] {
				numbers = append(numbers, show(e.State.Value, b[:8]))
			}
			return fmt.Sprintf("%s = joined %d: %s", s, len(numbers), strings.Join(numbers, " "))
		}
		for b := e.Value[4:]; len(b) > 0; b = b[8:] {
			numbers = append(numbers, show(e.State.Value, b[:8]))
		}
		return fmt.Sprintf("%s = %d: %s", s, binary.BigEndian.Uint32(e.Value), strings.Join(numbers, " "))
	}
	if e.Null {
		return s + " = null"
	}
	return s + " = " + show(e.State.Value, e.Value)
}
