package content

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestFlips changes one byte at a time, anywhere in files of each kind, and prints how
// many of the changes are found. All are, where checksums cover the file; most of what
// is left is within values, and in the snapshots of serializers.
func TestFlips(t *testing.T) {
	const most = 1000
	byKind := storedByKind(t)
	random := rand.New(rand.NewPCG(1, 2))
	for _, kind := range slices.Sorted(maps.Keys(byKind)) {
		files := byKind[kind]
		n, found := min(most, len(files)*200), 0
		for range n {
			f := files[random.IntN(len(files))]
			at, bit := within(random, f), byte(1+random.IntN(255))
			f.data[at] ^= bit
			if len(f.check(t, f.data)) > 0 {
				found++
			}
			f.data[at] ^= bit
		}
		t.Logf("%-24s %5d files, %5d of %5d flips found: %5.1f %%", kind, len(files), found, n, 100*float64(found)/float64(n))
		if summed := strings.Contains(kind, "compressed") || kind == "MANIFEST"; summed && found == 0 {
			t.Errorf("%s has checksums, and nothing is found", kind)
		}
	}
}

// within is a position in one of the parts: the rest of a file is not looked at.
func within(random *rand.Rand, f *stored) int64 {
	p := f.parts[random.IntN(len(f.parts))]
	if p.Size < 0 {
		p.Size = int64(len(f.data)) - p.Start
	}
	return p.Start + random.Int64N(max(p.Size, 1))
}

// storedByKind is files of one kind each. Those that have no checksum and no structure are left out.
func storedByKind(tb testing.TB) map[string][]*stored {
	tb.Helper()
	byKind := map[string][]*stored{}
	for root, all := range snapshots(tb) {
		for _, s := range all {
			for _, f := range filesOf(tb, root, s) {
				if len(f.data) == 0 || len(f.kinds()) != 1 {
					continue
				}
				switch k := kindOf(f.parts[0].Place); k {
				case opaque, rawOperator:
				default:
					name := k.String() + compression(f)
					byKind[name] = append(byKind[name], f)
				}
			}
		}
	}
	byKind["changelog, compressed"] = []*stored{changelogStored(tb, words(100_000), true)}
	return byKind
}

func compression(f *stored) string {
	if strings.Contains(string(f.data), identifier) {
		return ", compressed"
	}
	return ""
}

// TestKinds holds that the trees have every kind, so that no check goes untested.
func TestKinds(t *testing.T) {
	byKind := storedByKind(t)
	for k := keyed; k <= sst; k++ {
		if k != rawOperator && len(byKind[k.String()]) == 0 {
			t.Errorf("no file of %s", k)
		}
	}
	for k, files := range byKind {
		for _, f := range files {
			if f.parts[0].Place.Operator.MaxParallelism <= 0 {
				t.Errorf("%s: %s", k, fmt.Sprint(f.parts[0].Place.Operator))
			}
		}
	}
}
