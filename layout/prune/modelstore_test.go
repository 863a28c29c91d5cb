package prune_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// shelf is a storage within the process whose time stands still unless it is told to go on.
// The writer of the model works on it directly. What prune does goes through its views,
// which call back before each operation: so anything can happen between any two of them.
type shelf struct {
	mu    sync.Mutex
	now   time.Time
	files map[string]*shelved
	dirs  map[string]time.Time // nil where the storage has none, as object stores
	puts  int

	before func()                     // before each operation of a view
	delete func(key string, dir bool) // right before a view deletes something
	maps   []layout.Mapping           // that the user gives
	skew   time.Duration              // how far prune's clock is ahead
	left   int                        // how many operations are left before prune is killed; -1 for any number
}

type shelved struct {
	data     []byte
	size     int64
	modified time.Time
	tag      string
}

func newShelf(now time.Time, dirs bool) *shelf {
	s := &shelf{now: now, files: map[string]*shelved{}, left: -1}
	if dirs {
		s.dirs = map[string]time.Time{}
	}
	return s
}

// put stores a file. No two changes are of the same time.
func (s *shelf) put(key string, size int64, data []byte) {
	s.now = s.now.Add(time.Millisecond)
	s.puts++
	if data != nil {
		size = int64(len(data))
	}
	s.files[key] = &shelved{data, size, s.now, fmt.Sprint(s.puts)}
	s.mkdir(path.Dir(key))
	s.touch(key)
}

// mkdir makes a directory and those above, where there are any.
func (s *shelf) mkdir(dir string) {
	for ; s.dirs != nil && dir != "."; dir = path.Dir(dir) {
		if _, ok := s.dirs[dir]; ok {
			return
		}
		s.dirs[dir] = s.now
	}
}

// touch notes that a directory has changed.
func (s *shelf) touch(key string) {
	if dir := path.Dir(key); s.dirs != nil && dir != "." {
		s.dirs[dir] = s.now
	}
}

func (s *shelf) drop(key string) {
	if _, ok := s.files[key]; ok {
		delete(s.files, key)
		s.touch(key)
	}
}

// rmdir removes a directory, if nothing lies in it.
func (s *shelf) rmdir(dir string) error {
	for _, o := range s.below(dir, false) {
		if o.Key != "" {
			return layout.ErrNotEmpty
		}
	}
	if s.dirs != nil {
		delete(s.dirs, dir)
		s.touch(dir)
	}
	return nil
}

// dropAll removes a directory with all that lies in it.
func (s *shelf) dropAll(dir string) {
	for key := range s.files {
		if strings.HasPrefix(key, dir+"/") {
			delete(s.files, key)
		}
	}
	for key := range s.dirs {
		if key == dir || strings.HasPrefix(key, dir+"/") {
			delete(s.dirs, key)
		}
	}
}

func (f *shelved) object(key string) layout.Object {
	return layout.Object{Key: key, Size: f.size, Modified: f.modified, Tag: f.tag}
}

// below lists a directory, at any depth or not, with keys below it. It is nil where there
// is no such directory.
func (s *shelf) below(dir string, deep bool) []layout.Object {
	found := map[string]layout.Object{}
	exists := false
	add := func(key string, o layout.Object) {
		rest, ok := strings.CutPrefix(key, dir+"/")
		if exists = exists || ok || key == dir; !ok {
			return
		}
		if i := strings.IndexByte(rest, '/'); i >= 0 && !deep {
			rest, o = rest[:i], layout.Object{Type: layout.TypeDir, Modified: s.dirs[dir+"/"+rest[:i]]}
		}
		o.Key = rest
		found[rest] = o
	}
	for key, f := range s.files {
		add(key, f.object(key))
	}
	for key, at := range s.dirs {
		add(key, layout.Object{Type: layout.TypeDir, Modified: at})
	}
	if !exists {
		return nil
	}
	all := make([]layout.Object, 0, len(found)+1)
	for _, key := range slices.Sorted(maps.Keys(found)) {
		all = append(all, found[key])
	}
	return append(all, layout.Object{}) // the directory itself
}

// open gives views, for reading or for changes.
func (s *shelf) open(_ context.Context, url string) (layout.MutableStore, error) {
	root := layout.ParsePlace(url)
	return &view{s, strings.TrimPrefix(root.Path, "/")}, nil
}

func (s *shelf) openStore(ctx context.Context, url string) (layout.Store, error) {
	return s.open(ctx, url)
}

// view is a part of a shelf.
type view struct {
	*shelf
	root string
}

var errKilled = errors.New("prune was killed")

// step begins an operation; end ends it.
func (v *view) step() error {
	v.mu.Lock()
	if v.left == 0 {
		return errKilled
	}
	if v.left > 0 {
		v.left--
	}
	if v.before != nil {
		v.before()
	}
	return nil
}

func (v *view) key(key string) string { return path.Join(v.root, key) }

func (v *view) missing(op, key string) error {
	return &fs.PathError{Op: op, Path: layout.Join(v.URL(), key), Err: fs.ErrNotExist}
}

func (v *view) URL() string  { return "mem://m/" + v.root }
func (v *view) Close() error { return nil }

