package types

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// The types of namespaces.
//
//	TimeWindow      i64 start, i64 end, in milliseconds; the end is not in it
//	GlobalWindow    a byte 0
//	VoidNamespace   a byte 0, of which Flink says that it has no length
var (
	timeWindowType    = &fixed[Window]{named: named{name: "TimeWindow"}, width: 16, get: getWindow, put: putWindow, text: textWindow, parse: parseWindow, hash: hashWindow}
	globalWindowType  = &fixed[Symbol]{named: named{name: "GlobalWindow"}, width: 1, get: getGlobal, put: putGlobal, text: appendQuoted[Symbol], parse: parseGlobal}
	voidNamespaceType = &voidNamespace{void{named{name: "VoidNamespace"}, 1}}
	voidType          = &void{named{name: "Void"}, 1}
	nullValueType     = &void{named{name: "NullValue"}, 0}
)

// GlobalWindow is the one value of its type.
const GlobalWindow = Symbol("GlobalWindow")

func getWindow(b []byte) (Window, string) {
	return Window{int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:]))}, ""
}

func putWindow(dst []byte, v Window) []byte { return putLong(putLong(dst, v.Start), v.End) }

func textWindow(dst []byte, v Window) []byte {
	dst = strconv.AppendInt(append(dst, `"[`...), v.Start, 10)
	dst = strconv.AppendInt(append(dst, ','), v.End, 10)
	return append(dst, `)"`...)
}

func parseWindow(json []byte) (Window, error) {
	s, err := parseString(json)
	inner, ok := strings.CutPrefix(s, "[")
	inner, also := strings.CutSuffix(inner, ")")
	start, end, comma := strings.Cut(inner, ",")
	if err == nil && ok && also && comma {
		from, err := strconv.ParseInt(strings.TrimSpace(start), 10, 64)
		to, wrong := strconv.ParseInt(strings.TrimSpace(end), 10, 64)
		if err == nil && wrong == nil {
			return Window{from, to}, nil
		}
	}
	return Window{}, wanted(`a window, as "[1000,2000)"`, json)
}

// hashWindow is Flink's MathUtils.longToIntWithBitMixing of start and end.
func hashWindow(v Window) int32 {
	x := uint64(v.Start + v.End)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return int32(x ^ x>>31)
}

func getGlobal(b []byte) (Symbol, string) {
	if b[0] != 0 {
		return "", "a byte that is always 0 is not"
	}
	return GlobalWindow, ""
}

func putGlobal(dst []byte, _ Symbol) []byte { return append(dst, 0) }
func parseGlobal(json []byte) (Symbol, error) {
	if s, err := parseString(json); err != nil || s != string(GlobalWindow) {
		return "", wanted(`"GlobalWindow"`, json)
	}
	return GlobalWindow, nil
}
