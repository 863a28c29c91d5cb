package operators

import (
	"cmp"
	"encoding/binary"
	"math"
	"strconv"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// value is one that can be compared: of Long and Timestamp, of Double, or of String.
type value struct {
	long   int64
	double float64
	text   string
}

var stringType = engine.String.Type()

func mustParse(spec string) backends.Type {
	t, err := types.ParseSpec(spec)
	if err != nil {
		panic(err) // a constant of this package is wrong
	}
	return t
}

func specOf(k engine.Kind) string { return k.Type().String() }

func valueAt(k engine.Kind, v *engine.Vector, i int) value {
	switch k {
	case engine.Double:
		return value{double: v.Doubles[i]}
	case engine.String:
		return value{text: v.Strings[i]}
	}
	return value{long: v.Longs[i]}
}

// compare has doubles in Java's order (Double.compare): NaN above all numbers, and -0 below 0.
func (a value) compare(k engine.Kind, b value) int {
	switch k {
	case engine.Double:
		if n := cmp.Compare(b2i(math.IsNaN(a.double)), b2i(math.IsNaN(b.double))); n != 0 {
			return n
		}
		if math.IsNaN(a.double) {
			return 0
		}
		return cmp.Or(cmp.Compare(a.double, b.double), cmp.Compare(b2i(math.Signbit(b.double)), b2i(math.Signbit(a.double))))
	case engine.String:
		return cmp.Compare(a.text, b.text)
	}
	return cmp.Compare(a.long, b.long)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (a value) encode(dst []byte, k engine.Kind) ([]byte, error) {
	switch k {
	case engine.Double:
		return binary.BigEndian.AppendUint64(dst, math.Float64bits(a.double)), nil
	case engine.String:
		return encodeText(dst, a.text)
	}
	return binary.BigEndian.AppendUint64(dst, uint64(a.long)), nil
}

func decodeValue(b []byte, k engine.Kind) (value, []byte, error) {
	if k == engine.String {
		s, n, err := stringType.Decode(b)
		text, ok := s.(string)
		if err == nil && !ok {
			err = errState
		}
		if err != nil {
			return value{}, nil, err
		}
		return value{text: text}, b[n:], nil
	}
	if len(b) < 8 {
		return value{}, nil, errState
	}
	bits := binary.BigEndian.Uint64(b)
	if k == engine.Double {
		return value{double: math.Float64frombits(bits)}, b[8:], nil
	}
	return value{long: int64(bits)}, b[8:], nil
}

func (a value) append(v *engine.Vector, k engine.Kind) {
	switch k {
	case engine.Double:
		v.AppendDouble(a.double)
	case engine.String:
		v.AppendString(a.text)
	default:
		v.AppendLong(a.long)
	}
}

// extreme is the highest or the lowest.
type extreme struct {
	of      engine.Kind
	highest bool
}

func (e *extreme) spec() string             { return "Nullable<" + specOf(e.of) + ">" }
func (e *extreme) kind() engine.Kind        { return e.of }
func (e *extreme) create(dst []byte) []byte { return append(dst, isNull) }

const isNull = 1

// read gives the value, and whether there is one.
func (e *extreme) read(acc []byte) (v value, ok bool, rest []byte, err error) {
	if len(acc) == 0 || acc[0] > isNull {
		return v, false, nil, errState
	}
	if acc[0] == isNull {
		return v, false, acc[1:], nil
	}
	v, rest, err = decodeValue(acc[1:], e.of)
	return v, err == nil, rest, err
}

func (e *extreme) write(dst []byte, v value, ok bool) ([]byte, error) {
	if !ok {
		return append(dst, isNull), nil
	}
	return v.encode(append(dst, 0), e.of)
}

// better tells whether a takes the place of b.
func (e *extreme) better(a, b value) bool {
	n := a.compare(e.of, b)
	return n > 0 && e.highest || n < 0 && !e.highest
}

func (e *extreme) add(dst, acc []byte, v *engine.Vector, i int) (out, rest []byte, err error) {
	best, ok, rest, err := e.read(acc)
	if err != nil {
		return nil, nil, err
	}
	if !v.Null(i) {
		if n := valueAt(e.of, v, i); !ok || e.better(n, best) {
			best, ok = n, true
		}
	}
	out, err = e.write(dst, best, ok)
	return out, rest, err
}

func (e *extreme) merge(dst, a, b []byte) (out, restA, restB []byte, err error) {
	best, ok, restA, err := e.read(a)
	if err != nil {
		return nil, nil, nil, err
	}
	other, there, restB, err := e.read(b)
	if err != nil {
		return nil, nil, nil, err
	}
	if there && (!ok || e.better(other, best)) {
		best, ok = other, true
	}
	out, err = e.write(dst, best, ok)
	return out, restA, restB, err
}

func (e *extreme) emit(v *engine.Vector, acc []byte) ([]byte, error) {
	best, ok, rest, err := e.read(acc)
	switch {
	case err != nil:
	case ok:
		best.append(v, e.of)
	default:
		v.AppendNull(e.of)
	}
	return rest, err
}

// top is the n highest values.
type top struct {
	of engine.Kind
	n  int
}

func (t *top) spec() string             { return "List<" + specOf(t.of) + ">" }
func (t *top) kind() engine.Kind        { return engine.String }
func (t *top) create(dst []byte) []byte { return append(dst, 0, 0, 0, 0) }

func (t *top) read(acc []byte) (all []value, rest []byte, err error) {
	if len(acc) < 4 {
		return nil, nil, errState
	}
	n := binary.BigEndian.Uint32(acc)
	if n > maxTop {
		return nil, nil, errState
	}
	rest = acc[4:]
	for range n {
		var v value
		if v, rest, err = decodeValue(rest, t.of); err != nil {
			return nil, nil, err
		}
		all = append(all, v)
	}
	return all[:min(len(all), t.n)], rest, nil // a job that was resumed may want fewer than it did
}

func (t *top) write(dst []byte, all []value) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(all)))
	var err error
	for _, v := range all {
		if dst, err = v.encode(dst, t.of); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

// put puts a value into its place; of equal ones the earlier comes first.
func (t *top) put(all []value, v value) []value {
	i := len(all)
	for i > 0 && v.compare(t.of, all[i-1]) > 0 {
		i--
	}
	if i == t.n {
		return all
	}
	all = append(all, value{})
	copy(all[i+1:], all[i:])
	all[i] = v
	return all[:min(len(all), t.n)]
}

func (t *top) add(dst, acc []byte, v *engine.Vector, i int) (out, rest []byte, err error) {
	all, rest, err := t.read(acc)
	if err != nil {
		return nil, nil, err
	}
	if !v.Null(i) {
		all = t.put(all, valueAt(t.of, v, i))
	}
	out, err = t.write(dst, all)
	return out, rest, err
}

func (t *top) merge(dst, a, b []byte) (out, restA, restB []byte, err error) {
	all, restA, err := t.read(a)
	if err != nil {
		return nil, nil, nil, err
	}
	others, restB, err := t.read(b)
	if err != nil {
		return nil, nil, nil, err
	}
	for _, v := range others {
		all = t.put(all, v)
	}
	out, err = t.write(dst, all)
	return out, restA, restB, err
}

func (t *top) emit(v *engine.Vector, acc []byte) ([]byte, error) {
	all, rest, err := t.read(acc)
	if err != nil {
		return nil, err
	}
	text := []byte{'['}
	for i, x := range all {
		if i > 0 {
			text = append(text, ',')
		}
		text = x.appendJSON(text, t.of)
	}
	v.AppendString(string(append(text, ']')))
	return rest, nil
}

// appendJSON writes a value as sinks of JSON do, but times in milliseconds since 1970.
func (a value) appendJSON(dst []byte, k engine.Kind) []byte {
	switch {
	case k == engine.String:
		return types.AppendString(dst, a.text)
	case k == engine.Double && math.IsNaN(a.double):
		return append(dst, `"NaN"`...)
	case k == engine.Double && math.IsInf(a.double, 1):
		return append(dst, `"Infinity"`...)
	case k == engine.Double && math.IsInf(a.double, -1):
		return append(dst, `"-Infinity"`...)
	case k == engine.Double:
		return strconv.AppendFloat(dst, a.double, 'g', -1, 64)
	}
	return strconv.AppendInt(dst, a.long, 10)
}
