package hashmap

import (
	"context"
	"errors"
	"iter"
	"maps"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/handletest"
	"github.com/ckpt-tool/ckpt/metadata"
)

// fixed is a reader of some entries.
type fixed struct {
	states  []*backends.State
	entries []backends.Entry
	closed  bool
}

func (f *fixed) States() []*backends.State { return f.states }

func (f *fixed) Entries(context.Context, backends.Selection) iter.Seq2[backends.Entry, error] {
	return func(yield func(backends.Entry, error) bool) {
		for _, e := range f.entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (f *fixed) Close() error { f.closed = true; return nil }

// restoreFixed restores one entry.
func restoreFixed(t *testing.T, e backends.Entry) (*job, backends.Store, error) {
	t.Helper()
	j := newJob(t, 128)
	f := &fixed{states: []*backends.State{e.State}, entries: []backends.Entry{e}}
	c := j.config(inMemory(), j.groups)
	c.Restored = []backends.RestoredHandle{{Open: func(context.Context) (backends.Reader, error) { return f, nil }}}
	s, err := OpenStore(t.Context(), c)
	if !f.closed {
		t.Error("the reader is open")
	}
	return j, s, err
}

// TestRestoreRefuses: what cannot be restored is named.
func TestRestoreRefuses(t *testing.T) {
	str, void := handletest.Type(t, "String"), handletest.Type(t, "VoidNamespace")
	state := func(k backends.Kind, value backends.Type) *backends.State {
		return &backends.State{Name: "s", Kind: k, Key: str, Namespace: void, Value: value}
	}
	key, ns := []byte("\x02a"), []byte{0}
	keyless := state(backends.Value, str)
	keyless.Key = nil
	for name, c := range map[string]struct {
		entry backends.Entry
		want  string
	}{
		"another key group":     {backends.Entry{State: state(backends.Value, str), KeyGroup: 128, Key: key, Namespace: ns}, "key group 128"},
		"a kind that is none":   {backends.Entry{State: state(backends.UnknownKind, str), Key: key, Namespace: ns}, "of which kind"},
		"no type of keys":       {backends.Entry{State: keyless, Key: key, Namespace: ns}, "of which type its keys are"},
		"a list cut off":        {backends.Entry{State: state(backends.List, str), Key: key, Namespace: ns, Value: []byte{0, 0}}, "cut off"},
		"a list too short":      {backends.Entry{State: state(backends.List, str), Key: key, Namespace: ns, Value: []byte("\x00\x00\x00\x02\x02a")}, "cut off"},
		"a list too long":       {backends.Entry{State: state(backends.List, str), Key: key, Namespace: ns, Value: []byte("\x00\x00\x00\x01\x02ab")}, "1 bytes are left"},
		"a negative list":       {backends.Entry{State: state(backends.List, str), Key: key, Namespace: ns, Value: []byte("\xff\xff\xff\xff")}, "-1 elements"},
		"no delimiter":          {backends.Entry{State: state(backends.List, str), Key: key, Namespace: ns, Value: []byte("\x02a;\x02b"), Joined: true}, "no delimiter"},
		"a delimiter at last":   {backends.Entry{State: state(backends.List, str), Key: key, Namespace: ns, Value: []byte("\x02a,"), Joined: true}, "cut off"},
		"elements of who knows": {backends.Entry{State: state(backends.List, handletest.Opaque{}), Key: key, Namespace: ns, Value: []byte("x"), Joined: true}, "the element of com.example.Secret"},
		"a value of who knows":  {backends.Entry{State: state(backends.Value, handletest.Opaque{}), Key: key, Namespace: ns, Value: []byte("x")}, "the value of com.example.Secret"},
		"a map of who knows":    {backends.Entry{State: &backends.State{Name: "s", Kind: backends.Map, Key: str, Namespace: state(backends.Map, str).Namespace, MapKey: handletest.Opaque{}, Value: str}, Key: key, Namespace: ns, MapKey: []byte("x"), Value: []byte("\x02v")}, "the key of a map of com.example.Secret"},
		"a value too long":      {backends.Entry{State: state(backends.Value, str), Key: key, Namespace: ns, Value: []byte("\x02ab")}, "a value of 3 bytes, of which String takes 2"},
	} {
		_, _, err := restoreFixed(t, c.entry)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "sub-task 0") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := restoreFixed(t, backends.Entry{State: state(backends.List, handletest.Opaque{}), Key: key, Namespace: ns, Value: []byte("x"), Joined: true}); !errors.As(err, new(*backends.OpaqueError)) {
		t.Error(err)
	}
}

// TestRestoreNull: the heap's own format gives a null value as no bytes, of which no String could be read.
func TestRestoreNull(t *testing.T) {
	str := handletest.Type(t, "String")
	m := &backends.State{Name: "m", Kind: backends.Map, Key: str, Namespace: handletest.Type(t, "VoidNamespace"), MapKey: str, Value: str}
	for _, value := range [][]byte{nil, {}} {
		if _, _, err := restoreFixed(t, backends.Entry{State: m, KeyGroup: 7, Key: []byte("\x02a"), Namespace: []byte{0}, MapKey: []byte("\x02b"), Value: value, Null: true}); err != nil {
			t.Error(err)
		}
	}
}

// TestRestoreOdd: an empty list is none, a state without namespace lies as one in VoidNamespace, and elements of queues that
// are no timers are carried on.
func TestRestoreOdd(t *testing.T) {
	str := handletest.Type(t, "String")
	list := &backends.State{Name: "list", Kind: backends.List, Key: str, Namespace: handletest.Type(t, "VoidNamespace"), Value: str}
	bare := &backends.State{Name: "bare", Kind: backends.Value, Key: str, Value: str, V2: true, Raw: []byte("of V2")}
	queue := &backends.State{Name: "queue", Kind: backends.Timer, Value: str, Raw: []byte("of a queue")}
	key := []byte("\x02a")
	for name, c := range map[string]struct {
		entry backends.Entry
		want  map[string]string
		raw   string
	}{
		"empty list":   {backends.Entry{State: list, KeyGroup: 7, Key: key, Namespace: []byte{0}, Value: make([]byte, 4)}, map[string]string{}, ""},
		"no namespace": {backends.Entry{State: bare, KeyGroup: 7, Key: key, Value: []byte("\x02v")}, map[string]string{"bare 07026100 ": "\x02v"}, ""},
		"no timer":     {backends.Entry{State: queue, KeyGroup: 7, Value: []byte("\x02q")}, map[string]string{"queue 070271 ": ""}, "of a queue"},
	} {
		j, s, err := restoreFixed(t, c.entry)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		m := s.Metas()[0]
		table, err := s.Table(m)
		if err != nil {
			t.Fatal(err)
		}
		j.states = []*backends.Meta{m}
		if got := dump(t, j, []backends.Table{table}); !maps.Equal(got, c.want) || string(m.Raw) != c.raw {
			t.Errorf("%s: %q, %q", name, got, m.Raw)
		}
	}
}

// TestUnknownKind: a state without entries whose kind the header does not tell is of the kind that the job says.
func TestUnknownKind(t *testing.T) {
	j := newJob(t, 128)
	f := &fixed{states: []*backends.State{{Name: "map", Key: j.key, Namespace: j.states[2].Namespace, Value: j.key}}}
	c := j.config(inMemory(), metadata.KeyGroupRange{First: 0, Last: 127})
	c.Restored = []backends.RestoredHandle{{Open: func(context.Context) (backends.Reader, error) { return f, nil }}}
	s, tables := j.open(t, c)
	key, kg := j.keyOf(j.states[2], "a", nil, 0)
	if err := tables[2].Put(kg, key, []byte("\x02b"), []byte{1}); err != nil {
		t.Fatal(err)
	}
	h := take(t, s, inMemory(), backends.NativeForm)
	_, tables = j.open(t, j.config(inMemory(), j.groups, h))
	if n := len(dump(t, j, tables)); n != 1 {
		t.Error(n)
	}
}
