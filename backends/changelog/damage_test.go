package changelog

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
)

// modelLog is a log of some changes at random.
func modelLog(seed uint64) [][]grouped {
	m := newModel()
	r := rand.New(rand.NewPCG(seed, 8))
	for range 25 {
		m.step(r)
	}
	sets := [][]grouped{logOf()[0]}
	for kg, changes := range m.log {
		sets = append(sets, []grouped{{kg, changes}})
	}
	return sets
}

// TestDamage changes each byte of a log once. Nothing panics or takes long; of a compressed log, all is noticed
// that makes other entries of it.
func TestDamage(t *testing.T) {
	for _, form := range []string{"plain", "compressed"} {
		h, files := forms[form](modelLog(1))
		good := read(t, h, files, nil, nil, backends.Everything(all))
		const path = "dstl/0"
		data := files.files[path]
		silent, same := 0, 0
		for i := range data {
			for _, flip := range []byte{1, 0x80, 0xff} {
				b := bytes.Clone(data)
				b[i] ^= flip
				files.files[path] = b
				got := read(t, h, files, nil, &backends.Options{Memory: 1 << 20}, backends.Everything(all))
				switch {
				case slices.Equal(got, good):
					same++
				case !strings.Contains(strings.Join(got, "\n"), path+" at byte"):
					silent++
				}
			}
		}
		t.Logf("%s: %d bytes, each changed three times: %d times the entries were other ones, %d times the same", form, len(data), silent, same)
		if form == "compressed" && silent > 0 {
			t.Errorf("%d damages were not noticed", silent)
		}
		for n := range data {
			files.files[path] = data[:n]
			got := read(t, h, files, nil, nil, backends.Everything(all))
			// Behind the last set that counts there is one of another task.
			if len(got) != 1 && !slices.Equal(got, good) {
				t.Fatalf("%s: cut at %d: %q", form, n, got)
			}
		}
	}
}

