package schema_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/schema"
)

// distinct are headers of all trees that come with the project, each once.
func distinct(tb testing.TB) []header {
	tb.Helper()
	var found []header
	seen := map[string]bool{}
	for _, h := range headers(tb, 1<<20) {
		_, size, err := h.read(h.data)
		if err != nil || seen[string(h.data[:size])] {
			continue
		}
		seen[string(h.data[:size])] = true
		h.data = h.data[:size]
		found = append(found, h)
	}
	if len(found) < 20 {
		tb.Fatalf("%d headers", len(found))
	}
	return found
}

// few are some of them, short ones.
func few(tb testing.TB) (found []header) {
	for _, h := range distinct(tb) {
		if len(h.data) < 3000 && len(found) < 40 {
			found = append(found, h)
		}
	}
	return found
}

// TestCut: of a header that is cut anywhere, more is asked for.
func TestCut(t *testing.T) {
	for _, h := range few(t) {
		for n := range h.data {
			if _, size, err := h.read(h.data[:n]); !errors.Is(err, backends.ErrShort) || size != 0 {
				t.Fatalf("%s: cut at %d of %d: %d bytes, %v", h.name, n, len(h.data), size, err)
			}
		}
		if _, size, err := h.read(append(bytes.Clone(h.data), 1, 2, 3)); err != nil || size != len(h.data) {
			t.Errorf("%s: with more behind it: %d bytes, %v", h.name, size, err)
		}
	}
}

// TestDamage changes each byte of headers once. Most of that cannot be told, but nothing panics, and no more is read
// than is there.
func TestDamage(t *testing.T) {
	for _, h := range few(t) {
		for i := range h.data {
			for _, flip := range []byte{1, 0x80, 0xff} {
				b := bytes.Clone(h.data)
				b[i] ^= flip
				states, size, err := h.read(b)
				if size > len(b) || err == nil && size == 0 {
					t.Fatalf("%s: byte %d: %d bytes, %v", h.name, i, size, err)
				}
				for j := range states {
					states[j].State(backends.Origin{}, nil)
				}
				if i < 4 && err == nil && (h.keyed || b[3] != 6) && b[3] != 5 {
					t.Errorf("%s: version % x passes", h.name, b[:4])
				}
			}
		}
	}
}

// grown is a blob that counts its reads.
type grown struct {
	*bytes.Reader
	reads int
	fail  error
}

func (g *grown) ReadAt(p []byte, at int64) (int, error) {
	g.reads++
	if g.fail != nil {
		return 0, g.fail
	}
	return g.Reader.ReadAt(p, at)
}

func (g *grown) Name() string  { return "file" }
func (g *grown) Offset() int64 { return 1000 }
func (g *grown) Close() error  { return nil }

func utf(s string) []byte { return append(binary.BigEndian.AppendUint16(nil, uint16(len(s))), s...) }
func u32(n int) []byte    { return binary.BigEndian.AppendUint32(nil, uint32(n)) }

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

const base = "org.apache.flink.api.common.typeutils.base."

var long = join(u32(2), utf(base+"LongSerializer$LongSerializerSnapshot"), u32(3))

// meta is that of a state with any options and serializers.
func meta(name string, kind int, options []string, serializers ...[]byte) []byte {
	b := join(utf(name), u32(kind), u32(len(options)/2))
	for _, o := range options {
		b = append(b, utf(o)...)
	}
	return join(b, u32(len(serializers)), join(serializers...))
}

func value(option string) []byte {
	return meta("s", 0, []string{schema.OptionStateType, option}, join(utf("VALUE_SERIALIZER"), long), join(utf("NAMESPACE_SERIALIZER"), long))
}

// keyed is a header with states.
func keyed(metas ...[]byte) []byte {
	return join(u32(6), []byte{1}, long, binary.BigEndian.AppendUint16(nil, uint16(len(metas))), join(metas...))
}

