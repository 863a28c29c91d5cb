package census

import "math/bits"

// Sizes are how often which sizes occur: exactly up to 127, in classes above it that are at most
// 1/64 wide, as seen from their beginning. So a quantile is at most 0.8 % off.
type Sizes struct {
	Count    int64
	Sum      int64
	Min, Max int64
	classes  []int64
}

// subBits is how many bits of a size below its highest one choose its class.
const subBits = 6

// Add notes a size, in bytes.
func (s *Sizes) Add(size int64) {
	if s.Count == 0 || size < s.Min {
		s.Min = size
	}
	s.Max = max(s.Max, size)
	s.Count++
	s.Sum += size
	c := class(uint64(size))
	if c >= len(s.classes) {
		s.classes = append(s.classes, make([]int64, c+1-len(s.classes))...)
	}
	s.classes[c]++
}

func class(size uint64) int {
	if size < 1<<(subBits+1) {
		return int(size)
	}
	shift := bits.Len64(size) - subBits - 1
	return shift<<subBits + int(size>>shift)
}

// middle is the size in the middle of a class.
func middle(class int) int64 {
	if class < 1<<(subBits+1) {
		return int64(class)
	}
	shift := class>>subBits - 1
	low := uint64(class-shift<<subBits) << shift
	return int64(low + (1<<shift-1)/2)
}

// Merge adds the sizes of other.
func (s *Sizes) Merge(other *Sizes) {
	if other.Count == 0 {
		return
	}
	if s.Count == 0 || other.Min < s.Min {
		s.Min = other.Min
	}
	s.Max = max(s.Max, other.Max)
	s.Count += other.Count
	s.Sum += other.Sum
	if n := len(other.classes) - len(s.classes); n > 0 {
		s.classes = append(s.classes, make([]int64, n)...)
	}
	for c, n := range other.classes {
		s.classes[c] += n
	}
}

// Mean is the average, 0 where there is none.
func (s *Sizes) Mean() float64 {
	if s.Count == 0 {
		return 0
	}
	return float64(s.Sum) / float64(s.Count)
}

// Quantile is the size that the part q of all sizes does not exceed, 0.99 for one in a hundred that does.
func (s *Sizes) Quantile(q float64) int64 {
	rank := int64(q*float64(s.Count) + 0.999999)
	for c, n := range s.classes {
		if rank -= n; rank <= 0 && n > 0 {
			return min(max(middle(c), s.Min), s.Max)
		}
	}
	return s.Max
}
