package channel

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
)

// memory is files by their paths.
type memory map[metadata.UTF][]byte

func (m memory) Open(_ context.Context, h metadata.StreamHandle) (backends.Blob, error) {
	switch h := h.(type) {
	case *metadata.InlineHandle:
		return &blob{bytes.NewReader(h.Data), "_metadata"}, nil
	case *metadata.FileHandle:
		if data, ok := m[h.Path]; ok {
			return &blob{bytes.NewReader(data), string(h.Path)}, nil
		}
	}
	return nil, errors.New("no such file")
}

type blob struct {
	*bytes.Reader
	name string
}

func (b *blob) Name() string  { return b.name }
func (b *blob) Offset() int64 { return 0 }
func (b *blob) Close() error  { return nil }

// fileOf is a file with buffers, and their offsets.
func fileOf(buffers ...string) (data []byte, offsets []int64) {
	data = make([]byte, 4)
	for _, b := range buffers {
		offsets = append(offsets, int64(len(data)))
		data = binary.BigEndian.AppendUint32(data, uint32(len(b)))
		data = append(data, b...)
	}
	return data, offsets
}

func input(channel int32, size int64, in metadata.StreamHandle, offsets ...int64) *metadata.SingleChannelHandle {
	return &metadata.SingleChannelHandle{Info: metadata.ChannelInfo{A: 1, B: channel}, Offsets: offsets, Size: size, Delegate: in}
}

// read gives the buffers of handles as text, with errors among them.
func read(tb testing.TB, files backends.Files, sel backends.Selection, handles ...metadata.ChannelHandle) []string {
	tb.Helper()
	r, err := Open(context.Background(), files, handles, backends.Origin{}, nil)
	if err != nil {
		return []string{err.Error()}
	}
	var lines []string
	for e, err := range r.Entries(context.Background(), sel) {
		if err != nil {
			lines = append(lines, err.Error())
			continue
		}
		lines = append(lines, fmt.Sprintf("%s %d %d %q", e.State.Name, e.Channel.Info.A, e.Channel.Info.B, e.Value))
	}
	return lines
}

