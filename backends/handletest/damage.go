package handletest

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
)

// Region is a stretch of a stream, for counting.
type Region struct {
	Name     string
	From, To int64
}

// Flips changes each byte of h once, and tells of each region how many of the changes keep no reader from giving
// what the whole stream gives, and of how many it tells. open opens the changed stream. It fails the test where
// reading takes memory beyond 32 MiB.
func Flips(tb testing.TB, h *Handle, regions []Region, open func(Files) (backends.Reader, error)) map[string]string {
	tb.Helper()
	counts := map[string]string{}
	clean, errs := readAll(open, h.Files().Blob, h.Origin.Range)
	if len(errs) > 0 || len(clean) == 0 {
		tb.Fatalf("%d entries, and %v", len(clean), errs)
	}
	for _, r := range regions {
		told, same, wrong := 0, 0, 0
		for at := r.From; at < r.To; at++ {
			b := h.Blob()
			b.Data = bytes.Clone(h.Data)
			b.Data[at] ^= 0xff >> (at % 8)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			lines, errs := readAll(open, b, h.Origin.Range)
			runtime.ReadMemStats(&after)
			if d := after.TotalAlloc - before.TotalAlloc; d > 32<<20 {
				tb.Errorf("byte %d changed: %d bytes of memory", at, d)
			}
			switch {
			case len(errs) > 0:
				told++
			case strings.Join(lines, "\n") == strings.Join(clean, "\n"):
				same++
			default:
				wrong++
			}
		}
		counts[r.Name] = fmt.Sprintf("%d bytes: %d told, %d of no consequence, %d change values", r.To-r.From, told, same, wrong)
	}
	return counts
}

func readAll(open func(Files) (backends.Reader, error), b backends.Blob, groups metadata.KeyGroupRange) ([]string, []error) {
	r, err := open(Files{b})
	if err != nil {
		return nil, []error{err}
	}
	return Lines(r.Entries(context.Background(), backends.Everything(groups)))
}
