package verify

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"sync"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
	"golang.org/x/sync/errgroup"
)

// unit is what is read in one go: a file, or a segment of one. Snapshots share files, so
// a unit is read once for all whose handles say the same of it.
type unit struct {
	url         string
	start, size int64 // size is -1 for the whole file
	length      int64 // of the file, as listed
	parts       []Part

	once     sync.Once
	skipped  bool
	problems []Problem // their Part counts from the parts of whoever was first
	at       []int     // the number of the part of each problem, -1 for none
	err      error
	read     int64
}

// contentRun is what the snapshots of one run share.
type contentRun struct {
	mu     sync.Mutex
	units  map[string]*unit // by what they are, and what their handles say
	stores map[string]layout.Store
	done   int // units
	volume int64
	// reading bounds how many units are read at a time, over all snapshots.
	reading chan struct{}
}

// close closes the stores that were opened.
func (c *contentRun) close() {
	for _, s := range c.stores {
		s.Close()
	}
}

// content reads what the snapshot names.
func (c *checker) content(ctx context.Context, n *layout.Node, model *metadata.Checkpoint, r *Result) {
	units, err := unitsOf(ctx, n, model, c.opts.Digest != nil)
	if err != nil {
		r.doubt(err)
		return
	}
	c.opts.Sample.sort(units)
	outcomes := make([]*unit, len(units))
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(c.opts.Workers)
	for i, u := range units {
		group.Go(func() error {
			outcomes[i] = c.outcome(within, n, u)
			return within.Err()
		})
	}
	if err := group.Wait(); err != nil {
		r.doubt(err)
		return
	}
	for i, done := range outcomes {
		r.outcome(done, units[i].parts)
	}
	for _, p := range c.inline(model) {
		r.problem(r.metadataURL(), &p)
	}
}

// outcome adds what was found in a unit.
func (r *Result) outcome(done *unit, parts []Part) {
	if done.skipped {
		return
	}
	if done.err != nil {
		r.doubt(done.err)
		return
	}
	r.Read++
	r.ReadBytes += done.read
	for i, p := range done.problems {
		p.Part = nil
		if at := done.at[i]; at >= 0 {
			p.Part = &parts[at]
		}
		r.problem(done.url, &p)
	}
}

func (r *Result) problem(url string, p *Problem) {
	f := Finding{Severity: p.Severity, Reason: Bytes, URL: url, Offset: p.Offset, Message: p.Message}
	if f.Severity == "" {
		f.Severity = Error
	}
	if p.Checksum {
		f.Reason = Checksum
	}
	if p.Part != nil {
		by := layout.ReferrerOf(p.Part.Place, p.Part.Handle)
		f.By = &by
	}
	r.add(f)
}

// unitsOf are the files, and segments of files, that are there; with whole, files only.
func unitsOf(ctx context.Context, n *layout.Node, model *metadata.Checkpoint, whole bool) ([]*unit, error) {
	byKey := map[string]*unit{}
	var all []*unit
	err := n.Trace(ctx, model, func(ref *layout.Reference) {
		if ref.Found.Seen != layout.Present || ref.Fault == layout.FaultShort {
			return
		}
		u := &unit{url: n.FileURL(ref.Found), size: -1, length: ref.Found.Size}
		part := Part{Place: ref.Place, Handle: ref.Handle, Size: -1}
		if s, ok := ref.Handle.(*metadata.SegmentHandle); ok {
			if part.Size = s.Size; whole {
				part.Start = s.Start
			} else {
				u.start, u.size = s.Start, s.Size
			}
		}
		key := fmt.Sprint(u.start, " ", u.size, " ", u.url)
		if known := byKey[key]; known != nil {
			u = known
		} else {
			byKey[key] = u
			all = append(all, u)
		}
		u.parts = append(u.parts, part)
	})
	return all, err
}

// outcome reads the unit unless another snapshot has had the same read.
func (c *checker) outcome(ctx context.Context, n *layout.Node, u *unit) *unit {
	key := u.signature()
	c.mu.Lock()
	first := c.units[key]
	if first == nil {
		first = u
		c.units[key] = u
	}
	c.mu.Unlock()
	first.once.Do(func() {
		c.reading <- struct{}{}
		defer func() { <-c.reading }()
		if c.opts.Sample.skips(first) {
			first.skipped = true
			return
		}
		first.err = c.read(ctx, n, first)
		c.progress(first)
	})
	return first
}

func (c *checker) progress(u *unit) {
	c.mu.Lock()
	c.done++
	c.volume += u.read
	files, bytes := c.done, c.volume
	c.mu.Unlock()
	if c.opts.Progress != nil {
		c.opts.Progress(files, bytes)
	}
}

// signature is equal for units of which all handles say the same.
func (u *unit) signature() string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %d %d\n", u.url, u.start, u.size)
	for i := range u.parts {
		describe(h, &u.parts[i])
	}
	return string(h.Sum(nil))
}

