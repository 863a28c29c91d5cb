package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/google/go-cmp/cmp"
)

// backing is a place that a test fills before a store looks at it.
type backing interface {
	put(t *testing.T, key, content string)
	open(t *testing.T, below string) layout.Store // below is a key, or ""
}

// objects are what the conformance tests find. Flink does not percent-encode, and
// neither may a store.
var objects = map[string]string{
	"top":                      "t",
	"job/chk-1/_metadata":      "0123456789",
	"job/chk-1/a b%20c":        "space and percent",
	"job/chk-1/ünïcödé 世界":     "letters",
	"job/chk-1/+&?#=:@!$,;[]~": "signs",
	"job/chk-10/x":             "",
	"job/shared/deep/er/x":     "deep",
	"job.tmp/x":                "sorts before job/",
}

// conform checks what every store must do.
func conform(t *testing.T, make func(t *testing.T) backing) {
	filled := func(t *testing.T, below string) layout.Store {
		b := make(t)
		for key, content := range objects {
			b.put(t, key, content)
		}
		s := b.open(t, below)
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	}
	t.Run("list", func(t *testing.T) { conformList(t, filled(t, "")) })
	t.Run("children", func(t *testing.T) { conformChildren(t, filled(t, "")) })
	t.Run("open", func(t *testing.T) { conformOpen(t, filled(t, "")) })
	t.Run("range", func(t *testing.T) { conformRange(t, filled(t, "")) })
	t.Run("stat", func(t *testing.T) { conformStat(t, filled(t, "")) })
	t.Run("below", func(t *testing.T) { conformBelow(t, filled(t, ""), filled(t, "job/chk-1")) })
	t.Run("keys", func(t *testing.T) { conformKeys(t, filled(t, "job")) })
	t.Run("cancel", func(t *testing.T) { conformCancel(t, filled(t, "")) })
	t.Run("large", func(t *testing.T) { conformLarge(t, make(t)) })
	t.Run("many", func(t *testing.T) { conformMany(t, make(t)) })
}

// openerAs is a backing whose stores take settings.
type openerAs interface {
	openAs(t *testing.T, below string, settings Settings) layout.Store
}

