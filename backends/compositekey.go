package backends

import (
	"encoding/binary"
	"errors"
)

// KeyForm is how the keys of one state lie in RocksDB and in canonical savepoints:
//
//	key group  as many bytes as keygroups.PrefixLen says
//	key        as its serializer wrote it
//	length     of the key in bytes, only if both key and namespace vary in length
//	namespace
//	length     of the namespace in bytes, only if both vary
//	key within the map, of Map state
//
// A length is its bytes, the lowest first, without zeros at its end; 0 is one zero. It lies behind what it
// is the length of, so the types tell where that ends.
//
// Sources: Flink's SerializedCompositeKeyBuilder, CompositeKeySerializationUtils.
type KeyForm struct {
	key, namespace           Type
	keyWidth, namespaceWidth int // -1: it varies
	prefix                   int
	ambiguous, mapKey        bool
}

// KeyParts are the parts of such a key, cut out of it.
type KeyParts struct {
	Key, Namespace, MapKey []byte // MapKey is nil but for Map state
}

// ErrKey tells that bytes are no such key: they go on behind it, or a length in it is not that of what
// precedes it. ErrShort tells that they end within it.
var ErrKey = errors.New("the key does not have the parts it should have")

// NewKeyForm is the form of keys of a type whose key group takes prefix bytes, in a namespace of another
// type; mapKey tells whether a key within a map follows.
func NewKeyForm(prefix int, key, namespace Type, mapKey bool) KeyForm {
	f := KeyForm{key: key, namespace: namespace, keyWidth: key.Width(), namespaceWidth: namespace.Width(), prefix: prefix, mapKey: mapKey}
	f.ambiguous = f.keyWidth < 0 && f.namespaceWidth < 0
	return f
}

// NewTimerForm is the form of timers, whose key group takes prefix bytes: the time (TimerTime) follows it, then key and
// namespace, never with lengths.
func NewTimerForm(prefix int, key, namespace Type) KeyForm {
	f := NewKeyForm(prefix+timeLen, key, namespace, false)
	f.ambiguous = false
	return f
}

const timeLen = 8

// TimerTime is when the timer b fires, in milliseconds since 1970; b begins behind its key group and
// has at least 8 bytes. The time lies there with its sign bit flipped, so that timers sort by it (Flink: TimerSerializer).
func TimerTime(b []byte) int64 { return int64(binary.BigEndian.Uint64(b) ^ 1<<63) }

// AppendTimerTime appends what TimerTime reads.
func AppendTimerTime(dst []byte, ms int64) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(ms)^1<<63)
}

// SplitKey is Split of such a form.
func SplitKey(key []byte, prefix int, k, namespace Type, mapKey bool) (KeyParts, error) {
	f := NewKeyForm(prefix, k, namespace, mapKey)
	return f.Split(key)
}

// Split cuts a key into its parts. The errors are ErrKey, ErrShort, and those of Type. A key of an unknown type is
// cut out all the same where nothing else varies in length.
func (f *KeyForm) Split(b []byte) (KeyParts, error) {
	var p KeyParts
	if len(b) < f.prefix {
		return p, ErrShort
	}
	b = b[f.prefix:]
	n, err := f.keyLen(b)
	if err != nil {
		return p, err
	}
	p.Key, b = b[:n:n], b[n:]
	if b, err = f.skipLen(b, n); err != nil {
		return p, err
	}
	if n = f.namespaceWidth; n < 0 {
		if n, err = f.namespace.Size(b); err != nil {
			return p, err
		}
	}
	if n > len(b) {
		return p, ErrShort
	}
	p.Namespace, b = b[:n:n], b[n:]
	if b, err = f.skipLen(b, n); err != nil {
		return p, err
	}
	switch {
	case f.mapKey:
		p.MapKey = b
	case len(b) > 0:
		return p, ErrKey
	}
	return p, nil
}

// keyLen is the length of the key at the beginning of b.
func (f *KeyForm) keyLen(b []byte) (int, error) {
	n := f.keyWidth
	if n < 0 {
		var err error
		if n, err = f.key.Size(b); err != nil {
			return f.keyLenBack(b, err)
		}
	}
	if n > len(b) {
		return 0, ErrShort
	}
	return n, nil
}

// keyLenBack is keyLen where the type of the key did not tell: what the namespace leaves.
func (f *KeyForm) keyLenBack(b []byte, err error) (int, error) {
	var opaque *OpaqueError
	if !errors.As(err, &opaque) || f.mapKey || f.namespaceWidth < 0 {
		return 0, err
	}
	if n := len(b) - f.namespaceWidth; n >= 0 {
		return n, nil
	}
	return 0, ErrShort
}

// skipLen passes over the length n, where there is one.
func (f *KeyForm) skipLen(b []byte, n int) ([]byte, error) {
	if !f.ambiguous {
		return b, nil
	}
	for {
		if len(b) == 0 {
			return nil, ErrShort
		}
		if b[0] != byte(n) {
			return nil, ErrKey
		}
		b, n = b[1:], n>>8
		if n == 0 {
			return b, nil
		}
	}
}

// Append appends the parts to dst, whose end is the key group (keygroups.AppendPrefix). Split gives
// them back.
func (f *KeyForm) Append(dst []byte, p KeyParts) []byte {
	dst = f.appendLen(append(dst, p.Key...), len(p.Key))
	dst = f.appendLen(append(dst, p.Namespace...), len(p.Namespace))
	return append(dst, p.MapKey...)
}

func (f *KeyForm) appendLen(dst []byte, n int) []byte {
	if !f.ambiguous {
		return dst
	}
	for dst = append(dst, byte(n)); n > 0xff; dst = append(dst, byte(n)) {
		n >>= 8
	}
	return dst
}
