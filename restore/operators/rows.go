package operators

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// rowSpec is the type of records in state: a Row of their columns, then of others; each may be null.
func rowSpec(s *engine.Schema, others ...string) string {
	specs := make([]string, 0, len(s.Columns)+len(others))
	for _, c := range s.Columns {
		if c.Kind == engine.Bytes {
			specs = append(specs, bytesSpec)
		} else {
			specs = append(specs, specOf(c.Kind))
		}
	}
	return "Row<" + strings.Join(append(specs, others...), ", ") + ">"
}

// bytesSpec is what a column of BYTES is in state.
const bytesSpec = "Bytes"

// rowKindBits stand before the bits of nulls in the mask of a Row; zeros are the kind of plain records (Flink: RowKind.INSERT).
const rowKindBits = 2

// appendRow encodes record i as its rowSpec says, without others.
func appendRow(dst []byte, b *engine.Batch, i int) ([]byte, error) {
	from := len(dst)
	for range (len(b.Vectors) + rowKindBits + 7) / 8 {
		dst = append(dst, 0)
	}
	for c := range b.Vectors {
		v := &b.Vectors[c]
		if v.Null(i) {
			bit := c + rowKindBits
			dst[from+bit/8] |= 0x80 >> (bit % 8)
			continue
		}
		var err error
		if dst, err = appendEncoded(dst, b.Schema.Columns[c].Kind, v, i); err != nil {
			return nil, fmt.Errorf("column %s: %w", b.Schema.Columns[c].Name, err)
		}
	}
	return dst, nil
}

// appendEncoded encodes a value that is not null.
func appendEncoded(dst []byte, k engine.Kind, v *engine.Vector, i int) ([]byte, error) {
	switch k {
	case engine.Boolean:
		return append(dst, byte(b2i(v.Bools[i]))), nil
	case engine.Double:
		return binary.BigEndian.AppendUint64(dst, math.Float64bits(v.Doubles[i])), nil
	case engine.String:
		return encodeText(dst, v.Strings[i])
	case engine.Bytes:
		text := v.Strings[i]
		if len(text) > math.MaxInt32 {
			return nil, backends.ErrTooLarge
		}
		return append(binary.BigEndian.AppendUint32(dst, uint32(len(text))), text...), nil
	}
	return binary.BigEndian.AppendUint64(dst, uint64(v.Longs[i])), nil
}

// encodeText encodes a String. That of ASCII alone needs no detour.
func encodeText(dst []byte, s string) ([]byte, error) {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return stringType.Encode(dst, s)
		}
	}
	return append(binary.AppendUvarint(dst, uint64(len(s))+1), s...), nil
}

// appendField appends a value, as Type.Decode gives it, to a column.
func appendField(v *engine.Vector, k engine.Kind, field any) error {
	ok := true
	switch x := field.(type) {
	case nil:
		v.AppendNull(k)
	case bool:
		if ok = k == engine.Boolean; ok {
			v.AppendBoolean(x)
		}
	case int64:
		if ok = k == engine.Long || k == engine.Timestamp; ok {
			v.AppendLong(x)
		}
	case float64:
		if ok = k == engine.Double; ok {
			v.AppendDouble(x)
		}
	case string:
		if ok = k == engine.String; ok {
			v.AppendString(x)
		}
	case []byte:
		if ok = k == engine.Bytes; ok {
			v.AppendString(string(x))
		}
	default:
		ok = false
	}
	if !ok {
		return fmt.Errorf("a %T in state is no %s", field, k)
	}
	return nil
}

// recordOf is a Row in state with n fields.
func recordOf(v any, n int) (*types.Record, error) {
	r, ok := v.(*types.Record)
	if !ok || r == nil || len(r.Fields) != n {
		return nil, fmt.Errorf("a %T in state is no record of %d fields", v, n)
	}
	return r, nil
}

// prefixed is the columns of a schema, named with a prefix.
func prefixed(columns []engine.Column, prefix string) []engine.Column {
	all := make([]engine.Column, len(columns))
	for i, c := range columns {
		all[i] = engine.Column{Name: prefix + c.Name, Kind: c.Kind}
	}
	return all
}

// sameKinds checks that two keys can be equal.
func sameKinds(left *engine.Schema, l []int, right *engine.Schema, r []int) error {
	if len(l) != len(r) {
		return fmt.Errorf("keys of %d and of %d columns", len(l), len(r))
	}
	for i := range l {
		a, b := left.Columns[l[i]], right.Columns[r[i]]
		if a.Kind != b.Kind {
			return fmt.Errorf("the column %s is %s, and %s, which it is to equal, %s", a.Name, a.Kind, b.Name, b.Kind)
		}
	}
	return nil
}
