package verify

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/ckpt-tool/ckpt/layout"
	"golang.org/x/sync/errgroup"
)

// Against compares the files of m with those that are there, by size from listings of
// their directories and, with the level content, by checksum. Findings go into r. Its only
// error is that of ctx.
func Against(ctx context.Context, n *layout.Node, m *Manifest, opts Options, r *Result) error {
	if opts.Workers == 0 {
		opts.Workers = 8
	}
	c := &checker{opts: opts}
	defer c.close()
	var same []*ManifestFile // in size
	for i := range m.Files {
		f := &m.Files[i]
		url := m.url(n, f)
		found := n.Lookup(ctx, url)
		switch {
		case found.Seen == layout.Unclear:
			r.doubt(fmt.Errorf("%s could not be looked up: %w", url, found.Err))
		case found.Seen != layout.Present:
			r.add(Finding{Severity: Error, Reason: Missing, URL: url, Offset: -1, Message: "the file of the manifest is missing"})
		case found.Size != f.Size:
			r.add(Finding{Severity: Error, Reason: Size, URL: url, Offset: -1, Message: fmt.Sprintf("the file has %d bytes, and %d in the manifest", found.Size, f.Size)})
		default:
			same = append(same, f)
		}
	}
	if opts.Level != Content {
		return ctx.Err()
	}
	var mu sync.Mutex // of r
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(opts.Workers)
	for _, f := range same {
		group.Go(func() error {
			url := m.url(n, f)
			wrong, err := c.hash(within, n, url, f)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				r.doubt(err)
			case wrong != "":
				r.add(Finding{Severity: Error, Reason: Checksum, URL: url, Offset: -1, Message: wrong})
			}
			return within.Err()
		})
	}
	return group.Wait()
}

// url is where a file of the manifest lies now.
func (m *Manifest) url(n *layout.Node, f *ManifestFile) string {
	if strings.Contains(f.Path, "://") || strings.HasPrefix(f.Path, "/") {
		return layout.Canonical(f.Path)
	}
	// The directory itself may have another name now, as copies of savepoints do.
	if own, ok := layout.Below(m.Checkpoint, f.Path); ok && m.Checkpoint != "." {
		return layout.Join(n.URL(), own)
	}
	return layout.Join(n.Tree.Root, f.Path)
}

// hash says what is wrong with the content of a file, "" where nothing is.
func (c *checker) hash(ctx context.Context, n *layout.Node, url string, f *ManifestFile) (string, error) {
	src, _, err := c.open(ctx, n, url)
	if err != nil {
		return "", err
	}
	defer src.Close()
	h := sha256.New()
	if _, err := io.Copy(h, src); err != nil {
		return "", fmt.Errorf("reading %s: %w", url, err)
	}
	if sum := fmt.Sprintf("%x", h.Sum(nil)); sum != f.SHA256 {
		return fmt.Sprintf("its SHA-256 is %s, and %s in the manifest", sum, f.SHA256), nil
	}
	return "", nil
}
