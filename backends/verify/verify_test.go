package verify

import (
	"errors"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/handletest"
)

func TestEntry(t *testing.T) {
	text, number, opaque := handletest.Type(t, "String"), handletest.Type(t, "Integer"), handletest.Opaque{}
	void := handletest.Type(t, "VoidNamespace")
	state := func(kind backends.Kind, value backends.Type) *backends.State {
		return &backends.State{Kind: kind, Key: text, Namespace: void, Value: value}
	}
	key, ns, seven := []byte("\x06hello"), []byte{0}, "\x00\x00\x00\x07"
	const group = 35 // of "hello"
	for name, c := range map[string]struct {
		entry backends.Entry
		want  string // "" where nothing is wrong
	}{
		"value":           {backends.Entry{State: state(backends.Value, number), Value: []byte(seven)}, ""},
		"longer":          {backends.Entry{State: state(backends.Value, number), Value: []byte(seven + "x")}, "ends 1 bytes before its end"},
		"shorter":         {backends.Entry{State: state(backends.Value, number), Value: []byte(seven[1:])}, "cut off"},
		"opaque":          {backends.Entry{State: state(backends.Value, opaque), Value: []byte("x")}, ""},
		"null":            {backends.Entry{State: state(backends.Map, number), Null: true}, ""},
		"joined":          {backends.Entry{State: state(backends.List, number), Joined: true, Value: []byte(seven + "," + seven)}, ""},
		"joined, more":    {backends.Entry{State: state(backends.List, number), Joined: true, Value: []byte(seven + ",")}, "no element follows"},
		"joined, without": {backends.Entry{State: state(backends.List, number), Joined: true, Value: []byte(seven + seven + "x")}, "no element follows"},
		"joined, opaque":  {backends.Entry{State: state(backends.List, opaque), Joined: true, Value: []byte("x,y")}, ""},
		"counted":         {backends.Entry{State: state(backends.List, number), Value: []byte("\x00\x00\x00\x02" + seven + seven)}, ""},
		"counted, more":   {backends.Entry{State: state(backends.List, number), Value: []byte("\x00\x00\x00\x01" + seven + seven)}, "goes on behind"},
		"counted, fewer":  {backends.Entry{State: state(backends.List, number), Value: []byte("\x7f\x00\x00\x02" + seven)}, "cut off"},
		"counted, none":   {backends.Entry{State: state(backends.List, number), Value: []byte("\x00")}, "cut off"},
	} {
		c.entry.Key, c.entry.Namespace, c.entry.KeyGroup = key, ns, group
		err := New(backends.Origin{MaxParallelism: 128}).Entry(&c.entry)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	e := backends.Entry{State: state(backends.Value, number), Key: key, Namespace: ns, KeyGroup: 36, Value: []byte(seven)}
	var wrong *backends.Error
	if err := New(backends.Origin{MaxParallelism: 128}).Entry(&e); !errors.As(err, &wrong) || !strings.Contains(err.Error(), "a key of key group 35 is in key group 36") {
		t.Error(err)
	}
}
