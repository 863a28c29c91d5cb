package savepoint

import (
	"context"
	"errors"
	"iter"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/keygroups"
	"github.com/ckpt-tool/ckpt/backends/schema"
	"github.com/ckpt-tool/ckpt/backends/stream"
	"github.com/ckpt-tool/ckpt/backends/verify"
	"github.com/ckpt-tool/ckpt/metadata"
)

// noOffset is that of a key group without entries.
const noOffset = 0

// Reader reads the keyed state of one handle. It is a backends.Reader.
type Reader struct {
	blob   backends.Blob
	head   *schema.Keyed
	origin backends.Origin
	opts   *backends.Options
	prefix int // how many bytes of a key hold its key group
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
		blob: blob, head: head, origin: o, opts: opts, prefix: keygroups.PrefixLen(o.MaxParallelism),
		groups: stream.KeyGroups(h, blob.Size(), noOffset),
	}
	for i := range head.States {
		m := &head.States[i]
		st := head.State(i, o)
		r.states = append(r.states, st)
		r.forms = append(r.forms, newForm(st, m, r.prefix))
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
		if len(groups) == 0 {
			return
		}
		s := r.scan(sel, yield, groups[len(groups)-1].To)
		for _, g := range groups {
			s.g, s.at = g, nil
			err := ctx.Err()
			if err == nil {
				err = s.group()
			}
			if !s.passed(err) {
				return
			}
		}
	}
}

func (r *Reader) scan(sel backends.Selection, yield func(backends.Entry, error) bool, ahead int64) *scan {
	s := &scan{
		reader: r, key: sel.Key, yield: yield, w: stream.New(r.blob, ahead),
		wanted: make([]bool, len(r.states)), seen: make([]bool, len(r.states)),
	}
	s.record.prefix = r.prefix
	for i, st := range r.states {
		s.wanted[i] = sel.Wants(st)
	}
	if r.opts != nil && r.opts.Verify {
		s.verifier = verify.New(r.origin)
	}
	return s
}
