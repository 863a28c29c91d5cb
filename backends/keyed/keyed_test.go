package keyed_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keyed"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/backends/types"
)

func TestSame(t *testing.T) {
	snapshot := func(of string) backends.Type {
		b, err := types.AppendSnapshot(nil, spec(of))
		if err != nil {
			t.Fatal(err)
		}
		read, _, err := types.ReadSnapshot(b, nil)
		if err != nil {
			t.Fatal(err)
		}
		return read
	}
	for _, c := range []struct {
		a, b backends.Type
		same bool
	}{
		{spec("Long"), spec("Long"), true},
		{spec("Long"), snapshot("Long"), true},
		{snapshot("Map<String, Long>"), spec("Map<String, Long>"), true},
		{spec("Long"), spec("Double"), false},
		{spec("Long"), spec("TTL<Long>"), false},
		{spec("List<Long>"), spec("Set<Long>"), false},
		{nil, spec("Long"), false},
		{nil, nil, true},
		{classed{spec("Long"), "org.apache.flink.a.LongSnapshot"}, classed{spec("Long"), "org.apache.flink.b.LongSnapshot"}, true},
		{classed{spec("Long"), "org.apache.flink.a.LongSnapshot"}, classed{spec("Long"), "com.x.LongSnapshot"}, false},
		{classed{spec("Long"), "org.apache.flink.a.LongSnapshot"}, classed{spec("Long"), "org.apache.flink.a.OtherSnapshot"}, false},
	} {
		if keyed.Same(c.a, c.b) != c.same || keyed.Same(c.b, c.a) != c.same {
			t.Errorf("%v and %v: not %v", c.a, c.b, c.same)
		}
	}
}

// classed is a type as a snapshot of another class has it.
type classed struct {
	backends.Type
	class string
}

func (c classed) Class() string { return c.class }

// TestUnusable: descriptors that cannot be meant.
func TestUnusable(t *testing.T) {
	k := open(t, &flat{}, backends.StoreConfig{})
	long := spec("Long")
	for _, d := range []backends.Descriptor{
		{Kind: backends.Value, Value: long},
		{Name: "default", Kind: backends.Value, Value: long},
		{Name: "_timer_state/x", Kind: backends.Value, Value: long},
		{Name: "a", Kind: backends.Timer, Value: long},
		{Name: "a", Kind: backends.Broadcast, Value: long},
		{Name: "a", Kind: backends.Value},
		{Name: "a", Kind: backends.Value, TTL: &backends.TTLConfig{TTL: time.Hour}},
		{Name: "a", Kind: backends.Map, Value: long},
		{Name: "a", Kind: backends.List, Value: long, MapKey: long},
		{Name: "a", Kind: backends.Reducing, Value: long},
		{Name: "a", Kind: backends.Aggregating, Value: long},
		{Name: "a", Kind: backends.Value, Value: long, TTL: &backends.TTLConfig{TTL: time.Microsecond}},
	} {
		if _, err := k.State(&d); err == nil {
			t.Errorf("%+v passes", d)
		}
	}
	if _, err := k.State(&backends.Descriptor{Name: "a", Kind: backends.Value, Value: long}); err != nil {
		t.Error(err)
	}
}

