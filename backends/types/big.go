package types

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
)

// A BigInteger is an i32, which is 0 for null, 1, 2 and 3 for zero, one and ten, or else 4 more than the length of the
// two's complement that follows. A BigDecimal is the BigInteger of its digits and its i32 scale, unless it is null.
// The three short forms belong to the objects ZERO, ONE and TEN of Java: an equal one has the long form, which Encode
// writes for BigIntegers that are not these numbers only.

type bigInteger struct{ named }

type bigDecimal struct{ named }

var (
	bigIntType = &bigInteger{named{name: "BigInteger"}}
	bigDecType = &bigDecimal{named{name: "BigDecimal"}}
)

// maxShown is how many bytes a number may have whose decimal digits are wanted, which take more time than it has bytes.
const maxShown = 1 << 20

var shortBigs = [...]int64{0, 1, 10}

// bigSize is the length of a BigInteger in bytes; it is 4 for null and the short forms, whose code is given.
func bigSize(t *named, b []byte) (size int, code int32, err error) {
	if len(b) < 4 {
		return 0, 0, backends.ErrShort
	}
	code = int32(binary.BigEndian.Uint32(b))
	switch {
	case code < 0 || code == 4:
		return 0, 0, t.bad(0, "a number claims to be of %d bytes", int64(code)-4)
	case code < 4:
		return 4, code, nil
	case int(code)-4 > len(b)-4:
		return 0, 0, backends.ErrShort
	}
	return int(code), code, nil
}

// bigOf is the value of a BigInteger, nil for null.
func bigOf(t *named, b []byte) (v *big.Int, n int, err error) {
	n, code, err := bigSize(t, b)
	if err != nil || code == 0 {
		return nil, n, err
	}
	if code < 4 {
		return big.NewInt(shortBigs[code-1]), n, nil
	}
	return fromComplement(b[4:n]), n, nil
}

// fromComplement reads a two's complement.
func fromComplement(b []byte) *big.Int {
	v := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0] >= 0x80 {
		v.Sub(v, new(big.Int).Lsh(big.NewInt(1), uint(len(b))*8))
	}
	return v
}

// appendComplement appends the shortest two's complement of v, of one byte at least.
func appendComplement(dst []byte, v *big.Int) []byte {
	n := complementLen(v)
	if v.Sign() < 0 {
		v = new(big.Int).Add(v, new(big.Int).Lsh(big.NewInt(1), uint(n)*8))
	}
	from := len(dst)
	dst = append(dst, make([]byte, n)...)
	v.FillBytes(dst[from:])
	return dst
}

func complementLen(v *big.Int) int {
	bits := v.BitLen()
	if v.Sign() < 0 {
		bits = new(big.Int).Not(v).BitLen()
	}
	return bits/8 + 1
}

func appendBig(dst []byte, v *big.Int) []byte {
	if v.IsInt64() {
		for i, short := range shortBigs {
			if v.Int64() == short {
				return putInt(dst, int32(i)+1)
			}
		}
	}
	return appendComplement(putInt(dst, int32(complementLen(v))+4), v)
}

// smallBig reads a BigInteger of up to 8 bytes.
func smallBig(b []byte, n int, code int32) (v int64, ok bool) {
	switch {
	case code < 4:
		return shortBigs[code-1], true
	case n > 12:
		return 0, false
	}
	v = int64(int8(b[4]))
	for _, c := range b[5:n] {
		v = v<<8 | int64(c)
	}
	return v, true
}

// hashBig is Java's BigInteger.hashCode.
func hashBig(v *big.Int) int32 {
	var h int32
	mag := v.Bytes()
	for len(mag)%4 != 0 {
		mag = append([]byte{0}, mag...)
	}
	for ; len(mag) > 0; mag = mag[4:] {
		h = 31*h + int32(binary.BigEndian.Uint32(mag))
	}
	return h * int32(v.Sign())
}

// Width implements backends.Type.
func (t *bigInteger) Width() int { return -1 }

// Size implements backends.Type.
func (t *bigInteger) Size(b []byte) (int, error) {
	n, _, err := bigSize(&t.named, b)
	return n, err
}

