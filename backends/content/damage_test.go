package content

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends/stream"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
)

// fromTree gives the first file of a tree of the project that fits.
func fromTree(tb testing.TB, tree string, fits func(*stored) bool) *stored {
	tb.Helper()
	root := filepath.Join(testdata.Root(tb), "flink")
	for _, s := range testdata.Snapshots(tb, root) {
		if !strings.Contains(s.Name, tree) {
			continue
		}
		for _, f := range filesOf(tb, root, s) {
			if fits(f) {
				return f
			}
		}
	}
	tb.Fatalf("%s has no such file", tree)
	return nil
}

func of(want kind) func(*stored) bool {
	return func(f *stored) bool {
		for _, p := range f.parts {
			if kindOf(p.Place) != want {
				return false
			}
		}
		return len(f.data) > 0
	}
}

func offsets(p Part) []int64 { return p.Place.Parent.(*metadata.KeyGroupsHandle).Offsets }

func flip(data []byte, at int64) []byte {
	data[at] ^= 0x10
	return data
}

// points are the offsets of all elements in a stored stream of operator state.
func elementsOf(f *stored) []int64 {
	var all []int64
	for _, s := range f.parts[0].Place.Parent.(*metadata.OperatorStateHandle).States {
		all = append(all, s.Offsets...)
	}
	slices.Sort(all)
	return all
}

