package overview_test

import (
	"bytes"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/overview"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
	"testing"
)

func BenchmarkBuild(b *testing.B) {
	data, err := metadata.Encode(testdata.Large(20, 500, 100))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	outside := func(p string) (layout.Location, error) { return layout.Location{URL: p, How: layout.Outside}, nil }
	for b.Loop() {
		if _, err := overview.Build(bytes.NewReader(data), int64(len(data)), "s3://bucket/flink/checkpoints/0123456789abcdef0123456789abcdef/chk-42", outside, overview.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