// AppendJSON implements backends.Type.
func (t *bigInteger) AppendJSON(dst, b []byte) ([]byte, int, error) {
	n, code, err := bigSize(&t.named, b)
	if err != nil {
		return dst, 0, err
	}
	if code == 0 {
		return append(dst, "null"...), n, nil
	}
	if n > maxShown {
		return dst, 0, t.bad(0, "a number of %d bytes is too long to be shown", n)
	}
	dst = append(dst, '"')
	if v, ok := smallBig(b, n, code); ok {
		dst = strconv.AppendInt(dst, v, 10)
	} else {
		dst = fromComplement(b[4:n]).Append(dst, 10)
	}
	return append(dst, '"'), n, nil
}

// Decode implements backends.Type.
func (t *bigInteger) Decode(b []byte) (any, int, error) {
	v, n, err := bigOf(&t.named, b)
	if v == nil {
		return nil, n, err
	}
	return v, n, err
}

// Encode implements backends.Type.
func (t *bigInteger) Encode(dst []byte, v any) ([]byte, error) {
	if v == nil {
		return putInt(dst, 0), nil
	}
	i, ok := v.(*big.Int)
	if !ok || i == nil {
		return dst, t.notA(v)
	}
	return appendBig(dst, i), nil
}

// FromJSON implements backends.Type. It takes a string or a number.
func (t *bigInteger) FromJSON(json []byte) (any, error) {
	if isNull(json) {
		return nil, nil
	}
	text := digits(json)
	if v, ok := new(big.Int).SetString(text, 10); ok && !strings.ContainsAny(text, "+_") {
		return v, nil
	}
	return nil, fmt.Errorf("%s: %w", t.name, wanted("an integer", json))
}

// digits is the text of a number, with or without quotes.
func digits(json []byte) string {
	b := trim(json)
	if len(b) >= 2 && b[0] == '"' && b[len(b)-1] == '"' {
		b = b[1 : len(b)-1]
	}
	return string(b)
}

// Hash implements backends.Type.
func (t *bigInteger) Hash(v any) (int32, bool) {
	if i, ok := v.(*big.Int); ok {
		return hashBig(i), true
	}
	return 0, v == nil
}

func (t *bigInteger) withClass(class string) backends.Type {
	return &bigInteger{named{name: t.name, class: class}}
}

// appendUnscaled appends a BigDecimal as Java's toString does: plain if the scale is not negative and the number not
// very small, else with an exponent. coeff is its digits without a sign.
func appendUnscaled(dst []byte, negative bool, coeff []byte, scale int32) []byte {
	if negative {
		dst = append(dst, '-')
	}
	if scale == 0 {
		return append(dst, coeff...)
	}
	adjusted := -int64(scale) + int64(len(coeff)) - 1
	if scale > 0 && adjusted >= -6 {
		point := len(coeff) - int(scale)
		if point > 0 {
			dst = append(append(dst, coeff[:point]...), '.')
			return append(dst, coeff[point:]...)
		}
		dst = append(dst, "0."...)
		for range -point {
			dst = append(dst, '0')
		}
		return append(dst, coeff...)
	}
	dst = append(dst, coeff[0])
	if len(coeff) > 1 {
		dst = append(append(dst, '.'), coeff[1:]...)
	}
	if adjusted != 0 {
		dst = append(dst, 'E')
		if adjusted > 0 {
			dst = append(dst, '+')
		}
		dst = strconv.AppendInt(dst, adjusted, 10)
	}
	return dst
}

// appendDecimalJSON appends a BigDecimal of a long as a string of JSON.
func appendDecimalJSON(dst []byte, unscaled int64, scale int32) []byte {
	var room [20]byte
	abs := uint64(unscaled)
	if unscaled < 0 {
		abs = -abs
	}
	coeff := strconv.AppendUint(room[:0], abs, 10)
	return append(appendUnscaled(append(dst, '"'), unscaled < 0, coeff, scale), '"')
}

// appendBigDecimalJSON appends a BigDecimal as a string of JSON.
func appendBigDecimalJSON(dst []byte, v *big.Int, scale int32) []byte {
	coeff := new(big.Int).Abs(v).Append(nil, 10)
	return append(appendUnscaled(append(dst, '"'), v.Sign() < 0, coeff, scale), '"')
}