// TestDamage breaks files in one way each and expects to be told where and of which part.
func TestDamage(t *testing.T) {
	heap := func() *stored { return fromTree(t, "2.2.0/small-files", of(keyed)) }
	for name, damage := range map[string]func() (f *stored, at int64, part int, message string){
		"a key group's number": func() (*stored, int64, int, string) {
			f := heap()
			at := offsets(f.parts[0])[3]
			flip(f.data, at+3)
			return f, at, 0, "key group "
		},
		"an offset of a key group": func() (*stored, int64, int, string) {
			f := heap()
			offsets(f.parts[0])[3]++
			return f, offsets(f.parts[0])[3] - 1, 0, "ends within a state"
		},
		"no offset of a key group": func() (*stored, int64, int, string) {
			f := heap()
			offsets(f.parts[0])[len(offsets(f.parts[0]))-1] = 0
			return f, 0, 0, "has no offset"
		},
		"an offset behind the end": func() (*stored, int64, int, string) {
			f := heap()
			offsets(f.parts[0])[3] = 1 << 40
			return f, 1 << 40, 0, "key group "
		},
		"a negative offset": func() (*stored, int64, int, string) {
			f := heap()
			offsets(f.parts[0])[3] = -7
			return f, 0, 0, "would begin at -7"
		},
		"an offset in the header": func() (*stored, int64, int, string) {
			f := heap()
			offsets(f.parts[0])[0] = 3
			return f, 3, 0, "begins within"
		},
		"a header of zeros": func() (*stored, int64, int, string) {
			f := heap()
			clear(f.data[:8])
			return f, 0, 0, "version 0"
		},
		"a compression flag": func() (*stored, int64, int, string) {
			f := heap()
			f.data[4] = 2
			return f, 4, 0, "compression flag 2"
		},
		"the version of a serializer's snapshot": func() (*stored, int64, int, string) {
			f := heap()
			f.data[8] = 3
			return f, 5, 0, "the snapshot of the key serializer has version 3"
		},
		"the name of a serializer": func() (*stored, int64, int, string) {
			f := heap()
			f.data[12] = 7
			return f, 9, 0, "which is no name"
		},
		"an empty keyed stream": func() (*stored, int64, int, string) {
			f := heap()
			f.data = nil
			offsets(f.parts[0])[0] = 0
			clear(offsets(f.parts[0]))
			return f, 0, 0, "ends within its header"
		},
		"a snappy chunk of operator state": func() (*stored, int64, int, string) {
			f := fromTree(t, "1.19", func(f *stored) bool { return of(operator)(f) && bytes.Contains(f.data, []byte(identifier)) })
			at := elementsOf(f)[0]
			flip(f.data, at+12)
			return f, at, 0, "a snappy chunk does not "
		},
		"an element within a chunk": func() (*stored, int64, int, string) {
			f := fromTree(t, "1.19", func(f *stored) bool {
				return of(operator)(f) && bytes.Contains(f.data, []byte(identifier)) && len(elementsOf(f)) > 1
			})
			states := f.parts[0].Place.Parent.(*metadata.OperatorStateHandle).States
			last := elementsOf(f)[len(elementsOf(f))-1]
			for _, s := range states {
				if i := slices.Index(s.Offsets, last); i >= 0 {
					s.Offsets[i]++
				}
			}
			return f, last + 1, 0, "an element begins within a snappy chunk"
		},
		"another operator's state": func() (*stored, int64, int, string) {
			f := fromTree(t, "2.2.0/small-files", of(operator))
			f.parts[0].Place.Parent.(*metadata.OperatorStateHandle).States[0].Name += "x"
			return f, 0, 0, "does not name the state"
		},
		"a count of broadcast state": func() (*stored, int64, int, string) {
			f := fromTree(t, "1.17", func(f *stored) bool {
				return of(operator)(f) && f.parts[0].Place.Parent.(*metadata.OperatorStateHandle).States[0].Mode == metadata.Broadcast
			})
			at := f.parts[0].Place.Parent.(*metadata.OperatorStateHandle).States[0].Offsets[0]
			f.data[at] = 0xff
			return f, at, 0, "broadcast state of -"
		},
		"a key's length": func() (*stored, int64, int, string) {
			f := fromTree(t, "savepoint-canonical-rocksdb", withData)
			at := firstOffset(f)
			f.data[at+3] = 0x40
			return f, at + 2, 0, "an entry of key group"
		},
		"a key's group": func() (*stored, int64, int, string) {
			f := fromTree(t, "savepoint-canonical-rocksdb", withData)
			at := firstOffset(f)
			flip(f.data, at+6)
			return f, at + 2, 0, "in key group"
		},
		"a RocksDB full checkpoint": func() (*stored, int64, int, string) {
			f := fromTree(t, "flink1.8-rocksdb-savepoint", withData)
			at := firstOffset(f)
			flip(f.data, at+7)
			binary.BigEndian.PutUint32(f.data[at+2:], 0)
			return f, at, 0, "key group"
		},
		"a record of a MANIFEST": func() (*stored, int64, int, string) {
			f := fromTree(t, "2.2.0/rocksdb-incremental-small", of(manifest))
			return &stored{data: flip(f.data, 20), parts: f.parts}, logHeader, 0, "does not have its checksum" // behind an empty edit
		},
		"zeros in a MANIFEST": func() (*stored, int64, int, string) {
			f := fromTree(t, "2.2.0/rocksdb-incremental-small", of(manifest))
			second := logHeader + int64(binary.LittleEndian.Uint16(f.data[4:]))
			clear(f.data[second:])
			return f, second, 0, "does not have its checksum"
		},
		"the type of a record": func() (*stored, int64, int, string) {
			f := fromTree(t, "2.2.0/rocksdb-incremental-small", of(manifest))
			size := logHeader + int(binary.LittleEndian.Uint16(f.data[4:]))
			f.data[6] = logFirst
			binary.LittleEndian.PutUint32(f.data, crcOf(f.data[6:size]))
			return f, int64(size), 0, "lacks one"
		},
		"the magic of an SST": func() (*stored, int64, int, string) {
			f := fromTree(t, "2.2.0/rocksdb-incremental-small", of(sst))
			return &stored{data: flip(f.data, int64(len(f.data))-3), parts: f.parts}, int64(len(f.data)) - 8, 0, "magic"
		},
		"the index of an SST": func() (*stored, int64, int, string) {
			f := fromTree(t, "2.2.0/rocksdb-incremental-small", of(sst))
			at := int64(len(f.data)) - footerSize
			copy(f.data[at+1:], "\xff\xff\xff\x7f")
			return f, at + 1, 0, "the meta index"
		},
		"CURRENT of another database": func() (*stored, int64, int, string) {
			f := fromTree(t, "2.2.0/rocksdb-incremental-small", of(current))
			f.data = bytes.Clone(f.data)
			flip(f.data, int64(len(f.data))-2)
			return f, 0, 0, "CURRENT "
		},
		"zeros for CURRENT": func() (*stored, int64, int, string) {
			f := fromTree(t, "2.2.0/rocksdb-incremental-small", of(current))
			f.data = make([]byte, len(f.data))
			return f, 0, 0, "names no MANIFEST"
		},
		"OPTIONS with zeros": func() (*stored, int64, int, string) {
			f := fromTree(t, "2.2.0/rocksdb-incremental-small", of(options))
			clear(f.data[100:200])
			return f, 100, 0, "is no text"
		},
		"a buffer's length": func() (*stored, int64, int, string) {
			f := fromTree(t, "2.2.0/unaligned-onefile", of(channel))
			p, at := middleBuffer(t, f)
			f.data[at] = 0x70
			return f, at, p, "a buffer of "
		},
		"a channel's offset": func() (*stored, int64, int, string) {
			f := fromTree(t, "1.20.0/unaligned-threshold0", shared(channel))
			p, at := middleBuffer(t, f)
			h := f.parts[p].Place.Parent.(*metadata.SingleChannelHandle)
			h.Offsets[slices.Index(h.Offsets, at)]++
			return f, at, p, "does not end before the next, at"
		},
		"a change set's offset": func() (*stored, int64, int, string) {
			f := changelogStored(t, words(50), false)
			f.parts[1].Place.Parent.(*metadata.ChangelogFileHandle).Parts[0].Offset++
			return f, int64(len(f.data)), 1, "no change set begins at"
		},
		"a change's length": func() (*stored, int64, int, string) {
			f := changelogStored(t, words(50), false)
			flip(f.data, 14)
			return f, 1, 0, "does not end"
		},
		"a change set's key group": func() (*stored, int64, int, string) {
			f := fromTree(t, "changelog-rocksdb-materialized", of(changelog))
			flip(f.data, 9)
			first := slices.IndexFunc(f.parts, func(p Part) bool {
				return p.Place.Parent.(*metadata.ChangelogFileHandle).Parts[0].Offset == 0
			})
			return f, 5, first, "changes of key group"
		},
		"a snappy chunk of a changelog": func() (*stored, int64, int, string) {
			f := changelogStored(t, words(200_000), true)
			return &stored{data: flip(f.data, 5000), parts: f.parts}, 11, 0, "a snappy chunk"
		},
		"a snappy chunk of heap state": func() (*stored, int64, int, string) {
			f := heapStored(t, 4, words(100), true)
			at := offsets(f.parts[0])[2]
			chunk := at + 4 + int64(len(identifier))
			flip(f.data, chunk+9)
			return f, chunk, 0, "a snappy chunk"
		},
		"a snappy identifier": func() (*stored, int64, int, string) {
			f := canonicalStored(t, 4, 5, true)
			at := offsets(f.parts[0])[2]
			flip(f.data, at+5)
			return f, at, 0, "no identifier"
		},
		"a marker of timers": func() (*stored, int64, int, string) {
			f := fromTree(t, "async-forst", of(rawKeyed))
			at := offsets(f.parts[0])[5]
			flip(f.data, at+1)
			return f, at, 0, "the marker of timers"
		},
		"a segment that is not in the file": func() (*stored, int64, int, string) {
			f := fromTree(t, "filemerging-opstate-within", shared(operator))
			last := len(f.parts) - 1
			f.parts[last].Size = 1 << 50
			return f, f.parts[last].Start, last, "does not lie within"
		},
		"segments that overlap": func() (*stored, int64, int, string) {
			f := fromTree(t, "filemerging-opstate-within", shared(operator))
			slices.SortFunc(f.parts, func(a, b Part) int { return int(a.Start - b.Start) })
			f.parts[1].Start -= 3
			return f, f.parts[1].Start, 1, "begins within another stream"
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, at, part, message := damage()
			found := f.check(t, f.data)
			if len(found) == 0 {
				t.Fatal("not found")
			}
			if p := found[0]; p.Offset != at || p.Part != &f.parts[part] || !strings.Contains(p.Message, message) || p.Severity != Broken {
				t.Errorf("have %d %q of %v, want %d %q of part %d", p.Offset, p.Message, p.Part.Handle, at, message, part)
			}
			if len(found) > 2*mostProblems {
				t.Errorf("%d problems", len(found))
			}
		})
	}
}

func crcOf(b []byte) uint32 { return stream.Mask(crc32.Checksum(b, castagnoli)) }

func shared(want kind) func(*stored) bool {
	return func(f *stored) bool { return len(f.parts) > 2 && of(want)(f) }
}

func withData(f *stored) bool {
	return (of(canonical)(f) || of(keyed)(f)) && len(f.parts) == 1 && firstOffset(f) > 0
}

func firstOffset(f *stored) int64 {
	for _, o := range offsets(f.parts[0]) {
		if o > 0 {
			return o
		}
	}
	return 0
}

// middleBuffer is a buffer that is neither the first nor the last of a file.
func middleBuffer(tb testing.TB, f *stored) (part int, at int64) {
	type buffer struct {
		at   int64
		part int
	}
	var all []buffer
	for i := range f.parts {
		handles, err := channelsOf(&f.parts[i])
		if err != nil {
			tb.Fatal(err)
		}
		for _, h := range handles {
			for _, o := range h.Offsets {
				all = append(all, buffer{f.parts[i].Start + o, i})
			}
		}
	}
	slices.SortFunc(all, func(a, b buffer) int { return int(a.at - b.at) })
	b := all[len(all)/2]
	return b.part, b.at
}
