package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"strings"
	"testing"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/google/go-cmp/cmp"
)

// mutableBacking is a place that stores can change.
type mutableBacking interface {
	backing
	change(t *testing.T, below string, s Settings) layout.MutableStore
}

// errorAs checks that err is of a kind; nil is for none.
func errorAs(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) || want == nil && err != nil {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// conformChanges checks what every store that can be changed must do.
func conformChanges(t *testing.T, make func(t *testing.T) mutableBacking) {
	for name, check := range map[string]func(*testing.T, mutableBacking){
		"delete": conformDelete, "delete many": conformDeleteMany, "delete what has changed": conformDeleteChanged, "delete keys": conformDeleteKeys,
		"remove directories": conformRemoveDir, "create": conformCreate, "create exactly": conformCreateExactly, "create in parts": conformCreateParts,
		"replace": conformReplace, "copy": conformCopy, "copy in parts": conformCopyParts, "cancel changes": conformCancelChanges, "read-only": conformReadOnly,
		"ask": conformInspect,
	} {
		t.Run(name, func(t *testing.T) { check(t, make(t)) })
	}
}

// opened opens a place for changes until the test ends.
func opened(t *testing.T, b mutableBacking, s Settings) layout.MutableStore {
	t.Helper()
	m := b.change(t, "", s)
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// files is what is listed, in the order of the listing.
func files(t *testing.T, s layout.Store) (found []layout.Object) {
	t.Helper()
	for o, err := range s.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if o.Type == layout.TypeFile {
			found = append(found, o)
		}
	}
	return found
}

// keys is what is left, without directories.
func keys(t *testing.T, s layout.Store) map[string]int64 {
	t.Helper()
	found := map[string]int64{}
	for o, err := range s.List(t.Context(), "") {
		if errors.Is(err, fs.ErrNotExist) {
			continue // object stores have no empty directory
		}
		if err != nil {
			t.Fatal(err)
		}
		if o.Type == layout.TypeFile {
			found[o.Key] = o.Size
		}
	}
	return found
}

// deleted deletes files, and checks that each is told of once.
func deleted(t *testing.T, ctx context.Context, s layout.MutableStore, files []layout.Object) []error {
	t.Helper()
	errs, told := make([]error, len(files)), make([]int, len(files))
	n := 0 // the race detector sees a call that is not serialised
	s.Delete(ctx, files, func(i int, err error) {
		n++
		told[i]++
		errs[i] = err
	})
	for i, times := range told {
		if times != 1 {
			t.Errorf("%s was told of %d times", files[i].Key, times)
		}
	}
	return errs
}

func conformDelete(t *testing.T, b mutableBacking) {
	for key, content := range objects {
		b.put(t, key, content)
	}
	s := opened(t, b, Settings{})
	all := files(t, s)
	for i, err := range deleted(t, t.Context(), s, all[1:]) {
		errorAs(t, all[1+i].Key, err, nil)
	}
	if diff := cmp.Diff(map[string]int64{all[0].Key: all[0].Size}, keys(t, s)); diff != "" {
		t.Error(diff)
	}
	for i, err := range deleted(t, t.Context(), s, append(all, all...)) { // twice, and most of it gone
		errorAs(t, "again: "+all[i%len(all)].Key, err, nil)
	}
	if left := keys(t, s); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if errs := deleted(t, t.Context(), s, nil); len(errs) != 0 {
		t.Error(errs)
	}
}

func conformDeleteMany(t *testing.T, b mutableBacking) {
	many := 2500
	if f, ok := b.(*fakeCloud); ok && f.scheme == "gs" { // of which each takes milliseconds within the test
		many = 400
	}
	for i := range many {
		b.put(t, fmt.Sprintf("job/shared/%d/%d", i%3, i), "x")
	}
	b.put(t, "job/chk-1/_metadata", "m")
	s := opened(t, b, Settings{})
	all := files(t, s)
	chosen := all[:0:0]
	for _, o := range all {
		if strings.HasPrefix(o.Key, "job/shared/") {
			chosen = append(chosen, o)
		}
	}
	for i, err := range deleted(t, t.Context(), s, chosen) {
		errorAs(t, chosen[i].Key, err, nil)
	}
	if diff := cmp.Diff(map[string]int64{"job/chk-1/_metadata": 1}, keys(t, s)); diff != "" || len(chosen) != many {
		t.Error(len(chosen), diff)
	}
}

func conformDeleteChanged(t *testing.T, b mutableBacking) {
	b.put(t, "a/changed", "1")
	b.put(t, "a/same", "1")
	s := opened(t, b, Settings{})
	all := files(t, s)
	b.put(t, "a/changed", "22")
	if slow, ok := b.(interface{ wait(*testing.T) }); ok {
		slow.wait(t)
	}
	for i, err := range deleted(t, t.Context(), s, all) {
		want := map[string]error{"a/changed": layout.ErrChanged}[all[i].Key]
		errorAs(t, all[i].Key, err, want)
		if want != nil && !strings.Contains(fmt.Sprint(err), s.URL()+"/a/changed") {
			t.Errorf("%v has not the full path", err)
		}
	}
	if diff := cmp.Diff(map[string]int64{"a/changed": 2}, keys(t, s)); diff != "" {
		t.Error(diff)
	}
}

// conformDeleteKeys checks that nothing but files below the root goes.
func conformDeleteKeys(t *testing.T, b mutableBacking) {
	b.put(t, "root/a/x", "1")
	b.put(t, "outside", "1")
	s := b.change(t, "root", Settings{})
	defer s.Close()
	o, err := s.Stat(t.Context(), "a/x")
	errorAs(t, "stat", err, nil)
	var wrong []layout.Object
	for _, key := range []string{"../outside", "a/../../outside", "/outside", "", ".", "a//x", "a/x/", "./a/x"} {
		wrong = append(wrong, layout.Object{Key: key, Size: o.Size, Modified: o.Modified, Tag: o.Tag})
	}
	for _, kind := range []layout.ObjectType{layout.TypeDir, layout.TypeLink, layout.TypeSpecial} {
		wrong = append(wrong, layout.Object{Key: "a/x", Type: kind, Size: o.Size, Modified: o.Modified, Tag: o.Tag})
	}
	for i, err := range deleted(t, t.Context(), s, wrong) {
		if err == nil {
			t.Errorf("%+v was deleted", wrong[i])
		}
	}
	for _, key := range []string{"", ".", "..", "../root", "/a", "a/.."} {
		if err := s.RemoveDir(t.Context(), key); err == nil {
			t.Errorf("the directory %q was removed", key)
		}
		if _, err := s.Create(t.Context(), key, strings.NewReader("x"), 1); err == nil {
			t.Errorf("the file %q was created", key)
		}
		if err := s.Replace(t.Context(), key, nil); err == nil {
			t.Errorf("the file %q was replaced", key)
		}
		if _, err := s.CopyFrom(t.Context(), s, o, key); err == nil {
			t.Errorf("copied to %q", key)
		}
	}
	want := map[string]int64{"root/a/x": 1, "outside": 1}
	outer := b.open(t, "")
	defer outer.Close()
	if diff := cmp.Diff(want, keys(t, outer)); diff != "" {
		t.Error(diff)
	}
}

func conformRemoveDir(t *testing.T, b mutableBacking) {
	b.put(t, "job/chk-1/x", "1")
	b.put(t, "job/chk-10/x", "1")
	s := opened(t, b, Settings{})
	for _, dir := range []string{"job", "job/chk-1"} {
		errorAs(t, dir, s.RemoveDir(t.Context(), dir), layout.ErrNotEmpty)
	}
	errorAs(t, "nothing", s.RemoveDir(t.Context(), "job/nothing/at/all"), nil)
	o, err := s.Stat(t.Context(), "job/chk-1/x")
	errorAs(t, "stat", err, nil)
	errorAs(t, "delete", deleted(t, t.Context(), s, []layout.Object{o})[0], nil)
	for range 2 {
		errorAs(t, "chk-1", s.RemoveDir(t.Context(), "job/chk-1"), nil)
	}
	if _, err := s.Stat(t.Context(), "job/chk-1"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory is still there: %v", err)
	}
	if diff := cmp.Diff(map[string]int64{"job/chk-10/x": 1}, keys(t, s)); diff != "" {
		t.Error(diff)
	}
	s.RemoveDir(t.Context(), "job/chk-10/x") // whatever it says of a file
	if diff := cmp.Diff(map[string]int64{"job/chk-10/x": 1}, keys(t, s)); diff != "" {
		t.Error(diff)
	}
}

func conformCreate(t *testing.T, b mutableBacking) {
	b.put(t, "there", "1")
	s := opened(t, b, Settings{})
	for key, content := range objects {
		made, err := s.Create(t.Context(), "new/"+key, strings.NewReader(content), int64(len(content)))
		if err != nil {
			t.Fatal(err)
		}
		now, err := s.Stat(t.Context(), "new/"+key)
		if diff := cmp.Diff(now, made); diff != "" || err != nil {
			t.Error(err, diff)
		}
		if got := read(t, s, "new/"+key); got != content {
			t.Errorf("%s: %q", key, got)
		}
	}
	for _, key := range []string{"there", "new/top"} {
		_, err := s.Create(t.Context(), key, strings.NewReader("other"), 5)
		errorAs(t, "create "+key+" again", err, fs.ErrExist)
	}
	if got := read(t, s, "there"); got != "1" {
		t.Errorf("replaced by %q", got)
	}
	listed := map[string]layout.Object{}
	for _, o := range files(t, s) {
		listed[o.Key] = o
	}
	if o, err := s.Stat(t.Context(), "new/top"); err != nil || listed["new/top"].Tag != o.Tag || !listed["new/top"].Modified.Equal(o.Modified) && o.Tag == "" {
		t.Errorf("listed as %+v, described as %+v, %v", listed["new/top"], o, err)
	}
	if len(listed) != len(objects)+1 {
		t.Errorf("%d files: %v", len(listed), listed)
	}
}

var errTest = errors.New("the reader fails")

// readers of too little, too much, and none.
func wrongReaders(size int) map[error]io.Reader {
	data := bytes.Repeat([]byte("x"), size+1)
	return map[error]io.Reader{
		io.ErrUnexpectedEOF: bytes.NewReader(data[:size-1]),
		errLonger:           bytes.NewReader(data),
		errTest:             io.MultiReader(bytes.NewReader(data[:size/2]), brokenReader{}),
	}
}

type brokenReader struct{}

// Read implements io.Reader.
func (brokenReader) Read([]byte) (int, error) { return 0, errTest }

func conformCreateExactly(t *testing.T, b mutableBacking) {
	b.put(t, "there", "1")
	s := opened(t, b, Settings{partSize: int64(testPart)})
	for _, size := range []int{5, testPart, 2*testPart + 5} {
		for want, r := range wrongReaders(size) {
			_, err := s.Create(t.Context(), "dir/new", r, int64(size))
			errorAs(t, fmt.Sprint(size), err, want)
			if !strings.Contains(fmt.Sprint(err), s.URL()+"/dir/new") {
				t.Errorf("%v has not the full path", err)
			}
		}
	}
	if _, err := s.Create(t.Context(), "dir/new", strings.NewReader(""), -1); err == nil {
		t.Error("a negative size")
	}
	if diff := cmp.Diff(map[string]int64{"there": 1}, keys(t, s)); diff != "" {
		t.Error(diff)
	}
	if r, err := s.Remarks(t.Context()); err != nil || len(r.Uploads) > 0 {
		t.Errorf("left: %+v, %v", r, err)
	}
}

// testPart is the smallest part that stores take.
var testPart = 5 << 20

// pattern is bytes of which no two parts are the same.
func pattern(n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i*7>>3 ^ i>>17)
	}
	return data
}

