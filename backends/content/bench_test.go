package content

import (
	"bytes"
	"io"
	"testing"
	"time"
)

// onlyReader hides that its source could be written elsewhere without a copy.
type onlyReader struct{ io.Reader }

// BenchmarkCheck reads 256 MB of key groups, and the same bytes with io.Copy in the same
// run: "copies" is how many times as long Check takes.
func BenchmarkCheck(b *testing.B) {
	const size = 256 << 20
	payload := words(2 << 20)
	for name, build := range map[string]func() *stored{
		"heap":       func() *stored { return heapStored(b, size/len(payload), payload, false) },
		"compressed": func() *stored { return heapStored(b, 128, words(5<<20), true) },
		"canonical":  func() *stored { return canonicalStored(b, 128, 38_000, false) },
		"changelog":  func() *stored { return changelogStored(b, words(size/2), false) },
	} {
		b.Run(name, func(b *testing.B) {
			f := build()
			b.SetBytes(int64(len(f.data)))
			var check, copied time.Duration
			for b.Loop() {
				start := time.Now()
				err := Check(f.parts, int64(len(f.data)), onlyReader{bytes.NewReader(f.data)}, func(p Problem) { b.Errorf("%+v", p) })
				check += time.Since(start)
				b.StopTimer()
				start = time.Now()
				_, copyErr := io.Copy(io.Discard, onlyReader{bytes.NewReader(f.data)})
				copied += time.Since(start)
				b.StartTimer()
				if err != nil || copyErr != nil {
					b.Fatal(err, copyErr)
				}
			}
			b.ReportMetric(check.Seconds()/copied.Seconds(), "copies")
		})
	}
}
