package changelog

import (
	"context"
	"fmt"
	"iter"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
)

// BenchmarkEntries reads 200,000 entries that were materialized, with a log of so many changes over them.
func BenchmarkEntries(b *testing.B) {
	const entries = 200_000
	st := stateOf(b, valueState)
	under := &given{states: []*backends.State{st}}
	key := func(i int) string { return fmt.Sprintf("user-%d", i) }
	for i := range entries {
		under.entries = append(under.entries, backends.Entry{State: st, KeyGroup: int32(i * 128 / entries), Key: str(key(i)), Namespace: str("n"), Value: u64(i)})
	}
	for _, changes := range []int{0, 1000, 200_000} {
		groups := make([]grouped, 128)
		for i := range changes {
			kg := i % 128
			groups[kg].keyGroup = kg
			at := kg*entries/128 + 1 + i/128%(entries/128-2)
			groups[kg].changes = append(groups[kg].changes, on(opSet, valueState, key(at), "n", u64(i)))
		}
		h, files := forms["plain"]([][]grouped{logOf()[0], groups})
		b.Run(fmt.Sprint(changes), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r, err := Open(context.Background(), files, h, []backends.Reader{quick{under}}, backends.Origin{Range: all, MaxParallelism: 128}, nil)
				if err != nil {
					b.Fatal(err)
				}
				n := 0
				for _, err := range r.Entries(context.Background(), backends.Everything(all)) {
					if err != nil {
						b.Fatal(err)
					}
					n++
				}
				if n != entries {
					b.Fatalf("%d entries", n)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/entries, "ns/entry")
		})
	}
}

// quick is a given whose entries are not spoilt.
type quick struct{ *given }

func (q quick) Entries(context.Context, backends.Selection) iter.Seq2[backends.Entry, error] {
	return func(yield func(backends.Entry, error) bool) {
		for i := range q.entries {
			if !yield(q.entries[i], nil) {
				return
			}
		}
	}
}
