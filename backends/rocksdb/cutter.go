package rocksdb

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
)

// cutter cuts the keys and values of one state into their parts.
type cutter struct {
	state   *backends.State
	prefix  int
	key     int // widths; -1 where they vary
	ns      int
	lengths bool // whether the lengths of key and namespace are behind them
	suffix  int  // how long all is that follows the key; -1 where that varies
}

func newCutter(st *backends.State, prefix int) cutter {
	c := cutter{state: st, prefix: prefix, suffix: -1}
	if st.Key == nil || st.Namespace == nil {
		return c
	}
	c.key, c.ns = st.Key.Width(), st.Namespace.Width()
	c.lengths = c.key < 0 && c.ns < 0 && st.Kind != backends.Timer
	if c.ns >= 0 {
		c.suffix = c.ns
	}
	if st.Kind == backends.Map && c.suffix >= 0 {
		c.suffix = -1
		if w := st.MapKey.Width(); w >= 0 {
			c.suffix = c.ns + w
		}
	}
	return c
}

var (
	errNoNull   = errors.New("a value of a map has no flag of whether it is null")
	errShortKey = errors.New("the key of a record ends too early")
)

// cut sets what of e is in the key and the value of a record.
func (c *cutter) cut(e *backends.Entry, key, value []byte) error {
	rest := key[c.prefix:]
	if c.state.Kind == backends.Timer {
		return c.timer(e, rest)
	}
	rest, err := c.keyAndNamespace(e, rest)
	if err != nil {
		return err
	}
	e.Value = value
	switch c.state.Kind {
	case backends.Map:
		e.MapKey = rest
		return mapValue(e, value)
	case backends.List:
		e.Joined = true
	}
	if len(rest) > 0 {
		return fmt.Errorf("%d bytes follow the namespace in the key of a record", len(rest))
	}
	return nil
}

// mapValue reads the flag before a value. What follows the flag of a null does not count: some versions
// of Flink have the serializer write it all the same.
func mapValue(e *backends.Entry, value []byte) error {
	if len(value) == 0 || value[0] > 1 {
		return errNoNull
	}
	e.Null = value[0] == 1
	e.Value = value[1:]
	if e.Null {
		e.Value = nil
	}
	return nil
}

func (c *cutter) timer(e *backends.Entry, b []byte) error {
	if c.state.Key == nil || c.state.Namespace == nil { // not Flink's timers
		e.Value = b
		return nil
	}
	if len(b) < 8 {
		return errShortKey
	}
	e.Time = int64(binary.BigEndian.Uint64(b) ^ 1<<63)
	rest, err := c.keyAndNamespace(e, b[8:])
	if err == nil && len(rest) > 0 {
		return fmt.Errorf("%d bytes follow the namespace of a timer", len(rest))
	}
	return err
}

// keyAndNamespace cuts both off b.
func (c *cutter) keyAndNamespace(e *backends.Entry, b []byte) (rest []byte, err error) {
	n := c.key
	if n < 0 {
		if n, err = c.keySize(b); err != nil {
			return nil, err
		}
	}
	if n > len(b) {
		return nil, errShortKey
	}
	e.Key, b = b[:n:n], b[n:]
	if c.lengths {
		if b, err = skipLength(b, n); err != nil {
			return nil, err
		}
	}
	if n = c.ns; n < 0 {
		if n, err = c.state.Namespace.Size(b); err != nil {
			return nil, fmt.Errorf("the namespace of a record: %w", err)
		}
	}
	if n > len(b) {
		return nil, errShortKey
	}
	e.Namespace, b = b[:n:n], b[n:]
	if c.lengths {
		return skipLength(b, n)
	}
	return b, nil
}

// keySize is the length of the key at the beginning of b. That of a key of unknown layout is what the rest leaves.
func (c *cutter) keySize(b []byte) (int, error) {
	n, err := c.state.Key.Size(b)
	switch {
	case err == nil:
		return n, nil
	case unknown(err) && c.suffix >= 0 && c.suffix <= len(b):
		return len(b) - c.suffix, nil
	}
	return 0, fmt.Errorf("the key of a record: %w", err)
}

// skipLength passes the length n, base 256 with the lowest byte first.
func skipLength(b []byte, n int) ([]byte, error) {
	for {
		if len(b) == 0 || b[0] != byte(n) {
			return nil, fmt.Errorf("a length in the key of a record is not %d", n)
		}
		b = b[1:]
		if n >>= 8; n == 0 {
			return b, nil
		}
	}
}

// check tells whether the key belongs to its key group, and the parts are whole.
func (c *cutter) check(e *backends.Entry, maxParallelism int32) error {
	if c.state.Key == nil {
		return nil
	}
	if err := c.inGroup(e, maxParallelism); err != nil {
		return err
	}
	switch {
	case c.state.Kind == backends.Map:
		if err := whole(c.state.MapKey, e.MapKey, "key of a map"); err != nil || e.Null {
			return err
		}
	case c.state.Kind == backends.Timer || c.state.Kind == backends.UnknownKind:
		return nil
	case e.Joined:
		return elements(c.state.Value, e.Value)
	}
	return whole(c.state.Value, e.Value, "value")
}

func (c *cutter) inGroup(e *backends.Entry, maxParallelism int32) error {
	key, n, err := c.state.Key.Decode(e.Key)
	if unknown(err) {
		return nil
	}
	if err != nil || n != len(e.Key) {
		return fmt.Errorf("the key of a record is not as its serializer writes it: %w", errors.Join(err))
	}
	if code, ok := c.state.Key.Hash(key); ok {
		if kg := keygroups.Of(code, maxParallelism); kg != e.KeyGroup {
			return fmt.Errorf("a key lies in key group %d, and belongs to %d", e.KeyGroup, kg)
		}
	}
	return nil
}

// unknown tells whether the error is that nobody knows the layout.
func unknown(err error) bool {
	if err == nil {
		return false
	}
	var opaque *backends.OpaqueError
	return errors.As(err, &opaque)
}

// whole tells whether b is one value of the type, no more and no less.
func whole(t backends.Type, b []byte, what string) error {
	n, err := t.Size(b)
	switch {
	case unknown(err):
		return nil
	case err != nil:
		return fmt.Errorf("the %s of a record: %w", what, err)
	case n != len(b):
		return fmt.Errorf("%d bytes follow the %s of a record", len(b)-n, what)
	}
	return nil
}

// elements tells whether b is values of the type with a byte between.
func elements(t backends.Type, b []byte) error {
	for {
		n, err := t.Size(b)
		if unknown(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("an element of a list: %w", err)
		}
		if n == len(b) {
			return nil
		}
		if b[n] != ',' || n+1 == len(b) {
			return errors.New("the elements of a list are not apart by one byte each")
		}
		b = b[n+1:]
	}
}