func conformCreateParts(t *testing.T, b mutableBacking) {
	s := opened(t, b, Settings{partSize: int64(testPart)})
	for _, size := range []int{testPart, testPart + 1, 3*testPart + 17} {
		data, key := pattern(size), fmt.Sprint("large/", size)
		made, err := s.Create(t.Context(), key, bytes.NewReader(data), int64(size))
		if err != nil {
			t.Fatal(err)
		}
		if now, err := s.Stat(t.Context(), key); err != nil || !cmp.Equal(now, made) {
			t.Errorf("%+v, %+v, %v", made, now, err)
		}
		if got := read(t, s, key); got != string(data) {
			t.Errorf("%d: other bytes, %d of them", size, len(got))
		}
		data[0]++ // what is the same may be told as done, where a request had to be repeated
		_, err = s.Create(t.Context(), key, bytes.NewReader(data), int64(size))
		errorAs(t, "again", err, fs.ErrExist)
	}
}

func conformReplace(t *testing.T, b mutableBacking) {
	s := opened(t, b, Settings{})
	for _, content := range []string{"first", "the second", ""} {
		errorAs(t, content, s.Replace(t.Context(), "dir/journal", []byte(content)), nil)
		if got := read(t, s, "dir/journal"); got != content {
			t.Errorf("%q, want %q", got, content)
		}
	}
	if left := keys(t, s); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}