// TestCurrent: a key or a namespace that is wrong leaves none, rather than that of before.
func TestCurrent(t *testing.T) {
	k := open(t, &flat{rows: map[string][]byte{}}, backends.StoreConfig{Key: spec("Long")})
	s, err := k.PartitionedState(int64(1), &backends.Descriptor{Name: "a", Kind: backends.Value, Value: spec("Long"), Namespace: spec("Long")})
	if err != nil {
		t.Fatal(err)
	}
	v := s.(backends.ValueState)
	for what, set := range map[string]func() error{
		"a key of another type": func() error { return k.SetCurrentKey("a") },
		"a key of 3 bytes":      func() error { return k.SetCurrentKeyBytes([]byte{1, 2, 3}, 0) },
		"a key of others":       func() error { return k.SetCurrentKeyBytes(make([]byte, 8), 128) },
	} {
		if err := k.SetCurrentKey(int64(7)); err != nil {
			t.Fatal(err)
		}
		if err := v.Update(int64(1)); err != nil {
			t.Fatal(err)
		}
		if err := set(); err == nil {
			t.Errorf("%s passes", what)
		}
		if err := v.Update(int64(2)); !errors.Is(err, backends.ErrNoKey) || k.CurrentKeyGroup() != -1 {
			t.Errorf("after %s: %v", what, err)
		}
	}
	if err := k.SetCurrentKey(int64(7)); err != nil {
		t.Fatal(err)
	}
	if err := v.SetNamespace("a"); err == nil {
		t.Error("a namespace of another type passes")
	}
	if err := v.Update(int64(2)); err == nil {
		t.Error("a value without a namespace passes")
	}
	if err := v.SetNamespaceBytes([]byte{1}); err == nil {
		t.Error("a namespace of one byte passes")
	}
}

// TestDamage: what a store should never have is told of, with the name of the state.
func TestDamage(t *testing.T) {
	store := &flat{rows: map[string][]byte{}}
	k := open(t, store, backends.StoreConfig{Now: func() int64 { return 0 }})
	if err := k.SetCurrentKey("k"); err != nil {
		t.Fatal(err)
	}
	for i, bytes := range []string{"\x02ax\x02b", "\x05a", "\x02a,"} {
		l := stateOf[backends.ListState](t, k, backends.Descriptor{Name: "the list", Kind: backends.List, Value: spec("String")})
		put(k, store, bytes)
		if got, err := l.Get(); err == nil || !strings.Contains(err.Error(), `"the list"`) {
			t.Errorf("list %d is %q: %v", i, got, err)
		}
	}
	for i, bytes := range []string{"", "\x02\x02a", "\x00", "\x00\x02ab"} {
		m := stateOf[backends.MapState](t, k, backends.Descriptor{Name: "the map", Kind: backends.Map, MapKey: spec("String"), Value: spec("String")})
		put(k, store, bytes)
		if got, _, err := m.Get("x"); err == nil || !strings.Contains(err.Error(), `"the map"`) {
			t.Errorf("map %d is %q: %v", i, got, err)
		}
	}
	for i, bytes := range []string{"", "1234567", "12345678", "12345678\x02ab"} {
		v := stateOf[backends.ValueState](t, k, backends.Descriptor{
			Name: "the value", Kind: backends.Value, Value: spec("String"), TTL: &backends.TTLConfig{TTL: time.Hour},
		})
		put(k, store, bytes)
		if got, err := v.Value(); err == nil || !strings.Contains(err.Error(), `"the value"`) {
			t.Errorf("value %d is %q: %v", i, got, err)
		}
	}
}

func stateOf[S backends.KeyedState](t *testing.T, k backends.Keyed, d backends.Descriptor) S {
	t.Helper()
	s, err := k.State(&d)
	if err != nil {
		t.Fatal(err)
	}
	return s.(S)
}

// put gives the current key a value behind the back of its state.
func put(k backends.Keyed, s *flat, value string) {
	key := keygroups.AppendPrefix(nil, k.CurrentKeyGroup(), 1)
	s.rows[string(key)+string(k.CurrentKeyBytes())+"\x00"] = []byte(value)
}

func TestNew(t *testing.T) {
	for what, c := range map[string]backends.StoreConfig{
		"no type of keys":         {MaxParallelism: 128},
		"no max parallelism":      {Key: spec("Long")},
		"a max parallelism":       {Key: spec("Long"), MaxParallelism: keygroups.MaxParallelism + 1},
		"a restored type of keys": {Key: spec("Long"), MaxParallelism: 1, KeyRaw: []byte{1, 2, 3}},
	} {
		if _, err := keyed.New(&flat{}, &c); err == nil {
			t.Errorf("%s passes", what)
		}
	}
	c := backends.StoreConfig{Key: spec("Long"), MaxParallelism: 1}
	if _, err := keyed.New(&flat{}, &c, keyed.WithTimerService(keyed.InStore)); err == nil {
		t.Error("timers in a store without an order pass")
	}
}
