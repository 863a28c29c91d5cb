package cmd

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"slices"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/users"
)

// open opens the trees in which the users of the files are looked for.
func (w *inquiry) open(ctx context.Context, args []string) error {
	for _, arg := range args {
		url, err := absolute(arg)
		if err != nil {
			return err
		}
		url = w.opts.mapped(url)
		w.files = append(w.files, url)
		if w.opts.root == "" {
			if err := w.around(ctx, url); err != nil {
				return err
			}
		}
	}
	roots := w.opts.alsoRoots
	if w.opts.root != "" {
		roots = append([]string{w.opts.root}, roots...)
	}
	for _, url := range roots {
		if err := w.add(ctx, url); err != nil {
			return err
		}
	}
	return nil
}

// absolute is the canonical URL of a file that the user named.
func absolute(arg string) (string, error) {
	url := layout.Canonical(arg)
	if url == "" {
		return "", usagef("give the path or URL of a file", "FILE is empty")
	}
	if place := layout.ParsePlace(url); place.Scheme == "" {
		return filepath.Abs(place.Path)
	}
	return url, nil
}

// mapped is where --map says that url lies.
func (o *whyOptions) mapped(url string) string {
	nowhere := func(string) (bool, error) { return false, nil }
	r := layout.Resolver{Root: url, Maps: o.maps, Exists: nowhere}
	if loc, err := r.AbsolutePath("", url); err == nil {
		return loc.URL
	}
	return url
}

// around adds the tree that file lies in.
func (w *inquiry) around(ctx context.Context, file string) error {
	root := users.Root(file)
	if root == "" {
		var err error
		if root, err = w.rootByContent(ctx, file); err != nil {
			return err
		}
	}
	if root == "/" {
		return usagef("--root / if this is meant", "%s: to know who uses it, all of / would have to be listed", file)
	}
	err := w.add(ctx, root)
	var missing *layout.NotFoundError
	if errors.As(err, &missing) {
		return &layout.NotFoundError{Path: file, Message: "no such file or directory, and there is no " + root, Hint: "--root names the tree to look in", Err: err}
	}
	return err
}

// rootByContent is for a path whose names do not show where a tree begins: the
// directory above a snapshot, else the directory itself.
func (w *inquiry) rootByContent(ctx context.Context, file string) (string, error) {
	parent := parentURL(file)
	store, err := w.env.OpenStore(ctx, parent)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, layout.ErrNotDirectory) {
		return parent, nil // opening it as a tree says the same
	}
	if err != nil {
		return "", err
	}
	defer store.Close()
	name := path.Base(file)
	for _, try := range []struct{ key, root string }{
		{path.Join(name, layout.MetadataName), parent},
		{layout.MetadataName, parentURL(parent)},
	} {
		_, err := store.Stat(ctx, try.key)
		if err == nil {
			return try.root, nil
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, layout.ErrNotDirectory) {
			break // what may not be read now is found when the tree is listed
		}
	}
	if o, err := store.Stat(ctx, name); err == nil && o.Type == layout.TypeDir {
		return file, nil
	}
	return parent, nil
}

// parentURL is the directory above url, or url itself at the top.
func parentURL(url string) string {
	p := layout.ParsePlace(url)
	p.Path = path.Dir(p.Path)
	return p.String()
}

// add opens one more tree. No two may have a file in common: the wider one stays.
func (w *inquiry) add(ctx context.Context, url string) error {
	for _, s := range w.stores {
		if s.URL() == url {
			return nil
		}
	}
	store, err := layout.OpenTree(ctx, w.env.OpenStore, url)
	if err != nil {
		return err
	}
	for _, s := range w.stores {
		if _, within := layout.Below(s.URL(), store.URL()); within {
			return store.Close()
		}
	}
	w.stores = slices.DeleteFunc(w.stores, func(s layout.Store) bool {
		_, within := layout.Below(store.URL(), s.URL())
		if within {
			s.Close()
		}
		return within
	})
	w.stores = append(w.stores, store)
	return nil
}
