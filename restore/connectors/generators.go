package connectors

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"sort"
	"strconv"

	"github.com/ckpt-tool/ckpt/restore/engine"
)

// Counter is From + i*Step, BIGINT or TIMESTAMP. With a Cycle it begins anew after so many.
type Counter struct {
	From, Step int64 // Step 0: 1
	Cycle      int64 // 0: never
	Timestamp  bool
}

func (g Counter) kind() engine.Kind {
	if g.Timestamp {
		return engine.Timestamp
	}
	return engine.Long
}

func (g Counter) check() error {
	if g.Cycle < 0 {
		return fmt.Errorf("a cycle of %d", g.Cycle)
	}
	return nil
}

func (g Counter) start() filler {
	step := g.Step
	if step == 0 {
		step = 1
	}
	return longs(func(_ uint64, i int64) int64 {
		if g.Cycle > 0 {
			i %= g.Cycle
		}
		return g.From + i*step
	})
}

// longs makes a filler of a function.
func longs(f func(seed uint64, i int64) int64) filler {
	return func(v *engine.Vector, seed uint64, first, step int64, count int) {
		all, added := extend(v.Longs, count)
		for i := range added {
			added[i] = f(seed, first+int64(i)*step)
		}
		v.Longs = all
	}
}

// Longs is whole numbers from Min to Max, both included, all as likely.
type Longs struct{ Min, Max int64 }

func (Longs) kind() engine.Kind { return engine.Long }

func (g Longs) check() error {
	if g.Min > g.Max {
		return fmt.Errorf("numbers from %d to %d", g.Min, g.Max)
	}
	return nil
}

func (g Longs) start() filler {
	n := uint64(g.Max) - uint64(g.Min) + 1 // 0 is 2^64
	return longs(func(seed uint64, i int64) int64 { return g.Min + int64(below(random(seed, i), n)) })
}

// below brings a random number below n; 0 is 2^64. How likely each is differs by less than n in 2^64.
func below(x, n uint64) uint64 {
	if n == 0 {
		return x
	}
	hi, _ := bits.Mul64(x, n)
	return hi
}

// Doubles is numbers from Min to below Max, all as likely.
type Doubles struct{ Min, Max float64 }

func (Doubles) kind() engine.Kind { return engine.Double }

func (g Doubles) check() error {
	if !(g.Min <= g.Max) || math.IsInf(g.Max-g.Min, 0) {
		return fmt.Errorf("numbers from %v to %v", g.Min, g.Max)
	}
	return nil
}

func (g Doubles) start() filler {
	width := g.Max - g.Min
	return func(v *engine.Vector, seed uint64, first, step int64, count int) {
		all, added := extend(v.Doubles, count)
		for i := range added {
			added[i] = g.Min + float64(unit(random(seed, first+int64(i)*step))*width) // rounded, the same on all machines
			if added[i] >= g.Max && width > 0 {
				added[i] = math.Nextafter(g.Max, g.Min) // it was rounded to what is no more below it
			}
		}
		v.Doubles = all
	}
}

// Booleans is true with a likelihood.
type Booleans struct{ True float64 }

func (Booleans) kind() engine.Kind { return engine.Boolean }

func (g Booleans) check() error {
	if !(g.True >= 0 && g.True <= 1) {
		return fmt.Errorf("a likelihood of %v: want 0 to 1", g.True)
	}
	return nil
}

func (g Booleans) start() filler {
	return func(v *engine.Vector, seed uint64, first, step int64, count int) {
		all, added := extend(v.Bools, count)
		for i := range added {
			added[i] = unit(random(seed, first+int64(i)*step)) < g.True
		}
		v.Bools = all
	}
}

// Strings is texts of so many hexadecimal digits (Flink: RandomGenerator.stringGenerator).
type Strings struct{ Length int }

// maxString is how long texts may be.
const maxString = 1 << 20

func (Strings) kind() engine.Kind { return engine.String }

func (g Strings) check() error {
	if g.Length < 0 || g.Length > maxString {
		return fmt.Errorf("texts of %d characters: want 0 to %d", g.Length, maxString)
	}
	return nil
}

func (g Strings) start() filler {
	return texts(func(dst []byte, seed uint64, i int64) []byte {
		from := random(seed, i)
		for k := 0; k < g.Length; k += 16 {
			x := random(from, int64(k))
			for range min(16, g.Length-k) {
				dst = append(dst, "0123456789abcdef"[x&15])
				x >>= 4
			}
		}
		return dst
	})
}

// texts makes a filler of what appends a text. The texts of a batch lie in one string.
func texts(f func(dst []byte, seed uint64, i int64) []byte) filler {
	var buf []byte
	var ends []int
	return func(v *engine.Vector, seed uint64, first, step int64, count int) {
		buf, ends = buf[:0], ends[:0]
		for i := range count {
			buf = f(buf, seed, first+int64(i)*step)
			ends = append(ends, len(buf))
		}
		all, added := extend(v.Strings, count)
		text, from := string(buf), 0
		for i, end := range ends {
			added[i] = text[from:end]
			from = end
		}
		v.Strings = all
	}
}

