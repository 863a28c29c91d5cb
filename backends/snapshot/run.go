package snapshot

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Fold reads parts by workers goroutines, in no particular order.
func Fold(ctx context.Context, parts []*Part, workers int, read func(ctx context.Context, i int, p *Part) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, workers))
	for i, p := range parts {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error { return read(ctx, i, p) })
	}
	return g.Wait()
}

// The bytes that Stream holds are at most chunkSize times ahead times the number of workers, and what one emit
// brings above chunkSize.
const (
	chunkSize = 128 << 10
	ahead     = 4
)

// Emit takes a piece of output. It copies it.
type Emit func(piece []byte) error

// Stream makes output of parts by workers goroutines, and writes it in the order of the parts. make may emit as often
// as it likes; memory stays bounded however much it emits. What a part emits before it fails is
// written before Stream gives its error.
func Stream(ctx context.Context, parts []*Part, workers int, read func(ctx context.Context, p *Part, emit Emit) error, write func([]byte) error) error {
	workers = max(1, workers)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lanes := make([]*lane, len(parts))
	for i := range lanes {
		lanes[i] = &lane{ctx: ctx, chunks: make(chan []byte, ahead)}
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	tickets := make(chan struct{}, workers)
	wg.Go(func() {
		for i, p := range parts {
			select {
			case tickets <- struct{}{}:
			case <-ctx.Done():
				lanes[i].finish(ctx.Err())
				continue
			}
			wg.Go(func() {
				lanes[i].finish(read(ctx, p, lanes[i].emit))
				<-tickets
			})
		}
	})
	for _, l := range lanes {
		if err := l.drain(write); err != nil {
			return err
		}
	}
	return nil
}

// spare keeps some buffers of spareSize, in which most chunks find room.
var spare = make(chan []byte, 32)

const spareSize = chunkSize + chunkSize/8

func newChunk() []byte {
	select {
	case c := <-spare:
		return c[:0]
	default:
		return make([]byte, 0, spareSize)
	}
}

// keepChunk keeps c for later, unless a large piece made it grow: nothing would ever free it.
func keepChunk(c []byte) {
	if cap(c) > spareSize {
		return
	}
	select {
	case spare <- c:
	default:
	}
}

// lane carries the output of one part.
type lane struct {
	ctx    context.Context
	chunks chan []byte
	open   []byte
	err    error // set before chunks is closed
}

// emit implements Emit.
func (l *lane) emit(piece []byte) error {
	if l.open == nil {
		l.open = newChunk()
	}
	l.open = append(l.open, piece...)
	if len(l.open) < chunkSize {
		return nil
	}
	return l.flush()
}

func (l *lane) flush() error {
	select {
	case l.chunks <- l.open:
		l.open = nil
		return nil
	case <-l.ctx.Done():
		return l.ctx.Err()
	}
}

func (l *lane) finish(err error) {
	if len(l.open) > 0 {
		if e := l.flush(); err == nil {
			err = e
		}
	}
	l.err = err
	close(l.chunks)
}

// drain writes what the lane carries, until it ends.
func (l *lane) drain(write func([]byte) error) error {
	for c := range l.chunks {
		if err := write(c); err != nil {
			return err
		}
		keepChunk(c)
	}
	return l.err
}
