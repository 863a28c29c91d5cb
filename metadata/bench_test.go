package metadata_test

import (
	"bytes"
	"sync"
	"testing"

	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
)

// large is a file with 1,000,000 shared-file handles.
var large = sync.OnceValue(func() []byte {
	data, err := metadata.Encode(testdata.Large(20, 500, 100))
	if err != nil {
		panic(err)
	}
	return data
})

func BenchmarkDecode(b *testing.B) {
	data := large()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := metadata.Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSummarize(b *testing.B) {
	data := large()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := metadata.Summarize(bytes.NewReader(data), int64(len(data)), metadata.Visitor{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	data := large()
	c, err := metadata.Decode(data)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	buf := make([]byte, 0, len(data))
	for b.Loop() {
		if _, err := c.AppendTo(buf); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWalk(b *testing.B) {
	c, err := metadata.Decode(large())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		n := 0
		for range c.Walk() {
			n++
		}
		if n < 1_000_000 {
			b.Fatal(n)
		}
	}
}
