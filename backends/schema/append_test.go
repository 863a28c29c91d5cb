package schema_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/schema"
	"github.com/ckpt-tool/ckpt/backends/types"
)

// TestAppendFlink: every header that Flink wrote is written again byte for byte by what was kept of it, and by nothing but its
// types it is one that says the same.
func TestAppendFlink(t *testing.T) {
	counts := map[string]int{}
	for _, h := range headers(t, 1<<20) {
		_, size, err := h.read(h.data)
		if err != nil {
			counts["blocked"]++
			continue
		}
		want := h.data[:size]
		if kept := again(t, &h, true); !bytes.Equal(kept, want) {
			if h.keyed || want[3] == 6 {
				t.Errorf("%s: %q, not %q", h.name, kept, want)
			}
			counts["older"]++
			h.data = kept
		}
		made := again(t, &h, false)
		if bytes.Equal(made, want) {
			counts["of types alone"]++
			continue
		}
		counts["equal in meaning"]++
		if got, want := meaning(t, &h, made), meaning(t, &h, h.data); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, not %q", h.name, got, want)
		}
	}
	t.Log(counts)
	if counts["of types alone"] < 500 {
		t.Error("too few")
	}
}

// again is a header written again, by its bytes or by its types.
func again(t *testing.T, h *header, raw bool) []byte {
	t.Helper()
	metas := func(from []schema.Meta, key backends.Type) (list []*backends.Meta) {
		for i := range from {
			m := metaOf(from[i].State(backends.Origin{}, key))
			if !raw && m.Kind != backends.UnknownKind && from[i].Type != schema.KeyValueV2 {
				m.Raw = nil
			}
			list = append(list, m)
		}
		return list
	}
	var out []byte
	var err error
	if h.keyed {
		k, _ := schema.ReadKeyed(h.data, nil)
		keyRaw := k.KeyRaw
		if !raw {
			keyRaw = nil
		}
		out, err = schema.AppendKeyed(nil, k.Key, keyRaw, metas(k.States, k.Key), k.Compressed)
	} else {
		o, _ := schema.ReadOperator(h.data, nil)
		out, err = schema.AppendOperator(nil, metas(o.List, nil), metas(o.Broadcast, nil), o.Compressed)
	}
	if err != nil {
		t.Errorf("%s: %v", h.name, err)
	}
	return out
}

// meaning is what a header says of its states.
func meaning(t *testing.T, h *header, b []byte) (all []string) {
	t.Helper()
	metas, _, err := h.read(b)
	if err != nil {
		t.Errorf("%s: %v", h.name, err)
	}
	for i := range metas {
		st := metas[i].State(backends.Origin{}, nil)
		words := []string{st.Name, st.Kind.String()}
		for _, typ := range []backends.Type{st.Key, st.Namespace, st.MapKey, st.Value} {
			if typ != nil {
				words = append(words, typ.String())
			}
		}
		all = append(all, strings.Join(words, " "))
	}
	return all
}

func spec(t *testing.T, s string) backends.Type {
	t.Helper()
	typ, err := types.ParseSpec(s)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

// TestAppend: metas of all kinds that a job can make are read back.
func TestAppend(t *testing.T) {
	long, text := spec(t, "Long"), spec(t, "String")
	metas := []*backends.Meta{
		{Name: "v", Kind: backends.Value, Value: long}, {Name: "l", Kind: backends.List, Value: text, Namespace: spec(t, "TimeWindow")},
		{Name: "m", Kind: backends.Map, MapKey: text, Value: spec(t, "TTL<Long>"), TTL: true}, {Name: "r", Kind: backends.Reducing, Value: long},
		{Name: "a", Kind: backends.Aggregating, Value: long}, {Name: "_timer_state/event_x", Kind: backends.Timer},
	}
	b, err := schema.AppendKeyed([]byte("x"), text, nil, metas, true)
	if err != nil {
		t.Fatal(err)
	}
	k, err := schema.ReadKeyed(b[1:], nil)
	if err != nil || k.Size != len(b)-1 || !k.Compressed || k.Key.String() != "String" {
		t.Fatal(k, err)
	}
	for i, m := range metas {
		st := k.State(i, backends.Origin{})
		value := m.Value
		if m.Kind == backends.Timer {
			value = nil
			if st.Key.String() != "String" || st.Namespace.String() != "VoidNamespace" {
				t.Error(st.Key, st.Namespace)
			}
		}
		if st.Name != m.Name || st.Kind != m.Kind || (st.Value == nil) != (value == nil) || value != nil && st.Value.String() != value.String() || st.TTL != m.TTL {
			t.Errorf("%+v of %+v", st, m)
		}
		one, err := schema.AppendMeta(nil, text, m)
		if err != nil || !bytes.Equal(one, st.Raw) || !bytes.Equal(k.KeyRaw, st.KeyRaw) || len(st.KeyRaw) == 0 {
			t.Errorf("%s: %q, not %q: %v", m.Name, one, st.Raw, err)
		}
	}
}

// TestAppendRefused: what no header can hold is refused, and dst is left as it was.
func TestAppendRefused(t *testing.T) {
	long := spec(t, "Long")
	many := make([]*backends.Meta, 1<<15)
	for i := range many {
		many[i] = &backends.Meta{Raw: []byte{}}
	}
	for want, metas := range map[string][]*backends.Meta{
		"kind channel":    {{Name: "x", Kind: backends.Channel, Value: long}},
		"32768 states":    many,
		"65536 bytes":     {{Name: strings.Repeat("x", 1<<16), Kind: backends.Value, Value: long}},
		"there is no":     {{Name: "x", Kind: backends.Map, Value: long}},
		"VALUE_SERIALIZE": {{Name: "x", Kind: backends.Value, Value: spec(t, "Utf")}},
	} {
		if b, err := schema.AppendKeyed([]byte("x"), long, nil, metas, false); err == nil || !strings.Contains(err.Error(), want) || string(b) != "x" {
			t.Errorf("%s: %q, %v", want, b, err)
		}
	}
	var wrong *backends.TypeError
	if _, err := schema.AppendMeta(nil, nil, &backends.Meta{Name: "x", Kind: backends.OperatorList, Value: spec(t, "Utf")}); !errors.As(err, &wrong) {
		t.Error(err)
	}
	if _, err := schema.AppendKeyed(nil, nil, nil, nil, false); err == nil {
		t.Error("a header without a key")
	}
}

// metaOf is a state of a header as a live store has it.
func metaOf(st *backends.State) *backends.Meta {
	m := &backends.Meta{Name: st.Name, Kind: st.Kind, Namespace: st.Namespace, MapKey: st.MapKey, Value: st.Value, TTL: st.TTL, Raw: st.Raw}
	if st.Kind == backends.Timer {
		m.Value = nil
	}
	return m
}
