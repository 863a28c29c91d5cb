package connectors

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/restore/engine"
)

func allGenerators(records int64) *Datagen {
	return &Datagen{Seed: 7, Records: records, Columns: []DatagenColumn{
		{Name: "counter", Generator: Counter{From: 5, Step: 3, Cycle: 10}},
		{Name: "time", Generator: Counter{From: 1000, Timestamp: true}},
		{Name: "long", Generator: Longs{Min: -3, Max: 3}},
		{Name: "any", Generator: Longs{Min: math.MinInt64, Max: math.MaxInt64}},
		{Name: "double", Generator: Doubles{Min: 1, Max: 2}, Nulls: 0.25},
		{Name: "boolean", Generator: Booleans{True: 0.75}},
		{Name: "text", Generator: Strings{Length: 21}},
		{Name: "choice", Generator: Choice{Values: []string{"a", "b", "never"}, Weights: []float64{3, 1, 0}}},
		{Name: "key", Generator: Keys{Prefix: "key-", Digits: 8, Count: 100}},
		{Name: "zipf", Generator: Keys{Prefix: "z", Count: 1000, Exponent: 1}},
	}}
}

// TestDatagenReplay: the same records come with any division into splits.
func TestDatagenReplay(t *testing.T) {
	a, b, c := allGenerators(150), allGenerators(150), allGenerators(150)
	b.Splits, c.Seed = 5, 8
	first := replay(t, a)
	slices.Sort(first)
	second, third := replay(t, b), replay(t, c)
	slices.Sort(second)
	slices.Sort(third)
	if len(first) != 150 || !slices.Equal(first, second) || slices.Equal(first, third) {
		t.Error("the records depend on more or less than seed and number")
	}
	if replay(t, &Datagen{Columns: a.Columns}) != nil {
		t.Error("records without being asked for")
	}
}

// TestDatagenGolden holds what a seed stands for: jobs resume with later versions.
func TestDatagenGolden(t *testing.T) {
	d := allGenerators(1)
	got := replay(t, d)
	want := "int64:5|int64:1000|int64:0|int64:-1041054294405614098|float64:1.1086743578928766|bool:true|" +
		"string:c3492a8ff086d95eee4fd|string:a|string:key-00000032|string:z91"
	if len(got) != 1 || got[0] != want {
		t.Errorf("%q", got)
	}
}

func columnOf(t *testing.T, g Generator, n int) *engine.Batch {
	t.Helper()
	d := &Datagen{Records: int64(n), Seed: 1, Splits: 1, Columns: []DatagenColumn{{Name: "x", Generator: g}}}
	b := engine.NewBatch(d.Schema(), n)
	if err := openSplit(t, d, discover(t, d)[0], nil, nil).Read(b, n); err != nil || b.N != n {
		t.Fatal(b.N, err)
	}
	return b
}

// near tells whether a share of n is what it should be, within five standard deviations, and two of what is rare.
func near(count, n int, p float64) bool {
	return math.Abs(float64(count)-p*float64(n)) <= 5*math.Sqrt(float64(n)*p*(1-p))+2
}

