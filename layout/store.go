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
	// Tag is of this version of a file's content (ETag, generation). It is "" where the
	// store has none.
	Tag string
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

// Deleter deletes single objects. There is no way to delete what lies below a directory,
// nor by a prefix.
type Deleter interface {
	// Delete deletes files that were listed, and calls done once for each, by its index,
	// from one goroutine at a time. A file that is gone already counts as deleted. One that
	// is not what was listed any more (another Tag or, where the store has none, another
	// size or time) stays, with ErrChanged. Keys of directories and links are refused.
	// Where ctx ends, the rest is told its error. Delete returns when all is told.
	Delete(ctx context.Context, files []Object, done func(i int, err error))
	// RemoveDir removes an empty directory, or the marker objects of one. Where
	// something lies in it, that is ErrNotEmpty; where it is not there, nil.
	RemoveDir(ctx context.Context, dir string) error
}

// Putter creates single objects. Nothing is ever seen of one before it is whole.
type Putter interface {
	// Create writes a new file of size bytes from r, and makes the directories that it
	// needs. A file that is there already stays as it is: fs.ErrExist. Where r ends early
	// or fails, nothing is left.
	Create(ctx context.Context, key string, r io.Reader, size int64) (Object, error)
	// Replace writes a small file, whether it is there or not.
	Replace(ctx context.Context, key string, data []byte) error
}

// Copier copies within a storage, without the bytes coming by here.
type Copier interface {
	// CopyFrom copies the file src of the store from to the new file key, whatever its
	// size, as long as src is still what was listed (ErrChanged). A file that is there
	// already stays: fs.ErrExist. Where the two stores are not of one kind, or the storage
	// cannot do it, the error is errors.ErrUnsupported, and nothing has happened.
	CopyFrom(ctx context.Context, from Store, src Object, key string) (Object, error)
}

// Clock tells what time it is for a store.
type Clock interface {
	// Now is the store's own time, within a second or so. The error is
	// errors.ErrUnsupported where it has no other clock than this machine's.
	Now(ctx context.Context) (time.Time, error)
}

// Inspector tells of a storage what no listing shows.
type Inspector interface {
	// Remarks may be costly, and empty where the storage has nothing of the kind.
	Remarks(ctx context.Context) (Remarks, error)
	// Unfinished tells whether a file is still being written, where files show before
	// they are whole (HDFS: under construction). Where the server cannot tell, that is
	// errors.ErrUnsupported.
	Unfinished(ctx context.Context, key string) (bool, error)
}

// LinkReader is a store that has symbolic links.
type LinkReader interface {
	// ReadLink is the canonical URL that a link names, whether anything is there or not.
	ReadLink(ctx context.Context, key string) (string, error)
}

// Remarks are facts of a bucket, below the root, that matter to who wants to free space.
type Remarks struct {
	// Versioned is where deleting frees nothing: the bytes remain as older versions.
	Versioned bool
	// Uploads are multipart uploads that were never completed; no listing counts them.
	Uploads []Upload
	// Objects is whether it is an object store, where a writer may be at work on what
	// nobody sees yet.
	Objects bool
}

// Upload is a multipart upload that was begun, and neither completed nor aborted.
type Upload struct {
	Key     string
	Started time.Time
}

// MutableStore is a store that can be changed. Only commands that delete or copy open
// one, and only when they were told to do it.
type MutableStore interface {
	Store
	Deleter
	Putter
	Copier
}

// OpenMutable opens the store that a URL names for changes. The directory itself need
// not exist: it is made with the first file in it.
type OpenMutable func(ctx context.Context, url string) (MutableStore, error)

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
	Clock
	Inspector
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
	// ErrNotEmpty is returned for removing a directory in which something lies.
	ErrNotEmpty = errors.New("not empty")
	// ErrChanged is returned where an object is not what was listed any more.
	ErrChanged = errors.New("it has changed since it was listed")
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
