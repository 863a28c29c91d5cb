package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// bucket is what lies below a prefix of an object store. There are no directories:
// one is there when an object lies below it, or a marker stands for it, an object named
// "chk-7/" (S3 consoles) or "chk-7_$folder$" (Hadoop).
type bucket struct {
	blob   *blob.Bucket
	url    string // canonical, without a slash at the end
	prefix string // "" or with a slash at the end
	close  func() error
}

const (
	folderSuffix = "_$folder$"
	separator    = "/"
)

// newBucket is the tree at place in an open bucket.
func newBucket(b *blob.Bucket, place layout.Place, close func() error) *bucket {
	s := &bucket{blob: b, url: layout.Canonical(place.String()), close: close}
	if dir := strings.Trim(path.Clean(place.Path), separator); dir != "" && dir != "." {
		s.prefix = dir + separator
	}
	return s
}

// URL implements layout.Store.
func (s *bucket) URL() string { return s.url }

// Close implements layout.Store.
func (s *bucket) Close() error { return s.close() }

// Stat implements layout.Opener.
func (s *bucket) Stat(ctx context.Context, key string) (layout.Object, error) {
	key, err := layout.CleanKey(key)
	if err != nil {
		return layout.Object{}, err
	}
	if key != "" {
		a, err := s.blob.Attributes(ctx, s.prefix+key)
		if err == nil {
			return layout.Object{Key: key, Size: a.Size, Modified: a.ModTime}, nil
		}
		if gcerrors.Code(err) != gcerrors.NotFound {
			return layout.Object{}, s.fail(err, key)
		}
	}
	there, modified, err := s.hasDir(ctx, key)
	if err == nil && !there {
		err = fs.ErrNotExist
	}
	if err != nil {
		return layout.Object{}, s.fail(err, key)
	}
	return layout.Object{Key: key, Type: layout.TypeDir, Modified: modified}, nil
}

// hasDir tells whether anything lies below key, or a marker stands for it, and the
// time of the marker: the only one that an empty checkpoint has. A bucket is there even
// when it is empty.
func (s *bucket) hasDir(ctx context.Context, key string) (there bool, modified time.Time, err error) {
	if s.prefix == "" && key == "" {
		return true, modified, nil
	}
	first, err := s.blob.List(&blob.ListOptions{Prefix: s.dir(key)}).Next(ctx)
	switch {
	case err == nil && first.Key == s.dir(key):
		return true, first.ModTime, nil
	case err == nil:
		return true, modified, nil
	case !errors.Is(err, io.EOF):
		return false, modified, err
	}
	a, err := s.blob.Attributes(ctx, strings.TrimSuffix(s.dir(key), separator)+folderSuffix)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return false, modified, nil
	}
	if err != nil {
		return false, modified, err
	}
	return true, a.ModTime, nil
}

// dir is the prefix of all that lies below key.
func (s *bucket) dir(key string) string {
	if key == "" {
		return s.prefix
	}
	return s.prefix + key + separator
}

// Open implements layout.Opener.
func (s *bucket) Open(ctx context.Context, key string) (*layout.Content, error) {
	r, key, err := s.reader(ctx, key, 0, -1)
	if err != nil {
		return nil, err
	}
	return &layout.Content{ReadCloser: r, Object: layout.Object{Key: key, Size: r.Size(), Modified: r.ModTime()}}, nil
}

