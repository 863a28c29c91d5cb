package offsets

import (
	"math"
	"strconv"
)

// sequenceSplit reads a split of NumberSequenceSource, of which DataGeneratorSource makes its records. Their ids
// are numbers from 1 on.
func sequenceSplit(r *reader) Position {
	p := newPosition("sequence", "")
	p.Split = r.utf()
	p.Offset = r.i64()
	last := r.i64()
	p.Last = &last
	if p.Left = last - p.Offset + 1; p.Left <= 0 {
		p.Left = math.MaxInt64 // the sequence of all numbers has more than can be counted
	}
	if id, err := strconv.Atoi(p.Split); err != nil || id < 1 || p.Split != strconv.Itoa(id) {
		r.fail("%q is no split of a sequence", p.Split)
	}
	if p.Offset > last {
		r.fail("a sequence from %d to %d", p.Offset, last)
	}
	return p
}

func sequenceEnumerator(r *reader, c *Coordinator) {
	for n := r.count(18); n > 0 && r.ok(); n-- {
		c.unassigned(sequenceSplit(r))
	}
}
