package expr

import (
	"regexp"
	"strconv"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// The names of the own functions.
const (
	padName        = "pad"
	hashName       = "hash"
	millisName     = "millis"
	fromMillisName = "fromMillis"
	captureName    = "capture"
	strptimeName   = "strptime"
)

const maxWidth = 1000 // of pad

// The first and the last millisecond that a timestamp of CEL can be.
const (
	minMillis = -62135596800_000
	maxMillis = 253402300799_999
)

func functions() []cel.EnvOption {
	return []cel.EnvOption{
		cel.Function(padName, cel.Overload("pad_int_int", []*cel.Type{cel.IntType, cel.IntType}, cel.StringType, cel.BinaryBinding(padValue))),
		cel.Function(hashName, cel.Overload("hash_int", []*cel.Type{cel.IntType}, cel.IntType, cel.UnaryBinding(func(n ref.Val) ref.Val {
			return types.Int(hash(int64(n.(types.Int))))
		}))),
		cel.Function(millisName, cel.Overload("millis_timestamp", []*cel.Type{cel.TimestampType}, cel.IntType, cel.UnaryBinding(func(t ref.Val) ref.Val {
			return types.Int(t.(types.Timestamp).UnixMilli())
		}))),
		cel.Function(fromMillisName, cel.Overload("from_millis_int", []*cel.Type{cel.IntType}, cel.TimestampType, cel.UnaryBinding(fromMillisValue))),
		cel.Function(captureName, cel.Overload("capture_string_string_int", []*cel.Type{cel.StringType, cel.StringType, cel.IntType},
			cel.NullableType(cel.StringType), cel.FunctionBinding(captureValue))),
		cel.Function(strptimeName, cel.Overload("strptime_string_string", []*cel.Type{cel.StringType, cel.StringType}, cel.TimestampType,
			cel.BinaryBinding(strptimeValue))),
	}
}

// hash spreads numbers: the product with 2^64 divided by the golden ratio, without its sign.
func hash(n int64) int64 { return int64(uint64(n) * 0x9E3779B97F4A7C15 >> 1) }

func padValue(n, width ref.Val) ref.Val {
	w := int64(width.(types.Int))
	if w < 0 || w > maxWidth {
		return types.NewErr("pad: a width of %d; want 0 to %d", w, maxWidth)
	}
	return types.String(appendPadded(nil, int64(n.(types.Int)), int(w)))
}

const (
	zeros = "00000000000000000000000000000000"
	// hundred is 00 to 99, one after the other.
	hundred = "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748495051525354555657585960616263646566676869" +
		"707172737475767778798081828384858687888990919293949596979899"
)

// appendPadded appends n with zeros in front.
func appendPadded(b []byte, n int64, width int) []byte {
	u := uint64(n)
	if n < 0 {
		u = -u
		b = append(b, '-')
		width--
	}
	start, digits := len(b), digitsOf(u)
	for lacking := max(width, digits); lacking > 0; lacking -= len(zeros) {
		b = append(b, zeros[:min(lacking, len(zeros))]...)
	}
	to := b[start:]
	i := len(to)
	for ; u >= 100; u /= 100 {
		pair := u % 100 * 2
		i -= 2
		to[i], to[i+1] = hundred[pair], hundred[pair+1]
	}
	if u >= 10 {
		to[i-1], to[i-2] = hundred[2*u+1], hundred[2*u]
	} else {
		to[i-1] = byte('0' + u)
	}
	return b
}

// digitsOf counts decimals.
func digitsOf(u uint64) int {
	n := 1
	for ; u >= 10000; u /= 10000 {
		n += 4
	}
	switch {
	case u >= 1000:
		return n + 3
	case u >= 100:
		return n + 2
	case u >= 10:
		return n + 1
	}
	return n
}

func fromMillisValue(n ref.Val) ref.Val {
	ms := int64(n.(types.Int))
	if ms < minMillis || ms > maxMillis {
		return types.NewErr("fromMillis: %d is outside of the years 1 to 9999", ms)
	}
	return types.Timestamp{Time: time.UnixMilli(ms).UTC()}
}

func captureValue(args ...ref.Val) ref.Val {
	pattern, err := regexp.Compile(string(args[1].(types.String)))
	if err != nil {
		return types.NewErr("capture: %v", err)
	}
	group, ok := groupOf(pattern, int64(args[2].(types.Int)))
	if !ok {
		return types.NewErr("capture: group %d of %s, which has %d", args[2], strconv.Quote(pattern.String()), pattern.NumSubexp())
	}
	if s, ok := capture(pattern, string(args[0].(types.String)), group); ok {
		return types.String(s)
	}
	return types.NullValue
}

// groupOf checks the number of a group.
func groupOf(pattern *regexp.Regexp, n int64) (int, bool) {
	return int(n), n >= 0 && n <= int64(pattern.NumSubexp())
}

// capture is a group of the first match.
func capture(pattern *regexp.Regexp, s string, group int) (string, bool) {
	at := pattern.FindStringSubmatchIndex(s)
	if at == nil || at[2*group] < 0 {
		return "", false
	}
	return s[at[2*group]:at[2*group+1]], true
}

func strptimeValue(s, format ref.Val) ref.Val {
	l, err := parseLayout(string(format.(types.String)))
	if err != nil {
		return types.NewErr("%v", err)
	}
	ms, ok := l.read(string(s.(types.String)))
	if !ok {
		return types.NewErr("strptime: %q is not %s", string(s.(types.String)), string(format.(types.String)))
	}
	return types.Timestamp{Time: time.UnixMilli(ms).UTC()}
}
