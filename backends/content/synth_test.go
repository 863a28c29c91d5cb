package content

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/klauspost/compress/s2"

	"github.com/ckpt-tool/ckpt/metadata"
)

// Streams in Flink's formats, of which the trees have none, or none that is large.

// framed compresses as Flink's SnappyFramedOutputStream does.
func framed(tb testing.TB, data []byte) []byte {
	tb.Helper()
	var out bytes.Buffer
	w := s2.NewWriter(&out, s2.WriterSnappyCompat(), s2.WriterBlockSize(blockSize), s2.WriterConcurrency(1))
	if _, err := w.Write(data); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// keyedHead is a KeyedBackendSerializationProxy of Long keys and no states.
func keyedHead(compressed bool) []byte {
	b := binary.BigEndian.AppendUint32(nil, keyedVersion)
	b = append(b, 0)
	if compressed {
		b[4] = 1
	}
	b = binary.BigEndian.AppendUint32(b, snapshotVersion)
	const class = "org.apache.flink.api.common.typeutils.base.LongSerializer$LongSerializerSnapshot"
	b = binary.BigEndian.AppendUint16(b, uint16(len(class)))
	b = append(b, class...)
	return append(b, 0, 0, 0, 3, 0, 0)
}

// keyGroupsOf is a stored stream of key groups 0 to n-1, each written by group.
func keyGroupsOf(tag metadata.Tag, n int, compressed bool, group func(id int) []byte) *stored {
	h := &metadata.KeyGroupsHandle{Tag: tag, Range: metadata.KeyGroupRange{First: 0, Last: int32(n - 1)}}
	data := keyedHead(compressed)
	for id := range n {
		h.Offsets = append(h.Offsets, int64(len(data)))
		data = append(data, group(id)...)
	}
	h.Delegate = &metadata.RelativeFileHandle{Path: "keyed", Size: int64(len(data))}
	p := metadata.Place{Operator: &metadata.OperatorState{MaxParallelism: 128}, Slot: metadata.ManagedKeyed, Role: metadata.Delegate, Parent: h}
	return &stored{name: "key groups", data: data, parts: []Part{NewPart(p, h.Delegate)}}
}

// heapStored is two states by key group, of which one has no entries.
func heapStored(tb testing.TB, groups int, payload []byte, compressed bool) *stored {
	wrap := func(b []byte) []byte { return b }
	if compressed {
		wrap = func(b []byte) []byte { return framed(tb, b) }
	}
	full := wrap(append([]byte{0, 1, 0, 0, 0, 9}, payload...))
	empty := wrap([]byte{0, 0, 0, 0, 0, 0})
	return keyGroupsOf(metadata.TagKeyGroupsV2, groups, compressed, func(id int) []byte {
		b := binary.BigEndian.AppendUint32(nil, uint32(id))
		return append(append(b, empty...), full...)
	})
}

// canonicalStored has two states with entries in each key group.
func canonicalStored(tb testing.TB, groups, entries int, compressed bool) *stored {
	return keyGroupsOf(metadata.TagSavepointKeyGroups, groups, compressed, func(id int) []byte {
		b := []byte{0, 0}
		for i := range 2 * entries {
			first := byte(id)
			last := i%entries == entries-1
			if last {
				first |= metaFollows
			}
			b = append(b, 0, 0, 0, 10, first, 0, 0, 0, 0, 0, 0, byte(i>>8), byte(i), 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, byte(i))
			if last && i < entries {
				b = append(b, 0, 1)
			}
		}
		if b = append(b, 0xff, 0xff); compressed {
			return framed(tb, b)
		}
		return b
	})
}

// changelogStored is two change sets in one file, one sub-task's each.
func changelogStored(tb testing.TB, payload []byte, compressed bool) *stored {
	set := binary.BigEndian.AppendUint32([]byte{0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 5}, uint32(len(payload)))
	set = append(set, payload...)
	body := append(bytes.Clone(set), set...)
	data := append([]byte{0}, body...)
	if compressed {
		data = append([]byte{1}, framed(tb, body)...)
	}
	f := &stored{name: "changelog", data: data}
	for i := range 2 {
		file := &metadata.FileHandle{Path: "dstl", Size: int64(len(set))}
		h := &metadata.ChangelogFileHandle{Tag: metadata.TagChangelogFileV2, Range: metadata.KeyGroupRange{First: 0, Last: 9}, StorageID: "filesystem",
			Parts: []metadata.ChangelogPart{{Offset: int64(i * len(set)), File: file}}}
		p := metadata.Place{Operator: &metadata.OperatorState{MaxParallelism: 128}, Slot: metadata.ManagedKeyed, Role: metadata.ChangelogLog, Parent: h}
		f.parts = append(f.parts, NewPart(p, file))
	}
	return f
}

// words are bytes that compress about as state does.
func words(n int) []byte {
	b, x := make([]byte, 0, n), uint32(1)
	for len(b) < n {
		x = x*1664525 + 1013904223
		b = append(b, "the key group number value of state"[x>>27:]...)
		b = binary.BigEndian.AppendUint32(b, x)
	}
	return b[:n]
}

func TestSynthetic(t *testing.T) {
	for _, compressed := range []bool{false, true} {
		for _, f := range []*stored{
			heapStored(t, 20, words(300_000), compressed), heapStored(t, 3, words(9), compressed),
			canonicalStored(t, 20, 40, compressed), canonicalStored(t, 2, 40_000, compressed),
			changelogStored(t, words(200_000), compressed), changelogStored(t, nil, compressed),
		} {
			for _, p := range f.check(t, f.data) {
				t.Errorf("%s, compressed %v, at %d: %s", f.name, compressed, p.Offset, p.Message)
			}
		}
	}
}
