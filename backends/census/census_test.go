package census

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/metadata"
)

var groups = metadata.KeyGroupRange{First: 10, Last: 19}

func typed(t testing.TB, spec string) backends.Type {
	t.Helper()
	typ, err := types.ParseSpec(spec)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

// A quantile is within 0.8 % of the exact one.
func TestQuantiles(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, draw := range []func() int64{
		func() int64 { return r.Int64N(100) },
		func() int64 { return r.Int64N(1 << 31) },
		func() int64 { return int64(math.Exp(r.Float64() * 21)) },
		func() int64 { return 8 },
	} {
		var s, half Sizes
		var all []int64
		for i := range 20000 {
			n := draw()
			all = append(all, n)
			if i%2 == 0 {
				s.Add(n)
			} else {
				half.Add(n)
			}
		}
		s.Merge(&half)
		s.Merge(&Sizes{})
		slices.Sort(all)
		sum := int64(0)
		for _, n := range all {
			sum += n
		}
		if s.Count != int64(len(all)) || s.Sum != sum || s.Min != all[0] || s.Max != all[len(all)-1] {
			t.Errorf("%d %d %d %d", s.Count, s.Sum, s.Min, s.Max)
		}
		for _, q := range []float64{0.01, 0.5, 0.9, 0.99, 0.999, 1} {
			want := all[max(0, int(math.Ceil(q*float64(len(all))))-1)]
			if got := s.Quantile(q); math.Abs(float64(got-want)) > 0.008*float64(want)+0.5 {
				t.Errorf("quantile %v of sizes up to %d: %d, not %d", q, s.Max, got, want)
			}
		}
	}
	var none Sizes
	if none.Quantile(0.99) != 0 || none.Mean() != 0 {
		t.Error("of nothing")
	}
}

func TestClasses(t *testing.T) {
	last := -1
	for size := uint64(0); size < 1<<32; size += 1 + size/200 {
		c := class(size)
		if c < last {
			t.Fatalf("class(%d) = %d after %d", size, c, last)
		}
		last = c
		if m := middle(c); class(uint64(m)) != c {
			t.Fatalf("middle(%d) = %d, which is of class %d", c, m, class(uint64(m)))
		}
	}
}

// What parts count adds up to what there is, whatever order it comes in.
func TestCensus(t *testing.T) {
	value := &backends.State{Name: "v", Kind: backends.Value, Key: typed(t, "String"), Value: typed(t, "Long"), Subtask: 1}
	maps := &backends.State{Name: "m", Kind: backends.Map, Key: typed(t, "String"), MapKey: typed(t, "Long"), Value: typed(t, "Long"), Subtask: 1}
	windows := &backends.State{Name: "w", Kind: backends.List, Key: typed(t, "String"), Namespace: typed(t, "TimeWindow"), Value: typed(t, "Long"), Subtask: 1}
	list := &backends.State{Name: "l", Kind: backends.OperatorList, Value: typed(t, "Long")}
	var entries []backends.Entry
	for kg := groups.First; kg <= groups.Last; kg++ {
		for i := range 50 {
			key := fmt.Appendf(nil, "%d-%d", kg, i)
			entries = append(entries, backends.Entry{State: value, KeyGroup: kg, Key: key, Value: make([]byte, i)})
		}
		// The windows of a key do not follow each other.
		for w := range 3 {
			for i := range 20 {
				entries = append(entries, backends.Entry{State: windows, KeyGroup: kg, Key: fmt.Appendf(nil, "%d-%d", kg, i), Namespace: make([]byte, 16), Value: make([]byte, 8*w*i)})
			}
		}
		for i := range 20 {
			for m := range i {
				entries = append(entries, backends.Entry{State: maps, KeyGroup: kg, Key: fmt.Appendf(nil, "%d-%d", kg, i), MapKey: make([]byte, 8), Value: make([]byte, m)})
			}
		}
	}
	entries = append(entries, backends.Entry{State: list, KeyGroup: -1, Value: make([]byte, 8)})

	exact := map[string]Key{}
	for _, e := range entries {
		if e.Key == nil {
			continue
		}
		k := exact[e.State.Name+string(e.Key)]
		k.State, k.KeyGroup, k.Key = e.State, e.KeyGroup, e.Key
		k.add(Load{1, int64(len(e.Key) + len(e.Namespace) + len(e.MapKey) + len(e.Value))})
		exact[e.State.Name+string(e.Key)] = k
	}
	var want []Key
	for _, k := range exact {
		want = append(want, k)
	}
	sortKeys(want)

	for _, parts := range []int{1, 2, 5, 10} {
		c := New(20, 1<<20)
		c.Declare(&backends.State{Name: "empty", Kind: backends.Value})
		for i := range parts {
			span := metadata.KeyGroupRange{First: groups.First + int32(i*10/parts), Last: groups.First + int32((i+1)*10/parts) - 1}
			p := c.Part(span)
			for j := range entries {
				if e := &entries[j]; span.Contains(e.KeyGroup) || e.KeyGroup < 0 && i == 0 {
					shown := *e
					shown.Key = bytes.Clone(e.Key) // entries are valid for a moment only
					p.Add(&shown)
					clear(shown.Key)
				}
			}
			p.End()
		}
		check(t, c, entries)
		got := c.Keys()
		if len(got) != 20 || c.Capped() {
			t.Fatalf("%d parts: %d keys, capped %v", parts, len(got), c.Capped())
		}
		for i, k := range got {
			if w := want[i]; k.State != w.State || k.KeyGroup != w.KeyGroup || string(k.Key) != string(w.Key) || k.Load != w.Load {
				t.Errorf("%d parts: key %d is %s %q %+v, not %s %q %+v", parts, i, k.State.Name, k.Key, k.Load, w.State.Name, w.Key, w.Load)
			}
		}
	}
}

func check(t *testing.T, c *Census, entries []backends.Entry) {
	t.Helper()
	states := c.States()
	if len(states) != 5 || states[4].Total() != (Load{}) {
		t.Fatalf("%d states", len(states))
	}
	for _, s := range states[:4] {
		var total, groups, subtasks Load
		for _, e := range entries {
			if e.State.Name == s.Name.Name {
				total.add(Load{1, int64(len(e.Key) + len(e.Namespace) + len(e.MapKey) + len(e.Value))})
			}
		}
		for _, l := range s.KeyGroups {
			groups.add(l)
		}
		for _, l := range s.Subtasks {
			subtasks.add(l)
		}
		if s.Total() != total || subtasks != total {
			t.Errorf("%s: %+v in all, %+v in sub-tasks, not %+v", s.Name.Name, s.Total(), subtasks, total)
		}
		if s.Kind.Keyed() && groups != total {
			t.Errorf("%s: %+v in key groups, not %+v", s.Name.Name, groups, total)
		}
	}
}

// Where keys do not fit, that is said.
func TestCapped(t *testing.T) {
	c := New(3, 1000)
	st := &backends.State{Name: "t", Kind: backends.Timer, Key: typed(t, "Long")}
	p := c.Part(groups)
	for i := range 1000 {
		p.Add(&backends.Entry{State: st, KeyGroup: 12, Key: fmt.Appendf(nil, "%08d", i%500)})
	}
	p.End()
	if !c.Capped() || len(c.Keys()) != 3 {
		t.Errorf("capped %v, %d keys", c.Capped(), len(c.Keys()))
	}
}

func TestHuge(t *testing.T) {
	c := New(1, 1000)
	st := &backends.State{Name: "l", Kind: backends.List, Key: typed(t, "Long")}
	p := c.Part(groups)
	p.Add(&backends.Entry{State: st, KeyGroup: 12, Key: make([]byte, 8), Value: make([]byte, Huge)})
	p.Add(&backends.Entry{State: st, KeyGroup: 12, Key: make([]byte, 8), Value: make([]byte, Huge-1)})
	p.End()
	if h := c.Huge(); len(h) != 1 || h[0].Size != Huge || h[0].State != st {
		t.Errorf("%+v", h)
	}
}

func TestSkew(t *testing.T) {
	for _, c := range []struct {
		bytes []int64
		want  float64
	}{{nil, 0}, {[]int64{0, 0}, 0}, {[]int64{5, 5}, 1}, {[]int64{30, 0, 0}, 3}, {[]int64{1, 2, 3}, 1.5}} {
		var loads []Load
		for _, b := range c.bytes {
			loads = append(loads, Load{1, b})
		}
		if got := Skew(loads); got != c.want {
			t.Errorf("%v: %v", c.bytes, got)
		}
	}
}

// Counting allocates nothing per entry.
func BenchmarkAdd(b *testing.B) {
	c := New(20, 1<<20)
	st := &backends.State{Name: "v", Kind: backends.Value, Key: typed(b, "String"), Value: typed(b, "Long")}
	p := c.Part(groups)
	key, value := make([]byte, 12), make([]byte, 8)
	b.ReportAllocs()
	i := uint64(0)
	for b.Loop() {
		i++
		for j := range 8 {
			key[j] = byte(i * 0x9E3779B97F4A7C15 >> (8 * j))
		}
		p.Add(&backends.Entry{State: st, KeyGroup: 12, Key: key, Value: value})
	}
}

// No memory is taken of what a file says of key groups: only of those with entries.
func TestManyGroups(t *testing.T) {
	st := &backends.State{Name: "v", Kind: backends.Value, Key: typed(t, "Long"), Value: typed(t, "Long")}
	c := New(1, 1000)
	p := c.Part(metadata.KeyGroupRange{First: 3, Last: math.MaxInt32 - 1})
	for _, kg := range []int32{7, 5, -1, 2, math.MaxInt32 - 1, 1 << 15} {
		p.Add(&backends.Entry{State: st, KeyGroup: kg, Key: make([]byte, 8)})
	}
	p.End()
	if groups := c.States()[0].KeyGroups; len(groups) != 8 || groups[7].Entries != 1 || groups[5].Entries != 1 || groups[2].Entries != 0 {
		t.Errorf("%+v", groups)
	}
	c = New(1, 1000)
	p = c.Part(metadata.KeyGroupRange{First: math.MaxInt32 - 9, Last: math.MaxInt32 - 1})
	p.Add(&backends.Entry{State: st, KeyGroup: math.MaxInt32 - 1, Key: make([]byte, 8)})
	p.End()
	if s := c.States()[0]; len(s.KeyGroups) != 0 || s.Total().Entries != 1 {
		t.Errorf("%+v", s)
	}
}
