package coordinator

import (
	"math"
	"slices"
)

// Distribution is of one figure (Flink: StatsSummary). Percentiles are of the latest 10,000 values.
type Distribution struct {
	Count, Sum, Min, Max int64
	sorted               []int64
}

// Average is 0 where there are no values.
func (d Distribution) Average() int64 {
	if d.Count == 0 {
		return 0
	}
	return d.Sum / d.Count
}

// Percentile is the smallest value that at least p percent of the values do not exceed; p between 0 and 100. 0 where there are no values.
func (d Distribution) Percentile(p float64) int64 {
	if len(d.sorted) == 0 {
		return 0
	}
	i := int(math.Ceil(p/100*float64(len(d.sorted)))) - 1
	return d.sorted[min(max(i, 0), len(d.sorted)-1)]
}

// window is how many of the latest values percentiles are of (Flink: CompletedCheckpointStatsSummary.HISTOGRAM_WINDOW_SIZE).
const window = 10_000

// samples gathers a Distribution.
type samples struct {
	d      Distribution
	values []int64 // a ring
	next   int
}

func (s *samples) add(v int64) {
	if s.d.Count == 0 {
		s.d.Min, s.d.Max = v, v
	}
	s.d.Count++
	s.d.Sum += v
	s.d.Min, s.d.Max = min(s.d.Min, v), max(s.d.Max, v)
	if len(s.values) < window {
		s.values = append(s.values, v)
		return
	}
	s.values[s.next] = v
	s.next = (s.next + 1) % window
}

func (s *samples) distribution() Distribution {
	d := s.d
	d.sorted = slices.Sorted(slices.Values(s.values))
	return d
}
