package columns

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/ckpt-tool/ckpt/backends/line"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/parquet-go/parquet-go"
)

// leaf is how the values of one column, or the elements of its lists, lie in Parquet.
type leaf struct {
	node parquet.Node
	// value makes a value of JSON, which may go on to use its bytes.
	value func(json []byte) (parquet.Value, error)
}

// leafOf is the leaf of a shape that is no list.
func leafOf(s *types.Shape, millis bool) leaf {
	switch s.Form {
	case types.BoolForm:
		return leaf{parquet.Leaf(parquet.BooleanType), boolValue}
	case types.IntForm:
		if millis {
			return leaf{parquet.Timestamp(parquet.Millisecond), intValue}
		}
		if s.Bits < 64 {
			return leaf{parquet.Int(s.Bits), func(b []byte) (parquet.Value, error) { return smallValue(b, s.Bits) }}
		}
		return leaf{parquet.Int(64), intValue}
	case types.FloatForm:
		return floatLeaf(s.Bits)
	case types.TextForm:
		return leaf{parquet.String(), textValue}
	case types.BytesForm:
		return leaf{parquet.Leaf(parquet.ByteArrayType), bytesValue}
	case types.DecimalForm:
		return decimalLeaf(int(s.Precision), int(s.Scale))
	case types.DateForm, types.TimeForm, types.DateTimeForm, types.InstantForm:
		return timeLeaf(s)
	}
	return leaf{parquet.JSON(), func(b []byte) (parquet.Value, error) { return parquet.ByteArrayValue(b), nil }}
}

func boolValue(b []byte) (parquet.Value, error) {
	switch string(b) {
	case "true":
		return parquet.BooleanValue(true), nil
	case "false":
		return parquet.BooleanValue(false), nil
	}
	return parquet.Value{}, unfit(b)
}

func unfit(b []byte) error {
	const most = 60
	return fmt.Errorf("%.*s does not fit the type of its column", most, b)
}

func intValue(b []byte) (parquet.Value, error) {
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil {
		return parquet.Value{}, unfit(b)
	}
	return parquet.Int64Value(n), nil
}

func smallValue(b []byte, bits int) (parquet.Value, error) {
	n, err := strconv.ParseInt(string(b), 10, bits)
	if err != nil {
		return parquet.Value{}, unfit(b)
	}
	return parquet.Int32Value(int32(n)), nil
}

func floatLeaf(bits int) leaf {
	node := parquet.Leaf(parquet.DoubleType)
	if bits == 32 {
		node = parquet.Leaf(parquet.FloatType)
	}
	return leaf{node, func(b []byte) (parquet.Value, error) {
		f, err := parseFloat(b, bits)
		if err != nil {
			return parquet.Value{}, unfit(b)
		}
		if bits == 32 {
			return parquet.FloatValue(float32(f)), nil
		}
		return parquet.DoubleValue(f), nil
	}}
}

func parseFloat(b []byte, bits int) (float64, error) {
	switch string(b) {
	case `"NaN"`:
		return math.NaN(), nil
	case `"Infinity"`:
		return math.Inf(1), nil
	case `"-Infinity"`:
		return math.Inf(-1), nil
	}
	return strconv.ParseFloat(string(b), bits)
}

func textValue(b []byte) (parquet.Value, error) {
	switch {
	case len(b) < 2 || b[0] != '"':
		return parquet.Value{}, unfit(b)
	case bytes.IndexByte(b, '\\') < 0:
		return parquet.ByteArrayValue(b[1 : len(b)-1]), nil
	}
	return parquet.ByteArrayValue([]byte(line.Text(b))), nil
}

func bytesValue(b []byte) (parquet.Value, error) {
	const prefix = `"hex:`
	if len(b) <= len(prefix) || !bytes.HasPrefix(b, []byte(prefix)) || b[len(b)-1] != '"' {
		return parquet.Value{}, unfit(b)
	}
	raw, err := hex.AppendDecode(nil, b[len(prefix):len(b)-1])
	if err != nil {
		return parquet.Value{}, unfit(b)
	}
	return parquet.ByteArrayValue(raw), nil
}

// timeLeaf is that of days and times.
func timeLeaf(s *types.Shape) leaf {
	unit := map[int32]parquet.TimeUnit{3: parquet.Millisecond, 6: parquet.Microsecond, 9: parquet.Nanosecond}[s.Digits()]
	node, narrow := parquet.Date(), true
	switch s.Form {
	case types.TimeForm:
		node, narrow = parquet.TimeAdjusted(unit, false), s.Digits() == 3
	case types.DateTimeForm:
		node, narrow = parquet.TimestampAdjusted(unit, false), false
	case types.InstantForm:
		node, narrow = parquet.Timestamp(unit), false
	}
	return leaf{node, func(b []byte) (parquet.Value, error) {
		n, err := s.Count(b)
		switch {
		case err != nil:
			return parquet.Value{}, err
		case !narrow:
			return parquet.Int64Value(n), nil
		case n < math.MinInt32 || n > math.MaxInt32:
			return parquet.Value{}, unfit(b)
		}
		return parquet.Int32Value(int32(n)), nil
	}}
}

// decimalLeaf holds as many digits as the type tells: in 4, 8 or 16 bytes.
func decimalLeaf(precision, scale int) leaf {
	var t parquet.Type
	switch {
	case precision < 1 || precision > 38 || scale < 0 || scale > precision:
		return leaf{parquet.String(), textValue}
	case precision <= 9:
		t = parquet.Int32Type
	case precision <= 18:
		t = parquet.Int64Type
	default:
		t = parquet.FixedLenByteArrayType(16)
	}
	return leaf{parquet.Decimal(scale, precision, t), func(b []byte) (parquet.Value, error) {
		n, err := unscaled(line.Text(b), scale)
		if err != nil {
			return parquet.Value{}, unfit(b)
		}
		if len(new(big.Int).Abs(n).String()) > precision {
			return parquet.Value{}, unfit(b)
		}
		switch {
		case precision <= 9:
			return parquet.Int32Value(int32(n.Int64())), nil
		case precision <= 18:
			return parquet.Int64Value(n.Int64()), nil
		}
		return parquet.FixedLenByteArrayValue(twosComplement(n, 16)), nil
	}}
}

var errDigits = errors.New("more digits than its column has")

// unscaled is a number times 10^scale.
func unscaled(text string, scale int) (*big.Int, error) {
	whole, fraction, _ := strings.Cut(text, ".")
	if len(fraction) > scale {
		if strings.Trim(fraction[scale:], "0") != "" {
			return nil, errDigits
		}
		fraction = fraction[:scale]
	}
	n, ok := new(big.Int).SetString(whole+fraction+strings.Repeat("0", scale-len(fraction)), 10)
	if !ok {
		return nil, errDigits
	}
	return n, nil
}

// twosComplement is n in size bytes, the highest first.
func twosComplement(n *big.Int, size int) []byte {
	if n.Sign() < 0 {
		n = new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), uint(8*size)))
	}
	return n.FillBytes(make([]byte, size))
}