// TestLoad: what is longer than one read is read on, once, and errors have their place in the file.
func TestLoad(t *testing.T) {
	var many [][]byte
	for i := range 2000 {
		many = append(many, meta(fmt.Sprintf("state %d", i), 0, nil, join(utf("VALUE_SERIALIZER"), long), join(utf("NAMESPACE_SERIALIZER"), long)))
	}
	data := keyed(many...)
	g := &grown{Reader: bytes.NewReader(append(bytes.Clone(data), make([]byte, 1<<20)...))}
	h, err := schema.LoadKeyed(g, nil)
	if err != nil || h.Size != len(data) || len(h.States) != 2000 || !h.Compressed || g.reads > 4 {
		t.Errorf("%d bytes, %d reads, %v", h.Size, g.reads, err)
	}
	var e *backends.Error
	g = &grown{Reader: bytes.NewReader(data[:len(data)-1])}
	if _, err = schema.LoadKeyed(g, nil); !errors.As(err, &e) || errors.Is(err, backends.ErrShort) || e.Path != "file" || e.Offset < 1000 || e.State != "state 1999" {
		t.Errorf("cut off: %+v", err)
	}
	gone := errors.New("gone")
	if _, err = schema.LoadOperator(&grown{Reader: bytes.NewReader(data), fail: gone}, nil); !errors.Is(err, gone) {
		t.Errorf("a broken disk: %v", err)
	}
	if _, err = schema.LoadOperator(&grown{Reader: bytes.NewReader(data), fail: io.EOF}, nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a short file: %v", err)
	}
}

// TestWrong: what cannot be is told with its place.
func TestWrong(t *testing.T) {
	tests := []struct {
		name   string
		data   []byte
		at     int64
		says   string
		states int
	}{
		{"of Flink 1.6", u32(5), 0, "Flink before 1.7", 0},
		{"of the future", u32(7), 0, "version 7, which is not known", 0},
		{"a flag", join(u32(6), []byte{2}), 4, "neither 0 nor 1", 0},
		{"states below zero", join(u32(6), []byte{0}, long, []byte{0x80, 0}), 95, "is -32768", 0},
		{"an operator's state", keyed(value("VALUE"), meta("o", 1, nil, join(utf("VALUE_SERIALIZER"), long))), -1, "OPERATOR, which does not belong here", 1},
		{"no type", keyed(value("VALUE"), meta("o", 5, nil)), -1, "of type 5", 1},
		{"another serializer", keyed(meta("o", 0, nil, join(utf("OTHER"), long))), -1, `"OTHER" is none of Flink's`, 0},
		{"no value", keyed(meta("o", 0, nil)), -1, "has no VALUE_SERIALIZER", 0},
		{"no namespace", keyed(meta("o", 0, nil, join(utf("VALUE_SERIALIZER"), long))), -1, "has no NAMESPACE_SERIALIZER", 0},
		{"no text", keyed(join([]byte{0, 1, 0xff})), 97, "modified UTF-8", 0},
		{"options below zero", keyed(join(utf("x"), u32(0), u32(math.MaxUint32))), -1, "is -1", 0},
		{"an unknown serializer", keyed(value("VALUE"), meta("o", 0, nil, join(utf("VALUE_SERIALIZER"), u32(2), utf("com.x.Odd"), u32(1)))), -1, "com.x.Odd", 1},
	}
	for _, test := range tests {
		h, err := schema.ReadKeyed(test.data, nil)
		var e *backends.Error
		if !errors.As(err, &e) || test.at >= 0 && e.Offset != test.at || !strings.Contains(e.Message, test.says) || e.Passed || len(h.States) != test.states {
			t.Errorf("%s: %d states, %+v", test.name, len(h.States), err)
		}
		var opaque *backends.OpaqueError
		if errors.As(err, &opaque) != (test.name == "an unknown serializer") {
			t.Errorf("%s: %v", test.name, err)
		}
		if opaque != nil && (opaque.Class != "com.x.Odd" || !strings.Contains(e.Hint, "--type ") || e.State != "o") {
			t.Errorf("%s: %+v", test.name, e)
		}
	}
}

