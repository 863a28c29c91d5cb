package rocksdb

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/types"
)

func typ(t *testing.T, spec string) backends.Type {
	t.Helper()
	if spec == "" {
		return nil
	}
	p, err := types.ParseSpec(spec)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.NewReplacer(" ", "", "|", "").Replace(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestCut cuts keys and values as Flink writes them; those of 300 bytes are what its key builder
// makes.
func TestCutter(t *testing.T) {
	long := strings.Repeat("6e", 300)
	for _, c := range []struct {
		name                     string
		kind                     backends.Kind
		key, namespace, mapKey   string // types
		prefix                   int
		record, value            string
		wantKey, wantNS, wantMap string
		wantValue                string
		null                     bool
		time                     int64
		problem                  string
	}{
		{name: "value", kind: backends.Value, key: "Long", namespace: "VoidNamespace", prefix: 1, record: "01 0000000000000003 00", value: "0007",
			wantKey: "0000000000000003", wantNS: "00", wantValue: "0007"},
		{name: "map", kind: backends.Map, key: "String", namespace: "VoidNamespace", mapKey: "String", prefix: 2, record: "012c 036162 00 03756b", value: "0009",
			wantKey: "036162", wantNS: "00", wantMap: "03756b", wantValue: "09"},
		{name: "lengths", kind: backends.Map, key: "String", namespace: "String", mapKey: "String", prefix: 2, record: "012c 036162 03 036e73 03 03756b", value: "01",
			wantKey: "036162", wantNS: "036e73", wantMap: "03756b", null: true},
		{name: "a long namespace", kind: backends.List, key: "String", namespace: "String", prefix: 2, record: "012c 036162 03 ad02 " + long + " 2e01", value: "61",
			wantKey: "036162", wantNS: "ad02" + long, wantValue: "61"},
		{name: "null with a value", kind: backends.Map, key: "Long", namespace: "VoidNamespace", mapKey: "Byte", prefix: 1, record: "01 0000000000000003 00 05", value: "0100",
			wantKey: "0000000000000003", wantNS: "00", wantMap: "05", null: true},
		{name: "timer", kind: backends.Timer, key: "String", namespace: "VoidNamespace", prefix: 1, record: "05 8000000000000010 0261 00",
			wantKey: "0261", wantNS: "00", time: 16},
		{name: "timer before 1970", kind: backends.Timer, key: "String", namespace: "VoidNamespace", prefix: 1, record: "05 7fffffffffffffff 0261 00",
			wantKey: "0261", wantNS: "00", time: -1},
		{name: "other timers", kind: backends.Timer, prefix: 1, record: "05 0102", wantValue: "0102"},
		{name: "no flag", kind: backends.Map, key: "Long", namespace: "VoidNamespace", mapKey: "Byte", prefix: 1, record: "01 0000000000000003 00 05", problem: "no flag"},
		{name: "a strange flag", kind: backends.Map, key: "Long", namespace: "VoidNamespace", mapKey: "Byte", prefix: 1, record: "01 0000000000000003 00 05", value: "02", problem: "no flag"},
		{name: "too much", kind: backends.Value, key: "Long", namespace: "VoidNamespace", prefix: 1, record: "01 0000000000000003 00 ff", problem: "1 bytes follow"},
		{name: "too little", kind: backends.Value, key: "Long", namespace: "VoidNamespace", prefix: 1, record: "01 00000000000003", problem: "too early"},
		{name: "no namespace", kind: backends.Value, key: "Long", namespace: "VoidNamespace", prefix: 1, record: "01 0000000000000003", problem: "too early"},
		{name: "cut off", kind: backends.Value, key: "String", namespace: "VoidNamespace", prefix: 1, record: "01 09 61", problem: "cut off"},
		{name: "a wrong length", kind: backends.Value, key: "String", namespace: "String", prefix: 1, record: "01 036162 04 036e73 03", problem: "is not 3"},
		{name: "a short timer", kind: backends.Timer, key: "String", namespace: "VoidNamespace", prefix: 1, record: "05 7fff", problem: "too early"},
		{name: "a long timer", kind: backends.Timer, key: "String", namespace: "VoidNamespace", prefix: 1, record: "05 7fffffffffffffff 0261 00 00", problem: "1 bytes follow"},
	} {
		st := &backends.State{Kind: c.kind, Key: typ(t, c.key), Namespace: typ(t, c.namespace), MapKey: typ(t, c.mapKey)}
		cut := newCutter(st, c.prefix)
		var e backends.Entry
		err := cut.cut(&e, unhex(t, c.record), unhex(t, c.value))
		if c.problem != "" {
			if err == nil || !strings.Contains(err.Error(), c.problem) {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		got := []string{hex.EncodeToString(e.Key), hex.EncodeToString(e.Namespace), hex.EncodeToString(e.MapKey), hex.EncodeToString(e.Value)}
		want := []string{c.wantKey, c.wantNS, c.wantMap, c.wantValue}
		for i := range want {
			if got[i] != strings.ReplaceAll(want[i], " ", "") {
				t.Errorf("%s: part %d is %s, not %s", c.name, i, got[i], want[i])
			}
		}
		if err != nil || e.Null != c.null || e.Time != c.time || e.Joined != (c.kind == backends.List) {
			t.Errorf("%s: %v, null %v, time %d, joined %v", c.name, err, e.Null, e.Time, e.Joined)
		}
	}
}

// TestCheck holds what Options.Verify finds in entries that can be cut.
func TestCheck(t *testing.T) {
	state := func(kind backends.Kind, value string) *backends.State {
		return &backends.State{Kind: kind, Key: typ(t, "Integer"), Namespace: typ(t, "VoidNamespace"), MapKey: typ(t, "String"), Value: typ(t, value)}
	}
	const group = 29 // of 42 with 128 key groups
	for _, c := range []struct {
		st                 *backends.State
		group              int32
		key, mapKey, value string
		problem            string
	}{
		{state(backends.Value, "Long"), group, "0000002a", "", "0000000000000001", ""},
		{state(backends.Value, "Long"), group + 1, "0000002a", "", "0000000000000001", "belongs to 29"},
		{state(backends.Value, "Long"), group, "0000002a", "", "000000000000000100", "1 bytes follow"},
		{state(backends.Value, "Long"), group, "0000002a", "", "00000000000001", "cut off"},
		{state(backends.Map, "Byte"), group, "0000002a", "0261", "01", ""},
		{state(backends.Map, "Byte"), group, "0000002a", "026161", "01", "key of a map"},
		{state(backends.List, "Byte"), group, "0000002a", "", "01 2c 02 2c 2c", ""},
		{state(backends.List, "Byte"), group, "0000002a", "", "01 2c", "not apart"},
		{state(backends.List, "Byte"), group, "0000002a", "", "01 2d 02", "not apart"},
		{state(backends.List, "Byte"), group, "0000002a", "", "", "cut off"},
	} {
		e := backends.Entry{State: c.st, KeyGroup: c.group, Key: unhex(t, c.key), MapKey: unhex(t, c.mapKey), Value: unhex(t, c.value), Joined: c.st.Kind == backends.List}
		cut := newCutter(c.st, 1)
		err := cut.check(&e, 128)
		if (err == nil) != (c.problem == "") || err != nil && !strings.Contains(err.Error(), c.problem) {
			t.Errorf("%v of %s, %s: %v", c.st.Kind, c.mapKey, c.value, err)
		}
	}
}
