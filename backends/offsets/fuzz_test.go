package offsets_test

import (
	"errors"
	"testing"

	"github.com/ckpt-tool/ckpt/backends/offsets"
)

// fuzz feeds a decoder with what connectors wrote. Whatever it makes of other bytes, it must not panic, and its only error is
// ErrUnknown.
func fuzz(f *testing.F, read func([]byte) (any, error), more ...string) {
	for _, data := range written(f) {
		f.Add(data)
		f.Add(coordinator(data))
	}
	for _, text := range more {
		f.Add(fromHex(f, text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := read(data); err != nil && !errors.Is(err, offsets.ErrUnknown) {
			t.Error(err)
		}
	})
}

func FuzzSplit(f *testing.F) {
	fuzz(f, func(b []byte) (any, error) { return offsets.Split(b) })
}

func FuzzEnumerator(f *testing.F) {
	fuzz(f, func(b []byte) (any, error) { return offsets.Enumerator(b) })
}

func FuzzKafkaConsumer(f *testing.F) {
	fuzz(f, func(b []byte) (any, error) { return offsets.KafkaConsumer(b) })
}

func FuzzKafkaProducer(f *testing.F) {
	fuzz(f, func(b []byte) (any, error) { return offsets.KafkaProducer(b) })
}

func FuzzFileReader(f *testing.F) {
	fuzz(f, func(b []byte) (any, error) { return offsets.FileReader(b) })
}

func FuzzKafkaWriter(f *testing.F) {
	fuzz(f, func(b []byte) (any, error) { return offsets.KafkaWriter(b) },
		"000000020000002a000566782d747800000001000000020000000000000001000966782d74782d312d320000000000000002")
}

func FuzzCommitter(f *testing.F) {
	fuzz(f, func(b []byte) (any, error) { return offsets.Committer(b) },
		"0000000200000065b91f252c00000001000000010000005500000000000000020000000200000002000000010000003d00000001000000000000000100000025000000010000001500120000000000000006000966782d74782d312d3200000000000000000000000100000000",
		"000000020000008db91f252c0000000000000002000000280000000000000001000000000000000100000014000000000000000000000001000000010000000000000051000000000000000200000000000000010000003d0000000000000001000000250000000100000015000c0000000000000006000966782d74782d312d320000000000000000000000010000000000000000")
}