// TestKinds: a kind that the header does not tell is not guessed.
func TestKinds(t *testing.T) {
	list := join(u32(2), utf(base+"ListSerializerSnapshot"), u32(3), u32(911108), u32(1), u32(1333245), u32(1), u32(1), long[4:])
	maps := join(u32(2), utf(base+"MapSerializerSnapshot"), u32(3), u32(911108), u32(1), u32(1333245), u32(1), u32(2), long[4:], long[4:])
	tests := []struct {
		option string
		kind   int // of the meta
		value  []byte
		want   backends.Kind
		shown  string
	}{
		{"VALUE", 0, long, backends.Value, "Long"}, {"VALUE", 0, list, backends.Value, "List<Long>"}, {"LIST", 0, list, backends.List, "Long"},
		{"LIST", 0, long, backends.UnknownKind, "Long"}, {"MAP", 0, maps, backends.Map, "Long"}, {"MAP", 0, list, backends.UnknownKind, "List<Long>"},
		{"REDUCING", 0, long, backends.Reducing, "Long"}, {"AGGREGATING", 0, long, backends.Aggregating, "Long"}, {"FOLDING", 0, long, backends.Aggregating, "Long"},
		{"UNKNOWN", 0, list, backends.UnknownKind, "List<Long>"}, {"", 0, maps, backends.UnknownKind, "Map<Long, Long>"},
		{"LIST", 4, list, backends.List, "List<Long>"}, {"MAP", 4, long, backends.UnknownKind, "Long"}, {"VALUE", 4, long, backends.Value, "Long"},
		{"", 3, long, backends.Timer, "Long"},
	}
	for _, test := range tests {
		b := meta("s", test.kind, []string{schema.OptionStateType, test.option}, join(utf("VALUE_SERIALIZER"), test.value), join(utf("NAMESPACE_SERIALIZER"), long))
		m, n, err := schema.ReadMeta(append(b, 9, 9), nil)
		if err != nil || n != len(b) {
			t.Fatalf("%s: %d of %d bytes: %v", test.option, n, len(b), err)
		}
		st := m.State(backends.Origin{}, nil)
		if st.Kind != test.want || st.Value.String() != test.shown || (st.MapKey != nil) != (st.Kind == backends.Map) || st.V2 != (test.kind == 4) {
			t.Errorf("%s of %s: %+v", test.option, m.Type, st)
		}
	}
	b := meta("s", 4, []string{schema.OptionStateType, "MAP"}, join(utf("VALUE_SERIALIZER"), long), join(utf("NAMESPACE_SERIALIZER"), long), join(utf("USER_KEY_SERIALIZER"), list))
	m, _, err := schema.ReadMeta(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	if st := m.State(backends.Origin{}, m.Value); st.Kind != backends.Map || st.MapKey.String() != "List<Long>" || st.Key != m.Value {
		t.Errorf("a map of State V2: %+v", st)
	}
}

func FuzzHeaders(f *testing.F) {
	for _, h := range few(f) {
		f.Add(h.keyed, h.data)
	}
	f.Fuzz(func(t *testing.T, keyed bool, data []byte) {
		h := header{keyed: keyed}
		states, size, err := h.read(data)
		if size > len(data) || err == nil && size == 0 || len(states) > len(data) {
			t.Errorf("%d bytes, %d states, %v", size, len(states), err)
		}
		for i := range states {
			if st := states[i].State(backends.Origin{}, nil); st.Kind != backends.Timer && st.Value == nil {
				t.Errorf("%+v", st)
			}
		}
		if err == nil {
			if again, n, err := h.read(data[:size]); n != size || err != nil || len(again) != len(states) {
				t.Errorf("read again: %d bytes, %v", n, err)
			}
		}
	})
}
