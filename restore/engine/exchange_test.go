package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"pgregory.net/rapid"
)

var mixed = NewSchema(Column{"b", Boolean}, Column{"l", Long}, Column{"d", Double}, Column{"s", String}, Column{"y", Bytes}, Column{"t", Timestamp})

// drawBatch makes a batch, with nulls but in the key columns l and s, and with times or not.
func drawBatch(t *rapid.T, most int) *Batch {
	b := NewBatch(mixed, 4)
	timed, nulls := rapid.Bool().Draw(t, "timed"), rapid.Bool().Draw(t, "nulls")
	for range rapid.IntRange(0, most).Draw(t, "records") {
		var row []any
		for _, c := range mixed.Columns {
			if nulls && c.Name != "l" && c.Name != "s" && rapid.Bool().Draw(t, "null") {
				row = append(row, nil)
			} else {
				row = append(row, drawValue(t, c.Kind))
			}
		}
		time := int64(NoTime)
		if timed {
			time = rapid.Int64().Draw(t, "time")
		}
		b.Append(time, row...)
	}
	return b
}

func rowText(b *Batch, i int) string {
	var s strings.Builder
	for c := range b.Vectors {
		fmt.Fprintf(&s, "%#v|", b.Value(c, i))
	}
	fmt.Fprint(&s, b.Time(i))
	return s.String()
}

func rowsText(b *Batch) (all []string) {
	for i := range b.N {
		all = append(all, rowText(b, i))
	}
	return all
}

// drain takes all batches out of a gate.
func drain(g *gate) (all []*Batch) {
	for {
		_, e, ok := g.poll()
		if !ok {
			return all
		}
		all = append(all, e.batch)
	}
}

// newWriters is a writer to n gates that never are full.
func newWriters(n, size int) (*writer, []*gate) {
	var targets []target
	var gates []*gate
	for range n {
		g := newGate([]int{0}, 1<<10, make(chan struct{}, 1))
		gates = append(gates, g)
		targets = append(targets, target{gate: g})
	}
	return newWriter(context.Background(), mixed, size, targets), gates
}

// Each record comes out once, as it was, at the sub-task of its key group, with its key, in the order it had.
func TestHashExchange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 4).Draw(t, "targets")
		maxParallelism := rapid.Int32Range(int32(n), 300).Draw(t, "max")
		w, gates := newWriters(n, rapid.IntRange(1, 9).Draw(t, "size"))
		key := rapid.SampledFrom([][]string{{"l"}, {"s"}, {"s", "l"}}).Draw(t, "key")
		w.byKey(Edge{From: &Node{Output: mixed}, Key: key}, maxParallelism)
		want := make([][]string, n)
		for range rapid.IntRange(1, 4).Draw(t, "batches") {
			b := drawBatch(t, 20)
			k := newKeyer(mixed, key, maxParallelism)
			if err := k.compute(b); err != nil {
				t.Fatal(err)
			}
			for i, text := range rowsText(b) {
				to := keygroups.Subtask(k.groups[i], maxParallelism, int32(n))
				from := int32(0)
				if i > 0 {
					from = k.ends[i-1]
				}
				want[to] = append(want[to], fmt.Sprintf("%s key %x of %d", text, k.keys[from:k.ends[i]], k.groups[i]))
			}
			if err := w.hash(b); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.flush(); err != nil {
			t.Fatal(err)
		}
		for i, g := range gates {
			var got []string
			for _, b := range drain(g) {
				if b.N > w.size || b.N == 0 {
					t.Fatalf("a batch of %d", b.N)
				}
				if err := b.check(mixed); err != nil {
					t.Fatal(err)
				}
				for r, text := range rowsText(b) {
					got = append(got, fmt.Sprintf("%s key %x of %d", text, b.Key(r), b.KeyGroups[r]))
				}
			}
			if !slices.Equal(got, want[i]) {
				t.Fatalf("target %d:\n got %q\nwant %q", i, got, want[i])
			}
		}
	})
}

