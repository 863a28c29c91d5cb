package verify

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

// Sample says how much of the content is read. The zero value reads all.
type Sample struct {
	Fraction float64 // of the files; 0 for no such bound
	Bytes    int64   // about so many; 0 for no such bound
	Seed     uint64  // which files they are

	taken, state *atomic.Int64 // bytes of files, and of state
}

// ParseSample reads "5%" or "10G"; units are powers of 1024, as Flink's are. size reads
// the latter.
func ParseSample(s string, size func(string) (int64, error)) (Sample, error) {
	if percent, ok := strings.CutSuffix(s, "%"); ok {
		p, err := strconv.ParseFloat(percent, 64)
		if err != nil || math.IsNaN(p) || p <= 0 || p > 100 {
			return Sample{}, fmt.Errorf("%q: want a percentage above 0%% and up to 100%%", s)
		}
		return Sample{Fraction: p / 100}, nil
	}
	n, err := size(s)
	if err != nil || n <= 0 || s[len(s)-1] <= '9' { // a bare number is mostly a percentage without its sign
		return Sample{}, fmt.Errorf("%q: want a percentage such as 5%%, or bytes such as 10G", s)
	}
	return Sample{Bytes: n, taken: new(atomic.Int64), state: new(atomic.Int64)}, nil
}

// skips decides by the file's place and the seed, so that runs with one seed read the
// same files.
func (s Sample) skips(u *unit) bool {
	switch {
	case s.Fraction > 0:
		return s.lot(u) >= s.Fraction
	case s.Bytes > 0:
		size := u.length
		if u.size >= 0 {
			size = u.size
		}
		return s.taken.Add(size)-size >= s.Bytes
	}
	return false
}

// sort brings units into the order in which they are read: that of their places, so
// that disks read ahead; but where only some bytes are read, that of their lots.
func (s Sample) sort(units []*unit) {
	slices.SortFunc(units, func(a, b *unit) int {
		if s.Bytes > 0 {
			return cmp.Compare(s.lot(a), s.lot(b))
		}
		return cmp.Or(strings.Compare(a.url, b.url), cmp.Compare(a.start, b.start))
	})
}

// lot is a number from 0 up to 1.
func (s Sample) lot(u *unit) float64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %d %s", s.Seed, u.start, u.url)
	x := h.Sum64()
	x ^= x >> 33 // FNV mixes its low bits better than its high ones
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return float64(x>>11) / (1 << 53)
}
