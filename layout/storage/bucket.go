package storage

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"log/slog"
	"path"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// bucket is what lies below a prefix of an object store. There are no directories:
// one is there when an object lies below it, or a marker stands for it, an object named
// "chk-7/" (S3 consoles) or "chk-7_$folder$" (Hadoop), or one that the store says is a
// directory (Azure).
type bucket struct {
	service
	url         string // canonical, without a slash at the end
	prefix      string // "" or with a slash at the end
	concurrency int
	silence     time.Duration // after which a read is taken up again
	log         *slog.Logger
	close       func()
	now         func(context.Context) (time.Time, error) // nil where there is no clock
}

const (
	folderSuffix = "_$folder$"
	separator    = "/"
)

// newBucket is the tree at place in a bucket.
func (s Settings) newBucket(o service, place layout.Place, close func()) *bucket {
	b := &bucket{service: o, url: layout.Canonical(place.String()), concurrency: s.concurrency(), silence: silence, log: s.log(), close: close}
	if dir := strings.Trim(path.Clean(place.Path), separator); dir != "" && dir != "." {
		b.prefix = dir + separator
	}
	if s.clock != nil {
		ask := func(ctx context.Context) error { // for anything, since each answer has a date
			_, err := o.head(withWholeAnswer(ctx), b.prefix+folderSuffix)
			return err
		}
		b.now = func(ctx context.Context) (time.Time, error) { return s.clock.now(ctx, ask) }
	}
	return b
}

// URL implements layout.Store.
func (s *bucket) URL() string { return s.url }

// Close implements layout.Store.
func (s *bucket) Close() error {
	s.close()
	return nil
}

// Stat implements layout.Opener.
func (s *bucket) Stat(ctx context.Context, key string) (layout.Object, error) {
	key, err := layout.CleanKey(key)
	if err != nil {
		return layout.Object{}, err
	}
	if key != "" {
		found, err := s.head(ctx, s.prefix+key)
		if err == nil {
			return found.object(key), nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return layout.Object{}, s.fail(err, key)
		}
	}
	modified, err := s.directory(ctx, key)
	if err != nil {
		return layout.Object{}, s.fail(err, key)
	}
	return layout.Object{Key: key, Type: layout.TypeDir, Modified: modified}, nil
}

// object is what the item is to package layout.
func (i item) object(key string) layout.Object {
	if i.dir {
		return layout.Object{Key: key, Type: layout.TypeDir, Modified: i.modified}
	}
	return layout.Object{Key: key, Size: i.size, Modified: i.modified, Tag: i.tag}
}

// directory fails unless something lies below key or a marker stands for it, whose time
// it gives: the only one that an empty checkpoint has. A bucket is there even when it is
// empty.
func (s *bucket) directory(ctx context.Context, key string) (modified time.Time, err error) {
	dir := s.dir(key)
	token := ""
	for {
		p, err := s.list(withWholeAnswer(ctx), query{prefix: dir, token: token})
		switch {
		case err != nil:
			return modified, err
		case len(p.items) > 0 && p.items[0].key == dir:
			return p.items[0].modified, nil
		case len(p.items) > 0 || dir == "":
			return modified, nil
		case p.next == "" && key == "":
			return s.emptyDirectory(ctx, dir)
		case p.next == "": // who asks knows that there is no object of that key
			return s.folder(ctx, dir)
		}
		token = p.next
	}
}

// emptyDirectory gives the time of a directory that has nothing below it.
func (s *bucket) emptyDirectory(ctx context.Context, dir string) (modified time.Time, err error) {
	found, err := s.head(ctx, strings.TrimSuffix(dir, separator))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s.folder(ctx, dir)
	case err == nil && !found.dir:
		err = layout.ErrNotDirectory
	}
	return found.modified, err
}

// folder gives the time of the marker that Hadoop writes beside an empty directory.
func (s *bucket) folder(ctx context.Context, dir string) (modified time.Time, err error) {
	found, err := s.head(ctx, strings.TrimSuffix(dir, separator)+folderSuffix)
	return found.modified, err
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
	b, err := s.open(ctx, key, 0, -1)
	if err != nil {
		return nil, err
	}
	return &layout.Content{ReadCloser: b, Object: b.object.object(b.key)}, nil
}

// OpenRange implements layout.Opener.
func (s *bucket) OpenRange(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if offset < 0 || length < 0 {
		return nil, s.fail(fs.ErrInvalid, key)
	}
	if length == 0 { // a range cannot be empty
		b, err := s.open(ctx, key, 0, -1)
		if err != nil {
			return nil, err
		}
		return empty{}, b.Close()
	}
	b, err := s.open(ctx, key, offset, length)
	if errors.Is(err, errBeyond) {
		return empty{}, nil
	}
	if err != nil {
		return nil, err
	}
	return b, nil
}

// empty is no bytes.
type empty struct{}

// Read implements io.Reader.
func (empty) Read([]byte) (int, error) { return 0, io.EOF }

// Close implements io.Closer.
func (empty) Close() error { return nil }

// open opens an object, whose key it cleans.
func (s *bucket) open(ctx context.Context, key string, offset, length int64) (*body, error) {
	key, err := layout.CleanKey(key)
	if err != nil {
		return nil, err
	}
	if key == "" {
		return nil, s.fail(layout.ErrNotFile, key)
	}
	b, err := s.newBody(ctx, key, offset, length)
	if err == nil && b.object.dir {
		b.Close()
		err = layout.ErrNotFile
	}
	if errors.Is(err, fs.ErrNotExist) {
		if _, dirErr := s.directory(ctx, key); dirErr == nil {
			err = layout.ErrNotFile
		}
	}
	if err != nil {
		return nil, s.fail(err, key)
	}
	return b, nil
}

// List implements layout.Lister.
func (s *bucket) List(ctx context.Context, dir string) iter.Seq2[layout.Object, error] {
	return s.entries(ctx, dir, "")
}

// Children implements layout.Lister.
func (s *bucket) Children(ctx context.Context, dir string) iter.Seq2[layout.Object, error] {
	return s.entries(ctx, dir, separator)
}

// fail gives an error of opening the full path.
func (s *bucket) fail(err error, key string) error { return s.failed("open", err, key) }

// failed gives an error the full path. What the user has cancelled is no fault of a path.
func (s *bucket) failed(op string, err error, key string) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &fs.PathError{Op: op, Path: layout.Join(s.url, key), Err: err}
}

// Now implements layout.Clock.
func (s *bucket) Now(ctx context.Context) (time.Time, error) {
	if s.now == nil {
		return time.Time{}, errors.ErrUnsupported
	}
	now, err := s.now(ctx)
	if err != nil {
		err = s.failed("ask", err, "")
	}
	return now, err
}

// remarker is a service that can tell more of its bucket.
type remarker interface {
	// remarks tells of what lies below a prefix.
	remarks(ctx context.Context, prefix string, log *slog.Logger) (layout.Remarks, error)
}

// Remarks implements layout.Inspector.
func (s *bucket) Remarks(ctx context.Context) (layout.Remarks, error) {
	var r layout.Remarks
	if known, ok := s.service.(remarker); ok {
		var err error
		if r, err = known.remarks(withWholeAnswer(ctx), s.prefix, s.log); err != nil {
			return r, s.failed("ask", err, "")
		}
	}
	r.Objects = true
	return r, nil
}

// Unfinished implements layout.Inspector. An object is seen when it is whole.
func (s *bucket) Unfinished(context.Context, string) (bool, error) { return false, nil }