// Forward, rebalance and broadcast keep each record, too.
func TestOtherExchanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 4).Draw(t, "targets")
		w, gates := newWriters(n, rapid.IntRange(1, 9).Draw(t, "size"))
		kind := rapid.SampledFrom([]Exchange{Forward, Rebalance, Broadcast}).Draw(t, "exchange")
		divide := map[Exchange]func(*Batch) error{Forward: w.forward, Rebalance: w.rebalance, Broadcast: w.broadcast}[kind]
		var want []string
		for range rapid.IntRange(1, 6).Draw(t, "batches") {
			b := drawBatch(t, 12)
			want = append(want, rowsText(b)...)
			if err := divide(b); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.flush(); err != nil {
			t.Fatal(err)
		}
		var all []string
		for i, g := range gates {
			var got []string
			for _, b := range drain(g) {
				if err := b.check(mixed); err != nil {
					t.Fatal(err)
				}
				got = append(got, rowsText(b)...)
			}
			if kind == Broadcast || (kind == Forward && i == 0) {
				if !slices.Equal(got, want) {
					t.Fatalf("target %d:\n got %q\nwant %q", i, got, want)
				}
			}
			all = append(all, got...)
		}
		if kind == Rebalance {
			slices.Sort(all)
			slices.Sort(want)
			if !slices.Equal(all, want) {
				t.Fatalf("got %q\nwant %q", all, want)
			}
		}
	})
}

func TestRebalanceTakesTurns(t *testing.T) {
	w, gates := newWriters(3, 4)
	for range 6 {
		b := NewBatch(mixed, 4)
		for range 4 {
			b.Append(NoTime, true, 1, 1.0, "", []byte{}, 1)
		}
		if err := w.rebalance(b); err != nil {
			t.Fatal(err)
		}
	}
	for i, g := range gates {
		if n := len(drain(g)); n != 2 {
			t.Errorf("target %d got %d batches of 6", i, n)
		}
	}
}

// A batch that was flushed has had its turn, however small it was.
func TestRebalanceOfFewRecords(t *testing.T) {
	w, gates := newWriters(3, 4)
	for range 6 {
		b := NewBatch(mixed, 1)
		b.Append(NoTime, true, 1, 1.0, "", []byte{}, 1)
		if err := w.rebalance(b); err != nil {
			t.Fatal(err)
		}
		if err := w.flush(); err != nil {
			t.Fatal(err)
		}
	}
	for i, g := range gates {
		if n := len(drain(g)); n != 2 {
			t.Errorf("target %d got %d records of 6", i, n)
		}
	}
}

// A batch that is released serves again, but for one whose columns lie in the same memory.
func TestRelease(t *testing.T) {
	p := newPool(NewSchema(Column{"a", Long}, Column{"b", Long}), 4)
	b := p.get()
	b.Append(5, 1, 2)
	b.Release()
	b.Release() // of no effect: the first one gave it away
	for range 3 {
		if g := p.get(); g.N != 0 || g.Times != nil || len(g.Vectors[0].Longs) != 0 {
			t.Errorf("a spare batch is not empty: %+v", g)
		}
	}
	b = p.get()
	b.Vectors[1] = b.Vectors[0]
	if !b.shares() {
		t.Error("two columns in the same memory are not seen")
	}
	c := p.get()
	c.Append(NoTime, 1, nil)
	d := c.Clone()
	c.Vectors[0].Longs[0], c.Vectors[1].Nulls[0] = 7, false
	if d.Value(0, 0) != int64(1) || d.Value(1, 0) != nil || d.Times != nil {
		t.Errorf("a clone changes with its original: %+v", d)
	}
}