// OpenRange implements layout.Opener.
func (s *bucket) OpenRange(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if offset < 0 || length < 0 {
		return nil, s.fail(fs.ErrInvalid, key)
	}
	r, _, err := s.reader(ctx, key, offset, length)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// reader opens an object, whose key it cleans.
func (s *bucket) reader(ctx context.Context, key string, offset, length int64) (*blob.Reader, string, error) {
	key, err := layout.CleanKey(key)
	if err != nil {
		return nil, "", err
	}
	if key == "" {
		return nil, "", s.fail(layout.ErrNotFile, key)
	}
	r, err := s.blob.NewRangeReader(ctx, s.prefix+key, offset, length, nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		if there, _, dirErr := s.hasDir(ctx, key); dirErr == nil && there {
			err = layout.ErrNotFile
		}
	}
	if err != nil {
		return nil, "", s.fail(err, key)
	}
	return r, key, nil
}

// List implements layout.Lister.
func (s *bucket) List(ctx context.Context, dir string) iter.Seq2[layout.Object, error] {
	return s.list(ctx, dir, "")
}

// Children implements layout.Lister.
func (s *bucket) Children(ctx context.Context, dir string) iter.Seq2[layout.Object, error] {
	return s.list(ctx, dir, separator)
}

func (s *bucket) list(ctx context.Context, dir, delimiter string) iter.Seq2[layout.Object, error] {
	return func(yield func(layout.Object, error) bool) {
		dir, err := layout.CleanKey(dir)
		if err != nil {
			yield(layout.Object{Key: dir}, err)
			return
		}
		l := lister{bucket: s, dir: dir, seen: map[string]bool{}, yield: yield}
		pages := s.blob.List(&blob.ListOptions{Prefix: s.dir(dir), Delimiter: delimiter})
		for {
			o, err := pages.Next(ctx)
			if errors.Is(err, io.EOF) {
				l.end(ctx)
				return
			}
			if err == nil {
				err = ctx.Err() // pages that are here already come without a look at it
			}
			if err != nil {
				yield(layout.Object{Key: dir}, s.fail(err, dir))
				return
			}
			if !l.add(o) {
				return
			}
		}
	}
}

// lister turns listed objects into what a tree would hold.
type lister struct {
	bucket *bucket
	dir    string
	any    bool            // whether there was anything at all
	seen   map[string]bool // directories that were yielded, or have something below them
	yield  func(layout.Object, error) bool
}

func (l *lister) add(o *blob.ListObject) bool {
	l.any = true
	key := strings.TrimPrefix(o.Key, l.bucket.prefix)
	marker := o.IsDir || o.Size == 0 // what has bytes is no marker, and they must be counted
	if marked, ok := strings.CutSuffix(key, folderSuffix); ok && marker && marked != "" && !strings.HasSuffix(marked, separator) {
		return l.addDir(marked, o)
	}
	if marked, ok := strings.CutSuffix(key, separator); ok && marker {
		return l.addDir(marked, o)
	}
	l.seen[path.Dir(key)] = true
	obj := layout.Object{Key: key, Size: o.Size, Modified: o.ModTime}
	if clean, err := layout.CleanKey(key); err != nil || clean != key {
		obj.Type = layout.TypeSpecial // "a//b" and "a/../b" are no paths
	}
	return l.yield(obj, nil)
}

// addDir yields a directory that is marked, or that a delimiter made, once, and not
// behind what it contains.
func (l *lister) addDir(key string, o *blob.ListObject) bool {
	if key == l.dir || l.seen[key] {
		return true
	}
	l.seen[key] = true
	return l.yield(layout.Object{Key: key, Type: layout.TypeDir, Modified: o.ModTime}, nil)
}

// end tells an empty directory from one that is not there.
func (l *lister) end(ctx context.Context) {
	if l.any {
		return
	}
	there, _, err := l.bucket.hasDir(ctx, l.dir)
	if err == nil && !there {
		err = fs.ErrNotExist
	}
	if err != nil {
		l.yield(layout.Object{Key: l.dir}, l.bucket.fail(err, l.dir))
	}
}

// fail gives an error the full path and the kind that package layout knows.
func (s *bucket) fail(err error, key string) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	full := &fs.PathError{Op: "open", Path: layout.Join(s.url, key), Err: err}
	switch gcerrors.Code(err) {
	case gcerrors.NotFound:
		full.Err = fs.ErrNotExist
	case gcerrors.PermissionDenied:
		full.Err = fmt.Errorf("%w: %v", fs.ErrPermission, err)
	}
	return full
}
