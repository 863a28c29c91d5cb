package layout

import (
	"context"
	"errors"
	"io/fs"
)

// ScanOptions say what a scan keeps and tells.
type ScanOptions struct {
	KeepFiles bool                         // fill Inventory.Files
	Progress  func(files int, bytes int64) // called now and then
}

// progressStep is how many files lie between two calls of Progress.
const progressStep = 1000

// OpenTree opens the directory at url to scan it.
func OpenTree(ctx context.Context, open OpenStore, url string) (Store, error) {
	store, err := open(ctx, url)
	if errors.Is(err, ErrNotDirectory) {
		return nil, &NotCheckpointError{Path: url, Message: "not a directory", Err: err}
	}
	return store, noDirectory(url, err)
}

// noDirectory is err, or a *NotFoundError where the directory url does not exist.
func noDirectory(url string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &NotFoundError{Path: url, Message: "no such directory", Err: err}
	}
	return err
}

// Scan lists everything in store once and says what it is. It opens no file. What
// could not be listed is in the inventory; only a failure at the root is an error.
func Scan(ctx context.Context, store Store, opts ScanOptions) (*Inventory, error) {
	t := newTree(store.URL(), opts)
	for o, err := range store.List(ctx, "") {
		switch {
		case err != nil && (o.Key == "" || ctx.Err() != nil):
			return nil, noDirectory(store.URL(), err)
		case err != nil:
			t.fail(o, err)
		default:
			t.add(o)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return t.inventory(), nil
}
