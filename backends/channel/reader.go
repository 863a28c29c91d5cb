package channel

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/metadata"
)

// Reader reads the buffers of some channels. It implements backends.Reader.
type Reader struct {
	files  backends.Files
	states []*backends.State // see stateOf
	all    []*file
}

// file is where buffers lie.
type file struct {
	handle   metadata.StreamHandle
	channels []*channel
	buffers  []buffer // by their offsets
}

// channel is one, and its state.
type channel struct {
	*metadata.SingleChannelHandle
	state *backends.State
}

// buffer is one of a channel.
type buffer struct {
	at int64
	of *channel
}

// The names of the states, as in-flight data has none of its own.
const (
	InputName  = "input"
	OutputName = "output"
)

// Open prepares to read the channels of a sub-task. Merged handles count as those that they were merged of. No file
// is opened yet.
func Open(_ context.Context, files backends.Files, handles []metadata.ChannelHandle, o backends.Origin, _ *backends.Options) (*Reader, error) {
	r := &Reader{files: files}
	byFile := map[any]*file{}
	for _, h := range handles {
		var channels []*metadata.SingleChannelHandle
		switch h := h.(type) {
		case *metadata.SingleChannelHandle:
			channels = []*metadata.SingleChannelHandle{h}
		case *metadata.MergedChannelHandle:
			var err error
			if channels, err = h.Unmerge(); err != nil {
				return nil, fmt.Errorf("channels of sub-task %d: %w", h.Subtask, err)
			}
		}
		for _, c := range channels {
			r.add(byFile, &channel{c, r.stateOf(c.Direction, o)})
		}
	}
	for _, f := range r.all {
		slices.SortStableFunc(f.buffers, func(a, b buffer) int { return cmp.Compare(a.at, b.at) })
	}
	return r, nil
}

// add adds a channel to its file.
func (r *Reader) add(byFile map[any]*file, c *channel) {
	key := backends.FileKey(c.Delegate)
	f := byFile[key]
	if f == nil {
		f = &file{handle: c.Delegate}
		byFile[key] = f
		r.all = append(r.all, f)
	}
	f.channels = append(f.channels, c)
	for _, at := range c.Offsets {
		f.buffers = append(f.buffers, buffer{at, c})
	}
}

// stateOf is the state of all inputs, or all outputs.
func (r *Reader) stateOf(d metadata.Direction, o backends.Origin) *backends.State {
	name := InputName
	if d == metadata.Output {
		name = OutputName
	}
	for _, st := range r.states {
		if st.Name == name {
			return st
		}
	}
	st := &backends.State{Operator: o.Operator, Subtask: o.Subtask, Name: name, Kind: backends.Channel}
	r.states = append(r.states, st)
	return st
}

// States are one of all inputs and one of all outputs, as far as there are such.
func (r *Reader) States() []*backends.State { return r.states }

// Close implements backends.Reader.
func (r *Reader) Close() error { return nil }

// Entries yields buffers, each as the Value of an entry: by file, within one by offset, and so those of a channel in
// their order. They have no key groups. A buffer that cannot be one is an error that is Passed.
func (r *Reader) Entries(ctx context.Context, sel backends.Selection) iter.Seq2[backends.Entry, error] {
	return func(yield func(backends.Entry, error) bool) {
		p := &pass{ctx: ctx, sel: &sel, yield: yield}
		for _, f := range r.all {
			if slices.ContainsFunc(f.channels, p.wants) {
				p.file(r.files, f)
			}
			if p.done {
				return
			}
		}
	}
}
