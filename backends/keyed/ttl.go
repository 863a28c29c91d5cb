package keyed

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
)

// timeLen is how many bytes of time stand before a value with a time to live.
const timeLen = 8

// ttl is how long the values of a state live (Flink: AbstractTtlDecorator).
type ttl struct {
	millis                int64
	onRead, returnExpired bool
	now                   func() int64
}

func newTTL(c *backends.TTLConfig, now func() int64) *ttl {
	if now == nil {
		now = func() int64 { return time.Now().UnixMilli() }
	}
	return &ttl{c.TTL.Milliseconds(), c.OnRead, c.ReturnExpired, now}
}

func appendTime(dst []byte, ms int64) []byte { return binary.BigEndian.AppendUint64(dst, uint64(ms)) }

// split cuts b into when it was accessed, and the value.
func split(b []byte) (access int64, value []byte, err error) {
	if len(b) < timeLen {
		return 0, nil, backends.ErrShort
	}
	return int64(binary.BigEndian.Uint64(b)), b[timeLen:], nil
}

// expired tells whether what was accessed then has expired now (Flink: TtlUtils.expired).
func (t *ttl) expired(access, now int64) bool {
	life := t.millis
	if access > 0 {
		life = min(life, math.MaxInt64-access)
	}
	return access+life <= now
}

// verdict is what reading means for a value.
type verdict struct {
	value []byte
	// seen is whether the reader gets it. remove is that it has expired, renew that its life begins again.
	seen, remove, renew bool
}

// read judges a value with its time (Flink: getWrappedWithTtlCheckAndUpdate).
func (t *ttl) read(b []byte) (verdict, error) {
	access, value, err := split(b)
	if err != nil {
		return verdict{}, err
	}
	v := verdict{value: value, seen: true}
	if t.expired(access, t.now()) {
		v.remove, v.seen = true, t.returnExpired
	} else {
		v.renew = t.onRead
	}
	return v, nil
}

// live is the value unless it is to be taken for gone (Flink: AbstractTtlDecorator.getUnexpired).
func (t *ttl) live(b []byte) ([]byte, bool, error) {
	access, value, err := split(b)
	if err != nil {
		return nil, false, err
	}
	return value, t.returnExpired || !t.expired(access, t.now()), nil
}
