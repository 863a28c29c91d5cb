package operators

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/ckpt-tool/ckpt/restore/engine"
)

// counter counts records.
type counter struct{}

func (counter) spec() string             { return "Long" }
func (counter) kind() engine.Kind        { return engine.Long }
func (counter) create(dst []byte) []byte { return append(dst, 0, 0, 0, 0, 0, 0, 0, 0) }

func (counter) add(dst, acc []byte, _ *engine.Vector, _ int) (out, rest []byte, err error) {
	if len(acc) < 8 {
		return nil, nil, errState
	}
	return binary.BigEndian.AppendUint64(dst, binary.BigEndian.Uint64(acc)+1), acc[8:], nil
}

func (counter) merge(dst, a, b []byte) (out, restA, restB []byte, err error) {
	if len(a) < 8 || len(b) < 8 {
		return nil, nil, nil, errState
	}
	return binary.BigEndian.AppendUint64(dst, binary.BigEndian.Uint64(a)+binary.BigEndian.Uint64(b)), a[8:], b[8:], nil
}

func (counter) emit(v *engine.Vector, acc []byte) ([]byte, error) {
	if len(acc) < 8 {
		return nil, errState
	}
	v.AppendLong(int64(binary.BigEndian.Uint64(acc)))
	return acc[8:], nil
}

var errOverflow = errors.New("the sum leaves the range of BIGINT")

// longSum is how many, and their sum.
type longSum struct{ average bool }

func (s *longSum) spec() string { return "Tuple<Long, Long>" }

func (s *longSum) kind() engine.Kind {
	if s.average {
		return engine.Double
	}
	return engine.Long
}

func (s *longSum) create(dst []byte) []byte { return append(dst, make([]byte, 16)...) }

func (s *longSum) add(dst, acc []byte, v *engine.Vector, i int) (out, rest []byte, err error) {
	if len(acc) < 16 {
		return nil, nil, errState
	}
	n, sum := pair(acc)
	if !v.Null(i) {
		if sum, err = plus(sum, v.Longs[i]); err != nil {
			return nil, nil, err
		}
		n++
	}
	return appendPair(dst, n, sum), acc[16:], nil
}

func (s *longSum) merge(dst, a, b []byte) (out, restA, restB []byte, err error) {
	if len(a) < 16 || len(b) < 16 {
		return nil, nil, nil, errState
	}
	n, sum := pair(a)
	m, other := pair(b)
	if sum, err = plus(sum, other); err != nil {
		return nil, nil, nil, err
	}
	return appendPair(dst, n+m, sum), a[16:], b[16:], nil
}

func (s *longSum) emit(v *engine.Vector, acc []byte) ([]byte, error) {
	if len(acc) < 16 {
		return nil, errState
	}
	switch n, sum := pair(acc); {
	case n == 0:
		v.AppendNull(s.kind())
	case s.average:
		v.AppendDouble(float64(sum) / float64(n))
	default:
		v.AppendLong(sum)
	}
	return acc[16:], nil
}

func plus(a, b int64) (int64, error) {
	if sum := a + b; (sum > a) == (b > 0) || b == 0 {
		return sum, nil
	}
	return 0, errOverflow
}

func pair(b []byte) (n, sum int64) {
	return int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:]))
}

func appendPair(dst []byte, n, sum int64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, uint64(n)), uint64(sum))
}

// doubleSum is longSum of DOUBLE.
type doubleSum struct{ average bool }

func (s *doubleSum) spec() string             { return "Tuple<Long, Double>" }
func (s *doubleSum) kind() engine.Kind        { return engine.Double }
func (s *doubleSum) create(dst []byte) []byte { return append(dst, make([]byte, 16)...) }

func (s *doubleSum) add(dst, acc []byte, v *engine.Vector, i int) (out, rest []byte, err error) {
	if len(acc) < 16 {
		return nil, nil, errState
	}
	n, bits := pair(acc)
	sum := math.Float64frombits(uint64(bits))
	if !v.Null(i) {
		n, sum = n+1, sum+v.Doubles[i]
	}
	return appendPair(dst, n, int64(math.Float64bits(sum))), acc[16:], nil
}

func (s *doubleSum) merge(dst, a, b []byte) (out, restA, restB []byte, err error) {
	if len(a) < 16 || len(b) < 16 {
		return nil, nil, nil, errState
	}
	n, one := pair(a)
	m, other := pair(b)
	sum := math.Float64frombits(uint64(one)) + math.Float64frombits(uint64(other))
	return appendPair(dst, n+m, int64(math.Float64bits(sum))), a[16:], b[16:], nil
}

func (s *doubleSum) emit(v *engine.Vector, acc []byte) ([]byte, error) {
	if len(acc) < 16 {
		return nil, errState
	}
	n, bits := pair(acc)
	sum := math.Float64frombits(uint64(bits))
	switch {
	case n == 0:
		v.AppendNull(engine.Double)
	case s.average:
		v.AppendDouble(sum / float64(n))
	default:
		v.AppendDouble(sum)
	}
	return acc[16:], nil
}
