package pebble

import (
	"bytes"
	"io"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/ckpt-tool/ckpt/backends"
)

const delimiter = backends.ListDelimiter

// appendMerger joins the elements of lists as Flink's RocksDB does (StringAppendTESTOperator).
var appendMerger = &pebble.Merger{
	Name: "StringAppendTESTOperator",
	Merge: func(_, value []byte) (pebble.ValueMerger, error) {
		return &joining{newer: bytes.Clone(value)}, nil
	},
}

// joining is a list being put together. Pieces come from the newest to the oldest, or the other way.
type joining struct {
	newer []byte
	older [][]byte // before newer, the newest first
}

// MergeNewer implements pebble.ValueMerger.
func (j *joining) MergeNewer(value []byte) error {
	j.newer = appendElement(j.newer, value)
	return nil
}

// MergeOlder implements pebble.ValueMerger.
func (j *joining) MergeOlder(value []byte) error {
	j.older = append(j.older, bytes.Clone(value))
	return nil
}

// Finish implements pebble.ValueMerger.
func (j *joining) Finish(bool) ([]byte, io.Closer, error) {
	if len(j.older) == 0 {
		return j.newer, nil, nil
	}
	slices.Reverse(j.older)
	return bytes.Join(append(j.older, j.newer), []byte{delimiter}), nil, nil
}

func appendElement(list, element []byte) []byte {
	return append(append(list, delimiter), element...)
}
