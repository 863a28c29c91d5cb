package storage

import (
	"context"
	"errors"
	"io/fs"

	"github.com/ckpt-tool/ckpt/layout"
)

// OpenMutable opens a tree for changes. What [Registry.Open] gives has no methods that
// could change anything.
func (r Registry) OpenMutable(ctx context.Context, url string) (layout.MutableStore, error) {
	d, place, err := r.driver(url)
	if err != nil {
		return nil, err
	}
	if d.OpenMutable == nil {
		return nil, &fs.PathError{Op: "open", Path: place.String(), Err: errors.ErrUnsupported}
	}
	return d.OpenMutable(ctx, place)
}

// listedFile tells what is wrong with deleting o, or copying it: only files go by their
// keys.
func listedFile(o layout.Object) error {
	if key, err := layout.CleanKey(o.Key); err != nil {
		return err
	} else if key != o.Key || key == "" {
		return layout.ErrKey
	}
	if o.Type != layout.TypeFile {
		return layout.ErrNotFile
	}
	return nil
}

// newKey cleans the key of what is to be created.
func newKey(key string) (string, error) {
	key, err := layout.CleanKey(key)
	if err == nil && key == "" {
		err = layout.ErrKey
	}
	return key, err
}

// sameFile tells whether now is still what was listed, as far as the store tells.
func sameFile(listed, now layout.Object) bool {
	switch {
	case listed.Tag != "" && now.Tag != "":
		return listed.Tag == now.Tag
	case !listed.Modified.IsZero() && !listed.Modified.Equal(now.Modified):
		return false
	}
	return listed.Size == now.Size
}
