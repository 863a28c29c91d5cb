package snapshot

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/types"
)

// timerPrefix begins the names of the states that hold timers (Flink: InternalTimeServiceManagerImpl).
const timerPrefix = "_timer_state/"

// The names by which people know timers, of any service.
const (
	EventTimers      = "_event_timer"
	ProcessingTimers = "_processing_timer"
)

// StateName is the name to show: that of the state, and of timers what kind they are, with the full
// name as their service.
func StateName(st *backends.State) (name, service string) {
	rest, ok := strings.CutPrefix(st.Name, timerPrefix)
	switch {
	case st.Kind != backends.Timer || !ok:
		return st.Name, ""
	case strings.HasPrefix(rest, "event_"):
		return EventTimers, st.Name
	case strings.HasPrefix(rest, "processing_"):
		return ProcessingTimers, st.Name
	}
	return st.Name, ""
}

// Printer makes JSON of entries, one object each, in the form of `ckpt state cat`. It is not safe for concurrent use.
type Printer struct {
	snapshot *Snapshot
	heads    map[*backends.State][]byte
	scratch  []byte
	access   []byte
}

// Printer is a new printer of entries of s.
func (s *Snapshot) Printer() *Printer {
	return &Printer{snapshot: s, heads: map[*backends.State][]byte{}}
}

// head is what all objects of a state begin with.
func (p *Printer) head(st *backends.State) []byte {
	if h, ok := p.heads[st]; ok {
		return h
	}
	name, _ := StateName(st)
	h := append([]byte(`{"op":`), types.AppendString(nil, p.snapshot.Name(st.Operator))...)
	h = types.AppendString(append(h, `,"state":`...), name)
	h = types.AppendString(append(h, `,"kind":`...), st.Kind.String())
	p.heads[st] = h
	return h
}

// Append appends the object of e. The error is of a value that does not decode; dst is as it was then.
func (p *Printer) Append(dst []byte, e *backends.Entry) ([]byte, error) {
	start := len(dst)
	dst = append(dst, p.head(e.State)...)
	if e.KeyGroup >= 0 {
		dst = strconv.AppendInt(append(dst, `,"kg":`...), int64(e.KeyGroup), 10)
	}
	dst, err := p.AppendIdentity(dst, e)
	if err == nil {
		dst, err = p.AppendContent(dst, e)
	}
	if err != nil {
		return dst[:start], err
	}
	return append(dst, '}'), nil
}

// AppendIdentity appends the fields of Append that tell the entries of one state apart, each behind a comma. Elements
// of operator and channel state have none.
func (p *Printer) AppendIdentity(dst []byte, e *backends.Entry) ([]byte, error) {
	dst, err := p.key(dst, e)
	if err != nil {
		return dst, undecoded(e, "key", err)
	}
	if dst, err = p.namespace(dst, e); err != nil {
		return dst, undecoded(e, "namespace", err)
	}
	if dst, err = p.mapKey(dst, e); err != nil {
		return dst, undecoded(e, "key within the map", err)
	}
	if e.State.Kind == backends.Timer {
		dst = strconv.AppendInt(append(dst, `,"ts":`...), e.Time, 10)
		if _, service := StateName(e.State); service != "" {
			dst = types.AppendString(append(dst, `,"service":`...), service)
		}
	}
	return dst, nil
}

// AppendContent appends the other fields, each behind a comma.
func (p *Printer) AppendContent(dst []byte, e *backends.Entry) ([]byte, error) {
	dst, err := p.value(dst, e)
	if err != nil {
		return dst, undecoded(e, "value", err)
	}
	if e.Channel != nil {
		dst = appendChannel(dst, e)
	}
	return dst, nil
}

// undecoded says which part of e does not decode.
func undecoded(e *backends.Entry, part string, err error) error {
	return &backends.Error{State: e.State.Name, KeyGroup: e.KeyGroup, Message: "the " + part + ": " + err.Error(), Err: err}
}

func (p *Printer) key(dst []byte, e *backends.Entry) ([]byte, error) {
	if e.State.Key == nil || e.Key == nil {
		return dst, nil
	}
	return appendValue(append(dst, `,"key":`...), e.State.Key, e.Key)
}