func TestGateBounds(t *testing.T) {
	g := newGate([]int{0, 0}, 2, make(chan struct{}, 1))
	ctx, cancel := context.WithCancelCause(context.Background())
	put := func(ch int, kind elementKind) error { return g.put(ctx, ch, element{kind: kind, batch: &Batch{}}) }
	for range 2 {
		if err := put(0, records); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 { // events always find room
		if err := put(0, watermark); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan error, 1)
	go func() { done <- put(0, records) }()
	select {
	case <-done:
		t.Fatal("a batch beyond the bound")
	case <-time.After(20 * time.Millisecond):
	}
	g.poll()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	go func() { done <- put(0, records) }()
	time.Sleep(5 * time.Millisecond)
	cancel(errCanceled)
	if err := <-done; err != errCanceled {
		t.Errorf("cancelled: %v", err)
	}
}

// Where nobody reads any more, nobody waits for room.
func TestGateEnds(t *testing.T) {
	g := newGate([]int{0, 0}, 1, make(chan struct{}, 1))
	done := make(chan error, 2)
	for ch := range 2 {
		for range 2 {
			go func() { done <- g.put(t.Context(), ch, element{kind: records}) }()
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		select {
		case <-done:
			t.Fatal("a batch beyond the bound")
		case <-time.After(5 * time.Millisecond):
		}
	}
	g.end()
	for range 2 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if err := g.put(t.Context(), 0, element{kind: records}); err != nil {
		t.Fatal(err)
	}
}

// A channel that is held back is not read; the others are.
func TestGateBlocks(t *testing.T) {
	g := newGate([]int{0, 1}, 4, make(chan struct{}, 1))
	ctx := context.Background()
	for ch := range 2 {
		for range 2 {
			if err := g.put(ctx, ch, element{kind: records}); err != nil {
				t.Fatal(err)
			}
		}
	}
	g.block(0)
	for range 2 {
		if ch, _, ok := g.poll(); !ok || ch != 1 {
			t.Fatalf("channel %d %v", ch, ok)
		}
	}
	if _, _, ok := g.poll(); ok {
		t.Fatal("a channel that is held back was read")
	}
	g.unblock()
	if ch, _, ok := g.poll(); !ok || ch != 0 {
		t.Fatalf("channel %d %v", ch, ok)
	}
}

// Many senders and one reader: nothing is lost, and each channel keeps its order.
func TestGateConcurrently(t *testing.T) {
	const senders, each = 4, 2000
	wake := make(chan struct{}, 1)
	g := newGate(make([]int, senders), 3, wake)
	var all sync.WaitGroup
	for ch := range senders {
		all.Go(func() {
			for i := range each {
				kind := records
				if i%7 == 0 {
					kind = watermark
				}
				if err := g.put(context.Background(), ch, element{kind: kind, ts: int64(i)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var next [senders]int64
	for got := 0; got < senders*each; {
		ch, e, ok := g.poll()
		if !ok {
			<-wake
			continue
		}
		if e.ts != next[ch] {
			t.Fatalf("channel %d: %d, want %d", ch, e.ts, next[ch])
		}
		next[ch]++
		got++
	}
	all.Wait()
}

func TestEmittedBatchIsChecked(t *testing.T) {
	s := NewSchema(Column{"a", Long})
	o := &outlet{schema: s}
	for name, b := range map[string]*Batch{
		"another schema": {Schema: NewSchema(Column{"a", String}), Vectors: make([]Vector, 1)},
		"too few values": {Schema: s, N: 2, Vectors: []Vector{{Longs: []int64{1}}}},
		"too few times":  {Schema: s, N: 1, Vectors: []Vector{{Longs: []int64{1}}}, Times: []int64{}},
	} {
		if err := o.emit(b); err == nil {
			t.Errorf("%s: emitted", name)
		}
	}
	if err := o.emit(&Batch{Schema: NewSchema(Column{"a", Long}), N: 1, Vectors: []Vector{{Longs: []int64{1}}}}); err != nil {
		t.Errorf("an equal schema: %v", err)
	}
}
