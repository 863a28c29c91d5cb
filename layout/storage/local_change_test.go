package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/google/go-cmp/cmp"
)

// TestLocalLinksStay: no change goes through a symbolic link, nor to one.
func TestLocalLinksStay(t *testing.T) {
	outside, dir := directory(t.TempDir()), directory(t.TempDir())
	outside.put(t, "secret", "s")
	dir.put(t, "job/chk-1/_metadata", "m")
	for link, to := range map[string]string{
		"out": string(outside), "inside": "job", "file": "job/chk-1/_metadata", "secret": filepath.Join(string(outside), "secret"),
	} {
		if err := os.Symlink(to, filepath.Join(string(dir), link)); err != nil {
			t.Fatal(err)
		}
	}
	m := dir.change(t, "", Settings{})
	defer m.Close()
	for _, key := range []string{"inside/chk-1/_metadata", "file", "secret", "out/secret"} {
		o, err := m.Stat(t.Context(), key)
		if err != nil { // it leads out
			o = layout.Object{Size: 1}
		}
		o.Key = key
		if err := deleted(t, t.Context(), m, []layout.Object{o})[0]; err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("deleting %s: %v", key, err)
		}
	}
	for _, key := range []string{"out/new", "inside/new"} {
		_, err := m.Create(t.Context(), key, strings.NewReader("x"), 1)
		errorAs(t, key, err, errLink)
	}
	_, err := m.Create(t.Context(), "secret", strings.NewReader("x"), 1)
	errorAs(t, "over a link", err, fs.ErrExist)
	for _, key := range []string{"out", "inside", "file"} {
		errorAs(t, key, m.RemoveDir(t.Context(), key), layout.ErrNotDirectory)
	}
	errorAs(t, "replace", m.Replace(t.Context(), "secret", []byte("new")), nil)
	if info, err := os.Lstat(filepath.Join(string(dir), "secret")); err != nil || !info.Mode().IsRegular() {
		t.Errorf("the link itself was to be replaced: %v, %v", info, err)
	}
	if diff := cmp.Diff(map[string]int64{"secret": 1}, keys(t, outside.open(t, ""))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int64{"job/chk-1/_metadata": 1, "secret": 3}, keys(t, m)); diff != "" {
		t.Error(diff)
	}
}

// TestLocalNew: a directory that does not exist is made with the first file.
func TestLocalNew(t *testing.T) {
	above := directory(t.TempDir())
	above.put(t, "file", "1")
	m := above.change(t, "a/b/c", Settings{})
	defer m.Close()
	if n := len(keys(t, m)); n != 0 {
		t.Errorf("%d files", n)
	}
	_, err := m.Stat(t.Context(), "")
	errorAs(t, "stat", err, fs.ErrNotExist)
	errorAs(t, "delete", deleted(t, t.Context(), m, []layout.Object{{Key: "x"}})[0], nil)
	errorAs(t, "rmdir", m.RemoveDir(t.Context(), "x"), nil)
	_, err = m.CopyFrom(t.Context(), m, layout.Object{Key: "x"}, "y")
	errorAs(t, "copy", err, fs.ErrNotExist)
	if _, err := os.Stat(filepath.Join(string(above), "a")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("made before it was needed: %v", err)
	}
	var all sync.WaitGroup
	for i := range 8 { // all of them make it
		all.Go(func() {
			if _, err := m.Create(t.Context(), fmt.Sprint("dir/", i), strings.NewReader("x"), 1); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := len(keys(t, open(t, filepath.Join(string(above), "a/b/c")))); n != 8 {
		t.Errorf("%d files", n)
	}
	for _, below := range []string{"file", "file/x"} {
		_, err := New(Settings{}).OpenMutable(t.Context(), filepath.Join(string(above), below))
		errorAs(t, below, err, layout.ErrNotDirectory)
	}
}

// TestLocalOnlyOne: of many that create one file at the same time, one does it.
func TestLocalOnlyOne(t *testing.T) {
	m := directory(t.TempDir()).change(t, "", Settings{})
	defer m.Close()
	var all sync.WaitGroup
	errs := make([]error, 20)
	for i := range errs {
		all.Go(func() { _, errs[i] = m.Create(t.Context(), "dir/lock", strings.NewReader(fmt.Sprint(i%10)), 1) })
	}
	all.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
		} else {
			errorAs(t, "create", err, fs.ErrExist)
		}
	}
	if left := keys(t, m); made != 1 || len(left) != 1 {
		t.Errorf("%d were told that they have made it, left: %v", made, left)
	}
}

// TestLocalLink: where a file cannot be renamed without replacing, it is linked.
func TestLocalLink(t *testing.T) {
	dir := directory(t.TempDir())
	for key := range map[string]bool{"part": true, "there": true} {
		dir.put(t, key, key)
	}
	root, err := os.OpenRoot(string(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	errorAs(t, "onto another", linkNew(root, "part", "there"), fs.ErrExist)
	errorAs(t, "new", linkNew(root, "part", "new"), nil)
	if diff := cmp.Diff(map[string]int64{"there": 5, "new": 4}, keys(t, dir.open(t, ""))); diff != "" {
		t.Error(diff)
	}
}

// TestLocalTimes: a file of the same size that was written later is another one.
func TestLocalTimes(t *testing.T) {
	dir := directory(t.TempDir())
	dir.put(t, "a", "1")
	m := dir.change(t, "", Settings{})
	defer m.Close()
	all := files(t, m)
	later := time.Now().Add(time.Second)
	if err := os.Chtimes(filepath.Join(string(dir), "a"), later, later); err != nil {
		t.Fatal(err)
	}
	errorAs(t, "delete", deleted(t, t.Context(), m, all)[0], layout.ErrChanged)
	_, err := m.CopyFrom(t.Context(), m, all[0], "b")
	errorAs(t, "copy", err, layout.ErrChanged)
}

// TestLocalCopyIsNoLink: what becomes of the source does not change the copy.
func TestLocalCopyIsNoLink(t *testing.T) {
	dir := directory(t.TempDir())
	dir.put(t, "a", "before")
	m := dir.change(t, "", Settings{})
	defer m.Close()
	_, err := m.CopyFrom(t.Context(), m, files(t, m)[0], "b")
	errorAs(t, "copy", err, nil)
	dir.put(t, "a", "after!") // in place
	if got := read(t, m, "b"); got != "before" {
		t.Errorf("the copy is %q", got)
	}
}
