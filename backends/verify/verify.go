// Package verify decodes entries, to see that all of them can be and that keys are in their key groups: what
// backends.Options.Verify asks of the rooms.
package verify

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
)

// Checker checks one entry after the other. It is not safe for concurrent use.
type Checker struct {
	maxParallelism int32
	json           []byte
}

// New is a checker of entries of o.
func New(o backends.Origin) *Checker { return &Checker{maxParallelism: o.MaxParallelism} }

// Entry tells what is wrong with an entry: a *backends.TypeError, or a *backends.Error without a path. What is of an unknown layout passes.
func (c *Checker) Entry(e *backends.Entry) error {
	st := e.State
	if err := c.keyGroup(e); err != nil {
		return err
	}
	for _, part := range [...]struct {
		t backends.Type
		b []byte
	}{{st.Key, e.Key}, {st.Namespace, e.Namespace}, {st.MapKey, e.MapKey}} {
		if err := c.whole(part.t, part.b); err != nil {
			return err
		}
	}
	switch {
	case e.Null:
		return nil
	case st.Kind == backends.List && e.Joined:
		return c.joined(st.Value, e.Value)
	case st.Kind == backends.List:
		return c.counted(st.Value, e.Value)
	}
	return c.whole(st.Value, e.Value)
}

// keyGroup tells whether the key belongs to another key group.
func (c *Checker) keyGroup(e *backends.Entry) error {
	if e.State.Key == nil || e.KeyGroup < 0 || c.maxParallelism <= 0 {
		return nil
	}
	key, _, err := e.State.Key.Decode(e.Key)
	if err != nil {
		return known(err)
	}
	code, ok := e.State.Key.Hash(key)
	if !ok {
		return nil
	}
	if g := keygroups.Of(code, c.maxParallelism); g != e.KeyGroup {
		return &backends.Error{KeyGroup: e.KeyGroup, Message: fmt.Sprintf("a key of key group %d is in key group %d", g, e.KeyGroup)}
	}
	return nil
}

// known is err, unless it says no more than that a layout is not known.
func known(err error) error {
	var opaque *backends.OpaqueError
	if errors.As(err, &opaque) {
		return nil
	}
	return err
}

// whole holds that b is one value of t, where t is not nil.
func (c *Checker) whole(t backends.Type, b []byte) error {
	if t == nil {
		return nil
	}
	n, opaque, err := c.one(t, b)
	if err == nil && !opaque && n != len(b) {
		err = &backends.TypeError{Type: t.String(), Offset: n, Message: fmt.Sprintf("the value ends %d bytes before its end", len(b)-n)}
	}
	return err
}

// one decodes the value at the beginning of b.
func (c *Checker) one(t backends.Type, b []byte) (n int, opaque bool, err error) {
	c.json, n, err = t.AppendJSON(c.json[:0], b)
	return n, err != nil && known(err) == nil, known(err)
}

// joined decodes elements with a delimiter between.
func (c *Checker) joined(t backends.Type, b []byte) error {
	for at := 0; at < len(b); at++ {
		n, opaque, err := c.one(t, b[at:])
		if err != nil || opaque {
			return err
		}
		if at += n; at < len(b) && (b[at] != ',' || at == len(b)-1) {
			return &backends.TypeError{Type: t.String(), Offset: at, Message: "no element follows with a delimiter in a list"}
		}
	}
	return nil
}

// counted decodes elements behind their number.
func (c *Checker) counted(t backends.Type, b []byte) error {
	if len(b) < 4 {
		return backends.ErrShort
	}
	at := 4
	for range int32(binary.BigEndian.Uint32(b)) {
		n, opaque, err := c.one(t, b[at:])
		if err != nil || opaque {
			return err
		}
		at += n
	}
	if at != len(b) {
		return &backends.TypeError{Type: t.String(), Offset: at, Message: "the list goes on behind its last element"}
	}
	return nil
}
