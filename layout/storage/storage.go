// Package storage opens the trees that package layout reads, by URL.
//
//	/path, path, file:/path, file:///path    the local file system
//	mem://bucket/path                        buckets within this process
//
// Paths are taken literally, as Flink does: "%20" is three characters. Everything
// is read-only. Symbolic links are listed but not entered; opening one works where it
// stays within the root.
package storage

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
)

// Driver opens the places of some schemes.
type Driver struct {
	Schemes []string // "" is a path without a scheme
	Open    func(ctx context.Context, place layout.Place) (layout.Store, error)
}

// Registry is the drivers that a program has. The zero value has none.
type Registry []Driver

// Default is the drivers of ckpt. Nothing is set up before the first Open.
func Default() Registry {
	return Registry{
		{Schemes: []string{"", "file"}, Open: openLocal},
		new(Memory).Driver(),
	}
}

// planned are schemes that people use with Flink and that no driver serves yet.
var planned = []string{"s3", "s3a", "s3p", "gs", "azblob", "abfs", "abfss", "wasb", "wasbs", "hdfs", "oss"}

// SchemeError says that no driver serves a URL. An empty one is most often a variable
// that was not set, and not the current directory.
type SchemeError struct {
	URL, Scheme string
	Planned     bool     // it is one of Flink's
	Supported   []string // what is served
}

// Error implements error.
func (e *SchemeError) Error() string {
	switch {
	case e.URL == "":
		return "the path is empty"
	case e.Planned:
		return fmt.Sprintf("%s:// is not supported by this build yet", e.Scheme)
	}
	return fmt.Sprintf("%s: unknown scheme %q", e.URL, e.Scheme)
}

// ErrPath is the URL.
func (e *SchemeError) ErrPath() string { return e.URL }

// ErrHint lists what is supported.
func (e *SchemeError) ErrHint() string {
	hint := "supported: " + strings.Join(e.Supported, ", ")
	if !e.Planned && e.Scheme != "" {
		hint += "; write ./" + e.Scheme + ":/… for a local path of that name"
	}
	return hint
}

// Open opens the store that a URL or local path names.
func (r Registry) Open(ctx context.Context, url string) (layout.Store, error) {
	place := layout.ParsePlace(url)
	var supported []string
	for _, d := range r {
		if url != "" && slices.Contains(d.Schemes, place.Scheme) {
			return d.Open(ctx, place)
		}
		for _, s := range d.Schemes {
			if s == "" {
				s = "local path"
			} else {
				s += "://"
			}
			supported = append(supported, s)
		}
	}
	return nil, &SchemeError{
		URL: url, Scheme: place.Scheme,
		Planned: slices.Contains(planned, place.Scheme), Supported: supported,
	}
}

// Open opens a URL with the default drivers.
func Open(ctx context.Context, url string) (layout.Store, error) {
	return Default().Open(ctx, url)
}
