package layout

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
)

// ObjectType tells what a key of a store stands for.
type ObjectType uint8

// The types. Only TypeFile can be opened without a doubt about what is read.
const (
	TypeFile    ObjectType = iota
	TypeDir                // a directory or its marker
	TypeLink               // a symbolic link: listed, not followed
	TypeSpecial            // a pipe, socket or device, or a key that has no path
)

// Object is one entry of a store.
type Object struct {
	Key      string // path below the store's root, with slashes, "" for the root itself
	Type     ObjectType
	Size     int64     // of a TypeFile
	Modified time.Time // zero where the store does not say, as for most directories of object stores
}

// Name is the last element of the key.
func (o Object) Name() string { return path.Base("/" + o.Key) }

// Lister lists what a store holds. An entry that cannot be read is yielded as an
// error together with its key, and the listing goes on. Where dir does not exist,
// that is an error of fs.ErrNotExist. An entry that vanishes while the listing runs
// is left out.
type Lister interface {
	// List yields everything below dir, at any depth and in no order, with one
	// exception: a directory comes before what it contains. Directories are yielded
	// where the store has them; object stores mostly have none, and yield only those
	// that are empty. Where the store knows the time of dir, dir itself may come too,
	// before all else, with Key == dir and TypeDir.
	List(ctx context.Context, dir string) iter.Seq2[Object, error]
	// Children yields what lies directly in dir, directories always.
	Children(ctx context.Context, dir string) iter.Seq2[Object, error]
}

// Opener reads single objects. Links are followed where they stay within the root.
type Opener interface {
	Stat(ctx context.Context, key string) (Object, error)
	Open(ctx context.Context, key string) (*Content, error)
	// OpenRange reads length bytes from offset on, or fewer where the object ends
	// before.
	OpenRange(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error)
}

// Content is an open object. Its size and time are those at the moment of opening.
type Content struct {
	io.ReadCloser
	Object
}

// Store is a tree that lies somewhere, read-only. Keys never lead out of the root.
// Errors carry the full path and match fs.ErrNotExist and fs.ErrPermission.
type Store interface {
	Lister
	Opener
	// URL is where the root lies, in the form that [Canonical] gives.
	URL() string
	Close() error
}

// OpenStore opens the store that a URL names.
type OpenStore func(ctx context.Context, url string) (Store, error)

var (
	// ErrNotDirectory is returned for a root that is a file.
	ErrNotDirectory = errors.New("not a directory")
	// ErrNotFile is returned for opening what is no file.
	ErrNotFile = errors.New("not a regular file")
	// ErrKey is returned for a key that would lead out of the root.
	ErrKey = errors.New("not a path below the root")
)

// CleanKey brings a key into the one form that stores use, and refuses what could
// lead out of the root.
func CleanKey(key string) (string, error) {
	if strings.HasPrefix(key, "/") || strings.ContainsRune(key, 0) {
		return "", &fs.PathError{Op: "open", Path: key, Err: ErrKey}
	}
	for element := range strings.SplitSeq(key, "/") {
		if element == ".." {
			return "", &fs.PathError{Op: "open", Path: key, Err: ErrKey}
		}
	}
	if key = path.Clean(key); key == "." {
		key = ""
	}
	return key, nil
}

// Whole reads the content, and fails with io.ErrUnexpectedEOF where that ends before its
// size: what is read is not what is stored, so nothing must be said of it.
func (c *Content) Whole() io.Reader { return &wholeReader{c, c.Size} }

type wholeReader struct {
	content *Content
	left    int64
}

// Read implements io.Reader.
func (w *wholeReader) Read(p []byte) (int, error) {
	n, err := w.content.Read(p)
	w.left -= int64(n)
	if err == io.EOF && w.left > 0 {
		err = fmt.Errorf("reading %s: %w: %d of its %d bytes are missing", w.content.Key, io.ErrUnexpectedEOF, w.left, w.content.Size)
	}
	return n, err
}
