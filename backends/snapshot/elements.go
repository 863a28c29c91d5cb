package snapshot

import (
	"encoding/binary"
	"iter"

	"github.com/ckpt-tool/ckpt/backends"
)

// Elements yields the bytes of the elements of a List entry, cut out but not decoded. An element whose length
// is not known ends it with an error, but for the only one there is.
func Elements(e *backends.Entry) iter.Seq2[[]byte, error] {
	if e.Joined {
		return joined(e.State.Value, e.Value)
	}
	return counted(e.State.Value, e.Value)
}

func joined(t backends.Type, b []byte) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for at := 0; at < len(b); at++ {
			n, err := t.Size(b[at:])
			if err == nil && at+n < len(b) && b[at+n] != backends.ListDelimiter {
				err = &backends.TypeError{Type: t.String(), Offset: at + n, Message: "no delimiter behind the element of a list"}
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if at+n+1 == len(b) && n > 0 {
				yield(nil, &backends.TypeError{Type: t.String(), Offset: at + n, Message: "nothing behind the last delimiter of a list"})
				return
			}
			if !yield(b[at:at+n:at+n], nil) {
				return
			}
			at += n
		}
	}
}

func counted(t backends.Type, b []byte) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		if len(b) < 4 {
			yield(nil, backends.ErrShort)
			return
		}
		at := 4
		for range int32(binary.BigEndian.Uint32(b)) {
			n, err := t.Size(b[at:])
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(b[at:at+n:at+n], nil) {
				return
			}
			at += n
		}
		if at != len(b) {
			yield(nil, &backends.TypeError{Type: t.String(), Offset: at, Message: "bytes are left over behind a list"})
		}
	}
}
