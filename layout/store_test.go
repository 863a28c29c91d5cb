package layout

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"path"
	"testing"
	"testing/fstest"
	"time"
)

// fsStore is a tree as a Store. Tests make entries fail by key.
type fsStore struct {
	fs.FS
	url    string
	flat   bool // an object store: no directories
	listed map[string]error
	opened map[string]error
}

func (s *fsStore) URL() string  { return s.url }
func (s *fsStore) Close() error { return nil }

func (s *fsStore) Stat(_ context.Context, key string) (Object, error) {
	info, err := fs.Stat(s.FS, name(key))
	if err != nil {
		return Object{}, err
	}
	return s.object(key, info), nil
}

func (s *fsStore) Open(_ context.Context, key string) (*Content, error) {
	if err := s.opened[key]; err != nil {
		return nil, &fs.PathError{Op: "open", Path: Join(s.url, key), Err: err}
	}
	data, err := fs.ReadFile(s.FS, name(key))
	if err != nil {
		return nil, err
	}
	return &Content{io.NopCloser(bytes.NewReader(data)), Object{Key: key, Size: int64(len(data))}}, nil
}

func (s *fsStore) OpenRange(context.Context, string, int64, int64) (io.ReadCloser, error) {
	return nil, errors.ErrUnsupported
}

func (s *fsStore) Children(context.Context, string) iter.Seq2[Object, error] { panic("not used") }

func (s *fsStore) List(ctx context.Context, dir string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		err := fs.WalkDir(s.FS, name(dir), func(p string, d fs.DirEntry, err error) error {
			key := p
			if p == "." {
				key = ""
			}
			switch {
			case ctx.Err() != nil:
				yield(Object{}, ctx.Err())
				return fs.SkipAll
			case err != nil:
				return err
			case s.listed[key] != nil:
				if d.IsDir() && key != "" && !yield(Object{Key: key, Type: TypeDir}, nil) {
					return fs.SkipAll
				}
				if !yield(Object{Key: key, Type: TypeDir}, &fs.PathError{Op: "open", Path: Join(s.url, key), Err: s.listed[key]}) {
					return fs.SkipAll
				}
				return fs.SkipDir
			case s.flat && d.IsDir():
				return nil
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			if !yield(s.object(key, info), nil) {
				return fs.SkipAll
			}
			return nil
		})
		if err != nil {
			yield(Object{}, err)
		}
	}
}

func (s *fsStore) object(key string, info fs.FileInfo) Object {
	o := Object{Key: key, Modified: info.ModTime()}
	switch mode := info.Mode(); {
	case mode.IsDir():
		o.Type = TypeDir
	case mode&fs.ModeSymlink != 0:
		o.Type = TypeLink
	case !mode.IsRegular():
		o.Type = TypeSpecial
	default:
		o.Size = info.Size()
	}
	return o
}

func name(key string) string { return path.Join(".", key) }

// now is the time in tests.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// newTestTree makes a store at /root. A key that ends with a slash is a directory, one
// that ends with an @ a symbolic link. Everything is a day old.
func newTestTree(keys ...string) *fsStore {
	m := fstest.MapFS{}
	for _, key := range keys {
		f := &fstest.MapFile{Data: []byte("12345"), ModTime: now.Add(-24 * time.Hour)}
		switch last := len(key) - 1; key[last] {
		case '/':
			key, f.Mode = key[:last], fs.ModeDir
		case '@':
			key, f.Mode = key[:last], fs.ModeSymlink
		}
		m[key] = f
	}
	return &fsStore{FS: m, url: "/root"}
}

func scan(t *testing.T, s *fsStore) *Inventory {
	t.Helper()
	inv, err := Scan(t.Context(), s, ScanOptions{KeepFiles: true})
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

// Now implements Clock.
func (s *fsStore) Now(context.Context) (time.Time, error) { return time.Time{}, errors.ErrUnsupported }

// Remarks implements Inspector.
func (s *fsStore) Remarks(context.Context) (Remarks, error) { return Remarks{}, nil }

// Unfinished implements Inspector.
func (s *fsStore) Unfinished(context.Context, string) (bool, error) { return false, nil }
