package connectors

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
)

// place is where a FileSource looks: a directory, and a pattern of what lies below it.
type place struct {
	base    string
	pattern []string // nil where the base itself is meant, a file or a directory
}

func (s *FileSource) place() place {
	p := layout.ParsePlace(layout.Canonical(s.URL))
	elements := strings.Split(p.Path, "/")
	for i, e := range elements {
		if !strings.ContainsAny(e, "*?[") {
			continue
		}
		p.Path = strings.Join(elements[:i], "/")
		if p.Path == "" && i > 0 {
			p.Path = "/"
		}
		if p.Path == "" {
			p.Path = "."
		}
		return place{base: p.String(), pattern: elements[i:]}
	}
	return place{base: p.String()}
}

func (p place) check() error {
	for _, e := range p.pattern {
		if _, err := path.Match(e, ""); err != nil {
			return fmt.Errorf("pattern %q: %w", e, err)
		}
	}
	return nil
}

// list is the URLs of the files.
func (p place) list(ctx context.Context, open layout.OpenStore) (urls []string, err error) {
	if p.pattern == nil {
		if url, ok, err := p.single(ctx, open); ok || err != nil {
			return []string{url}, err
		}
	}
	store, err := open(ctx, p.base)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	objects := store.List(ctx, "")
	if len(p.pattern) == 1 && p.pattern[0] != "**" {
		objects = store.Children(ctx, "")
	}
	for o, err := range objects {
		if err != nil {
			return nil, err
		}
		if o.Type == layout.TypeDir || !p.matches(o.Key) {
			continue
		}
		if o, err = regular(ctx, store, o); err != nil {
			return nil, err
		}
		urls = append(urls, layout.Join(store.URL(), o.Key))
	}
	return urls, nil
}

// single is the file that the base names, if it is one.
func (p place) single(ctx context.Context, open layout.OpenStore) (url string, ok bool, err error) {
	dir, name := splitURL(p.base)
	if name == "" {
		return "", false, nil
	}
	store, err := open(ctx, dir)
	if err == nil {
		defer store.Close()
		var o layout.Object
		if o, err = store.Stat(ctx, name); err == nil && o.Type == layout.TypeFile {
			return layout.Join(store.URL(), name), true, nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, layout.ErrNotFile) {
		err = nil // then it is a directory, or an error of that
	}
	return "", false, err
}

// regular follows links. What is no file could never be read, and must not be passed over in silence.
func regular(ctx context.Context, store layout.Store, o layout.Object) (layout.Object, error) {
	if o.Type == layout.TypeFile {
		return o, nil
	}
	target := o
	if o.Type == layout.TypeLink {
		var err error
		if target, err = store.Stat(ctx, o.Key); err != nil {
			return o, err
		}
	}
	if target.Type != layout.TypeFile {
		return o, &fs.PathError{Op: "read", Path: layout.Join(store.URL(), o.Key), Err: layout.ErrNotFile}
	}
	return o, nil
}

// matches tells whether a key is meant.
func (p place) matches(key string) bool {
	elements := strings.Split(key, "/")
	if p.pattern != nil {
		return matchAll(p.pattern, elements)
	}
	for _, e := range elements {
		if hidden(e) {
			return false
		}
	}
	return true
}

func hidden(name string) bool { return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") }

// matchAll matches element by element. Hidden names match only what begins as they do.
func matchAll(pattern, elements []string) bool {
	switch {
	case len(pattern) == 0:
		return len(elements) == 0
	case pattern[0] == "**":
		return matchAll(pattern[1:], elements) || len(elements) > 0 && !hidden(elements[0]) && matchAll(pattern, elements[1:])
	case len(elements) == 0 || hidden(elements[0]) && pattern[0][:1] != elements[0][:1]:
		return false
	}
	ok, err := path.Match(pattern[0], elements[0])
	return ok && err == nil && matchAll(pattern[1:], elements[1:])
}

// splitURL divides a canonical URL into a directory and a name, "" for what has none.
func splitURL(url string) (dir, name string) {
	p := layout.ParsePlace(url)
	above, name := path.Split(p.Path)
	if p.Path = path.Clean(above); above == "" {
		p.Path = "."
	}
	if name == "." || name == ".." {
		name = ""
	}
	return p.String(), name
}
