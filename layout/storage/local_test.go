package storage

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/google/go-cmp/cmp"
)

// directory is a backing in the file system.
type directory string

func (d directory) put(t *testing.T, key, content string) {
	t.Helper()
	path := filepath.Join(string(d), filepath.FromSlash(key))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (d directory) open(t *testing.T, below string) layout.Store {
	t.Helper()
	return open(t, filepath.Join(string(d), below))
}

func open(t *testing.T, url string) layout.Store {
	t.Helper()
	s, err := Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func (d directory) change(t *testing.T, below string, s Settings) layout.MutableStore {
	t.Helper()
	m, err := New(s).OpenMutable(t.Context(), filepath.Join(string(d), below))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestLocal(t *testing.T) {
	conform(t, func(t *testing.T) backing { return directory(t.TempDir()) })
	conformChanges(t, func(t *testing.T) mutableBacking { return directory(t.TempDir()) })
}

func TestLocalURLs(t *testing.T) {
	dir := directory(filepath.Join(t.TempDir(), "a b%20ü"))
	dir.put(t, "x", "1")
	for _, url := range []string{
		string(dir), string(dir) + "/", "file:" + string(dir), "file://" + string(dir) + "//", "file://localhost" + string(dir), "FILE:" + string(dir),
	} {
		s := open(t, url)
		if s.URL() != string(dir) {
			t.Errorf("%s: URL %s", url, s.URL())
		}
		if o, err := s.Stat(t.Context(), "x"); err != nil || o.Size != 1 {
			t.Errorf("%s: %+v, %v", url, o, err)
		}
	}
	t.Chdir(filepath.Dir(string(dir)))
	for _, url := range []string{filepath.Base(string(dir)), "./" + filepath.Base(string(dir))} {
		if s := open(t, url); s.URL() != string(dir) {
			t.Errorf("%s: URL %s", url, s.URL())
		}
	}
	dir.put(t, "s3:", "a file whose name looks like a scheme")
	t.Chdir(string(dir))
	if _, err := Open(t.Context(), "s3:"); !errors.Is(err, layout.ErrNotDirectory) {
		t.Errorf("got %v", err)
	}
}

func TestLocalErrors(t *testing.T) {
	dir := directory(t.TempDir())
	dir.put(t, "file", "1")
	for url, want := range map[string]error{
		string(dir) + "/nothing":    fs.ErrNotExist,
		string(dir) + "/file":       layout.ErrNotDirectory,
		string(dir) + "/file/below": fs.ErrNotExist,
		"file://host" + string(dir): nil,
	} {
		_, err := Open(t.Context(), url)
		var p *fs.PathError
		if err == nil || want != nil && !errors.Is(err, want) || !errors.As(err, &p) || p.Path == "" {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// Links are listed and nothing else: neither their targets nor loops are entered.
func TestLocalLinks(t *testing.T) {
	outside := directory(t.TempDir())
	outside.put(t, "secret", "s")
	dir := directory(t.TempDir())
	dir.put(t, "job/chk-1/_metadata", "m")
	for link, to := range map[string]string{
		"out": string(outside), "up": "..", "loop": ".", "broken": "nothing", "self": "self", "inside": "job",
		"file": "job/chk-1/_metadata", "secret": filepath.Join(string(outside), "secret"),
	} {
		if err := os.Symlink(to, filepath.Join(string(dir), link)); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, string(dir))
	got := list(t, s.List(t.Context(), ""))
	want := map[string]int64{"job": -1, "job/chk-1": -1, "job/chk-1/_metadata": 1,
		"out": -2, "up": -2, "loop": -2, "broken": -2, "self": -2, "inside": -2, "file": -2, "secret": -2}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, key := range []string{"file", "inside/chk-1/_metadata", "loop/loop/file"} {
		if c, err := s.Open(t.Context(), key); err != nil || c.Size != 1 {
			t.Errorf("%s stays within the root: %v", key, err)
		} else {
			c.Close()
		}
	}
	for _, key := range []string{"out/secret", "secret", "up/x", "broken", "self"} {
		if c, err := s.Open(t.Context(), key); err == nil {
			t.Errorf("%s was opened: %+v", key, c.Object)
		}
	}
	for _, seq := range []string{"out", "up"} {
		for o, err := range s.List(t.Context(), seq) {
			if err == nil {
				t.Errorf("listing %s shows %s", seq, o.Key)
			}
		}
	}
	root := filepath.Join(t.TempDir(), "link to the root")
	if err := os.Symlink(string(dir), root); err != nil {
		t.Fatal(err)
	}
	if n := len(list(t, open(t, root).List(t.Context(), ""))); n != len(want) {
		t.Errorf("through a link: %d entries", n)
	}
}

// What cannot be read is reported with its path, and the rest is listed.
func TestLocalPermission(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	dir := directory(t.TempDir())
	dir.put(t, "a/x", "1")
	dir.put(t, "b/x", "1")
	if err := os.Chmod(filepath.Join(string(dir), "a"), 0); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(filepath.Join(string(dir), "a"), 0o755)
	var denied, seen []string
	for o, err := range open(t, string(dir)).List(t.Context(), "") {
		if o.Key == "" {
			continue
		}
		if errors.Is(err, fs.ErrPermission) {
			denied = append(denied, o.Key)
		} else {
			seen = append(seen, o.Key)
		}
	}
	slices.Sort(seen)
	if !slices.Equal(denied, []string{"a"}) || !slices.Equal(seen, []string{"a", "b", "b/x"}) {
		t.Errorf("denied %v, seen %v", denied, seen)
	}
}

// A live job deletes while a listing runs.
func TestLocalVanishing(t *testing.T) {
	dir := directory(t.TempDir())
	for _, key := range []string{"a/1/x", "b/1/x", "c/1/x"} {
		dir.put(t, key, "1")
	}
	seen := 0
	for o, err := range open(t, string(dir)).List(t.Context(), "") {
		if err != nil {
			t.Errorf("%s: %v", o.Key, err)
		}
		if seen++; seen == 4 { // the root, a, b and c are known, and none has been entered
			for _, key := range []string{"a", "b/1", "c/1/x"} {
				if err := os.RemoveAll(filepath.Join(string(dir), key)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if seen != 5 { // c/1 besides
		t.Errorf("%d entries", seen)
	}
}

// Reads end with the context, as a _metadata may be large and a disk slow.
func TestLocalCancelledRead(t *testing.T) {
	dir := directory(t.TempDir())
	dir.put(t, "x", strings.Repeat("x", 10))
	ctx, cancel := context.WithCancel(t.Context())
	c, err := open(t, string(dir)).Open(ctx, "x")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cancel()
	if _, err := io.ReadAll(c); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// An empty directory matters: it may be a checkpoint that was never written.
func TestLocalEmptyDirectories(t *testing.T) {
	dir := t.TempDir()
	old := time.Now().Add(-48 * time.Hour).Truncate(time.Second)
	if err := os.Mkdir(filepath.Join(dir, "chk-1"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(filepath.Join(dir, "chk-1"), old, old); err != nil {
		t.Fatal(err)
	}
	for o, err := range open(t, dir).List(t.Context(), "") {
		if o.Key == "" && o.Type == layout.TypeDir && time.Since(o.Modified) < time.Hour {
			continue
		}
		if err != nil || o.Key != "chk-1" || o.Type != layout.TypeDir || !o.Modified.Equal(old) {
			t.Errorf("%+v, %v", o, err)
		}
	}
}
