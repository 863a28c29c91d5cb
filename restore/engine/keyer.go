package engine

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/backends/types"
)

// KeyType is the type of keys made of columns of these kinds: that of the one column, or a Tuple. Bytes cannot be a key, as a
// Java array has no hash code of its contents.
func KeyType(kinds []Kind) (backends.Type, error) {
	if len(kinds) == 0 || len(kinds) > maxTuple {
		return nil, fmt.Errorf("a key of %d columns: want 1 to %d", len(kinds), maxTuple)
	}
	names := make([]string, len(kinds))
	for i, k := range kinds {
		if k == Bytes {
			return nil, fmt.Errorf("a column of type %s cannot be a key: arrays have no hash code of their contents", Bytes)
		}
		names[i] = typeNames[k]
	}
	if len(names) == 1 {
		return types.ParseSpec(names[0])
	}
	return types.ParseSpec("Tuple<" + strings.Join(names, ", ") + ">")
}

// maxTuple is how many fields Flink's tuples have at most (Tuple25).
const maxTuple = 25

var typeNames = [...]string{Boolean: "Boolean", Long: "Long", Double: "Double", String: "String", Bytes: "Bytes", Timestamp: "Long"}

// Type is the type of a column's values in state.
func (k Kind) Type() backends.Type {
	t, err := types.ParseSpec(typeNames[k])
	if err != nil {
		panic(err) // a table in this file is wrong
	}
	return t
}

// keyer computes the keys of records: their bytes, as the type of the key encodes them, and their key groups.
type keyer struct {
	schema         *Schema
	columns        []int
	maxParallelism int32

	codes  []int32 // scratch: Java's hash codes
	keys   []byte
	ends   []int32
	groups []int32
}

func newKeyer(s *Schema, columns []string, maxParallelism int32) *keyer {
	k := &keyer{schema: s, maxParallelism: maxParallelism}
	for _, name := range columns {
		k.columns = append(k.columns, s.Index(name))
	}
	return k
}

// compute sets keys, ends and groups, by record. They are good until the next call.
func (k *keyer) compute(b *Batch) error {
	k.codes, k.ends, k.groups, k.keys = fit(k.codes, b.N), fit(k.ends, b.N), fit(k.groups, b.N), k.keys[:0]
	if err := k.refuseNulls(b); err != nil {
		return err
	}
	var err error
	if len(k.columns) == 1 {
		err = k.single(b, k.columns[0])
	} else {
		err = k.tuple(b)
	}
	for i, code := range k.codes {
		k.groups[i] = keygroups.Of(code, k.maxParallelism)
	}
	return err
}

