package types

import (
	"errors"
	"fmt"
	"math"
)

var errDeepAvro = errors.New("values lie too deep within each other")

func notAvro(s *avroSchema, v any) error { return fmt.Errorf("a %T is no %s", v, s.name) }

// appendAvro appends the bytes of v.
func appendAvro(dst []byte, s *avroSchema, v any, depth int) ([]byte, error) {
	if depth++; depth > maxAvroDepth {
		return dst, errDeepAvro
	}
	switch s.kind {
	case avroNull:
		if v != nil {
			return dst, notAvro(s, v)
		}
		return dst, nil
	case avroUnion:
		return appendBranch(dst, s, v, depth)
	case avroRecord:
		return appendRecord(dst, s, v, depth)
	case avroArray, avroMap:
		return appendBlock(dst, s, v, depth)
	case avroEnum:
		return appendSymbol(dst, s, v)
	}
	return appendPrimitive(dst, s, v)
}

func appendPrimitive(dst []byte, s *avroSchema, v any) ([]byte, error) {
	switch v := v.(type) {
	case bool:
		if s.kind == avroBoolean {
			return putBool(dst, v), nil
		}
	case int32:
		if s.kind == avroInt {
			return putInt(dst, v), nil
		}
	case int64:
		if s.kind == avroLong {
			return putLong(dst, v), nil
		}
	case float32:
		if s.kind == avroFloat {
			return putFloat(dst, v), nil
		}
	case float64:
		if s.kind == avroDouble {
			return putDouble(dst, v), nil
		}
	case string:
		if s.kind == avroString && len(v) <= math.MaxInt32 {
			return append(putInt(dst, int32(len(v))), v...), nil
		}
	case []byte:
		switch {
		case s.kind == avroBytes && len(v) <= math.MaxInt32:
			return append(putInt(dst, int32(len(v))), v...), nil
		case s.kind == avroFixed && len(v) == s.size:
			return append(dst, v...), nil
		}
	}
	return dst, notAvro(s, v)
}

func appendSymbol(dst []byte, s *avroSchema, v any) ([]byte, error) {
	for i, name := range s.symbols {
		if symbol, ok := v.(Symbol); ok && string(symbol) == name {
			return putInt(dst, int32(i)), nil
		}
	}
	return dst, notAvro(s, v)
}

// appendBranch appends a value of a union: of the branch that a Side names, else of the first that takes it.
func appendBranch(dst []byte, s *avroSchema, v any, depth int) ([]byte, error) {
	if side, ok := v.(Side); ok {
		i := s.branch(side.Name)
		if i < 0 {
			return dst, fmt.Errorf("the union has no branch %s", side.Name)
		}
		return appendAvro(putInt(dst, int32(i)), s.branches[i], side.Value, depth)
	}
	err := notAvro(s, v)
	for i, b := range s.branches {
		out, failed := appendAvro(putInt(dst, int32(i)), b, v, depth)
		if failed == nil {
			return out, nil
		}
		if b.kind != avroNull {
			err = failed
		}
	}
	return dst, err
}

