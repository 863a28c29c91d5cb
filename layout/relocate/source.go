package relocate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/verify"
	"github.com/ckpt-tool/ckpt/metadata"
)

// Source is a snapshot that is whole, and where each of its files lies.
type Source struct {
	URL        string // of its directory
	Store      layout.Store
	Node       *layout.Node
	Checkpoint *metadata.Checkpoint
	Located    map[metadata.StreamHandle]Located
	Identity   Identity
	ByTail     int // references that were found by the tails of their paths only
}

// Identity tells one snapshot from another one at the same place.
type Identity struct {
	Source   string    `json:"source"` // URL of the directory
	Size     int64     `json:"metadataBytes"`
	Modified time.Time `json:"metadataModified"`
	SHA256   string    `json:"metadataSha256"`
}

// same compares what counts. A time may be told differently by another client.
func (i Identity) same(other Identity) bool {
	return i.Source == other.Source && i.Size == other.Size && i.SHA256 == other.SHA256
}

// ExamineOptions say how to look at a source.
type ExamineOptions struct {
	Open layout.OpenStore
	Maps []layout.Mapping
	Now  time.Time
	// LogLength is what verify.Options has.
	LogLength func(io.Reader) (int64, error)
}

// Examine reads a snapshot and verifies that all of its files are there and of their
// sizes. What is not whole is a *DamagedError.
func Examine(ctx context.Context, target *layout.Target, opts ExamineOptions) (*Source, error) {
	data, object, err := readWhole(ctx, target.Store, target.Metadata)
	if err != nil {
		return nil, err
	}
	url := layout.Join(target.Store.URL(), target.Metadata)
	c, err := metadata.Decode(data)
	if err != nil {
		return nil, &layout.NotCheckpointError{Path: url, Message: err.Error(), Err: err}
	}
	s := &Source{URL: target.URL(), Store: target.Store, Checkpoint: c, Identity: identityOf(target.URL(), data, object)}
	s.Node, err = layout.Follow(ctx, target, layout.GraphOptions{
		Assess: layout.AssessOptions{Now: opts.Now}, Maps: opts.Maps, Open: opts.Open,
	})
	if err != nil {
		return nil, err
	}
	if err := s.verify(ctx, opts); err != nil {
		return nil, err
	}
	s.ByTail = s.Node.ByTail
	return s, s.locate(ctx)
}

func identityOf(url string, data []byte, o layout.Object) Identity {
	sum := sha256.Sum256(data)
	return Identity{Source: url, Size: int64(len(data)), Modified: o.Modified.UTC(), SHA256: hex.EncodeToString(sum[:])}
}

// verify refuses what is damaged, and what could not be checked.
func (s *Source) verify(ctx context.Context, opts ExamineOptions) error {
	results, err := verify.Nodes(ctx, []layout.Node{*s.Node}, verify.Options{Level: verify.Files, LogLength: opts.LogLength, Open: opts.Open})
	if err != nil {
		return err
	}
	for i := range results {
		if err := fault(&results[i]); err != nil {
			return err
		}
	}
	return nil
}

// fault is what is wrong with a snapshot that was verified, nil where nothing is.
func fault(r *verify.Result) error {
	switch {
	case r.Err != nil:
		return r.Err
	case r.Verdict == verify.OK:
		return nil
	}
	if w := r.Worst(); w != nil {
		return &DamagedError{Path: w.URL, Message: w.Message}
	}
	return &DamagedError{Path: r.URL, Message: string(r.Verdict)}
}

// locate notes where each file lies.
func (s *Source) locate(ctx context.Context) error {
	s.Located = map[metadata.StreamHandle]Located{}
	var missing error
	err := s.Node.Trace(ctx, s.Checkpoint, func(r *layout.Reference) {
		if r.Found.Seen != layout.Present {
			missing = &DamagedError{Path: r.Path, Message: "the file is not there"}
			return
		}
		s.Located[r.Handle] = Located{URL: s.Node.FileURL(r.Found), Size: r.Found.Size}
	})
	if err == nil {
		err = missing
	}
	return err
}

// readWhole reads an object of which little more than its size is allocated.
func readWhole(ctx context.Context, store layout.Store, key string) ([]byte, layout.Object, error) {
	content, err := store.Open(ctx, key)
	if err != nil {
		return nil, layout.Object{}, err
	}
	defer content.Close()
	var b bytes.Buffer
	if _, err := io.Copy(&b, content.Whole()); err != nil {
		return nil, layout.Object{}, fmt.Errorf("reading %s: %w", layout.Join(store.URL(), key), err)
	}
	return b.Bytes(), content.Object, nil
}
