package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
)

// Options say how much to check, and with what.
type Options struct {
	Level Level
	// Content is needed for the level content.
	Content ContentCheck
	// State is what the level content does besides, if it is set.
	State StateCheck
	// LogLength gives the length before compression of a changelog's file. It is needed
	// from the level files on: a listing shows only the compressed length.
	LogLength func(src io.Reader) (int64, error)
	// Open is for files outside of the snapshot's tree.
	Open   layout.OpenStore
	Sample Sample
	// Digest is told of each file that is read as a whole, if it is set. Any goroutine
	// may call it.
	Digest func(*Digest)
	// Workers is how many snapshots, and files, are checked at a time; 8 where 0.
	Workers int
	// Progress is told of what has been read so far.
	Progress func(files int, bytes int64)
}

// memory is how many bytes of _metadata are decoded at a time; a larger file is decoded
// alone.
const memory = 128 << 20

// Nodes checks snapshots, which the graph or layout.Follow gave. Its only error is that
// of ctx; snapshots without a _metadata are passed over.
func Nodes(ctx context.Context, nodes []layout.Node, opts Options) ([]Result, error) {
	if opts.Workers == 0 {
		opts.Workers = 8
	}
	c := &checker{opts: opts, memory: semaphore.NewWeighted(memory)}
	c.units, c.reading = map[string]*unit{}, make(chan struct{}, opts.Workers)
	defer c.close()
	claims := claimsIn(nodes)
	results := make([]*Result, len(nodes))
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(opts.Workers)
	for i := range nodes {
		n := &nodes[i]
		if n.State == layout.Incomplete || n.State == layout.InProgress {
			continue
		}
		group.Go(func() error {
			results[i] = c.node(within, n)
			claims.explain(n, results[i])
			return within.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var found []Result
	for _, r := range results {
		if r != nil {
			found = append(found, *r)
		}
	}
	return found, nil
}

// checker is one run.
type checker struct {
	opts   Options
	memory *semaphore.Weighted
	contentRun
}

// node checks one snapshot.
func (c *checker) node(ctx context.Context, n *layout.Node) *Result {
	r := &Result{Entry: n.Entry, URL: n.URL(), Verdict: OK, ByTail: n.ByTail}
	if !n.Followed() {
		r.unread()
		return r
	}
	weight := min(memory, n.Metadata.Size)
	if err := c.memory.Acquire(ctx, weight); err != nil {
		r.doubt(err)
		return r
	}
	defer c.memory.Release(weight)
	data, err := read(ctx, n.Tree.Store, n.Metadata.Key)
	if err != nil {
		r.doubt(err)
		return r
	}
	model := r.metadata(data)
	if model == nil {
		return r
	}
	if c.opts.Level != Metadata {
		c.files(ctx, n, r)
	}
	if err := r.count(ctx, n, model); err != nil {
		r.doubt(err)
	}
	if c.opts.Level == Content {
		c.content(ctx, n, model, r)
		c.state(ctx, n, model, r)
	}
	return r
}

// unread is for a _metadata that could not be read to its end.
func (r *Result) unread() {
	r.Verdict = Unreadable
	if r.State == layout.Unreadable {
		r.Err = r.Entry.Err
		if r.Err == nil {
			r.Err = errors.New(r.Reason)
		}
		return
	}
	f := Finding{Severity: Error, Reason: Encoding, URL: r.metadataURL(), Offset: -1, Message: r.Reason}
	var broken *metadata.Error
	if errors.As(r.Entry.Err, &broken) {
		f.Offset, f.Hint = broken.Offset, broken.Hint
	}
	r.Findings = append(r.Findings, f)
}

// doubt notes what could not be checked.
func (r *Result) doubt(err error) {
	if r.Err == nil {
		r.Err = err
	}
	r.Verdict = Unreadable
}

// add notes what is wrong.
func (r *Result) add(f Finding) {
	if f.Severity == Error && r.Verdict == OK {
		r.Verdict = Damaged
	}
	r.Findings = append(r.Findings, f)
}

func (r *Result) metadataURL() string {
	if r.Entry.Metadata == nil {
		return layout.Join(r.URL, layout.MetadataName)
	}
	return layout.Join(r.URL, r.Entry.Metadata.Name())
}

func read(ctx context.Context, store layout.Store, key string) ([]byte, error) {
	content, err := store.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	var b bytes.Buffer
	if n, err := io.Copy(&b, content); err != nil {
		return nil, err
	} else if n != content.Size {
		return nil, fmt.Errorf("%s: %w: %d of %d bytes", layout.Join(store.URL(), key), io.ErrUnexpectedEOF, n, content.Size)
	}
	return b.Bytes(), nil
}

// count tells how much the _metadata names.
func (r *Result) count(ctx context.Context, n *layout.Node, model *metadata.Checkpoint) error {
	objects, others := map[layout.ObjectID]struct{}{}, map[string]struct{}{}
	r.Files, r.Bytes = 1, r.Entry.Metadata.Size
	return n.Trace(ctx, model, func(ref *layout.Reference) {
		r.References++
		if id := ref.Found.Object; id != layout.NoObject {
			if _, known := objects[id]; known {
				return
			}
			objects[id] = struct{}{}
		} else {
			if _, known := others[ref.Found.URL]; known {
				return
			}
			others[ref.Found.URL] = struct{}{}
		}
		r.Files++
		r.Bytes += ref.Found.Size
	})
}
