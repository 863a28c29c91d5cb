package operator

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/schema"
	"github.com/ckpt-tool/ckpt/backends/stream"
	"github.com/ckpt-tool/ckpt/backends/verify"
	"github.com/ckpt-tool/ckpt/metadata"
)

// Reader reads the operator state of one handle. It is a backends.Reader.
type Reader struct {
	blob     backends.Blob
	head     *schema.Operator
	origin   backends.Origin
	opts     *backends.Options
	states   []*backends.State
	elements []element
	// missing are the states of the handle that the header does not describe.
	missing []string
}

// element is where an element of a state lies, or all of a broadcast state.
type element struct {
	state    int // in Reader.states; -1 for one that is missing
	from, to int64
}

// OpenReader opens the stream of a handle and reads its header. The errors are those of files and of
// schema.LoadOperator.
func OpenReader(ctx context.Context, files backends.Files, h *metadata.OperatorStateHandle, o backends.Origin, opts *backends.Options) (*Reader, error) {
	if Empty(h) {
		return &Reader{origin: o, opts: opts}, nil
	}
	blob, err := files.Open(ctx, h.Delegate)
	if err != nil {
		return nil, err
	}
	head, err := schema.LoadOperator(blob, opts)
	if err != nil {
		return nil, errors.Join(err, blob.Close())
	}
	return New(blob, head, h, o, opts), nil
}

// Empty tells whether h stands for a sub-task without operator state, as that of file merging does where nothing was merged.
func Empty(h *metadata.OperatorStateHandle) bool {
	if h == nil || h.Delegate == nil {
		return true
	}
	_, empty := h.Delegate.(*metadata.EmptySegmentHandle)
	return empty
}

// New reads what follows the header head in blob, which it closes in the end.
func New(blob backends.Blob, head *schema.Operator, h *metadata.OperatorStateHandle, o backends.Origin, opts *backends.Options) *Reader {
	r := &Reader{blob: blob, head: head, origin: o, opts: opts}
	for _, metas := range [][]schema.Meta{head.List, head.Broadcast} {
		for i := range metas {
			r.states = append(r.states, metas[i].State(o, nil))
		}
	}
	for _, m := range h.States {
		r.place(m)
	}
	slices.SortStableFunc(r.elements, func(a, b element) int { return cmp.Compare(a.from, b.from) })
	for i := range r.elements {
		r.elements[i].to = blob.Size()
		if i > 0 {
			r.elements[i-1].to = min(r.elements[i].from, blob.Size())
		}
	}
	return r
}

// place notes where the elements of a state begin. Its mode is that of the handle.
func (r *Reader) place(m metadata.OperatorStateMeta) {
	i := r.find(m)
	if i < 0 {
		r.missing = append(r.missing, m.Name.String())
	} else if m.Mode == metadata.Union {
		r.states[i].Kind = backends.Union
	} else if m.Mode == metadata.SplitDistribute {
		r.states[i].Kind = backends.OperatorList
	}
	for _, o := range m.Offsets {
		r.elements = append(r.elements, element{state: i, from: o})
	}
}

// find is which of the states m is of, -1 if of none.
func (r *Reader) find(m metadata.OperatorStateMeta) int {
	name := m.Name.String()
	return slices.IndexFunc(r.states, func(st *backends.State) bool {
		return st.Name == name && (st.Kind == backends.Broadcast) == (m.Mode == metadata.Broadcast)
	})
}

// States are those of the header.
func (r *Reader) States() []*backends.State { return r.states }

// Close closes the stream.
func (r *Reader) Close() error {
	if r.blob == nil {
		return nil
	}
	return r.blob.Close()
}

// Entries yields the elements of lists and the pairs of broadcast maps, state by state in the order of the stream. Key groups
// do not matter, and what is selected by key is nothing. What is wrong with an element is
// a *backends.Error that is Passed. An element of an unknown layout is all of its bytes.
func (r *Reader) Entries(ctx context.Context, sel backends.Selection) iter.Seq2[backends.Entry, error] {
	return func(yield func(backends.Entry, error) bool) {
		if sel.Key != nil || r.blob == nil {
			return
		}
		s := &scan{reader: r, yield: yield, w: stream.New(r.blob, r.blob.Size()), form: stream.AsIs}
		if r.head.Compressed {
			s.form = stream.SnappyWithin
		}
		if r.opts != nil && r.opts.Verify {
			s.verifier = verify.New(r.origin)
		}
		if s.passed(s.described()) && s.passed(s.begins()) {
			s.all(ctx, sel)
		}
	}
}
