package hashmap

import (
	"iter"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/bytetable"
)

// sweep is where Sweep goes on: at a part of the table of a key group.
type sweep struct {
	group int
	part  uint64
}

// Sweep implements backends.Sweeper. What it goes over at least is a part of one key group's table: up to some 3,000 entries.
func (t *table) Sweep(n int, f func(backends.Row) error) (bool, error) {
	for n > 0 && t.swept.group < len(t.groups) {
		kg := t.store.config.KeyGroups.First + int32(t.swept.group)
		g, err := t.at(kg)
		if err != nil {
			return false, err
		}
		if g == nil {
			t.swept.group++
			continue
		}
		entries, next := g.Part(t.swept.part)
		if t.swept.part = next; next == 0 {
			t.swept.group++
		}
		had, err := t.sweepPart(entries, kg, f)
		if err != nil {
			return false, err
		}
		n -= 1 + had // a part counts as well: many may be empty
	}
	end := t.swept.group == len(t.groups)
	if end {
		t.swept = sweep{}
	}
	return end, nil
}

// sweepPart calls f with the rows that lie in entries, of maps those of each bucket where it lies, and tells how many there were.
func (t *table) sweepPart(entries iter.Seq[bytetable.Entry], kg int32, f func(backends.Row) error) (int, error) {
	n := 0
	for e := range entries {
		row := backends.Row{KeyGroup: kg, Key: e.Key, Value: e.Value}
		if !t.isMap {
			n++
			if err := f(row); err != nil {
				return n, err
			}
			continue
		}
		var pairs []byte
		row.Key, pairs = bucketEntry(e)
		for row.Sub, row.Value = range pairsOf(pairs) {
			n++
			if err := f(row); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}