// Choice is one of some texts, as likely as their weights say; without Weights all are as likely.
type Choice struct {
	Values  []string
	Weights []float64
}

func (Choice) kind() engine.Kind { return engine.String }

func (g Choice) check() error {
	if len(g.Values) == 0 || g.Weights != nil && len(g.Weights) != len(g.Values) {
		return fmt.Errorf("%d values with %d weights", len(g.Values), len(g.Weights))
	}
	sum := 0.0
	for _, w := range g.Weights {
		if !(w >= 0) {
			return fmt.Errorf("a weight of %v", w)
		}
		sum += w
	}
	if g.Weights != nil && !(sum > 0) || math.IsInf(sum, 0) {
		return fmt.Errorf("weights that sum to %v", sum)
	}
	return nil
}

func (g Choice) start() filler {
	values, sums, sum := []string(nil), []float64(nil), 0.0
	for i, value := range g.Values {
		w := 1.0
		if g.Weights != nil {
			w = g.Weights[i]
		}
		if w > 0 {
			sum += w
			values, sums = append(values, value), append(sums, sum)
		}
	}
	return func(v *engine.Vector, seed uint64, first, step int64, count int) {
		v.Strings = slices.Grow(v.Strings, count)
		for i := range count {
			x := unit(random(seed, first+int64(i)*step)) * sum
			at := sort.Search(len(sums), func(k int) bool { return sums[k] > x })
			v.Strings = append(v.Strings, values[min(at, len(values)-1)])
		}
	}
}

// Keys is Prefix and a number below Count, with at least so many digits. With an Exponent above 0 low numbers are the likely ones, as Zipf's
// law says: number k comes as often as 1/(k+1)^Exponent; with 0 all are as likely. The law is computed in floating point, whose last bits may
// differ between kinds of processors; a job that resumes on another kind may see another key, very rarely.
type Keys struct {
	Prefix   string
	Digits   int
	Count    int64
	Exponent float64
}

func (Keys) kind() engine.Kind { return engine.String }

func (g Keys) check() error {
	switch {
	case g.Count < 1:
		return fmt.Errorf("%d keys", g.Count)
	case g.Digits < 0 || g.Digits > 19:
		return fmt.Errorf("keys of %d digits: want 0 to 19", g.Digits)
	case !(g.Exponent >= 0 && g.Exponent <= 100):
		return fmt.Errorf("an exponent of %v: want 0 to 100", g.Exponent)
	}
	return nil
}

func (g Keys) start() filler {
	number := func(seed uint64, i int64) uint64 { return below(random(seed, i), uint64(g.Count)) }
	if g.Exponent > 0 {
		number = newZipf(g.Count, g.Exponent).number
	}
	return texts(func(dst []byte, seed uint64, i int64) []byte {
		dst = append(dst, g.Prefix...)
		from := len(dst)
		dst = strconv.AppendUint(dst, number(seed, i), 10)
		if missing := g.Digits - (len(dst) - from); missing > 0 {
			dst = slices.Insert(dst, from, zeros[:missing]...)
		}
		return dst
	})
}

var zeros = [19]byte{'0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0'}

// zipf draws from Zipf's law by rejection-inversion (Hörmann and Derflinger, 1996): the area below a continuous hat is inverted, and
// what the hat has too much is drawn again.
type zipf struct {
	s          float64
	count      float64
	high, low  float64 // of the hat's area
	acceptable float64
}

func newZipf(count int64, s float64) *zipf {
	z := &zipf{s: s, count: float64(count)}
	z.low = z.area(1.5) - 1
	z.high = z.area(z.count + 0.5)
	z.acceptable = 2 - z.inverse(z.area(2.5)-math.Exp(-s*math.Log(2)))
	return z
}

// area is an integral of x^-s.
func (z *zipf) area(x float64) float64 {
	if z.s == 1 {
		return math.Log(x)
	}
	return math.Expm1((1-z.s)*math.Log(x)) / (1 - z.s)
}

func (z *zipf) inverse(a float64) float64 {
	if z.s == 1 {
		return math.Exp(a)
	}
	return math.Exp(math.Log1p(max(-1, a*(1-z.s))) / (1 - z.s))
}

// number is below the count.
func (z *zipf) number(seed uint64, i int64) uint64 {
	from := random(seed, i)
	for try := int64(0); ; try++ {
		u := z.high + unit(random(from, try))*(z.low-z.high)
		x := z.inverse(u)
		k := min(max(math.Floor(x+0.5), 1), z.count)
		if k-x <= z.acceptable || u >= z.area(k+0.5)-math.Exp(-z.s*math.Log(k)) {
			return uint64(k) - 1
		}
	}
}
