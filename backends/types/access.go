package types

import (
	"encoding/binary"

	"github.com/ckpt-tool/ckpt/backends"
)

// AppendString appends text as a string of JSON, as the types do.
func AppendString(dst []byte, text string) []byte { return appendQuoted(dst, text) }

// IsVoid tells whether all values of t are the same: a namespace of it says nothing.
func IsVoid(t backends.Type) bool {
	switch t.(type) {
	case *void, *voidNamespace:
		return true
	}
	return false
}

// SplitTTL cuts the bytes of a TTL into the time of the last access, in milliseconds since 1970, and the bytes of the value.
func SplitTTL(b []byte) (access int64, value []byte, err error) {
	if len(b) < 8 {
		return 0, nil, backends.ErrShort
	}
	return int64(binary.BigEndian.Uint64(b)), b[8:], nil
}
