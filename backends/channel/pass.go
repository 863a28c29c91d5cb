package channel

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/stream"
	"github.com/ckpt-tool/ckpt/metadata"
)

const (
	version    = 0
	headLength = 4 // of the version, in bytes
	sizeLength = 4 // of what tells the length of a buffer
)

// pass is one iteration over buffers.
type pass struct {
	ctx   context.Context
	sel   *backends.Selection
	yield func(backends.Entry, error) bool
	done  bool

	blob  backends.Blob
	w     *stream.Window
	end   int64              // of the buffer before
	sizes map[*channel]int64 // of all buffers so far
	bad   map[*channel]bool  // one of its buffers was told to be wrong
}

// wants tells whether the channel is selected.
func (p *pass) wants(c *channel) bool { return p.sel.Wants(c.state) }

// fail yields an error. One that is not passed ends the iteration.
func (p *pass) fail(err error) {
	var e *backends.Error
	if !p.yield(backends.Entry{}, err) || !errors.As(err, &e) || !e.Passed {
		p.done = true
	}
}

// file reads the buffers of one.
func (p *pass) file(files backends.Files, f *file) {
	b, err := files.Open(p.ctx, f.handle)
	if err != nil {
		p.fail(err)
		return
	}
	p.blob, p.w = b, stream.Plain(b, 0, b.Size())
	p.sizes, p.bad, p.end = map[*channel]int64{}, map[*channel]bool{}, headLength
	if p.version() {
		for i := 0; i < len(f.buffers) && !p.done; i++ {
			p.buffer(f.buffers[i])
		}
		for i := 0; i < len(f.channels) && !p.done; i++ {
			p.size(f.channels[i])
		}
	}
	if err := b.Close(); err != nil && !p.done {
		p.fail(err)
	}
}

// version checks the head of a file. Without it, nothing in the file can be believed.
func (p *pass) version() bool {
	v := p.w.I32()
	if err := p.w.Err(); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		p.fail(err)
		return false
	}
	if p.w.Err() == nil && v == version {
		return true
	}
	e := p.errorAt(0, "a file of channel state of version %d, which is not known", v)
	if p.w.Err() != nil {
		e.Message = "the file is cut off within its version"
	}
	p.fail(e)
	return false
}

// errorAt is an error at a position of the blob, which is passed.
func (p *pass) errorAt(at int64, format string, args ...any) *backends.Error {
	return &backends.Error{
		Path: p.blob.Name(), Offset: p.blob.Offset() + at, KeyGroup: -1,
		Message: fmt.Sprintf(format, args...), Passed: true,
	}
}

// buffer reads one.
func (p *pass) buffer(b buffer) {
	if err := p.ctx.Err(); err != nil {
		p.fail(err)
		return
	}
	data, err := p.read(b)
	if err != nil {
		p.bad[b.of] = true
		if p.wants(b.of) {
			p.fail(err)
		}
		return
	}
	p.sizes[b.of] += int64(sizeLength + len(data))
	if p.wants(b.of) {
		e := backends.Entry{State: b.of.state, KeyGroup: -1, Value: data, Channel: b.of.SingleChannelHandle}
		p.done = !p.yield(e, nil)
	}
}

// read gives the bytes of a buffer. That they cannot be there is an error which is passed.
func (p *pass) read(b buffer) ([]byte, error) {
	if b.at < p.end {
		return nil, p.errorAt(b.at, "a buffer of %s begins within what is before it", nameOf(b.of))
	}
	p.w.Go(stream.AsIs, min(b.at, p.blob.Size()), p.blob.Size())
	n := p.w.I32()
	if p.w.Err() == nil && (n < 0 || int64(n) > p.blob.Size()-b.at-sizeLength) {
		return nil, p.errorAt(b.at, "a buffer of %s of %d bytes does not end before the file does", nameOf(b.of), n)
	}
	data, err := p.w.Next(int(n))
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, p.errorAt(b.at, "a buffer of %s is behind the end of the file", nameOf(b.of))
	}
	p.end = b.at + sizeLength + int64(n)
	return data, err
}

// nameOf names a channel.
func nameOf(c *channel) string {
	if c.Direction == metadata.Input {
		return fmt.Sprintf("gate %d, channel %d", c.Info.A, c.Info.B)
	}
	return fmt.Sprintf("partition %d, sub-partition %d", c.Info.A, c.Info.B)
}

// size compares the size of a channel's buffers with what its handle says.
func (p *pass) size(c *channel) {
	want := c.Size
	if _, inline := c.Delegate.(*metadata.InlineHandle); inline {
		want -= headLength
	}
	if got := p.sizes[c]; got != want && !p.bad[c] && p.wants(c) {
		p.fail(p.errorAt(0, "the buffers of %s are %d bytes, though their handle says %d", nameOf(c), got, want))
	}
}
