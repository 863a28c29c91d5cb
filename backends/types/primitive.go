package types

import (
	"encoding/binary"
	"math"
	"strconv"
)

// Longs, and all other types of numbers of a fixed size, are their bytes, big-endian. A boolean is one byte, 0 or 1.

var (
	booleanType = &fixed[bool]{named: named{name: "Boolean"}, width: 1, get: getBool, put: putBool, text: strconv.AppendBool, parse: parseBool, hash: hashBool}
	byteType    = &fixed[int8]{named: named{name: "Byte"}, width: 1, get: getByte, put: putByte, text: appendInt[int8], parse: integer[int8](8), hash: hashInt[int8]}
	shortType   = &fixed[int16]{named: named{name: "Short"}, width: 2, get: getShort, put: putShort, text: appendInt[int16], parse: integer[int16](16), hash: hashInt[int16]}
	intType     = &fixed[int32]{named: named{name: "Integer"}, width: 4, get: getInt, put: putInt, text: appendInt[int32], parse: integer[int32](32), hash: hashInt[int32]}
	longType    = &fixed[int64]{named: named{name: "Long"}, width: 8, get: getLong, put: putLong, text: appendInt[int64], parse: integer[int64](64), hash: hashLong}
	floatType   = &fixed[float32]{named: named{name: "Float"}, width: 4, get: getFloat, put: putFloat, text: textFloat, parse: parseFloat32, hash: hashFloat}
	doubleType  = &fixed[float64]{named: named{name: "Double"}, width: 8, get: getDouble, put: putDouble, text: textDouble, parse: parseFloat64, hash: hashDouble}
	charType    = &fixed[Char]{named: named{name: "Character"}, width: 2, get: getChar, put: putChar, text: textChar, parse: parseChar, hash: hashInt[Char]}
)

type signed interface {
	~int8 | ~int16 | ~int32 | ~int64
}

func appendInt[T signed](dst []byte, v T) []byte { return strconv.AppendInt(dst, int64(v), 10) }

func integer[T signed](bits int) func([]byte) (T, error) {
	return func(json []byte) (T, error) {
		v, err := parseInt(json, bits)
		return T(v), err
	}
}

func hashInt[T int8 | int16 | int32 | Char](v T) int32 { return int32(v) }

func hashLong(v int64) int32 { return int32(v ^ int64(uint64(v)>>32)) }

func hashBool(v bool) int32 {
	if v {
		return 1231
	}
	return 1237
}

func hashFloat(v float32) int32 {
	if v != v {
		return 0x7fc00000
	}
	return int32(math.Float32bits(v))
}

func hashDouble(v float64) int32 {
	if v != v {
		return 0x7ff80000
	}
	return hashLong(int64(math.Float64bits(v)))
}

func getBool(b []byte) (bool, string) {
	if b[0] > 1 {
		return false, "a flag is neither 0 nor 1"
	}
	return b[0] == 1, ""
}

func putBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 1)
	}
	return append(dst, 0)
}

func getByte(b []byte) (int8, string)     { return int8(b[0]), "" }
func putByte(dst []byte, v int8) []byte   { return append(dst, byte(v)) }
func getShort(b []byte) (int16, string)   { return int16(binary.BigEndian.Uint16(b)), "" }
func putShort(dst []byte, v int16) []byte { return binary.BigEndian.AppendUint16(dst, uint16(v)) }
func getInt(b []byte) (int32, string)     { return int32(binary.BigEndian.Uint32(b)), "" }
func putInt(dst []byte, v int32) []byte   { return binary.BigEndian.AppendUint32(dst, uint32(v)) }
func getLong(b []byte) (int64, string)    { return int64(binary.BigEndian.Uint64(b)), "" }
func putLong(dst []byte, v int64) []byte  { return binary.BigEndian.AppendUint64(dst, uint64(v)) }
func getFloat(b []byte) (float32, string) {
	return math.Float32frombits(binary.BigEndian.Uint32(b)), ""
}
func putFloat(dst []byte, v float32) []byte { return putInt(dst, int32(math.Float32bits(v))) }
func getDouble(b []byte) (float64, string) {
	return math.Float64frombits(binary.BigEndian.Uint64(b)), ""
}
func putDouble(dst []byte, v float64) []byte {
	return putLong(dst, int64(math.Float64bits(v)))
}
func textFloat(dst []byte, v float32) []byte  { return appendFloat(dst, float64(v), 32) }
func textDouble(dst []byte, v float64) []byte { return appendFloat(dst, v, 64) }

func parseFloat32(json []byte) (float32, error) {
	v, err := parseFloat(json, 32)
	return float32(v), err
}

func parseFloat64(json []byte) (float64, error) { return parseFloat(json, 64) }

func getChar(b []byte) (Char, string)    { return Char(binary.BigEndian.Uint16(b)), "" }
func putChar(dst []byte, v Char) []byte  { return putShort(dst, int16(v)) }
func textChar(dst []byte, v Char) []byte { return append(appendChar(append(dst, '"'), rune(v)), '"') }

// appendChar appends a code point, or half of one, within a string of JSON.
func appendChar(dst []byte, r rune) []byte {
	switch {
	case r < 0x80:
		return appendEscaped(dst, byte(r))
	case isSurrogate(r):
		return appendUnicode(dst, uint16(r))
	}
	return appendWTF8(dst, r)
}

func parseChar(json []byte) (Char, error) {
	s, err := parseString(json)
	if err != nil || s == "" {
		return 0, wanted("a string of one character", json)
	}
	r, n := wtf8(s, 0)
	if n != len(s) || r > 0xFFFF {
		return 0, wanted("a string of one character below U+10000", json)
	}
	return Char(r), nil
}