func conformCopy(t *testing.T, b mutableBacking) {
	for key, content := range objects {
		b.put(t, "a/"+key, content)
	}
	b.put(t, "b/there", "1")
	from, to := b.change(t, "a", Settings{}), b.change(t, "b", Settings{})
	defer from.Close()
	defer to.Close()
	for _, o := range files(t, from) {
		made, err := to.CopyFrom(t.Context(), from, o, "trash/"+o.Key)
		if errors.Is(err, errors.ErrUnsupported) {
			return // it says so
		}
		if err != nil {
			t.Fatal(err)
		}
		now, err := to.Stat(t.Context(), "trash/"+o.Key)
		if diff := cmp.Diff(now, made); diff != "" || err != nil {
			t.Error(err, diff)
		}
		errorAs(t, "delete", deleted(t, t.Context(), from, []layout.Object{o})[0], nil)
		if got := read(t, to, "trash/"+o.Key); got != objects[o.Key] {
			t.Errorf("%s: %q", o.Key, got)
		}
		_, err = to.CopyFrom(t.Context(), from, o, "trash/gone")
		errorAs(t, "what is gone", err, fs.ErrNotExist)
	}
	b.put(t, "a/x", "1")
	readOnly := b.open(t, "a")
	defer readOnly.Close()
	x, err := readOnly.Stat(t.Context(), "x")
	errorAs(t, "stat", err, nil)
	_, err = to.CopyFrom(t.Context(), readOnly, x, "there")
	errorAs(t, "onto another", err, fs.ErrExist)
	b.put(t, "a/x", "22")
	_, err = to.CopyFrom(t.Context(), readOnly, x, "y")
	errorAs(t, "what has changed", err, layout.ErrChanged)
	_, err = to.CopyFrom(t.Context(), strange{readOnly}, x, "y")
	errorAs(t, "another kind of store", err, errors.ErrUnsupported)
	want := map[string]int64{"there": 1}
	for key, content := range objects {
		want["trash/"+key] = int64(len(content))
	}
	if diff := cmp.Diff(want, keys(t, to)); diff != "" {
		t.Error(diff)
	}
}

