package bytetable

import (
	"encoding/binary"
	"sync"
	"testing"
)

// TestConcurrent: views are read by others, and released, while the table changes.
func TestConcurrent(t *testing.T) {
	const n = 5000
	table := New()
	var wait sync.WaitGroup
	var value [8]byte
	for round := range uint64(20) {
		binary.BigEndian.PutUint64(value[:], round)
		var k benchKey
		for i := range n {
			table.Put(k.set(i), value[:], byte(round))
			table.Append([]byte("list"), nil, value[:], 0)
		}
		view := table.Freeze()
		wait.Go(func() {
			defer view.Release()
			seen := 0
			for e := range view.All() {
				if string(e.Key) == "list" {
					if want := 8 * n * int(round+1); len(e.Value) != want {
						t.Errorf("round %d: a list of %d bytes, not %d", round, len(e.Value), want)
					}
					continue
				}
				if got := binary.BigEndian.Uint64(e.Value); got != round || e.Flags != byte(round) {
					t.Errorf("round %d: a value of round %d", round, got)
					return
				}
				seen++
			}
			if seen != n || view.Len() != n+1 {
				t.Errorf("round %d: %d entries", round, seen)
			}
		})
	}
	wait.Wait()
	if table.frozen.Load() != 0 || len(table.views) != 0 {
		t.Error("something is shared still")
	}
}
