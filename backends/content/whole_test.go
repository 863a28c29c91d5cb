package content

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
)

// TestTruncated cuts every kind of file at several places. That is the only problem,
// and it is told of the first part that is not whole.
func TestTruncated(t *testing.T) {
	root := filepath.Join(testdata.Root(t), "flink")
	for _, s := range testdata.Snapshots(t, root) {
		for _, f := range filesOf(t, root, s) {
			for _, keep := range []int{0, 1, 5, len(f.data) / 3, len(f.data) - 1} {
				if keep < 0 || keep >= len(f.data) {
					continue
				}
				found := f.check(t, f.data[:keep])
				if len(found) == 0 || found[0].Offset != int64(keep) || !strings.Contains(found[0].Message, "the file ends here") {
					t.Fatalf("%s (%v) of %d bytes cut at %d: %+v", f.name, f.kinds(), len(f.data), keep, found)
				}
			}
		}
	}
}

// TestNarrowed leaves the key groups at both ends out of handles, as Flink does where
// it restores a changelog at another parallelism: the file is as whole as before.
func TestNarrowed(t *testing.T) {
	for root, all := range snapshots(t) {
		for _, s := range all {
			for _, f := range filesOf(t, root, s) {
				for i := range f.parts {
					narrow(&f.parts[i])
				}
				for _, p := range f.check(t, f.data) {
					t.Errorf("%s (%v) at %d: %s %s", f.name, f.kinds(), p.Offset, p.Severity, p.Message)
				}
			}
		}
	}
}

func narrow(p *Part) {
	if h, ok := p.Place.Parent.(*metadata.KeyGroupsHandle); ok && len(h.Offsets) > 2 {
		n := len(h.Offsets) / 3
		h.Offsets = h.Offsets[n : len(h.Offsets)-n]
		h.Range.First += int32(n)
		h.Range.Last -= int32(n)
	}
}

// TestReaders holds that how the bytes arrive makes no difference.
func TestReaders(t *testing.T) {
	f := heapStored(t, 5, words(100_000), true)
	for name, src := range map[string]io.Reader{
		"bytes":     iotest.OneByteReader(bytes.NewReader(f.data)),
		"halves":    iotest.HalfReader(bytes.NewReader(f.data)),
		"early EOF": iotest.DataErrReader(bytes.NewReader(f.data)),
	} {
		report := func(p Problem) { t.Errorf("%s: %+v", name, p) }
		if err := Check(f.parts, int64(len(f.data)), src, report); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	broken := errors.New("a broken disk")
	for _, n := range []int{0, 3, 100, 70_000} {
		src := io.MultiReader(bytes.NewReader(f.data[:n]), iotest.ErrReader(broken))
		if err := Check(f.parts, int64(len(f.data)), src, func(p Problem) { t.Errorf("behind %d bytes: %+v", n, p) }); !errors.Is(err, broken) {
			t.Errorf("behind %d bytes: %v", n, err)
		}
	}
	if err := Check(f.parts, 5, silent{}, func(Problem) {}); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader without bytes: %v", err)
	}
}

// silent gives neither bytes nor an error.
type silent struct{}

func (silent) Read([]byte) (int, error) { return 0, nil }

// TestUnknownVersion holds that another version is a note, no more.
func TestUnknownVersion(t *testing.T) {
	for _, want := range []kind{keyed, operator, channel} {
		f := fromTree(t, "2.2.0/", of(want))
		start := f.parts[0].Start
		copy(f.data[start:], "\x00\x00\x00\x09")
		found := f.check(t, f.data)
		if len(found) != 1 || found[0].Severity != Unknown || found[0].Offset != start {
			t.Errorf("%v: %+v", want, found)
		}
	}
}
