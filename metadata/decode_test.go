package metadata_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
)

// small are real files below limit bytes, one of each version where there is one.
func small(tb testing.TB, limit int64) map[string][]byte {
	files := map[string][]byte{}
	for _, s := range testdata.Snapshots(tb, filepath.Join(testdata.Root(tb), "flink")) {
		name := filepath.Join(s.Dir, "_metadata")
		if info, err := os.Stat(name); err == nil && info.Size() <= limit {
			files[s.Name] = read(tb, name)
		}
	}
	if len(files) == 0 {
		tb.Fatal("no real file is small enough")
	}
	return files
}

// mustBeStrict checks what holds for any bytes: an *Error that points into them, or a
// checkpoint that encodes to exactly them.
func mustBeStrict(tb testing.TB, data []byte) {
	tb.Helper()
	c, err := metadata.Decode(data)
	if err != nil {
		var e *metadata.Error
		if !errors.As(err, &e) {
			tb.Fatalf("not an *Error: %v", err)
		}
		if e.Offset < 0 || e.Offset > int64(len(data)) {
			tb.Fatalf("offset %d of %d bytes: %v", e.Offset, len(data), err)
		}
		return
	}
	again, err := metadata.Encode(c)
	if err != nil {
		tb.Fatalf("decodes, but does not encode: %v", err)
	}
	if !bytes.Equal(data, again) {
		tb.Fatalf("encodes to other bytes, from offset %d on", firstDifference(data, again))
	}
	c.Findings()
	for range c.Walk() { // must not panic on what was accepted
	}
	c.Sizes()
}

// TestTruncated cuts real files at every length: each must be an error.
func TestTruncated(t *testing.T) {
	cut := 0
	for name, data := range small(t, 9000) {
		if cut++; cut > 3 {
			break
		}
		for n := range len(data) {
			if _, err := metadata.Decode(data[:n]); err == nil {
				t.Fatalf("%s: its first %d bytes of %d decode", name, n, len(data))
			}
			mustBeStrict(t, data[:n])
		}
	}
}

// TestEveryByte changes each byte of a small real file of each version in turn.
func TestEveryByte(t *testing.T) {
	smallest := map[byte][]byte{}
	for _, data := range small(t, 20000) {
		if old := smallest[data[7]]; old == nil || len(data) < len(old) {
			smallest[data[7]] = data
		}
	}
	least := math.MaxInt
	for _, data := range smallest {
		least = min(least, len(data))
	}
	for version, data := range smallest {
		step := 51 // all 255 values for the smallest of all, 5 for the others
		if len(data) == least {
			step = 1
		}
		for i := range data {
			old := data[i]
			for d := 1; d < 256; d += step {
				data[i] = old + byte(d)
				mustBeStrict(t, data)
			}
			data[i] = old
		}
		t.Logf("version %d: %d bytes", version, len(data))
	}
}

// TestBad holds the words for each file of testdata/bad.
func TestBad(t *testing.T) {
	want := map[string]struct {
		kind metadata.Kind
		text string
	}{
		"empty":                  {metadata.NotMetadata, "the file is empty"},
		"truncated-header":       {metadata.Corrupt, "the file ends within"},
		"truncated-middle":       {metadata.Corrupt, "the file ends within"},
		"trailing-bytes":         {metadata.Corrupt, "follow the end of the checkpoint"},
		"jpeg":                   {metadata.NotMetadata, "not a Flink _metadata file"},
		"bad-magic":              {metadata.NotMetadata, "not a Flink _metadata file"},
		"version-1":              {metadata.Unsupported, "written by Flink 1.1 or 1.2"},
		"version-7":              {metadata.Unsupported, "written by a newer Flink than 2.2"},
		"negative-checkpoint-id": {metadata.Corrupt, "impossible checkpoint id"},
		"huge-count":             {metadata.Corrupt, "impossible number of"},
		"huge-length":            {metadata.Corrupt, "impossible length of"},
		"bad-utf":                {metadata.Corrupt, "is not modified UTF-8"},
		"unknown-stream-tag":     {metadata.Corrupt, "which is no stream handle"},
	}
	for name, w := range want {
		_, err := metadata.Decode(read(t, filepath.Join(testdata.Root(t), "bad", name, "_metadata")))
		var e *metadata.Error
		if !errors.As(err, &e) || e.Kind != w.kind || !strings.Contains(e.Message, w.text) {
			t.Errorf("%s: %v; want %v: … %s …", name, err, w.kind, w.text)
		}
		if e != nil && e.UnknownHandle != (name == "unknown-stream-tag") {
			t.Errorf("%s: unknown handle: %v", name, e.UnknownHandle)
		}
	}
}

// TestScan: what a stream of any chunking gives encodes to the bytes that were read.
func TestScan(t *testing.T) {
	for name, data := range small(t, 200000) {
		sources := map[string]io.Reader{"whole": bytes.NewReader(data), "half": iotest.HalfReader(bytes.NewReader(data))}
		if len(data) < 20000 {
			sources["bytes"] = iotest.OneByteReader(bytes.NewReader(data))
		}
		for kind, src := range sources {
			var got []metadata.OperatorState
			c, err := metadata.Scan(src, int64(len(data)), metadata.Visitor{
				Operator: func(o *metadata.OperatorState) error { got = append(got, *o); return nil },
				Subtask: func(_ *metadata.OperatorState, s *metadata.SubtaskState) error {
					o := &got[len(got)-1]
					o.Subtasks = append(o.Subtasks, *s)
					return nil
				},
			})
			if err != nil {
				t.Fatalf("%s, %s: %v", name, kind, err)
			}
			c.Operators = got
			if again, err := metadata.Encode(c); err != nil || !bytes.Equal(data, again) {
				t.Fatalf("%s, %s: other bytes from offset %d on: %v", name, kind, firstDifference(data, again), err)
			}
		}
	}
}