// TestClaims: numbers of the file that promise very much take neither memory nor time.
func TestClaims(t *testing.T) {
	huge := []byte{0x7f, 0xff, 0xff, 0xff}
	bodies := map[string][]byte{
		"groups":                     huge,
		"changes":                    join(u32(1), huge, u32(3)),
		"length":                     join(u32(1), u32(1), u32(3), huge),
		"empty changes of no length": join(u32(1), huge, u32(3), make([]byte, 4000)),
		"below zero":                 {0xff, 0xff, 0xff, 0xff},
		"a key group":                join(u32(1), u32(0), u32(500)),
		"a key group below zero":     join(u32(1), u32(0), []byte{0xff, 0xff, 0xff, 0xfe}),
		"metadata behind others":     join(u32(2), u32(0), u32(1), u32(0), []byte{0xff, 0xff, 0xff, 0xff}),
		"a change below zero":        join(u32(1), u32(1), u32(3), []byte{0x80, 0, 0, 0}),
		"no metadata":                setOf(grouped{-1, [][]byte{{8, 0, 0}}}),
		"metadata of another kind":   setOf(grouped{-1, [][]byte{on(opSet, 0, "a", "n", u64(1))}}),
		"metadata left over":         setOf(grouped{-1, [][]byte{append(introduce(0), 0)}}),
		"metadata of another type":   setOf(grouped{-1, [][]byte{append(introduce(0)[:len(introduce(0))-1], 3)}}),
		"metadata of version 5":      setOf(grouped{-1, [][]byte{slices.Replace(introduce(0), 4, 5, 5)}}),
	}
	for name, body := range bodies {
		start := time.Now()
		h := &metadata.ChangelogHandle{Range: all, NonMaterialized: []metadata.KeyedHandle{&metadata.ChangelogFileHandle{
			Parts: []metadata.ChangelogPart{{File: &metadata.FileHandle{Path: "f"}}},
		}}}
		got := read(t, h, &memory{files: map[string][]byte{"f": append([]byte{0}, body...)}}, nil, nil, backends.Everything(all))
		if len(got) != 1 || !strings.HasPrefix(got[0], "open: f at byte ") || time.Since(start) > time.Second {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestHandles: what a handle cannot be is an error.
func TestHandles(t *testing.T) {
	files := &memory{files: map[string][]byte{"f": append([]byte{0}, setOf()...), "empty": nil, "flag": {2, 0, 0, 0, 0}}}
	part := func(path metadata.UTF, at int64) metadata.KeyedHandle {
		return &metadata.ChangelogFileHandle{Parts: []metadata.ChangelogPart{{File: &metadata.FileHandle{Path: path}, Offset: at}}}
	}
	for name, log := range map[string]metadata.KeyedHandle{
		"no log": &metadata.KeyGroupsHandle{}, "no file": &metadata.ChangelogFileHandle{Parts: make([]metadata.ChangelogPart, 1)},
		"missing": part("missing", 0), "empty": part("empty", 0), "flag": part("flag", 0), "behind": part("f", 77), "before": part("f", -1), "within": part("f", 2),
	} {
		h := &metadata.ChangelogHandle{Range: all, NonMaterialized: []metadata.KeyedHandle{log}}
		if got := read(t, h, files, nil, nil, backends.Everything(all)); len(got) != 1 || !strings.HasPrefix(got[0], "open: ") {
			t.Errorf("%s: %q", name, got)
		}
	}
	h := &metadata.ChangelogHandle{Range: all, NonMaterialized: []metadata.KeyedHandle{nil, part("f", 0), part("f", 0)}}
	if got := read(t, h, files, nil, nil, backends.Everything(all)); got != nil {
		t.Errorf("empty sets: %q", got)
	}
}

// TestChangedWhileRead: a file that is another one when it is read again is an error, and no panic.
func TestChangedWhileRead(t *testing.T) {
	h, files := forms["plain"](modelLog(2))
	r, err := Open(context.Background(), files, h, nil, backends.Origin{Range: all, MaxParallelism: 128}, &backends.Options{Memory: 4000})
	if err != nil {
		t.Fatal(err)
	}
	data := files.files["dstl/0"]
	for i := range data {
		files.files["dstl/0"] = append(bytes.Clone(data[:i]), bytes.Repeat([]byte{0x5a}, len(data)-i)...)
		linesOf(r, backends.Everything(all))
		files.files["dstl/0"] = data[:i]
		if got := linesOf(r, backends.Everything(all)); i < len(data)/4 && !strings.Contains(strings.Join(got, "\n"), "error") {
			t.Errorf("cut at %d: %q", i, got)
		}
	}
}

func FuzzLog(f *testing.F) {
	for seed := range uint64(4) {
		h, plain := forms["plain"](modelLog(seed))
		_, compressed := forms["compressed"](modelLog(seed))
		offset := h.NonMaterialized[0].(*metadata.ChangelogFileHandle).Parts[1].Offset
		f.Add(plain.files["dstl/0"], int64(0), offset)
		f.Add(compressed.files["dstl/0"], offset, int64(0))
	}
	f.Fuzz(func(t *testing.T, data []byte, first, second int64) {
		log := &metadata.ChangelogFileHandle{Parts: []metadata.ChangelogPart{
			{File: &metadata.FileHandle{Path: "f"}, Offset: first}, {File: &metadata.FileHandle{Path: "f"}, Offset: second},
		}}
		h := &metadata.ChangelogHandle{Range: all, NonMaterialized: []metadata.KeyedHandle{log}}
		under := over(slices.Concat(aValue(t), aList(t), aMap(t), aSum(t), aTimer(t)))
		for _, memory := range []int64{1 << 20, 4000} {
			read(t, h, &single{data}, []backends.Reader{under}, &backends.Options{Memory: memory}, backends.Everything(all))
		}
	})
}

// single is one file under all paths.
type single struct{ data []byte }

func (m *single) Open(context.Context, metadata.StreamHandle) (backends.Blob, error) {
	return &blob{bytes.NewReader(m.data), "f"}, nil
}
