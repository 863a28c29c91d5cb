package layout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// latestPrefix asks for the newest complete checkpoint below a URL.
const latestPrefix = "latest:"

// Target is one checkpoint or savepoint that the user named.
type Target struct {
	Store    Store   // wide enough to hold what the snapshot shares, where its place tells
	Dir      string  // key of its directory
	Metadata string  // key of its _metadata, which may have any name
	Broken   []Entry // for latest: what looks newer but is broken
}

// URL is the snapshot's directory.
func (t *Target) URL() string { return Join(t.Store.URL(), t.Dir) }

// FindOptions say how latest: chooses.
type FindOptions struct {
	Latest   LatestOptions
	Assess   AssessOptions
	Progress func(files int, bytes int64) // as that of ScanOptions
}

// Find locates the checkpoint that arg names: its directory, its _metadata, or
// latest:URL. It does not read the _metadata of one that is named, so what it is
// remains to be seen. A directory that holds checkpoints is none.
func Find(ctx context.Context, open OpenStore, arg string, opts FindOptions) (*Target, error) {
	if url, ok := strings.CutPrefix(arg, latestPrefix); ok {
		return findLatest(ctx, open, url, opts)
	}
	store, err := open(ctx, arg)
	switch {
	case errors.Is(err, ErrNotDirectory):
		return findFile(ctx, open, arg)
	case errors.Is(err, fs.ErrNotExist):
		return nil, &NotFoundError{Path: arg, Message: "no such file or directory"}
	case err != nil:
		return nil, err
	}
	defer store.Close()
	_, err = store.Stat(ctx, MetadataName)
	switch {
	case err == nil:
		return widen(ctx, open, store.URL(), MetadataName)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if _, err := store.Stat(ctx, ""); errors.Is(err, fs.ErrNotExist) {
		return findFile(ctx, open, arg)
	}
	return nil, noMetadata(arg, store.URL())
}

// ErrNoMetadata is what Find says of a directory that is no checkpoint but may hold some.
var ErrNoMetadata = errors.New("no _metadata")

// noMetadata is the error for a directory that is there.
func noMetadata(arg, url string) error {
	e := &NotCheckpointError{Path: arg, Message: "no checkpoint: the directory has no _metadata"}
	if _, ok := ParseCheckpointDir(path.Base(ParsePlace(url).Path)); ok {
		e.Message = "the checkpoint has no _metadata: it is in progress, or was never completed"
		return e
	}
	e.Err = ErrNoMetadata
	e.Hint = fmt.Sprintf("name a chk-N or savepoint directory, or the newest by %s%s", latestPrefix, arg)
	return e
}

// findFile is for an argument that is a file or, in an object store, nothing at all.
func findFile(ctx context.Context, open OpenStore, arg string) (*Target, error) {
	notFound := &NotFoundError{Path: arg, Message: "no such file or directory"}
	dir, name, ok := splitLast(arg)
	if !ok {
		return nil, notFound
	}
	store, err := open(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	o, err := store.Stat(ctx, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, notFound
	case err != nil:
		return nil, err
	case o.Type != TypeFile:
		return nil, &NotCheckpointError{Path: arg, Message: "neither a directory nor a regular file"}
	}
	return widen(ctx, open, store.URL(), name)
}

// widen opens the tree around the directory url of a snapshot, as its files may lie
// beside it: the parent of the job's directory, or of the snapshot's where no job
// encloses it. Where that cannot be opened, the directory itself must do.
func widen(ctx context.Context, open OpenStore, url, name string) (*Target, error) {
	root := treeRoot(url)
	store, err := open(ctx, root)
	if err != nil && root != url {
		store, err = open(ctx, url)
	}
	if err != nil {
		return nil, err
	}
	dir, ok := Below(store.URL(), url)
	if !ok {
		store.Close()
		return nil, fmt.Errorf("%s does not lie below %s", url, store.URL())
	}
	// A link to another place is not followed from above, but the user named it.
	if _, err := store.Stat(ctx, path.Join(dir, name)); err != nil && root != url {
		store.Close()
		if store, err = open(ctx, url); err != nil {
			return nil, err
		}
		dir = ""
	}
	return &Target{Store: store, Dir: dir, Metadata: path.Join(dir, name)}, nil
}

// treeRoot is the directory that holds the jobs.
func treeRoot(url string) string {
	for at := url; ; {
		dir, name, ok := splitLast(at)
		if !ok {
			break
		}
		if _, err := ParseJobID(name); err == nil {
			return dir
		}
		at = dir
	}
	if dir, _, ok := splitLast(url); ok {
		return dir
	}
	return url
}

// findLatest scans, and chooses by what all _metadata say.
func findLatest(ctx context.Context, open OpenStore, url string, opts FindOptions) (*Target, error) {
	store, err := OpenTree(ctx, open, url)
	if err != nil {
		return nil, err
	}
	choice, err := ScanLatest(ctx, store, opts)
	store.Close()
	if err != nil {
		return nil, err
	}
	t, err := widen(ctx, open, Join(store.URL(), choice.Dir), MetadataName)
	if err == nil {
		t.Broken = choice.Broken
	}
	return t, err
}

// ScanLatest scans store and chooses among all complete snapshots in it.
func ScanLatest(ctx context.Context, store Store, opts FindOptions) (*Choice, error) {
	inv, err := Scan(ctx, store, ScanOptions{Progress: opts.Progress})
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for e, err := range Assess(ctx, store, inv.Snapshots, opts.Assess) {
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return LatestOf(inv, entries, opts.Latest)
}

// LatestOf is Latest for the entries of a whole listing. It refuses where a directory
// that could not be listed may hide something newer.
func LatestOf(inv *Inventory, entries []Entry, opts LatestOptions) (*Choice, error) {
	if err := hidden(inv.Errors, opts.Job); err != nil {
		return nil, fmt.Errorf("%w: something newer may lie there", err)
	}
	return Latest(inv.Root, entries, opts)
}

// hidden is the first of the directories that could not be listed and may hold a
// checkpoint of job. What lies in another job's directory is that job's.
func hidden(errs []error, job *JobID) error {
	for _, err := range errs {
		var p *fs.PathError
		if job != nil && errors.As(err, &p) {
			if other, ok := JobOf(Join(p.Path, MetadataName)); ok && other != *job {
				continue
			}
		}
		return err
	}
	return nil
}