func TestBuffers(t *testing.T) {
	data, at := fileOf("one", "", "three", "x")
	files := memory{"f": data}
	f := func() metadata.StreamHandle { return &metadata.FileHandle{Path: "f", Size: int64(len(data))} }
	inline := &metadata.InlineHandle{Data: data[:11]}
	output := &metadata.SingleChannelHandle{Direction: metadata.Output, Offsets: at[3:], Size: 5, Delegate: f()}
	merged, err := metadata.Merge([]*metadata.SingleChannelHandle{output})
	if err != nil {
		t.Fatal(err)
	}
	outputs := backends.Selection{States: func(st *backends.State) bool { return st.Name == OutputName }}
	broken := *merged
	broken.Offsets = broken.Offsets[:7]
	tests := []struct {
		name    string
		sel     backends.Selection
		handles []metadata.ChannelHandle
		want    []string
	}{
		{"two channels", backends.Selection{}, []metadata.ChannelHandle{input(0, 16, f(), at[0], at[2]), input(2, 4, f(), at[1])}, []string{`input 1 0 "one"`, `input 1 2 ""`, `input 1 0 "three"`}},
		{"merged", backends.Selection{}, []metadata.ChannelHandle{merged}, []string{`output 0 0 "x"`}},
		{"outputs only", outputs, []metadata.ChannelHandle{input(0, 7, f(), at[0]), output}, []string{`output 0 0 "x"`}},
		{"inputs, though outputs are wanted", outputs, []metadata.ChannelHandle{input(0, 7, &metadata.FileHandle{Path: "missing"}, at[0])}, nil},
		{"within _metadata", backends.Selection{}, []metadata.ChannelHandle{input(0, 11, inline, 4)}, []string{`input 1 0 "one"`}},
		{"within _metadata, of a wrong size", backends.Selection{}, []metadata.ChannelHandle{input(0, 7, inline, 4)}, []string{`input 1 0 "one"`, "_metadata at byte 0: the buffers of gate 1, channel 0 are 7 bytes, though their handle says 3"}},
		{"a wrong size", backends.Selection{}, []metadata.ChannelHandle{input(0, 8, f(), at[0])}, []string{`input 1 0 "one"`, "f at byte 0: the buffers of gate 1, channel 0 are 7 bytes, though their handle says 8"}},
		{"behind the end", backends.Selection{}, []metadata.ChannelHandle{input(0, 8, f(), at[0], 500)}, []string{`input 1 0 "one"`, "f at byte 500: a buffer of gate 1, channel 0 is behind the end of the file"}},
		{"too long", backends.Selection{}, []metadata.ChannelHandle{input(0, 8, f(), at[0]+1)}, []string{"f at byte 5: a buffer of gate 1, channel 0 of 879 bytes does not end before the file does"}},
		{"within another", backends.Selection{}, []metadata.ChannelHandle{input(0, 8, f(), at[0], at[0]+3)}, []string{`input 1 0 "one"`, "f at byte 7: a buffer of gate 1, channel 0 begins within what is before it"}},
		{"before the first", backends.Selection{}, []metadata.ChannelHandle{input(0, 8, f(), 0)}, []string{"f at byte 0: a buffer of gate 1, channel 0 begins within what is before it"}},
		{"a missing file", backends.Selection{}, []metadata.ChannelHandle{input(0, 8, &metadata.FileHandle{Path: "missing"}, 4), input(0, 7, f(), 4)}, []string{"no such file"}},
		{"another version", backends.Selection{}, []metadata.ChannelHandle{input(0, 8, &metadata.InlineHandle{Data: []byte{0, 0, 0, 9}}, 4), input(0, 7, f(), 4)},
			[]string{"_metadata at byte 0: a file of channel state of version 9, which is not known", `input 1 0 "one"`}},
		{"no version", backends.Selection{}, []metadata.ChannelHandle{input(0, 8, &metadata.InlineHandle{Data: []byte{0, 0}}, 4)}, []string{"_metadata at byte 0: the file is cut off within its version"}},
		{"broken offsets", backends.Selection{}, []metadata.ChannelHandle{&broken}, []string{"channels of sub-task 0: the serialized channel offsets are broken"}},
	}
	for _, test := range tests {
		if got := read(t, files, test.sel, test.handles...); !slices.Equal(got, test.want) {
			t.Errorf("%s: got\n%s\nnot\n%s", test.name, strings.Join(got, "\n"), strings.Join(test.want, "\n"))
		}
	}
}

