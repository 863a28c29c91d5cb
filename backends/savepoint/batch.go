package savepoint

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/ckpt-tool/ckpt/backends"
)

// batch is some entries of one state, as they lie in the stream one after the other.
type batch struct {
	data    []byte
	entries []placed
}

// placed is an entry in a batch. Most keys are told apart by their head.
type placed struct {
	head     uint64 // the first bytes of the key
	from, to int
}

// keepBatch is how many bytes a batch may keep while it is not needed.
const keepBatch = 4 << 20

func (b *batch) reset() {
	if cap(b.data) > keepBatch {
		b.data, b.entries = nil, nil
	}
	b.data, b.entries = b.data[:0], b.entries[:0]
}

// add adds a row, whose bytes are copied.
func (b *batch) add(row *backends.Row, kg int32) error {
	if err := checkRow(row, kg); err != nil {
		return err
	}
	from := len(b.data)
	b.data = binary.BigEndian.AppendUint32(b.data, uint32(len(row.Key)+len(row.Sub)))
	b.data = append(append(b.data, row.Key...), row.Sub...)
	b.data = binary.BigEndian.AppendUint32(b.data, uint32(len(row.Value)))
	b.data = append(b.data, row.Value...)
	b.entries = append(b.entries, placed{headOf(keyOf(b.data[from:])), from, len(b.data)})
	return nil
}

// headOf is the first 8 bytes of a key as a number that sorts as they do.
func headOf(key []byte) uint64 {
	if len(key) >= 8 {
		return binary.BigEndian.Uint64(key)
	}
	var b [8]byte
	copy(b[:], key)
	return binary.BigEndian.Uint64(b[:])
}

// keyOf is the key of an entry.
func keyOf(entry []byte) []byte {
	return entry[lenSize:][:binary.BigEndian.Uint32(entry)]
}

func compareEntries(a, b []byte) int { return bytes.Compare(keyOf(a), keyOf(b)) }

// each calls do with the entries, by ascending keys. No two are of the same key.
func (b *batch) each(do func(entry []byte) error) error {
	slices.SortFunc(b.entries, func(x, y placed) int {
		if x.head != y.head {
			return cmp.Compare(x.head, y.head)
		}
		return compareEntries(b.data[x.from:x.to], b.data[y.from:y.to])
	})
	for i, e := range b.entries {
		entry := b.data[e.from:e.to]
		if i > 0 && e.head == b.entries[i-1].head && compareEntries(b.data[b.entries[i-1].from:b.entries[i-1].to], entry) == 0 {
			return fmt.Errorf("the key %x is there twice", keyOf(entry))
		}
		if err := do(entry); err != nil {
			return err
		}
	}
	return nil
}
