package storage

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
)

// local is a directory. os.Root keeps every access within it, whatever symbolic
// links say.
type local struct {
	root *os.Root
	url  string
}

func openLocal(_ context.Context, place layout.Place) (layout.Store, error) {
	if place.Authority != "" && place.Authority != "localhost" {
		return nil, &fs.PathError{Op: "open", Path: place.String(), Err: errors.New("file URLs of other hosts are not supported; use file:///path")}
	}
	dir, err := filepath.Abs(place.Path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = layout.ErrNotDirectory
	}
	if err != nil {
		return nil, withPath(err, dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, withPath(err, dir)
	}
	return &local{root: root, url: dir}, nil
}

// URL implements layout.Store.
func (l *local) URL() string { return l.url }

// Close implements layout.Store.
func (l *local) Close() error { return l.root.Close() }

// Stat implements layout.Opener.
func (l *local) Stat(_ context.Context, key string) (layout.Object, error) {
	key, err := layout.CleanKey(key)
	if err != nil {
		return layout.Object{}, err
	}
	info, err := l.root.Stat(name(key))
	if err != nil {
		return layout.Object{}, l.fail(err, key)
	}
	return object(key, info), nil
}

// Open implements layout.Opener.
func (l *local) Open(ctx context.Context, key string) (*layout.Content, error) {
	key, err := layout.CleanKey(key)
	if err != nil {
		return nil, err
	}
	// Opening a pipe without a writer would wait for one.
	f, err := l.root.OpenFile(name(key), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, l.fail(err, key)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = layout.ErrNotFile
	}
	if err != nil {
		f.Close()
		return nil, l.fail(err, key)
	}
	return &layout.Content{ReadCloser: &file{ctx, f, f, l.path(key)}, Object: object(key, info)}, nil
}

// OpenRange implements layout.Opener.
func (l *local) OpenRange(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if offset < 0 || length < 0 {
		return nil, l.fail(fs.ErrInvalid, key)
	}
	c, err := l.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	f := c.ReadCloser.(*file)
	f.from = io.NewSectionReader(f.File, offset, length)
	return f, nil
}

// List implements layout.Lister.
func (l *local) List(ctx context.Context, dir string) iter.Seq2[layout.Object, error] {
	return l.list(ctx, dir, true)
}

// Children implements layout.Lister.
func (l *local) Children(ctx context.Context, dir string) iter.Seq2[layout.Object, error] {
	return l.list(ctx, dir, false)
}

func (l *local) list(ctx context.Context, dir string, deep bool) iter.Seq2[layout.Object, error] {
	return func(yield func(layout.Object, error) bool) {
		dir, err := layout.CleanKey(dir)
		if err != nil {
			yield(layout.Object{Key: dir}, err)
			return
		}
		w := walk{local: l, ctx: ctx, top: dir, listed: make(chan part), ended: make(chan struct{})}
		w.run(deep, yield)
	}
}

// path is the full path of a key.
func (l *local) path(key string) string { return filepath.Join(l.url, key) }

// fail gives an error the full path.
func (l *local) fail(err error, key string) error { return withPath(err, l.path(key)) }

// withPath replaces the path in err, or adds it. A path that leads through a file
// does not exist.
func withPath(err error, path string) error {
	full := &fs.PathError{Op: "open", Path: path, Err: err}
	var p *fs.PathError
	if errors.As(err, &p) {
		full.Err = p.Err
		if p.Op == "read" || p.Op == "readdirent" {
			full.Op = "read"
		}
	}
	if errors.Is(full.Err, syscall.ENOTDIR) {
		full.Err = fs.ErrNotExist
	}
	return full
}

// name is how os.Root calls a key.
func name(key string) string {
	if key == "" {
		return "."
	}
	return filepath.FromSlash(key)
}

func object(key string, info fs.FileInfo) layout.Object {
	o := layout.Object{Key: key, Modified: info.ModTime()}
	switch mode := info.Mode(); {
	case mode.IsRegular():
		o.Size = info.Size()
	case mode.IsDir():
		o.Type = layout.TypeDir
	case mode&fs.ModeSymlink != 0:
		o.Type = layout.TypeLink
	default:
		o.Type = layout.TypeSpecial
	}
	return o
}

// file is an open file, or a part of one, whose reads end with the context.
type file struct {
	ctx context.Context
	*os.File
	from io.Reader
	path string
}

// Read implements io.Reader.
func (f *file) Read(p []byte) (int, error) {
	if err := f.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := f.from.Read(p)
	if err != nil && err != io.EOF {
		err = withPath(err, f.path)
	}
	return n, err
}

// Now implements layout.Clock.
func (l *local) Now(context.Context) (time.Time, error) { return time.Time{}, errors.ErrUnsupported }

// Remarks implements layout.Inspector.
func (l *local) Remarks(context.Context) (layout.Remarks, error) { return layout.Remarks{}, nil }

// Unfinished implements layout.Inspector.
func (l *local) Unfinished(context.Context, string) (bool, error) { return false, nil }

// ReadLink implements layout.LinkReader.
func (l *local) ReadLink(_ context.Context, key string) (string, error) {
	key, err := layout.CleanKey(key)
	if err != nil {
		return "", err
	}
	target, err := l.root.Readlink(name(key))
	if err != nil {
		return "", l.fail(err, key)
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(filepath.Dir(l.path(key)), target)
	}
	return layout.Canonical(filepath.ToSlash(filepath.Clean(target))), nil
}