// conformMany checks listings of more than a page, in one go and in parts.
func conformMany(t *testing.T, b backing) {
	want := map[string]int64{}
	for i := range 1200 {
		key := fmt.Sprintf("job/shared/%08x", uint32(i)*2654435761)
		if i%3 == 0 {
			key = fmt.Sprintf("job/chk-%d/%d", i/30, i)
		}
		b.put(t, key, "12345"[:i%6])
		want[key] = int64(i % 6)
	}
	stores := map[string]layout.Store{"by default": b.open(t, "")}
	if as, ok := b.(openerAs); ok {
		stores["one at a time"] = as.openAs(t, "", Settings{Concurrency: 1})
		stores["three at a time"] = as.openAs(t, "", Settings{Concurrency: 3})
	}
	for name, s := range stores {
		found := list(t, s.List(t.Context(), ""))
		maps.DeleteFunc(found, func(_ string, size int64) bool { return size == -1 })
		if diff := cmp.Diff(want, found); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if n := len(list(t, s.Children(t.Context(), "job/shared"))); n != 800 {
			t.Errorf("%s: %d children", name, n)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// conformLarge checks the bytes of what does not fit into a buffer.
func conformLarge(t *testing.T, b backing) {
	data := make([]byte, 5<<20+17)
	for i := range data {
		data[i] = byte(i * 7 >> 3)
	}
	b.put(t, "large", string(data))
	s := b.open(t, "")
	defer s.Close()
	c, err := s.Open(t.Context(), "large")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	for _, at := range []int64{0, 1, 1 << 20, 5 << 20, 5<<20 + 16} {
		r, err := s.OpenRange(t.Context(), "large", at, 1<<20)
		if err != nil {
			t.Errorf("from %d: %v", at, err)
			continue
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, data[at:min(at+1<<20, int64(len(data)))]) {
			t.Errorf("from %d: %d bytes, %v", at, len(got), err)
		}
		r.Close()
	}
}

// list gathers files with their sizes, and directories with -1.
func list(t *testing.T, seq iter.Seq2[layout.Object, error]) map[string]int64 {
	t.Helper()
	found := map[string]int64{}
	for o, err := range seq {
		if err != nil {
			t.Errorf("%s: %v", o.Key, err)
			continue
		}
		if o.Key == "" && o.Type == layout.TypeDir {
			continue // the root itself may come or not
		}
		if _, twice := found[o.Key]; twice {
			t.Errorf("%s is listed twice", o.Key)
		}
		switch o.Type {
		case layout.TypeFile:
			found[o.Key] = o.Size
			if age := time.Since(o.Modified); age < -time.Minute || age > time.Hour {
				t.Errorf("%s: modified %v", o.Key, o.Modified)
			}
		case layout.TypeDir:
			found[o.Key] = -1
		default:
			found[o.Key] = -2
		}
		if o.Type == layout.TypeFile {
			if dir, _ := strings.CutSuffix(o.Key, "/"+o.Name()); dir != o.Key {
				if size, known := found[dir]; known && size >= 0 {
					t.Errorf("%s is a file with something below it", dir)
				}
			}
		}
	}
	return found
}

func conformList(t *testing.T, s layout.Store) {
	found := list(t, s.List(t.Context(), ""))
	maps.DeleteFunc(found, func(_ string, size int64) bool { return size == -1 })
	want := map[string]int64{}
	for key, content := range objects {
		want[key] = int64(len(content))
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
	found = list(t, s.List(t.Context(), "job/shared/"))
	maps.DeleteFunc(found, func(_ string, size int64) bool { return size == -1 })
	if diff := cmp.Diff(map[string]int64{"job/shared/deep/er/x": 4}, found); diff != "" {
		t.Error(diff)
	}
	for range s.List(t.Context(), "") { // one may stop
		break
	}
	absentDir(t, s.List(t.Context(), "job/nothing"))
	absentDir(t, s.List(t.Context(), "jo"))
}

func absentDir(t *testing.T, seq iter.Seq2[layout.Object, error]) {
	t.Helper()
	n := 0
	for o, err := range seq {
		n++
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a directory that is not there: %v, %v", o, err)
		}
	}
	if n != 1 {
		t.Errorf("a directory that is not there has %d entries", n)
	}
}

func conformChildren(t *testing.T, s layout.Store) {
	for dir, want := range map[string]map[string]int64{
		"":           {"top": 1, "job": -1, "job.tmp": -1},
		"job":        {"job/chk-1": -1, "job/chk-10": -1, "job/shared": -1},
		"job/chk-10": {"job/chk-10/x": 0},
	} {
		if diff := cmp.Diff(want, list(t, s.Children(t.Context(), dir))); diff != "" {
			t.Errorf("%s: %s", dir, diff)
		}
	}
	absentDir(t, s.Children(t.Context(), "job/nothing"))
}

func conformOpen(t *testing.T, s layout.Store) {
	for key, content := range objects {
		c, err := s.Open(t.Context(), key)
		if err != nil {
			t.Errorf("%s: %v", key, err)
			continue
		}
		got, err := io.ReadAll(c)
		if err != nil || string(got) != content || c.Size != int64(len(content)) || c.Key != key || time.Since(c.Modified) > time.Hour {
			t.Errorf("%s: %q, %+v, %v", key, got, c.Object, err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, key := range []string{"nothing", "job/chk-1/nothing", "top/x", "job/chk-1/a b c"} {
		_, err := s.Open(t.Context(), key)
		var p *fs.PathError
		if !errors.As(err, &p) || p.Path != layout.Join(s.URL(), key) {
			t.Errorf("%s: the error %v has not the full path", key, err)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", key, err)
		}
	}
	for _, key := range []string{"", "job/chk-1"} {
		if _, err := s.Open(t.Context(), key); err == nil {
			t.Errorf("the directory %q was opened", key)
		}
	}
}

func conformRange(t *testing.T, s layout.Store) {
	for _, c := range []struct {
		offset, length int64
		want           string
	}{{0, 10, "0123456789"}, {3, 4, "3456"}, {8, 100, "89"}, {0, 0, ""}, {10, 1, ""}} {
		r, err := s.OpenRange(t.Context(), "job/chk-1/_metadata", c.offset, c.length)
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != c.want {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
		r.Close()
	}
	for _, c := range [][2]int64{{-1, 2}, {0, -1}} {
		if _, err := s.OpenRange(t.Context(), "job/chk-1/_metadata", c[0], c[1]); err == nil {
			t.Errorf("%v: no error", c)
		}
	}
	if _, err := s.OpenRange(t.Context(), "nothing", 0, 1); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func conformStat(t *testing.T, s layout.Store) {
	for key, want := range map[string]layout.ObjectType{
		"": layout.TypeDir, "job": layout.TypeDir, "job/chk-1/": layout.TypeDir, "job/chk-1/_metadata": layout.TypeFile, "job/chk-10/x": layout.TypeFile,
	} {
		o, err := s.Stat(t.Context(), key)
		if err != nil || o.Type != want || o.Key != strings.TrimSuffix(key, "/") || o.Type == layout.TypeFile && o.Size != int64(len(objects[key])) {
			t.Errorf("%q: %+v, %v", key, o, err)
		}
	}
	for _, key := range []string{"nothing", "job/chk", "job/chk-1/_meta"} {
		if o, err := s.Stat(t.Context(), key); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %+v, %v", key, o, err)
		}
	}
}

// conformBelow checks a store whose root is within another's.
func conformBelow(t *testing.T, outer, inner layout.Store) {
	var want []string
	for key := range objects {
		if rest, ok := strings.CutPrefix(key, "job/chk-1/"); ok {
			want = append(want, rest)
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(list(t, inner.List(t.Context(), ""))))); diff != "" {
		t.Error(diff)
	}
	if !strings.HasSuffix(inner.URL(), "/job/chk-1") || layout.Canonical(inner.URL()) != inner.URL() || layout.Canonical(outer.URL()) != outer.URL() {
		t.Errorf("URLs %s and %s", outer.URL(), inner.URL())
	}
}

// conformKeys checks that no key leads out.
func conformKeys(t *testing.T, s layout.Store) {
	for _, key := range []string{"..", "../top", "chk-1/../../top", "/top", "chk-1/\x00"} {
		if _, err := s.Open(t.Context(), key); !errors.Is(err, layout.ErrKey) {
			t.Errorf("open %q: %v", key, err)
		}
		if _, err := s.Stat(t.Context(), key); !errors.Is(err, layout.ErrKey) {
			t.Errorf("stat %q: %v", key, err)
		}
		for _, seq := range []iter.Seq2[layout.Object, error]{s.List(t.Context(), key), s.Children(t.Context(), key)} {
			for o, err := range seq {
				if !errors.Is(err, layout.ErrKey) {
					t.Errorf("list %q: %+v, %v", key, o, err)
				}
			}
		}
	}
	c, err := s.Open(t.Context(), "./chk-1//_metadata")
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func conformCancel(t *testing.T, s layout.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	c, err := s.Open(ctx, "top")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cancel()
	n := 0
	for _, err := range s.List(ctx, "") {
		if n++; !errors.Is(err, context.Canceled) {
			t.Errorf("listing went on: %v", err)
		}
	}
	if n != 1 {
		t.Errorf("a cancelled listing yielded %d", n)
	}
}