// fit gives s a length of n, with contents that do not matter.
func fit[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

func (k *keyer) refuseNulls(b *Batch) error {
	for _, c := range k.columns {
		nulls := b.Vectors[c].Nulls
		for i := range nulls {
			if nulls[i] {
				return fmt.Errorf("column %s of a record is null, and a key must not be", b.Schema.Columns[c].Name)
			}
		}
	}
	return nil
}

// single is compute for a key of one column.
func (k *keyer) single(b *Batch, column int) error {
	v, dst := &b.Vectors[column], k.keys
	var err error
	switch k.schema.Columns[column].Kind {
	case Boolean:
		for i, x := range v.Bools {
			dst, k.codes[i] = appendBool(dst, x)
			k.ends[i] = int32(len(dst))
		}
	case Long, Timestamp:
		for i, x := range v.Longs {
			dst, k.codes[i] = binary.BigEndian.AppendUint64(dst, uint64(x)), hashLong(x)
			k.ends[i] = int32(len(dst))
		}
	case Double:
		for i, x := range v.Doubles {
			bits := doubleBits(x)
			dst, k.codes[i] = binary.BigEndian.AppendUint64(dst, uint64(bits)), hashLong(bits)
			k.ends[i] = int32(len(dst))
		}
	default:
		for i, x := range v.Strings {
			if dst, k.codes[i], err = appendText(dst, x); err != nil {
				return err
			}
			k.ends[i] = int32(len(dst))
		}
	}
	k.keys = dst
	return k.bounded()
}

// tuple is compute for a key of several columns (Flink: TupleN.hashCode).
func (k *keyer) tuple(b *Batch) error {
	var err error
	for i := range b.N {
		sum := int32(0)
		for _, c := range k.columns {
			var code int32
			if code, err = k.field(&b.Vectors[c], k.schema.Columns[c].Kind, i); err != nil {
				return err
			}
			sum = 31*sum + code
		}
		k.codes[i], k.ends[i] = sum, int32(len(k.keys))
	}
	return k.bounded()
}

func (k *keyer) field(v *Vector, kind Kind, i int) (code int32, err error) {
	switch kind {
	case Boolean:
		k.keys, code = appendBool(k.keys, v.Bools[i])
	case Long, Timestamp:
		k.keys, code = binary.BigEndian.AppendUint64(k.keys, uint64(v.Longs[i])), hashLong(v.Longs[i])
	case Double:
		bits := doubleBits(v.Doubles[i])
		k.keys, code = binary.BigEndian.AppendUint64(k.keys, uint64(bits)), hashLong(bits)
	default:
		k.keys, code, err = appendText(k.keys, v.Strings[i])
	}
	return code, err
}

// bounded refuses a batch whose keys are more than ends can count.
func (k *keyer) bounded() error {
	if len(k.keys) > math.MaxInt32-2*manyKeys {
		return fmt.Errorf("the keys of one batch: %w", backends.ErrTooLarge)
	}
	return nil
}

func appendBool(dst []byte, v bool) ([]byte, int32) {
	if v {
		return append(dst, 1), 1231
	}
	return append(dst, 0), 1237
}

func hashLong(v int64) int32 { return int32(v ^ int64(uint64(v)>>32)) }

// doubleBits are those that Java gives a double; there all NaN are one.
func doubleBits(v float64) int64 {
	if v != v {
		return 0x7ff8000000000000
	}
	return int64(math.Float64bits(v))
}

// appendText appends a String as Flink's StringValue writes it, and gives its hash code.
func appendText(dst []byte, s string) ([]byte, int32, error) {
	if !ascii(s) {
		return appendUnits(dst, s)
	}
	dst = binary.AppendUvarint(dst, uint64(len(s)+1))
	h := int32(0)
	i := 0
	for ; i+4 <= len(s); i += 4 { // the same as one after the other, with less to wait for
		h = h*(31*31*31*31) + int32(s[i])*(31*31*31) + int32(s[i+1])*(31*31) + int32(s[i+2])*31 + int32(s[i+3])
	}
	for ; i < len(s); i++ {
		h = 31*h + int32(s[i])
	}
	return append(dst, s...), h, nil
}

func ascii(s string) bool {
	var all byte
	for i := range len(s) {
		all |= s[i]
	}
	return all < utf8.RuneSelf
}

var stringKey = String.Type()

// appendUnits is appendText of text that is not all ASCII: its units of UTF-16, in 7 bits a byte.
func appendUnits(dst []byte, s string) ([]byte, int32, error) {
	if !utf8.ValidString(s) {
		return appendOdd(dst, s)
	}
	units := utf8.RuneCountInString(s)
	for _, r := range s {
		if r > 0xFFFF {
			units++
		}
	}
	dst = binary.AppendUvarint(dst, uint64(units+1))
	h := int32(0)
	for _, r := range s {
		if r > 0xFFFF {
			high := 0xD800 + (r-0x10000)>>10
			dst, h = binary.AppendUvarint(dst, uint64(high)), 31*h+high
			r = 0xDC00 + (r-0x10000)&0x3FF
		}
		dst, h = binary.AppendUvarint(dst, uint64(r)), 31*h+r
	}
	return dst, h, nil
}

// appendOdd is appendText of text with halves of surrogate pairs, which Java has and UTF-8 has not.
func appendOdd(dst []byte, s string) ([]byte, int32, error) {
	out, err := stringKey.Encode(dst, s)
	if err != nil {
		return dst, 0, fmt.Errorf("a key: %w", err)
	}
	code, _ := stringKey.Hash(s)
	return out, code, nil
}