// describe writes what a content check can know of a part.
func describe(h hash.Hash, p *Part) {
	fmt.Fprintf(h, "%s %d %d %d %d %s\n", p.Handle.Class(), p.Start, p.Size, p.Place.Slot, p.Place.Role, p.Place.Name)
	if o := p.Place.Operator; o != nil {
		fmt.Fprintf(h, "%d\n", o.MaxParallelism)
	}
	switch parent := p.Place.Parent.(type) {
	case *metadata.OperatorStateHandle:
		for i := range parent.States {
			fmt.Fprintf(h, "%q\n", parent.States[i].Name)
		}
	case *metadata.IncrementalHandle:
		if p.Place.Name == "CURRENT" { // it names one of the others
			for _, f := range parent.Private {
				fmt.Fprintf(h, "%q\n", f.Name)
			}
		}
	}
	for _, n := range offsetsOf(p) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(n)))
	}
	h.Write([]byte{'\n'})
}

func offsetsOf(p *Part) []int64 {
	switch parent := p.Place.Parent.(type) {
	case *metadata.KeyGroupsHandle:
		return append([]int64{int64(parent.Range.First), int64(parent.Range.Last), int64(parent.Tag)}, parent.Offsets...)
	case *metadata.OperatorStateHandle:
		var all []int64
		for i := range parent.States {
			all = append(append(all, int64(parent.States[i].Mode)), parent.States[i].Offsets...)
		}
		return all
	case *metadata.SingleChannelHandle:
		return append([]int64{int64(parent.Info.A), int64(parent.Info.B), parent.Size}, parent.Offsets...)
	case *metadata.MergedChannelHandle:
		var all []int64
		for _, b := range parent.Offsets {
			all = append(all, int64(b))
		}
		return all
	case *metadata.ChangelogFileHandle:
		var all []int64
		for i := range parent.Parts {
			if parent.Parts[i].File == p.Handle {
				all = append(all, parent.Parts[i].Offset)
			}
		}
		return all
	}
	return nil
}

// read reads one unit from its beginning to its end.
func (c *checker) read(ctx context.Context, n *layout.Node, u *unit) error {
	src, size, err := c.openUnit(ctx, n, u)
	if err != nil {
		return err
	}
	defer src.Close()
	watched := &watchedReader{Reader: src}
	var in io.Reader = &countingReader{Reader: watched, n: &u.read}
	var sum hash.Hash
	if c.opts.Digest != nil && u.size < 0 {
		sum = sha256.New()
		in = io.TeeReader(in, sum)
	}
	numbers := map[*Part]int{}
	for i := range u.parts {
		numbers[&u.parts[i]] = i
	}
	err = c.opts.Content(u.parts, size, in, func(p Problem) {
		at, ok := numbers[p.Part]
		if !ok {
			at = -1
		}
		p.Offset += u.start
		u.problems, u.at = append(u.problems, p), append(u.at, at)
	})
	if err = errors.Join(watched.err, err); err != nil {
		return fmt.Errorf("reading %s: %w", u.url, err)
	}
	if sum != nil {
		c.opts.Digest(&Digest{URL: u.url, Size: u.read, SHA256: fmt.Sprintf("%x", sum.Sum(nil))})
	}
	return nil
}

// openUnit opens a file, or a segment as if it were one.
func (c *checker) openUnit(ctx context.Context, n *layout.Node, u *unit) (io.ReadCloser, int64, error) {
	if u.size < 0 {
		return c.open(ctx, n, u.url)
	}
	store, key, err := c.storeOf(ctx, n, u.url)
	if err != nil {
		return nil, 0, err
	}
	src, err := store.OpenRange(ctx, key, u.start, u.size)
	return src, u.size, err
}

// open opens a file wherever it lies, and tells its size.
func (c *checker) open(ctx context.Context, n *layout.Node, url string) (io.ReadCloser, int64, error) {
	store, key, err := c.storeOf(ctx, n, url)
	if err != nil {
		return nil, 0, err
	}
	content, err := store.Open(ctx, key)
	if err != nil {
		return nil, 0, err
	}
	return struct {
		io.Reader
		io.Closer
	}{content.Whole(), content}, content.Size, nil
}

// storeOf is the store of the tree that url lies in, or one that is opened for its
// directory.
func (c *checker) storeOf(ctx context.Context, n *layout.Node, url string) (layout.Store, string, error) {
	if t := n.TreeOf(url); t != nil {
		key, _ := layout.Below(t.Root, url)
		return t.Store, key, nil
	}
	i := strings.LastIndexByte(url, '/')
	dir, name := url[:max(i, 0)], url[i+1:]
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.stores[dir]; s != nil {
		return s, name, nil
	}
	s, err := c.opts.Open(ctx, dir)
	if err != nil {
		return nil, "", err
	}
	if c.stores == nil {
		c.stores = map[string]layout.Store{}
	}
	c.stores[dir] = s
	return s, name, nil
}

// inline checks the state within _metadata. Its bytes were read with it.
func (c *checker) inline(model *metadata.Checkpoint) []Problem {
	var found []Problem
	for p, h := range model.Walk() {
		in, ok := h.(*metadata.InlineHandle)
		if !ok {
			continue
		}
		parts := []Part{{Place: p, Handle: in, Size: -1}}
		// The reader of bytes does not fail.
		_ = c.opts.Content(parts, int64(len(in.Data)), strings.NewReader(string(in.Data)), func(problem Problem) {
			problem.Message = fmt.Sprintf("in state within _metadata, at its byte %d: %s", problem.Offset, problem.Message)
			problem.Offset = -1
			found = append(found, problem)
		})
	}
	return found
}

// countingReader counts what is read.
type countingReader struct {
	io.Reader
	n *int64
}

// Read implements io.Reader.
func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	*c.n += int64(n)
	return n, err
}
