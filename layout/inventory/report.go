package inventory

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"

	"github.com/ckpt-tool/ckpt/layout"
)

// report is a manifest, and where its data files lie.
type report struct {
	*manifest
	open layout.OpenStore
	at   layout.Place // of the directory of the manifest

	mu     sync.Mutex
	stores map[string]layout.Store // by URL
}

// openReport reads the manifest at url.
func openReport(ctx context.Context, open layout.OpenStore, url string) (*report, error) {
	place := layout.ParsePlace(url)
	dir, name := path.Split(place.Path)
	if name == "" {
		return nil, &Error{Path: url, Message: "not a manifest of S3 Inventory", Hint: "name the manifest.json of a report"}
	}
	if place.Path = path.Clean(dir); dir == "" {
		place.Path = "."
	}
	r := &report{open: open, at: place, stores: map[string]layout.Store{}}
	store, err := r.store(ctx, place.String())
	if err == nil {
		r.manifest, err = readManifest(ctx, store, name)
	}
	if err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

// store opens a directory once.
func (r *report) store(ctx context.Context, url string) (layout.Store, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.stores[url]; s != nil {
		return s, nil
	}
	s, err := r.open(ctx, url)
	if err == nil {
		r.stores[url] = s
	}
	return s, err
}

func (r *report) close() (err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.stores {
		err = errors.Join(err, s.Close())
	}
	return err
}

// directories are where a data file may lie: where the manifest says, if it lies in the
// bucket that it names. Otherwise it is a copy, and the data must lie around it as it did
// there. What is found is verified in any case.
func (r *report) directories(key string) []string {
	if r.at.Scheme != "file" && r.at.Authority != "" && r.at.Authority == r.destination() {
		place := r.at
		place.Path = "/" + path.Dir(key)
		return []string{layout.Canonical(place.String())}
	}
	var found []string
	data := path.Base(path.Dir(key))
	for _, dir := range []string{path.Join(r.at.Path, "..", data), path.Join(r.at.Path, data), r.at.Path} {
		place := r.at
		place.Path = dir
		found = append(found, place.String())
	}
	return found
}

// content opens a data file.
func (r *report) content(ctx context.Context, f *dataFile) (*layout.Content, string, error) {
	dirs := r.directories(f.Key)
	for _, dir := range dirs {
		url := layout.Join(dir, path.Base(f.Key))
		store, err := r.store(ctx, dir)
		var c *layout.Content
		if err == nil {
			c, err = store.Open(ctx, path.Base(f.Key))
		}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return nil, url, err
		case c.Size != f.Size:
			c.Close()
			return nil, url, &Error{Path: url, Message: fmt.Sprintf("incomplete: it has %d bytes, and %d by the manifest", c.Size, f.Size), Hint: "take another report"}
		}
		return c, url, nil
	}
	// It is no fs.ErrNotExist, which a listing means for its own root.
	url := layout.Join(dirs[0], path.Base(f.Key))
	return nil, url, &Error{Path: url, Message: "a data file of the report is missing", Hint: "copy the report with its data files, or take another one"}
}

// rows gives what is an object in the bucket: of each the latest version, unless that is
// a delete marker. Whoever takes them must not believe them before the end: only then the
// checksum of the last file is known.
func (r *report) rows(ctx context.Context, give func(row) error) error {
	take := func(o row) error {
		if err := o.check(r.SourceBucket); err != nil || o.old || o.marker {
			return err
		}
		return give(o)
	}
	for i := range r.Files {
		read := r.readCSV
		if r.FileFormat == formatParquet {
			read = r.readParquet
		}
		url, err := read(ctx, &r.Files[i], take)
		if err != nil {
			return located(ctx, url, err)
		}
	}
	return nil
}

// located gives err the path of a data file, if it has none. That the user has cancelled
// is no fault of a file.
func located(ctx context.Context, url string, err error) error {
	var broken *Error
	var failed *fs.PathError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == errStop || errors.As(err, &failed):
		return err
	case errors.As(err, &broken):
		if broken.Path == "" {
			broken.Path = url
		}
		return err
	}
	return &Error{Path: url, Message: "not a data file of S3 Inventory", Hint: "take another report", Err: err}
}

// readCSV reads a file while it comes.
func (r *report) readCSV(ctx context.Context, f *dataFile, give func(row) error) (string, error) {
	c, url, err := r.content(ctx, f)
	if err != nil {
		return url, err
	}
	defer c.Close()
	sum := newDigest(c)
	if err = r.columns.readCSV(sum, give); err == errStop {
		return url, err
	}
	// A wrong checksum explains whatever else is wrong.
	if wrong := sum.verify(f); wrong != nil {
		return url, wrong
	}
	return url, err
}

// readParquet copies a file first, since it is read from its end.
func (r *report) readParquet(ctx context.Context, f *dataFile, give func(row) error) (string, error) {
	c, url, err := r.content(ctx, f)
	if err != nil {
		return url, err
	}
	defer c.Close()
	spool, err := os.CreateTemp("", "ckpt-inventory-*.parquet")
	if err != nil {
		return url, err
	}
	defer os.Remove(spool.Name())
	defer spool.Close()
	sum := newDigest(c)
	if _, err := io.Copy(spool, sum); err != nil {
		return url, err
	}
	if err := sum.verify(f); err != nil {
		return url, err
	}
	return url, readParquet(spool, f.Size, func(o row) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return give(o)
	})
}

// digest sums up what is read through it.
type digest struct {
	src  io.Reader
	hash hash.Hash
}

func newDigest(c *layout.Content) *digest { return &digest{src: c.Whole(), hash: md5.New()} }

// Read implements io.Reader.
func (d *digest) Read(p []byte) (int, error) {
	n, err := d.src.Read(p)
	d.hash.Write(p[:n])
	return n, err
}

// verify reads what is left, and compares.
func (d *digest) verify(f *dataFile) error {
	if _, err := io.Copy(io.Discard, d); err != nil {
		return err
	}
	if sum := d.hash.Sum(nil); string(sum) != string(f.sum[:]) {
		return &Error{Message: fmt.Sprintf("its MD5 is %x, and %s by the manifest", sum, strings.ToLower(f.MD5)), Hint: "take another report"}
	}
	return nil
}
