package types

import (
	"encoding/binary"
	"math"
	"strconv"
)

// append appends a value as JSON.
func (r *avroReader) append(dst []byte, s *avroSchema) ([]byte, error) {
	if err := r.enter(); err != nil {
		return dst, err
	}
	defer r.leave()
	switch s.kind {
	case avroNull:
		return append(dst, "null"...), nil
	case avroRecord:
		return r.appendRecord(dst, s)
	case avroArray, avroMap:
		return r.appendBlocks(dst, s)
	case avroUnion:
		i, err := r.index(len(s.branches))
		if err != nil {
			return dst, err
		}
		return r.append(dst, s.branches[i])
	case avroEnum:
		i, err := r.index(len(s.symbols))
		if err != nil {
			return dst, err
		}
		return appendQuoted(dst, s.symbols[i]), nil
	case avroString:
		b, err := r.text()
		return appendQuoted(dst, b), err
	case avroBytes:
		b, err := r.text()
		return appendHex(dst, b), err
	}
	b, err := r.take(s.width())
	if err != nil {
		return dst, err
	}
	return r.appendNumber(dst, s, b)
}

func (r *avroReader) appendNumber(dst []byte, s *avroSchema, b []byte) ([]byte, error) {
	switch s.kind {
	case avroBoolean:
		if b[0] > 1 {
			return dst, r.t.bad(r.at-1, "a boolean is %d", b[0])
		}
		return strconv.AppendBool(dst, b[0] == 1), nil
	case avroInt:
		return strconv.AppendInt(dst, int64(int32(binary.BigEndian.Uint32(b))), 10), nil
	case avroLong:
		return strconv.AppendInt(dst, int64(binary.BigEndian.Uint64(b)), 10), nil
	case avroFloat:
		return appendFloat(dst, float64(math.Float32frombits(binary.BigEndian.Uint32(b))), 32), nil
	case avroDouble:
		return appendFloat(dst, math.Float64frombits(binary.BigEndian.Uint64(b)), 64), nil
	}
	return appendHex(dst, b), nil
}

func (r *avroReader) appendRecord(dst []byte, s *avroSchema) ([]byte, error) {
	dst = append(dst, '{')
	var err error
	for i := range s.fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendQuoted(dst, s.fields[i].name), ':')
		if dst, err = r.append(dst, s.fields[i].schema); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

func (r *avroReader) appendBlocks(dst []byte, s *avroSchema) ([]byte, error) {
	dst = append(dst, '[')
	for first := true; ; {
		n, err := r.count()
		if err != nil {
			return dst, err
		}
		if n == 0 {
			return append(dst, ']'), nil
		}
		for range n {
			if !first {
				dst = append(dst, ',')
			}
			first = false
			if dst, err = r.appendItem(dst, s); err != nil {
				return dst, err
			}
		}
	}
}

func (r *avroReader) appendItem(dst []byte, s *avroSchema) ([]byte, error) {
	if s.kind == avroArray {
		return r.append(dst, s.items)
	}
	key, err := r.text()
	if err != nil {
		return dst, err
	}
	dst = append(appendQuoted(append(dst, '['), key), ',')
	if dst, err = r.append(dst, s.items); err != nil {
		return dst, err
	}
	return append(dst, ']'), nil
}

// value is a value as Go has it.
func (r *avroReader) value(s *avroSchema) (any, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.leave()
	switch s.kind {
	case avroNull:
		return nil, nil
	case avroRecord:
		return r.object(s)
	case avroArray:
		return r.list(s)
	case avroMap:
		return r.pairs(s)
	case avroUnion:
		return r.union(s)
	case avroEnum:
		i, err := r.index(len(s.symbols))
		if err != nil {
			return nil, err
		}
		return Symbol(s.symbols[i]), nil
	case avroString:
		b, err := r.text()
		return string(b), err
	case avroBytes:
		b, err := r.text()
		return copied(b), err
	}
	b, err := r.take(s.width())
	if err != nil {
		return nil, err
	}
	return r.number(s, b)
}

func (r *avroReader) number(s *avroSchema, b []byte) (any, error) {
	switch s.kind {
	case avroBoolean:
		if b[0] > 1 {
			return nil, r.t.bad(r.at-1, "a boolean is %d", b[0])
		}
		return b[0] == 1, nil
	case avroInt:
		return int32(binary.BigEndian.Uint32(b)), nil
	case avroLong:
		return int64(binary.BigEndian.Uint64(b)), nil
	case avroFloat:
		return math.Float32frombits(binary.BigEndian.Uint32(b)), nil
	case avroDouble:
		return math.Float64frombits(binary.BigEndian.Uint64(b)), nil
	}
	return copied(b), nil
}

func (r *avroReader) object(s *avroSchema) (any, error) {
	o := &Object{Class: s.name, Fields: make([]Field, len(s.fields))}
	for i, f := range s.fields {
		v, err := r.value(f.schema)
		if err != nil {
			return nil, err
		}
		o.Fields[i] = Field{f.name, v}
	}
	return o, nil
}

func (r *avroReader) list(s *avroSchema) (any, error) {
	all := []any{}
	for {
		n, err := r.count()
		if err != nil || n == 0 {
			return all, err
		}
		for range n {
			v, err := r.value(s.items)
			if err != nil {
				return nil, err
			}
			all = append(all, v)
		}
	}
}

func (r *avroReader) pairs(s *avroSchema) (any, error) {
	all := Pairs{}
	for {
		n, err := r.count()
		if err != nil || n == 0 {
			return all, err
		}
		for range n {
			key, err := r.text()
			if err != nil {
				return nil, err
			}
			v, err := r.value(s.items)
			if err != nil {
				return nil, err
			}
			all = append(all, Pair{string(key), v})
		}
	}
}

func (r *avroReader) union(s *avroSchema) (any, error) {
	i, err := r.index(len(s.branches))
	if err != nil {
		return nil, err
	}
	v, err := r.value(s.branches[i])
	if err != nil || s.branches[i].kind == avroNull || s.simple() {
		return v, err
	}
	return Side{s.branches[i].name, v}, nil
}

// simple tells that a union is of one type that may be null, so that its value tells the branch.
func (s *avroSchema) simple() bool {
	n := len(s.branches)
	if s.branch("null") >= 0 {
		n--
	}
	return n <= 1
}