// TestStop: an iteration that is left, or whose context is, does not go on.
func TestStop(t *testing.T) {
	data, at := fileOf("one", "two")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, err := Open(ctx, memory{"f": data}, []metadata.ChannelHandle{input(0, 14, &metadata.FileHandle{Path: "f"}, at...)}, backends.Origin{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range r.Entries(ctx, backends.Selection{}) {
		break
	}
	n := 0
	for _, err := range r.Entries(ctx, backends.Selection{}) {
		if n++; n > 1 && !errors.Is(err, context.Canceled) {
			t.Errorf("%d: %v", n, err)
		}
		cancel()
	}
	if n != 2 {
		t.Errorf("%d yields", n)
	}
}

// record is an element with its length.
func record(tag byte, rest ...byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(1+len(rest)))
	return append(append(b, tag), rest...)
}

func TestRecords(t *testing.T) {
	long := []byte{0, 0, 0, 0, 0, 0, 1, 0}
	stream := bytes.Join([][]byte{
		record(0, append(slices.Clone(long), "abc"...)...), record(1, 'x'), record(2, long...), record(3, append(slices.Clone(long), make([]byte, 20)...)...),
		record(4, 0xff, 0xff, 0xff, 0xff), record(5, 1), record(6, append([]byte{0, 0, 0, 2}, long...)...), record(1),
	}, nil)
	want := []Element{
		{TimedRecord, 256, []byte("abc")}, {Record, 0, []byte("x")}, {Watermark, 256, nil}, {LatencyMarker, 256, make([]byte, 20)},
		{WatermarkStatus, 0, []byte{0xff, 0xff, 0xff, 0xff}}, {RecordAttributes, 0, []byte{1}}, {InternalWatermark, 256, []byte{0, 0, 0, 2}}, {Record, 0, nil},
	}
	for size := 1; size <= len(stream); size++ {
		var parts [][]byte
		for part := range slices.Chunk(stream, size) {
			parts = append(parts, part, nil)
		}
		var got []Element
		for e, err := range Records(parts...) {
			if err != nil {
				t.Fatalf("in parts of %d: %v", size, err)
			}
			e.Value = bytes.Clone(e.Value)
			got = append(got, e)
		}
		same := func(a, b Element) bool { return a.Tag == b.Tag && a.Time == b.Time && bytes.Equal(a.Value, b.Value) }
		if !slices.EqualFunc(got, want, same) {
			t.Fatalf("in parts of %d: %v", size, got)
		}
	}
	for cut := 1; cut < len(stream); cut++ {
		whole, failed := 0, false
		for e, err := range Records(stream[:cut]) {
			if failed = err != nil; !failed && e.Tag != want[whole].Tag {
				t.Errorf("cut at %d: %v", cut, e)
			}
			whole++
		}
		at := cut == 16 || cut == 22 || cut == 35 || cut == 68 || cut == 77 || cut == 83 || cut == 100
		if failed == at {
			t.Errorf("cut at %d: failed: %v", cut, failed)
		}
	}
	for _, bad := range [][]byte{record(7), record(2, 1), record(5), record(4, 1, 2), record(0, 1, 2, 3), {0, 0, 0, 0}, {0xff, 0, 0, 1, 1}, {0x7f, 0xff, 0xff, 0xff, 1}} {
		for _, err := range Records(record(1), bad) {
			if err != nil && !strings.Contains(err.Error(), "at byte 5") {
				t.Errorf("%x: %v", bad, err)
			}
		}
		if n := len(slices.Collect(errorsOf(Records(record(1), bad)))); n != 1 {
			t.Errorf("%x: %d errors", bad, n)
		}
	}
}

func errorsOf(seq func(func(Element, error) bool)) func(func(error) bool) {
	return func(yield func(error) bool) {
		for _, err := range seq {
			if err != nil && !yield(err) {
				return
			}
		}
	}
}

// TestDamage changes each byte of a file once: nothing panics, no buffer is longer than the file, and what changes a length is told.
func TestDamage(t *testing.T) {
	data, at := fileOf("one", "two", strings.Repeat("z", 50))
	for i := range data {
		for _, flip := range []byte{1, 0x80, 0xff} {
			b := bytes.Clone(data)
			b[i] ^= flip
			got := read(t, memory{"f": b}, backends.Selection{}, input(0, 68, &metadata.FileHandle{Path: "f"}, at...))
			failed := strings.Contains(strings.Join(got, "\n"), "f at byte")
			inLength := i < 4 || slices.ContainsFunc(at, func(o int64) bool { return int64(i) >= o && int64(i) < o+4 })
			if failed != inLength {
				t.Errorf("byte %d: %q", i, got)
			}
		}
	}
}

func FuzzBuffers(f *testing.F) {
	data, at := fileOf("one", "", "three")
	f.Add(data, at[0], at[2])
	f.Add([]byte{0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff}, int64(4), int64(-9))
	f.Fuzz(func(t *testing.T, data []byte, a, b int64) {
		total := 0
		r, err := Open(context.Background(), memory{"f": data}, []metadata.ChannelHandle{input(0, 16, &metadata.FileHandle{Path: "f"}, a, b)}, backends.Origin{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for e, err := range r.Entries(context.Background(), backends.Selection{}) {
			if err == nil {
				total += len(e.Value)
			}
		}
		if total > len(data) {
			t.Errorf("%d bytes in buffers of a file of %d", total, len(data))
		}
	})
}

func FuzzRecords(f *testing.F) {
	f.Add(record(0, 0, 0, 0, 0, 0, 0, 1, 0, 'a'), record(1, 'x'))
	f.Add([]byte{0, 0}, []byte{0, 1, 5, 1})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		collect := func(parts ...[]byte) (tags []Tag, failed bool) {
			for e, err := range Records(parts...) {
				if err != nil {
					return tags, true
				}
				tags = append(tags, e.Tag)
			}
			return tags, false
		}
		one, failed := collect(append(bytes.Clone(a), b...))
		two, failedToo := collect(a, b)
		if !slices.Equal(one, two) || failed != failedToo {
			t.Errorf("%v in one, %v in two", one, two)
		}
	})
}