func appendRecord(dst []byte, s *avroSchema, v any, depth int) ([]byte, error) {
	o, ok := v.(*Object)
	if !ok || o == nil || len(o.Fields) != len(s.fields) || o.Class != "" && o.Class != s.name {
		return dst, notAvro(s, v)
	}
	var err error
	for i, f := range s.fields {
		if o.Fields[i].Name != f.name {
			return dst, fmt.Errorf("a %s has the field %q, not %q", s.name, f.name, o.Fields[i].Name)
		}
		if dst, err = appendAvro(dst, f.schema, o.Fields[i].Value, depth); err != nil {
			return dst, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return dst, nil
}

// appendBlock appends an array or a map, as one block.
func appendBlock(dst []byte, s *avroSchema, v any, depth int) ([]byte, error) {
	list, isList := v.([]any)
	pairs, isPairs := v.(Pairs)
	if isList != (s.kind == avroArray) || isPairs != (s.kind == avroMap) {
		return dst, notAvro(s, v)
	}
	n := len(list) + len(pairs)
	if n > math.MaxInt32 {
		return dst, fmt.Errorf("%d items are too many", n)
	}
	if n == 0 {
		return append(dst, 0), nil
	}
	dst = appendVarint(dst, uint64(n))
	for i := range n {
		item := any(nil)
		if isList {
			item = list[i]
		} else {
			key, ok := pairs[i].Key.(string)
			if !ok || len(key) > math.MaxInt32 {
				return dst, notAvro(s, pairs[i].Key)
			}
			dst = append(putInt(dst, int32(len(key))), key...)
			item = pairs[i].Value
		}
		var err error
		if dst, err = appendAvro(dst, s.items, item, depth); err != nil {
			return dst, fmt.Errorf("item %d: %w", i, err)
		}
	}
	return append(dst, 0), nil
}

// appendVarint appends 7 bits a byte, the lowest first, and 0x80 in all but the last.
func appendVarint(dst []byte, v uint64) []byte {
	for v >= 0x80 {
		dst = append(dst, byte(v)|0x80)
		v >>= 7
	}
	return append(dst, byte(v))
}

// avroFromJSON reads what avroReader.append appends.
func avroFromJSON(s *avroSchema, json []byte, depth int) (any, error) {
	if depth++; depth > maxAvroDepth {
		return nil, errDeepAvro
	}
	switch s.kind {
	case avroNull:
		if !isNull(json) {
			return nil, wanted("null", json)
		}
		return nil, nil
	case avroBoolean:
		return parseAny(parseBool, json)
	case avroInt:
		return parseAny(integer[int32](32), json)
	case avroLong:
		return parseAny(integer[int64](64), json)
	case avroFloat:
		return parseAny(parseFloat32, json)
	case avroDouble:
		return parseAny(parseFloat64, json)
	case avroString:
		return parseAny(parseString, json)
	case avroBytes:
		return parseAny(parseHex, json)
	case avroFixed:
		b, err := parseHex(json)
		if err != nil || len(b) != s.size {
			return nil, wanted(fmt.Sprintf("%d bytes of %s", s.size, s.name), json)
		}
		return b, nil
	case avroEnum:
		return symbolFromJSON(s, json)
	case avroRecord:
		return objectFromJSON(s, json, depth)
	case avroUnion:
		return branchFromJSON(s, json, depth)
	}
	return itemsFromJSON(s, json, depth)
}

func symbolFromJSON(s *avroSchema, json []byte) (any, error) {
	text, err := parseString(json)
	if err != nil {
		return nil, err
	}
	for _, name := range s.symbols {
		if name == text {
			return Symbol(name), nil
		}
	}
	return nil, wanted("a symbol of "+s.name, json)
}

func objectFromJSON(s *avroSchema, json []byte, depth int) (any, error) {
	all, err := members(json)
	if err != nil {
		return nil, err
	}
	if len(all) != len(s.fields) {
		return nil, fmt.Errorf("a %s has %d fields, not %d", s.name, len(s.fields), len(all))
	}
	values := make(map[string][]byte, len(all))
	for _, m := range all {
		values[m.name] = m.value
	}
	o := &Object{Class: s.name, Fields: make([]Field, len(s.fields))}
	for i, f := range s.fields {
		v, ok := values[f.name]
		if !ok {
			return nil, fmt.Errorf("a %s needs %q", s.name, f.name)
		}
		o.Fields[i].Name = f.name
		if o.Fields[i].Value, err = avroFromJSON(f.schema, v, depth); err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	return o, nil
}

// branchFromJSON takes the first branch that can hold the value; a string only if no other can.
func branchFromJSON(s *avroSchema, json []byte, depth int) (any, error) {
	err := wanted("a value of a union", json)
	for _, last := range []bool{false, true} {
		for _, b := range s.branches {
			if (b.kind == avroString) != last {
				continue
			}
			v, failed := avroFromJSON(b, json, depth)
			switch {
			case failed == nil && (b.kind == avroNull || s.simple()):
				return v, nil
			case failed == nil:
				return Side{b.name, v}, nil
			case b.kind != avroNull:
				err = failed
			}
		}
	}
	return nil, err
}

func itemsFromJSON(s *avroSchema, json []byte, depth int) (any, error) {
	if s.kind == avroArray {
		items, err := elements(json)
		if err != nil {
			return nil, err
		}
		all := make([]any, len(items))
		for i, item := range items {
			if all[i], err = avroFromJSON(s.items, item, depth); err != nil {
				return nil, fmt.Errorf("item %d: %w", i, err)
			}
		}
		return all, nil
	}
	entries, err := entriesOf(json, true)
	if err != nil {
		return nil, err
	}
	all := make(Pairs, len(entries))
	for i, e := range entries {
		if all[i].Key, err = parseAny(parseString, e[0]); err != nil {
			return nil, err
		}
		if all[i].Value, err = avroFromJSON(s.items, e[1], depth); err != nil {
			return nil, err
		}
	}
	return all, nil
}
