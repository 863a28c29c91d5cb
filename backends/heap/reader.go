package heap

import (
	"context"
	"errors"
	"iter"
	"math"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/schema"
	"github.com/ckpt-tool/ckpt/backends/stream"
	"github.com/ckpt-tool/ckpt/metadata"
)

// noOffset is none that a handle has: all key groups have bytes, the empty ones as well.
const noOffset = math.MinInt64

// Reader reads the keyed state of one handle. It is a backends.Reader.
type Reader struct {
	blob   backends.Blob
	head   *schema.Keyed
	origin backends.Origin
	opts   *backends.Options
	groups []stream.KeyGroup
	states []*backends.State
	forms  []form // of states
}

// Open opens the stream of a handle and reads its header. The errors are those of files and of schema.LoadKeyed.
func Open(ctx context.Context, files backends.Files, h *metadata.KeyGroupsHandle, o backends.Origin, opts *backends.Options) (*Reader, error) {
	blob, err := files.Open(ctx, h.Delegate)
	if err != nil {
		return nil, err
	}
	head, err := schema.LoadKeyed(blob, opts)
	if err != nil {
		return nil, errors.Join(err, blob.Close())
	}
	return New(blob, head, h, o, opts), nil
}

// New reads what follows the header head in blob, which it closes in the end.
func New(blob backends.Blob, head *schema.Keyed, h *metadata.KeyGroupsHandle, o backends.Origin, opts *backends.Options) *Reader {
	r := &Reader{
		blob: blob, head: head, origin: o, opts: opts,
		groups: stream.KeyGroups(h, blob.Size(), noOffset),
	}
	for i := range head.States {
		m := &head.States[i]
		st := head.State(i, o)
		r.states = append(r.states, st)
		r.forms = append(r.forms, newForm(st, m, head.Key))
	}
	return r
}

// States are those of the header.
func (r *Reader) States() []*backends.State { return r.states }

// Close closes the stream.
func (r *Reader) Close() error { return r.blob.Close() }

// Entries yields entries as backends.Reader says, and reads no key groups but those selected. What is wrong
// within one is a *backends.Error that is Passed.
func (r *Reader) Entries(ctx context.Context, sel backends.Selection) iter.Seq2[backends.Entry, error] {
	return func(yield func(backends.Entry, error) bool) {
		groups := stream.Within(r.groups, sel.KeyGroups, r.origin.Range)
		s := newScan(r.blob, groups, r.forms, sel, yield)
		s.head = r.head
		s.verify(r.origin, r.opts)
		s.all(ctx, groups, s.readGroup)
	}
}
