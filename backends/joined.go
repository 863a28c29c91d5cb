package backends

import (
	"fmt"
	"iter"
)

// ListDelimiter lies between the elements of a list that are joined (Flink: StringAppendTESTOperator). It is no escape: elements
// may hold it as well.
const ListDelimiter = ','

// JoinedElements yields the elements of a joined list, cut out but not decoded. There is at least one, perhaps without bytes. An
// error ends it: one of Type.Size, or a *TypeError where no delimiter stands behind an element.
func JoinedElements(t Type, b []byte) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for at := 0; ; at++ {
			n, err := t.Size(b[at:])
			switch {
			case err == nil && n > len(b)-at:
				err = ErrShort
			case err == nil && at+n < len(b) && b[at+n] != ListDelimiter:
				err = &TypeError{Type: t.String(), Offset: at + n, Message: "no delimiter behind the element of a list"}
			}
			if err != nil {
				yield(nil, fmt.Errorf("the list, from byte %d on: %w", at, err))
				return
			}
			if !yield(b[at:at+n:at+n], nil) || at+n == len(b) {
				return
			}
			at += n
		}
	}
}
