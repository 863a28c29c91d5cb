package content

import (
	"bytes"
	"encoding/binary"
	"io"
	"runtime"
	"testing"

	"github.com/ckpt-tool/ckpt/metadata"
)

// FuzzCheck reads any bytes as any kind of state, with any offsets, which must neither
// panic nor take long nor tell without end.
func FuzzCheck(f *testing.F) {
	seeds := 0
	for _, files := range storedByKind(f) {
		for _, s := range files[:min(len(files), 6)] {
			if len(s.data) > 16<<10 {
				continue
			}
			p := s.parts[0]
			f.Add(s.data, uint8(kindOf(p.Place)), encodeOffsets(p), p.Start, p.Size, int64(len(s.data)))
			seeds++
		}
	}
	if seeds < 20 {
		f.Fatalf("%d seeds", seeds)
	}
	f.Fuzz(func(t *testing.T, data []byte, k uint8, offsets []byte, start, length, size int64) {
		parts := partsOf(kind(k%uint8(sst+1)), decodeOffsets(offsets), start, length)
		told := 0
		src := &counting{Reader: bytes.NewReader(data)}
		err := Check(parts, size, src, func(p Problem) {
			if told++; p.Offset < 0 || p.Message == "" {
				t.Errorf("%+v", p)
			}
		})
		if err != nil || src.n != len(data) {
			t.Errorf("%d of %d bytes read: %v", src.n, len(data), err)
		}
		if told > len(parts)*(2*mostProblems+4) {
			t.Errorf("%d problems of %d parts", told, len(parts))
		}
	})
}

type counting struct {
	io.Reader
	n int
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

func decodeOffsets(b []byte) (all []int64) {
	for ; len(b) >= 8; b = b[8:] {
		all = append(all, int64(binary.BigEndian.Uint64(b)))
	}
	return all
}

func encodeOffsets(p Part) (b []byte) {
	var all []int64
	switch h := p.Place.Parent.(type) {
	case *metadata.KeyGroupsHandle:
		all = h.Offsets
	case *metadata.OperatorStateHandle:
		for _, s := range h.States {
			all = append(all, s.Offsets...)
		}
	case *metadata.SingleChannelHandle:
		all = h.Offsets
	}
	for _, o := range all {
		b = binary.BigEndian.AppendUint64(b, uint64(o))
	}
	return b
}

// partsOf is two parts of a kind, of which the second is the rest of the file.
func partsOf(k kind, offsets []int64, start, length int64) []Part {
	file := &metadata.FileHandle{Path: "file:/x"}
	p := metadata.Place{Operator: &metadata.OperatorState{MaxParallelism: 128}, Slot: metadata.ManagedKeyed, Role: metadata.Delegate}
	switch k {
	case keyed, canonical, rawKeyed:
		h := &metadata.KeyGroupsHandle{Tag: metadata.TagKeyGroupsV2, Range: metadata.KeyGroupRange{Last: int32(len(offsets)) - 1}, Offsets: offsets}
		if p.Parent = h; k == canonical {
			h.Tag = metadata.TagSavepointKeyGroups
		}
		if k == rawKeyed {
			p.Slot = metadata.RawKeyed
		}
	case operator, rawOperator:
		p.Slot = metadata.ManagedOperator
		if k == rawOperator {
			p.Slot = metadata.RawOperator
		}
		half := len(offsets) / 2
		p.Parent = &metadata.OperatorStateHandle{States: []metadata.OperatorStateMeta{{Name: "", Offsets: offsets[:half]}, {Mode: metadata.Broadcast, Offsets: offsets[half:]}}}
	case channel:
		p.Parent = &metadata.SingleChannelHandle{Offsets: offsets}
	case changelog:
		h := &metadata.ChangelogFileHandle{StorageID: "filesystem"}
		for _, o := range offsets {
			h.Parts = append(h.Parts, metadata.ChangelogPart{Offset: o, File: file})
		}
		p.Parent = h
	case backendMeta, current, manifest, options, sst:
		h := &metadata.IncrementalHandle{}
		p.Parent, p.Role = h, metadata.PrivateFile
		if k == backendMeta {
			p.Role = metadata.MetaState
		}
		p.Name = map[kind]metadata.UTF{current: "CURRENT", manifest: "MANIFEST-000004", options: "OPTIONS-000007", sst: "000010.sst"}[k]
	}
	return []Part{{Place: p, Handle: file, Start: start, Size: length}, {Place: p, Handle: file, Start: start + max(length, 0), Size: -1}}
}

// TestMemory reads 16 MB of each kind that claim to be more than they are: what is
// allocated does not follow the file.
func TestMemory(t *testing.T) {
	const size, most = 16 << 20, 1 << 20
	for _, fill := range []byte{0x00, 0x01, 0x7f, 0xff} {
		for k := keyed; k <= sst; k++ {
			parts := partsOf(k, []int64{4, 60, 1000, size / 2}, 0, -1)[:1]
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if err := Check(parts, size, io.LimitReader(endless(fill), size), func(Problem) {}); err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > most {
				t.Errorf("%v of %#x: %d bytes allocated", k, fill, n)
			}
		}
	}
}

// endless is one byte, again and again.
type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}
