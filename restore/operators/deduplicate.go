package operators

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// DeduplicateOptions are of Deduplicate.
type DeduplicateOptions struct {
	Key []string
	// TTL is how long a key is remembered, in processing time: with the first since that came, with the last since the last that was
	// passed on. 0: for ever.
	TTL time.Duration
	// KeepLast is whether the last record of a key is kept, and not the first.
	KeepLast bool
}

// Deduplicate passes on some of the records of each key, as they are:
//
//	first   the first that comes; once its TTL is over, the next (Flink SQL: ORDER BY PROCTIME() ASC)
//	last    each whose event time is not below that of all before it, so that the last one passed on is the latest;
//	        older ones are dropped (Flink SQL: ORDER BY rowtime DESC, each record an update of the one before)
func Deduplicate(in *engine.Schema, o DeduplicateOptions) (*engine.Schema, func() engine.Operator, error) {
	if _, err := keyColumns(in, o.Key); err != nil {
		return nil, nil, err
	}
	typ := boolean
	if o.KeepLast {
		typ = long
	}
	d := &backends.Descriptor{Name: "seen", Kind: backends.Value, Value: typ}
	if err := setTTL(d, o.TTL); err != nil {
		return nil, nil, err
	}
	return in, func() engine.Operator { return &deduplicate{last: o.KeepLast, state: d} }, nil
}

var boolean, long = engine.Boolean.Type(), engine.Long.Type()

// setTTL gives a state a time to live, unless that is 0. It is counted in milliseconds.
func setTTL(d *backends.Descriptor, ttl time.Duration) error {
	switch {
	case ttl == 0:
	case ttl < time.Millisecond:
		return fmt.Errorf("a time to live of %s: want a millisecond or more", ttl)
	default:
		d.TTL = &backends.TTLConfig{TTL: ttl}
	}
	return nil
}

type deduplicate struct {
	last  bool
	state *backends.Descriptor
	keyed backends.Keyed
	seen  backends.ValueState // of first true, of last the event time of the record that was passed on
	keep  []bool
	value []byte
}

// Open implements engine.Operator.
func (d *deduplicate) Open(c *engine.Context) (err error) {
	d.keyed = c.Keyed
	d.seen, err = stateOf[backends.ValueState](c, d.state)
	return err
}

// stateOf asks for a state of the kind S.
func stateOf[S backends.KeyedState](c *engine.Context, d *backends.Descriptor) (s S, err error) {
	if c.Keyed == nil {
		return s, fmt.Errorf("state %s needs a key: the operator is not behind a hash exchange", d.Name)
	}
	state, err := c.Keyed.State(d)
	if err != nil {
		return s, err
	}
	s, ok := state.(S)
	if !ok {
		return s, fmt.Errorf("state %s is a %T", d.Name, state)
	}
	return s, nil
}

// Process implements engine.Operator.
func (d *deduplicate) Process(_ int, b *engine.Batch, out *engine.Output) error {
	d.keep = d.keep[:0]
	n := 0
	for i := range b.N {
		if err := d.keyed.SetCurrentKeyBytes(b.Key(i), b.KeyGroups[i]); err != nil {
			return err
		}
		keep, err := d.judge(b, i)
		if err != nil {
			return err
		}
		d.keep = append(d.keep, keep)
		n += b2i(keep)
	}
	if n == 0 {
		b.Release()
		return nil
	}
	if n < b.N {
		compact(b, d.keep, n)
	}
	return out.Emit(b)
}

// judge tells whether record i is passed on, and remembers it then.
func (d *deduplicate) judge(b *engine.Batch, i int) (bool, error) {
	before, err := d.seen.Bytes()
	if err != nil {
		return false, err
	}
	if !d.last {
		if before != nil {
			return false, nil
		}
		d.value = append(d.value[:0], 1)
		return true, d.seen.UpdateBytes(d.value)
	}
	ts := b.Time(i)
	switch {
	case ts == engine.NoTime:
		return false, errNoTime
	case before == nil:
	case len(before) != 8:
		return false, fmt.Errorf("%w: %d bytes are no time", backends.ErrShort, len(before))
	case ts < int64(binary.BigEndian.Uint64(before)):
		return false, nil
	}
	d.value = binary.BigEndian.AppendUint64(d.value[:0], uint64(ts))
	return true, d.seen.UpdateBytes(d.value)
}

// Close implements engine.Operator.
func (d *deduplicate) Close() error { return nil }