// namespace shows a namespace as a string, and none where there is but one (Flink: VoidNamespace).
func (p *Printer) namespace(dst []byte, e *backends.Entry) ([]byte, error) {
	t := e.State.Namespace
	if t == nil || e.Namespace == nil || types.IsVoid(t) {
		return dst, nil
	}
	var err error
	if p.scratch, err = appendValue(p.scratch[:0], t, e.Namespace); err != nil {
		return dst, err
	}
	dst = append(dst, `,"namespace":`...)
	if bytes.HasPrefix(p.scratch, []byte(`"`)) {
		return append(dst, p.scratch...), nil
	}
	return types.AppendString(dst, string(p.scratch)), nil
}

func (p *Printer) mapKey(dst []byte, e *backends.Entry) ([]byte, error) {
	if e.State.MapKey == nil {
		return dst, nil
	}
	return appendValue(append(dst, `,"mapKey":`...), e.State.MapKey, e.MapKey)
}

func (p *Printer) value(dst []byte, e *backends.Entry) ([]byte, error) {
	switch {
	case e.State.Kind == backends.Timer:
		return dst, nil
	case e.State.Kind == backends.Channel || e.State.Value == nil:
		return appendHex(append(dst, `,"value":`...), e.Value), nil
	case e.Null:
		return append(dst, `,"value":null`...), nil
	case e.State.Kind == backends.List:
		return p.list(dst, e)
	}
	return p.single(append(dst, `,"value":`...), e.State.Value, e.Value)
}

// single appends a value, and the time of its last access where it has one.
func (p *Printer) single(dst []byte, t backends.Type, b []byte) ([]byte, error) {
	ttl, ok := t.(*types.TTL)
	if !ok {
		return appendValue(dst, t, b)
	}
	access, rest, err := types.SplitTTL(b)
	if err != nil {
		return dst, err
	}
	if dst, err = appendValue(dst, ttl.Inner, rest); err != nil {
		return dst, err
	}
	return strconv.AppendInt(append(dst, `,"lastAccess":`...), access, 10), nil
}

// list appends the elements of a list, and the times of their last accesses.
func (p *Printer) list(dst []byte, e *backends.Entry) ([]byte, error) {
	ttl, hasTTL := e.State.Value.(*types.TTL)
	start := len(dst)
	dst = append(dst, `,"value":[`...)
	p.access = p.access[:0]
	first := true
	for b, err := range Elements(e) {
		var opaque *backends.OpaqueError
		if errors.As(err, &opaque) {
			return types.AppendOpaque(append(dst[:start], `,"value":`...), opaque.Class, e.Value), nil
		}
		if err != nil {
			return dst, err
		}
		if !first {
			dst, p.access = append(dst, ','), append(p.access, ',')
		}
		first = false
		t := e.State.Value
		if hasTTL {
			access, rest, err := types.SplitTTL(b)
			if err != nil {
				return dst, err
			}
			p.access = strconv.AppendInt(p.access, access, 10)
			t, b = ttl.Inner, rest
		}
		if dst, err = appendValue(dst, t, b); err != nil {
			return dst, err
		}
	}
	dst = append(dst, ']')
	if hasTTL {
		dst = append(append(append(dst, `,"lastAccess":[`...), p.access...), ']')
	}
	return dst, nil
}

// appendValue appends the value that b is. What only the job can decode is shown as bytes.
func appendValue(dst []byte, t backends.Type, b []byte) ([]byte, error) {
	start := len(dst)
	dst, n, err := t.AppendJSON(dst, b)
	var opaque *backends.OpaqueError
	switch {
	case errors.As(err, &opaque):
		return types.AppendOpaque(dst[:start], opaque.Class, b), nil
	case err == nil && n != len(b):
		err = &backends.TypeError{Type: t.String(), Offset: n, Message: strconv.Itoa(len(b)-n) + " bytes are left over behind the value"}
	}
	return dst, err
}

func appendHex(dst, b []byte) []byte {
	dst = append(dst, `"hex:`...)
	return append(hex.AppendEncode(dst, b), '"')
}

// appendChannel says which channel a buffer is of.
func appendChannel(dst []byte, e *backends.Entry) []byte {
	c := e.Channel
	a, b := `,"gate":`, `,"channel":`
	if c.Direction == 1 {
		a, b = `,"partition":`, `,"subpartition":`
	}
	dst = strconv.AppendInt(append(dst, `,"subtask":`...), int64(c.Subtask), 10)
	dst = strconv.AppendInt(append(dst, a...), int64(c.Info.A), 10)
	return strconv.AppendInt(append(dst, b...), int64(c.Info.B), 10)
}