// String is Java's BigDecimal.toString.
func (d Decimal) String() string {
	s := appendBigDecimalJSON(nil, d.Unscaled, d.Scale)
	return string(s[1 : len(s)-1])
}

const maxExponent = 1 << 31

// parseDecimal reads what Java's BigDecimal reads, in a string or as a number.
func parseDecimal(json []byte) (Decimal, error) {
	text := digits(json)
	mantissa, exponent := text, int64(0)
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		e, err := strconv.ParseInt(text[i+1:], 10, 64)
		if err != nil || e > maxExponent || e < -maxExponent {
			return Decimal{}, wanted("a decimal number", json)
		}
		mantissa, exponent = text[:i], e
	}
	whole, fraction, dot := strings.Cut(mantissa, ".")
	if dot && fraction == "" || strings.Trim(whole, "-0123456789") != "" || strings.Trim(fraction, "0123456789") != "" {
		return Decimal{}, wanted("a decimal number", json)
	}
	v, ok := new(big.Int).SetString(whole+fraction, 10)
	scale := int64(len(fraction)) - exponent
	if !ok || scale > math.MaxInt32 || scale < math.MinInt32 {
		return Decimal{}, wanted("a decimal number", json)
	}
	return Decimal{v, int32(scale)}, nil
}

// hashDecimal is Java's BigDecimal.hashCode.
func hashDecimal(d Decimal) int32 { return 31*hashBig(d.Unscaled) + d.Scale }

// Width implements backends.Type.
func (t *bigDecimal) Width() int { return -1 }

// head is the length of the digits and of the whole value; they are equal for null.
func (t *bigDecimal) head(b []byte) (n, size int, code int32, err error) {
	n, code, err = bigSize(&t.named, b)
	if err != nil || code == 0 {
		return n, n, code, err
	}
	if len(b)-n < 4 {
		return 0, 0, 0, backends.ErrShort
	}
	return n, n + 4, code, nil
}

// Size implements backends.Type.
func (t *bigDecimal) Size(b []byte) (int, error) {
	_, size, _, err := t.head(b)
	return size, err
}

// AppendJSON implements backends.Type.
func (t *bigDecimal) AppendJSON(dst, b []byte) ([]byte, int, error) {
	n, size, code, err := t.head(b)
	if err != nil {
		return dst, 0, err
	}
	if code == 0 {
		return append(dst, "null"...), size, nil
	}
	scale := int32(binary.BigEndian.Uint32(b[n:]))
	if v, ok := smallBig(b, n, code); ok {
		return appendDecimalJSON(dst, v, scale), size, nil
	}
	if n > maxShown {
		return dst, 0, t.bad(0, "a number of %d bytes is too long to be shown", n)
	}
	return appendBigDecimalJSON(dst, fromComplement(b[4:n]), scale), size, nil
}

// Decode implements backends.Type.
func (t *bigDecimal) Decode(b []byte) (any, int, error) {
	_, size, code, err := t.head(b)
	if err != nil || code == 0 {
		return nil, size, err
	}
	v, n, err := bigOf(&t.named, b)
	return Decimal{v, int32(binary.BigEndian.Uint32(b[n:]))}, size, err
}

// Encode implements backends.Type.
func (t *bigDecimal) Encode(dst []byte, v any) ([]byte, error) {
	if v == nil {
		return putInt(dst, 0), nil
	}
	d, ok := v.(Decimal)
	if !ok || d.Unscaled == nil {
		return dst, t.notA(v)
	}
	return putInt(appendBig(dst, d.Unscaled), d.Scale), nil
}

// FromJSON implements backends.Type. It takes a string or a number.
func (t *bigDecimal) FromJSON(json []byte) (any, error) {
	if isNull(json) {
		return nil, nil
	}
	d, err := parseDecimal(json)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	return d, nil
}

// Hash implements backends.Type.
func (t *bigDecimal) Hash(v any) (int32, bool) {
	if d, ok := v.(Decimal); ok {
		return hashDecimal(d), true
	}
	return 0, v == nil
}

func (t *bigDecimal) withClass(class string) backends.Type {
	return &bigDecimal{named{name: t.name, class: class}}
}
