package verify

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
)

// files turns the broken references of a snapshot into findings.
func (c *checker) files(ctx context.Context, n *layout.Node, r *Result) {
	logs := map[string]error{}
	for i := range n.Broken {
		b := &n.Broken[i]
		switch b.Fault {
		case layout.FaultDoubt:
			r.doubt(fmt.Errorf("%s could not be looked up: %w", b.Found.URL, b.Found.Err))
		case layout.FaultLog:
			c.log(ctx, n, b, r, logs)
		default:
			r.broken(b)
		}
	}
}

// broken is for what the listing shows.
func (r *Result) broken(b *layout.Broken) {
	f := Finding{Severity: Error, URL: b.Found.URL, Offset: -1, By: &b.By}
	switch b.Fault {
	case layout.FaultAbsent:
		f.Reason, f.Message = Missing, "the file is missing"
		if b.Found.How == layout.Outside {
			f.Hint = "it lies outside of the tree; for a tree that was copied, say by --map OLD=NEW where it is now"
		}
	case layout.FaultSize:
		f.Reason, f.Message = Size, fmt.Sprintf("the file has %d bytes, and should have %d", b.Found.Size, b.Want)
	case layout.FaultShort:
		f.Reason, f.Message = Segment, fmt.Sprintf("the file has %d bytes, and a segment of it ends at %d", b.Found.Size, b.Want)
	case layout.FaultPath:
		f.Reason, f.URL = Path, r.metadataURL()
		f.Message = fmt.Sprintf("the path %q names no file of the checkpoint", b.Path)
	}
	r.add(f)
}

// log decides about a file of the changelog, whose length tells nothing if it is
// compressed. Its first byte says whether it is.
func (c *checker) log(ctx context.Context, n *layout.Node, b *layout.Broken, r *Result, known map[string]error) {
	key := fmt.Sprint(b.Want, b.Found.URL)
	wrong, ok := known[key]
	if !ok {
		var err error
		if wrong, err = c.wrongLog(ctx, n, b); err != nil {
			r.doubt(err)
			return
		}
		known[key] = wrong
	}
	if wrong != nil {
		r.add(Finding{Severity: Error, Reason: Size, URL: b.Found.URL, Offset: -1, By: &b.By, Message: wrong.Error()})
	}
}

// wrongLog says what is wrong with a file of the changelog, nil where nothing is.
func (c *checker) wrongLog(ctx context.Context, n *layout.Node, b *layout.Broken) (wrong, err error) {
	src, _, err := c.open(ctx, n, b.Found.URL)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	watched := &watchedReader{Reader: src}
	length, wrong := c.opts.LogLength(watched)
	switch {
	case watched.err != nil:
		return nil, fmt.Errorf("reading %s: %w", b.Found.URL, watched.err)
	case wrong != nil:
		return fmt.Errorf("the changelog in the file does not decompress to the %d bytes that it should have: %w", b.Want, wrong), nil
	case length != b.Want:
		return fmt.Errorf("the changelog in the file has %d bytes before compression, and should have %d", length, b.Want), nil
	}
	return nil, nil
}

// watchedReader keeps the storage's errors apart from those of who reads.
type watchedReader struct {
	io.Reader
	err error
}

// Read implements io.Reader.
func (w *watchedReader) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if err != nil && err != io.EOF {
		w.err = err
	}
	return n, err
}

// claims is which jobs use files in the directories of other jobs.
type claims map[layout.JobID]layout.JobID

// claimsIn needs nodes of a graph; others tell nothing of other jobs.
func claimsIn(nodes []layout.Node) claims {
	found := claims{}
	for i := range nodes {
		n := &nodes[i]
		if !n.HasJob || n.Tree == nil || n.Tree.Inventory == nil {
			continue
		}
		for _, job := range n.OtherJobs() {
			found[job] = n.Job
		}
	}
	return found
}

// claimHint is what is known of files that vanish from shared directories.
const claimHint = "a restore in claim mode CLAIM (or LEGACY) from a later checkpoint makes Flink delete shared files that the new job no longer needs; " +
	"older checkpoints of the claimed job keep their _metadata and lose files, and cannot be restored any more"

// explain says why shared files may be missing.
func (c claims) explain(n *layout.Node, r *Result) {
	hint := claimHint
	if n.HasJob {
		if by, ok := c[n.Job]; ok {
			hint = fmt.Sprintf("job %s was restored from a checkpoint of this job and uses its files: %s", by, claimHint)
		}
	}
	shared := map[string]layout.Scope{}
	for i := range n.Broken {
		shared[n.Broken[i].Found.URL] = n.Broken[i].Scope
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		lost := f.Reason == Missing && f.Hint == "" && f.By != nil
		if lost && (shared[f.URL] != layout.Exclusive || f.By.Role == metadata.PrivateFile || beside(f.URL)) {
			f.Hint = hint
		}
	}
}

// beside tells whether a file lies in a directory that the checkpoints of a job share.
func beside(url string) bool {
	i := strings.LastIndexByte(url, '/')
	return i > 0 && layout.DirScope(url[:i]) != layout.Other
}
