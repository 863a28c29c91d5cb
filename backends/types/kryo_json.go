package types

import (
	"math/big"
	"strconv"
)

// kryoJSON appends values that Kryo wrote. Objects that occur often in a value are written each time, so what a few bytes
// can ask for is bounded: the methods give false once it is too much.
type kryoJSON struct{ left int }

func (j *kryoJSON) append(dst []byte, v any) ([]byte, bool) {
	if j.left--; j.left < 0 {
		return dst, false
	}
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), true
	case bool:
		return strconv.AppendBool(dst, v), true
	case int8:
		return appendInt(dst, v), true
	case int16:
		return appendInt(dst, v), true
	case int32:
		return appendInt(dst, v), true
	case int64:
		return appendInt(dst, v), true
	case float32:
		return textFloat(dst, v), true
	case float64:
		return textDouble(dst, v), true
	case Char:
		return textChar(dst, v), true
	case string:
		j.left -= len(v) / 64
		return appendQuoted(dst, v), true
	case *big.Int:
		j.left -= v.BitLen() / 64
		return append(v.Append(append(dst, '"'), 10), '"'), true
	case Decimal:
		j.left -= v.Unscaled.BitLen() / 64
		return appendBigDecimalJSON(dst, v.Unscaled, v.Scale), true
	case Instant:
		return appendInstant(dst, v), true
	}
	return j.appendMany(dst, v)
}

// appendMany appends what holds other values.
func (j *kryoJSON) appendMany(dst []byte, v any) ([]byte, bool) {
	ok := true
	switch v := v.(type) {
	case []any:
		dst = append(dst, '[')
		for i, e := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, ok = j.append(dst, e); !ok {
				return dst, false
			}
		}
		return append(dst, ']'), true
	case Pairs:
		return j.appendPairs(dst, v)
	case Side:
		dst, ok = j.append(append(dst, `{"optional":`...), v.Value)
		return append(dst, '}'), ok
	case *Object:
		dst = append(appendQuoted(append(dst, `{"@class":`...), v.Class), `,"bits":`...)
		dst, ok = j.append(dst, v.Fields[0].Value)
		return append(dst, '}'), ok
	}
	return dst, false
}

func (j *kryoJSON) appendPairs(dst []byte, all Pairs) ([]byte, bool) {
	object := all.texts()
	dst = append(dst, "[{"[b2i(object)])
	ok := true
	for i, p := range all {
		if i > 0 {
			dst = append(dst, ',')
		}
		if !object {
			dst = append(dst, '[')
		}
		if dst, ok = j.append(dst, p.Key); !ok {
			return dst, false
		}
		if dst, ok = j.append(append(dst, ",:"[b2i(object)]), p.Value); !ok {
			return dst, false
		}
		if !object {
			dst = append(dst, ']')
		}
	}
	return append(dst, "]}"[b2i(object)]), true
}

// texts tells that all keys are strings.
func (all Pairs) texts() bool {
	for _, p := range all {
		if _, ok := p.Key.(string); !ok {
			return false
		}
	}
	return true
}