func TestGenerators(t *testing.T) {
	const n = 100_000
	longs := map[int64]int{}
	for _, x := range columnOf(t, Longs{Min: -3, Max: 3}, n).Vectors[0].Longs {
		longs[x]++
	}
	for x := int64(-3); x <= 3; x++ {
		if !near(longs[x], n, 1.0/7) {
			t.Errorf("%d comes %d times", x, longs[x])
		}
	}
	if len(longs) != 7 {
		t.Error(longs)
	}
	low := 0
	for _, x := range columnOf(t, Doubles{Min: 10, Max: 20}, n).Vectors[0].Doubles {
		if x < 10 || x >= 20 {
			t.Fatal(x)
		}
		if x < 12 {
			low++
		}
	}
	for _, x := range columnOf(t, Doubles{Min: 1 << 60, Max: 1<<60 + 1<<10}, 100).Vectors[0].Doubles {
		if x < 1<<60 || x >= 1<<60+1<<10 {
			t.Fatalf("%f is not below the maximum", x)
		}
	}
	yes := 0
	for _, x := range columnOf(t, Booleans{True: 0.1}, n).Vectors[0].Bools {
		if x {
			yes++
		}
	}
	texts := map[string]bool{}
	for _, x := range columnOf(t, Strings{Length: 17}, n).Vectors[0].Strings {
		if len(x) != 17 || strings.Trim(x, "0123456789abcdef") != "" {
			t.Fatal(x)
		}
		texts[x] = true
	}
	if !near(low, n, 0.2) || !near(yes, n, 0.1) || len(texts) != n {
		t.Error(low, yes, len(texts))
	}
	choices := map[string]int{}
	for _, x := range columnOf(t, Choice{Values: []string{"a", "b", "never"}, Weights: []float64{3, 1, 0}}, n).Vectors[0].Strings {
		choices[x]++
	}
	if len(choices) != 2 || !near(choices["a"], n, 0.75) {
		t.Error(choices)
	}
}

// TestZipf compares with the law itself.
func TestZipf(t *testing.T) {
	const n, count = 200_000, 50
	for _, s := range []float64{0, 0.5, 1, 1.3, 4} {
		sum := 0.0
		for k := range count {
			sum += math.Pow(float64(k+1), -s)
		}
		seen := map[string]int{}
		for _, key := range columnOf(t, Keys{Prefix: "k", Digits: 3, Count: count, Exponent: s}, n).Vectors[0].Strings {
			seen[key]++
		}
		total := 0
		for k := range count {
			c := seen[fmt.Sprintf("k%03d", k)]
			if total += c; !near(c, n, math.Pow(float64(k+1), -s)/sum) {
				t.Errorf("exponent %v: key %d comes %d times", s, k, c)
			}
		}
		if total != n {
			t.Errorf("exponent %v: keys %v", s, seen)
		}
	}
	if got := columnOf(t, Keys{Count: 1, Exponent: 2}, 3).Vectors[0].Strings; !slices.Equal(got, []string{"0", "0", "0"}) {
		t.Error(got)
	}
}

func TestDatagenCheck(t *testing.T) {
	nan := math.NaN()
	for want, g := range map[string]Generator{
		"no generator":          nil,
		"a cycle of -1":         Counter{Cycle: -1},
		"numbers from 2 to 1":   Longs{Min: 2, Max: 1},
		"numbers from NaN to 1": Doubles{Min: nan, Max: 1},
		"numbers from -1.79":    Doubles{Min: -math.MaxFloat64, Max: math.MaxFloat64},
		"likelihood":            Booleans{True: nan},
		"texts of -1":           Strings{Length: -1},
		"0 values":              Choice{},
		"with 1 weights":        Choice{Values: []string{"a", "b"}, Weights: []float64{1}},
		"sum to 0":              Choice{Values: []string{"a"}, Weights: []float64{0}},
		"a weight of NaN":       Choice{Values: []string{"a"}, Weights: []float64{nan}},
		"0 keys":                Keys{},
		"20 digits":             Keys{Count: 1, Digits: 20},
		"exponent of -1":        Keys{Count: 1, Exponent: -1},
	} {
		d := &Datagen{Columns: []DatagenColumn{{Name: "x", Generator: g}}, Records: 1}
		if err := d.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	x := DatagenColumn{Name: "x", Generator: Longs{}}
	for want, d := range map[string]*Datagen{
		"no columns": {}, "twice": {Columns: []DatagenColumn{x, x}}, "splits": {Columns: []DatagenColumn{x}, Splits: -1},
		"share of nulls": {Columns: []DatagenColumn{{Name: "x", Generator: Longs{}, Nulls: 2}}},
	} {
		if err := d.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	endless := &Datagen{Columns: []DatagenColumn{x}, Records: -1}
	if endless.Bounded() || endless.Check() != nil {
		t.Error("without end")
	}
}
