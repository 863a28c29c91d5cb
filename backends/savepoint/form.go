package savepoint

import (
	"bytes"
	"fmt"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/schema"
)

// form is how the keys and values of one state are.
type form struct {
	state *backends.State
	lies  lies
	key   backends.KeyForm // of pairs and timers
}

// lies is what the entries of a state are.
type lies uint8

const (
	pairs    lies = iota // key and value
	timers               // timers in the key, no value
	elements             // of a queue that does not hold Flink's timers: in the key, no value
)

func newForm(st *backends.State, m *schema.Meta, prefix int) form {
	switch {
	case m.Type == schema.PriorityQueue && st.Key == nil:
		return form{state: st, lies: elements}
	case m.Type == schema.PriorityQueue:
		return form{state: st, lies: timers, key: backends.NewTimerForm(prefix, st.Key, st.Namespace)}
	}
	return form{state: st, key: backends.NewKeyForm(prefix, st.Key, st.Namespace, st.Kind == backends.Map)}
}

const timeLen = 8

// begins tells whether a key, without its key group, can be of the one wanted.
func (f *form) begins(key, wanted []byte) bool {
	if f.lies == timers {
		key = key[min(timeLen, len(key)):]
	}
	return bytes.HasPrefix(key, wanted)
}

// cut gives the parts of key and value.
func (f *form) cut(e *backends.Entry, key, value []byte, prefix int) error {
	if f.lies != pairs && len(value) > 0 {
		return &backends.TypeError{Type: "timer", Message: fmt.Sprintf("a value of %d bytes behind a timer", len(value))}
	}
	if f.lies == elements {
		e.Value = key[prefix:]
		return nil
	}
	p, err := f.key.Split(key)
	if err != nil {
		return err
	}
	if f.lies == timers {
		e.Key, e.Namespace, e.Time = p.Key, p.Namespace, backends.TimerTime(key[prefix:])
		return nil
	}
	e.Key, e.Namespace, e.MapKey, e.Value = p.Key, p.Namespace, p.MapKey, value
	if f.state.Kind == backends.Map {
		return cutNull(e)
	}
	return nil
}

// cutNull takes the flag off the value of a map.
func cutNull(e *backends.Entry) error {
	if len(e.Value) == 0 || e.Value[0] > 1 {
		return &backends.TypeError{Type: "Boolean", Message: "the value in a map does not begin with whether it is null"}
	}
	e.Null = e.Value[0] == 1
	e.Value = e.Value[1:]
	if e.Null {
		e.Value = nil
	}
	return nil
}