// strange is a store of a kind that no driver knows.
type strange struct{ layout.Store }

func conformCopyParts(t *testing.T, b mutableBacking) {
	data := pattern(2*testPart + 17)
	b.put(t, "large", string(data))
	s := opened(t, b, Settings{copySize: int64(testPart)})
	o, err := s.Stat(t.Context(), "large")
	errorAs(t, "stat", err, nil)
	_, err = s.CopyFrom(t.Context(), s, o, "dir/copy")
	if errors.Is(err, errors.ErrUnsupported) {
		return
	}
	errorAs(t, "copy", err, nil)
	if got := read(t, s, "dir/copy"); got != string(data) {
		t.Errorf("other bytes, %d of them", len(got))
	}
	_, err = s.CopyFrom(t.Context(), s, o, "dir/copy")
	errorAs(t, "again", err, fs.ErrExist)
}

func conformCancelChanges(t *testing.T, b mutableBacking) {
	for i := range 10 {
		b.put(t, fmt.Sprint(i), "x")
	}
	s := opened(t, b, Settings{})
	all := files(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range deleted(t, ctx, s, all) {
		errorAs(t, "delete", err, context.Canceled)
	}
	_, err := s.Create(ctx, "new", strings.NewReader("x"), 1)
	errorAs(t, "create", err, context.Canceled)
	errorAs(t, "replace", s.Replace(ctx, "new", nil), context.Canceled)
	if _, err := s.CopyFrom(ctx, s, all[0], "new"); !errors.Is(err, errors.ErrUnsupported) {
		errorAs(t, "copy", err, context.Canceled)
	}
	if left := keys(t, s); len(left) != len(all) {
		t.Errorf("left: %v", left)
	}
}

// conformReadOnly checks that what was opened for reading has no way to change anything.
func conformReadOnly(t *testing.T, b mutableBacking) {
	b.put(t, "a", "x")
	s := b.open(t, "")
	defer s.Close()
	if _, ok := s.(layout.Deleter); ok {
		t.Errorf("%T deletes", s)
	}
	if _, ok := s.(interface {
		RemoveDir(context.Context, string) error
	}); ok {
		t.Errorf("%T removes directories", s)
	}
	if _, ok := s.(layout.Putter); ok {
		t.Errorf("%T creates", s)
	}
	if _, ok := s.(layout.Copier); ok {
		t.Errorf("%T copies", s)
	}
	m := opened(t, b, Settings{})
	if m.URL() != s.URL() {
		t.Errorf("%s is %s for changes", s.URL(), m.URL())
	}
	if diff := cmp.Diff(keys(t, s), keys(t, m)); diff != "" {
		t.Error(diff)
	}
}

func conformInspect(t *testing.T, b mutableBacking) {
	b.put(t, "a", "x")
	s := opened(t, b, Settings{})
	now, err := s.Now(t.Context())
	if errors.Is(err, errors.ErrUnsupported) {
		now, err = time.Now(), nil
	}
	if off := time.Until(now).Abs(); err != nil || off.Seconds() > 2 {
		t.Errorf("the clock is %v off: %v", off, err)
	}
	if r, err := s.Remarks(t.Context()); err != nil || r.Versioned || len(r.Uploads) > 0 {
		t.Errorf("%+v, %v", r, err)
	}
	if unfinished, err := s.Unfinished(t.Context(), "a"); unfinished || err != nil && !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("unfinished: %v, %v", unfinished, err)
	}
}