// TestScanErrors: what the source or the visitor says is passed on; a file that is
// shorter than was said is corrupt.
func TestScanErrors(t *testing.T) {
	var data []byte
	for _, data = range small(t, 20000) {
		break
	}
	broken := errors.New("connection reset")
	src := io.MultiReader(bytes.NewReader(data[:len(data)/2]), iotest.ErrReader(broken))
	if _, err := metadata.Scan(src, int64(len(data)), metadata.Visitor{}); !errors.Is(err, broken) {
		t.Errorf("source: %v", err)
	}
	stop := errors.New("enough")
	v := metadata.Visitor{Operator: func(*metadata.OperatorState) error { return stop }}
	if _, err := metadata.Scan(bytes.NewReader(data), int64(len(data)), v); !errors.Is(err, stop) {
		t.Errorf("operator: %v", err)
	}
	v = metadata.Visitor{Subtask: func(*metadata.OperatorState, *metadata.SubtaskState) error { return stop }}
	if _, err := metadata.Scan(bytes.NewReader(data), int64(len(data)), v); !errors.Is(err, stop) {
		t.Errorf("sub-task: %v", err)
	}
	var e *metadata.Error
	if _, err := metadata.Scan(bytes.NewReader(data[:len(data)-1]), int64(len(data)), metadata.Visitor{}); !errors.As(err, &e) {
		t.Errorf("shorter: %v", err)
	}
}

// TestSummary compares the sums of a stream with those of the model.
func TestSummary(t *testing.T) {
	for _, s := range snapshots(t) {
		data := read(t, filepath.Join(s.Dir, "_metadata"))
		c, err := metadata.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		sum, err := metadata.Summarize(bytes.NewReader(data), int64(len(data)), metadata.Visitor{})
		if err != nil {
			t.Fatal(err)
		}
		if sum.Version != c.Version || sum.ID != c.ID || sum.Operators != len(c.Operators) || sum.Sizes != c.Sizes() {
			t.Errorf("%s: %+v", s.Name, sum)
		}
		if sum.Inline > int64(len(data)) || sum.Inline > sum.Sizes.State {
			t.Errorf("%s: %d bytes inline of %d", s.Name, sum.Inline, len(data))
		}
	}
}

// allocated is how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// mustBeFrugal holds the bound on memory: 64 times the input and a megabyte.
func mustBeFrugal(tb testing.TB, data []byte) {
	tb.Helper()
	n := allocated(func() { _, _ = metadata.Decode(data) })
	if limit := 64*uint64(len(data)) + 1<<20; n > limit {
		tb.Fatalf("decoding %d bytes allocated %d, more than %d", len(data), n, limit)
	}
}

// FuzzDecode: decoding never panics, never allocates out of proportion, and what
// decodes is a fixed point of encoding and decoding.
func FuzzDecode(f *testing.F) {
	seeds := 0
	for _, data := range small(f, 6000) {
		f.Add(data)
		seeds++
	}
	bad, _ := filepath.Glob(filepath.Join(testdata.Root(f), "bad", "*", "_metadata"))
	for _, name := range bad {
		if data, err := os.ReadFile(name); err == nil {
			f.Add(data)
		}
	}
	for _, c := range handMade() {
		data, err := metadata.Encode(c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	if seeds < 10 {
		f.Fatalf("only %d real files as seeds", seeds)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		mustBeFrugal(t, data)
		mustBeStrict(t, data)
		if err := metadata.Annotate(data, func(metadata.Annotation) bool { return true }); (err == nil) != decodes(data) {
			t.Fatalf("Annotate and Decode disagree: %v", err)
		}
	})
}

func decodes(data []byte) bool {
	_, err := metadata.Decode(data)
	return err == nil
}

// TestFrugal: inputs large enough to see what grows with them.
func TestFrugal(t *testing.T) {
	be := binary.BigEndian
	operator := func(n int) []byte {
		b := be.AppendUint32(be.AppendUint32(nil, 0x4960672D), 3)
		b = be.AppendUint32(be.AppendUint32(be.AppendUint64(b, 1), 0), 1)
		b = append(b, make([]byte, 16)...)
		b = be.AppendUint32(be.AppendUint32(b, math.MaxInt32), math.MaxInt32)
		return be.AppendUint32(append(b, 0), uint32(n))
	}
	const n = 1 << 20
	descending, claim := operator(n), operator(n)
	for i := range n {
		descending = be.AppendUint32(descending, uint32(-(n-i)*1000))
	}
	claim = append(claim, make([]byte, 4*n)...)
	fields := operator(0)
	fields[7] = 4
	fields = append(fields, "\xac\xed\x00\x05sr\x00\x01C\x00\x00\x00\x00\x00\x00\x00\x00\x02\xff\xff"...)
	fields = append(fields, bytes.Repeat([]byte("Z\x00\x00"), 0xffff)...)
	fields = append(append(fields, "xp"...), make([]byte, 0xffff)...)
	for name, data := range map[string][]byte{"finished sub-tasks": descending, "a count alone": claim, "a class of many fields": fields} {
		mustBeFrugal(t, data)
		if name != "a count alone" && !decodes(data) {
			_, err := metadata.Decode(data)
			t.Errorf("%s: %v", name, err)
		}
	}
}