func (v *view) Now(context.Context) (time.Time, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.now, nil
}

func (v *view) Remarks(context.Context) (layout.Remarks, error) { return layout.Remarks{}, nil }

func (v *view) Unfinished(context.Context, string) (bool, error) { return false, nil }

func (v *view) List(_ context.Context, dir string) iter.Seq2[layout.Object, error] {
	return v.list(dir, true)
}

func (v *view) Children(_ context.Context, dir string) iter.Seq2[layout.Object, error] {
	return v.list(dir, false)
}

// pageSize is how much of a listing is of one moment.
const pageSize = 40

func (v *view) list(dir string, deep bool) iter.Seq2[layout.Object, error] {
	return func(yield func(layout.Object, error) bool) {
		for after := ""; ; {
			page, err := v.page(dir, after, deep)
			if err != nil {
				yield(layout.Object{Key: dir}, err)
				return
			}
			for _, o := range page[:min(len(page), pageSize)] {
				after = o.Key
				if o.Key = path.Join(dir, o.Key); !yield(o, nil) {
					return
				}
			}
			if len(page) <= pageSize {
				return
			}
		}
	}
}

// page is the rest of a listing, as it is now.
func (v *view) page(dir, after string, deep bool) ([]layout.Object, error) {
	err := v.step()
	defer v.mu.Unlock()
	if err != nil {
		return nil, err
	}
	all := v.below(v.key(dir), deep)
	if all == nil && after == "" && (v.dirs != nil || dir == "") {
		return nil, v.missing("open", dir)
	}
	return slices.DeleteFunc(all, func(o layout.Object) bool { return o.Key == "" || o.Key <= after }), nil
}

func (v *view) Stat(_ context.Context, key string) (layout.Object, error) {
	err := v.step()
	defer v.mu.Unlock()
	if err != nil {
		return layout.Object{}, err
	}
	f := v.files[v.key(key)]
	if f == nil {
		return layout.Object{}, v.missing("stat", key)
	}
	return f.object(key), nil
}

func (v *view) Open(ctx context.Context, key string) (*layout.Content, error) {
	o, err := v.Stat(ctx, key)
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	f := v.files[v.key(key)]
	if f == nil {
		return nil, v.missing("open", key)
	}
	return &layout.Content{ReadCloser: io.NopCloser(bytes.NewReader(f.data)), Object: o}, nil
}

func (v *view) OpenRange(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	c, err := v.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(io.NewSectionReader(c.ReadCloser.(io.ReaderAt), offset, length)), nil
}

func (v *view) Delete(_ context.Context, files []layout.Object, done func(i int, err error)) {
	for i, o := range files {
		done(i, v.deleteOne(o))
	}
}

func (v *view) deleteOne(o layout.Object) error {
	err := v.step()
	defer v.mu.Unlock()
	if err != nil {
		return err
	}
	key := v.key(o.Key)
	switch f := v.files[key]; {
	case f == nil:
		return nil
	case o.Tag != "" && f.tag != o.Tag || f.size != o.Size || !f.modified.Equal(o.Modified):
		return layout.ErrChanged
	}
	if v.delete != nil {
		v.delete(key, false)
	}
	v.drop(key)
	return nil
}

func (v *view) RemoveDir(_ context.Context, dir string) error {
	err := v.step()
	defer v.mu.Unlock()
	if err != nil {
		return err
	}
	key := v.key(dir)
	if _, ok := v.dirs[key]; !ok {
		return nil
	}
	for _, o := range v.below(key, false) {
		if o.Key != "" {
			return layout.ErrNotEmpty
		}
	}
	if v.delete != nil {
		v.delete(key, true)
	}
	return v.rmdir(key)
}

func (v *view) Create(_ context.Context, key string, r io.Reader, size int64) (layout.Object, error) {
	data, err := io.ReadAll(r)
	if err == nil && int64(len(data)) != size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return layout.Object{}, err
	}
	return v.create(key, data, size)
}

func (v *view) create(key string, data []byte, size int64) (layout.Object, error) {
	err := v.step()
	defer v.mu.Unlock()
	if err != nil {
		return layout.Object{}, err
	}
	at := v.key(key)
	if v.files[at] != nil {
		return layout.Object{}, &fs.PathError{Op: "create", Path: key, Err: fs.ErrExist}
	}
	v.put(at, size, data)
	return v.files[at].object(key), nil
}

func (v *view) Replace(_ context.Context, key string, data []byte) error {
	err := v.step()
	defer v.mu.Unlock()
	if err != nil {
		return err
	}
	v.put(v.key(key), 0, data)
	return nil
}

func (v *view) CopyFrom(ctx context.Context, from layout.Store, src layout.Object, key string) (layout.Object, error) {
	other := from.(*view)
	other.mu.Lock()
	f := other.files[other.key(src.Key)]
	other.mu.Unlock()
	switch {
	case f == nil:
		return layout.Object{}, other.missing("open", src.Key)
	case f.size != src.Size || !f.modified.Equal(src.Modified):
		return layout.Object{}, layout.ErrChanged
	}
	return v.create(key, f.data, f.size)
}
