package storage

import (
	"context"
	"io"
	"strings"
	"time"
)

// service is what a bucket of an object store can do, a request a method. Errors are
// *problem where the store has answered.
type service interface {
	// list gives one page of the keys that start with a prefix.
	list(ctx context.Context, q query) (page, error)
	// get opens an object from an offset on, length bytes or to its end where length is
	// negative. With a tag it fails unless the object is still the one of that tag. An
	// offset at or behind the end gives errBeyond.
	get(ctx context.Context, key string, offset, length int64, tag string) (stream, error)
	// head describes one object.
	head(ctx context.Context, key string) (item, error)
}

// query is which keys to list.
type query struct {
	prefix    string
	delimiter string // keys that have it behind the prefix are one entry, up to it
	after     string // only keys behind this one; only where the store is ordered
	token     string // of the page before
}

// page is a part of a listing.
type page struct {
	items []item
	next  string // the token of the page behind it, "" at the end
	// ordered says that this store is known to list by the bytes of keys, and to
	// start where it is told to.
	ordered bool
}

// item is an object, or a directory that the store knows of.
type item struct {
	key      string
	size     int64
	modified time.Time
	dir      bool
	tag      string // of this version of the content
}

// quoted is an ETag in the form that HTTP has for it: some listings leave the quotes out.
func quoted(tag string) string {
	if tag == "" || strings.HasSuffix(tag, `"`) {
		return tag
	}
	return `"` + tag + `"`
}

// stream is the content of an object from some offset on.
type stream struct {
	io.ReadCloser
	item         // of the whole object
	length int64 // of this content
}
